package sql

import (
	"fmt"
	"strings"
)

// statement parses one statement.
func (p *parser) statement() Statement {
	start := p.start()
	t := p.peek(0)
	if p.at("(") || p.isQuery(0) && !p.word("WITH") {
		return p.query()
	}
	if t.kind != wordToken {
		p.unexpected()
		return &Query{}
	}
	switch t.value {
	case "WITH":
		return p.withStatement()
	case "CREATE":
		return p.create()
	case "DROP":
		return p.drop()
	case "INSERT":
		return p.insert(start, nil)
	case "COPY":
		return p.copyInto()
	case "MERGE":
		return p.merge(start, nil)
	case "UPDATE":
		return p.update(start, nil)
	case "DELETE":
		return p.delete(start, nil)
	case "TRUNCATE":
		return p.truncate()
	case "SHOW":
		return p.show()
	case "DESCRIBE", "DESC":
		return p.describe()
	case "USE":
		return p.use()
	case "SET":
		return p.set()
	case "RESET":
		return p.reset()
	case "EXPLAIN":
		return p.explain()
	case "REFRESH":
		return p.refresh()
	}
	return p.maintenance(start)
}

// maintenance parses the statements that change a table's definition or its
// files, but not its rows.
func (p *parser) maintenance(start int) Statement {
	switch p.peek(0).value {
	case "ALTER":
		return p.alter()
	case "COMMENT":
		return p.commentOn()
	case "OPTIMIZE":
		return p.optimize()
	case "REORG":
		return p.reorg()
	case "VACUUM":
		return p.vacuum()
	case "RESTORE":
		return p.restore()
	case "CONVERT":
		return p.convert()
	case "REPAIR":
		return p.repair()
	case "APPLY":
		if p.word("APPLY", "CHANGES", "INTO") {
			return p.applyChanges(start)
		}
	}
	return p.unknown(start)
}

// unsupportedStatements are the first words of statements of Spark and
// Databricks that this package does not parse.
var unsupportedStatements = set(`ADD ALTER ANALYZE APPLY AUTO BEGIN CACHE CALL CLEAR COMMIT CREATE DECLARE
	DENY DESC DESCRIBE DROP EXECUTE EXPORT FROM FSCK GENERATE GET GRANT IMPORT LIST LOAD LOCK MSCK PUT REFRESH REMOVE
	REPAIR REPLACE REVOKE ROLLBACK SHOW START SYNC UNCACHE UNDROP UNLOCK UNSET`)

// unknown fails at a statement that is not parsed, by its name if it has one.
func (p *parser) unknown(start int) Statement {
	p.rewind(start)
	if t := p.peek(0); !unsupportedStatements[t.value] {
		p.unexpected()
		return &Query{}
	}
	words := []string{p.advance().value}
	for p.peek(0).kind == wordToken && len(words) < 5 && statementWords[p.peek(0).value] {
		words = append(words, p.advance().value)
	}
	if len(words) == 1 && p.isName(0) && objectVerbs[words[0]] {
		words = append(words, strings.ToUpper(p.advance().text))
	}
	p.fail(start, "UNSUPPORTED_STATEMENT", "0A000", "The statement "+strings.Join(words, " ")+" is not supported.")
	return &Query{}
}

// statementWords are the words that belong to a statement's name after the
// first.
var statementWords = set(`TABLE TABLES VIEW SCHEMA DATABASE CATALOG FUNCTION VOLUME CONNECTION FLOW MATERIALIZED STREAMING LIVE
	TEMPORARY TEMP GLOBAL INTO TO DELTA OR REPLACE REFRESH DATA ON JAR FILE IMMEDIATE CHANGES CDC EXTENDED GRANTS ROLES
	SHARE RECIPIENT PROVIDER INDEX MODEL POLICY VARIABLE EXTERNAL LOCATION CREDENTIAL STORAGE`)

// objectVerbs are the first words after which the kind of an object follows.
var objectVerbs = set(`ALTER CREATE DROP SHOW`)

// rewind moves back to the token at a byte offset.
func (p *parser) rewind(start int) {
	for p.err == nil && p.pos > 0 && p.peek(0).Start > start {
		p.pos--
	}
}

// withStatement parses a statement before which common tables stand.
func (p *parser) withStatement() Statement {
	start := p.start()
	with := p.with()
	switch {
	case p.word("INSERT"):
		return p.insert(start, with)
	case p.word("MERGE"):
		return p.merge(start, with)
	case p.word("UPDATE"):
		return p.update(start, with)
	case p.word("DELETE"):
		return p.delete(start, with)
	}
	q := p.queryAfter(start, &Query{Body: p.setOperand()})
	q.With = with
	return q
}

func (p *parser) use() Statement {
	start := p.start()
	p.need("USE")
	s := &Use{}
	if p.isName(1) {
		switch p.oneOf("CATALOG", "SCHEMA", "DATABASE", "NAMESPACE") {
		case "CATALOG":
			s.Kind = "CATALOG"
		case "SCHEMA", "DATABASE", "NAMESPACE":
			s.Kind = "SCHEMA"
		}
	}
	s.Name = p.name()
	s.Range = p.from(start)
	return s
}

// set parses SET, whose value is the text up to the statement's end.
func (p *parser) set() Statement {
	start := p.start()
	p.need("SET")
	s := &Set{}
	if p.accept("TIME", "ZONE") {
		s.Key = "spark.sql.session.timeZone"
		s.HasValue = true
		s.Value = p.timeZone()
	} else {
		s.Key = p.settingKey()
		if p.symbol("=") {
			s.HasValue = true
			s.Value = p.rest()
		}
	}
	s.Range = p.from(start)
	return s
}

// timeZone parses what SET TIME ZONE sets: a name, LOCAL, or an interval that is
// the offset from UTC.
func (p *parser) timeZone() string {
	switch {
	case p.accept("LOCAL"):
		return "UTC" // where the server is, which does not say
	case p.word("INTERVAL"):
		e := p.interval()
		seconds, ok := daySeconds(e)
		if !ok || seconds < -maxOffset || seconds > maxOffset || seconds%60 != 0 {
			p.failAt(e.Range, "INVALID_INTERVAL_FORMAT.TIMEZONE_INTERVAL_OUT_OF_RANGE", "22006",
				"Error parsing '"+e.String()+"' to interval. The interval value must be in the range of [-18, +18] hours with minute precision.")
		}
		sign := '+'
		if seconds < 0 {
			sign, seconds = '-', -seconds
		}
		return fmt.Sprintf("%c%02d:%02d", sign, seconds/3600, seconds/60%60)
	}
	return p.rest()
}

// maxOffset is the greatest offset of a time zone, in seconds.
const maxOffset = 18 * 3600

// settingKey parses the name of a setting, such as spark.sql.ansi.enabled, or
// nothing.
func (p *parser) settingKey() string {
	var key strings.Builder
	for p.err == nil {
		t := p.peek(0)
		if t.kind != wordToken && t.kind != quotedToken && t.kind != numberToken && t.value != "." && t.value != "-" && t.value != ":" {
			break
		}
		if t.kind == quotedToken {
			key.WriteString(t.value)
		} else {
			key.WriteString(t.text)
		}
		p.advance()
	}
	return key.String()
}

// rest returns the text up to the end of the statement; of a single string, its
// value.
func (p *parser) rest() string {
	first := p.peek(0)
	if first.kind == stringToken && (p.peek(1).kind == endToken || p.symbolAt(1, ";")) {
		return p.advance().value
	}
	for !p.atEnd() && !p.at(";") {
		if p.peek(0).kind == badToken {
			p.unexpected()
		}
		p.advance()
	}
	if p.err != nil {
		return ""
	}
	r := p.from(first.Start)
	if r.End <= first.Start {
		return ""
	}
	return p.text[r.Start:r.End]
}

func (p *parser) reset() Statement {
	start := p.start()
	p.need("RESET")
	key := p.settingKey()
	return &Reset{Range: p.from(start), Key: key}
}

func (p *parser) explain() Statement {
	start := p.start()
	p.need("EXPLAIN")
	s := &Explain{Mode: p.oneOf("EXTENDED", "FORMATTED", "COST", "CODEGEN")}
	p.enter()
	s.Statement = p.statement()
	p.leave()
	s.Range = p.from(start)
	return s
}

func (p *parser) refresh() Statement {
	start := p.start()
	p.need("REFRESH")
	s := &Refresh{}
	switch {
	case p.accept("TABLE"):
		s.Kind = "TABLE"
	case p.accept("STREAMING", "TABLE"):
		s.Kind = "STREAMING TABLE"
	case p.accept("MATERIALIZED", "VIEW"):
		s.Kind = "MATERIALIZED VIEW"
	default:
		return p.unknown(start)
	}
	s.Name = p.name()
	s.Full = p.accept("FULL")
	s.Async = p.oneOf("SYNC", "ASYNC") == "ASYNC"
	s.Range = p.from(start)
	return s
}

func (p *parser) show() Statement {
	start := p.start()
	p.need("SHOW")
	s := &Show{}
	switch {
	case p.accept("SCHEMAS"), p.accept("DATABASES"), p.accept("NAMESPACES"):
		s.Kind = "SCHEMAS"
	case p.accept("USER", "FUNCTIONS"):
		s.Kind = "USER FUNCTIONS"
	case p.word("SYSTEM", "FUNCTIONS"), p.word("ALL", "FUNCTIONS"):
		p.pos += 2
		s.Kind = "FUNCTIONS"
	case p.accept("CREATE", "TABLE"):
		s.Kind = "CREATE TABLE"
	default:
		s.Kind = p.oneOf("TABLES", "VIEWS", "COLUMNS", "CATALOGS", "FUNCTIONS", "TBLPROPERTIES", "PARTITIONS")
	}
	switch s.Kind {
	case "":
		return p.unknown(start)
	case "CREATE TABLE", "TBLPROPERTIES", "PARTITIONS":
		s.In = p.name()
		if s.Kind == "TBLPROPERTIES" && p.symbol("(") {
			s.Key = p.propertyKey()
			p.needSymbol(")")
		}
	case "COLUMNS":
		s.In = p.showColumns()
	default:
		if p.oneOf("IN", "FROM") != "" {
			s.In = p.name()
		}
		if p.accept("LIKE") || p.peek(0).kind == stringToken {
			s.Like = p.stringLiteral()
		}
	}
	s.Range = p.from(start)
	return s
}

// showColumns parses IN table [IN schema].
func (p *parser) showColumns() *Name {
	if p.oneOf("IN", "FROM") == "" {
		p.missing("IN")
	}
	table := p.name()
	if p.oneOf("IN", "FROM") != "" {
		in := p.name()
		table.Parts = append(in.Parts, table.Parts...)
	}
	return table
}

func (p *parser) describe() Statement {
	start := p.start()
	p.advance()
	s := &Describe{Kind: "TABLE"}
	switch {
	case p.isQuery(0) && !p.word("TABLE"), p.word("QUERY") && p.isQuery(1):
		p.accept("QUERY")
		s.Kind = "QUERY"
		s.Query = p.query()
		s.Range = p.from(start)
		return s
	case p.isName(1), p.peek(1).kind == stringToken:
		kind := p.oneOf("TABLE", "DETAIL", "HISTORY", "SCHEMA", "DATABASE", "FUNCTION", "CATALOG")
		if kind == "DATABASE" {
			kind = "SCHEMA"
		}
		if kind != "" {
			s.Kind = kind
		}
	}
	s.Extended = p.isName(1) && p.oneOf("EXTENDED", "FORMATTED") != ""
	if s.Kind == "DETAIL" || s.Kind == "HISTORY" {
		s.Name = p.tableOrPath()
	} else {
		s.Name = p.name()
	}
	switch {
	case s.Kind == "HISTORY" && p.accept("LIMIT"):
		s.Limit = p.expr()
	case s.Kind == "TABLE" && p.isName(0):
		s.Column = p.column()
	}
	s.Range = p.from(start)
	return s
}
