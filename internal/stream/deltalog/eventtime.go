package deltalog

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/schema"
)

// With option withEventTimeOrder the first snapshot is read in the order of the
// watermark's column instead of by the age of files, so that its rows are not
// late among themselves (semantics §10.8). A batch of it ends at the least time
// of a file, and has the rows before that of whichever files: an index in an
// offset counts the files by their least times.

// ordered reports whether the first snapshot is read by event time.
func (s *Source) ordered() bool { return s.opts.Bool("withEventTimeOrder") }

// checkOrder says what is wrong with the column to read by.
func (s *Source) checkOrder() error {
	if !s.ordered() {
		return nil
	}
	refuse := func(format string, args ...any) error {
		return errclass.New("DELTA_ILLEGAL_OPTION", "42616", "Invalid value for option withEventTimeOrder: "+format, args...)
	}
	at := s.columns.Index(s.cfg.EventTime)
	switch {
	case s.feed():
		return refuse("it does not go together with readChangeFeed.")
	case s.cfg.EventTime == "":
		return refuse("the stream has no watermark; write WATERMARK column DELAY OF INTERVAL … after it.")
	case at < 0 || s.columns.Fields[at].Type != schema.Timestamp:
		return refuse("%s is no column of %s of type TIMESTAMP.", s.cfg.EventTime, s.cfg.Name)
	}
	return nil
}

// span notes the least and the greatest time in a file, in microseconds since
// 1970; without statistics any.
func (f *initialFile) span(column, stats string) {
	f.low, f.high = math.MinInt64, math.MaxInt64
	var told struct {
		Min map[string]json.RawMessage `json:"minValues"`
		Max map[string]json.RawMessage `json:"maxValues"`
	}
	if json.Unmarshal([]byte(stats), &told) != nil {
		return
	}
	if t, ok := timeOf(told.Min[column]); ok {
		f.low = t.UnixMicro()
	}
	if t, ok := timeOf(told.Max[column]); ok {
		f.high = t.Add(time.Millisecond).UnixMicro() // statistics are cut off there
	}
}

func timeOf(text json.RawMessage) (t time.Time, ok bool) {
	ok = text != nil && json.Unmarshal(text, &t) == nil
	return t, ok
}

// byTime sorts the files of the first snapshot by their least times.
func (in *initial) byTime() {
	slices.SortFunc(in.files, func(a, b initialFile) int {
		return cmp.Or(cmp.Compare(a.low, b.low), cmp.Compare(a.path, b.path))
	})
}

// begins returns where the rows begin that are not before the file of an index.
func (in *initial) begins(i int64) int64 {
	switch {
	case i <= 0:
		return math.MinInt64
	case i >= int64(len(in.files)):
		return math.MaxInt64
	}
	return in.files[i].low
}

// timeColumn is what the column of the watermark is called in statistics.
func (s *Source) timeColumn() string {
	columns := s.snapshot.Schema()
	if i := columns.Index(s.cfg.EventTime); i >= 0 {
		return physicalName(columns.Fields[i])
	}
	return ""
}

// inOrder reads the rows of the first snapshot between two places, and then
// those of commits.
func (s *Source) inOrder(ctx context.Context, start, end offset) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		in, err := s.loadInitial(ctx, start.Version)
		if err != nil {
			yield(nil, err)
			return
		}
		from, to := in.begins(start.Index+1), int64(math.MaxInt64)
		if end.InSnapshot {
			to = in.begins(end.Index + 1)
		}
		spans := make(map[string]bool)
		for _, f := range in.files {
			if f.low < to && f.high >= from || f.low == math.MinInt64 {
				spans[f.path] = true
			}
		}
		files := func(yield func(delta.AddFile, error) bool) {
			for f, err := range in.snapshot.Files(ctx) {
				if err == nil && !spans[f.Path] {
					continue
				}
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
		for rec, err := range s.scan(ctx, files) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !s.within(rec, from, to, yield) {
				return
			}
		}
		s.scan(ctx, s.between(ctx, atVersion(start.Table, start.Version+1), end))(yield)
	}
}

// within yields the rows, which it takes over, whose time is from one on and
// before another. Those without a time come first.
func (s *Source) within(rec arrow.RecordBatch, from, to int64, yield func(arrow.RecordBatch, error) bool) bool {
	defer rec.Release()
	i := slices.IndexFunc(rec.Schema().Fields(), func(f arrow.Field) bool { return strings.EqualFold(f.Name, s.cfg.EventTime) })
	times, ok := rec.Column(max(i, 0)).(*array.Timestamp)
	if !ok {
		return yield(nil, errclass.New("INTERNAL_ERROR", "XX000", "The column %s of %s is no time.", s.cfg.EventTime, s.cfg.Name))
	}
	in := func(row int) bool {
		if times.IsNull(row) {
			return from == math.MinInt64
		}
		at := int64(times.Value(row))
		return at >= from && (at < to || to == math.MaxInt64)
	}
	for row := 0; row < times.Len(); {
		first := row
		for row < times.Len() && in(row) {
			row++
		}
		if row > first && !yield(rec.NewSlice(int64(first), int64(row)), nil) {
			return false
		}
		for row < times.Len() && !in(row) {
			row++
		}
	}
	return true
}
