package sql

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
	p.insertClauses(s)
	if s.Query = p.query(); with != nil {
		if s.Query.With != nil {
			p.fail(s.Query.With.Start, "PARSE_SYNTAX_ERROR", "42601", "WITH stands once, before INSERT or after it.")
		}
		s.Query.With = with
	}
	s.Range = p.from(start)
	return s
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

func (p *parser) update() Statement {
	start := p.start()
	p.need("UPDATE")
	s := &Update{Table: p.name(), Alias: p.targetAlias()}
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

func (p *parser) delete() Statement {
	start := p.start()
	p.need("DELETE", "FROM")
	s := &Delete{Table: p.name(), Alias: p.targetAlias()}
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
	s.Source = p.tablePrimary()
	p.need("ON")
	s.On = p.expr()
	for p.word("WHEN") {
		s.Clauses = append(s.Clauses, p.mergeClause())
	}
	if len(s.Clauses) == 0 {
		p.fail(start, "DELTA_MERGE_MISSING_WHEN", "42601", "There must be at least one WHEN clause in a MERGE statement.")
	}
	s.Range = p.from(start)
	return s
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
		p.need("VALUES")
		c.Values = parenList(p, p.expr)
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
