package sql

// createFlow parses what follows CREATE FLOW.
func (p *parser) createFlow(start int) Statement {
	s := &CreateFlow{Name: p.name()}
	if p.accept("COMMENT") {
		s.Comment = p.stringLiteral()
	}
	p.need("AS")
	switch at := p.start(); {
	case p.word("INSERT"), p.word("WITH"):
		s.Insert, s.Once = p.flowInsert(at)
	case p.accept("AUTO", "CDC"), p.accept("APPLY", "CHANGES"):
		s.Once = p.accept("ONCE")
		s.CDC = p.autoCDC(at)
	default:
		p.missing("AUTO CDC")
	}
	s.Range = p.from(start)
	return s
}

// flowClause parses the clause FLOW of CREATE STREAMING TABLE. INSERT BY NAME
// is what AS is short for (semantics §9.1).
func (p *parser) flowClause(s *Dataset) {
	p.need("FLOW")
	start := p.start()
	flow := &CreateFlow{}
	switch {
	case p.accept("AUTO", "CDC"):
		flow.Once = p.accept("ONCE")
		flow.CDC = p.changes(start, s.Name)
	case p.word("REPLACE"):
		p.failAt(p.peek(0).Range, "UNSUPPORTED_FEATURE", "0A000", "A flow that replaces rows is not supported; write FLOW INSERT BY NAME, or FLOW AUTO CDC.")
	default:
		p.need("INSERT")
		flow.Once = p.accept("ONCE")
		p.need("BY", "NAME")
		if s.Query = p.query(); !flow.Once {
			return
		}
		flow.Insert, s.Query = &Insert{Range: p.from(start), Table: s.Name, ByName: true, Query: s.Query}, nil
	}
	flow.Range = p.from(start)
	s.Flow = flow
}

// flowInsert parses the INSERT of a flow, which can do no more than add rows,
// and whether it does so once: INSERT ONCE INTO, or INSERT INTO ONCE.
func (p *parser) flowInsert(start int) (insert *Insert, once bool) {
	if p.accept("INSERT", "ONCE", "INTO") || p.isName(3) && !p.wordAt(3, "BY", "NAME") && p.accept("INSERT", "INTO", "ONCE") {
		insert = &Insert{Table: p.name(), ByName: true}
		p.need("BY", "NAME")
		insert.Query = p.query()
		insert.Range = p.from(start)
		return insert, true
	}
	var with *With
	if p.word("WITH") {
		with = p.with()
	}
	insert, ok := p.insert(start, with).(*Insert)
	if !ok || p.err != nil {
		return &Insert{Table: &Name{}}, false
	}
	if insert.Overwrite || !insert.ByName || len(insert.Partition) > 0 || insert.ReplaceWhere != nil || insert.ReplaceUsing != nil || insert.ReplaceOn != nil {
		p.failAt(insert.Range, "UNSUPPORTED_FEATURE", "0A000", "A flow adds rows by the names of their columns: INSERT INTO table BY NAME query.")
	}
	return insert, false
}

// applyChanges parses APPLY CHANGES INTO, the older name of AUTO CDC, where it
// stands alone.
func (p *parser) applyChanges(start int) Statement {
	p.need("APPLY", "CHANGES")
	s := &CreateFlow{CDC: p.autoCDC(start)}
	s.Range = p.from(start)
	return s
}

// autoCDC parses what follows AUTO CDC [ONCE].
func (p *parser) autoCDC(start int) *AutoCDC {
	p.need("INTO")
	return p.changes(start, p.name())
}

// changes parses what follows the target of AUTO CDC.
func (p *parser) changes(start int, target *Name) *AutoCDC {
	s := &AutoCDC{Target: target}
	p.need("FROM")
	s.Snapshot = p.accept("SNAPSHOT")
	s.Source = p.changeSource()
	p.need("KEYS")
	s.Keys = parenList(p, p.column)
	for p.err == nil && p.cdcClause(s) {
	}
	s.Range = p.from(start)
	p.checkCDC(s)
	return s
}

// changeSource parses a table, a call or a query, as a stream or not, without
// an alias: what follows is KEYS.
func (p *parser) changeSource() TableRef {
	start := p.start()
	stream := p.word("STREAM") && (p.symbolAt(1, "(") || p.isName(1) && !p.wordAt(1, "KEYS"))
	if !stream {
		return p.bareSource(start)
	}
	p.advance()
	parens := p.symbol("(")
	ref := p.bareSource(p.start())
	if parens {
		p.needSymbol(")")
	}
	switch ref := ref.(type) {
	case *Table:
		ref.Stream = true
		if p.word("WITH") && p.symbolAt(1, "(") {
			p.advance()
			ref.Options = parenList(p, p.streamOption)
		}
		ref.Range = p.from(start)
	case *TableFunction:
		ref.Stream = true
		ref.Range = p.from(start)
	}
	return ref
}

func (p *parser) bareSource(start int) TableRef {
	ref := p.named(start)
	switch ref.(type) {
	case *Table, *TableFunction:
	default:
		p.fail(start, "PARSE_SYNTAX_ERROR", "42601", "AUTO CDC reads a table, a view or read_files; put a query into a view.")
	}
	return ref
}

// cdcClause parses one clause of AUTO CDC, and reports whether there was one.
func (p *parser) cdcClause(s *AutoCDC) bool {
	at := p.peek(0).Range
	switch {
	case s.IgnoreNulls == nil && p.accept("IGNORE", "NULL", "UPDATES"):
		if p.accept("ON") {
			s.IgnoreNulls = p.columnSet()
		} else {
			s.IgnoreNulls = &ColumnSet{Range: at, Except: true}
		}
	case s.Delete == nil && p.accept("APPLY", "AS", "DELETE", "WHEN"):
		s.Delete = p.expr()
	case s.Truncate == nil && p.accept("APPLY", "AS", "TRUNCATE", "WHEN"):
		s.Truncate = p.expr()
	case s.Sequence == nil && p.accept("SEQUENCE", "BY"):
		s.Sequence = p.expr()
	case p.word("COLUMNS", "TO", "UPDATE"):
		p.failAt(at, "UNSUPPORTED_FEATURE", "0A000", "The clause COLUMNS TO UPDATE of AUTO CDC is not supported.")
	case s.Columns == nil && p.accept("COLUMNS"):
		s.Columns = p.columnSet()
	case p.accept("STORED", "AS"):
		if p.word("BITEMPORAL") {
			p.failAt(p.peek(0).Range, "UNSUPPORTED_FEATURE", "0A000", "AUTO CDC stored as BITEMPORAL is not supported; store it AS SCD TYPE 2.")
		}
		p.need("SCD", "TYPE")
		s.History = p.scdType() == "2"
	case s.Tracked == nil && p.accept("TRACK", "HISTORY", "ON"):
		s.Tracked = p.columnSet()
	case p.word("SYSTEM", "SEQUENCE"):
		p.failAt(at, "UNSUPPORTED_FEATURE", "0A000", "The clause SYSTEM SEQUENCE BY of AUTO CDC is not supported, as BITEMPORAL is not.")
	default:
		return false
	}
	return true
}

func (p *parser) scdType() string {
	if t := p.peek(0); t.kind != numberToken || t.text != "1" && t.text != "2" {
		p.unexpected()
		return ""
	}
	return p.advance().text
}

// columnSet parses (columns), columns without parentheses, or * EXCEPT
// (columns).
func (p *parser) columnSet() *ColumnSet {
	start := p.start()
	s := &ColumnSet{}
	switch {
	case p.symbol("*"):
		if s.Except = true; p.accept("EXCEPT") {
			s.Columns = parenList(p, p.column)
		}
	case p.at("("):
		s.Columns = parenList(p, p.column)
	default:
		s.Columns = commaList(p, p.column)
	}
	s.Range = p.from(start)
	return s
}

// checkCDC refuses clauses that do not go together.
func (p *parser) checkCDC(s *AutoCDC) {
	refuse := func(r Range, text string) { p.failAt(r, "INVALID_STATEMENT_OR_CLAUSE", "42601", text) }
	switch {
	case p.err != nil:
	case s.Snapshot && s.Sequence != nil:
		refuse(s.Sequence.Pos(), "AUTO CDC FROM SNAPSHOT takes no SEQUENCE BY: snapshots come one after the other.")
	case s.Snapshot && (s.Delete != nil || s.Truncate != nil || s.IgnoreNulls != nil):
		refuse(s.Range, "AUTO CDC FROM SNAPSHOT takes neither APPLY AS nor IGNORE NULL UPDATES: a snapshot is the rows there are.")
	case !s.Snapshot && s.Sequence == nil:
		p.missing("SEQUENCE BY")
	case s.History && s.Truncate != nil:
		refuse(s.Truncate.Pos(), "APPLY AS TRUNCATE WHEN goes with SCD TYPE 1 alone.")
	case !s.History && s.Tracked != nil:
		refuse(s.Tracked.Range, "TRACK HISTORY ON goes with SCD TYPE 2 alone.")
	}
}

// dropFlow parses what follows DROP FLOW.
func (p *parser) dropFlow(start int) Statement {
	s := &DropFlow{IfExists: p.accept("IF", "EXISTS"), Name: p.name()}
	s.Range = p.from(start)
	return s
}
