package sql

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// format returns a node as Databricks SQL.
func format(n Node) string {
	var w writer
	w.node(n)
	return w.String()
}

// writer writes nodes in the dialect they were parsed from.
type writer struct {
	strings.Builder
}

// put writes texts one after another.
func (w *writer) put(texts ...string) {
	for _, t := range texts {
		w.WriteString(t)
	}
}

// when writes texts if cond holds.
func (w *writer) when(cond bool, texts ...string) {
	if cond {
		w.put(texts...)
	}
}

// list writes nodes between commas.
func list[N Node](w *writer, nodes []N) {
	for i, n := range nodes {
		w.when(i > 0, ", ")
		w.node(n)
	}
}

// clause writes nodes between commas after a heading, unless there are none.
func clause[N Node](w *writer, heading string, nodes []N, end string) {
	if len(nodes) > 0 {
		w.put(heading)
		list(w, nodes)
		w.put(end)
	}
}

func (w *writer) names(heading string, names []string, end string) {
	for i, n := range names {
		w.put(heading, quoteName(n))
		heading = ", "
		w.when(i == len(names)-1, end)
	}
}

func (w *writer) node(n Node) {
	switch n := n.(type) {
	case Expr:
		w.expr(n)
	case *Query:
		w.query(n)
	case QueryBody:
		w.body(n)
	case TableRef:
		w.table(n)
	case Statement:
		w.statement(n)
	default:
		w.part(n)
	}
}

// part writes the nodes that are part of queries and expressions.
func (w *writer) part(n Node) {
	switch n := n.(type) {
	case *Name:
		w.name(n)
	case *TypeName:
		w.put(typeText(n.Type))
	case *Property:
		w.put(quoteString(n.Key), " = ", quoteString(n.Value))
	case *With:
		w.put("WITH ")
		w.when(n.Recursive, "RECURSIVE ")
		list(w, n.Tables)
	case *CommonTable:
		w.put(quoteName(n.Name))
		w.names(" (", n.Columns, ")")
		w.put(" AS (")
		w.query(n.Query)
		w.put(")")
	case *SelectItem:
		w.selectItem(n)
	case *GroupBy:
		w.when(n.All, "ALL")
		list(w, n.Items)
	case *LateralView:
		w.put("LATERAL VIEW ")
		w.when(n.Outer, "OUTER ")
		w.expr(n.Call)
		w.when(n.Table != "", " ", quoteName(n.Table))
		w.names(" AS ", n.Columns, "")
	case *NamedWindow:
		w.put(quoteName(n.Name), " AS ")
		w.window(n.Spec)
	case *SortItem:
		w.sortItem(n)
	case *Alias:
		w.put(" AS ", quoteName(n.Name))
		w.names(" (", n.Columns, ")")
	case *TimeTravel:
		w.timeTravel(n)
	case *Sample:
		w.sample(n)
	case *Watermark:
		w.watermark(n)
	case *DistinctOn:
		w.distinctOn(n)
	case *UnpivotGroup:
		w.unpivotGroup(n)
	case *IntervalField:
		w.expr(n.Value)
		w.when(n.Unit != "", " ", n.Unit)
		w.when(n.To != "", " TO ", n.To)
	case *When:
		w.put("WHEN ")
		w.expr(n.Cond)
		w.put(" THEN ")
		w.expr(n.Then)
	case *Window:
		w.window(n)
	case *Frame:
		w.frame(n)
	case *FrameBound:
		w.bound(n)
	default:
		w.definition(n)
	}
}

func (w *writer) name(n *Name) {
	if n.Expr != nil {
		w.put("IDENTIFIER(")
		w.expr(n.Expr)
		w.put(")")
		return
	}
	for i, part := range n.Parts {
		w.when(i > 0, ".")
		switch {
		case n.Quoted && i == len(n.Parts)-1:
			w.put(backticks(part))
		case n.isPathForm() && i == len(n.Parts)-1:
			w.put(part) // backticks would make it a path
		default:
			w.put(quoteName(part))
		}
	}
}

// callName writes the name of a function that is called.
func (w *writer) callName(n *Name) {
	if len(n.Parts) == 1 && isPlain(n.Parts[0]) && callsPlainly[strings.ToUpper(n.Parts[0])] {
		w.put(n.Parts[0])
		return
	}
	w.name(n)
}

// dotted returns the parts of a name with dots.
func dotted(parts []string) string {
	quoted := make([]string, len(parts))
	for i, p := range parts {
		quoted[i] = quoteName(p)
	}
	return strings.Join(quoted, ".")
}

// quoteName returns a name as it stands in SQL: plain where that is read as a
// name in every place, otherwise between backticks.
func quoteName(name string) string {
	if isPlain(name) && !isKeyword(name) {
		return name
	}
	return backticks(name)
}

func backticks(name string) string {
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

// isPlain reports whether name is made of ASCII letters, digits and
// underscores, and starts with no digit.
func isPlain(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !isLetter(c) && (i == 0 || !isDigit(c)) {
			return false
		}
	}
	return name != ""
}

var stringEscapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`)

// quoteString returns a string literal.
func quoteString(s string) string { return "'" + stringEscapes.Replace(s) + "'" }

// typeText returns a type as SQL, its nested names quoted.
func typeText(t schema.Type) string {
	switch t := t.(type) {
	case schema.Array:
		return "ARRAY<" + typeText(t.Element) + ">"
	case schema.Map:
		return "MAP<" + typeText(t.Key) + ", " + typeText(t.Value) + ">"
	case *schema.Struct:
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = quoteName(f.Name) + ": " + typeText(f.Type)
			if !f.Nullable {
				fields[i] += " NOT NULL"
			}
			if c, ok := f.Metadata["comment"].(string); ok {
				fields[i] += " COMMENT " + quoteString(c)
			}
		}
		return "STRUCT<" + strings.Join(fields, ", ") + ">"
	default:
		return t.String()
	}
}

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }
