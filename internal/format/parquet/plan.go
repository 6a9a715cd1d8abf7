package parquet

import (
	"fmt"

	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/schema"
)

// plan is how the rows of one file become those of the request.
type plan struct {
	fields    []int // the file's top-level fields that are read, in order
	leaves    []int // their columns
	caster    *conform.Caster
	rescue    string // name of the rescued data column, or ""
	rescued   []rescued
	unknown   *schema.Struct
	batchRows int64
}

// rescued is a field whose values, or some of their inner fields, go to the
// rescued data column.
type rescued struct {
	index    int // among the columns read, or the fields of the struct
	name     string
	whole    bool
	mismatch bool      // its column has another type
	children []rescued // when not whole
}

// TypeMismatchError says that a file's column cannot be read as the type
// asked for, and that there is no rescued data column.
type TypeMismatchError struct {
	Column string // dotted path
	File   schema.Type
	Want   schema.Type
}

func (e *TypeMismatchError) Error() string {
	return fmt.Sprintf("column %s is %s in the file and cannot be read as %s", schema.QuoteIdent(e.Column), e.File, e.Want)
}

// ErrorClass returns Databricks' class of the error.
func (e *TypeMismatchError) ErrorClass() string {
	return "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH"
}

// SQLState returns the error's SQLSTATE.
func (e *TypeMismatchError) SQLState() string { return "KD001" }

// comparison collects how a file's schema differs from the request's.
type comparison struct {
	caseSensitive bool
	mismatch      *TypeMismatchError // the first
}

func newPlan(s *source, req format.Request) (*plan, error) {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.Name
	}
	c := &comparison{caseSensitive: req.CaseSensitive}
	p := &plan{rescue: req.Rescue, unknown: &schema.Struct{}, batchRows: int64(req.BatchRows)}
	for i, at := range conform.Match(names, req.Schema, req.CaseSensitive) {
		if at < 0 && req.Rescue == "" && unknownTo(p.unknown, names[i]) {
			if t, err := schema.FromArrowType(s.fields[i].Type); err == nil {
				p.unknown.Fields = append(p.unknown.Fields, schema.Col(names[i], schema.AsNullable(t)))
			}
			continue
		}
		own, err := schema.FromArrowType(s.fields[i].Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", schema.QuoteIdent(names[i]), err)
		}
		node := rescued{index: len(p.fields), name: names[i], whole: true}
		extra := own
		if at >= 0 {
			node, extra = c.compare(node, own, req.Schema.Fields[at].Type, names[i])
		}
		if extra != nil && unknownTo(p.unknown, names[i]) {
			p.unknown.Fields = append(p.unknown.Fields, schema.Col(names[i], schema.AsNullable(extra)))
		}
		if node.whole || len(node.children) > 0 {
			p.rescued = append(p.rescued, node)
		}
		p.fields = append(p.fields, i)
		p.leaves = append(p.leaves, leavesOf(&s.reader.Manifest.Fields[i])...)
	}
	if len(p.unknown.Fields) == 0 {
		p.unknown = nil
	}
	if c.mismatch != nil && req.Rescue == "" {
		return nil, c.mismatch
	}
	p.caster = conform.New(req.Schema, conform.Options{
		DropUnknown: true, CaseSensitive: req.CaseSensitive, Accept: readable, NullRefused: true, TimeZone: req.TimeZone,
	})
	return p, nil
}

// unknownTo reports whether s has no field of exactly this name.
func unknownTo(s *schema.Struct, name string) bool {
	i := s.Index(name)
	return i < 0 || s.Fields[i].Name != name
}

// compare completes the node of a field that both sides have. It also returns
// the type of what is unknown inside, or nil.
func (c *comparison) compare(node rescued, own, want schema.Type, path string) (rescued, schema.Type) {
	node.whole = false
	switch want := want.(type) {
	case *schema.Struct:
		if own, ok := own.(*schema.Struct); ok {
			return c.fields(node, own, want, path)
		}
	case schema.Array:
		if own, ok := own.(schema.Array); ok {
			inner, extra := c.compare(rescued{}, own.Element, want.Element, path+".element")
			node.whole = inner.whole || len(inner.children) > 0
			node.mismatch = inner.anyMismatch()
			if extra != nil {
				extra = schema.Array{Element: extra, ContainsNull: true}
			}
			return node, extra
		}
	case schema.Map:
		if own, ok := own.(schema.Map); ok {
			key, _ := c.compare(rescued{}, own.Key, want.Key, path+".key")
			value, extra := c.compare(rescued{}, own.Value, want.Value, path+".value")
			node.whole = key.whole || value.whole || len(key.children)+len(value.children) > 0
			node.mismatch = key.anyMismatch() || value.anyMismatch()
			if extra != nil {
				extra = schema.Map{Key: own.Key, Value: extra, ValueContainsNull: true}
			}
			return node, extra
		}
	}
	if !readable(own, want) {
		node.whole, node.mismatch = true, true
		if c.mismatch == nil {
			c.mismatch = &TypeMismatchError{Column: path, File: own, Want: want}
		}
	}
	return node, nil
}

// anyMismatch reports a mismatch in the node or below it.
func (r rescued) anyMismatch() bool {
	for _, child := range r.children {
		if child.anyMismatch() {
			return true
		}
	}
	return r.mismatch
}

// fields compares two structs.
func (c *comparison) fields(node rescued, own, want *schema.Struct, path string) (rescued, schema.Type) {
	unknown := &schema.Struct{}
	for i, at := range conform.Match(own.Names(), want, c.caseSensitive) {
		f := own.Fields[i]
		child := rescued{index: i, name: f.Name, whole: true}
		extra := f.Type
		if at >= 0 {
			child, extra = c.compare(child, f.Type, want.Fields[at].Type, path+"."+f.Name)
		}
		if extra != nil {
			unknown.Fields = append(unknown.Fields, schema.Col(f.Name, extra))
		}
		if child.whole || len(child.children) > 0 {
			node.children = append(node.children, child)
		}
	}
	if len(unknown.Fields) == 0 {
		return node, nil
	}
	return node, unknown
}

// lossy are the steps between types that evolve.CommonType takes and reading
// must not, as digits would be lost.
var lossy = map[[2]schema.Type]bool{
	{schema.Long, schema.Double}:    true,
	{schema.Integer, schema.Float}:  true,
	{schema.Date, schema.Timestamp}: true, // of which zone's midnight?
}

// readable reports whether a file's values of type own can be read as want
// without loss: the same type, a wider one, text stored as bytes, or
// timestamps with and without zone.
func readable(own, want schema.Type) bool {
	switch {
	case own == schema.Void, schema.EqualIgnoringNulls(own, want):
		return true
	case own == schema.Binary && want == schema.String,
		own == schema.Timestamp && want == schema.TimestampNTZ,
		own == schema.TimestampNTZ && want == schema.Timestamp:
		return true
	case lossy[[2]schema.Type{own, want}]:
		return false
	}
	if _, exact := own.(schema.Decimal); exact && want == schema.Double {
		return false
	}
	common, ok := evolve.CommonType(own, want)
	return ok && schema.EqualIgnoringNulls(common, want) && !narrowed(own, want)
}

// narrowed reports that a decimal keeps fewer digits after the point or before
// it: the common type of very wide ones gives some up.
func narrowed(own, want schema.Type) bool {
	o, isDecimal := own.(schema.Decimal)
	w, toDecimal := want.(schema.Decimal)
	return isDecimal && toDecimal && (w.Scale < o.Scale || w.Precision-w.Scale < o.Precision-o.Scale)
}
