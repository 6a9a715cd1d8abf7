package ingest

import (
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/schema"
)

// CheckColumns applies the rules that a table's columns must keep.
func CheckColumns(s *schema.Struct) error {
	if err := s.Validate(); err != nil {
		return err
	}
	return checkNames(s)
}

// checkNames refuses names that Parquet readers of tables without column
// mapping cannot have (Delta: DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES).
func checkNames(t schema.Type) error {
	switch t := t.(type) {
	case schema.Array:
		return checkNames(t.Element)
	case schema.Map:
		if err := checkNames(t.Key); err != nil {
			return err
		}
		return checkNames(t.Value)
	case *schema.Struct:
		for _, f := range t.Fields {
			if strings.ContainsAny(f.Name, " ,;{}()\n\t=") || f.Name == "" {
				return errclass.New("DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES", "42K05",
					"The column name %q has a character among ' ,;{}()\\n\\t='. Rename the column: SELECT %s AS %s.",
					f.Name, schema.QuoteIdent(f.Name), fmt.Sprintf("%q", safeName(f.Name)))
			}
			if err := checkNames(f.Type); err != nil {
				return err
			}
		}
	}
	return nil
}

func safeName(name string) string {
	if name == "" {
		return "column"
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" ,;{}()\n\t=", r) {
			return '_'
		}
		return r
	}, name)
}
