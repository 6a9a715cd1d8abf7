package sql

import (
	"math"
	"strconv"
	"strings"
)

// tableOrPath parses a table's name, or a string that is the path of a Delta
// table.
func (p *parser) tableOrPath() *Name {
	if p.peek(0).kind != stringToken {
		return p.name()
	}
	start := p.start()
	path := p.stringLiteral()
	return &Name{Range: p.from(start), Parts: []string{"delta", path}, Quoted: true}
}

func (p *parser) optimize() Statement {
	start := p.start()
	p.need("OPTIMIZE")
	s := &Optimize{Table: p.tableOrPath()}
	s.Full = p.accept("FULL")
	if p.accept("WHERE") {
		s.Where = p.expr()
	}
	if p.accept("ZORDER", "BY") {
		if p.at("(") {
			s.ZOrderBy = parenList(p, p.column)
		} else {
			s.ZOrderBy = commaList(p, p.column)
		}
	}
	s.Range = p.from(start)
	return s
}

func (p *parser) reorg() Statement {
	start := p.start()
	p.need("REORG")
	p.accept("TABLE")
	s := &Reorg{Table: p.tableOrPath()}
	if p.accept("WHERE") {
		s.Where = p.expr()
	}
	p.need("APPLY")
	p.parens(func() {
		if t := p.peek(0); p.word("UPGRADE") || p.word("CHECKPOINT") {
			p.failAt(t.Range, "UNSUPPORTED_STATEMENT", "0A000", "The statement REORG TABLE … APPLY ("+t.value+") is not supported.")
		}
		p.need("PURGE")
	})
	s.Range = p.from(start)
	return s
}

// vacuum parses VACUUM, whose clauses stand in any order, each once.
func (p *parser) vacuum() Statement {
	start := p.start()
	p.need("VACUUM")
	s := &Vacuum{Table: p.tableOrPath()}
	for p.err == nil {
		at := p.start()
		switch {
		case s.Mode == "" && (p.word("LITE") || p.word("FULL")):
			s.Mode = p.advance().value
		case s.Retain == nil && p.accept("RETAIN"):
			hours := p.hours()
			s.Retain = &hours
		case !s.DryRun && p.accept("DRY", "RUN"):
			s.DryRun = true
		case p.accept("USING", "INVENTORY"):
			p.fail(at, "UNSUPPORTED_STATEMENT", "0A000", "The clause USING INVENTORY of VACUUM is not supported.")
		default:
			s.Range = p.from(start)
			return s
		}
	}
	return s
}

// hours parses a number of hours, which may be negative, as then the
// retention is at fault and not the syntax.
func (p *parser) hours() float64 {
	negative := p.symbol("-")
	t := p.peek(0)
	hours, err := strconv.ParseFloat(t.text, 64)
	if t.kind != numberToken || err != nil || math.IsInf(hours, 0) {
		p.unexpected()
		return 0
	}
	p.advance()
	p.need("HOURS")
	if negative {
		return -hours
	}
	return hours
}

func (p *parser) restore() Statement {
	start := p.start()
	p.need("RESTORE")
	if p.isName(1) && !p.wordAt(1, "TO") {
		p.accept("TABLE")
	}
	s := &Restore{Table: p.tableOrPath()}
	p.accept("TO")
	if p.at("@") {
		p.unexpected()
	}
	if s.To = p.timeTravel(); s.To == nil {
		p.missing("VERSION AS OF or TIMESTAMP AS OF")
	}
	s.Range = p.from(start)
	return s
}

func (p *parser) convert() Statement {
	start := p.start()
	p.need("CONVERT", "TO", "DELTA")
	s := &Convert{Source: p.name()}
	s.NoStatistics = p.accept("NO", "STATISTICS")
	if p.accept("PARTITIONED", "BY") {
		s.PartitionedBy = parenList(p, p.typedColumn)
	}
	s.Range = p.from(start)
	return s
}

// typedColumn parses a column's name and type.
func (p *parser) typedColumn() *ColumnDef {
	start := p.start()
	c := &ColumnDef{Name: p.ident(), Type: p.typeName()}
	c.Range = p.from(start)
	return c
}

// clone parses [SHALLOW | DEEP] CLONE source, or returns nil. A clone that
// does not say is deep.
func (p *parser) clone() *Clone {
	start := p.start()
	c := &Clone{Shallow: p.word("SHALLOW", "CLONE")}
	if !p.accept("SHALLOW", "CLONE") && !p.accept("DEEP", "CLONE") && !p.accept("CLONE") {
		return nil
	}
	c.Source = p.tableOrPath()
	c.TimeTravel = p.pathVersion(c.Source)
	if v := p.timeTravel(); v != nil {
		c.TimeTravel = v
	}
	c.Range = p.from(start)
	return c
}

func (p *parser) commentOn() Statement {
	start := p.start()
	p.need("COMMENT", "ON")
	s := &CommentOn{}
	switch p.oneOf("TABLE", "COLUMN", "SCHEMA", "DATABASE") {
	case "TABLE":
		s.Kind, s.Name = "TABLE", p.name()
	case "SCHEMA", "DATABASE":
		s.Kind, s.Name = "SCHEMA", p.name()
	case "COLUMN":
		s.Kind = "COLUMN"
		s.Name, s.Column = p.columnOfTable()
	default:
		return p.unknownComment(start)
	}
	p.need("IS")
	if !p.accept("NULL") {
		s.Comment = p.stringLiteral()
	}
	s.Range = p.from(start)
	return s
}

// unknownComment fails at a COMMENT ON an object that has none here.
func (p *parser) unknownComment(start int) Statement {
	if !p.isName(0) {
		p.unexpected()
		return &Query{}
	}
	kind := strings.ToUpper(p.advance().text)
	p.fail(start, "UNSUPPORTED_STATEMENT", "0A000", "The statement COMMENT ON "+kind+" is not supported.")
	return &Query{}
}

// columnOfTable parses the name of a table and, after its last point, of a
// column of it.
func (p *parser) columnOfTable() (table *Name, column string) {
	table = &Name{Range: p.peek(0).Range}
	for column = p.ident(); p.symbol("."); column = p.ident() {
		last := p.tokens[max(p.pos-2, 0)] // before the point
		table.Parts = append(table.Parts, column)
		table.End = last.End
		table.Quoted = last.kind == quotedToken && table.isPathForm()
	}
	switch {
	case len(table.Parts) == 0:
		p.missing(".")
	case len(table.Parts) > 3:
		p.failAt(table.Range, "PARSE_SYNTAX_ERROR", "42601", "A table's name has at most three parts, before the column: catalog.schema.table.column.")
	}
	return table, column
}
