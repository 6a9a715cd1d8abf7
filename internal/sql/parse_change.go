package sql

import "strconv"

// insert parses INSERT; with is what stood before it.
func (p *parser) insert(start int, with *With) Statement {
	s := &Insert{}
	p.need("INSERT")
	s.SchemaEvolution = p.accept("WITH", "SCHEMA", "EVOLUTION")
	if s.Overwrite = p.accept("OVERWRITE"); !s.Overwrite {
		p.need("INTO")
	}
	if s.Overwrite && p.word("DIRECTORY") || s.Overwrite && p.word("LOCAL", "DIRECTORY") {
		p.fail(start, "UNSUPPORTED_STATEMENT", "0A000", "The statement INSERT OVERWRITE DIRECTORY is not supported.")
	}
	p.accept("TABLE")
	s.Table = p.name()
	s.Alias = p.insertAlias()
	p.insertClauses(s)
	s.Query = p.query()
	if s.ReplaceOn != nil {
		if inner, ok := unwrap(s.Query).(*Query); ok {
			s.Query = inner // its parentheses are the clause's
		}
		s.SourceAlias = p.targetAlias()
	}
	if with != nil {
		if s.Query.With != nil {
			p.fail(s.Query.With.Start, "PARSE_SYNTAX_ERROR", "42601", "WITH stands once, before INSERT or after it.")
		}
		s.Query.With = with
	}
	s.Range = p.from(start)
	return s
}

// insertAlias parses the alias of a table whose rows REPLACE ON compares.
func (p *parser) insertAlias() string {
	if p.accept("AS") || p.isName(0) && (p.wordAt(1, "REPLACE", "ON") || p.wordAt(1, "BY", "NAME", "REPLACE", "ON")) {
		return p.ident()
	}
	return ""
}

// insertClauses parses what stands between an INSERT's table and its query.
func (p *parser) insertClauses(s *Insert) {
	for {
		switch {
		case p.accept("PARTITION"):
			s.Partition = p.partition()
		case p.accept("BY", "NAME"):
			s.ByName = true
		case p.accept("REPLACE", "WHERE"):
			s.ReplaceWhere = p.expr()
		case p.accept("REPLACE", "USING"):
			s.ReplaceUsing = p.idents()
		case p.accept("REPLACE", "ON"):
			s.ReplaceOn = p.expr()
		case s.Columns == nil && p.at("(") && !p.isQuery(1) && !p.symbolAt(1, "("):
			s.Columns = p.idents()
		default:
			return
		}
	}
}

// partition parses (column [= value], …).
func (p *parser) partition() []*PartitionValue {
	return parenList(p, func() *PartitionValue {
		start := p.start()
		v := &PartitionValue{Name: p.ident()}
		if p.symbol("=") {
			v.Value = p.expr()
		}
		v.Range = p.from(start)
		return v
	})
}

// update parses UPDATE; with is what stood before it.
func (p *parser) update(start int, with *With) Statement {
	p.need("UPDATE")
	s := &Update{With: with, Table: p.name(), Alias: p.targetAlias()}
	p.need("SET")
	s.Set = commaList(p, p.assignment)
	if p.accept("WHERE") {
		s.Where = p.expr()
	}
	s.Range = p.from(start)
	return s
}

// targetAlias parses the alias of a table that is changed, which has no
// columns.
func (p *parser) targetAlias() string {
	a := p.tableAlias()
	if a == nil {
		return ""
	}
	if a.Columns != nil {
		p.fail(a.Start, "COLUMN_ALIASES_NOT_ALLOWED", "42601", "Column aliases are not allowed for the table that is changed.")
	}
	return a.Name
}

func (p *parser) assignment() *Assignment {
	start := p.start()
	a := &Assignment{Column: p.column()}
	p.needSymbol("=")
	a.Value = p.expr()
	a.Range = p.from(start)
	return a
}

// delete parses DELETE; with is what stood before it.
func (p *parser) delete(start int, with *With) Statement {
	p.need("DELETE", "FROM")
	s := &Delete{With: with, Table: p.name(), Alias: p.targetAlias()}
	if p.accept("WHERE") {
		s.Where = p.expr()
	}
	s.Range = p.from(start)
	return s
}

func (p *parser) truncate() Statement {
	start := p.start()
	p.need("TRUNCATE", "TABLE")
	s := &Truncate{Table: p.name()}
	if p.accept("PARTITION") {
		s.Partition = p.partition()
	}
	s.Range = p.from(start)
	return s
}

// merge parses MERGE; with is what stood before it.
func (p *parser) merge(start int, with *With) Statement {
	s := &Merge{With: with}
	p.need("MERGE")
	s.SchemaEvolution = p.accept("WITH", "SCHEMA", "EVOLUTION")
	p.need("INTO")
	s.Target = p.name()
	s.Alias = p.targetAlias()
	p.need("USING")
	s.Source = p.mergeSource()
	p.need("ON")
	s.On = p.expr()
	for p.word("WHEN") {
		s.Clauses = append(s.Clauses, p.mergeClause())
	}
	if len(s.Clauses) == 0 {
		p.fail(start, "DELTA_MERGE_MISSING_WHEN", "42601", "There must be at least one WHEN clause in a MERGE statement.")
	}
	p.checkConditions(s.Clauses)
	s.Range = p.from(start)
	return s
}

// mergeSource parses the source of a MERGE, whose alias has no columns.
func (p *parser) mergeSource() TableRef {
	source := p.tablePrimary()
	var alias *Alias
	switch source := source.(type) {
	case *Table:
		alias = source.Alias
	case *Subquery:
		alias = source.Alias
	case *TableFunction:
		alias = source.Alias
	}
	if alias != nil && alias.Columns != nil {
		p.failAt(alias.Range, "COLUMN_ALIASES_NOT_ALLOWED", "42601", "Column aliases are not allowed in MERGE.")
	}
	return source
}

// omittedConditions are the error classes for a clause that comes after one of
// its kind which takes every row.
var omittedConditions = map[string]struct{ class, state, kind string }{
	"MATCHED":               {"NON_LAST_MATCHED_CLAUSE_OMIT_CONDITION", "42613", "MATCHED"},
	"NOT MATCHED":           {"NON_LAST_NOT_MATCHED_BY_TARGET_CLAUSE_OMIT_CONDITION", "42613", "NOT MATCHED [BY TARGET]"},
	"NOT MATCHED BY SOURCE": {"NON_LAST_NOT_MATCHED_BY_SOURCE_CLAUSE_OMIT_CONDITION", "42613", "NOT MATCHED BY SOURCE"},
}

// checkConditions fails at a clause without a condition that is not the last
// of its kind (semantics §14.1).
func (p *parser) checkConditions(clauses []*MergeClause) {
	open := map[string]*MergeClause{}
	for _, c := range clauses {
		if before := open[c.Kind]; before != nil {
			e := omittedConditions[c.Kind]
			p.failAt(before.Range, e.class, e.state, "When there are more than one "+e.kind+" clauses in a MERGE statement, only the last "+
				e.kind+" clause can omit the condition.")
			return
		}
		if c.Cond == nil {
			open[c.Kind] = c
		}
	}
}

func (p *parser) mergeClause() *MergeClause {
	start := p.start()
	c := &MergeClause{}
	p.need("WHEN")
	switch {
	case p.accept("MATCHED"):
		c.Kind = "MATCHED"
	case p.accept("NOT", "MATCHED", "BY", "SOURCE"):
		c.Kind = "NOT MATCHED BY SOURCE"
	default:
		p.need("NOT", "MATCHED")
		if p.accept("BY") {
			p.need("TARGET")
		}
		c.Kind = "NOT MATCHED"
	}
	if p.accept("AND") {
		c.Cond = p.expr()
	}
	p.need("THEN")
	p.mergeAction(c)
	c.Range = p.from(start)
	return c
}

// mergeAction parses what a clause of its kind may do.
func (p *parser) mergeAction(c *MergeClause) {
	if c.Kind == "NOT MATCHED" {
		p.need("INSERT")
		c.Action = "INSERT"
		if c.All = p.symbol("*"); c.All {
			return
		}
		if p.at("(") {
			c.Columns = parenList(p, p.column)
		}
		at := p.start()
		p.need("VALUES")
		c.Values = parenList(p, p.expr)
		if c.Columns != nil && len(c.Columns) != len(c.Values) {
			p.fail(at, "MERGE_INSERT_VALUE_COUNT_MISMATCH", "21S01", "The number of provided values ("+strconv.Itoa(len(c.Values))+
				") must match the number of expected columns ("+strconv.Itoa(len(c.Columns))+") in the INSERT clause of MERGE.")
		}
		return
	}
	if p.accept("DELETE") {
		c.Action = "DELETE"
		return
	}
	p.need("UPDATE", "SET")
	c.Action = "UPDATE"
	if c.All = c.Kind == "MATCHED" && p.symbol("*"); !c.All {
		c.Set = commaList(p, p.assignment)
	}
}
