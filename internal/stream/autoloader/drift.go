package autoloader

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/schema"
)

type recordBatch = arrow.RecordBatch

// UnknownFieldError says that a batch holds what its schema does not
// (semantics §3.6). Nothing of the batch is in the target.
type UnknownFieldError struct {
	Fields []string // new columns as DDL, or columns with their wider types
	// Evolved is whether the schema now has them, so that the next run loads
	// the batch.
	Evolved bool
}

func (e *UnknownFieldError) Error() string {
	what := "Encountered unknown field(s) during parsing: " + strings.Join(e.Fields, ", ") + ". "
	if e.Evolved {
		return what + "The schema has been updated, and nothing of this batch was written; run again to load it with the new schema."
	}
	return what + "Mode failOnNewColumns keeps the schema as it is: add the fields to the schema or its hints, or take the files away, and run again."
}

// ErrorClass returns Databricks' class of the error.
func (*UnknownFieldError) ErrorClass() string {
	return "UNKNOWN_FIELD_EXCEPTION.NEW_FIELDS_IN_RECORD_WITH_FILE_PATH"
}

// SQLState returns the error's SQLSTATE.
func (*UnknownFieldError) SQLState() string { return "KD003" }

// drift watches a batch for data that its schema does not hold.
type drift struct {
	source *Source
	list   []format.File // of the batch
	// settled is set once it is known that the batch brings no wider type.
	settled bool
}

// see is told of rows that do not fit. An error ends the batch.
func (d *drift) see(ctx context.Context, unknown *schema.Struct, mismatches int64) error {
	switch mode := d.source.mode; {
	case unknown == nil && mode != evolve.AddNewColumnsWithTypeWidening:
	case mode == evolve.Rescue, mode == evolve.None:
	case mode == evolve.FailOnNewColumns:
		return &UnknownFieldError{Fields: ddl(unknown.Fields)}
	case unknown != nil:
		return d.source.evolve(ctx, d.list, true)
	case mismatches > 0 && !d.settled:
		d.settled = true
		return d.source.evolve(ctx, d.list, false)
	}
	return nil
}

func ddl(fields []schema.Field) []string {
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = schema.New(f).DDL()
	}
	return texts
}

// evolve infers the schema of a batch's files and keeps what it adds to the
// schema: new columns at the end, and wider types where the mode takes them.
// It returns the error with which the batch ends, or nil when there is nothing
// to add and the caller does not know better.
func (s *Source) evolve(ctx context.Context, list []format.File, known bool) error {
	found, _, err := s.inferFrom(ctx, list, 0)
	if err != nil {
		return fmt.Errorf("infer the schema of a batch with new fields: %w", err)
	}
	old := s.schema.data
	next, err := evolve.Union(old, found.data, evolve.KeepFirst)
	if err != nil {
		return err
	}
	widened := s.keepTypes(next, old, found.data)
	added := next.Fields[len(old.Fields):]
	if len(added) == 0 && len(widened) == 0 && len(evolve.NewColumns(old, next)) == 0 {
		if known {
			return fmt.Errorf("a batch has fields that the schema %s lacks, but inference finds none; give them as schemaHints", old.DDL())
		}
		return nil
	}
	evolved := &inferred{version: s.schema.version + 1, data: next, partitions: s.schema.partitions}
	if err := s.schemas.add(ctx, evolved); err != nil {
		return err
	}
	s.schema = evolved
	fields := append(ddl(added), widened...)
	for _, path := range evolve.NewColumns(old, next) {
		if strings.Contains(path, ".") {
			fields = append(fields, path)
		}
	}
	return &UnknownFieldError{Fields: fields, Evolved: true}
}

// keepTypes gives the columns of next the types they had in old, wider where
// the mode and the data say so, and returns those that became wider.
func (s *Source) keepTypes(next, old, found *schema.Struct) (widened []string) {
	for i, f := range old.Fields {
		if _, nested := f.Type.(*schema.Struct); nested {
			continue // new fields of structs are new columns; their union keeps types
		}
		next.Fields[i].Type = f.Type
		at := found.Index(f.Name)
		if s.mode != evolve.AddNewColumnsWithTypeWidening || at < 0 {
			continue
		}
		wide, ok := evolve.Widen(f.Type, found.Fields[at].Type, s.set.Name == "parquet")
		if ok && !schema.Equal(wide, f.Type) {
			next.Fields[i].Type = wide
			widened = append(widened, schema.New(next.Fields[i]).DDL())
		}
	}
	return widened
}
