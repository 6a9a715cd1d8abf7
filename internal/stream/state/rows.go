package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/schema"
)

func (s *Store) rowsKey(version int64) string {
	return s.prefix + strconv.FormatInt(version, 10) + rowsSuffix
}

// WriteRows keeps the rows that a batch brings to its target, of any columns.
// They are written before what the batch has changed is, and dropped by
// [Store.DropRows] or [Store.Purge].
func (s *Store) WriteRows(ctx context.Context, version int64, columns *schema.Struct, rows iter.Seq2[arrow.RecordBatch, error]) error {
	return s.write(ctx, s.rowsKey(version), schema.ToArrow(columns), rows, func() (json.RawMessage, error) { return columns.JSON(), nil })
}

// Rows returns the rows that a batch brings, and their columns.
func (s *Store) Rows(ctx context.Context, version int64) (*schema.Struct, func(context.Context) iter.Seq2[arrow.RecordBatch, error], error) {
	key := s.rowsKey(version)
	info, ok, err := s.info(ctx, key)
	if err == nil && !ok {
		err = damaged(key, "is missing")
	}
	if err != nil {
		return nil, nil, err
	}
	columns, err := schema.ParseJSON(info)
	if err != nil {
		return nil, nil, damaged(key, "has no valid columns: "+err.Error())
	}
	layout := schema.ToArrow(columns)
	return columns, func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] { return s.read(ctx, key, layout) }, nil
}

// DropRows deletes the rows that a batch has brought, if they are kept.
func (s *Store) DropRows(ctx context.Context, version int64) error {
	if err := s.store.Delete(ctx, s.rowsKey(version)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drop rows of a batch: %w", err)
	}
	return nil
}
