package sql

import "strings"

// alter parses the ALTER statements: of tables, streaming tables and
// materialized views.
func (p *parser) alter() Statement {
	start := p.start()
	p.need("ALTER")
	switch {
	case p.accept("STREAMING", "TABLE"):
		return p.alterDataset(start, "STREAMING TABLE")
	case p.accept("MATERIALIZED", "VIEW"):
		return p.alterDataset(start, "MATERIALIZED VIEW")
	}
	if !p.accept("TABLE") {
		return p.unknown(start)
	}
	s := &AlterTable{Table: p.name()}
	s.Action = p.alterAction(start)
	s.Range = p.from(start)
	return s
}

// alterDataset parses what follows ALTER STREAMING TABLE and ALTER MATERIALIZED
// VIEW.
func (p *parser) alterDataset(start int, kind string) Statement {
	name := p.name()
	if kind == "STREAMING TABLE" && (p.word("RETRY") || p.word("FORGET") || p.word("REPLAY")) {
		return p.editFiles(start, name)
	}
	s := &AlterTable{Kind: kind, Table: name}
	if p.tableAction() {
		s.Action = p.alterAction(start)
	} else {
		s.Action = p.alterSchedule()
	}
	s.Range = p.from(start)
	return s
}

// tableAction reports whether an action follows that ALTER TABLE has, too.
func (p *parser) tableAction() bool {
	for _, what := range []string{"COLUMN", "COLUMNS", "CONSTRAINT"} {
		if p.word("ADD", what) || p.word("ALTER", what) || p.word("DROP", what) {
			return true
		}
	}
	return p.word("RENAME") || p.word("REPLACE", "COLUMNS") || p.word("SET", "TBLPROPERTIES") || p.word("UNSET", "TBLPROPERTIES") || p.word("CLUSTER", "BY")
}

// alterSchedule parses ADD, ALTER and DROP of a schedule.
func (p *parser) alterSchedule() AlterAction {
	at := p.start()
	if p.accept("DROP", "SCHEDULE") {
		return &DropSchedule{Range: p.from(at)}
	}
	s := &SetSchedule{Add: p.word("ADD")}
	if p.oneOf("ADD", "ALTER") == "" {
		p.missing("SCHEDULE")
	}
	s.Schedule = p.schedule()
	s.Range = p.from(at)
	return s
}

// alterAction parses what an ALTER TABLE does; start is the statement's.
func (p *parser) alterAction(start int) AlterAction {
	at := p.start()
	switch {
	case p.word("ADD", "PARTITION"), p.word("ADD", "IF"), p.word("DROP", "PARTITION"), p.word("DROP", "IF", "EXISTS", "PARTITION"),
		p.word("RECOVER", "PARTITIONS"), p.word("PARTITION"):
		return p.partitionAction()
	case p.word("ADD"):
		return p.alterAdd(at)
	case p.word("DROP"):
		return p.alterDrop(start, at)
	case p.word("RENAME", "COLUMN"), p.word("RENAME", "TO"):
		return p.alterRename(at)
	case p.word("ALTER"), p.word("CHANGE"):
		return p.alterColumns(at)
	case p.accept("REPLACE", "COLUMNS"):
		columns := parenList(p, p.newColumn)
		return &ReplaceColumns{Range: p.from(at), Columns: columns}
	case p.accept("SET", "TBLPROPERTIES"):
		properties := p.properties()
		return &SetProperties{Range: p.from(at), Properties: properties}
	case p.accept("UNSET", "TBLPROPERTIES"):
		s := &UnsetProperties{IfExists: p.accept("IF", "EXISTS"), Keys: parenList(p, p.propertyKey)}
		s.Range = p.from(at)
		return s
	case p.accept("CLUSTER", "BY"):
		s := &SetClustering{}
		s.Columns, s.Auto = p.clustering()
		s.Range = p.from(at)
		return s
	case p.accept("SET", "LOCATION"):
		location := p.stringLiteral()
		return &SetLocation{Range: p.from(at), Location: location}
	}
	return p.unknownAction(start)
}

// alterActionWords are the words that name actions of ALTER TABLE which are
// not parsed.
var alterActionWords = set(`ADD DROP SET UNSET TAGS TAG OWNER MANAGED ROW FILTER PRIMARY FOREIGN KEY SERDE SERDEPROPERTIES
	MASK PREDICTIVE OPTIMIZATION ENABLE DISABLE`)

// unknownAction fails at an action of ALTER TABLE that is not parsed, by its
// name if it has one.
func (p *parser) unknownAction(start int) AlterAction {
	var words []string
	for p.peek(0).kind == wordToken && alterActionWords[p.peek(0).value] {
		words = append(words, p.advance().value)
	}
	if len(words) == 0 {
		p.unexpected()
		return &AddColumns{}
	}
	p.fail(start, "UNSUPPORTED_STATEMENT", "0A000", "The statement ALTER TABLE "+strings.Join(words, " ")+" is not supported.")
	return &AddColumns{}
}

// partitionAction fails at an action on Hive's partitions, which Delta tables
// keep themselves.
func (p *parser) partitionAction() AlterAction {
	at := p.start()
	words := []string{"ALTER TABLE"}
	for _, w := range []string{"ADD", "DROP", "RECOVER"} {
		if p.accept(w) {
			words = append(words, w)
		}
	}
	if !p.accept("IF", "NOT", "EXISTS") {
		p.accept("IF", "EXISTS")
	}
	words = append(words, p.advance().value)
	p.fail(at, "DELTA_OPERATION_NOT_ALLOWED", "0AKDC",
		"Operation not allowed: `"+strings.Join(words, " ")+"` is not supported for Delta tables, which know their partitions.")
	return &AddColumns{}
}

func (p *parser) alterAdd(at int) AlterAction {
	p.need("ADD")
	if p.isConstraint() {
		c := p.constraint()
		return &AddConstraint{Range: p.from(at), Constraint: c}
	}
	if p.oneOf("COLUMNS", "COLUMN") == "" {
		p.missing("COLUMNS")
	}
	s := &AddColumns{}
	if p.at("(") {
		s.Columns = parenList(p, p.newColumn)
	} else {
		s.Columns = commaList(p, p.newColumn)
	}
	s.Range = p.from(at)
	return s
}

// newColumn parses a column or nested field with its place.
func (p *parser) newColumn() *NewColumn {
	start := p.start()
	path := p.column().Parts
	last := len(path) - 1
	at := p.tokens[max(p.pos-1, 0)].Start
	n := &NewColumn{Def: &ColumnDef{Name: path[last], Type: p.typeName()}}
	if last > 0 {
		n.Within = path[:last]
	}
	keys := p.columnClauses(at, n.Def)
	if len(keys) > 0 {
		p.failAt(keys[0].Range, "PARSE_SYNTAX_ERROR", "42601", "A constraint is added by ALTER TABLE … ADD CONSTRAINT.")
	}
	n.Place = p.place()
	n.Range = p.from(start)
	return n
}

// place parses FIRST or AFTER a sibling, or returns nil.
func (p *parser) place() *Place {
	start := p.start()
	s := &Place{}
	switch {
	case p.accept("FIRST"):
	case p.accept("AFTER"):
		s.After = p.ident()
	default:
		return nil
	}
	s.Range = p.from(start)
	return s
}

// alterDrop parses the DROP actions; start is the statement's.
func (p *parser) alterDrop(start, at int) AlterAction {
	p.need("DROP")
	switch {
	case p.oneOf("COLUMN", "COLUMNS") != "":
		s := &DropColumns{IfExists: p.accept("IF", "EXISTS")}
		if p.at("(") {
			s.Columns = parenList(p, p.column)
		} else {
			s.Columns = commaList(p, p.column)
		}
		s.Range = p.from(at)
		return s
	case p.accept("CONSTRAINT"):
		s := &DropConstraint{IfExists: p.accept("IF", "EXISTS"), Name: p.ident()}
		p.oneOf("RESTRICT", "CASCADE") // checks depend on nothing
		s.Range = p.from(at)
		return s
	case p.accept("FEATURE"):
		s := &DropFeature{}
		if p.peek(0).kind == stringToken {
			s.Feature = p.stringLiteral()
		} else {
			s.Feature = p.ident()
		}
		s.TruncateHistory = p.accept("TRUNCATE", "HISTORY")
		s.Range = p.from(at)
		return s
	}
	p.rewind(at)
	return p.unknownAction(start)
}

func (p *parser) alterRename(at int) AlterAction {
	p.need("RENAME")
	if p.accept("TO") {
		to := p.name()
		return &RenameTable{Range: p.from(at), To: to}
	}
	p.need("COLUMN")
	s := &RenameColumn{Column: p.column()}
	p.need("TO")
	s.To = p.ident()
	s.Range = p.from(at)
	return s
}

func (p *parser) alterColumns(at int) AlterAction {
	s := &AlterColumns{}
	p.advance()
	p.accept("COLUMN")
	p.commas(func() { s.Changes = append(s.Changes, p.columnChanges()...) })
	s.Range = p.from(at)
	return s
}

// columnChanges parses the change of one column; Hive's form may have several.
func (p *parser) columnChanges() []*ColumnChange {
	start := p.start()
	c := &ColumnChange{Column: p.column()}
	switch {
	case p.accept("TYPE"):
		c.Kind, c.Type = ChangeType, p.typeName()
	case p.accept("SET", "NOT", "NULL"):
		c.Kind = SetNotNull
	case p.accept("DROP", "NOT", "NULL"):
		c.Kind = DropNotNull
	case p.accept("SET", "DEFAULT"):
		c.Kind, c.Default = SetDefault, p.expr()
	case p.accept("DROP", "DEFAULT"):
		c.Kind = DropDefault
	case p.accept("COMMENT"):
		c.Kind, c.Comment = SetComment, p.stringLiteral()
	case p.word("FIRST"), p.word("AFTER"):
		c.Kind, c.Place = MoveColumn, p.place()
	case p.accept("SYNC", "IDENTITY"):
		c.Kind = SyncIdentity
	case p.isName(0) && p.isName(1):
		return p.hiveChange(start, c.Column)
	default:
		p.missing("TYPE, SET, DROP, COMMENT, FIRST, AFTER or SYNC IDENTITY")
	}
	c.Range = p.from(start)
	return []*ColumnChange{c}
}

// hiveChange parses what follows the column in CHANGE COLUMN a a INT COMMENT
// 'x' FIRST.
func (p *parser) hiveChange(start int, column *Column) []*ColumnChange {
	at := p.start()
	if name := p.ident(); !strings.EqualFold(name, column.Parts[len(column.Parts)-1]) {
		p.fail(at, "UNSUPPORTED_FEATURE", "0A000", "CHANGE COLUMN does not rename; use ALTER TABLE … RENAME COLUMN "+column.String()+" TO "+quoteName(name)+".")
	}
	var changes []*ColumnChange
	add := func(c ColumnChange) {
		c.Range, c.Column = p.from(start), column
		changes = append(changes, &c)
	}
	t := p.typeName()
	add(ColumnChange{Kind: ChangeType, Type: t})
	if p.accept("NOT", "NULL") {
		add(ColumnChange{Kind: SetNotNull})
	}
	if p.accept("COMMENT") {
		comment := p.stringLiteral()
		add(ColumnChange{Kind: SetComment, Comment: comment})
	}
	if place := p.place(); place != nil {
		add(ColumnChange{Kind: MoveColumn, Place: place})
	}
	return changes
}
