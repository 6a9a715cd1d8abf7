package sql

import "strings"

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

// cloudFiles makes a call of cloud_files('path', 'format' [, map('option',
// 'value', …)]), as pipelines used to have it, the call of STREAM read_files
// that it stands for. Columns of text formats are STRING unless it says
// otherwise.
func (p *parser) cloudFiles(t *TableFunction) {
	const form = "cloud_files takes a path, a format and a map of options: cloud_files('path', 'csv', map('header', 'true')). " +
		"Write STREAM read_files('path', format => 'csv', header => true) instead."
	refuse := func(at Range) { p.failAt(at, "PARSE_SYNTAX_ERROR", "42601", form) }
	if len(t.Args) < 2 || len(t.Args) > 3 {
		refuse(t.Range)
		return
	}
	for _, arg := range t.Args {
		if _, named := arg.(*NamedArgument); named {
			refuse(arg.Pos())
			return
		}
	}
	args := []Expr{t.Args[0], &NamedArgument{Range: t.Args[1].Pos(), Name: "format", Value: t.Args[1]}}
	typed := false
	if len(t.Args) == 3 {
		options, ok := t.Args[2].(*FunctionCall)
		if !ok || options.Func() != "map" || len(options.Args)%2 > 0 {
			refuse(t.Args[2].Pos())
			return
		}
		for i := 0; i < len(options.Args); i += 2 {
			key, ok := options.Args[i].(*Literal)
			if !ok || key.Kind != StringLiteral || key.Value == "" {
				refuse(options.Args[i].Pos())
				return
			}
			value := options.Args[i+1]
			at := Range{Start: key.Start, End: value.Pos().End}
			args = append(args, &NamedArgument{Range: at, Name: key.Value, Value: value})
			typed = typed || strings.EqualFold(key.Value, "cloudFiles.inferColumnTypes")
		}
	}
	if !typed {
		args = append(args, &NamedArgument{Range: t.Range, Name: "cloudFiles.inferColumnTypes", Value: &Literal{Range: t.Range, Kind: BooleanLiteral, Value: "false"}})
	}
	t.Name = &Name{Range: t.Name.Range, Parts: []string{"read_files"}}
	t.Args, t.Stream = args, true
}
