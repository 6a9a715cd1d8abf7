package query

import (
	"context"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/schema"
)

// IsReadFiles reports whether a call is one of read_files.
func IsReadFiles(f *sql.TableFunction) bool {
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
func (p *Planner) readFiles(ctx context.Context, call *sql.TableFunction, want Scan) (*ingest.Relation, error) {
	path, options, err := p.ReadFilesArguments(ctx, call)
	if err != nil {
		return nil, err
	}
	for name := range options {
		if streamOnly(name) {
			return nil, option.Refuse(name, errclass.New("STREAMING_ONLY_OPTION", "42K06", "Option %s is for STREAM read_files only.", name))
		}
	}
	set, err := ingest.Discover(ctx, ingest.FileQuery{
		Path: path, Format: options["format"], Options: options, Declared: ReadFilesOptions(),
		Openers: p.Openers, TimeZone: p.TimeZone(),
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
		how := ingest.Inferring{Types: opts.Bool("inferColumnTypes"), MergeSchema: true, Sample: want.Sample, CorruptRecords: rescue == ""}
		if reader, err = set.Infer(ctx, how, rescue); err != nil {
			return nil, err
		}
	}
	return p.fileRelation(ctx, set, reader, want)
}

func (p *Planner) fileRelation(ctx context.Context, set *ingest.FileSet, reader *ingest.FileReader, want Scan) (*ingest.Relation, error) {
	bad, err := set.BadRecords(ctx, p.Clock(), p.NewID)
	if err != nil {
		return nil, err
	}
	return reader.Relation(ingest.Reading{Metadata: want.Metadata, Progress: p.Progress, Bad: bad}), nil
}

// ReadFilesArguments returns the path and the options by declared name.
func (p *Planner) ReadFilesArguments(ctx context.Context, call *sql.TableFunction) (path string, options map[string]string, err error) {
	options = map[string]string{}
	for i, arg := range call.Args {
		named, ok := arg.(*sql.NamedArgument)
		if !ok {
			if i > 0 {
				return "", nil, errclass.New("UNEXPECTED_POSITIONAL_ARGUMENT", "4274K",
					"read_files takes the path first and then options by name: read_files('path', format => 'csv'). %s has no name.", arg)
			}
			if path, err = p.Constant(ctx, arg); err != nil {
				return "", nil, err
			}
			continue
		}
		value, err := p.Constant(ctx, named.Value)
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

// ReadPath is csv.`path` and its like: the files with the format's defaults.
func (p *Planner) ReadPath(ctx context.Context, format, path string, want Scan) (*ingest.Relation, error) {
	set, err := ingest.Discover(ctx, ingest.FileQuery{Path: path, Format: format, Openers: p.Openers, TimeZone: p.TimeZone()})
	if err != nil {
		return nil, err
	}
	reader, err := set.Infer(ctx, ingest.Inferring{Types: format != "csv", MergeSchema: true, CorruptRecords: true, Sample: want.Sample}, "")
	if err != nil {
		return nil, err
	}
	return p.fileRelation(ctx, set, reader, want)
}

// Options returns a list of options by name, each given once.
func Options(list []*sql.Property) (map[string]string, error) {
	out := make(map[string]string, len(list))
	for _, p := range list {
		if _, twice := out[p.Key]; twice {
			return nil, errclass.New("DUPLICATE_KEY", "23505", "Found duplicate keys %s.", schema.QuoteIdent(p.Key))
		}
		out[p.Key] = p.Value
	}
	return out, nil
}
