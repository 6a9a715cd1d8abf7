package sql

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// sparkFunctions is the table of Spark's functions and what DuckDB calls them.
// A function it lacks is refused by name: DuckDB has functions of the same
// name with another meaning.
//
// Names that begin with spark_ are functions that the engine adds to DuckDB
// (engine/duckdb's prelude.sql and udf.go). Every entry has its expressions
// in testdata/functions.txt, with the answers that Spark gave.
var sparkFunctions = functionTable{}

// isAggregate has the names of the aggregate functions.
var isAggregate = map[string]bool{}

// isWindow has the names of the functions that need an OVER clause.
var isWindow = map[string]bool{}

// init fills the tables: printing an argument reads it again, so that its own
// initial value cannot name the mappings.
func init() {
	for _, t := range []functionTable{
		stringFunctions, regexpFunctions, formatFunctions, mathFunctions, conditionalFunctions, timeFunctions, aggregateFunctions,
		windowFunctions, arrayFunctions, mapFunctions, jsonFunctions, variantFunctions, castFunctions, otherFunctions,
	} {
		maps.Copy(sparkFunctions, t)
	}
	for name := range aggregateFunctions {
		isAggregate[name] = true
	}
	for name := range windowFunctions {
		isWindow[name] = true
	}
}

// named maps a function to one of DuckDB's that takes the same arguments, at
// least low and at most high of them, -1 for any number.
func named(name string, low, high int) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) < low || high >= 0 && len(call.Args) > high {
			return "", wrongArguments(call, countText(low, high))
		}
		return p.call(name, call), nil
	}
}

func countText(low, high int) string {
	switch {
	case high < 0:
		return fmt.Sprintf("at least %d", low)
	case low == high:
		return strconv.Itoa(low)
	}
	return fmt.Sprintf("%d to %d", low, high)
}

// expr maps a function to expressions, one for each number of arguments. In
// an expression $1 is the first argument, which may occur more than once, and
// $* all of them, however many. In an aggregate's, $D stands where DISTINCT
// goes and $F where FILTER and OVER go.
func expr(templates ...string) functionMapping {
	byCount := map[int]string{}
	for _, t := range templates {
		byCount[templateArguments(t)] = t
	}
	counts := slices.Sorted(maps.Keys(byCount))
	want := countText(counts[0], counts[len(counts)-1])
	return func(p *printer, call *FunctionCall) (string, error) {
		t, ok := byCount[len(call.Args)]
		if variadic, has := byCount[anyNumber]; has && !ok && len(call.Args) > 0 {
			t, ok = variadic, true
		}
		if !ok {
			return "", wrongArguments(call, want)
		}
		return fill(p, call, t)
	}
}

// leading is [expr] for a function that takes up to high arguments, of which
// the template's say all that matters here: the rest tunes Spark.
func leading(high int, template string) functionMapping {
	n := templateArguments(template)
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) < n || len(call.Args) > high {
			return "", wrongArguments(call, countText(n, high))
		}
		return fill(p, call, template)
	}
}

// anyNumber is what templateArguments returns for $*.
const anyNumber = -1

// templateArguments returns the number of arguments that a template takes: the
// highest it mentions.
func templateArguments(t string) int {
	n := 0
	for i := range len(t) - 1 {
		switch {
		case t[i] == '$' && t[i+1] == '*':
			return anyNumber
		case t[i] == '$' && isDigit(t[i+1]):
			n = max(n, int(t[i+1]-'0'))
		}
	}
	return n
}

// fill puts a call's arguments and clauses into a template.
func fill(p *printer, call *FunctionCall, template string) (string, error) {
	aggregate := strings.Contains(template, "$F")
	if !aggregate && (call.Filter != nil || call.Over != nil || call.Distinct) {
		return "", unsupported(call, "A DISTINCT, FILTER or OVER clause of "+call.Func())
	}
	if call.Distinct && !strings.Contains(template, "$D") {
		return "", unsupported(call, "DISTINCT in "+call.Func())
	}
	pairs := []string{"$F", p.suffix(call), "$D", ""}
	if call.Distinct {
		pairs[3] = "DISTINCT "
	}
	all := make([]string, len(call.Args))
	var bound []string // names and values, see [printer.typed]
	for i, a := range call.Args {
		all[i] = p.operand(a)
		if !aggregate && strings.Contains(template, "spark_") && isComputed(a) {
			name := "freshet_" + strconv.Itoa(i+1)
			bound = append(bound, name, all[i])
			all[i] = ident(name)
		}
		pairs = append(pairs, "$"+strconv.Itoa(i+1), all[i])
	}
	pairs = append(pairs, "$*", strings.Join(all, ", "))
	text := strings.NewReplacer(pairs...).Replace(template)
	for pair := range slices.Chunk(bound, 2) {
		text = let(pair[0], pair[1], text)
	}
	return text, nil
}

// typed returns what apply makes of e. The engine's macros that begin with
// spark_ are chosen by the types of their arguments, and DuckDB does not know
// the type of an aggregate or a window function in time, so that one is bound
// to a name first.
func (p *printer) typed(e Expr, apply func(text string) string) string {
	if !isComputed(e) {
		return apply(p.text(e))
	}
	return let("freshet_value", p.text(e), apply(ident("freshet_value")))
}

// isComputed reports whether e has an aggregate, window function or query in
// it.
func isComputed(e Expr) bool {
	found := false
	Inspect(e, func(n Node) bool {
		switch n := n.(type) {
		case *FunctionCall:
			found = found || n.Over != nil || isAggregate[n.Func()]
		case *Query:
			found = true
		}
		return !found
	})
	return found
}

// failing is DuckDB's expression that fails with one of Spark's error classes.
func failing(class, state, text string) string {
	return "error('[" + class + "] " + strings.ReplaceAll(text, "'", "''") + " SQLSTATE: " + state + "')"
}

// constant returns the text of a string literal, and whether e is one.
func constant(e Expr) (string, bool) {
	if l, ok := e.(*Literal); ok && l.Kind == StringLiteral {
		return l.Value, true
	}
	return "", false
}

// integer returns the value of an integer literal, and whether e is one.
func integer(e Expr) (int, bool) {
	sign := 1
	if u, ok := e.(*Unary); ok && u.Op == "-" {
		sign, e = -1, u.X
	}
	l, ok := e.(*Literal)
	if !ok || l.Kind != IntegerLiteral && l.Kind != LongLiteral {
		return 0, false
	}
	n, err := strconv.Atoi(l.Value)
	return sign * n, err == nil
}
