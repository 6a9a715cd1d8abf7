package session

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/source/files"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/schema"
)

// relation returns the rows that an item of a FROM clause names.
func (s *Session) relation(ctx context.Context, ref sql.TableRef, want scan) (*ingest.Relation, error) {
	if rows, ok := s.streams[ref]; ok {
		return rows, nil
	}
	switch ref := ref.(type) {
	case *sql.TableFunction:
		if ref.Stream {
			return nil, unsupportedStream(ref)
		}
		if isReadFiles(ref) {
			return s.readFiles(ctx, ref, want)
		}
		if isTableChanges(ref) {
			return s.tableChanges(ctx, ref, want)
		}
		if isFileFunction(ref) {
			return s.fileFunction(ctx, ref, want)
		}
		if isRescuedValues(ref) {
			return s.rescuedValues(ctx, ref)
		}
		if isEventLog(ref) {
			return s.eventLog(ctx, ref)
		}
		return nil, errclass.New("UNRESOLVABLE_TABLE_VALUED_FUNCTION", "42883",
			"Could not resolve %s to a table-valued function. This version has read_files, table_changes, cloud_files_state, file_ledger, rescued_values, event_log, range and explode and its kin.", ref.Name)
	case *sql.Table:
		if ref.Stream {
			return nil, unsupportedStream(ref)
		}
		if view := s.checkedView(ref); view != nil {
			return s.viewRows(ctx, view)
		}
		if format, path, ok := ref.Name.Path(); ok && format != "delta" {
			return s.readPath(ctx, format, path, want)
		}
		return s.readTable(ctx, ref, want)
	}
	return nil, fmt.Errorf("a %T is no relation", ref)
}

func unsupportedStream(ref sql.TableRef) error {
	return errclass.New("UNSUPPORTED_FEATURE.STREAM", "0A000", "%s: only streaming tables read streams, as in CREATE STREAMING TABLE … AS SELECT …; leave STREAM out to read once.", ref)
}

// readTable scans a Delta table.
func (s *Session) readTable(ctx context.Context, ref *sql.Table, want scan) (*ingest.Relation, error) {
	t, err := s.target(ctx, ref.Name)
	if err != nil {
		return nil, err
	}
	var pinned pin
	if s.pinned != nil {
		pinned = s.pinned(ref)
	}
	snap := pinned.snap
	if snap == nil {
		if snap, err = s.travel(ctx, t, ref.TimeTravel); err != nil {
			return nil, err
		}
	}
	if len(snap.Schema().Fields) == 0 {
		return nil, errclass.New("DELTA_READ_TABLE_WITHOUT_COLUMNS", "428GU",
			"You are trying to read the Delta table %s that does not have any columns. Load it with COPY INTO … COPY_OPTIONS ('mergeSchema' = 'true') first.", t.name)
	}
	names := want.pick(snap.Schema())
	columns := snap.Schema()
	if names != nil {
		if columns, err = columns.Select(names...); err != nil {
			return nil, err
		}
	}
	filter := s.filter(ctx, want.site, snap.Schema())
	if want.scanned != nil {
		want.scanned(skipping{t.name, snap, filter})
	}
	opts := delta.ScanOptions{Columns: names, Filter: filter, Files: pinned.files, Parallelism: s.cfg.Parallelism}
	var hidden *tableMetadata
	if want.rowMetadata && snap.Schema().Index(files.MetadataColumn) < 0 {
		hidden = newTableMetadata(t, snap)
		opts = hidden.scan(opts)
		columns = schema.New(append(slices.Clone(columns.Fields), hidden.field)...)
	}
	read := func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			for rec, err := range snap.Scan(ctx, opts) {
				if err != nil {
					err = wrap(t.name, err)
				} else if hidden != nil {
					shown := rec
					rec = hidden.complete(shown)
					shown.Release()
				}
				if !yield(rec, err) || err != nil {
					return
				}
			}
		}
	}
	return &ingest.Relation{Schema: columns, Read: read}, nil
}

// pin says which snapshot of a table a query reads, and which of its files;
// nil is all.
type pin struct {
	snap  *delta.Snapshot
	files func(delta.AddFile) bool
}

// travel returns the snapshot that a time travel clause names, or the newest.
func (s *Session) travel(ctx context.Context, t *target, at *sql.TimeTravel) (*delta.Snapshot, error) {
	if at == nil {
		return t.snapshot(ctx)
	}
	var snap *delta.Snapshot
	var err error
	if at.Version != nil {
		text, cerr := s.constant(ctx, at.Version)
		if cerr != nil {
			return nil, cerr
		}
		version, perr := strconv.ParseInt(text, 10, 64)
		if perr != nil || version < 0 {
			return nil, errclass.New("INVALID_TIME_TRAVEL_SPEC", "42K0E", "VERSION AS OF takes a whole number from 0 on, not %q.", text)
		}
		snap, err = t.table.SnapshotAt(ctx, version)
	} else {
		asOf, terr := s.timestamp(ctx, at.Timestamp)
		if terr != nil {
			return nil, terr
		}
		snap, err = t.table.SnapshotAsOf(ctx, asOf)
	}
	if err != nil {
		return nil, wrap(t.name, err)
	}
	return snap, nil
}

// timestamp evaluates a constant point in time.
func (s *Session) timestamp(ctx context.Context, e sql.Expr) (time.Time, error) {
	text, err := s.constant(ctx, &sql.FunctionCall{
		Name: &sql.Name{Parts: []string{"unix_micros"}},
		Args: []sql.Expr{&sql.Cast{X: e, Type: &sql.TypeName{Type: schema.Timestamp}}},
	})
	if err != nil {
		return time.Time{}, errclass.New("INVALID_TIME_TRAVEL_TIMESTAMP_EXPR.INPUT", "42K0E",
			"The time travel timestamp expression %s is invalid: it cannot be cast to the \"TIMESTAMP\" type: %w", e, err)
	}
	micros, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	return time.UnixMicro(micros).UTC(), nil
}

func isReadFiles(f *sql.TableFunction) bool {
	return len(f.Name.Parts) == 1 && strings.EqualFold(f.Name.Parts[0], "read_files")
}

// ReadFilesOptions declares the arguments of read_files besides those of
// files and formats (semantics §8).
func ReadFilesOptions() option.Set {
	return option.Set{
		{Name: "format", Kind: option.Text, Doc: "Format of the files; found by their names and contents when left out."},
		{Name: "schema", Kind: option.DDL, Doc: "Columns to read, as a column list; nothing is inferred then."},
		{Name: "inferColumnTypes", Kind: option.Bool, Default: "true", Doc: "Type columns of CSV and JSON by their values; otherwise they are STRING."},
		{
			Name: "schemaEvolutionMode", Kind: option.Enum, Values: evolve.ModeNames(),
			Doc: "none leaves out the rescued data column; the other modes are of streams and the same here as rescue.",
		},
	}
}

// StreamOptions declares the arguments of STREAM read_files besides those of
// files and formats.
func StreamOptions() option.Set { return autoloader.Options() }

// streamOnly reports whether an argument is one that only STREAM read_files
// has.
func streamOnly(name string) bool {
	_, batch := slices.Concat(ReadFilesOptions(), ingest.FileOptions()).Lookup(name)
	_, stream := StreamOptions().Lookup(name)
	return stream && !batch
}

// readFiles is read_files(path, name => value, …).
func (s *Session) readFiles(ctx context.Context, call *sql.TableFunction, want scan) (*ingest.Relation, error) {
	path, options, err := s.readFilesArguments(ctx, call)
	if err != nil {
		return nil, err
	}
	for name := range options {
		if streamOnly(name) {
			return nil, errclass.New("STREAMING_ONLY_OPTION", "42K06", "Option %s is for STREAM read_files only.", name)
		}
	}
	set, err := ingest.Discover(ctx, ingest.FileQuery{
		Path: path, Format: options["format"], Options: options, Declared: ReadFilesOptions(),
		Openers: s.openers, TimeZone: s.timeZone(),
	})
	if err != nil {
		return nil, err
	}
	opts := set.Options
	rescue := opts.Text("rescuedDataColumn")
	var reader *ingest.FileReader
	if opts.Given("schema") {
		columns, err := schema.ParseDDL(opts.Text("schema"))
		if err != nil {
			return nil, err
		}
		if reader, err = set.With(columns, rescue); err != nil {
			return nil, err
		}
	} else {
		if rescue == "" && !strings.EqualFold(opts.Text("schemaEvolutionMode"), evolve.None.String()) && set.Rescues() {
			rescue = ingest.DefaultRescued
		}
		how := ingest.Inferring{Types: opts.Bool("inferColumnTypes"), MergeSchema: true, Sample: want.sample, CorruptRecords: rescue == ""}
		if reader, err = set.Infer(ctx, how, rescue); err != nil {
			return nil, err
		}
	}
	return s.fileRelation(ctx, set, reader, want)
}

func (s *Session) fileRelation(ctx context.Context, set *ingest.FileSet, reader *ingest.FileReader, want scan) (*ingest.Relation, error) {
	bad, err := set.BadRecords(ctx, s.cfg.Clock(), s.cfg.NewID)
	if err != nil {
		return nil, err
	}
	return reader.Relation(ingest.Reading{Metadata: want.metadata, Progress: s.progress, Bad: bad}), nil
}

// readFilesArguments returns the path and the options by declared name.
func (s *Session) readFilesArguments(ctx context.Context, call *sql.TableFunction) (path string, options map[string]string, err error) {
	options = map[string]string{}
	for i, arg := range call.Args {
		named, ok := arg.(*sql.NamedArgument)
		if !ok {
			if i > 0 {
				return "", nil, errclass.New("UNEXPECTED_POSITIONAL_ARGUMENT", "4274K",
					"read_files takes the path first and then options by name: read_files('path', format => 'csv'). %s has no name.", arg)
			}
			if path, err = s.constant(ctx, arg); err != nil {
				return "", nil, err
			}
			continue
		}
		value, err := s.constant(ctx, named.Value)
		if err != nil {
			return "", nil, err
		}
		if strings.EqualFold(named.Name, "path") && path == "" {
			path = value
			continue
		}
		if _, twice := options[named.Name]; twice {
			return "", nil, errclass.New("DUPLICATE_ROUTINE_PARAMETER_ASSIGNMENT.DOUBLE_NAMED_ARGUMENT_REFERENCE", "4274K",
				"Call to routine read_files is invalid because it includes multiple argument assignments to the same parameter name %s.", named.Name)
		}
		options[named.Name] = value
	}
	if path == "" {
		return "", nil, errclass.New("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605", "read_files requires a path: read_files('path', name => value, …).")
	}
	return path, options, nil
}

// readPath is csv.`path` and its like: the files with the format's defaults.
func (s *Session) readPath(ctx context.Context, format, path string, want scan) (*ingest.Relation, error) {
	set, err := ingest.Discover(ctx, ingest.FileQuery{Path: path, Format: format, Openers: s.openers, TimeZone: s.timeZone()})
	if err != nil {
		return nil, err
	}
	reader, err := set.Infer(ctx, ingest.Inferring{Types: format != "csv", MergeSchema: true, CorruptRecords: true, Sample: want.sample}, "")
	if err != nil {
		return nil, err
	}
	return s.fileRelation(ctx, set, reader, want)
}

// wrap names the table an error is about. Errors that say enough stay as they
// are.
func wrap(table string, err error) error {
	var file *delta.CorruptFileError
	if err == nil || errors.As(err, &file) {
		return err
	}
	var known errclass.Classified
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", table, err)
	}
	return errclass.New("TABLE_STORAGE_FAILED", "58030", "The files of table %s cannot be used: %w", table, err)
}
