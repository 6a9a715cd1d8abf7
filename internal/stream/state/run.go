package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// A run is a file of rows in the order of their keys. Every so many rows are a
// block, every so many blocks a page of the index, which comes after them, and
// the footer lists the pages: what a key needs is found in two steps.
const (
	// blockRows is how many rows a block has at most. A look-up of one key
	// reads one block.
	blockRows = 256
	// pageEntries is how many blocks a page of the index has.
	pageEntries = 1024
	entryBytes  = 28
)

// entry is what the index has of a block: its first key, when the last of its
// rows ends, and how long it is as stored.
type entry struct {
	first  Key
	ends   int64
	length int64
}

// page is what the footer has of a page of the index.
type page struct {
	Lead   int64 `json:"lead"` // the first key of its first block
	Hash   int64 `json:"hash"`
	Ends   int64 `json:"ends"`   // when the last of its rows ends
	Blocks int64 `json:"blocks"` // where its first block begins
	At     int64 `json:"at"`     // where the page begins
	Length int64 `json:"length"` // as stored
}

func (p page) first() Key { return Key{p.Lead, p.Hash} }

// runWriter writes a run.
type runWriter struct {
	*blockWriter
	layout  *arrow.Schema
	entries []entry // of the page at hand
	begins  int64   // where its first block does
	pages   []page
	rows    int64
	ends    int64 // when the last row does
	last    Key
}

func newRunWriter(to *blockWriter, layout *arrow.Schema) *runWriter {
	return &runWriter{blockWriter: to, layout: layout, ends: math.MinInt64, last: leastKey}
}

// write writes rows, which come in the order of their keys.
func (w *runWriter) write(rec arrow.RecordBatch) error {
	for at := int64(0); at < rec.NumRows(); at += blockRows {
		part := rec.NewSlice(at, min(at+blockRows, rec.NumRows()))
		err := w.split(part)
		part.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// split writes rows as one block, or as several when they are too large.
func (w *runWriter) split(rec arrow.RecordBatch) error {
	plain, err := encode(w.layout, rec)
	if err != nil {
		return err
	}
	n := rec.NumRows()
	length, err := w.block(plain)
	switch {
	case err == nil:
		return w.note(rec, length)
	case !errors.Is(err, errTooLarge):
		return err
	case n == 1:
		return fmt.Errorf("a row of %d bytes: %w", len(plain), err)
	}
	for at, half := int64(0), (n+1)/2; at < n; at += half {
		part := rec.NewSlice(at, min(at+half, n))
		err := w.split(part)
		part.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// note adds a block that was written to the index.
func (w *runWriter) note(rec arrow.RecordBatch, length int64) error {
	o, err := orderOf(rec)
	if err != nil {
		return err
	}
	e := entry{first: o.key(0), ends: math.MinInt64, length: length}
	for i := range o.len() {
		if k := o.key(i); k.compare(w.last) < 0 {
			return errors.New("rows of state are out of order")
		}
		w.last, e.ends = o.key(i), max(e.ends, o.ends.Value(i))
	}
	w.rows, w.ends = w.rows+rec.NumRows(), max(w.ends, e.ends)
	if w.entries = append(w.entries, e); len(w.entries) == pageEntries {
		return w.flush()
	}
	return nil
}

// flush writes a page of the index.
func (w *runWriter) flush() error {
	if len(w.entries) == 0 {
		return nil
	}
	first := w.entries[0].first
	p := page{Lead: first.Lead, Hash: first.Hash, Ends: math.MinInt64, Blocks: w.begins, At: w.at}
	plain := make([]byte, 0, len(w.entries)*entryBytes)
	for _, e := range w.entries {
		for _, n := range []int64{e.first.Lead, e.first.Hash, e.ends} {
			plain = binary.LittleEndian.AppendUint64(plain, uint64(n))
		}
		plain = binary.LittleEndian.AppendUint32(plain, uint32(e.length))
		p.Ends = max(p.Ends, e.ends)
	}
	var err error
	p.Length, err = w.block(plain)
	w.pages, w.entries, w.begins = append(w.pages, p), w.entries[:0], w.at
	return err
}

// readPage returns the blocks that a page of the index lists.
func (f *file) readPage(p page) ([]entry, error) {
	if p.Blocks < 0 || p.At < p.Blocks || p.Length < headerBytes || p.Length > maxBlock || p.At > f.limit-p.Length {
		return nil, damaged(f.key, "has an index of places that it has not")
	}
	stored := make([]byte, p.Length)
	if err := f.fill(stored, p.At); err != nil {
		return nil, err
	}
	plain, err := f.plain(stored)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, 0, len(plain)/entryBytes)
	at, last := p.Blocks, leastKey
	for ; len(plain) >= entryBytes; plain = plain[entryBytes:] {
		number := func(i int) int64 { return int64(binary.LittleEndian.Uint64(plain[8*i:])) }
		e := entry{first: Key{number(0), number(1)}, ends: number(2), length: int64(binary.LittleEndian.Uint32(plain[24:]))}
		at += e.length
		if e.length < headerBytes || e.length > headerBytes+maxBlock || at > p.At || e.first.compare(last) < 0 {
			return nil, damaged(f.key, "has an index of blocks that it has not")
		}
		entries, last = append(entries, e), e.first
	}
	if len(plain) > 0 || len(entries) == 0 || at != p.At {
		return nil, damaged(f.key, "has an index that does not fit")
	}
	return entries, nil
}

// order is the columns by which rows are ordered and come to an end.
type order struct{ leads, hashes, ends *array.Int64 }

// orderOf returns the last columns of rows.
func orderOf(rec arrow.RecordBatch) (o order, err error) {
	n := int(rec.NumCols()) - 3
	for i, to := range []**array.Int64{&o.leads, &o.hashes, &o.ends} {
		a, ok := rec.Column(n + i).(*array.Int64)
		if !ok || a.NullN() > 0 {
			return o, errors.New("rows of state lack their order")
		}
		*to = a
	}
	return o, nil
}

func (o order) len() int { return o.leads.Len() }

func (o order) key(i int) Key { return Key{o.leads.Value(i), o.hashes.Value(i)} }
