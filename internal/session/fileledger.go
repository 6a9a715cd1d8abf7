package session

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/place"
	"github.com/freshet/freshet/internal/source/files"
	"github.com/freshet/freshet/internal/source/files/filestate"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/internal/stream/checkpoint"
	"github.com/freshet/freshet/schema"
)

// knownFile is a row of cloud_files_state or file_ledger.
type knownFile struct {
	filestate.Entry
	batch   *filestate.Batch // that took it; nil for none yet
	taken   bool             // a finished batch has gone past it
	planned bool             // a batch that is not finished reads it
	source  string
	flow    any    // name of the table; nil for a checkpoint
	listed  bool   // known from a listing alone
	reason  string // why a listing leaves it out
}

// fileColumn is a column of the ledger and how it is computed.
type fileColumn struct {
	field schema.Field
	value func(f *knownFile) any
}

// fileColumns are those of cloud_files_state (semantics §11.2), and then those
// that file_ledger has besides. The times of what has not happened are NULL.
var fileColumns = []fileColumn{
	{schema.Field{Name: "path", Type: schema.String}, func(f *knownFile) any { return f.Path }},
	{schema.Field{Name: "size", Type: schema.Long}, func(f *knownFile) any { return f.Size }},
	{schema.Field{Name: "create_time", Type: schema.Timestamp}, func(f *knownFile) any { return micros(f.ModTime) }},
	{schema.Col("discovery_time", schema.Timestamp), func(f *knownFile) any { return unless(f.listed, micros(f.Discovered)) }},
	{schema.Col("processed_time", schema.Timestamp), func(f *knownFile) any { return f.batchTime(func(b *filestate.Batch) int64 { return b.Processed }) }},
	{schema.Col("commit_time", schema.Timestamp), func(f *knownFile) any { return f.batchTime(func(b *filestate.Batch) int64 { return b.Committed }) }},
	{schema.Col("archive_time", schema.Timestamp), func(f *knownFile) any { return unless(f.archived() == nil, micros(f.StateTime)) }},
	{schema.Col("archive_mode", schema.String), (*knownFile).archived},
	{schema.Col("move_location", schema.String), func(f *knownFile) any { return unless(f.State != filestate.ArchivedByMove, f.Detail) }},
	{schema.Col("source_id", schema.String), func(f *knownFile) any { return f.source }},
	{schema.Col("flow_name", schema.String), func(f *knownFile) any { return f.flow }},
	{schema.Col("ingestion_state", schema.String), (*knownFile).ingestionState},
	{schema.Col("state", schema.String), func(f *knownFile) any { return f.state() }},
	{schema.Col("reason", schema.String), (*knownFile).why},
}

// stateColumns is how many of them cloud_files_state has.
const stateColumns = 12

func micros(at int64) any { return time.UnixMicro(at).UTC() }

// unless returns v, or NULL when absent is true.
func unless(absent bool, v any) any {
	if absent {
		return nil
	}
	return v
}

func (f *knownFile) batchTime(of func(*filestate.Batch) int64) any {
	if f.batch == nil {
		return nil
	}
	return micros(of(f.batch))
}

func (f *knownFile) archived() any {
	switch f.State { //nolint:exhaustive // the others are not archived
	case filestate.ArchivedByDelete:
		return "DELETE"
	case filestate.ArchivedByMove:
		return "MOVE"
	}
	return nil
}

// ingestionState is the state in Databricks' words.
func (f *knownFile) ingestionState() any {
	switch {
	case f.State == filestate.SkippedCorrupted:
		return "SKIPPED_CORRUPTED"
	case f.State == filestate.SkippedMissing:
		return "SKIPPED_MISSING"
	case f.listed, f.State == filestate.SkippedExisting, f.State == filestate.Forgotten:
		return nil
	case f.taken:
		return "INGESTED"
	case f.planned:
		return "PROCESSING"
	}
	return nil
}

// state is the state in the words of the ledger.
func (f *knownFile) state() string {
	switch {
	case f.State == filestate.Forgotten:
		return "forgotten"
	case f.listed && f.reason == "":
		return "new"
	case f.listed, f.State == filestate.SkippedCorrupted, f.State == filestate.SkippedMissing, f.State == filestate.SkippedExisting:
		return "skipped"
	case f.taken:
		return "committed"
	case f.State == filestate.Failed:
		return "failed"
	case f.planned:
		return "pending"
	}
	return "discovered"
}

// why says in words why a file is not loaded, or was loaded without rows.
func (f *knownFile) why() any {
	switch f.state() {
	case "new":
		return "the next refresh discovers it"
	case "forgotten":
		return "it was forgotten; the next refresh that lists it discovers it"
	case "discovered", "pending":
		return unless(f.State != filestate.Replacing, "its rows are to take the place of those loaded before")
	case "failed":
		return f.Detail
	case "committed":
		return unless(f.Size > 0, "it is empty")
	}
	switch f.State { //nolint:exhaustive // the others were not skipped
	case filestate.SkippedCorrupted:
		return detailed("it cannot be read, and option ignoreCorruptFiles is set", f.Detail)
	case filestate.SkippedMissing:
		return detailed("it was gone, and option ignoreMissingFiles is set", f.Detail)
	case filestate.SkippedExisting:
		return "it was there at the first start, and option includeExistingFiles is false"
	}
	return f.reason
}

func detailed(text, detail string) string {
	if detail == "" {
		return text
	}
	return text + ": " + detail
}

// isFileFunction reports whether a call is one of a flow's files.
func isFileFunction(f *sql.TableFunction) bool {
	return len(f.Name.Parts) == 1 && slices.Contains([]string{"cloud_files_state", "file_ledger"}, strings.ToLower(f.Name.Parts[0]))
}

// fileFunction is cloud_files_state({TABLE(name) | 'checkpoint'}), the files
// that a flow knows (semantics §11.2), or file_ledger(TABLE(name)), which also
// lists those that the source's path has and the flow does not take.
//
// Files stream by path, so that memory does not grow with their number: what
// is held is a block of each segment of the state, and the times of batches.
func (s *Session) fileFunction(ctx context.Context, call *sql.TableFunction, want scan) (*ingest.Relation, error) {
	ledger := strings.EqualFold(call.Name.Parts[0], "file_ledger")
	if len(call.Args) != 1 {
		return nil, errclass.New("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
			"%s requires 1 argument, TABLE(name), and was given %d.", call.Name, len(call.Args))
	}
	var open func(ctx context.Context) ([]flowFiles, error)
	switch arg := call.Args[0]; {
	case sql.IsTableArgument(arg):
		name, ok := sql.TableOf(arg)
		if !ok {
			return nil, errclass.New("DELTA_UNSUPPORTED_EXPRESSION", "0A000", "%s names no table.", arg)
		}
		entry, err := s.streamingTable(ctx, name)
		if err != nil {
			return nil, err
		}
		open = func(ctx context.Context) ([]flowFiles, error) { return s.filesOfTable(ctx, entry, ledger) }
	case ledger:
		return nil, errclass.New("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", "file_ledger takes a streaming table: file_ledger(TABLE(name)).")
	default:
		place, err := s.constant(ctx, arg)
		if err != nil {
			return nil, err
		}
		open = func(ctx context.Context) ([]flowFiles, error) { return s.filesOfCheckpoint(ctx, place) }
	}
	columns := fileColumns[:stateColumns]
	if ledger {
		columns = fileColumns
	}
	columns = pickColumns(columns, want)
	return fileRelation(columns, open), nil
}

// pickColumns returns the columns that a query needs.
func pickColumns(columns []fileColumn, want scan) []fileColumn {
	all := schema.New()
	for _, c := range columns {
		all.Fields = append(all.Fields, c.field)
	}
	names := want.pick(all)
	if names == nil {
		return columns
	}
	return slices.DeleteFunc(slices.Clone(columns), func(c fileColumn) bool { return !slices.Contains(names, c.field.Name) })
}

// streamingTable returns the entry of a table that must be a streaming table.
func (s *Session) streamingTable(ctx context.Context, n *sql.Name) (catalog.Table, error) {
	name, err := s.tableName(ctx, n)
	if err != nil {
		return catalog.Table{}, err
	}
	entry, err := s.catalog.Table(ctx, name)
	if err != nil {
		return entry, place.Name(n, s.text, err)
	}
	if entry.Kind != catalog.KindStreamingTable {
		return entry, errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.REQUIRES_STREAMING_TABLE", "42601",
			"%s is no streaming table: it keeps no state of files.", entry.Name)
	}
	return entry, nil
}

// flowFiles is the files of one source of a flow.
type flowFiles struct {
	state  *filestate.Store
	source string // its number
	flow   any
	// planned is the sequence number up to which batches are planned.
	planned int64
	// listed yields the files at the source as they are; nil leaves them out.
	listed func(ctx context.Context) iter.Seq2[files.Judged, error]
	// known shows forgotten files too.
	forgotten bool
}

// filesOfTable opens the file states of a streaming table.
func (s *Session) filesOfTable(ctx context.Context, entry catalog.Table, ledger bool) ([]flowFiles, error) {
	def, err := definition(entry)
	if err != nil {
		return nil, err
	}
	c, err := s.openCheckpoint(ctx, entry)
	if err != nil {
		return nil, err
	}
	progress, err := c.Progress(ctx)
	if err != nil {
		return nil, err
	}
	var list []flowFiles
	for i, ref := range streams(def.Query) {
		call, ok := ref.(*sql.TableFunction)
		if !ok || !isReadFiles(call) {
			continue
		}
		f := flowFiles{source: fmt.Sprint(i), flow: entry.Name.String(), forgotten: ledger}
		if f.planned, err = plannedEnd(progress, i); err != nil {
			return nil, err
		}
		if !ledger {
			f.state, err = filestate.Open(ctx, c.Store(), sourcePrefix(i), filestate.Options{NewID: s.cfg.NewID})
		} else {
			var src *autoloader.Source
			if src, err = s.openFiles(ctx, ref, c, i); err == nil {
				f.state, f.listed = src.State(), src.Files().Judged
			}
		}
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

func sourcePrefix(number int) string { return fmt.Sprintf("sources/%d/", number) }

// openFiles opens a source of files.
func (s *Session) openFiles(ctx context.Context, ref sql.TableRef, c *checkpoint.Checkpoint, number int) (*autoloader.Source, error) {
	src, err := s.openSource(ctx, ref, c, number, scan{})
	if err != nil {
		return nil, err
	}
	of, ok := src.(*autoloader.Source)
	if !ok {
		return nil, unsupported("the file ledger of a stream of anything but files", ref.String())
	}
	return of, nil
}

// plannedEnd returns the sequence number that the batches of a flow planned so
// far end at, of one source.
func plannedEnd(p checkpoint.Progress, source int) (int64, error) {
	if p.Planned == nil || source >= len(p.Planned.Offsets) {
		return 0, nil
	}
	return autoloader.End(p.Planned.Offsets[source])
}

// filesOfCheckpoint opens the file states of a checkpoint, or the one of a
// source's directory in it, "…/sources/0".
func (s *Session) filesOfCheckpoint(ctx context.Context, place string) ([]flowFiles, error) {
	base, err := s.location(place)
	if err != nil {
		return nil, err
	}
	root, number, one := base, "", false
	if at := strings.LastIndex(base, "/sources/"); at >= 0 {
		root, number, one = base[:at], strings.Trim(base[at+len("/sources/"):], "/"), true
	}
	store, err := s.openStore(ctx, root)
	if err != nil {
		return nil, err
	}
	var list []flowFiles
	for i := 0; ; i++ {
		there, err := hasAny(ctx, store, sourcePrefix(i))
		if err != nil {
			return nil, err
		}
		if !there {
			break
		}
		if one && number != fmt.Sprint(i) {
			continue
		}
		f := flowFiles{source: fmt.Sprint(i)}
		if f.state, err = filestate.Open(ctx, store, sourcePrefix(i), filestate.Options{NewID: s.cfg.NewID}); err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	// A place where no flow has run would else look like one without files.
	if ran, err := hasAny(ctx, store, "metadata"); err != nil || !ran {
		return nil, errors.Join(err, errclass.New("CF_INVALID_CHECKPOINT", "42000",
			"There is no checkpoint at %s: it has no file metadata. Give the checkpoint's directory, or sources/0 in it.", place))
	}
	return list, s.planned(ctx, store, list)
}

// hasAny reports whether a store has an object whose key begins so.
func hasAny(ctx context.Context, store object.Store, prefix string) (bool, error) {
	for _, err := range store.List(ctx, prefix, "") {
		return err == nil, err
	}
	return false, nil
}

// planned fills in how far the batches of a checkpoint are planned.
func (s *Session) planned(ctx context.Context, store object.Store, list []flowFiles) error {
	if len(list) == 0 {
		return nil
	}
	c, err := checkpoint.Open(ctx, store, checkpoint.Options{NewID: s.cfg.NewID, Sleep: sleep})
	if err != nil {
		return err
	}
	progress, err := c.Progress(ctx)
	for i := range list {
		if err == nil {
			list[i].planned, err = plannedEnd(progress, i)
		}
	}
	return err
}

// fileRelation returns the files as a relation, opened when it is read.
func fileRelation(columns []fileColumn, open func(ctx context.Context) ([]flowFiles, error)) *ingest.Relation {
	out := schema.New()
	for _, c := range columns {
		out.Fields = append(out.Fields, c.field)
	}
	read := func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			list, err := open(ctx)
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
			for f, err := range everyFile(ctx, list) {
				if err != nil {
					yield(nil, err)
					return
				}
				for i, c := range columns {
					appendValue(b.Field(i), c.value(f))
				}
				if rows++; rows == fileBatch && !flush() {
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

// fileBatch is how many files a batch of rows has.
const fileBatch = 8192

// everyFile yields the files of all sources, each valid for one turn.
func everyFile(ctx context.Context, list []flowFiles) iter.Seq2[*knownFile, error] {
	return func(yield func(*knownFile, error) bool) {
		for i := range list {
			for f, err := range list[i].each(ctx) {
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
	}
}

// each yields the files of one source by path: those known, merged with those
// listed that are not.
func (l *flowFiles) each(ctx context.Context) iter.Seq2[*knownFile, error] {
	return func(yield func(*knownFile, error) bool) {
		batches, err := l.batches(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		listed, stop := l.listing(ctx)
		defer stop()
		at, more, err := listed()
		for e, serr := range l.state.Latest(ctx) {
			for ; err == nil && serr == nil && more && at.Path < e.Path; at, more, err = listed() {
				if !yield(l.unknown(at), nil) {
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
			if e.State == filestate.Forgotten && !l.forgotten {
				continue
			}
			if !yield(l.file(e, batches), nil) {
				return
			}
		}
		for ; err == nil && more; at, more, err = listed() {
			if !yield(l.unknown(at), nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// listing returns what gives the listed files one by one, and its end.
func (l *flowFiles) listing(ctx context.Context) (next func() (files.Judged, bool, error), stop func()) {
	if l.listed == nil {
		return func() (files.Judged, bool, error) { return files.Judged{}, false, nil }, func() {}
	}
	pull, stop := iter.Pull2(l.listed(ctx))
	return func() (files.Judged, bool, error) {
		f, err, ok := pull()
		return f, ok && err == nil, err
	}, stop
}

// batches returns the finished batches, oldest first.
func (l *flowFiles) batches(ctx context.Context) (list []filestate.Batch, err error) {
	for b, err := range l.state.Batches(ctx) {
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

func (l *flowFiles) file(e filestate.Entry, batches []filestate.Batch) *knownFile {
	f := &knownFile{Entry: e, source: l.source, flow: l.flow, taken: e.Seq < l.state.Taken()}
	f.planned = !f.taken && e.Seq < l.planned
	if f.taken && e.State != filestate.SkippedExisting {
		if at := sort.Search(len(batches), func(i int) bool { return batches[i].End > e.Seq }); at < len(batches) {
			f.batch = &batches[at]
		}
	}
	return f
}

func (l *flowFiles) unknown(at files.Judged) *knownFile {
	return &knownFile{
		Entry:  filestate.Entry{Path: at.Path, Size: at.Size, ModTime: at.ModTime.UnixMicro()},
		source: l.source, flow: l.flow, listed: true, reason: at.Reason,
	}
}
