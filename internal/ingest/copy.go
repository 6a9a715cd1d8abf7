package ingest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/ingest/loaded"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/schema"
)

// Copy is one COPY INTO (semantics §7).
type Copy struct {
	Name  string // of the target, for messages
	Table *delta.Table
	Store object.Store

	Query FileQuery
	// ByPosition and Columns map headerless columns to the target's by their
	// order.
	ByPosition bool
	Columns    []string
	// Transform applies the SELECT list; nil takes the columns as they are.
	Transform func(ctx context.Context, rows *Relation) (*Relation, error)

	Force       bool // load files again that were loaded before
	MergeSchema bool // let the target gain columns
	Env         Env
}

// CopyOptions declares the format options that COPY INTO has of its own.
func CopyOptions() option.Set {
	return option.Set{
		{Name: "ignoreMissingFiles", Kind: option.Bool, Default: "true", Doc: "Skip files that vanish between listing and reading."},
	}
}

// Copied is the outcome of a [Copy].
type Copied struct {
	Rows    int64
	Corrupt int64 // files left out because they are corrupt
}

// Run loads every file of the query that the table has not loaded yet, in one
// commit that also records the files. With nothing to load there is no commit.
func (c *Copy) Run(ctx context.Context) (Copied, error) {
	base, err := c.Table.Snapshot(ctx)
	if err != nil {
		return Copied{}, err
	}
	if err := base.CheckWrite(); err != nil {
		return Copied{}, err
	}
	set, err := c.discover(ctx, base)
	if err != nil || set == nil {
		return Copied{}, err
	}
	load := &copyLoad{Copy: c, base: base, set: set}
	return load.run(ctx)
}

// Validate reads the files that Run would load, without writing anything, and
// returns up to limit of their rows; limit 0 reads all and returns none. Every
// row read must fit the table.
func (c *Copy) Validate(ctx context.Context, limit int64) (*Relation, error) {
	base, err := c.Table.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	set, err := c.discover(ctx, base)
	if err != nil {
		return nil, err
	}
	if set == nil {
		return &Relation{Schema: base.Schema(), Read: func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
			return func(func(arrow.RecordBatch, error) bool) {}
		}}, nil
	}
	load := &copyLoad{Copy: c, base: base, set: set, certain: true}
	rows, _, err := load.plan(ctx)
	if err != nil {
		return nil, err
	}
	return validated(rows, limit), nil
}

// discover returns the files to load, or nil when all of them are loaded.
func (c *Copy) discover(ctx context.Context, base *delta.Snapshot) (*FileSet, error) {
	record, err := c.openRecord(ctx, base)
	if err != nil {
		return nil, err
	}
	lookup := record.Lookup(ctx)
	defer lookup.Close()
	q := c.Query
	q.Declared = CopyOptions()
	q.Files = slices.Sorted(slices.Values(q.Files))
	found := 0
	q.Skip = func(path string) (bool, error) {
		found++
		if c.Force {
			return false, nil
		}
		known, err := lookup.Contains(path)
		return known, stateFailed(err)
	}
	set, err := Discover(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := lookup.Verify(); err != nil {
		return nil, stateFailed(err)
	}
	if found == 0 && len(c.Query.Files) == 0 {
		return nil, errclass.New("COPY_INTO_SOURCE_SCHEMA_INFERENCE_FAILED", "42KD9",
			"The source directory did not contain any parsable files of type %s: %s. Check the path, PATTERN and the time filters.",
			strings.ToUpper(c.Query.Format), c.Query.Path)
	}
	if len(set.List) == 0 {
		return nil, nil // nothing new is the answer
	}
	return set, c.checkOptions(set)
}

func (c *Copy) checkOptions(set *FileSet) error {
	if set.Options.Given("rescuedDataColumn") {
		return errclass.New("COPY_INTO_UNSUPPORTED_FEATURE", "0A000",
			"COPY INTO has no rescued data column (option rescuedDataColumn). Use INSERT INTO … SELECT * FROM read_files(…), or a SELECT list that casts.")
	}
	if set.Name == "csv" && set.Options.Given("columnNameOfCorruptRecord") {
		return errclass.New("COPY_INTO_UNSUPPORTED_FEATURE", "0A000", "COPY INTO does not support option columnNameOfCorruptRecord for CSV.")
	}
	if (c.ByPosition || len(c.Columns) > 0) && (set.Name != "csv" || set.Options.Bool("header")) {
		return errclass.New("COPY_INTO_UNSUPPORTED_FEATURE", "0A000",
			"BY POSITION and column lists load CSV files without a header only; set 'header' = 'false' or load by name.")
	}
	return nil
}

// openRecord opens the table's record of loaded files at a snapshot.
func (c *Copy) openRecord(ctx context.Context, base *delta.Snapshot) (*loaded.Record, error) {
	id, named := base.TransactionVersion(loaded.AppID)
	r, err := loaded.Open(ctx, c.Store, id)
	if err == nil && !named && !c.Force {
		err = mayHaveExpired(ctx, c.Store, base)
	}
	return r, stateFailed(err)
}

// stateFailed gives what the storage says of the record of loaded files the
// class that it has for users.
func stateFailed(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return errclass.New("COPY_INTO_STATE_INTERNAL_ERROR", "55019",
		"The state of COPY INTO cannot be read or written, so nothing was loaded: %w", err)
}

// retentionProperty lets any writer of a table forget old transactions, and
// with them which record is the table's.
const retentionProperty = "delta.setTransactionRetentionDuration"

// mayHaveExpired is the error for a table that names no record but may have
// had one: to take it for empty would load files again.
func mayHaveExpired(ctx context.Context, store object.Store, base *delta.Snapshot) error {
	if _, set := base.Property(retentionProperty); !set {
		return nil
	}
	stored, err := loaded.Stored(ctx, store)
	if err != nil || !stored {
		return err
	}
	return fmt.Errorf("the table has property %s, by which the record of loaded files may have expired; "+
		"load into a new table, or name the new files with FILES or PATTERN and 'force' = 'true'", retentionProperty)
}

// copyLoad is a COPY INTO with its files found.
type copyLoad struct {
	*Copy
	base    *delta.Snapshot
	set     *FileSet
	corrupt []string // left out
	missing []string // left out
	certain bool     // infer from all the data
	tries   int      // to commit values of identity columns
}

// errRestart says that rows of a file were taken before it turned out corrupt.
var errRestart = errors.New("restart without a corrupt file")

func (l *copyLoad) run(ctx context.Context) (Copied, error) {
	for {
		rows, meta, err := l.plan(ctx)
		if errors.Is(err, errNothingReadable) {
			return Copied{Corrupt: int64(len(l.corrupt))}, nil
		}
		if err != nil {
			return Copied{}, err
		}
		staged, err := Stage(ctx, l.Store, meta, rows.Read(ctx), l.Env)
		if again := errors.Is(err, ErrSpeculation) && !l.certain; again || errors.Is(err, errRestart) {
			l.certain = l.certain || again
			l.again()
			continue
		}
		if err != nil {
			return Copied{}, err
		}
		out := Copied{Rows: staged.Rows, Corrupt: int64(len(l.corrupt))}
		paths := l.loadedPaths()
		if len(paths) == 0 {
			return out, staged.Discard(ctx, l.Store)
		}
		err = l.commit(ctx, staged, meta, paths)
		if conflict, ok := errors.AsType[*delta.ConflictError](err); ok && staged.Numbered {
			if l.tries++; l.tries > maxReplans {
				return out, conflict
			}
			if l.base, err = l.Table.Snapshot(ctx); err != nil {
				return out, err
			}
			l.again() // the rows get other numbers
			continue
		}
		return out, err
	}
}

// again begins the load anew. What was noted of files that it reads again does
// not count: one that was missing may be there now, and its rows are loaded.
func (l *copyLoad) again() {
	left := func(path string) bool {
		return slices.ContainsFunc(l.set.List, func(f format.File) bool { return f.Path == path })
	}
	l.corrupt, l.missing = slices.DeleteFunc(l.corrupt, left), slices.DeleteFunc(l.missing, left)
	l.Env.Progress.Restart()
}

// errNothingReadable says that all files are left out.
var errNothingReadable = errors.New("no file can be read")

// leaveOut notes the files that inference could not read.
func (l *copyLoad) leaveOut() {
	for _, e := range l.set.Unreadable {
		l.note(e)
		l.set.List = slices.DeleteFunc(l.set.List, func(f format.File) bool { return f.Path == e.Path })
	}
}

func (l *copyLoad) note(e *format.FileError) {
	if e.Missing {
		l.missing = append(l.missing, e.Path)
	} else {
		l.corrupt = append(l.corrupt, e.Path)
	}
}

// loadedPaths are the files whose rows are staged, sorted.
func (l *copyLoad) loadedPaths() []string {
	var paths []string
	for _, f := range l.set.List {
		if !slices.Contains(l.corrupt, f.Path) && !slices.Contains(l.missing, f.Path) {
			paths = append(paths, f.Path)
		}
	}
	slices.Sort(paths)
	return paths
}

// skipped notes a file that is left out. Rows of it that were taken already
// must not stay: the file will be loaded whole once it is mended.
func (l *copyLoad) skipped(e *format.FileError, delivered bool) error {
	l.note(e)
	if !delivered {
		return nil
	}
	l.set.List = slices.DeleteFunc(l.set.List, func(f format.File) bool { return f.Path == e.Path })
	return errRestart
}

func (l *copyLoad) commit(ctx context.Context, staged *Staged, meta delta.Metadata, paths []string) error {
	c := Commit{
		Table: l.Table, Store: l.Store, Base: l.base, Operation: "COPY INTO", Parameters: map[string]any{},
		Also: func(ctx context.Context, base *delta.Snapshot, tx *delta.Transaction) error {
			return l.record(ctx, base, tx, paths)
		},
	}
	if !schema.Equal(meta.Schema, l.base.Schema()) {
		c.Metadata = &meta
	}
	if l.set.Options.Bool("ignoreCorruptFiles") {
		c.Metrics = map[string]string{"numSkippedCorruptFiles": strconv.Itoa(len(l.corrupt))}
	}
	_, err := c.Apply(ctx, staged)
	return err
}

// record adds the files to the record of base, in tx. A file that another
// COPY INTO loaded since the files were looked up must not be loaded twice.
func (l *copyLoad) record(ctx context.Context, base *delta.Snapshot, tx *delta.Transaction, paths []string) error {
	record, err := l.openRecord(ctx, base)
	if err != nil {
		return err
	}
	lookup := record.Lookup(ctx)
	defer lookup.Close()
	fresh := make([]string, 0, len(paths))
	for _, p := range paths {
		known, err := lookup.Contains(p)
		if err != nil {
			return stateFailed(err)
		}
		if known && !l.Force {
			return errclass.New("COPY_INTO_DUPLICATED_FILES_COPY_NOT_ALLOWED", "25000",
				"Duplicated files were committed in a concurrent COPY INTO operation: %s. Nothing was loaded by this one; try again later.", p)
		}
		if !known {
			fresh = append(fresh, p)
		}
	}
	if err := lookup.Verify(); err != nil {
		return stateFailed(err)
	}
	next, err := record.With(ctx, fresh, l.Env.Clock().UnixMicro(), l.Env.NewID)
	if err != nil {
		return stateFailed(err)
	}
	tx.ReadTransaction(loaded.AppID)
	if next.ID() != record.ID() {
		tx.SetTransaction(loaded.AppID, next.ID())
	}
	return nil
}

// plan returns the rows to load, with the columns of the table as it is to be.
func (l *copyLoad) plan(ctx context.Context) (*Relation, delta.Metadata, error) {
	reader, err := l.reader(ctx)
	if err != nil {
		return nil, delta.Metadata{}, err
	}
	how := Reading{Metadata: l.Transform != nil, Skipped: l.skipped, Progress: l.Env.Progress}
	rows := reader.Relation(how)
	if l.Transform != nil {
		if rows, err = l.Transform(ctx, rows); err != nil {
			return nil, delta.Metadata{}, err
		}
	}
	fit := l.byName
	if l.ByPosition || len(l.Columns) > 0 {
		fit = l.byPosition
	}
	out, meta, err := fit(rows)
	if err != nil {
		rows.Close()
	}
	return out, meta, err
}

// byPosition names the columns after the target's, which are read as such.
func (l *copyLoad) byPosition(rows *Relation) (*Relation, delta.Metadata, error) {
	meta := l.base.Metadata()
	names := l.Columns
	if l.ByPosition {
		names = meta.Schema.Names()
	}
	if len(names) != len(rows.Schema.Fields) {
		problem := "NOT_ENOUGH_DATA_COLUMNS"
		if len(rows.Schema.Fields) > len(names) {
			problem = "TOO_MANY_DATA_COLUMNS"
		}
		return nil, meta, errclass.New("COPY_INTO_COLUMN_ARITY_MISMATCH."+problem, "21S01",
			"Cannot write to %s: %d columns are to be loaded and the data has %d.\nTable columns: %s.\nData columns: %s.",
			l.Name, len(names), len(rows.Schema.Fields), strings.Join(names, ", "), strings.Join(rows.Schema.Names(), ", "))
	}
	full := make([]string, len(names))
	seen := map[string]bool{}
	for i, n := range names {
		if seen[strings.ToLower(n)] {
			return nil, meta, errclass.New("COLUMN_ALREADY_EXISTS", "42711", "The column %s is listed twice.", schema.QuoteIdent(n))
		}
		seen[strings.ToLower(n)] = true
		at := meta.Schema.Index(n)
		if at < 0 {
			return nil, meta, unknownColumn(l.Name, n, meta.Schema)
		}
		full[i] = meta.Schema.Fields[at].Name
	}
	out, err := rows.Rename(full).Conform(meta.Schema, l.Query.TimeZone)
	return out, meta, err
}

// byName matches columns by name; the table gains those it lacks, if it may.
func (l *copyLoad) byName(rows *Relation) (*Relation, delta.Metadata, error) {
	meta := l.base.Metadata()
	added := evolve.NewColumns(meta.Schema, rows.Schema)
	if l.MergeSchema {
		var err error
		if meta, err = Evolve(meta, rows.Schema); err != nil {
			return nil, meta, l.refused(rows.Schema, err)
		}
	} else if _, err := evolve.MergeForWrite(meta.Schema, rows.Schema, evolve.AsTable); err != nil {
		return nil, meta, l.refused(rows.Schema, err)
	} else if len(added) > 0 {
		return nil, meta, l.mismatch(rows.Schema, "the table has no column "+strings.Join(added, ", "))
	}
	if len(meta.Schema.Fields) == 0 {
		return nil, meta, errclass.New("COPY_INTO_SOURCE_SCHEMA_INFERENCE_FAILED", "42KD9",
			"%s has no columns yet, and no column was found in the files at %s. Check that they are %s files, or create the table with columns.",
			l.Name, l.Query.Path, strings.ToUpper(l.set.Name))
	}
	out, err := rows.Conform(meta.Schema, l.Query.TimeZone)
	return out, meta, err
}

// refused words a type that the table's column cannot take.
func (l *copyLoad) refused(incoming *schema.Struct, err error) error {
	conflict, ok := errors.AsType[*evolve.ConflictError](err)
	if !ok {
		return err
	}
	return l.mismatch(incoming, fmt.Sprintf("column %s is %s in the table and %s in the data",
		schema.QuoteIdent(conflict.Path), conflict.Have, conflict.Got))
}

// reader decides how the files are read. Where the target has a column of the
// same name, text is read as the target's type if that holds whatever the
// column's own type holds: nothing is cast twice.
func (l *copyLoad) reader(ctx context.Context) (*FileReader, error) {
	how := Inferring{Types: true, MergeSchema: l.MergeSchema || l.set.Options.Bool("mergeSchema")}
	if !l.certain {
		how.Sample = DefaultSample
	}
	if l.set.Name == "csv" {
		how.Types = l.set.Options.Bool("inferSchema")
	}
	r, err := l.set.Infer(ctx, how, "")
	l.leaveOut()
	if _, empty := errors.AsType[*EmptyError](err); empty {
		return nil, errNothingReadable
	}
	if err != nil || l.Transform != nil || l.set.Name != "csv" && l.set.Name != "json" {
		return r, err
	}
	target := l.base.Schema()
	columns := r.Schema().Clone()
	for i, f := range columns.Fields {
		if l.ByPosition || len(l.Columns) > 0 {
			columns.Fields[i].Type = l.positionType(target, i, f.Type)
		} else if at := target.Index(f.Name); at >= 0 && holds(target.Fields[at].Type, f.Type) {
			columns.Fields[i].Type = target.Fields[at].Type
		}
	}
	typed, err := l.set.With(columns, "")
	if err == nil {
		typed.sampled = r.sampled
	}
	return typed, err
}

// positionType is the type that column i of headerless data is read as.
func (l *copyLoad) positionType(target *schema.Struct, i int, found schema.Type) schema.Type {
	at := i
	if len(l.Columns) > 0 {
		if i >= len(l.Columns) {
			return found
		}
		at = target.Index(l.Columns[i])
	}
	if at < 0 || at >= len(target.Fields) {
		return found
	}
	return target.Fields[at].Type
}

// holds reports whether text that was found to be of type inferred can be read
// as wide without losing a value.
func holds(wide, inferred schema.Type) bool {
	if wide == schema.String {
		return true
	}
	common, ok := evolve.CommonType(wide, inferred)
	return ok && schema.EqualIgnoringNulls(common, wide)
}

func unknownColumn(table, name string, s *schema.Struct) error {
	return errclass.New("UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703",
		"A column with name %s cannot be resolved in %s. Its columns are %s.", schema.QuoteIdent(name), table, strings.Join(s.Names(), ", "))
}

// validated returns the first rows of a relation that is read for its errors.
func validated(rows *Relation, limit int64) *Relation {
	read := func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			var seen int64
			for rec, err := range rows.Read(ctx) {
				if err == nil {
					err = notNull(rec, rows.Schema)
				}
				if err != nil {
					yield(nil, err)
					return
				}
				if limit == 0 {
					continue
				}
				n := min(rec.NumRows(), limit-seen)
				head := rec.NewSlice(0, n)
				more := yield(head, nil)
				head.Release()
				if seen += n; !more || seen >= limit {
					return
				}
			}
		}
	}
	return &Relation{Schema: rows.Schema, Read: read, Release: rows.Release}
}

// notNull checks the columns that must not be null.
func notNull(rec arrow.RecordBatch, columns *schema.Struct) error {
	for i, f := range columns.Fields {
		if !f.Nullable && rec.Column(i).NullN() > 0 {
			return errclass.New("DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "23502", "NOT NULL constraint violated for column: %s.", schema.QuoteIdent(f.Name))
		}
	}
	return nil
}

// mismatch is the error of rows that do not fit the target.
func (l *copyLoad) mismatch(incoming *schema.Struct, detail string) error {
	return errclass.New("COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE", "42KDG",
		"A schema mismatch was detected while copying into the Delta table %s: %s.\n"+
			"Table columns: %s\nData columns: %s\n"+
			"COPY_OPTIONS ('mergeSchema' = 'true') lets the table gain columns; a type changes by a SELECT list that casts or, "+
			"for CSV, by FORMAT_OPTIONS ('inferSchema' = 'true').",
		l.Name, detail, l.base.Schema().DDL(), incoming.DDL())
}
