package sql

import "strings"

func (p *parser) ifNotExists() bool { return p.accept("IF", "NOT", "EXISTS") }

// create parses the CREATE statements.
func (p *parser) create() Statement {
	start := p.start()
	p.need("CREATE")
	replace := p.accept("OR", "REPLACE")
	refresh := !replace && p.accept("OR", "REFRESH")
	external := p.accept("EXTERNAL")
	temporary := p.oneOf("TEMP", "TEMPORARY") != ""
	private := p.word("PRIVATE") && !p.wordAt(1, "VIEW") && p.accept("PRIVATE")
	plain := !replace && !refresh && !external && !temporary && !private
	switch {
	case plain && p.oneOf("SCHEMA", "DATABASE", "NAMESPACE") != "":
		return p.createSchema(start)
	case plain && p.accept("FLOW"):
		return p.createFlow(start)
	case !replace && !external && !temporary && (p.accept("STREAMING", "TABLE") || p.accept("STREAMING", "LIVE", "TABLE")):
		s := &CreateStreamingTable{OrRefresh: refresh, Dataset: Dataset{Private: private}}
		p.dataset(&s.Dataset)
		if p.word("FLOW") && s.Query == nil {
			p.flowClause(&s.Dataset)
		}
		s.Range = p.from(start)
		return s
	case !external && !temporary && (p.accept("MATERIALIZED", "VIEW") || p.accept("LIVE", "TABLE")):
		s := &CreateMaterializedView{OrReplace: replace, OrRefresh: refresh, Dataset: Dataset{Private: private}}
		p.dataset(&s.Dataset)
		if s.Query == nil {
			p.missing("AS")
		}
		s.Range = p.from(start)
		return s
	case private: // goes with what a pipeline keeps alone
	case !refresh && !temporary && p.accept("TABLE"):
		return p.createTable(start, &CreateTable{OrReplace: replace, External: external})
	case !refresh && !external && p.accept("VIEW"):
		return p.createView(start, &CreateView{OrReplace: replace, Temporary: temporary})
	case !refresh && !external && (p.accept("LIVE", "VIEW") || p.accept("STREAMING", "LIVE", "VIEW") || temporary && p.accept("STREAMING", "VIEW")):
		// As pipelines called their temporary views before.
		return p.createView(start, &CreateView{OrReplace: replace, Temporary: true})
	}
	return p.unknown(start)
}

func (p *parser) createSchema(start int) Statement {
	s := &CreateSchema{IfNotExists: p.ifNotExists(), Name: p.name()}
	for {
		switch {
		case p.accept("COMMENT"):
			s.Comment = p.stringLiteral()
		case p.accept("LOCATION"), p.accept("MANAGED", "LOCATION"):
			s.Location = p.stringLiteral()
		case p.accept("WITH", "DBPROPERTIES"), p.accept("WITH", "PROPERTIES"):
			s.Properties = p.properties()
		default:
			s.Range = p.from(start)
			return s
		}
	}
}

func (p *parser) drop() Statement {
	start := p.start()
	p.need("DROP")
	switch {
	case p.oneOf("SCHEMA", "DATABASE", "NAMESPACE") != "":
		s := &DropSchema{IfExists: p.accept("IF", "EXISTS"), Name: p.name()}
		s.Cascade = p.oneOf("CASCADE", "RESTRICT") == "CASCADE"
		s.Range = p.from(start)
		return s
	case p.accept("FLOW"):
		return p.dropFlow(start)
	case p.word("TABLE"), p.word("VIEW"), p.word("MATERIALIZED", "VIEW"), p.word("STREAMING", "TABLE"):
		materialized, streaming := p.accept("MATERIALIZED"), p.accept("STREAMING")
		view := p.advance().value == "VIEW"
		s := &DropTable{View: view, Materialized: materialized, Streaming: streaming, IfExists: p.accept("IF", "EXISTS"), Name: p.name()}
		s.Purge = !view && p.accept("PURGE")
		s.Range = p.from(start)
		return s
	}
	return p.unknown(start)
}

func (p *parser) createTable(start int, s *CreateTable) Statement {
	s.IfNotExists = p.ifNotExists()
	s.Name = p.name()
	if at := p.peek(0); p.word("LIKE") {
		p.failAt(at.Range, "UNSUPPORTED_STATEMENT", "0A000", "The clause LIKE of CREATE TABLE is not supported.")
	}
	if s.Clone = p.clone(); s.Clone != nil {
		p.tableOptions(&s.TableOptions)
		s.Range = p.from(start)
		return s
	}
	if p.at("(") && !p.isQuery(1) {
		s.Columns, s.Constraints = p.columns()
	}
	p.tableOptions(&s.TableOptions)
	s.Query = p.asQuery()
	s.Range = p.from(start)
	return s
}

// asQuery parses [AS] query, or returns nil.
func (p *parser) asQuery() *Query {
	if p.accept("AS") || p.isQuery(0) || p.at("(") {
		return p.query()
	}
	return nil
}

// dataset parses the definition of a streaming table or a materialized view
// after the words that say which.
func (p *parser) dataset(s *Dataset) {
	s.IfNotExists = p.ifNotExists()
	s.Name = p.name()
	if p.at("(") && !p.isQuery(1) {
		s.Columns, s.Constraints = p.columns()
	}
	for {
		p.tableOptions(&s.TableOptions)
		if s.Schedule != nil || !p.word("SCHEDULE") && !p.word("TRIGGER") {
			break
		}
		s.Schedule = p.schedule()
	}
	s.Query = p.asQuery()
}

func (p *parser) schedule() *Schedule {
	start := p.start()
	s := &Schedule{}
	switch {
	case p.accept("TRIGGER"):
		p.need("ON", "UPDATE")
		s.OnUpdate = true
		if p.accept("AT", "MOST", "EVERY") {
			s.AtMost = p.interval()
		}
	default:
		p.need("SCHEDULE")
		p.accept("REFRESH")
		if p.accept("CRON") {
			s.Cron = p.stringLiteral()
			if p.accept("AT", "TIME", "ZONE") {
				s.TimeZone = p.stringLiteral()
			}
			break
		}
		p.need("EVERY")
		s.Every = p.binary(precComparison + 1)
		if s.Unit = unitOfTime(p.ident()); s.Unit != "HOUR" && s.Unit != "DAY" && s.Unit != "WEEK" {
			p.pos--
			p.unexpected()
		}
	}
	s.Range = p.from(start)
	return s
}

func (p *parser) createView(start int, s *CreateView) Statement {
	s.IfNotExists = p.ifNotExists()
	s.Name = p.name()
	if p.at("(") && !p.isQuery(1) {
		p.parens(func() {
			p.commas(func() {
				if p.isConstraint() {
					s.Constraints = append(s.Constraints, p.constraint())
					return
				}
				s.Columns = append(s.Columns, p.viewColumn())
			})
		})
	}
	for !p.word("AS") && p.err == nil {
		switch {
		case p.accept("COMMENT"):
			s.Comment = p.stringLiteral()
		case p.accept("TBLPROPERTIES"):
			s.Properties = p.properties()
		default:
			p.missing("AS")
		}
	}
	p.need("AS")
	s.Query = p.query()
	s.Range = p.from(start)
	return s
}

func (p *parser) viewColumn() *ColumnDef {
	start := p.start()
	c := &ColumnDef{Name: p.ident()}
	if p.accept("COMMENT") {
		c.Comment = p.stringLiteral()
	}
	c.Range = p.from(start)
	return c
}

// columns parses the columns and constraints of a table between parentheses.
func (p *parser) columns() (columns []*ColumnDef, constraints []*Constraint) {
	p.needSymbol("(")
	if p.symbol(")") {
		return nil, nil
	}
	p.commas(func() {
		if p.isConstraint() {
			constraints = append(constraints, p.constraint())
			return
		}
		column, declared := p.columnDef()
		columns = append(columns, column)
		constraints = append(constraints, declared...)
	})
	p.needSymbol(")")
	return columns, constraints
}

// isConstraint reports whether a constraint rather than a column is ahead.
func (p *parser) isConstraint() bool {
	i := 0
	if p.word("CONSTRAINT") && p.isName(1) {
		i = 2
	}
	return p.wordAt(i, "PRIMARY", "KEY") || p.wordAt(i, "FOREIGN", "KEY") ||
		(p.wordAt(i, "CHECK") || p.wordAt(i, "EXPECT")) && p.symbolAt(i+1, "(")
}

func (p *parser) constraint() *Constraint {
	start := p.start()
	c := &Constraint{}
	if p.accept("CONSTRAINT") {
		c.Name = p.ident()
	}
	switch {
	case p.accept("PRIMARY", "KEY"):
		c.Kind = "PRIMARY KEY"
		c.Columns = p.idents()
	case p.accept("FOREIGN", "KEY"):
		c.Kind = "FOREIGN KEY"
		c.Columns = p.idents()
		p.references(c)
	default:
		c.Kind = p.advance().value
		p.parens(func() { c.Check = p.expr() })
		if c.Kind == "EXPECT" && p.accept("ON", "VIOLATION") {
			c.OnViolate = p.violation()
		}
	}
	p.skipCharacteristics()
	c.Range = p.from(start)
	return c
}

func (p *parser) references(c *Constraint) {
	p.need("REFERENCES")
	c.References = p.name()
	if p.at("(") {
		c.ToColumns = p.idents()
	}
}

func (p *parser) violation() string {
	switch {
	case p.accept("FAIL", "UPDATE"):
		return "FAIL UPDATE"
	case p.accept("DROP", "ROW"):
		return "DROP ROW"
	}
	p.unexpected()
	return ""
}

// skipCharacteristics skips what says that a key is not enforced.
func (p *parser) skipCharacteristics() {
	for p.accept("NOT", "ENFORCED") || p.accept("NOT", "DEFERRABLE") || p.accept("INITIALLY", "DEFERRED") || p.oneOf("RELY", "NORELY", "DEFERRABLE", "ENFORCED") != "" {
	}
}

// columnDef parses one column, with the constraints that it declares.
func (p *parser) columnDef() (*ColumnDef, []*Constraint) {
	start := p.start()
	c := &ColumnDef{Name: p.ident(), Type: p.typeName()}
	constraints := p.columnClauses(start, c)
	return c, constraints
}

// columnClauses parses what follows a column's type; start is the column's.
func (p *parser) columnClauses(start int, c *ColumnDef) []*Constraint {
	var constraints []*Constraint
	for p.err == nil {
		at := p.start()
		switch {
		case p.accept("NOT", "NULL"):
			c.NotNull = true
		case p.accept("NULL"):
		case p.accept("DEFAULT"):
			c.Default = p.expr()
		case p.accept("GENERATED"):
			p.generated(at, c)
		case p.accept("COMMENT"):
			c.Comment = p.stringLiteral()
		case p.isColumnConstraint():
			constraints = append(constraints, p.columnConstraint(c.Name))
		default:
			c.Range = p.from(start)
			return constraints
		}
	}
	return constraints
}

// isColumnConstraint reports whether a constraint within a column is ahead.
func (p *parser) isColumnConstraint() bool {
	i := 0
	if p.word("CONSTRAINT") && p.isName(1) {
		i = 2
	}
	return p.wordAt(i, "PRIMARY", "KEY") || p.wordAt(i, "CHECK") && p.symbolAt(i+1, "(") ||
		p.wordAt(i, "REFERENCES") || p.wordAt(i, "FOREIGN", "KEY", "REFERENCES")
}

// columnConstraint parses a constraint within a column, which is one of the
// table.
func (p *parser) columnConstraint(column string) *Constraint {
	start := p.start()
	c := &Constraint{}
	if p.accept("CONSTRAINT") {
		c.Name = p.ident()
	}
	switch {
	case p.accept("PRIMARY", "KEY"):
		c.Kind = "PRIMARY KEY"
		c.Columns = []string{column}
	case p.accept("CHECK"):
		c.Kind = "CHECK"
		p.parens(func() { c.Check = p.expr() })
	default:
		p.accept("FOREIGN", "KEY")
		c.Kind = "FOREIGN KEY"
		c.Columns = []string{column}
		p.references(c)
	}
	p.skipCharacteristics()
	c.Range = p.from(start)
	return c
}

// generated parses what follows GENERATED.
func (p *parser) generated(start int, c *ColumnDef) {
	always := p.accept("ALWAYS")
	if !always {
		p.need("BY", "DEFAULT")
	}
	p.need("AS")
	if always && p.at("(") {
		p.parens(func() { c.Generated = p.expr() })
		return
	}
	p.need("IDENTITY")
	c.Identity = &Identity{Always: always}
	if p.symbol("(") {
		for p.err == nil && !p.at(")") {
			switch {
			case p.accept("START", "WITH"):
				c.Identity.Start = p.expr()
			case p.accept("INCREMENT", "BY"):
				c.Identity.Increment = p.expr()
			default:
				p.unexpected()
			}
			p.symbol(",")
		}
		p.needSymbol(")")
	}
	c.Identity.Range = p.from(start)
}

// tableOptions parses the clauses after a table's columns.
func (p *parser) tableOptions(o *TableOptions) {
	for {
		switch {
		case p.accept("USING"):
			o.Using = p.format()
		case p.accept("PARTITIONED", "BY"):
			o.PartitionedBy = parenList(p, p.partitionColumn)
		case p.accept("CLUSTER", "BY"):
			o.ClusterBy, o.ClusterByAuto = p.clustering()
		case p.accept("TBLPROPERTIES"):
			o.Properties = p.properties()
		case p.accept("OPTIONS"):
			o.Options = p.properties()
		case p.accept("COMMENT"):
			o.Comment = p.stringLiteral()
		case p.accept("LOCATION"):
			o.Location = p.stringLiteral()
		case p.accept("DEFAULT", "COLLATION"):
			p.defaultCollation()
		default:
			return
		}
	}
}

// defaultCollation parses a name of the collation that columns have anyway.
func (p *parser) defaultCollation() {
	if at := p.start(); !strings.EqualFold(p.ident(), "UTF8_BINARY") {
		p.fail(at, "UNSUPPORTED_FEATURE", "0A000", "Collations other than UTF8_BINARY are not supported.")
	}
}

// format parses the name of a data source, which may have dots.
func (p *parser) format() string {
	parts := []string{p.ident()}
	for p.symbol(".") {
		parts = append(parts, p.ident())
	}
	return strings.Join(parts, ".")
}

// clustering parses what follows CLUSTER BY: columns, AUTO or NONE.
func (p *parser) clustering() (columns []*Column, auto bool) {
	switch {
	case p.accept("AUTO"):
		return nil, true
	case p.accept("NONE"):
		return nil, false
	default:
		return parenList(p, p.column), false
	}
}

// partitionColumn parses a column's name, with its type where that declares
// the column.
func (p *parser) partitionColumn() *ColumnDef {
	start := p.start()
	if p.isName(0) && p.symbolAt(1, "(") {
		p.failAt(p.peek(0).Range, "UNSUPPORTED_FEATURE", "0A000", "The partition transform "+p.peek(0).text+" is not supported; partition by a column, which may be generated.")
	}
	if p.symbolAt(1, ",") || p.symbolAt(1, ")") {
		c := &ColumnDef{Name: p.ident()}
		c.Range = p.from(start)
		return c
	}
	c, _ := p.columnDef()
	return c
}

// properties parses ('key' = 'value', …).
func (p *parser) properties() []*Property {
	return parenList(p, func() *Property {
		start := p.start()
		o := &Property{Key: p.propertyKey()}
		p.symbol("=")
		o.Value = p.propertyValue()
		o.Range = p.from(start)
		return o
	})
}

func (p *parser) propertyKey() string {
	if p.peek(0).kind == stringToken {
		return p.stringLiteral()
	}
	parts := []string{p.ident()}
	for p.symbol(".") {
		parts = append(parts, p.ident())
	}
	return strings.Join(parts, ".")
}

// propertyValue parses a literal and returns its text.
func (p *parser) propertyValue() string {
	sign := ""
	if p.symbol("-") {
		sign = "-"
	}
	switch t := p.peek(0); {
	case t.kind == stringToken && sign == "":
		return p.stringLiteral()
	case t.kind == numberToken:
		return sign + p.number().Value
	case p.word("TRUE"), p.word("FALSE"), p.word("NULL"):
		return strings.ToLower(p.advance().value)
	}
	p.unexpected()
	return ""
}
