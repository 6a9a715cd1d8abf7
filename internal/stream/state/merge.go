package state

import (
	"bytes"
	"context"
	"errors"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	// fanOut is how many runs of a size become one: with it the number of runs
	// grows by the logarithm of the state, and so does how often a row is
	// written anew.
	fanOut = 8
	// batchRows is how many rows are handed on at once, batchBytes about how
	// many bytes.
	batchRows  = 4096
	batchBytes = 16 << 20
)

// tier returns the place of the first run to be merged with all after it, and
// whether there is one: the first whose rows are no more than a share of theirs.
// A row is then written anew only when what came after it has grown to many
// times its run.
func tier(runs []Run) (int, bool) {
	var rows int64
	for _, r := range runs {
		rows += r.Rows
	}
	for i, r := range runs {
		if rows -= r.Rows; len(runs)-i >= fanOut && r.Rows <= rows/(fanOut-1) {
			return i, true
		}
	}
	return 0, false
}

// merge yields the rows of cursors, the newest first, in order: of those with
// equal keys, so many columns, that of the newest.
func merge(ctx context.Context, layout *arrow.Schema, keys int, cursors []*cursor) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		out := array.NewRecordBuilder(memory.DefaultAllocator, layout)
		defer out.Release()
		m := merger{keys: keys, out: out, at: leastKey}
		live := make([]*cursor, 0, len(cursors))
		for _, c := range cursors {
			if c.next(ctx) {
				live = append(live, c)
			} else if c.err != nil {
				yield(nil, c.err)
				return
			}
		}
		for len(live) > 0 {
			i := least(live)
			err := m.take(live[i])
			if err == nil && !live[i].next(ctx) {
				err = live[i].err
				live = append(live[:i], live[i+1:]...)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if (m.rows == batchRows || m.bytes >= batchBytes || len(live) == 0) && !m.flush(yield) {
				return
			}
		}
	}
}

// least returns the place of the cursor with the least key, of several the
// newest. There are a few dozen of them at most.
func least(cursors []*cursor) int {
	first, key := 0, cursors[0].key(cursors[0].at)
	for i, c := range cursors[1:] {
		if k := c.key(c.at); k.compare(key) < 0 {
			first, key = i+1, k
		}
	}
	return first
}

// merger gathers rows.
type merger struct {
	keys  int
	out   *array.RecordBuilder
	rows  int
	bytes int

	at   Key      // of the last row
	seen [][]byte // keys of the rows there
}

// take adds the row that a cursor is at, unless one of its keys was there.
func (m *merger) take(c *cursor) error {
	if k := c.key(c.at); k != m.at {
		m.at, m.seen = k, m.seen[:0]
	}
	// The columns of a row that was put aside are of use to the next one.
	var text []byte
	if n := len(m.seen); n < cap(m.seen) {
		text = m.seen[:n+1][n][:0]
	}
	text = appendKeys(text, c.rows.Columns()[:m.keys], c.at)
	for _, s := range m.seen {
		if bytes.Equal(s, text) {
			return nil
		}
	}
	m.seen = append(m.seen, text)
	for i, column := range c.rows.Columns() {
		if err := copyValue(m.out.Field(i), column, c.at); err != nil {
			return damaged(c.file.key, "cannot be read: "+err.Error())
		}
	}
	m.rows++
	m.bytes += c.size / c.len()
	return nil
}

// flush hands the rows on.
func (m *merger) flush(yield func(arrow.RecordBatch, error) bool) bool {
	if m.rows == 0 {
		return true
	}
	rec := m.out.NewRecordBatch()
	defer rec.Release()
	m.rows, m.bytes = 0, 0
	return yield(rec, nil)
}

// closing closes cursors after what is read of them.
func closing(cursors []*cursor, rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		defer func() {
			var errs []error
			for _, c := range cursors {
				errs = append(errs, c.close())
			}
			_ = errors.Join(errs...) // nothing was written
		}()
		rows(yield)
	}
}
