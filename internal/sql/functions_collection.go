package sql

import (
	"slices"
	"strconv"
	"strings"
)

var arrayFunctions = functionTable{
	"aggregate":       aggregate,
	"array":           array,
	"array_append":    expr("list_append($1, $2)"),
	"array_compact":   expr("list_filter($1, lambda e: e IS NOT NULL)"),
	"array_contains":  expr("spark_array_contains($1, $2)"),
	"array_distinct":  expr("spark_array_distinct($1)"),
	"array_except":    expr("spark_array_except($1, $2)"),
	"array_insert":    expr("spark_array_insert($1, $2, $3)"),
	"array_intersect": expr("spark_array_intersect($1, $2)"),
	"array_join":      expr("array_to_string(list_filter($1, lambda e: e IS NOT NULL), $2)", "array_to_string(list_transform($1, lambda e: coalesce(CAST(e AS VARCHAR), $3)), $2)"),
	"array_max":       expr("list_max($1)"),
	"array_min":       expr("list_min($1)"),
	"array_position":  expr("spark_array_position($1, $2)"),
	"array_prepend":   expr("list_prepend($2, $1)"),
	"array_remove":    expr("spark_array_remove($1, $2)"),
	"array_repeat":    expr("list_transform(range($2), lambda e: $1)"),
	"array_size":      expr("CAST(len($1) AS INTEGER)"),
	"array_sort":      expr("list_sort($1, 'ASC', 'NULLS LAST')"),
	"array_union":     expr("spark_array_distinct($1 || $2)"),
	"arrays_overlap":  expr("spark_arrays_overlap($1, $2)"),
	"arrays_zip":      arraysZip,
	"cardinality":     expr("spark_size($1)"),
	"element_at":      expr("spark_element_at($1, $2)"),
	"exists":          predicate("spark_exists"),
	"filter":          filter,
	"flatten":         expr("spark_flatten($1)"),
	"forall":          predicate("spark_forall"),
	"get":             expr("CASE WHEN $2 >= 0 THEN $1[$2 + 1] END"),
	"reduce":          aggregate,
	"sequence":        sequence,
	"size":            expr("spark_size($1)"),
	"slice":           expr("spark_slice($1, $2, $3)"),
	"sort_array":      sortArray,
	"transform":       transform,
	"try_element_at":  expr("spark_try_element_at($1, $2)"),
	"zip_with":        zipWith,
}

var mapFunctions = functionTable{
	"map":              mapOf,
	"map_concat":       named("map_concat", 1, -1),
	"map_contains_key": expr("list_contains(map_keys($1), $2)"),
	"map_entries":      named("map_entries", 1, 1),
	"map_filter":       mapLambda("map_from_entries(list_filter(map_entries(%m), lambda e: %b))"),
	"map_from_arrays":  expr("MAP($1, $2)"),
	"map_from_entries": named("map_from_entries", 1, 1),
	"map_keys":         named("map_keys", 1, 1),
	"map_values":       named("map_values", 1, 1),
	"map_zip_with":     mapZipWith,
	"named_struct":     namedStruct,
	"struct":           structOf,
	"transform_keys":   mapLambda("MAP(list_transform(map_entries(%m), lambda e: %b), map_values(%m))"),
	"transform_values": mapLambda("MAP(map_keys(%m), list_transform(map_entries(%m), lambda e: %b))"),
}

func array(p *printer, call *FunctionCall) (string, error) {
	return "[" + p.arguments(call) + "]", nil
}

func mapOf(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args)%2 != 0 {
		return "", wrongArguments(call, "an even number of")
	}
	entries := make([]string, 0, len(call.Args)/2)
	for pair := range slices.Chunk(call.Args, 2) {
		entries = append(entries, p.operand(pair[0])+": "+p.text(pair[1]))
	}
	return "MAP {" + strings.Join(entries, ", ") + "}", nil
}

// namedStruct is named_struct('name', value, …), the names literals.
func namedStruct(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args)%2 != 0 {
		return "", wrongArguments(call, "an even number of")
	}
	var fields []string
	for pair := range slices.Chunk(call.Args, 2) {
		name, ok := constant(pair[0])
		if !ok {
			return "", unsupported(pair[0], "A field name that is not a literal")
		}
		fields = append(fields, ident(name)+" := "+p.text(pair[1]))
	}
	return "struct_pack(" + strings.Join(fields, ", ") + ")", nil
}

// structOf names its fields by their columns, or col1, col2, ….
func structOf(p *printer, call *FunctionCall) (string, error) {
	fields := make([]string, len(call.Args))
	for i, a := range call.Args {
		fields[i] = ident(columnName(a, "col"+strconv.Itoa(i+1))) + " := " + p.text(a)
	}
	return "struct_pack(" + strings.Join(fields, ", ") + ")", nil
}

// arraysZip makes structs of the arrays' elements, named by their columns or
// numbered.
func arraysZip(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) == 0 {
		return "", wrongArguments(call, countText(1, -1))
	}
	fields, lengths := make([]string, len(call.Args)), make([]string, len(call.Args))
	for i, a := range call.Args {
		x := p.operand(a)
		fields[i] = ident(columnName(a, strconv.Itoa(i))) + " := " + x + "[i]"
		lengths[i] = "len(" + x + ")"
	}
	return "list_transform(range(1, 1 + greatest(" + strings.Join(lengths, ", ") + ")), lambda i: struct_pack(" +
		strings.Join(fields, ", ") + "))", nil
}

func columnName(e Expr, otherwise string) string {
	if c, ok := e.(*Column); ok {
		return c.Parts[len(c.Parts)-1]
	}
	return otherwise
}

// sequence counts up or down; between dates and timestamps it takes an
// interval, by default a day.
func sequence(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 2 && len(call.Args) != 3 {
		return "", wrongArguments(call, countText(2, 3))
	}
	dates := isDate(call.Args[0])
	if len(call.Args) == 2 {
		if dates {
			return fill(p, call, "CAST(generate_series($1, $2, INTERVAL 1 DAY) AS DATE[])")
		}
		return fill(p, call, "spark_sequence($1, $2, CASE WHEN $1 <= $2 THEN 1 ELSE -1 END)")
	}
	if dates {
		return fill(p, call, "CAST(generate_series($1, $2, $3) AS DATE[])")
	}
	return fill(p, call, "spark_sequence($1, $2, $3)")
}

// isDate reports whether an expression is a date by the look of it.
func isDate(e Expr) bool {
	switch e := e.(type) {
	case *Literal:
		return e.Kind == DateLiteral
	case *Cast:
		return e.Type.Type.String() == "DATE"
	case *FunctionCall:
		return slices.Contains([]string{"to_date", "date", "current_date", "curdate", "make_date", "last_day", "trunc", "add_months"}, e.Func())
	}
	return false
}

func sortArray(p *printer, call *FunctionCall) (string, error) {
	const ascending, descending = "list_sort($1, 'ASC', 'NULLS FIRST')", "list_sort($1, 'DESC', 'NULLS LAST')"
	if len(call.Args) < 2 {
		return expr(ascending)(p, call)
	}
	l, ok := call.Args[1].(*Literal)
	if !ok || l.Kind != BooleanLiteral || len(call.Args) > 2 {
		return "", unsupported(call.Args[1], "An order of sort_array that is not a literal")
	}
	if l.Value == "true" {
		return fill(p, call, ascending)
	}
	return fill(p, call, descending)
}
