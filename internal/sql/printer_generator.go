package sql

import "strings"

// generators are Spark's functions that make several rows, by the names of the
// columns they make of an array. Of a map, the explode family makes key and
// value instead of col; how many names the query gives tells which it is.
var generators = map[string][]string{
	"explode":          {"col"},
	"explode_outer":    {"col"},
	"posexplode":       {"pos", "col"},
	"posexplode_outer": {"pos", "col"},
}

func isGenerator(call *FunctionCall) bool { return generators[call.Func()] != nil }

// column is an expression and its name.
type column struct{ text, name string }

// generated returns the columns that a call of a generator makes, as
// expressions of a SELECT. Names are those the query gives, or none.
func (p *printer) generated(call *FunctionCall, outer bool, names []string) []column {
	function := call.Func()
	outer = outer || strings.HasSuffix(function, "_outer")
	position := strings.HasPrefix(function, "pos")
	if len(call.Args) != 1 {
		p.fail(wrongArguments(call, "1"))
		return nil
	}
	x := p.operand(call.Args[0])
	var texts []string
	if position {
		texts = append(texts, positions(nonEmpty(x, outer)))
	}
	columns := len(generators[function])
	switch len(names) {
	case 0:
		names = generators[function]
		texts = append(texts, "unnest("+nonEmpty(x, outer)+")")
	case columns:
		texts = append(texts, "unnest("+nonEmpty(x, outer)+")")
	case columns + 1:
		if position {
			texts[0] = positions(nonEmpty("map_keys("+x+")", outer))
		}
		texts = append(texts, "unnest("+nonEmpty("map_keys("+x+")", outer)+")", "unnest("+nonEmpty("map_values("+x+")", outer)+")")
	default:
		p.fail(&Error{
			Class: "UDTF_ALIAS_NUMBER_MISMATCH", State: "42802", Range: call.Range,
			Text: "The number of aliases does not match the columns that " + function + " makes.",
		})
		return nil
	}
	if position && outer {
		// An empty array makes one row, whose position is NULL as its value is.
		texts[0] += " + CASE WHEN len(" + arrayOf(x, len(texts)) + ") > 0 THEN 0 END"
	}
	made := make([]column, len(texts))
	for i := range texts {
		made[i] = column{texts[i], names[i]}
	}
	return made
}

// positions returns the numbers, from 0, of an array's elements.
func positions(array string) string {
	return "CAST(generate_subscripts(" + array + ", 1) - 1 AS INTEGER)"
}

// arrayOf returns the array that a generator of so many columns, its position
// among them, goes through: a map's keys when there are three.
func arrayOf(x string, columns int) string {
	if columns == 3 {
		return "map_keys(" + x + ")"
	}
	return x
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
	join(p, made, func(c column) { p.put(c.text, " AS ", ident(c.name)) })
}

// generatorItem prints a generator in a select list.
func (p *printer) generatorItem(n *SelectItem, call *FunctionCall) {
	names := n.Aliases
	if n.Alias != "" {
		names = []string{n.Alias}
	}
	p.columns(p.generated(call, false, names))
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
	p.columns(p.generated(n.Call, false, n.Columns))
	p.put(")")
	if n.Table != "" {
		p.put(" AS ", ident(n.Table))
	}
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
		p.columns(p.generated(call, false, names))
		p.put(")")
		p.suffixes(alias, n.Sample)
	case name == "range":
		p.rangeFunction(n)
	default:
		p.put(ident(p.relation(n)))
		p.suffixes(n.Alias, n.Sample)
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
}
