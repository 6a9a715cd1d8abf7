// Package ledger shows the files of a flow as rows: those that its file states
// know, with what became of each, and those that are at its sources and not
// taken, with the reason why.
package ledger

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"sort"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/source/files"
	"github.com/freshet/freshet/internal/source/files/filestate"
	"github.com/freshet/freshet/schema"
)

// Source is the files of one source of a flow.
type Source struct {
	State *filestate.Store
	ID    string // its number
	Flow  string // name of the flow; "" for not known
	// Planned is the sequence number up to which batches are planned.
	Planned int64
	// Listed yields the files at the source whose paths begin with start, in
	// ascending order of their paths; nil leaves them out.
	Listed func(ctx context.Context, start string) iter.Seq2[files.Judged, error]
	// Forgotten shows forgotten files too.
	Forgotten bool
}

// batchRows is how many files a batch of rows has.
const batchRows = 8192

// Relation returns the files of sources, opened when it is read, as rows of
// some columns; those that cannot meet the condition where, nil for none, may
// be left out. What the condition leaves of them is all that is read: paths of
// a range are sought, and a source is listed only where files that no state
// knows may meet it.
//
// Rows stream by source and path, so that memory does not grow with their
// number: what is held is a block of each segment of the state, and the times
// of batches.
func Relation(columns Columns, where delta.Predicate, open func(ctx context.Context) ([]Source, error)) *ingest.Relation {
	out := columns.Schema()
	read := func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(out))
			defer b.Release()
			rows := 0
			flush := func() bool {
				rec := b.NewRecordBatch()
				defer rec.Release()
				rows = 0
				return yield(rec, nil)
			}
			for f, err := range each(ctx, open, where, columns.timed()) {
				if err != nil {
					yield(nil, err)
					return
				}
				for i, c := range columns {
					put(b.Field(i), c.value(f))
				}
				if rows++; rows == batchRows && !flush() {
					return
				}
			}
			if rows > 0 {
				flush()
			}
		}
	}
	return &ingest.Relation{Schema: out, Read: read}
}

// put appends a column's value to its builder; nil is NULL, and so is what the
// column cannot hold.
func put(b array.Builder, v any) {
	switch b := b.(type) {
	case *array.StringBuilder:
		if v, ok := v.(string); ok {
			b.Append(v)
			return
		}
	case *array.Int64Builder:
		if v, ok := v.(int64); ok {
			b.Append(v)
			return
		}
	case *array.TimestampBuilder:
		if v, ok := v.(arrow.Timestamp); ok {
			b.Append(v)
			return
		}
	}
	b.AppendNull()
}

// maxReopened bounds how often sources are opened anew without a further file.
const maxReopened = 10

// each yields the files of all sources that a condition leaves, each valid for
// one turn; timed says whether the times of their batches are asked for. A flow
// that runs meanwhile deletes what its state was made of: the sources are then
// opened anew, and gone on with after the last file.
func each(ctx context.Context, open func(context.Context) ([]Source, error), where delta.Predicate, timed bool) iter.Seq2[*file, error] {
	return func(yield func(*file, error) bool) {
		at, last := 0, "" // the source and path of the last file
		for failed := 0; ; {
			sources, err := open(ctx)
			for i := at; err == nil && i < len(sources); i++ {
				for f, ferr := range sources[i].files(ctx, where, timed) {
					if err = ferr; err != nil {
						break
					}
					if i == at && f.Path <= last {
						continue
					}
					if at, last, failed = i, f.Path, 0; !yield(f, nil) {
						return
					}
				}
			}
			if failed++; errors.Is(err, fs.ErrNotExist) && failed < maxReopened {
				continue
			}
			if err != nil {
				yield(nil, err)
			}
			return
		}
	}
}

// files yields the files of a source that a condition leaves, by path.
func (s *Source) files(ctx context.Context, where delta.Predicate, timed bool) iter.Seq2[*file, error] {
	return func(yield func(*file, error) bool) {
		of := s.selectBy(where)
		var batches []filestate.Batch
		if timed && of.loaded {
			var err error
			if batches, err = s.batches(ctx); err != nil {
				yield(nil, err)
				return
			}
		}
		for _, r := range of.ranges {
			for f, err := range s.within(ctx, r, of, batches) {
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
	}
}

// within yields the files of a range: those known, merged with those listed
// that are not.
func (s *Source) within(ctx context.Context, r filestate.Range, of selection, batches []filestate.Batch) iter.Seq2[*file, error] {
	return func(yield func(*file, error) bool) {
		// Which of the files listed are not known takes all that are.
		known := s.State.Select(ctx, filestate.Select{Range: r, Unfinished: !of.loaded && !of.unknown})
		if r.Single() {
			if found, more := s.all(known, batches, yield); found || !more {
				return // a known file needs no look at the source
			}
			known = func(func(filestate.Entry, error) bool) {}
		}
		next, stop := iter.Pull2(s.listing(ctx, r, of.unknown))
		defer stop()
		at, err, more := next()
		for e, kerr := range known {
			for ; more && err == nil && kerr == nil && at.Path < e.Path; at, err, more = next() {
				if !yield(s.unknown(at), nil) {
					return
				}
			}
			if err = errors.Join(err, kerr); err != nil {
				break
			}
			if more && at.Path == e.Path {
				at, err, more = next()
			}
			if s.shows(e) && !yield(s.known(e, batches), nil) {
				return
			}
		}
		for ; more && err == nil; at, err, more = next() {
			if !yield(s.unknown(at), nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// all yields known files, and reports whether there were any and whether more
// are wanted.
func (s *Source) all(known iter.Seq2[filestate.Entry, error], batches []filestate.Batch, yield func(*file, error) bool) (found, more bool) {
	for e, err := range known {
		if err != nil {
			yield(nil, err)
			return found, false
		}
		found = true
		if s.shows(e) && !yield(s.known(e, batches), nil) {
			return found, false
		}
	}
	return found, true
}

func (s *Source) shows(e filestate.Entry) bool { return s.Forgotten || e.State != filestate.Forgotten }

// listing yields the files of a range that are at the source.
func (s *Source) listing(ctx context.Context, r filestate.Range, wanted bool) iter.Seq2[files.Judged, error] {
	return func(yield func(files.Judged, error) bool) {
		if s.Listed == nil || !wanted {
			return
		}
		for f, err := range s.Listed(ctx, r.Prefix()) {
			if err == nil && f.Path < r.Low {
				continue
			}
			if err == nil && r.High != "" && f.Path >= r.High || !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// batches returns the finished batches, oldest first.
func (s *Source) batches(ctx context.Context) (list []filestate.Batch, err error) {
	for b, err := range s.State.Batches(ctx) {
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

func (s *Source) known(e filestate.Entry, batches []filestate.Batch) *file {
	f := &file{Entry: e, source: s, taken: e.Seq < s.State.Taken()}
	f.planned = !f.taken && e.Seq < s.Planned
	if f.taken && e.State != filestate.SkippedExisting {
		if at := sort.Search(len(batches), func(i int) bool { return batches[i].End > e.Seq }); at < len(batches) {
			f.batch = &batches[at]
		}
	}
	return f
}

func (s *Source) unknown(at files.Judged) *file {
	return &file{
		Entry:  filestate.Entry{Path: at.Path, Size: at.Size, ModTime: at.ModTime.UnixMicro()},
		source: s, listed: true, reason: at.Reason,
	}
}
