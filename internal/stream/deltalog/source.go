// Package deltalog is the source of rows that are appended to a Delta table:
// first those that the table has, then those of each commit (semantics §10.9).
// It is a stream.Source.
//
// Commits that only rearrange rows have nothing new. Ones that delete or
// rewrite rows are an error, unless an option says what is to become of them.
package deltalog

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"math"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/schema"
)

// Config says what a source reads and where it keeps where it began. Table,
// Checkpoint and State are required.
type Config struct {
	Name    string // of the table, for messages
	Table   *delta.Table
	Options map[string]string
	// Columns picks the columns to read; nil reads all.
	Columns func(*schema.Struct) []string
	// EventTime is the column of the stream's watermark, for option
	// withEventTimeOrder; "" for none.
	EventTime string
	// ParseTime reads option startingTimestamp; nil takes RFC 3339.
	ParseTime func(ctx context.Context, text string) (time.Time, error)

	// Checkpoint is the flow's; State is the prefix of what this source keeps
	// there, such as "sources/0/".
	Checkpoint  object.Store
	State       string
	Parallelism int
}

// Source is an open source. It is not safe for concurrent use.
type Source struct {
	cfg     Config
	opts    option.Values
	exclude *regexp.Regexp // nil excludes nothing

	snapshot *delta.Snapshot // whose columns rows are read with
	columns  *schema.Struct
	names    []string // of columns; nil is all
	latest   int64    // version that is discovered
	begin    offset   // where the stream begins; valid once begun
	begun    bool
	checked  bool // the columns at the start are those of snapshot

	initial *initial         // files of the first snapshot; nil until needed
	last    *delta.LogCommit // read last
	quiet   quiet
	backlog backlog
	log     *schemaLog   // nil unless schemas are tracked
	rows    atomic.Int64 // of the batch read last
}

// quiet remembers that there is nothing between a place and a version.
type quiet struct {
	after offset
	until int64 // version not looked at yet
}

var _ stream.Source = (*Source)(nil)

// Open opens a source, checking its options; the first time it also chooses
// where the stream begins. The columns of its rows are those that the table
// has now.
func Open(ctx context.Context, cfg Config) (*Source, error) {
	opts, err := Options().Parse(cfg.Options)
	if err != nil {
		return nil, err
	}
	s := &Source{cfg: cfg, opts: opts}
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.snapshot, err = cfg.Table.Snapshot(ctx); err != nil {
		return nil, err
	}
	s.latest = s.snapshot.Version()
	if err := s.track(ctx); err != nil {
		return nil, err
	}
	s.columns = s.snapshot.Schema()
	if cfg.Columns != nil {
		s.names = cfg.Columns(s.columns)
	}
	if s.names != nil {
		s.columns, err = s.columns.Select(s.names...)
	}
	if err == nil {
		err = s.checkOrder()
	}
	if err == nil && s.feed() {
		s.columns = withFeed(s.columns)
	}
	if err == nil {
		_, err = s.start(ctx, nil)
	}
	return s, err
}

// Schema returns the columns of the rows.
func (s *Source) Schema(context.Context) (*schema.Struct, error) {
	return delta.PlainColumns(s.columns), nil
}

// Discover finds out which version is the latest.
func (s *Source) Discover(ctx context.Context) error {
	latest, err := s.cfg.Table.Snapshot(ctx)
	if err != nil {
		return err
	}
	s.latest = latest.Version()
	return nil
}

// Next ends the batch at the limits of files and bytes: so many files, or the
// one with which their sizes reach so many bytes, and one at least.
func (s *Source) Next(ctx context.Context, at json.RawMessage, unlimited bool) (json.RawMessage, error) {
	start, err := s.start(ctx, at)
	if err != nil {
		return nil, err
	}
	if err := s.checkColumns(ctx, start); err != nil {
		return nil, err
	}
	maxFiles, maxBytes := s.opts.Int("maxFilesPerTrigger"), s.opts.Bytes("maxBytesPerTrigger")
	if unlimited {
		maxFiles, maxBytes = math.MaxInt64, 0
	}
	from, files, bytes := start, int64(0), int64(0)
	if s.quiet.after == start && s.quiet.until > start.Version {
		from = atVersion(start.Table, s.quiet.until)
	}
	end := start
	all := true
	for f, err := range s.files(ctx, from) {
		if e, evolved := errors.AsType[*evolvedError](err); evolved {
			if files == 0 {
				return nil, s.takeUp(ctx, e)
			}
			break // the next batch begins with it
		}
		if err != nil {
			return nil, err
		}
		end, files, bytes = f.end, files+f.files, bytes+f.size
		if files >= maxFiles || maxBytes > 0 && bytes >= maxBytes {
			all = false
			break
		}
	}
	if files == 0 {
		s.quiet = quiet{after: start, until: s.latest + 1}
		return nil, nil
	}
	s.count(ctx, start, end, files, bytes, all)
	return json.Marshal(end)
}

// Read returns the rows between two places.
func (s *Source) Read(ctx context.Context, from, to json.RawMessage) (*ingest.Relation, error) {
	start, err := s.start(ctx, from)
	if err != nil {
		return nil, err
	}
	s.rows.Store(0)
	if to == nil {
		return s.relation(func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
			return func(func(arrow.RecordBatch, error) bool) {}
		}), nil
	}
	end, err := s.parseOffset(to)
	if err != nil {
		return nil, err
	}
	if err := s.checkColumns(ctx, start); err != nil {
		return nil, err
	}
	if s.feed() {
		return s.relation(func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] { return s.changes(ctx, start, end) }), nil
	}
	if s.ordered() && start.InSnapshot {
		return s.relation(func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] { return s.inOrder(ctx, start, end) }), nil
	}
	return s.relation(func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return s.scan(ctx, s.between(ctx, start, end))
	}), nil
}

// scan reads the rows of files.
func (s *Source) scan(ctx context.Context, files iter.Seq2[delta.AddFile, error]) iter.Seq2[arrow.RecordBatch, error] {
	return s.snapshot.ScanFiles(ctx, files, delta.ScanOptions{Columns: s.names, Parallelism: s.cfg.Parallelism})
}

// relation counts rows as they are read, and releases each when it was used.
func (s *Source) relation(read func(context.Context) iter.Seq2[arrow.RecordBatch, error]) *ingest.Relation {
	return &ingest.Relation{Schema: delta.PlainColumns(s.columns), Read: func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return ingest.Map(read(ctx), func(rec arrow.RecordBatch) (arrow.RecordBatch, error) {
			s.rows.Add(rec.NumRows())
			return rec, nil
		})
	}}
}

// Finish implements [stream.Source]; a table's log needs no telling.
func (s *Source) Finish(context.Context, stream.Done) error { return nil }

// Progress implements [stream.Source].
func (s *Source) Progress() stream.SourceProgress {
	return stream.SourceProgress{Description: "DeltaSource[" + s.cfg.Name + "]", NumInputRows: s.rows.Load(), Metrics: s.metrics()}
}
