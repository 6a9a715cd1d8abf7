// Package autoloader is the source of files that keep arriving: each is loaded
// once, in batches within limits, with a schema that follows the data
// (semantics §2, §3). It is a stream.Source.
package autoloader

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/source/files/filestate"
	"github.com/freshet/freshet/internal/source/files/notify"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/schema"
)

// Config says what a source loads and where it keeps what it knows.
type Config struct {
	Path    string // file, directory or glob
	Options map[string]string
	// Schema is the columns to read; nil infers them and keeps them at the
	// schema location.
	Schema *schema.Struct
	// InferTypes is the default of option inferColumnTypes: read_files types
	// columns, cloudFiles does not (semantics §9.6).
	InferTypes bool
	// DetectFormat lets option format be left out, as in read_files.
	DetectFormat bool

	Openers  location.Openers
	TimeZone *time.Location
	// Checkpoint is the flow's; State is the prefix of what this source keeps
	// there, such as "sources/0/".
	Checkpoint object.Store
	State      string
	// Without are directories whose files are no input, should they be within
	// Path, such as the checkpoint's.
	Without []string
	// Planned is the offset that batches have been planned up to, nil for none.
	Planned  json.RawMessage
	Clock    func() time.Time
	NewID    func() string
	Progress *ingest.Progress // told how far a batch is; may be nil
	// Metadata adds the column _metadata.
	Metadata bool
	// Guess, when not 0, lets a first load that is large guess its schema from
	// so many bytes, so that files are read once instead of twice. A guess that
	// does not hold ends the load with a [*GuessError]. The sink has to take
	// the rows of a batch to their end before any of them counts.
	Guess int64
}

// Source is an open source. It is not safe for concurrent use.
type Source struct {
	cfg     Config
	set     *ingest.FileSet
	opts    option.Values
	mode    evolve.Mode
	state   *filestate.Store
	schemas *schemaLog
	stores  map[string]object.Store

	schema  *inferred         // nil until it is known
	guess   *guess            // that schema is one; nil once it is kept
	rescue  string            // name of the rescued data column, "" for none
	first   bool              // nothing has been discovered before this run
	skipped []filestate.Entry // by the batch read last
	// fresh says that the batch is read for the first time: no try of it that
	// was cut off has noted what it skipped.
	fresh bool
	// replacing are files of the batch whose rows replace earlier ones.
	replacing []string
	metrics   stream.SourceProgress
	backlog   backlog
	cleaner   *cleaner // nil when cleanSource is off
	listing   *listing // nil before the first discovery
	// queue tells of files while a flow keeps running; relist says that it
	// has not told of all.
	queue notify.Queue
	// unwatched says why the queue does not tell of all files.
	unwatched error
	relist    bool
	// tells reports whether a queue is told of all that comes to a folder.
	tells func(dir string) bool
}

// backlog is what is discovered and not yet in a batch.
type backlog struct {
	known        bool // it is counted once, and kept up from then on
	files, bytes int64
}

var _ stream.Source = (*Source)(nil)

// Open opens a source, checking its options. It lists no files.
func Open(ctx context.Context, cfg Config) (*Source, error) {
	given, err := plainNames(cfg.Options)
	if err != nil {
		return nil, err
	}
	if given["format"] == "" && !cfg.DetectFormat {
		return nil, errclass.New("CF_FILE_FORMAT_REQUIRED", "42000", "Option %sformat is required: csv, json, parquet, text or binaryFile.", prefix)
	}
	query := ingest.FileQuery{
		Path: cfg.Path, Format: given["format"], Options: given, Declared: Options(), Openers: cfg.Openers, TimeZone: cfg.TimeZone,
		Without: cfg.Without,
	}
	if at := given["schemaLocation"]; at != "" {
		query.Without = append(slices.Clip(query.Without), strings.TrimRight(at, "/")+"/_schemas")
	}
	set, err := ingest.Prepare(ctx, query)
	if err == nil && assume(given, set, cfg.Schema != nil) {
		set, err = ingest.Prepare(ctx, query)
	}
	if err != nil {
		return nil, unknown(err)
	}
	s := &Source{cfg: cfg, set: set, opts: set.Options, stores: map[string]object.Store{}, tells: notify.Tells}
	if err := check(s.opts, cfg.Schema != nil, set.Base()); err != nil {
		return nil, err
	}
	if err := s.checkWatch(); err != nil {
		return nil, err
	}
	s.mode = modeOf(s.opts, cfg.Schema != nil)
	s.rescue = s.opts.Text("rescuedDataColumn")
	if s.rescue == "" && cfg.Schema == nil && s.mode != evolve.None && set.Rescues() {
		s.rescue = ingest.DefaultRescued
	}
	planned, err := End(cfg.Planned)
	if err != nil {
		return nil, err
	}
	s.state, err = filestate.Open(ctx, cfg.Checkpoint, cfg.State, filestate.Options{
		NewID: cfg.NewID, MaxAge: s.opts.Interval("maxFileAge").Microseconds(),
		Cleans: s.opts.Enum("cleanSource") != cleanOff, Planned: planned,
	})
	if err != nil {
		return nil, err
	}
	s.first = !s.state.Started()
	if s.cleaner, err = s.newCleaner(ctx); err != nil {
		return nil, err
	}
	if s.schemas, err = s.schemaLocation(ctx); err != nil {
		return nil, err
	}
	return s, s.loadSchema(ctx)
}

// assume turns on what others of the options given imply, and reports whether
// it did.
func assume(given map[string]string, set *ingest.FileSet, withSchema bool) bool {
	assumed := false
	for name, implied := range map[string]bool{
		"header":             set.Name == "csv" && !withSchema,                           // what inference assumes (semantics §3.2)
		"ignoreMissingFiles": modeOf(set.Options, withSchema) == evolve.FailOnNewColumns, // to take a file away is how one goes on (assertion 14)
	} {
		if implied && !set.Options.Given(name) {
			given[name], assumed = "true", true
		}
	}
	return assumed
}

func (s *Source) schemaLocation(ctx context.Context) (*schemaLog, error) {
	text := s.opts.Text("schemaLocation")
	if text == "" {
		return &schemaLog{store: s.cfg.Checkpoint, prefix: s.cfg.State}, nil
	}
	loc, err := location.Parse(strings.TrimRight(text, "/")+"/", "")
	if err != nil {
		return nil, err
	}
	store, err := s.cfg.Openers.Open(ctx, loc)
	return &schemaLog{store: store, prefix: loc.Key}, err
}

// loadSchema takes the schema given, or the one kept.
func (s *Source) loadSchema(ctx context.Context) (err error) {
	if s.cfg.Schema == nil {
		if s.schema, err = s.schemas.last(ctx); err == nil && s.schema != nil && s.opts.Given("schemaHints") {
			err = s.schema.hint(s.opts.Text("schemaHints"))
		}
		return err
	}
	reader, err := s.set.With(s.cfg.Schema, s.rescue)
	if err != nil {
		return err
	}
	s.schema = &inferred{data: reader.Schema(), partitions: schema.New()}
	return nil
}

// Schema returns the columns of the rows, inferring them from the files that
// are there when they are not known yet.
func (s *Source) Schema(ctx context.Context) (*schema.Struct, error) {
	if s.schema == nil {
		if err := s.Discover(ctx); err != nil {
			return nil, err
		}
		if err := s.inferFirst(ctx); err != nil {
			return nil, err
		}
	}
	reader, err := s.reader(nil)
	if err != nil {
		return nil, err
	}
	return reader.Relation(ingest.Reading{Metadata: s.cfg.Metadata}).Schema, nil
}

// emptied reports whether a listing failed only because a store without
// directories has no files left at a path that had some.
func (s *Source) emptied(err error) bool {
	var c errclass.Classified
	return s.state.Next() > 0 && errors.As(err, &c) && c.ErrorClass() == "PATH_NOT_FOUND" && !strings.HasPrefix(s.set.Base(), "file:")
}

// offset is where a batch ends (semantics §10.2).
type offset struct {
	SeqNum        int64 `json:"seqNum"`
	SourceVersion int   `json:"sourceVersion"`
	// The last listing of everything, in ms since 1970.
	BackfillStart  int64  `json:"lastBackfillStartTimeMs"`
	BackfillFinish int64  `json:"lastBackfillFinishTimeMs"`
	LastInputPath  string `json:"lastInputPath"`
}

// Next ends the batch at the files' limits (semantics §2.7): so many files,
// or the one with which their sizes reach so many bytes, and one at least.
func (s *Source) Next(ctx context.Context, at json.RawMessage, unlimited bool) (json.RawMessage, error) {
	s.fresh = true
	from, err := End(at)
	if err != nil {
		return nil, err
	}
	// Files that were there and are not to be loaded are passed over.
	from = max(from, s.state.Taken())
	maxFiles, maxBytes := s.opts.Int("maxFilesPerTrigger"), s.opts.Bytes("maxBytesPerTrigger")
	if unlimited {
		maxFiles, maxBytes = math.MaxInt64, 0
	}
	end, files, bytes := from, int64(0), int64(0)
	for e, err := range s.state.Pending(ctx, from, s.state.Next()) {
		if err != nil {
			return nil, err
		}
		end, files, bytes = e.Seq+1, files+1, bytes+e.Size
		if files >= maxFiles || maxBytes > 0 && bytes >= maxBytes {
			break
		}
	}
	if files == 0 {
		s.backlog = backlog{known: true}
		return nil, nil
	}
	if !s.backlog.known {
		s.backlog.known = true
		if s.backlog.files, s.backlog.bytes, err = s.state.Outstanding(ctx, from); err != nil {
			return nil, err
		}
	}
	s.backlog.files, s.backlog.bytes = s.backlog.files-files, s.backlog.bytes-bytes
	return s.offset(end)
}

func (s *Source) offset(end int64) (json.RawMessage, error) {
	o := offset{SeqNum: end, SourceVersion: 1, LastInputPath: s.cfg.Path}
	if s.listing != nil {
		o.BackfillStart, o.BackfillFinish = s.listing.BackfillStart, s.listing.BackfillFinish
	}
	return json.Marshal(o)
}

// batch returns the files of a batch.
func (s *Source) batch(ctx context.Context, from, to json.RawMessage) ([]format.File, map[string]filestate.Entry, error) {
	start, err := End(from)
	if err != nil {
		return nil, nil, err
	}
	end, err := End(to)
	if err != nil {
		return nil, nil, err
	}
	var list []format.File
	entries := map[string]filestate.Entry{}
	for e, err := range s.state.Pending(ctx, max(start, s.state.Taken()), end) {
		if err != nil {
			return nil, nil, err
		}
		f, err := s.file(ctx, e)
		if err != nil {
			return nil, nil, err
		}
		if s.superseded(e, f) {
			continue
		}
		list = append(list, f)
		entries[e.Path] = e
	}
	return list, entries, nil
}

// superseded reports whether a file is no longer the version that was
// discovered and the newer one will be discovered by itself, so that it would
// be loaded twice if it were taken for the older.
func (s *Source) superseded(e filestate.Entry, now format.File) bool {
	return s.opts.Bool("allowOverwrites") && e.State == filestate.Known && now.ModTime.UnixMicro() > e.ModTime
}

// file returns a known file as formats read it: as it is now, since it may
// have been overwritten after its batch was planned. One that is gone is
// returned as it was known, for the reader to find it missing.
func (s *Source) file(ctx context.Context, e filestate.Entry) (format.File, error) {
	store, loc, err := s.storeOf(ctx, e.Path)
	if err != nil {
		return format.File{}, err
	}
	f := format.File{Path: e.Path, Store: store, Key: loc.Key, Size: e.Size, ModTime: time.UnixMicro(e.ModTime).UTC()}
	size, modTime, err := object.Stat(ctx, store, loc.Key)
	if err != nil {
		return f, ctx.Err()
	}
	f.Size, f.ModTime = size, time.UnixMicro(modTime).UTC()
	return f, nil
}

// storeOf returns the store that holds a file.
func (s *Source) storeOf(ctx context.Context, path string) (object.Store, location.Location, error) {
	loc, err := location.Parse(path, "")
	if err != nil {
		return nil, loc, err
	}
	root := loc.Scheme + "://" + loc.Authority
	store, ok := s.stores[root]
	if !ok {
		if store, err = s.cfg.Openers.Open(ctx, loc); err != nil {
			return nil, loc, err
		}
		s.stores[root] = store
	}
	return store, loc, nil
}

// Read returns the rows of a batch.
func (s *Source) Read(ctx context.Context, from, to json.RawMessage) (*ingest.Relation, error) {
	list, entries, err := s.batch(ctx, from, to)
	if err != nil {
		return nil, err
	}
	if s.schema == nil {
		if err := s.infer(ctx, list, from == nil); err != nil {
			return nil, err
		}
	}
	if !s.guess.isOf(entries) {
		if err := s.settle(ctx); err != nil {
			return nil, err
		}
	}
	reader, err := s.reader(list)
	if err != nil {
		return nil, err
	}
	s.skipped, s.replacing, s.metrics = nil, nil, stream.SourceProgress{}
	for _, e := range entries {
		if e.State == filestate.Replacing {
			s.replacing = append(s.replacing, location.Escape(e.Path))
		}
	}
	bad, err := s.set.BadRecords(ctx, s.cfg.Clock(), s.cfg.NewID)
	if err != nil {
		return nil, err
	}
	drift := &drift{source: s, list: list}
	rel := reader.Relation(ingest.Reading{
		Metadata: s.cfg.Metadata, Progress: s.cfg.Progress, Bad: bad,
		Drift: func(unknown *schema.Struct, mismatches int64) error {
			if err := s.settle(ctx); err != nil {
				return err
			}
			return drift.see(ctx, unknown, mismatches)
		},
		Skipped: func(e *format.FileError, _ bool) error {
			if err := s.settle(ctx); err != nil {
				return err
			}
			return s.skip(entries[e.Path], e)
		},
	})
	return s.counted(s.doubting(rel), entries), nil
}

// counted counts the rows of a batch as they are read, and notes the file that
// they fail about, or those that they leave out.
func (s *Source) counted(rel *ingest.Relation, entries map[string]filestate.Entry) *ingest.Relation {
	out := *rel
	out.Read = func(ctx context.Context) iter.Seq2[recordBatch, error] {
		return func(yield func(recordBatch, error) bool) {
			s.skipped = nil
			for rec, err := range rel.Read(ctx) {
				if err == nil {
					s.metrics.NumInputRows += rec.NumRows()
				} else {
					s.failed(ctx, entries, err)
				}
				if !yield(rec, err) || err != nil {
					return
				}
			}
			if err := s.noteSkipped(ctx, entries); err != nil {
				yield(nil, err)
				return
			}
			s.guess.read()
		}
	}
	return &out
}

// reader returns a reader of files with the schema there is.
func (s *Source) reader(list []format.File) (*ingest.FileReader, error) {
	columns := schema.New(s.schema.data.Fields...)
	columns.Fields = append(columns.Fields, s.schema.partitions.Fields...)
	set := s.set.Of(list)
	if s.cfg.Schema != nil {
		return set.With(columns, s.rescue)
	}
	return set.Reader(columns, s.schema.partitions.Names(), s.rescue)
}

// Finish records that the files of a batch are loaded.
func (s *Source) Finish(ctx context.Context, done stream.Done) error {
	end, err := End(done.End)
	if err != nil {
		return err
	}
	err = s.state.Finish(ctx, filestate.Batch{
		ID: done.Batch, End: end, Processed: done.Processed.UnixMicro(), Committed: done.Committed.UnixMicro(),
	}, nil)
	if err != nil || s.cleaner == nil {
		return err
	}
	s.cleaner.finished(done.Committed, done.Held)
	return s.clean(ctx)
}

// Progress describes the batch read last (semantics §11.1).
func (s *Source) Progress() stream.SourceProgress {
	p := s.metrics
	p.Description = "CloudFilesSource[" + s.cfg.Path + "]"
	p.LatestOffset, _ = s.offset(s.state.Next()) // numbers and text can be marshalled
	p.Metrics = map[string]string{
		"numFilesOutstanding": strconv.FormatInt(s.backlog.files, 10),
		"numBytesOutstanding": strconv.FormatInt(s.backlog.bytes, 10),
	}
	if n := corrupt(s.skipped); n > 0 {
		p.Metrics["numSkippedCorruptFiles"] = strconv.Itoa(n)
	}
	return p
}

// corrupt counts the files that were skipped as they could not be read.
func corrupt(skipped []filestate.Entry) (n int) {
	for _, e := range skipped {
		if e.State == filestate.SkippedCorrupted {
			n++
		}
	}
	return n
}
