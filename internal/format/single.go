package format

import (
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/schema"
)

// SingleVariantColumn is the reader option that names the column which takes
// whole records.
const SingleVariantColumn = "singleVariantColumn"

// SingleVariant returns the position of the VARIANT column called name that
// takes whole records. It must be the only one of s besides that of corrupt
// records, which is at corrupt, or -1 (Spark: INVALID_SINGLE_VARIANT_COLUMN).
func SingleVariant(s *schema.Struct, name string, corrupt int) (int, error) {
	single := -1
	for i, f := range s.Fields {
		switch {
		case i == corrupt:
		case f.Name == name && f.Type == schema.Variant:
			single = i
		default:
			return -1, invalidSingle(s)
		}
	}
	if single < 0 {
		return -1, invalidSingle(s)
	}
	return single, nil
}

func invalidSingle(s *schema.Struct) error {
	return errclass.New("INVALID_SINGLE_VARIANT_COLUMN", "42613",
		"the schema %q is invalid with the option %s; it must have the VARIANT column that the option names, and may have one for corrupt records",
		s.DDL(), SingleVariantColumn)
}
