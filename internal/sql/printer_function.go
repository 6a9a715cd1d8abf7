package sql

import (
	"maps"
	"slices"
	"strings"
)

// functionMapping says how DuckDB writes one of Spark's functions. It returns
// the whole text of the call, its FILTER and OVER clauses included; where the
// call only takes another name, that is p.call(name, call). Other texts are
// made of
//
//   - p.text(e): an argument's text, right between parentheses or commas;
//   - p.operand(e): the same, in parentheses when it has operators;
//   - p.arguments(call): all of them, after DISTINCT when the call has it;
//   - p.suffix(call): " FILTER (…) OVER (…)", or "" as is most common.
//
// A call with arguments it cannot take is an error made by wrongArguments or
// unsupported.
type functionMapping func(p *printer, call *FunctionCall) (string, error)

// functionTable holds the mapping of each function by its lower-case name. The
// table of Spark's functions is sparkFunctions, in functions.go.
type functionTable map[string]functionMapping

// render returns the text of a call, or UNRESOLVED_ROUTINE when the table
// lacks the function.
func (t functionTable) render(p *printer, call *FunctionCall) (string, error) {
	name := call.Func()
	mapping, ok := t[name]
	if !ok {
		return "", &Error{
			Class: "UNRESOLVED_ROUTINE", State: "42883", Range: call.Range,
			Text: "The function " + name + " is not known, or not supported by this engine." + t.suggestion(name),
		}
	}
	return mapping(p, call)
}

// maxMistyped is how many letters of a name may be wrong to be taken for
// another's.
const maxMistyped = 2

// replaced are functions about the file of a row that Databricks no longer has,
// with what is to be used instead.
var replaced = map[string]string{
	"input_file_name":         "_metadata.file_path",
	"input_file_block_start":  "_metadata.file_block_start",
	"input_file_block_length": "_metadata.file_block_length",
}

// suggestion says what to use instead of a function that is no more, or asks
// whether one of the table's functions is meant; "" is neither.
func (t functionTable) suggestion(name string) string {
	if column := replaced[name]; column != "" {
		return " Use " + column + " instead, which each row that is read from a file has."
	}
	nearest, far := "", maxMistyped+1
	for _, known := range slices.Sorted(maps.Keys(t)) {
		if d := distance(name, known); d < far && d < len(name)/2 {
			nearest, far = known, d
		}
	}
	if nearest == "" {
		return ""
	}
	return " Did you mean " + nearest + "?"
}

// Func returns the name of the function called, lower case and with dots.
func (n *FunctionCall) Func() string {
	return strings.ToLower(strings.Join(n.Name.Parts, "."))
}

// call returns the text of a call of the DuckDB function name with the
// arguments and clauses of c.
func (p *printer) call(name string, c *FunctionCall) string {
	return name + "(" + p.arguments(c) + ")" + p.suffix(c)
}

// arguments returns the arguments of c with its DISTINCT, and with its order
// and treatment of nulls, which DuckDB writes between the parentheses too.
func (p *printer) arguments(c *FunctionCall) string {
	var b strings.Builder
	if c.Distinct {
		b.WriteString("DISTINCT ")
	}
	for i, a := range c.Args {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.text(a))
	}
	if len(c.WithinGroup) > 0 {
		b.WriteString(" ORDER BY ")
		b.WriteString(p.captured(func() { p.sortItems(c.WithinGroup) }))
	}
	if c.Nulls != "" {
		b.WriteString(" " + c.Nulls + " NULLS")
	}
	return b.String()
}

// suffix returns the FILTER and OVER clauses of c.
func (p *printer) suffix(c *FunctionCall) string {
	return p.captured(func() {
		if c.Filter != nil {
			p.WriteString(" FILTER (WHERE ")
			p.expr(c.Filter)
			p.WriteString(")")
		}
		if c.Over != nil {
			p.WriteString(" OVER ")
			p.window(c.Over)
		}
	})
}

// unsupported returns the error of a call that DuckDB cannot express.
func unsupported(at Node, what string) error {
	return &Error{
		Class: "UNSUPPORTED_FEATURE", State: "0A000", Range: at.Pos(),
		Text: what + " is not supported by this engine.",
	}
}

// wrongArguments returns the error of a call with a number of arguments that
// the function does not take.
func wrongArguments(call *FunctionCall, want string) error {
	return &Error{
		Class: "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", State: "42605", Range: call.Range,
		Text: "The function " + call.Func() + " takes " + want + " arguments.",
	}
}
