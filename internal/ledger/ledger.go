// Package ledger shows the files of a flow as rows: those that its file states
// know, with what became of each, and those that are at its sources and not
// taken, with the reason why.
package ledger

import (
	"context"
	"iter"
	"sort"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

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
	// Listed yields the files at the source as they are; nil leaves them out.
	Listed func(ctx context.Context) iter.Seq2[files.Judged, error]
	// Forgotten shows forgotten files too.
	Forgotten bool
}

// batchRows is how many files a batch of rows has.
const batchRows = 8192

// Relation returns the files of sources, opened when it is read, as rows of
// some columns. They stream by source and path, so that memory does not grow
// with their number: what is held is a block of each segment of the state, and
// the times of batches.
func Relation(columns Columns, open func(ctx context.Context) ([]Source, error)) *ingest.Relation {
	out := columns.Schema()
	read := func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			sources, err := open(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(out))
			defer b.Release()
			rows := 0
			flush := func() bool {
				rec := b.NewRecordBatch()
				defer rec.Release()
				rows = 0
				return yield(rec, nil)
			}
			for f, err := range each(ctx, sources) {
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

// put appends a column's value to its builder; nil is NULL.
func put(b array.Builder, v any) {
	switch v := v.(type) {
	case string:
		b.(*array.StringBuilder).Append(v)
	case int64:
		b.(*array.Int64Builder).Append(v)
	case arrow.Timestamp:
		b.(*array.TimestampBuilder).Append(v)
	default:
		b.AppendNull()
	}
}

// each yields the files of all sources, each valid for one turn.
func each(ctx context.Context, sources []Source) iter.Seq2[*file, error] {
	return func(yield func(*file, error) bool) {
		for i := range sources {
			for f, err := range sources[i].files(ctx) {
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
	}
}

// files yields the files of a source by path: those known, merged with those
// listed that are not.
func (s *Source) files(ctx context.Context) iter.Seq2[*file, error] {
	return func(yield func(*file, error) bool) {
		batches, err := s.batches(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		listed, stop := s.listing(ctx)
		defer stop()
		at, more, err := listed()
		for e, serr := range s.State.Latest(ctx) {
			for ; err == nil && serr == nil && more && at.Path < e.Path; at, more, err = listed() {
				if !yield(s.unknown(at), nil) {
					return
				}
			}
			if serr != nil {
				err = serr
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if more && at.Path == e.Path {
				at, more, err = listed()
			}
			if e.State == filestate.Forgotten && !s.Forgotten {
				continue
			}
			if !yield(s.known(e, batches), nil) {
				return
			}
		}
		for ; err == nil && more; at, more, err = listed() {
			if !yield(s.unknown(at), nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// listing returns what gives the listed files one by one, and its end.
func (s *Source) listing(ctx context.Context) (next func() (files.Judged, bool, error), stop func()) {
	if s.Listed == nil {
		return func() (files.Judged, bool, error) { return files.Judged{}, false, nil }, func() {}
	}
	pull, stop := iter.Pull2(s.Listed(ctx))
	return func() (files.Judged, bool, error) {
		f, err, ok := pull()
		return f, ok && err == nil, err
	}, stop
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
