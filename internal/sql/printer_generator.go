package sql

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// generators are Spark's functions that make several rows or columns, by what
// writes the columns that they make of a call.
var generators map[string]func(p *printer, call *FunctionCall, outer bool, names []string) []column

func init() {
	generators = map[string]func(p *printer, call *FunctionCall, outer bool, names []string) []column{
		"explode": (*printer).exploded, "explode_outer": (*printer).exploded,
		"posexplode": (*printer).exploded, "posexplode_outer": (*printer).exploded,
		"inline": (*printer).inlined, "inline_outer": (*printer).inlined,
		"json_tuple": (*printer).jsonTuple, "stack": (*printer).stacked,
		"variant_explode": (*printer).variantExploded, "variant_explode_outer": (*printer).variantExploded,
	}
}

// isTable has the generators that stand in a FROM clause alone.
var isTable = map[string]bool{"variant_explode": true, "variant_explode_outer": true}

func isGenerator(call *FunctionCall) bool { return generators[call.Func()] != nil }

// column is an expression, its name and its type.
type column struct {
	text, name string
	typ        schema.Type
}

// generated returns the columns that a call of a generator makes, as
// expressions of a SELECT. Names are those the query gives, or none; outer
// makes a row of NULLs where there would be none.
func (p *printer) generated(call *FunctionCall, outer bool, names []string) []column {
	call = p.spread(call)
	function := call.Func()
	made := generators[function](p, call, outer || strings.HasSuffix(function, "_outer"), names)
	if p.err != nil || len(names) == 0 {
		return made
	}
	if len(names) != len(made) {
		p.fail(&Error{
			Class: "UDTF_ALIAS_NUMBER_MISMATCH", State: "42802", Range: call.Range,
			Text: "The number of aliases does not match the columns that " + function + " makes.",
		})
		return nil
	}
	for i := range made {
		made[i].name = names[i]
	}
	return made
}

// exploded makes a row of each element of an array or entry of a map. Where
// the printer does not know which it is, how many names the query gives tells.
func (p *printer) exploded(call *FunctionCall, outer bool, names []string) []column {
	if len(call.Args) != 1 {
		p.fail(wrongArguments(call, "1"))
		return nil
	}
	x, t := p.operand(call.Args[0]), p.typeOf(call.Args[0])
	position := strings.HasPrefix(call.Func(), "pos")
	array, _ := t.(schema.Array)
	values := []column{{"unnest(" + nonEmpty(x, outer) + ")", "col", array.Element}}
	through := x
	entries, isMap := t.(schema.Map)
	if isMap || t == nil && (len(names) == 2 && !position || len(names) == 3) {
		through = "map_keys(" + x + ")"
		values = []column{
			{"unnest(" + nonEmpty(through, outer) + ")", "key", entries.Key},
			{"unnest(" + nonEmpty("map_values("+x+")", outer) + ")", "value", entries.Value},
		}
	}
	if !position {
		return values
	}
	at := positions(nonEmpty(through, outer))
	if outer {
		// An empty array makes one row, whose position is NULL as its value is.
		at += " + CASE WHEN len(" + through + ") > 0 THEN 0 END"
	}
	return append([]column{{at, "pos", schema.Integer}}, values...)
}

// inlined makes a row of each struct in an array, and a column of each field.
func (p *printer) inlined(call *FunctionCall, outer bool, names []string) []column {
	if len(call.Args) != 1 {
		p.fail(wrongArguments(call, "1"))
		return nil
	}
	x := p.operand(call.Args[0])
	array, _ := p.typeOf(call.Args[0]).(schema.Array)
	element, ok := array.Element.(*schema.Struct)
	if !ok && len(names) == 0 && !outer {
		return []column{{text: "unnest(" + x + ", max_depth := 2)"}}
	}
	if !ok {
		p.fail(unsupported(call, call.Func()+" with names, of an argument whose type is only known when the query runs,"))
		return nil
	}
	made := make([]column, len(element.Fields))
	for i, f := range element.Fields {
		field := "list_transform(" + x + ", lambda freshet_item: freshet_item." + ident(f.Name) + ")"
		made[i] = column{"unnest(" + nonEmpty(field, outer) + ")", f.Name, f.Type}
	}
	return made
}

// variantExploded makes a row of each field of an object or element of an array
// in a variant.
func (p *printer) variantExploded(call *FunctionCall, outer bool, _ []string) []column {
	if len(call.Args) != 1 {
		p.fail(wrongArguments(call, "1"))
		return nil
	}
	x, err := p.variantArgument(call.Args[0])
	if err != nil {
		p.fail(err)
		return nil
	}
	all := nonEmpty("range(spark_variant_size("+x+"))", outer)
	part := func(function string) string {
		return "unnest(list_transform(" + all + ", lambda freshet_item: " + function + "(" + x + ", freshet_item)))"
	}
	return []column{
		{"CAST(unnest(" + all + ") AS INTEGER)", "pos", schema.Integer},
		{part("spark_variant_key"), "key", schema.String},
		{part("spark_variant_part"), "value", schema.Variant},
	}
}

// stacked is stack(n, values…): n rows of the values.
func (p *printer) stacked(call *FunctionCall, _ bool, _ []string) []column {
	if len(call.Args) < 2 {
		p.fail(wrongArguments(call, countText(2, -1)))
		return nil
	}
	rows, ok := integer(call.Args[0])
	if !ok || rows <= 0 || rows > len(call.Args) {
		p.fail(unsupported(call.Args[0], "A number of rows of stack that is no literal from 1 to the number of values"))
		return nil
	}
	values := call.Args[1:]
	made := make([]column, (len(values)+rows-1)/rows)
	for i := range made {
		var items []Expr
		for k := i; k < len(values); k += len(made) {
			items = append(items, values[k])
		}
		t := p.commonTypeOf(items)
		list := p.captured(func() { join(p, items, func(e Expr) { p.exprAs(e, t) }) })
		list += strings.Repeat(", NULL", rows-len(items))
		made[i] = column{"unnest([" + list + "])", "col" + strconv.Itoa(i), t}
	}
	return made
}

// jsonTuple is json_tuple(text, keys…): a column of each key's value.
func (p *printer) jsonTuple(call *FunctionCall, _ bool, _ []string) []column {
	if len(call.Args) < 2 {
		p.fail(wrongArguments(call, countText(2, -1)))
		return nil
	}
	x := p.text(call.Args[0])
	made := make([]column, len(call.Args)-1)
	for i, key := range call.Args[1:] {
		path := `'$."' || ` + p.operand(key) + ` || '"'`
		if name, ok := constant(key); ok {
			path = stringText(`$."` + name + `"`)
		}
		made[i] = column{"spark_get_json_object(" + x + ", " + path + ")", "c" + strconv.Itoa(i), schema.String}
	}
	return made
}

// positions returns the numbers, from 0, of an array's elements.
func positions(array string) string {
	return "CAST(generate_subscripts(" + array + ", 1) - 1 AS INTEGER)"
}

// nonEmpty returns an array's text, so that an empty one has a NULL if it is
// to make a row.
func nonEmpty(x string, outer bool) string {
	if !outer {
		return x
	}
	return "CASE WHEN len(" + x + ") > 0 THEN " + x + " ELSE [NULL] END"
}

func (p *printer) columns(made []column) {
	join(p, made, func(c column) {
		p.put(c.text)
		if c.name != "" {
			p.put(" AS ", ident(c.name))
		}
	})
}

// outputsOfColumns returns the names and types of columns.
func outputsOfColumns(made []column) []output {
	all := make([]output, len(made))
	for i, c := range made {
		all[i] = output{c.name, c.typ}
		if c.name == "" {
			return nil
		}
	}
	return all
}

// itemNames returns the names that a select item gives a generator's columns.
func itemNames(n *SelectItem) []string {
	if n.Alias != "" {
		return []string{n.Alias}
	}
	return n.Aliases
}

// generatorItem prints a generator in a select list.
func (p *printer) generatorItem(n *SelectItem, call *FunctionCall) {
	if isTable[call.Func()] {
		p.fail(&Error{
			Class: "NOT_A_SCALAR_FUNCTION", State: "42887", Range: call.Range,
			Text: tickedName([]string{call.Func()}) + " appears as a scalar expression here, but the function was defined as a table function. Please update the query to move the function call into the FROM clause.",
		})
		return
	}
	p.columns(p.generated(call, false, itemNames(n)))
}

// lateralView prints LATERAL VIEW as a join with the rows a generator makes.
func (p *printer) lateralView(n *LateralView) {
	if !isGenerator(n.Call) {
		p.fail(unsupported(n, "LATERAL VIEW "+n.Call.Func()))
		return
	}
	if n.Outer {
		p.put(" LEFT JOIN LATERAL (SELECT ")
	} else {
		p.put(", LATERAL (SELECT ")
	}
	made := p.generated(n.Call, false, n.Columns)
	p.columns(made)
	p.put(")")
	if n.Table != "" {
		p.put(" AS ", ident(n.Table))
	}
	p.provide(&Alias{Name: n.Table}, outputsOfColumns(made))
	if n.Outer {
		p.put(" ON TRUE")
	}
}

// tableFunction prints a call in a FROM clause.
func (p *printer) tableFunction(n *TableFunction) {
	name := strings.ToLower(strings.Join(n.Name.Parts, "."))
	call := &FunctionCall{Range: n.Range, Name: n.Name, Args: n.Args}
	switch {
	case isGenerator(call):
		var names []string
		alias := n.Alias
		if alias != nil {
			names = alias.Columns
			alias = &Alias{Name: alias.Name}
		}
		p.put("LATERAL (SELECT ")
		made := p.generated(call, false, names)
		p.columns(made)
		p.put(")")
		p.suffixes(alias, n.Sample)
		p.provide(alias, outputsOfColumns(made))
	case name == "range":
		p.rangeFunction(n)
	default:
		name, columns := p.relation(n)
		p.put(ident(name))
		p.suffixes(n.Alias, n.Sample)
		p.provide(n.Alias, columns)
	}
}

// isEngineFunction reports whether a table function is printed as DuckDB's own.
func isEngineFunction(n *TableFunction) bool {
	name := strings.ToLower(strings.Join(n.Name.Parts, "."))
	return name == "range" || generators[name] != nil
}

// rangeFunction prints range(end) and range(start, end [, step]), whose column
// Spark calls id.
func (p *printer) rangeFunction(n *TableFunction) {
	if len(n.Args) == 0 || len(n.Args) > 4 {
		p.fail(wrongArguments(&FunctionCall{Range: n.Range, Name: n.Name}, "1 to 4"))
		return
	}
	alias := Alias{Name: "range"}
	if n.Alias != nil {
		alias = *n.Alias
	}
	if alias.Columns == nil {
		alias.Columns = []string{"id"}
	}
	p.put("range(")
	join(p, n.Args[:min(len(n.Args), 3)], func(e Expr) { p.put("CAST(", p.text(e), " AS BIGINT)") })
	p.put(")")
	p.suffixes(&alias, n.Sample)
	p.provide(&alias, []output{{"id", schema.Long}})
}
