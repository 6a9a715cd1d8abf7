package sql

import (
	"slices"
	"strings"

	"github.com/freshet/freshet/schema"
)

// checkColumn fails for a name that no table has, or more than one, as far as
// the columns of the tables are known.
func (p *printer) checkColumn(e *Column) {
	parts := p.unqualify(e.Parts, 1)
	tables := 0
	for _, f := range p.frames {
		tables += len(f.sources)
	}
	if tables == 0 || p.isLambdaParameter(parts[0]) {
		return
	}
	for _, f := range slices.Backward(p.frames) {
		if owners := f.owners(parts); len(owners) > 1 {
			p.fail(&Error{
				Class: "AMBIGUOUS_REFERENCE", State: "42704", Range: e.Range,
				Text: "Reference " + tickedName(e.Parts) + " is ambiguous, could be: [" + strings.Join(owners, ", ") + "].",
			})
			return
		}
		_, _, found := f.find(parts)
		if found || slices.ContainsFunc(f.names, func(n string) bool { return strings.EqualFold(n, parts[0]) }) {
			return
		}
	}
	p.fail(p.unresolved(e))
}

func (p *printer) isLambdaParameter(name string) bool {
	return slices.ContainsFunc(p.lambdas, func(l output) bool { return strings.EqualFold(l.name, name) })
}

// owners returns the tables, with the column, that a name without a table may
// belong to. A column that a join has in common belongs to one.
func (f *frame) owners(parts []string) []string {
	if f.natural || slices.ContainsFunc(f.joined, func(n string) bool { return strings.EqualFold(n, parts[0]) }) {
		return nil
	}
	var owners []string
	for _, s := range f.sources {
		if len(parts) > 1 && s.alias == strings.ToLower(parts[0]) {
			return nil // the name of the table comes first
		}
		if c := columnNamed(s.columns, parts[0]); c != nil {
			owners = append(owners, tickedName([]string{s.alias, c.name}))
		}
	}
	return owners
}

// ownPrefix begins the names of columns that statements add for themselves.
const ownPrefix = "__freshet_"

// maxSuggestions is how many columns an error suggests.
const maxSuggestions = 5

// unresolved is the error of a name that no table has. It suggests the columns
// with the most similar names.
func (p *printer) unresolved(e *Column) error {
	name := e.Parts[len(e.Parts)-1]
	type suggestion struct {
		text     string
		distance int
	}
	var all []suggestion
	for _, s := range p.frames[len(p.frames)-1].sources {
		for _, c := range s.columns {
			if strings.HasPrefix(c.name, ownPrefix) {
				continue
			}
			qualified := []string{c.name}
			if s.alias != "" && len(p.frames[len(p.frames)-1].sources) > 1 {
				qualified = []string{s.alias, c.name}
			}
			all = append(all, suggestion{tickedName(qualified), distance(strings.ToLower(c.name), strings.ToLower(name))})
		}
	}
	slices.SortStableFunc(all, func(a, b suggestion) int { return a.distance - b.distance })
	text := "A column, variable, or function parameter with name " + tickedName(e.Parts) + " cannot be resolved."
	if len(all) == 0 {
		return &Error{Class: "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", State: "42703", Range: e.Range, Text: text}
	}
	var names []string
	for _, s := range all[:min(len(all), maxSuggestions)] {
		names = append(names, s.text)
	}
	text += " Did you mean one of the following? [" + strings.Join(names, ", ") + "]."
	return &Error{Class: "UNRESOLVED_COLUMN.WITH_SUGGESTION", State: "42703", Range: e.Range, Text: text}
}

// distance is the number of letters to change, add or leave out between two
// names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			row[j+1] = min(above+1, row[j]+1, corner+1)
			if a[i] == b[j] {
				row[j+1] = min(row[j+1], corner)
			}
			corner = above
		}
	}
	return row[len(b)]
}

// checkField fails for a field that a struct does not have.
func (p *printer) checkField(at Node, t schema.Type, name string) {
	if array, ok := t.(schema.Array); ok {
		t = array.Element
	}
	s, ok := t.(*schema.Struct)
	if !ok || fieldType(s, name) != nil {
		return
	}
	names := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		names[i] = tickedName([]string{f.Name})
	}
	p.fail(&Error{
		Class: "FIELD_NOT_FOUND", State: "42704", Range: at.Pos(),
		Text: "No such struct field " + tickedName([]string{name}) + " in " + strings.Join(names, ", ") + ".",
	})
}

// tickedName writes a name as Spark's messages do.
func tickedName(parts []string) string {
	quoted := make([]string, 0, len(parts))
	for _, n := range parts {
		if n != "" {
			quoted = append(quoted, "`"+strings.ReplaceAll(n, "`", "``")+"`")
		}
	}
	return strings.Join(quoted, ".")
}
