package sql

import "strings"

// Relations gives the tables of a query their names in the engine.
type Relations interface {
	// Relation is called once for each occurrence of a *Table or
	// *TableFunction, in the order of the text, and returns the name the
	// engine knows it by. Common table expressions and functions that DuckDB
	// has itself, such as range, are not asked for.
	Relation(ref TableRef) (string, error)
}

// Printer prints queries and expressions in DuckDB's dialect with the meaning
// they have in Spark's ANSI mode. What DuckDB cannot express is an error that
// names it, with SQLSTATE 0A000.
type Printer struct {
	// Relations is asked for every table of a query.
	Relations Relations
}

// printer holds the text printed so far and the first error met. Printing
// goes on after an error, to no effect, so that callers need not check.
type printer struct {
	*strings.Builder
	relations Relations
	tables    scope
	err       error
}

func (p *printer) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}
