package sql

import (
	"strings"

	"github.com/freshet/freshet/schema"
)

// Relations gives the tables of a query their names in the engine.
type Relations interface {
	// Relation is called once for each occurrence of a *Table,
	// *TableFunction or *StatementTable, in no particular order, and returns the name the engine
	// knows it by. Common table expressions, and the functions that are
	// printed as DuckDB's own (range, explode and their kin), are not asked
	// for. The columns let the printer type expressions as Spark does; nil
	// leaves types to the engine.
	Relation(ref TableRef) (name string, columns *schema.Struct, err error)
}

// Printer prints queries and expressions in DuckDB's dialect with the meaning
// they have in Spark's ANSI mode. What DuckDB cannot express is an error that
// names it, with SQLSTATE 0A000. The text refers to functions whose names
// begin with spark_, which engine/duckdb adds to DuckDB.
type Printer struct {
	// Relations is asked for every table of a query.
	Relations Relations
	// Values are what functions such as current_user return, by their names in
	// lower case.
	Values map[string]string
	// ShowIntervals lets the query's columns be intervals, which become text;
	// else they are refused, as no table stores them.
	ShowIntervals bool
}

// Query returns q in DuckDB's dialect.
func (pr *Printer) Query(q *Query) (string, error) {
	printed, err := pr.Print(q)
	if err != nil {
		return "", err
	}
	return printed.Text, nil
}

// Print is Query for those who want to know what an error of the engine is
// about.
func (pr *Printer) Print(q *Query) (*Printed, error) {
	p := newPrinter(pr)
	p.countReferences(q)
	columns := p.query(q)
	text, intervals := p.showIntervals(q, p.String(), columns, pr.ShowIntervals)
	if p.err != nil {
		return nil, p.err
	}
	printed := unmarked(text, p.marks)
	printed.Intervals = intervals
	return printed, nil
}

// Expr returns e in DuckDB's dialect. Names of columns stand as they are.
func (pr *Printer) Expr(e Expr) (string, error) {
	p := newPrinter(pr)
	p.countReferences(e)
	p.expr(e)
	if p.err != nil {
		return "", p.err
	}
	return unmarked(p.String(), p.marks).Text, nil
}

// maxPrinted bounds the text of a part of a query: some of Spark's functions
// are written with an argument more than once, so that nested calls grow.
const maxPrinted = 16 << 20

// printer holds the text printed so far and the first error met. Printing
// goes on after an error, to no effect, so that callers need not check.
type printer struct {
	*strings.Builder
	relations Relations
	given     map[string]string // see Printer.Values
	err       error

	references map[string]int // of each name of a common table, lower case
	recursive  bool           // the query has WITH RECURSIVE
	scopes     []*scope       // of the common tables visible
	frames     []*frame       // of the SELECTs around
	guards     int            // of divisions around
	hoisted    *[]string      // the inputs of the WITH RECURSIVE around, or nil

	marks      []Expr                          // see [printer.marked]
	types      map[Expr]schema.Type            // found so far
	spreads    map[*FunctionCall]*FunctionCall // see spread
	lambdas    []output                        // parameters of the lambdas around
	subqueries map[*Query]printed              // those already printed
}

// printed is a query's text and columns.
type printed struct {
	text    string
	columns []output
}

func newPrinter(pr *Printer) *printer {
	return &printer{
		Builder: new(strings.Builder), relations: pr.Relations, given: pr.Values, references: map[string]int{},
		types: map[Expr]schema.Type{}, spreads: map[*FunctionCall]*FunctionCall{}, subqueries: map[*Query]printed{},
	}
}

func (p *printer) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// put writes texts one after another.
func (p *printer) put(texts ...string) {
	for _, t := range texts {
		p.WriteString(t)
	}
}

// captured returns what f prints instead of adding it to the text.
func (p *printer) captured(f func()) string {
	outer := p.Builder
	p.Builder = new(strings.Builder)
	f()
	s := p.String()
	p.Builder = outer
	if len(s) > maxPrinted {
		p.fail(&Error{Class: "FAILED_TO_PARSE_TOO_COMPLEX", State: "54001", Text: "The query is too long once its functions are written out."})
		return ""
	}
	return s
}

// text returns e printed as it stands between commas or parentheses.
func (p *printer) text(e Expr) string {
	if p.err != nil {
		return ""
	}
	return p.captured(func() { p.expr(e) })
}

// operand returns e printed, in parentheses when it has operators.
func (p *printer) operand(e Expr) string {
	if isAtom(e) {
		return p.text(e)
	}
	return "(" + p.text(e) + ")"
}

// join prints nodes between commas.
func join[N any](p *printer, nodes []N, each func(N)) {
	for i, n := range nodes {
		if i > 0 {
			p.put(", ")
		}
		each(n)
	}
}

// ident returns a name between double quotes. A NUL cannot stand in the text of
// a query.
func ident(name string) string {
	name = strings.ReplaceAll(name, "\x00", "\uFFFD")
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// idents returns names between parentheses, or "" when there are none.
func idents(names []string) string {
	if len(names) == 0 {
		return ""
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = ident(n)
	}
	return "(" + strings.Join(quoted, ", ") + ")"
}

// stringText returns a string literal of DuckDB's, in which nothing but the
// quote is special; a NUL cannot stand in the text of a query.
func stringText(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if !strings.Contains(s, "\x00") {
		return quoted
	}
	return "(" + strings.ReplaceAll(quoted, "\x00", "' || chr(0) || '") + ")"
}
