package state

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/schema"
)

// rowsFooter is the end of a file of rows: their columns.
type rowsFooter struct {
	Columns json.RawMessage `json:"columns"`
}

// WriteRows keeps the rows that a batch brings to its target, of any columns
// and in any order, in a file whose name the batch's [Change] is to have. They
// are dropped by [Store.DropRows] or [Store.Purge].
func (s *Store) WriteRows(
	ctx context.Context, number int64, columns *schema.Struct, rows iter.Seq2[arrow.RecordBatch, error],
) (name string, err error) {
	layout := schema.ToArrow(columns)
	name = s.name(number, rowsSuffix)
	return name, s.writeFile(ctx, s.prefix+name, func(w *blockWriter) (any, error) {
		for rec, err := range rows {
			if err == nil {
				err = writeRows(w, layout, rec)
			}
			if err != nil {
				return nil, err
			}
		}
		return rowsFooter{columns.JSON()}, nil
	})
}

// writeRows writes rows as one block, or as several when they are too large.
func writeRows(w *blockWriter, layout *arrow.Schema, rec arrow.RecordBatch) error {
	n := rec.NumRows()
	if n == 0 {
		return nil
	}
	plain, err := encode(layout, rec)
	if err != nil {
		return err
	}
	if _, err = w.block(plain); !errors.Is(err, errTooLarge) {
		return err
	}
	if n == 1 {
		return fmt.Errorf("a row of %d bytes: %w", len(plain), err)
	}
	for at, half := int64(0), (n+1)/2; at < n; at += half {
		part := rec.NewSlice(at, min(at+half, n))
		err := writeRows(w, layout, part)
		part.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// Rows returns the rows that a batch brings, and their columns.
func (s *Store) Rows(ctx context.Context, number int64) (*schema.Struct, func(context.Context) iter.Seq2[arrow.RecordBatch, error], error) {
	v, err := s.known(ctx, number)
	if err != nil {
		return nil, nil, err
	}
	key := s.prefix + v.Brings
	if v.Brings == "" {
		return nil, nil, damaged(s.key(number, deltaSuffix), "names no rows")
	}
	var end rowsFooter
	f, err := s.open(ctx, key, &end)
	if err == nil {
		err = f.close()
	}
	if err != nil {
		return nil, nil, err
	}
	columns, err := schema.ParseJSON(end.Columns)
	if err != nil {
		return nil, nil, damaged(key, "has no valid columns: "+err.Error())
	}
	layout, err := message(schema.ToArrow(columns))
	if err != nil {
		return nil, nil, fmt.Errorf("read state: %w", err)
	}
	return columns, func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] { return s.readRows(ctx, key, layout) }, nil
}

// readRows yields the rows of a file, block by block.
func (s *Store) readRows(ctx context.Context, key string, layout []byte) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		var end rowsFooter
		f, err := s.open(ctx, key, &end)
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.close() //nolint:errcheck // nothing was written
		for at := int64(0); at < f.limit; {
			stored, err := f.stored(at)
			var plain []byte
			if err == nil {
				plain, err = f.plain(stored)
			}
			var rec arrow.RecordBatch
			if err == nil {
				rec, err = f.decode(layout, plain)
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(nil, err)
				return
			}
			at += int64(len(stored))
			more := yield(rec, nil)
			rec.Release()
			if !more {
				return
			}
		}
	}
}

// stored returns the block at a place, as stored.
func (f *file) stored(at int64) ([]byte, error) {
	var head [headerBytes]byte
	if at > f.limit-headerBytes {
		return nil, damaged(f.key, "has a block that is cut short")
	}
	if err := f.fill(head[:], at); err != nil {
		return nil, err
	}
	n := headerBytes + int64(binary.LittleEndian.Uint32(head[:]))
	if n > headerBytes+maxBlock || n > f.limit-at {
		return nil, damaged(f.key, fmt.Sprintf("has a block of %d bytes where there are %d", n, f.limit-at))
	}
	stored := make([]byte, n)
	return stored, f.fill(stored, at)
}

// DropRows deletes the rows that a batch has brought, if they are kept.
func (s *Store) DropRows(ctx context.Context, number int64) error {
	v, err := s.version(ctx, number)
	if v == nil || v.Brings == "" || err != nil {
		return err
	}
	if err := s.store.Delete(ctx, s.prefix+v.Brings); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drop rows of a batch: %w", err)
	}
	return nil
}
