package ingest

import (
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/schema"
)

// CheckColumns applies the rules that the columns of a table with these
// properties must keep.
func CheckColumns(s *schema.Struct, properties map[string]string) error {
	if err := s.Validate(); err != nil {
		return err
	}
	mode := properties["delta.columnMapping.mode"]
	return checkNames(s, mode != "" && !strings.EqualFold(mode, "none"))
}

// Evolve returns the metadata of a table that takes in rows of a schema: it
// gains the columns that it lacks, and where the property
// delta.enableTypeWidening is set its types widen to those of the rows
// (semantics §15.4). What the table says of columns it has stays. The error is
// an [*evolve.ConflictError] for types that do not go together.
func Evolve(m delta.Metadata, incoming *schema.Struct) (delta.Metadata, error) {
	fits := evolve.AsTable
	if strings.EqualFold(m.Configuration["delta.enableTypeWidening"], "true") {
		fits = func(have, got schema.Type) schema.Type {
			if delta.CanWiden(have, got) {
				return got
			}
			return have
		}
	}
	merged, err := evolve.MergeForWrite(m.Schema, delta.PlainColumns(incoming), fits)
	if err != nil {
		return m, err
	}
	old := m.Schema
	m = m.Clone()
	m.Schema = merged
	delta.RecordTypeChanges(old, merged)
	return m, CheckColumns(merged, m.Configuration)
}

// checkNames refuses names that Parquet readers of tables without column
// mapping cannot have (Delta: DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES).
func checkNames(t schema.Type, mapped bool) error {
	switch t := t.(type) {
	case schema.Array:
		return checkNames(t.Element, mapped)
	case schema.Map:
		if err := checkNames(t.Key, mapped); err != nil {
			return err
		}
		return checkNames(t.Value, mapped)
	case *schema.Struct:
		for _, f := range t.Fields {
			if f.Name == "" {
				return errclass.New("DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES", "42K05", "A column has no name. Give it one: SELECT … AS name.")
			}
			if !mapped && strings.ContainsAny(f.Name, " ,;{}()\n\t=") {
				return errclass.New("DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES", "42K05",
					"The column name %q has a character among ' ,;{}()\\n\\t=', which takes column mapping. "+
						"Set the table's property 'delta.columnMapping.mode' to 'name', by TBLPROPERTIES when it is created or by ALTER TABLE … SET TBLPROPERTIES, and run this again; "+
						"or rename the column: SELECT %s AS %s.",
					f.Name, schema.QuoteIdent(f.Name), schema.QuoteIdent(safeName(f.Name)))
			}
			if err := checkNames(f.Type, mapped); err != nil {
				return err
			}
		}
	}
	return nil
}

func safeName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" ,;{}()\n\t=", r) {
			return '_'
		}
		return r
	}, name)
}
