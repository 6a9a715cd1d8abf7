// Package json reads JSON: lines of objects, documents, arrays of objects.
//
// Bytes become typed Arrow columns in one pass ([reader]), by a plan made of
// the schema ([node]): the next field is expected where the schema has it,
// strings are not copied before they are columns, and what does not fit is
// nulled, rescued or refused on the way (semantics §4). Inference walks the
// same tokens and keeps only their types ([shape]).
//
// # Where it differs from Spark
//
// Reading follows Spark 4, except that it never loses data silently. A line,
// or with multiLine a file, that goes on with another object after the first
// has all of them read; Spark reads the first. With multiLine, a file that is an array streams,
// and a malformed element does not spoil the others; Spark nulls the file.
// Names that differ only in case are one field, under the first spelling; a
// time of day alone is not a timestamp.
package json

import (
	"context"
	"iter"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/block"
	"github.com/freshet/freshet/internal/format/column"
	"github.com/freshet/freshet/internal/option"
)

// Format is JSON.
type Format struct {
	// BlockSize is how many bytes of text are parsed at a time; 0 is the
	// default. Results do not depend on it.
	BlockSize int
	// Workers is how many blocks are parsed at the same time; 0 is one a
	// processor.
	Workers int
}

var _ format.Format = Format{}

// Options implements [format.Format] with the options of semantics §5.2.
func (Format) Options() option.Set { return options }

// Read implements [format.Format].
func (f Format) Read(ctx context.Context, files iter.Seq[format.File], req format.Request) iter.Seq2[format.Batch, error] {
	return func(yield func(format.Batch, error) bool) {
		set, err := newSettings(req.Options, req.TimeZone)
		if err == nil {
			err = checkPlan(req, set)
		}
		if err != nil {
			yield(format.Batch{}, err)
			return
		}
		newParser := func() block.Parser[bool, []format.Batch] { return newParser(req, set) }
		for batch, err := range block.Batches(ctx, files, f.config(set), set.layout, newParser) {
			if !yield(batch, err) {
				return
			}
		}
	}
}

func (f Format) config(set *settings) block.Config {
	return block.Config{Charset: set.charset, Size: f.BlockSize, Workers: f.Workers}
}

// checkPlan reports a schema that JSON cannot be read as.
func checkPlan(req format.Request, set *settings) error {
	_, _, err := plan(req, set, column.NewBatch(req.Schema).Columns())
	return err
}
