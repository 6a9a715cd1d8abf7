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
	if unknown != nil {
		if unknown = d.source.schema.ofFiles(typed(unknown)); len(unknown.Fields) == 0 {
			unknown = nil
		}
	}
	switch mode := d.source.mode; {
	case unknown == nil && mode != evolve.AddNewColumnsWithTypeWidening:
	case mode == evolve.Rescue, mode == evolve.None:
	case mode == evolve.FailOnNewColumns:
		return &UnknownFieldError{Fields: ddl(unknown.Fields)}
	case unknown != nil:
		return d.source.evolve(ctx, d.list, unknown)
	case mismatches > 0 && !d.settled:
		d.settled = true
		return d.source.evolve(ctx, d.list, nil)
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

// evolve keeps what a batch adds to the schema: new columns and fields, however
// deep, and wider types where the mode takes them. It returns the error with
// which the batch then ends, or nil when the batch adds nothing. What is new is
// what inference finds in the files, and the fields that the reader came upon:
// where records disagree about the type around them, inference finds none.
func (s *Source) evolve(ctx context.Context, list []format.File, unknown *schema.Struct) error {
	found, _, err := s.inferFrom(ctx, list, 0)
	if err != nil {
		return fmt.Errorf("infer the schema of a batch with new fields: %w", err)
	}
	if unknown == nil {
		unknown = schema.New()
	} else if !s.inferTypes() {
		unknown = textFields(unknown)
	}
	old, read := s.schema.data, s.schema.ofFiles(found.data)
	grown := evolve.Grow(evolve.Grow(old, read, evolve.AsTable), unknown, evolve.AsTable)
	next := grown
	if s.mode == evolve.AddNewColumnsWithTypeWidening {
		next = evolve.Grow(grown, read, s.widen)
	}
	fields := newFields(old, grown)
	for i, f := range next.Fields {
		if !schema.Equal(f.Type, grown.Fields[i].Type) {
			fields = append(fields, ddl(next.Fields[i:i+1])...)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	evolved := &inferred{version: s.schema.version + 1, data: next, partitions: s.schema.partitions}
	if err := s.schemas.add(ctx, evolved); err != nil {
		return err
	}
	s.schema = evolved
	return &UnknownFieldError{Fields: fields, Evolved: true}
}

// widen is the type that a column of the schema becomes by values of a type.
func (s *Source) widen(have, got schema.Type) schema.Type {
	if wide, ok := evolve.Widen(have, got, s.set.Name == "parquet"); ok {
		return wide
	}
	return have
}

// newFields returns what grown adds to old, columns as DDL, those inside of
// columns as paths.
func newFields(old, grown *schema.Struct) []string {
	fields := ddl(grown.Fields[len(old.Fields):])
	return append(fields, evolve.NewColumns(old, schema.New(grown.Fields[:len(old.Fields)]...))...)
}

// textFields makes the types within s STRING, as without inference of types.
func textFields(s *schema.Struct) *schema.Struct {
	out := s.Clone()
	for i, f := range out.Fields {
		out.Fields[i].Type = asText(f.Type)
	}
	return out
}

func asText(t schema.Type) schema.Type {
	switch t := t.(type) {
	case *schema.Struct:
		return textFields(t)
	case schema.Array:
		t.Element = asText(t.Element)
		return t
	case schema.Map:
		t.Value = asText(t.Value)
		return t
	}
	return schema.String
}
