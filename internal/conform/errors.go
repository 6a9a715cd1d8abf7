package conform

import (
	"fmt"
	"strings"

	"github.com/freshet/freshet/schema"
)

// IncompatibleError says that values of a type cannot be stored in a column
// of another without an explicit cast.
type IncompatibleError struct {
	Column string // dotted path
	From   schema.Type
	To     schema.Type
}

func (e *IncompatibleError) Error() string {
	return fmt.Sprintf("cannot write incompatible data: cannot safely cast %s %q to %q; use CAST",
		schema.QuoteIdent(e.Column), e.From, e.To)
}

// ErrorClass returns Spark's class of the error.
func (e *IncompatibleError) ErrorClass() string {
	return "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST"
}

// SQLState returns the error's SQLSTATE.
func (e *IncompatibleError) SQLState() string { return "KD000" }

// OverflowError says that a value is out of the range of its column.
type OverflowError struct {
	Column string // dotted path
	Value  string
	From   schema.Type
	To     schema.Type
}

func (e *OverflowError) Error() string {
	return fmt.Sprintf("fail to assign a value of %q type to the %q type column %s due to an overflow: %s; use try_cast to get NULL instead",
		e.From, e.To, schema.QuoteIdent(e.Column), e.Value)
}

// ErrorClass returns Spark's class of the error.
func (e *OverflowError) ErrorClass() string { return "CAST_OVERFLOW_IN_TABLE_INSERT" }

// SQLState returns the error's SQLSTATE.
func (e *OverflowError) SQLState() string { return "22003" }

// UnknownColumnError says that data has a column, or a field of a struct, that
// the table lacks.
type UnknownColumnError struct {
	Column string // dotted path
	Known  []string
}

func (e *UnknownColumnError) Error() string {
	return fmt.Sprintf("a schema mismatch detected when writing to the table: no column %s among %s; use mergeSchema to add it",
		schema.QuoteIdent(e.Column), strings.Join(e.Known, ", "))
}

// ErrorClass returns Delta's class of the error.
func (e *UnknownColumnError) ErrorClass() string { return "DELTA_METADATA_MISMATCH" }

// SQLState returns the error's SQLSTATE.
func (e *UnknownColumnError) SQLState() string { return "42KDG" }

// NotNullError says that there is a null in a column that may not have one.
type NotNullError struct {
	Column string // dotted path
}

func (e *NotNullError) Error() string {
	return "NOT NULL constraint violated for column: " + schema.QuoteIdent(e.Column)
}

// ErrorClass returns Delta's class of the error.
func (e *NotNullError) ErrorClass() string { return "DELTA_NOT_NULL_CONSTRAINT_VIOLATED" }

// SQLState returns the error's SQLSTATE.
func (e *NotNullError) SQLState() string { return "23502" }
