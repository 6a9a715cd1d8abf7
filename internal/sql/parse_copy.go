package sql

import (
	"strconv"
	"strings"
)

// maxCopyFiles is the number of names that FILES may list; semantics §7.1.
const maxCopyFiles = 1000

// copyInto parses COPY INTO; semantics §7.1.
func (p *parser) copyInto() Statement {
	start := p.start()
	p.need("COPY", "INTO")
	s := &CopyInto{Target: p.name()}
	if p.symbol("@") || p.timeTravel() != nil {
		p.fail(s.Target.Start, "COPY_INTO_SYNTAX_ERROR", "42601", "The target of COPY INTO takes no version or timestamp.")
	}
	if p.accept("WITH") {
		p.parens(func() { s.TargetCredential = p.credential() })
	}
	switch {
	case p.accept("BY", "POSITION"):
		s.ByPosition = true
	case p.at("("):
		s.Columns = p.idents()
	}
	p.need("FROM")
	if p.symbol("(") {
		p.copyQuery(s)
		p.needSymbol(")")
	} else {
		p.copySource(s)
	}
	p.need("FILEFORMAT")
	p.needSymbol("=")
	s.Format = strings.ToUpper(p.copyFormat())
	p.copyClauses(s)
	s.Range = p.from(start)
	if s.Files != nil && s.Pattern != "" {
		p.fail(start, "COPY_INTO_SYNTAX_ERROR", "42601", "COPY INTO takes FILES or PATTERN, not both.")
	}
	return s
}

// copyFormat parses a format, a word that may be in quotes.
func (p *parser) copyFormat() string {
	start := p.start()
	var format string
	if p.peek(0).kind == stringToken {
		format = p.stringLiteral()
	} else {
		format = p.ident()
	}
	if format == "" || !isPlain(format) {
		p.fail(start, "COPY_INTO_SOURCE_FILE_FORMAT_NOT_SUPPORTED", "0A000", "'"+format+"' is no file format.")
	}
	return format
}

// copySource parses a URI and how to get at it.
func (p *parser) copySource(s *CopyInto) {
	s.Source = p.stringLiteral()
	if !p.accept("WITH") {
		return
	}
	p.parens(func() {
		if p.word("CREDENTIAL") {
			s.Credential = p.credential()
		}
		if p.accept("ENCRYPTION") {
			if !p.at("(") {
				p.copyError("ENCRYPTION_SYNTAX", "ENCRYPTION takes its options in parentheses: ENCRYPTION ('TYPE' = 'AWS_SSE_C', …).")
			}
			s.Encryption = p.properties()
		}
		if p.err == nil && s.Credential == nil && s.Encryption == nil {
			p.copyError("CREDENTIAL_SYNTAX", "WITH takes CREDENTIAL and ENCRYPTION.")
		}
	})
}

// credential parses CREDENTIAL with its name or parts.
func (p *parser) credential() *Credential {
	start := p.start()
	p.need("CREDENTIAL")
	c := &Credential{}
	switch {
	case p.at("("):
		c.Options = p.properties()
	case p.isName(0):
		c.Name = p.ident()
	default:
		p.copyError("CREDENTIAL_SYNTAX", "CREDENTIAL takes a name, or options in parentheses.")
	}
	c.Range = p.from(start)
	return c
}

// copyError fails at the token ahead with a sub-class of COPY_INTO_SYNTAX_ERROR.
func (p *parser) copyError(class, text string) {
	p.failAt(p.peek(0).Range, "COPY_INTO_SYNTAX_ERROR."+class, "42601", text)
}

// copyQuery parses the SELECT of a source.
func (p *parser) copyQuery(s *CopyInto) {
	p.need("SELECT")
	s.Items = commaList(p, p.selectItem)
	p.need("FROM")
	p.copySource(s)
	if a := p.tableAlias(); a != nil {
		s.SourceAlias = a.Name
	}
	if p.accept("WHERE") {
		s.Where = p.expr()
	}
	if p.word("GROUP") || p.word("HAVING") || p.word("ORDER") || p.word("LIMIT") || p.word("UNION") || p.word("JOIN") {
		p.failAt(p.peek(0).Range, "COPY_INTO_SYNTAX_ERROR", "42601", "The query of COPY INTO takes expressions and WHERE, not "+p.peek(0).value+".")
	}
}

// copyClauses parses the clauses after the format, in any order.
func (p *parser) copyClauses(s *CopyInto) {
	seen := map[string]bool{}
	for {
		clause := p.oneOf("VALIDATE", "FILES", "PATTERN", "FORMAT_OPTIONS", "COPY_OPTIONS")
		if clause == "" {
			return
		}
		if seen[clause] {
			p.fail(p.tokens[p.pos-1].Start, "COPY_INTO_SYNTAX_ERROR", "42601", clause+" stands twice.")
		}
		seen[clause] = true
		switch clause {
		case "VALIDATE":
			s.Validate = p.validate()
		case "FILES":
			p.needSymbol("=")
			start := p.start()
			s.Files = parenList(p, p.stringLiteral)
			if len(s.Files) > maxCopyFiles {
				p.fail(start, "COPY_INTO_SYNTAX_ERROR", "42601", "FILES lists at most 1000 names; use PATTERN.")
			}
		case "PATTERN":
			p.needSymbol("=")
			s.Pattern = p.stringLiteral()
		case "FORMAT_OPTIONS":
			s.FormatOptions = p.properties()
		case "COPY_OPTIONS":
			s.CopyOptions = p.properties()
		}
	}
}

// validate parses what follows VALIDATE; semantics §7.5.
func (p *parser) validate() *Validate {
	start := p.tokens[p.pos-1].Start
	v := &Validate{}
	if !p.accept("ALL") && (p.peek(0).kind == numberToken || p.at("-")) {
		at := p.start()
		negative := p.symbol("-")
		t := p.advance()
		n, err := strconv.ParseInt(t.text, 10, 64)
		if negative || err != nil || n <= 0 {
			p.fail(at, "COPY_INTO_SYNTAX_ERROR.VALIDATE_INVALID_ROWS", "42601",
				"VALIDATE takes a number of rows of 1 or more, not "+p.text[at:t.End]+".")
			return v
		}
		v.Rows = n
		p.need("ROWS")
	}
	v.Range = p.from(start)
	return v
}
