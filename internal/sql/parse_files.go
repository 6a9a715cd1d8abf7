package sql

// editFiles parses what follows ALTER STREAMING TABLE name when it is about
// files; start is the statement's.
func (p *parser) editFiles(start int, table *Name) Statement {
	s := &EditFiles{Table: table, Action: p.oneOf("RETRY", "FORGET", "REPLAY")}
	p.need("FILES")
	if p.accept("PATTERN") {
		p.symbol("=")
		s.Pattern = p.stringLiteral()
	} else {
		s.Files = parenList(p, p.stringLiteral)
	}
	s.Append = s.Action == "REPLAY" && p.accept("APPEND")
	s.Range = p.from(start)
	return s
}

// repair parses REPAIR TABLE name RESCUED DATA. Spark's own REPAIR TABLE is of
// Hive's tables.
func (p *parser) repair() Statement {
	start := p.start()
	p.need("REPAIR")
	if !p.accept("TABLE") {
		return p.unknown(start)
	}
	s := &RepairRescued{Table: p.tableOrPath()}
	if !p.accept("RESCUED", "DATA") {
		return p.unknown(start)
	}
	if p.accept("COLUMNS") {
		s.Columns = parenList(p, p.column)
	}
	if p.accept("OPTIONS") {
		s.Options = p.properties()
	}
	s.DryRun = p.accept("DRY", "RUN")
	s.Range = p.from(start)
	return s
}
