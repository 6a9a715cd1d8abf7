// Package binaryfile reads each file as one row: its path, modification time,
// length and content (semantics §5.8).
package binaryfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/schema"
)

// Format is the binaryFile format.
type Format struct{}

var _ format.Format = Format{}

// Options implements [format.Format]; there are none.
func (Format) Options() option.Set { return option.Set{} }

// columns are what a file has, and their types.
func columns() *schema.Struct {
	return schema.New(
		schema.Col("path", schema.String),
		schema.Col("modificationTime", schema.Timestamp),
		schema.Col("length", schema.Long),
		schema.Col("content", schema.Binary),
	)
}

// Infer implements [format.Format]. The schema is always the same.
func (Format) Infer(context.Context, []format.File, format.Inference) (*schema.Struct, error) {
	return columns(), nil
}

// Read implements [format.Format]. Content is read only when it is asked for.
// A file of 2 GiB or more is an error.
func (Format) Read(ctx context.Context, files iter.Seq[format.File], req format.Request) iter.Seq2[format.Batch, error] {
	return func(yield func(format.Batch, error) bool) {
		if err := check(req.Schema); err != nil {
			yield(format.Batch{}, err)
			return
		}
		for f := range files {
			if err := ctx.Err(); err != nil {
				yield(format.Batch{}, err)
				return
			}
			batch, err := read(ctx, f, req)
			if cancelled := ctx.Err(); err != nil && cancelled != nil {
				err = cancelled
			} else if err != nil {
				err = &format.FileError{Path: f.Path, Missing: errors.Is(err, fs.ErrNotExist), Err: err}
			}
			if !yield(batch, err) {
				return
			}
		}
	}
}

// check reports columns that a file does not have.
func check(s *schema.Struct) error {
	known := columns()
	for _, f := range s.Fields {
		if i := known.Index(f.Name); i < 0 || known.Fields[i].Type != f.Type {
			return errclass.New("BINARY_FILE_DATA_SOURCE_SCHEMA_MISMATCH", "42KDG",
				"the binaryFile format gives the columns %s; it cannot be read as %s", known.DDL(), s.DDL())
		}
	}
	return nil
}

// read makes the batch of one file.
func read(ctx context.Context, f format.File, req format.Request) (format.Batch, error) {
	out := schema.ToArrow(req.Schema)
	if req.Rescue != "" {
		fields := append(out.Fields(), arrow.Field{Name: req.Rescue, Type: arrow.BinaryTypes.String, Nullable: true})
		out = arrow.NewSchema(fields, nil)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, out)
	defer b.Release()
	known := columns()
	for i, field := range b.Fields() {
		at := -1
		if i < len(req.Schema.Fields) {
			at = known.Index(req.Schema.Fields[i].Name)
		}
		if err := appendValue(ctx, field, at, f); err != nil {
			return format.Batch{}, err
		}
	}
	return format.Batch{RecordBatch: b.NewRecordBatch(), File: &f, Bytes: f.Size}, nil
}

// appendValue appends the column of [columns] with index at, or null.
func appendValue(ctx context.Context, b array.Builder, at int, f format.File) error {
	switch b := b.(type) {
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(f.ModTime.UnixMicro()))
	case *array.Int64Builder:
		b.Append(f.Size)
	case *array.BinaryBuilder:
		content, err := content(ctx, f)
		if err != nil {
			return err
		}
		b.Append(content)
	case *array.StringBuilder:
		if at < 0 {
			b.AppendNull()
			return nil
		}
		b.Append(f.Path)
	}
	return nil
}

func content(ctx context.Context, f format.File) (_ []byte, err error) {
	o, err := f.Store.Open(ctx, f.Key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if o.Size() > math.MaxInt32 {
		return nil, fmt.Errorf("the file has %d bytes; at most %d fit in a value", o.Size(), math.MaxInt32)
	}
	data := make([]byte, o.Size())
	if n, err := o.ReadAt(data, 0); n < len(data) {
		return nil, fmt.Errorf("read %d of %d bytes: %w", n, len(data), err)
	}
	return data, nil
}
