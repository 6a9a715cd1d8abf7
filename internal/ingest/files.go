package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/formats"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/source/files"
	"github.com/freshet/freshet/schema"
)

// DefaultRescued is the name of the rescued data column unless an option
// names another (semantics §4.1).
const DefaultRescued = "_rescued_data"

// FileQuery says which files to read and how: the arguments of read_files or
// the clauses of COPY INTO.
type FileQuery struct {
	Path    string // file, directory or glob
	Format  string // "" detects it (semantics §8.1)
	Options map[string]string
	// Declared are options of the statement itself, besides those of files
	// and of the format.
	Declared option.Set
	Files    []string // COPY INTO's FILES
	Pattern  string   // COPY INTO's PATTERN
	// Skip, when set, leaves out files by path. It is called in the order of
	// discovery.
	Skip func(path string) (bool, error)
	// Without are directories whose files are no input, besides that of option
	// badRecordsPath; see [files.Config].
	Without  []string
	Openers  location.Openers
	TimeZone *time.Location
}

// FileSet is the files of a query, discovered, with their options checked.
type FileSet struct {
	List    []format.File
	Options option.Values
	Name    string // of the format
	// Unreadable are files that inference left out, as options say to ignore
	// corrupt or missing files.
	Unreadable []*format.FileError

	query  FileQuery
	format format.Format
	base   string
}

// Prepare checks the options of q and finds its format. The set has no files
// yet; see [FileSet.Files] and [FileSet.Of].
func Prepare(ctx context.Context, q FileQuery) (*FileSet, error) {
	set := &FileSet{query: q, Name: strings.ToLower(q.Format)}
	err := set.resolve(ctx)
	if err == nil {
		err = set.checkBadRecords()
	}
	if err == nil {
		set.base, err = files.Base(set.config())
	}
	return set, err
}

// Base returns the directory, as a URI with a trailing slash, below which the
// files of the query are.
func (s *FileSet) Base() string { return s.base }

// Files lists the files of the query as they are now, in ascending order of
// their paths.
func (s *FileSet) Files(ctx context.Context) iter.Seq2[format.File, error] {
	return files.Discover(ctx, s.config())
}

// New lists the files of the query that a look may find new.
func (s *FileSet) New(ctx context.Context, look files.Look) iter.Seq2[format.File, error] {
	cfg := s.config()
	cfg.Look = look
	return files.Discover(ctx, cfg)
}

// Of returns the set of these files of the query.
func (s *FileSet) Of(list []format.File) *FileSet {
	of := *s
	of.List, of.Unreadable = list, nil
	return &of
}

// Discover finds the files of q and checks its options.
func Discover(ctx context.Context, q FileQuery) (*FileSet, error) {
	set, err := Prepare(ctx, q)
	if err != nil {
		return nil, err
	}
	for f, err := range set.Files(ctx) {
		var one *format.FileError
		if errors.As(err, &one) && one.Missing && set.ignores(one) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if q.Skip != nil {
			skip, err := q.Skip(f.Path)
			if err != nil {
				return nil, err
			}
			if skip {
				continue
			}
		}
		set.List = append(set.List, f)
	}
	return set, nil
}

// config is how the source package is asked for the files.
func (s *FileSet) config() files.Config {
	return files.Config{
		Path: s.query.Path, Openers: s.query.Openers, Options: s.Options,
		StrictGlob: s.Options.Bool("useStrictGlobber"), Files: s.query.Files, Pattern: s.query.Pattern, Without: s.without(),
	}
}

// without returns the directories whose files are no input.
func (s *FileSet) without() []string {
	if bad := s.Options.Text("badRecordsPath"); bad != "" {
		return append(slices.Clip(s.query.Without), bad)
	}
	return s.query.Without
}

// resolve finds the format and reads the options.
func (s *FileSet) resolve(ctx context.Context) error {
	if s.Name == "" {
		name, err := s.detect(ctx)
		if err != nil {
			return err
		}
		s.Name = name
	}
	var err error
	if s.format, err = formats.Lookup(s.Name); err != nil {
		return err
	}
	s.Options, err = declared(s.query.Declared, s.format.Options()).Parse(s.query.Options)
	return err
}

// Declared returns the options of files of a format, with those of a
// statement.
func Declared(name string, statement option.Set) (option.Set, error) {
	f, err := formats.Lookup(strings.ToLower(name))
	if err != nil {
		return nil, err
	}
	return declared(statement, f.Options()), nil
}

// declared joins the option sets that a query over files has.
func declared(statement, ofFormat option.Set) option.Set {
	all := slices.Clone(statement)
	for _, set := range []option.Set{files.Options(), common, ofFormat} {
		for _, o := range set {
			if _, ok := all.Lookup(o.Name); !ok {
				all = append(all, o)
			}
		}
	}
	return all
}

// common are options that every format's files have, whatever statement reads
// them.
var common = option.Set{
	{Name: "schemaHints", Kind: option.DDL, Doc: "Types of some columns, as a column list; dotted names reach into structs, arrays and maps."},
	{Name: "useStrictGlobber", Kind: option.Bool, Default: "true", Doc: "Match globs of the path segment by segment, as Spark does; false is Auto Loader's way, in which * crosses slashes and the end of a glob is a prefix."},
	{Name: "rescuedDataColumn", Kind: option.Text, Doc: "Name of the column that keeps what the schema could not hold."},
	{Name: "readerCaseSensitive", Kind: option.Bool, Default: "true", Doc: "Rescue fields whose names differ from the schema's in case; otherwise names match ignoring case."},
	{Name: "timeZone", Kind: option.Text, Doc: "Zone of timestamps without one; the session's by default."},
	{Name: "mergeSchema", Kind: option.Bool, Default: "false", Doc: "Unify the schemas of all files."},
	{Name: "columnNameOfCorruptRecord", Kind: option.Text, Default: "_corrupt_record", Doc: "Column that receives the text of malformed records, when the schema has it."},
	{Name: "badRecordsPath", Kind: option.Text, Doc: "Directory to which malformed records are written as JSON lines instead of the mode's treatment."},
}

// detect tells the format by the first file that shows it.
func (s *FileSet) detect(ctx context.Context) (string, error) {
	generic := FileQuery{Path: s.query.Path, Openers: s.query.Openers, Without: s.query.Without}
	for name, dir := range s.query.Options {
		if strings.EqualFold(name, "badRecordsPath") && dir != "" {
			generic.Without = append(slices.Clip(generic.Without), dir)
		}
	}
	opts, err := declared(nil, nil).Parse(nil)
	if err != nil {
		return "", err
	}
	probe := &FileSet{query: generic, Options: opts}
	return formats.Detect(ctx, files.Discover(ctx, probe.config()))
}

// Rescues reports whether the format can keep what a schema does not hold.
func (s *FileSet) Rescues() bool {
	_, ok := s.format.Options().Lookup("rescuedDataColumn")
	return ok
}

// zone is the time zone of timestamps without one.
func (s *FileSet) zone() (*time.Location, error) {
	name := s.Options.Text("timeZone")
	if name == "" {
		return s.query.TimeZone, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, option.Refuse("timeZone", errclass.New("INVALID_OPTION_VALUE", "42K06", "option timeZone is %q; it must be a time zone such as UTC or Europe/Berlin", name))
	}
	return loc, nil
}

// Inferring says how [FileSet.Infer] types columns.
type Inferring struct {
	Types       bool // by their values; otherwise text formats give STRING
	MergeSchema bool
	// CorruptRecords adds the column of malformed records when there are some,
	// as plain reads of JSON do (semantics §4.3).
	CorruptRecords bool
	// Sample is how many bytes of text to infer from, so that large data is
	// read once instead of twice; 0 infers from all of it. The reader then
	// gives [ErrSpeculation] as soon as the data shows that all of it may have
	// a different schema; the caller drops what it has read and infers again,
	// from all.
	Sample int64
}

// ErrSpeculation says that a schema inferred from a sample does not hold for
// all the data.
var ErrSpeculation = errors.New("the data does not have the schema of its sample")

// DefaultSample is how much text a sample has in use.
const DefaultSample = 4 << 20

// worthSampling is how many times its sample data has to be for its schema to
// be inferred from that: less is read twice at no cost that matters.
const worthSampling = 4

// Infer returns a reader of the files whose columns are found in them, with
// hints applied. rescue is the name of the rescued data column, "" for none.
func (s *FileSet) Infer(ctx context.Context, how Inferring, rescue string) (*FileReader, error) {
	if len(s.List) == 0 {
		return nil, &EmptyError{Path: s.query.Path}
	}
	zone, err := s.zone()
	if err != nil {
		return nil, err
	}
	data, sampled, err := s.infer(ctx, how, zone)
	if err != nil {
		return nil, err
	}
	hints, err := schema.ParseDDL(s.Options.Text("schemaHints"))
	if err != nil {
		return nil, option.Refuse("schemaHints", fmt.Errorf("option schemaHints: %w", err))
	}
	partitioning := files.InferPartitioning(s.base, slices.Values(s.List), s.partitionRules(how.Types, zone))
	whole := schema.New(data.Fields...)
	for _, p := range partitioning.Columns().Fields {
		if i := whole.Index(p.Name); i >= 0 {
			whole.Fields = slices.Delete(whole.Fields, i, i+1)
		}
		whole.Fields = append(whole.Fields, p)
	}
	r, err := s.reader(evolve.ApplyHints(whole, hints), partitioning.Columns().Names(), rescue, zone)
	if err == nil {
		r.sampled = sampled
	}
	return r, err
}

// infer returns the schema of the data, and whether a sample gave it.
func (s *FileSet) infer(ctx context.Context, how Inferring, zone *time.Location) (data *schema.Struct, sampled bool, err error) {
	ask := format.Inference{
		Options: s.Options, InferTypes: how.Types, MergeSchema: how.MergeSchema, TimeZone: zone,
		CorruptRecords: how.CorruptRecords,
	}
	if how.Sample > 0 && s.size() > worthSampling*how.Sample && s.forgiving() {
		ask.SampleBytes, ask.KeepVoid = how.Sample, true
		data, err = s.inferReadable(ctx, ask)
		if err != nil || !undecided(data) {
			return data, true, err
		}
		ask.SampleBytes, ask.KeepVoid = 0, false
	}
	data, err = s.inferReadable(ctx, ask)
	return data, false, err
}

// forgiving reports whether readers pass over what does not fit the schema, so
// that one from a sample can be found wanting: no option has them fail, or put
// records elsewhere, where a schema from all data would have taken them.
func (s *FileSet) forgiving() bool {
	if s.Options.Given("mode") && strings.EqualFold(s.Options.Text("mode"), "FAILFAST") {
		return false
	}
	return !slices.ContainsFunc([]string{"badRecordsPath", "failOnUnknownFields", "failOnWidenedFields"}, s.Options.Given)
}

// inferReadable infers from the files that can be read, if the others may be
// left out.
func (s *FileSet) inferReadable(ctx context.Context, ask format.Inference) (*schema.Struct, error) {
	s.Unreadable = nil
	list := slices.Clone(s.List)
	for len(list) > 0 {
		data, err := s.format.Infer(ctx, list, ask)
		var one *format.FileError
		if !errors.As(err, &one) || !s.ignores(one) {
			return data, err
		}
		s.Unreadable = append(s.Unreadable, one)
		before := len(list)
		list = slices.DeleteFunc(list, func(f format.File) bool { return f.Path == one.Path })
		if len(list) == before {
			return nil, err
		}
	}
	return nil, &EmptyError{Path: s.query.Path}
}

// ignores reports whether an option says to leave such a file out. One that was
// changed under the reader is neither missing nor corrupt: it can be read again.
// Nor is one that may not be read, which is an error to Spark, too.
func (s *FileSet) ignores(e *format.FileError) bool {
	switch {
	case errors.Is(e, object.ErrChanged), errors.Is(e, fs.ErrPermission):
		return false
	case e.Missing:
		return s.Options.Bool("ignoreMissingFiles")
	}
	return s.Options.Bool("ignoreCorruptFiles")
}

// size returns the bytes of all files.
func (s *FileSet) size() int64 {
	var n int64
	for _, f := range s.List {
		n += f.Size
	}
	return n
}

// undecided reports whether a sample cannot tell a type: there was no value
// for it, or it is a decimal, whose digits depend on every value.
func undecided(t schema.Type) bool {
	switch t := t.(type) {
	case schema.Array:
		return undecided(t.Element)
	case schema.Map:
		return undecided(t.Key) || undecided(t.Value)
	case *schema.Struct:
		return slices.ContainsFunc(t.Fields, func(f schema.Field) bool { return undecided(f.Type) })
	case schema.Decimal:
		return true
	}
	return t == schema.Void
}

// Reader returns a reader of the files with the columns given, of which those
// named partitions are taken from the files' paths.
func (s *FileSet) Reader(columns *schema.Struct, partitions []string, rescue string) (*FileReader, error) {
	zone, err := s.zone()
	if err != nil {
		return nil, err
	}
	return s.reader(columns, partitions, rescue, zone)
}

// With returns a reader of the files with the columns given. Those that the
// files' paths carry as partition columns are taken from there.
func (s *FileSet) With(columns *schema.Struct, rescue string) (*FileReader, error) {
	zone, err := s.zone()
	if err != nil {
		return nil, err
	}
	found := files.InferPartitioning(s.base, slices.Values(s.List), s.partitionRules(false, zone))
	return s.reader(columns, found.Columns().Names(), rescue, zone)
}

func (s *FileSet) partitionRules(inferTypes bool, zone *time.Location) files.PartitionRules {
	rules := files.PartitionRules{InferTypes: inferTypes, TimeZone: zone}
	switch {
	case s.Options.Given("partitionColumns"):
		rules.Names = files.ParsePartitionNames(s.Options.Text("partitionColumns"))
	case s.Options.Bool("recursiveFileLookup"):
		rules.Names = []string{}
	}
	return rules
}

// reader divides columns into those of the data and those of the path.
func (s *FileSet) reader(columns *schema.Struct, partitions []string, rescue string, zone *time.Location) (*FileReader, error) {
	nullable, ok := schema.AsNullable(columns).(*schema.Struct)
	if !ok {
		return nil, errors.New("columns are no struct")
	}
	r := &FileReader{set: s, zone: zone, rescue: rescue, data: schema.New(), columns: schema.New(nullable.Fields...)}
	byPath := schema.New()
	for _, f := range nullable.Fields {
		if rescue != "" && strings.EqualFold(f.Name, rescue) && (f.Name != rescue || f.Type != schema.String) {
			return nil, option.Refuse("rescuedDataColumn", errclass.New("INVALID_OPTION_VALUE", "42K06",
				"option rescuedDataColumn is %q, and the data has the column %s %s; name another", rescue, schema.QuoteIdent(f.Name), f.Type))
		}
		if slices.ContainsFunc(partitions, func(p string) bool { return strings.EqualFold(p, f.Name) }) {
			byPath.Fields = append(byPath.Fields, f)
		} else if f.Name != rescue {
			r.data.Fields = append(r.data.Fields, f)
		}
	}
	if rescue != "" && r.columns.Index(rescue) < 0 {
		r.columns.Fields = append(r.columns.Fields, schema.Col(rescue, schema.String))
	}
	r.partitioning = files.NewPartitioning(s.base, byPath, zone)
	return r, r.columns.Validate()
}

// EmptyError says that there are no files to infer a schema from.
type EmptyError struct {
	Path string
}

func (e *EmptyError) Error() string {
	return "Unable to infer the schema: no files at " + e.Path + ". Give the schema, or check path and filters."
}

// ErrorClass returns Databricks' class of the error.
func (e *EmptyError) ErrorClass() string { return "UNABLE_TO_INFER_SCHEMA" }

// SQLState returns the error's SQLSTATE.
func (e *EmptyError) SQLState() string { return "42KD9" }

// values yields the files to read, telling progress how many there are.
func (s *FileSet) values(p *Progress) iter.Seq[format.File] {
	if p != nil {
		p.TotalFiles.Add(int64(len(s.List)))
		p.TotalBytes.Add(s.size())
	}
	return slices.Values(s.List)
}

// Judged lists the files below the query's path as they are now whose paths
// begin with start, in ascending order, with why discovery leaves some of them
// out.
func (s *FileSet) Judged(ctx context.Context, start string) iter.Seq2[files.Judged, error] {
	return files.Explain(ctx, s.config(), start)
}

// Named returns what tells the files of the query that users name; see
// [files.Named].
func (s *FileSet) Named(names []string) (func(path string) bool, error) {
	return files.Named(s.config(), names)
}

// Pattern returns what tells the files of the query that a glob matches; see
// [files.Pattern].
func (s *FileSet) Pattern(glob string) (func(path string) bool, error) {
	return files.Pattern(s.config(), glob)
}
