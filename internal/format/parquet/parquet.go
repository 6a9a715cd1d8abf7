// Package parquet reads Parquet files as a source format.
//
// Types come from the files' footers. A column whose type in a file cannot be
// read as the type asked for is NULL, and its values are rescued as typed
// JSON (semantics §4.2); without a rescued data column it is an error. Files
// written by old versions of Spark in the hybrid calendar are rebased to the
// proleptic Gregorian one. Arrow's reader panics on some corrupt files: each
// such panic becomes a [format.FileError].
package parquet

import (
	"context"
	"iter"
	"runtime"
	"slices"
	"sync"

	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/schema"
)

// Format is the Parquet format. The zero value is ready to use.
type Format struct{}

// rebaseModes are how ancient dates of files that do not say their calendar
// are read.
var rebaseModes = []string{rebaseLegacy, rebaseCorrected, rebaseException}

const (
	rebaseLegacy    = "LEGACY"
	rebaseCorrected = "CORRECTED"
	rebaseException = "EXCEPTION"
)

var options = option.Set{
	{
		Name: "datetimeRebaseMode", Kind: option.Enum, Default: rebaseLegacy, Values: rebaseModes,
		Doc: "How dates and timestamps before 1582-10-15 are read: LEGACY takes them to be of the Julian calendar, CORRECTED as they are, EXCEPTION fails. " +
			"Files that say which Spark wrote them decide themselves; other files are read as they are unless the option is given.",
	},
	{
		Name: "int96RebaseMode", Kind: option.Enum, Default: rebaseLegacy, Values: rebaseModes,
		Doc: "datetimeRebaseMode of timestamps stored as INT96.",
	},
	{Name: "mergeSchema", Kind: option.Bool, Default: "false", Doc: "Whether inference unifies the columns of all files, instead of taking those of the first."},
	{Name: "readerCaseSensitive", Kind: option.Bool, Default: "true", Doc: "Whether a column whose name differs in case from the schema's is rescued. It matters only with a rescued data column."},
	{Name: "rescuedDataColumn", Kind: option.Text, Doc: "Name of the column that receives what did not fit the schema."},
}

// Options implements [format.Format].
func (Format) Options() option.Set { return options }

// Infer implements [format.Format]. It reads footers only. Columns of
// different types in two files take the narrowest type that holds both, or
// that of the first file where there is none.
func (Format) Infer(ctx context.Context, files []format.File, req format.Inference) (*schema.Struct, error) {
	if !req.MergeSchema && !req.Options.Bool("mergeSchema") && len(files) > 1 {
		files = files[:1]
	}
	r := newRun(ctx)
	defer r.stop()
	out := schema.New()
	for opened := range ahead(slices.Values(files), parallelism(), r.open) {
		f, err := opened.wait()
		if err != nil {
			if cancelled := ctx.Err(); cancelled != nil {
				err = cancelled
			}
			return nil, err
		}
		own, err := f.schema()
		r.close(f)
		if err != nil {
			return nil, &format.FileError{Path: f.file.Path, Err: err}
		}
		if out, err = evolve.Union(out, own, evolve.KeepFirst); err != nil {
			return nil, err
		}
	}
	nullable, _ := schema.AsNullable(out).(*schema.Struct)
	return nullable, nil
}

// Read implements [format.Format]. Row groups are read in parallel, as many
// at a time as there are processors, each a few batches ahead of its turn.
func (Format) Read(ctx context.Context, files iter.Seq[format.File], req format.Request) iter.Seq2[format.Batch, error] {
	return func(yield func(format.Batch, error) bool) {
		r := newRun(ctx)
		defer r.stop()
		for g := range ahead(r.groups(files, req), parallelism(), r.start) {
			for res := range g.results {
				if g.opening.failed.Load() {
					res.release()
					continue
				}
				if res.err != nil {
					g.opening.failed.Store(true)
					// A read that was cancelled says nothing about the file.
					if err := ctx.Err(); err != nil {
						yield(format.Batch{}, err)
						return
					}
				}
				if !yield(res.Batch, res.err) {
					return
				}
			}
			if err := ctx.Err(); err != nil {
				yield(format.Batch{}, err)
				return
			}
			if g.last {
				r.close(g.opening)
			}
		}
	}
}

func parallelism() int { return runtime.GOMAXPROCS(0) }

// run owns the goroutines of one call.
type run struct {
	ctx    context.Context // of the call that the run is
	cancel context.CancelFunc
	wg     sync.WaitGroup
	mu     sync.Mutex
	opened map[*opening]bool // not closed yet
}

// close closes a file that is done with.
func (r *run) close(o *opening) {
	r.mu.Lock()
	delete(r.opened, o)
	r.mu.Unlock()
	o.close()
}

func newRun(ctx context.Context) *run {
	ctx, cancel := context.WithCancel(ctx)
	return &run{ctx: ctx, cancel: cancel, opened: map[*opening]bool{}}
}

// stop ends all goroutines and releases what they hold.
func (r *run) stop() {
	r.cancel()
	r.wg.Wait()
	for o := range r.opened {
		o.close()
	}
}

// ahead starts n of the items before the first is asked for, and keeps n
// started.
func ahead[In, Out any](items iter.Seq[In], n int, start func(In) Out) iter.Seq[Out] {
	return func(yield func(Out) bool) {
		var started []Out
		for item := range items {
			if started = append(started, start(item)); len(started) <= n {
				continue
			}
			if !yield(started[0]) {
				return
			}
			started = started[1:]
		}
		for _, s := range started {
			if !yield(s) {
				return
			}
		}
	}
}
