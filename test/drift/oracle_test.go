package drift_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/freshet/freshet/schema"
)

// oracle says of a row of the table whether the record it comes from is in it:
// every value once, in its column or in the rescued data.
type oracle struct {
	columns *schema.Struct
	rescue  string // name of the column, "" for none
	// exact is that names match by their case, too.
	exact bool
	// grown is that fields without a column have become columns.
	grown bool
	// typed is that values of other types are not taken for the column's.
	typed     bool
	partition string // name of the column that the path gives, "" for none
	corrupt   string // name of the column with the text of corrupt records, "" for none

	problems []string
}

func (o *oracle) report(path, format string, args ...any) {
	o.problems = append(o.problems, path+": "+fmt.Sprintf(format, args...))
}

// compare says what is wrong with a row of the table that is to be a record of
// one of the files. numbered are names of CSV columns that others have in
// another case, with their positions.
func (o *oracle) compare(got, record value, numbered, paths map[string]string) []string {
	o.problems = nil
	record.names = slices.Clone(record.names)
	for i, n := range record.names {
		other := numbered[n]
		if at, _ := got.get(other); other != "" && o.column(other) >= 0 && (o.column(n) < 0 || at.kind != isNull) {
			record.names[i] = other
		}
	}
	rescued := value{kind: isObject}
	if at, ok := got.get(o.rescue); ok && at.kind != isNull {
		v, err := parse(at.text)
		if err != nil || v.kind != isObject {
			return []string{"the rescued data is no JSON: " + at.text}
		}
		rescued = v
		o.path(&rescued, paths)
	}
	columns := schema.New()
	have := value{kind: isObject}
	for _, f := range o.columns.Fields {
		v, _ := got.get(f.Name)
		switch f.Name {
		case o.rescue, o.corrupt:
		case o.partition:
			if !slices.Contains(pathValues(paths), v.text) {
				o.report(f.Name, "has %s, the files are %v", v.json(), paths)
			}
		default:
			columns.Fields = append(columns.Fields, f)
			have.names, have.items = append(have.names, f.Name), append(have.items, v)
		}
	}
	o.object("", columns, have, record, rescued)
	return o.problems
}

// column returns the index of the column of exactly a name, -1 for none.
func (o *oracle) column(name string) int { return slices.Index(o.columns.Names(), name) }

// path checks and takes away the path that is in rescued data.
func (o *oracle) path(rescued *value, paths map[string]string) {
	last := len(rescued.names) - 1
	if last < 1 || rescued.names[last] != "_file_path" {
		o.report("_file_path", "is not last in %s", rescued.json())
		return
	}
	if _, ok := paths[rescued.items[last].text]; !ok {
		o.report("_file_path", "is %s, the files are %v", rescued.items[last].text, paths)
	}
	rescued.names, rescued.items = rescued.names[:last], rescued.items[:last]
}

func pathValues(paths map[string]string) []string {
	var values []string
	for _, v := range paths {
		values = append(values, v)
	}
	return values
}

// object compares the members of a record, or of an object in it, with the
// columns for them and what was rescued of them.
func (o *oracle) object(at string, columns *schema.Struct, have, v, rescued value) {
	if n := rescued.twice(); n != "" && v.twice() == "" {
		o.report(at+n, "is rescued twice: %s", rescued.json())
	}
	used := map[string]bool{}
	for _, n := range slices.Compact(slices.Sorted(slices.Values(v.names))) {
		member, _ := v.get(n)
		kept, isRescued := rescued.get(n)
		var column *schema.Field
		if i := columns.Index(n); i >= 0 && (!o.exact || columns.Fields[i].Name == n) {
			column = &columns.Fields[i]
		}
		if column == nil {
			o.without(at+n, columns, n, member, kept, isRescued)
			continue
		}
		if used[column.Name] && member.kind == isNull {
			continue
		}
		used[column.Name] = true
		in, _ := have.get(column.Name)
		if times(v, n) > 1 {
			o.several(at+n, column.Type, in, member, kept)
			continue
		}
		o.member(at+n, column.Type, in, member, kept, isRescued)
	}
	for i, n := range rescued.names {
		if _, ok := v.get(n); !ok && rescued.items[i].kind != isNull {
			o.report(at+n, "is rescued, but in no record: %s", rescued.items[i].json())
		}
	}
	for i, n := range have.names {
		if !used[n] && have.items[i].kind != isNull {
			o.report(at+n, "has %s, the record nothing", have.items[i].json())
		}
	}
}

// without checks a value that has no column.
func (o *oracle) without(path string, columns *schema.Struct, name string, v, rescued value, isRescued bool) {
	switch {
	case v.kind == isNull || o.rescue == "" || isRescued && same(rescued, v) && !o.grown:
	case !isRescued:
		o.report(path, "%s is lost", v.json())
	case !same(rescued, v):
		o.report(path, "%s is rescued as %s", v.json(), rescued.json())
	case columns.Index(name) < 0 && !strings.HasPrefix(name, "_c") && !strings.EqualFold(name, o.partition) && !empty(v):
		o.report(path, "%s is rescued, and no column was added for it", v.json())
	}
}

// several checks a value whose record has others of its name: the last is in the
// column, or rescued where it does not fit.
func (o *oracle) several(path string, t schema.Type, in, last, rescued value) {
	if o.rescue != "" && last.kind != isNull && !holds(t, in, last) && !same(rescued, last) && !(last.kind == isObject && in.kind == isObject) {
		o.report(path, "%s is lost, the column has %s, rescued is %s", last.json(), in.json(), rescued.json())
	}
}

func times(v value, name string) int {
	n := 0
	for _, have := range v.names {
		if have == name {
			n++
		}
	}
	return n
}

// empty reports whether a value has nothing to tell the type of a column by.
func empty(v value) bool { return (v.kind == isObject || v.kind == isArray) && len(v.items) == 0 }

// member checks a value that has a column.
func (o *oracle) member(path string, t schema.Type, in, v, rescued value, isRescued bool) {
	if s, ok := t.(*schema.Struct); ok && v.kind == isObject && (!isRescued || rescued.kind == isObject) {
		o.object(path+".", s, in, v, rescued)
		return
	}
	held := in.kind != isNull && holds(t, in, v)
	switch {
	case v.kind == isNull && (in.kind != isNull || isRescued && rescued.kind != isNull):
		o.report(path, "NULL is %s and rescued as %s", in.json(), rescued.json())
	case v.kind == isNull:
	case in.kind != isNull && !held:
		o.report(path, "%s has become %s of type %s", v.json(), in.json(), t)
	case held && isRescued:
		o.report(path, "%s is in the column and rescued", v.json())
	case !held && !isRescued && (o.rescue != "" || o.typed && fits(t, v)):
		o.report(path, "%s is lost, the type is %s", v.json(), t)
	case isRescued && !same(rescued, v):
		o.report(path, "%s is rescued as %s", v.json(), rescued.json())
	case isRescued && o.typed && fits(t, v):
		o.report(path, "%s fits %s, and is rescued", v.json(), t)
	}
}

// same reports whether rescued data has a value: as it is, or its text.
func same(rescued, v value) bool {
	if equal(rescued, v) {
		return true
	}
	if rescued.kind != isText {
		return false
	}
	if v.kind != isObject && v.kind != isArray {
		return rescued.text == v.text || sameInstant(rescued.text, v.text) || v.kind == isNumber && sameNumber(rescued.text, v.text)
	}
	parsed, err := parse(rescued.text)
	return err == nil && equal(parsed, v)
}
