package state

import (
	"context"
	"sort"

	"github.com/apache/arrow-go/v18/arrow"
)

// cursor goes over the rows of a run that are wanted and not over yet, in
// their order. It reads no page and no block that can have none.
type cursor struct {
	file    *file
	pages   []page
	columns []byte // the layout, as a message
	want    *Wanted
	hint    int
	over    int64 // rows that end up to here are gone

	page    int // the next one
	entries []entry
	entry   int   // of the block at hand
	block   int64 // where the next one begins

	ahead ahead

	rows arrow.RecordBatch // nil before the first block
	size int               // of them, in bytes
	order
	at  int
	err error
}

// next goes to the next row; false at the end, or when there is an error.
func (c *cursor) next(ctx context.Context) bool {
	for c.err == nil {
		for c.at++; c.rows != nil && c.at < c.len(); c.at++ {
			k := c.key(c.at)
			to, ok := c.want.from(k, &c.hint)
			if !ok {
				return false
			}
			if to != k { // it is the row before the next one wanted
				c.at += sort.Search(c.len()-c.at, func(i int) bool { return c.key(c.at+i).compare(to) >= 0 }) - 1
			} else if c.ends.Value(c.at) > c.over {
				return true
			}
		}
		if !c.nextBlock(ctx) {
			return false
		}
	}
	return false
}

// nextBlock reads the next block that may have rows.
func (c *cursor) nextBlock(ctx context.Context) bool {
	c.release()
	for c.err == nil {
		if c.entry++; c.entry >= len(c.entries) && !c.nextPage(ctx) {
			return false
		}
		e := c.entries[c.entry]
		begin := c.block
		c.block += e.length
		if !c.wanted(e.first, c.afterEntry(c.entry), e.ends) {
			continue
		}
		if c.err = ctx.Err(); c.err != nil {
			return false
		}
		var plain []byte
		if plain, c.err = c.read(stretch{begin, c.block}); c.err == nil {
			c.size = len(plain)
			c.rows, c.err = c.file.decode(c.columns, plain)
		}
		if c.err == nil {
			if c.order, c.err = orderOf(c.rows); c.err != nil {
				c.err = damaged(c.file.key, "has rows of other columns")
			}
		}
		c.at = -1
		return c.err == nil
	}
	return false
}

// nextPage reads the next page of the index that may list such a block.
func (c *cursor) nextPage(ctx context.Context) bool {
	for ; c.page < len(c.pages); c.page++ {
		p := c.pages[c.page]
		if !c.wanted(p.first(), c.afterPage(c.page), p.Ends) {
			continue
		}
		if c.err = ctx.Err(); c.err == nil {
			c.entries, c.err = c.file.readPage(p)
		}
		c.entry, c.block = 0, p.Blocks
		c.page++
		return c.err == nil
	}
	return false
}

// wanted reports whether any key of a block is wanted, given its first and the
// one that the next block begins with, which may be in both.
func (c *cursor) wanted(first, next Key, ends int64) bool {
	if ends <= c.over {
		return false
	}
	hint := c.hint
	to, ok := c.want.from(first, &hint)
	return ok && to.compare(next) <= 0
}

// afterPage returns the first key behind a page.
func (c *cursor) afterPage(i int) Key {
	if i+1 < len(c.pages) {
		return c.pages[i+1].first()
	}
	return greatestKey
}

// afterEntry returns the first key behind a block of the page at hand.
func (c *cursor) afterEntry(i int) Key {
	if i+1 < len(c.entries) {
		return c.entries[i+1].first
	}
	return c.afterPage(c.page - 1)
}

// read returns what the block at hand holds, which is a stretch of the file.
func (c *cursor) read(block stretch) ([]byte, error) {
	stored, ok := c.ahead.take(block)
	if !ok {
		var err error
		if c.ahead, err = c.file.read(c.upcoming(block)); err != nil {
			return nil, err
		}
		stored, _ = c.ahead.take(block)
	}
	return c.file.plain(stored)
}

// upcoming returns where the block at hand is, and those of the same page that
// are wanted after it, as many as are read at once.
func (c *cursor) upcoming(block stretch) []stretch {
	list, size := []stretch{block}, block.to-block.from
	for i, to := c.entry+1, block.to; i < len(c.entries); i++ {
		next := stretch{to, to + c.entries[i].length}
		to = next.to
		if !c.wanted(c.entries[i].first, c.afterEntry(i), c.entries[i].ends) {
			continue
		}
		last := &list[len(list)-1]
		near := next.from-last.to <= gapBytes
		if near {
			next.from = last.to
		}
		if size += next.to - next.from; size > aheadBytes || !near && len(list) == aheadReads {
			break
		}
		if near {
			last.to = next.to
		} else {
			list = append(list, next)
		}
	}
	return list
}

func (c *cursor) release() {
	if c.rows != nil {
		c.rows.Release()
		c.rows = nil
	}
}

func (c *cursor) close() error {
	c.release()
	return c.file.close()
}
