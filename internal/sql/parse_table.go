package sql

import (
	"strings"
	"time"
)

// tableRef parses a table with what is joined to it.
func (p *parser) tableRef() TableRef {
	start := p.start()
	return p.joins(start, p.tablePrimary())
}

// joins parses the joins and pivots that follow a table.
func (p *parser) joins(start int, left TableRef) TableRef {
	for {
		next := p.pivots(start, left)
		if next == nil {
			next = p.join(start, left)
		}
		if next == nil {
			return left
		}
		left = next
		p.grow()
	}
}

// join parses one join to left, or returns nil.
func (p *parser) join(start int, left TableRef) TableRef {
	i := 0
	if p.word("NATURAL") {
		i = 1
	}
	kind, words := p.joinKind(i)
	if !p.wordAt(i+words, "JOIN") {
		return nil
	}
	p.pos += i + words + 1
	j := &Join{Kind: kind, Natural: i == 1, Left: left, Right: p.tablePrimary()}
	switch {
	case p.accept("ON"):
		j.On = p.expr()
	case p.word("USING") && p.symbolAt(1, "("):
		p.advance()
		j.Using = p.idents()
	}
	j.Range = p.from(start)
	return j
}

// joinKind returns the kind of join that the words i ahead name and their
// number.
func (p *parser) joinKind(i int) (kind string, words int) {
	t := p.peek(i)
	if t.kind != wordToken {
		return "INNER", 0
	}
	switch t.value {
	case "INNER", "CROSS":
		return t.value, 1
	case "SEMI", "ANTI":
		return "LEFT " + t.value, 1
	case "LEFT", "RIGHT", "FULL":
		if p.wordAt(i+1, "OUTER") {
			return t.value, 2
		}
		if next := p.peek(i + 1); t.value == "LEFT" && (p.wordAt(i+1, "SEMI") || p.wordAt(i+1, "ANTI")) {
			return "LEFT " + next.value, 2
		}
		return t.value, 1
	default:
		return "INNER", 0
	}
}

// tablePrimary parses one table reference without joins.
func (p *parser) tablePrimary() TableRef {
	start := p.start()
	switch {
	case p.word("LATERAL") && !p.word("LATERAL", "VIEW"):
		p.advance()
		return p.lateral(start)
	case p.at("("):
		return p.tableParens()
	case p.word("VALUES") && p.isQuery(0):
		t := &InlineTable{Values: p.values()}
		t.Alias = p.tableAlias()
		t.Range = p.from(start)
		return t
	case p.word("STREAM") && p.symbolAt(1, "("):
		p.pos += 2
		ref := p.named(start)
		p.needSymbol(")")
		return p.stream(start, ref)
	case p.word("STREAM") && p.isName(1) && !noTableAlias[p.peek(1).value] && !noColumnAlias[p.peek(1).value]:
		p.advance()
		return p.stream(start, p.named(start))
	default:
		return p.suffixed(start, p.named(start))
	}
}

// lateral parses what follows LATERAL: a query or a call.
func (p *parser) lateral(start int) TableRef {
	ref := p.tablePrimary()
	switch ref := ref.(type) {
	case *Subquery:
		ref.Lateral = true
		ref.Range = p.from(start)
	case *TableFunction:
		ref.Lateral = true
		ref.Range = p.from(start)
	default:
		p.fail(start, "PARSE_SYNTAX_ERROR", "42601", "LATERAL takes a query in parentheses or a table function.")
	}
	return ref
}

// stream marks a table as read as a stream.
func (p *parser) stream(start int, ref TableRef) TableRef {
	switch ref := ref.(type) {
	case *Table:
		ref.Stream = true
		if p.word("WITH") && p.symbolAt(1, "(") {
			p.advance()
			ref.Options = parenList(p, p.streamOption)
		}
	case *TableFunction:
		ref.Stream = true
	}
	return p.suffixed(start, ref)
}

// streamOption parses one option of a stream. A key alone is true.
func (p *parser) streamOption() *Property {
	start := p.start()
	o := &Property{Key: p.propertyKey(), Value: "true"}
	if p.symbol("=") || !p.at(",") && !p.at(")") {
		o.Value = p.propertyValue()
	}
	o.Range = p.from(start)
	return o
}

// watermark parses the watermark of a stream, if there is one.
func (p *parser) watermark() *Watermark {
	next := p.peek(1)
	if !p.word("WATERMARK") || !p.isName(1) || noTableAlias[next.value] || noColumnAlias[next.value] {
		return nil
	}
	start := p.start()
	p.advance()
	m := &Watermark{Column: p.column()}
	p.need("DELAY", "OF")
	m.Delay = p.interval()
	m.Range = p.from(start)
	return m
}

// named parses a table's name or a call of a table function.
func (p *parser) named(start int) TableRef {
	if t := p.peek(0); t.kind == wordToken && startsNoExpr[t.value] && !p.symbolAt(1, ".") {
		p.unexpected()
	}
	name := p.name()
	if p.at("(") && name.Expr == nil {
		return p.tableFunction(start, name)
	}
	t := &Table{Name: name}
	t.TimeTravel = p.pathVersion(name)
	if v := p.timeTravel(); v != nil {
		t.TimeTravel = v
	}
	t.Range = p.from(start)
	return t
}

func (p *parser) tableFunction(start int, name *Name) TableRef {
	t := &TableFunction{Name: name}
	p.needSymbol("(")
	if !p.at(")") {
		t.Args = commaList(p, p.argument)
	}
	p.needSymbol(")")
	t.Range = p.from(start)
	if len(name.Parts) == 1 && strings.EqualFold(name.Parts[0], "cloud_files") {
		p.cloudFiles(t)
	}
	return t
}

// suffixed parses the sample and alias of a table or function.
func (p *parser) suffixed(start int, ref TableRef) TableRef {
	sample, mark := p.sample(), p.watermark()
	alias := p.tableAlias()
	switch ref := ref.(type) {
	case *Table:
		ref.Sample, ref.Watermark, ref.Alias = sample, mark, alias
		ref.Range = p.from(start)
	case *TableFunction:
		ref.Sample, ref.Watermark, ref.Alias = sample, mark, alias
		ref.Range = p.from(start)
	}
	return ref
}

// tableParens parses a query or a table reference in parentheses.
func (p *parser) tableParens() TableRef {
	start := p.start()
	p.enter()
	p.needSymbol("(")
	if p.isStatementTable() {
		return p.statementTable(start)
	}
	inner := p.insideParens()
	p.needSymbol(")")
	p.leave()
	sample := p.sample()
	alias := p.tableAlias()
	if s, ok := inner.(*Subquery); ok && isBare(s) {
		return &Subquery{Range: p.from(start), Query: s.Query, Sample: sample, Alias: alias}
	}
	if _, ok := inner.(*Join); !ok && sample == nil && alias == nil {
		return inner // the parentheses make no difference
	}
	return &TableGroup{Range: p.from(start), Input: inner, Sample: sample, Alias: alias}
}

// isStatementTable reports whether a SHOW or DESCRIBE statement follows, and not
// a table of that name.
func (p *parser) isStatementTable() bool {
	return (p.word("SHOW") || p.word("DESCRIBE") || p.word("DESC")) && p.isName(1) && !p.wordAt(1, "AS")
}

// statementTable parses what follows the parenthesis before a statement whose
// result is a table.
func (p *parser) statementTable(start int) TableRef {
	t := &StatementTable{}
	if p.word("SHOW") {
		t.Statement = p.show()
	} else {
		t.Statement = p.describe()
	}
	p.needSymbol(")")
	p.leave()
	t.Alias = p.tableAlias()
	t.Range = p.from(start)
	return t
}

// insideParens parses a query or a table reference. What starts as a query in
// parentheses may turn out to be the first operand of a larger query.
func (p *parser) insideParens() TableRef {
	start := p.start()
	if p.isQuery(0) {
		q := p.query()
		return &Subquery{Range: q.Range, Query: q}
	}
	ref := p.tableRef()
	if s, ok := ref.(*Subquery); ok && isBare(s) && p.continuesQuery() {
		q := p.queryAfter(start, &Query{Range: s.Range, Body: unwrap(s.Query)})
		return &Subquery{Range: q.Range, Query: q}
	}
	return ref
}

// isBare reports whether a subquery has neither alias nor sample.
func isBare(s *Subquery) bool { return s.Alias == nil && s.Sample == nil && !s.Lateral }

// tableAlias parses the alias of a table, if there is one.
func (p *parser) tableAlias() *Alias {
	start := p.start()
	if !p.accept("AS") {
		t := p.peek(0)
		if !p.isAlias(noColumnAlias) || t.kind == wordToken && noTableAlias[t.value] {
			return nil
		}
	}
	a := &Alias{Name: p.ident()}
	if p.at("(") {
		a.Columns = p.idents()
	}
	a.Range = p.from(start)
	return a
}

func (p *parser) timeTravel() *TimeTravel {
	start := p.start()
	if p.symbol("@") {
		return p.versionSuffix(start)
	}
	i := 0
	if p.word("FOR") {
		i = 1
	}
	t := p.peek(i)
	if t.kind != wordToken || !p.wordAt(i+1, "AS", "OF") {
		return nil
	}
	v := &TimeTravel{}
	switch t.value {
	case "VERSION", "SYSTEM_VERSION":
		p.pos += i + 3
		v.Version = p.binary(precComparison + 1)
	case "TIMESTAMP", "SYSTEM_TIME":
		p.pos += i + 3
		v.Timestamp = p.binary(precComparison + 1)
	default:
		return nil
	}
	v.Range = p.from(start)
	return v
}

// versionSuffix parses the v5 or yyyyMMddHHmmssSSS of t@….
func (p *parser) versionSuffix(start int) *TimeTravel {
	t := p.peek(0)
	v := parseVersion(t.text, t.Range)
	if v == nil {
		p.unexpected()
		return nil
	}
	p.advance()
	v.Range = p.from(start)
	return v
}

// parseVersion returns the snapshot that v5 or yyyyMMddHHmmssSSS names, or nil.
func parseVersion(text string, at Range) *TimeTravel {
	if len(text) > 1 && (text[0] == 'v' || text[0] == 'V') && strings.Trim(text[1:], "0123456789") == "" {
		return &TimeTravel{Range: at, Version: &Literal{Range: at, Kind: IntegerLiteral, Value: text[1:]}}
	}
	if len(text) != len("yyyyMMddHHmmssSSS") || strings.Trim(text, "0123456789") != "" {
		return nil
	}
	t, err := time.Parse("20060102150405.000", text[:14]+"."+text[14:])
	if err != nil {
		return nil
	}
	return &TimeTravel{Range: at, Timestamp: &Literal{Range: at, Kind: TimestampLiteral, Value: t.Format("2006-01-02 15:04:05.000")}}
}

// pathVersion takes the suffix from the path of delta.`/path@v5`.
func (p *parser) pathVersion(name *Name) *TimeTravel {
	_, path, ok := name.Path()
	i := strings.LastIndexByte(path, '@')
	if !ok || i < 0 {
		return nil
	}
	v := parseVersion(path[i+1:], name.Range)
	if v != nil {
		name.Parts[1] = path[:i]
	}
	return v
}

func (p *parser) sample() *Sample {
	start := p.start()
	if !p.accept("TABLESAMPLE") {
		return nil
	}
	s := &Sample{}
	p.parens(func() {
		if p.accept("BUCKET") {
			s.Kind = "BUCKET"
			s.Size = p.expr()
			p.need("OUT", "OF")
			s.Of = p.expr()
			if at := p.start(); p.accept("ON") {
				p.fail(at, "UNSUPPORTED_FEATURE", "0A000",
					"TABLESAMPLE (BUCKET x OUT OF y ON expression) is not supported, as in Spark: leave out ON for a share of the rows, or filter by pmod(hash(expression), y) = x - 1.")
			}
			return
		}
		s.Size = p.expr()
		if s.Kind = p.oneOf("PERCENT", "ROWS"); s.Kind == "" {
			p.unexpected()
		}
	})
	if p.accept("REPEATABLE") {
		p.parens(func() { s.Repeatable = p.expr() })
	}
	s.Range = p.from(start)
	return s
}

// pivots parses PIVOT or UNPIVOT of left, or returns nil.
func (p *parser) pivots(start int, left TableRef) TableRef {
	switch {
	case p.word("PIVOT") && p.symbolAt(1, "("):
		p.advance()
		return p.pivot(start, left)
	case p.accept("UNPIVOT"):
		return p.unpivot(start, left)
	default:
		return nil
	}
}

func (p *parser) pivot(start int, left TableRef) TableRef {
	n := &Pivot{Input: left}
	p.parens(func() {
		n.Aggregates = commaList(p, p.selectItem)
		p.need("FOR")
		n.Columns = p.oneOrList()
		p.need("IN")
		n.Values = parenList(p, p.selectItem)
	})
	n.Alias = p.tableAlias()
	n.Range = p.from(start)
	return n
}

// oneOrList parses a column, or several in parentheses.
func (p *parser) oneOrList() []*Column {
	if p.at("(") {
		return parenList(p, p.column)
	}
	return []*Column{p.column()}
}

func (p *parser) unpivot(start int, left TableRef) TableRef {
	n := &Unpivot{Input: left}
	n.IncludeNulls = p.accept("INCLUDE", "NULLS")
	if !n.IncludeNulls {
		p.accept("EXCLUDE", "NULLS")
	}
	p.parens(func() {
		if p.at("(") {
			n.Values = p.idents()
		} else {
			n.Values = []string{p.ident()}
		}
		p.need("FOR")
		n.Name = p.ident()
		p.need("IN")
		n.Groups = parenList(p, p.unpivotGroup)
	})
	n.Alias = p.tableAlias()
	n.Range = p.from(start)
	return n
}

func (p *parser) unpivotGroup() *UnpivotGroup {
	start := p.start()
	g := &UnpivotGroup{Columns: p.oneOrList()}
	if p.accept("AS") || p.isAlias(noColumnAlias) {
		g.Alias = p.ident()
	}
	g.Range = p.from(start)
	return g
}
