// Package stateful runs queries over streams whose result for a batch depends
// on earlier ones: aggregations and DISTINCT, with or without a watermark
// (semantics §10.7, §10.8).
//
// An aggregate is made of parts that merge, such as a sum and a count. Of each
// batch's rows the parts of its groups are computed, merged with what is kept
// of these groups and no others, and kept again; the result is computed of
// what is kept. What a batch has changed is in the state before its result is
// written, so that a batch that runs again writes the same.
package stateful

import (
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// Plan is a query over streams, taken apart.
type Plan struct {
	// Mode is the least that the query allows of Append, Update and Complete.
	Mode Mode
	// KeyColumns are the places of the groups' keys in the result; nil where it
	// lacks one.
	KeyColumns []int

	text     string // of the whole query
	query    *sql.Query
	top      *sql.Select
	distinct bool
	// duplicates is set for DISTINCT ON, which is no distinct.
	duplicates *duplicates
	marks      []mark // of streams, in the order of the text
	groups     []group
	parts      []part
	calls      map[string]*aggregate // by text
	order      []*aggregate
	isColumn   func(string) bool
	endless    bool // all groups are there to stay, whatever the watermark
}

// mark is the watermark of one stream; without a column there is none.
type mark struct {
	column string
	delay  time.Duration
}

// group is one key of GROUP BY.
type group struct {
	expr   sql.Expr
	rows   string // Databricks SQL of its value for a row
	window *window
	timed  bool // rows come to an end with the watermark
}

// part is one column of state besides the keys.
type part struct{ rows, merge string }

// aggregate is a call and where its parts are.
type aggregate struct {
	call  *sql.FunctionCall
	from  int // its first part
	value string
}

// New takes a query apart. It returns nil when the query needs no state, and
// an error when it needs state that is not kept. isColumn tells columns of
// streams from names given in the select list; nil knows none.
func New(text string, isColumn func(name string) bool) (*Plan, error) {
	q, err := sql.ParseQuery(text)
	if err != nil {
		return nil, err
	}
	check := newChecker(q)
	top, ok := q.Body.(*sql.Select)
	if !ok || top.GroupBy == nil && top.Having == nil && !top.Distinct && !aggregates(top) {
		return nil, check.check(q, nil)
	}
	if err := check.check(q, top); err != nil {
		return nil, err
	}
	p := &Plan{text: text, query: q, top: top, calls: map[string]*aggregate{}, isColumn: isColumn}
	if err := p.readMarks(); err != nil {
		return nil, err
	}
	if top.Distinct {
		if top.GroupBy != nil || top.Having != nil || aggregates(top) {
			return nil, unsupported("DISTINCT of an aggregation over a stream needs state that this version does not keep; leave DISTINCT out.")
		}
		if top.DistinctOn != nil {
			return p, p.readDuplicates()
		}
		p.distinct = true
		return p, nil
	}
	if err := p.readGroups(); err != nil {
		return nil, err
	}
	if err := p.readCalls(); err != nil {
		return nil, err
	}
	p.chooseMode()
	return p, nil
}

// slice returns the text of a node.
func (p *Plan) slice(n sql.Node) string { return p.text[n.Pos().Start:n.Pos().End] }

// readMarks finds the watermarks.
func (p *Plan) readMarks() (err error) {
	sql.Inspect(p.query, func(n sql.Node) bool {
		var w *sql.Watermark
		switch n := n.(type) {
		case *sql.Table:
			if !n.Stream {
				return true
			}
			w = n.Watermark
		case *sql.TableFunction:
			if !n.Stream {
				return true
			}
			w = n.Watermark
		default:
			return err == nil
		}
		var m mark
		if w != nil {
			m.column = w.Column.Parts[len(w.Column.Parts)-1]
			m.delay, err = interval(w.Delay)
		}
		p.marks = append(p.marks, m)
		return err == nil
	})
	return err
}

// interval returns the length of an interval of fixed length, as an expression
// or a string.
func interval(e sql.Expr) (time.Duration, error) {
	text := strings.ReplaceAll(e.String(), "'", "")
	d, err := option.ParseInterval(text)
	if err != nil {
		return 0, errclass.New("INVALID_INTERVAL_FORMAT", "22006", "%s is no interval of a fixed length, such as INTERVAL 10 MINUTES: %w", e, err)
	}
	return d, nil
}

// marked reports whether an expression is the column of a watermark.
func (p *Plan) marked(e sql.Expr) bool {
	c, ok := e.(*sql.Column)
	if !ok {
		return false
	}
	for _, m := range p.marks {
		if m.column != "" && strings.EqualFold(m.column, c.Parts[len(c.Parts)-1]) {
			return true
		}
	}
	return false
}

// readGroups reads GROUP BY.
func (p *Plan) readGroups() error {
	if p.top.GroupBy == nil {
		p.groups = []group{{rows: "1"}}
		return nil
	}
	var exprs []sql.Expr
	if p.top.GroupBy.All {
		for _, item := range p.top.Items {
			if !aggregates(&sql.Select{Items: []*sql.SelectItem{item}}) {
				exprs = append(exprs, item.Expr)
			}
		}
	}
	for _, e := range p.top.GroupBy.Items {
		exprs = append(exprs, p.named(e))
	}
	for _, e := range exprs {
		g := group{expr: e, rows: p.slice(e), timed: p.marked(e)}
		switch e := e.(type) {
		case *sql.GroupingSets:
			return unsupported("%s over a stream is not supported; group by the columns themselves.", e.Kind)
		case *sql.FunctionCall:
			w, err := p.window(e)
			if err != nil {
				return err
			}
			if w != nil {
				g.window, g.rows, g.timed = w, w.rows, p.marked(e.Args[0])
			}
		}
		p.groups = append(p.groups, g)
	}
	windows := 0
	for _, g := range p.groups {
		if g.window != nil {
			windows++
		}
	}
	if windows > 1 {
		return unsupported("Two time windows in one GROUP BY are not supported.")
	}
	return nil
}

// named returns what a group is called by: an item of the select list by its
// number or name.
func (p *Plan) named(e sql.Expr) sql.Expr {
	switch e := e.(type) {
	case *sql.Literal:
		for i, item := range p.top.Items {
			if e.Kind == sql.IntegerLiteral && e.Value == numbered("", i+1) {
				return item.Expr
			}
		}
	case *sql.Column:
		for _, item := range p.top.Items {
			if len(e.Parts) > 1 || item.Alias == "" || !strings.EqualFold(item.Alias, e.Parts[0]) {
				continue
			}
			if same(item.Expr, e) || p.isColumn != nil && p.isColumn(e.Parts[0]) {
				return e
			}
			return item.Expr
		}
	}
	return e
}

// same reports whether two expressions are written alike.
func same(a, b sql.Expr) bool {
	if a == nil || b == nil {
		return false
	}
	x, ok1 := a.(*sql.Column)
	y, ok2 := b.(*sql.Column)
	if ok1 && ok2 {
		if len(x.Parts) == len(y.Parts) {
			return strings.EqualFold(strings.Join(x.Parts, "\x00"), strings.Join(y.Parts, "\x00"))
		}
		return min(len(x.Parts), len(y.Parts)) == 1 && strings.EqualFold(x.Parts[len(x.Parts)-1], y.Parts[len(y.Parts)-1])
	}
	return a.String() == b.String()
}

// readCalls finds the aggregates and gives each its parts.
func (p *Plan) readCalls() (err error) {
	find := func(n sql.Node) bool {
		call, ok := n.(*sql.FunctionCall)
		if !ok || !sql.IsAggregate(call) || err != nil {
			return err == nil
		}
		if _, ok := p.calls[call.String()]; !ok {
			a := &aggregate{call: call}
			p.calls[call.String()] = a
			p.order = append(p.order, a)
			if _, ok := decompose(call, nil); !ok {
				err = unsupported("%s over a stream needs all rows at once, which this version does not keep. "+
					"Load the rows as they are, and compute it in a view over the table.", p.slice(call))
			}
		}
		return false
	}
	for _, item := range p.top.Items {
		sql.Inspect(item.Expr, find)
	}
	if p.top.Having != nil {
		sql.Inspect(p.top.Having, find)
	}
	return err
}

// resolve gives the aggregates their parts, when the types of their first
// arguments are known.
func (p *Plan) resolve(types []schema.Type) {
	p.parts = nil
	for i, a := range p.order {
		d, _ := decompose(a.call, types[i])
		a.from = len(p.parts)
		texts := map[string]string{"F": "", "A": ""}
		var args []string
		for i, arg := range a.call.Args {
			args = append(args, p.slice(arg))
			texts[numbered("", i+1)] = args[i]
		}
		texts["A"] = strings.Join(args, ", ")
		if a.call.Filter != nil {
			texts["F"] = " FILTER (WHERE " + p.slice(a.call.Filter) + ")"
		}
		merged, values := map[string]string{}, map[string]string{}
		for j := range d.parts {
			name := numbered("p", a.from+j)
			merged[numbered("s", j)], merged[numbered("b", j)] = "s."+name, "b."+name
			values[numbered("", j)] = name
		}
		for j, rows := range d.parts {
			name := numbered("p", a.from+j)
			merged["s"], merged["b"] = "s."+name, "b."+name
			p.parts = append(p.parts, part{rows: expand(rows, texts), merge: expand(d.merges[j], merged)})
		}
		a.value = "(" + expand(d.value, values) + ")"
	}
}

// ends reports whether anything that is kept may come to an end with the
// watermark, and has to without new rows.
func (p *Plan) ends() bool {
	if p.duplicates != nil {
		return p.duplicates.time != "" // as Spark, which then forgets keys
	}
	return p.closes() && !p.distinct
}

// closes reports whether groups come to an end with the watermark.
func (p *Plan) closes() bool {
	for _, g := range p.groups {
		if g.timed && !p.endless {
			return true
		}
	}
	return false
}
