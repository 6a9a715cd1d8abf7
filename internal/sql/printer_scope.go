package sql

import (
	"slices"
	"strconv"
	"strings"
)

// scope holds the common tables of one WITH clause that are visible so far.
type scope struct {
	columns map[string][]output // by lower-case name; nil where they are not known
}

// frame holds the tables of one SELECT's FROM clause.
type frame struct {
	tables  map[*Table]string // the alias of each table that the query gives none
	named   []qualified
	aliases map[string]bool // every alias, lower case
	sources []source        // printed so far
	names   []string        // that the select list gives, which its other clauses may use
	joined  []string        // columns of USING, of which * has one each
	natural bool            // a NATURAL join does so for any column
}

// hides reports whether * leaves out a column that it has from another table.
func (f *frame) hides(name string, columns []output) bool {
	if columnNamed(columns, name) == nil {
		return false
	}
	return f.natural || slices.ContainsFunc(f.joined, func(n string) bool { return strings.EqualFold(n, name) })
}

// qualified is the full name of a table, by which columns may be qualified,
// and the alias it is printed with.
type qualified struct {
	parts []string
	alias string
}

// countReferences counts how often each name of one part stands for a table,
// which is at least as often as each common table is read.
func (p *printer) countReferences(n Node) {
	Inspect(n, func(n Node) bool {
		switch n := n.(type) {
		case *Table:
			if len(n.Name.Parts) == 1 {
				p.references[strings.ToLower(n.Name.Parts[0])]++
			}
		case *With:
			p.recursive = p.recursive || n.Recursive
		}
		return true
	})
}

// isCommonTable reports whether a table is a common table visible here.
func (p *printer) isCommonTable(t *Table) bool {
	if len(t.Name.Parts) != 1 {
		return false
	}
	name := strings.ToLower(t.Name.Parts[0])
	for _, s := range p.scopes {
		if _, ok := s.columns[name]; ok {
			return true
		}
	}
	return false
}

// commonColumns returns the columns of a common table, or nil.
func (p *printer) commonColumns(name string) []output {
	for _, scope := range slices.Backward(p.scopes) {
		if columns, ok := scope.columns[strings.ToLower(name)]; ok {
			return columns
		}
	}
	return nil
}

// enterFrame makes the tables of a FROM clause known, so that columns may be
// qualified by them.
func (p *printer) enterFrame(from []TableRef) {
	f := &frame{tables: map[*Table]string{}, aliases: map[string]bool{}}
	for _, ref := range from {
		eachTable(ref, f.add)
	}
	p.frames = append(p.frames, f)
}

func (p *printer) leaveFrame() { p.frames = p.frames[:len(p.frames)-1] }

// eachTable calls f for the table references that ref joins, without those in
// subqueries.
func eachTable(ref TableRef, f func(TableRef)) {
	switch ref := ref.(type) {
	case *Join:
		eachTable(ref.Left, f)
		eachTable(ref.Right, f)
	case *TableGroup:
		eachTable(ref.Input, f)
	case *Pivot:
		eachTable(ref.Input, f)
	case *Unpivot:
		eachTable(ref.Input, f)
	default:
		f(ref)
	}
}

// aliasOf returns the alias of a table reference, or nil.
func aliasOf(ref TableRef) *Alias {
	switch ref := ref.(type) {
	case *Table:
		return ref.Alias
	case *TableFunction:
		return ref.Alias
	case *Subquery:
		return ref.Alias
	case *StatementTable:
		return ref.Alias
	case *InlineTable:
		return ref.Alias
	case *TableGroup:
		return ref.Alias
	case *Pivot:
		return ref.Alias
	case *Unpivot:
		return ref.Alias
	}
	return nil
}

// add makes one table reference known. A table without an alias gets the last
// part of its name, with a number where that is taken.
func (f *frame) add(ref TableRef) {
	if a := aliasOf(ref); a != nil {
		f.aliases[strings.ToLower(a.Name)] = true
		return
	}
	t, ok := ref.(*Table)
	if !ok || len(t.Name.Parts) == 0 {
		return
	}
	alias := t.Name.Parts[len(t.Name.Parts)-1]
	for n := 2; f.aliases[strings.ToLower(alias)]; n++ {
		alias = t.Name.Parts[len(t.Name.Parts)-1] + "_" + strconv.Itoa(n)
	}
	f.aliases[strings.ToLower(alias)] = true
	f.tables[t] = alias
	f.named = append(f.named, qualified{parts: t.Name.Parts, alias: alias})
}

// tableAlias returns the alias to print for a table that the query gives none.
func (p *printer) tableAlias(t *Table) string {
	for _, f := range p.frames {
		if alias, ok := f.tables[t]; ok {
			return alias
		}
	}
	return t.Name.Parts[len(t.Name.Parts)-1]
}

// unqualify returns the parts of a column's or star's name with a table's name
// of several parts replaced by its alias; fixed is the number of parts at the
// end that cannot belong to it.
func (p *printer) unqualify(parts []string, fixed int) []string {
	for _, f := range slices.Backward(p.frames) {
		for n := len(parts) - fixed; n > 1; n-- {
			for _, t := range f.named {
				if hasSuffix(t.parts, parts[:n]) {
					return append([]string{t.alias}, parts[n:]...)
				}
			}
		}
	}
	return parts
}

// hasSuffix reports whether a table of this full name may be called by suffix.
func hasSuffix(full, suffix []string) bool {
	if len(suffix) > len(full) {
		return false
	}
	full = full[len(full)-len(suffix):]
	for i := range suffix {
		if !strings.EqualFold(full[i], suffix[i]) {
			return false
		}
	}
	return true
}

// isQualifier reports whether the first part of a column's name is a table's.
func (p *printer) isQualifier(name string) bool {
	for _, f := range p.frames {
		if f.aliases[strings.ToLower(name)] {
			return true
		}
	}
	return false
}
