// Package csv reads delimited text.
//
// What is a record and a value is decided as Apache Spark does, and by
// Databricks' rules what happens to what does not fit: options of semantics
// §5.1, inference of §3.3, parse modes and rescued data of §4.
//
// The way of a byte: package block cuts files into blocks of whole records; a
// worker's [tokenizer] marks where the values of some hundred records begin
// and end; then each column's parser goes down its values and appends them,
// typed, to Arrow memory. Only values with escaped quotes are ever copied in
// between.
package csv

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/block"
	"github.com/freshet/freshet/internal/option"
)

// Format is the CSV format; see [format.Format].
type Format struct {
	// Block configures the reading of files; its Charset is ignored in favour
	// of option encoding. The zero value suits.
	Block block.Config
}

var _ format.Format = Format{}

// Options declares the reader options of CSV.
func (Format) Options() option.Set { return options }

// Read yields the rows of files; see [format.Format]. Its parse errors are
// [*format.RecordError]s: in mode FAILFAST, and in any mode for records beyond
// maxColumns or maxCharsPerColumn.
func (f Format) Read(ctx context.Context, files iter.Seq[format.File], req format.Request) iter.Seq2[format.Batch, error] {
	return func(yield func(format.Batch, error) bool) {
		p, err := newPlan(req)
		if err != nil {
			yield(format.Batch{}, err)
			return
		}
		cfg := f.Block
		cfg.Charset = p.charset
		g := grammar{dialect: p.dialect, bind: p.bind}
		for b, err := range block.Batches(ctx, files, cfg, g, func() block.Parser[*head, []format.Batch] { return newReader(p) }) {
			if !yield(b, err) {
				return
			}
		}
	}
}

// recordLimitError says that a record cannot be read in any mode. It is a
// [*format.RecordError] to those who look for one.
type recordLimitError struct{ format.RecordError }

func (e *recordLimitError) Error() string {
	return fmt.Sprintf("read %s: line %d: %s", e.Path, e.Line, e.Reason)
}

// Unwrap returns the record error.
func (e *recordLimitError) Unwrap() error { return &e.RecordError }

// ErrorClass returns Spark's class of the error.
func (e *recordLimitError) ErrorClass() string { return "MALFORMED_CSV_RECORD" }

// SQLState returns the error's SQLSTATE.
func (e *recordLimitError) SQLState() string { return "KD000" }

// atFile completes an error of a tokenizer that began behind skipped lines.
func atFile(err error, file *format.File, skipped int64) error {
	if e, ok := errors.AsType[*format.RecordError](err); ok {
		e.Path = file.Path
		e.Line += skipped
	}
	return err
}
