package sql

import (
	"regexp"
	"strings"
)

// regexpFunctions are those of regular expressions. A literal pattern that
// DuckDB can run goes to DuckDB's own function, the first template; any other
// to the engine's for all that Java has, the second.
var regexpFunctions = functionTable{
	"regexp":             patterned("regexp_matches($1, $2)", "spark_regexp_matches($1, $2)"),
	"regexp_count":       patterned("CAST(len(regexp_extract_all($1, $2, 0)) AS INTEGER)", "CAST(len(spark_regexp_extract_all($1, $2, 0)) AS INTEGER)"),
	"regexp_extract":     groupOf("regexp_extract"),
	"regexp_extract_all": groupOf("regexp_extract_all"),
	"regexp_instr":       patterned("spark_regexp_position($1, $2)", "spark_regexp_position($1, $2)"),
	"regexp_like":        patterned("regexp_matches($1, $2)", "spark_regexp_matches($1, $2)"),
	"regexp_replace":     regexpReplace,
	"regexp_substr":      patterned("CASE WHEN regexp_matches($1, $2) THEN regexp_extract($1, $2, 0) END", "spark_regexp_find($1, $2)"),
	"rlike":              patterned("regexp_matches($1, $2)", "spark_regexp_matches($1, $2)"),
	"split":              split,
}

// patterned is a function of a text and a pattern.
func patterned(plain, java string) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) != 2 {
			return "", wrongArguments(call, "2")
		}
		if isPlainPattern(call.Args[1]) {
			return fill(p, call, plain)
		}
		return fill(p, call, java)
	}
}

// isPlainPattern reports whether e is a literal pattern that DuckDB takes as
// Java does, or NULL.
func isPlainPattern(e Expr) bool {
	l, ok := e.(*Literal)
	if !ok || l.Kind == NullLiteral {
		return ok
	}
	_, err := regexp.Compile(l.Value)
	return l.Kind == StringLiteral && err == nil && !strings.Contains(l.Value, "(?<") && !strings.Contains(l.Value, "&&") &&
		!nestedClass.MatchString(l.Value)
}

// nestedClass finds patterns that may have a class within a class, whose
// bracket is a character to DuckDB.
var nestedClass = regexp.MustCompile(`\[[^\]]*\[`)

// groupOf is a function of a text, a pattern and the number of a group, which
// is the first when it is left out.
func groupOf(function string) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) != 2 && len(call.Args) != 3 {
			return "", wrongArguments(call, countText(2, 3))
		}
		group, literal := 1, true
		if len(call.Args) == 3 {
			group, literal = integer(call.Args[2])
		}
		pattern, constant := constant(call.Args[1])
		if literal && isPlainPattern(call.Args[1]) {
			re, err := regexp.Compile(pattern)
			if !constant || err == nil && group >= 0 && group <= re.NumSubexp() {
				return fill(p, call, function+map[bool]string{true: "($1, $2, 1)", false: "($1, $2, $3)"}[len(call.Args) == 2])
			}
		}
		return fill(p, call, "spark_"+function+map[bool]string{true: "($1, $2, 1)", false: "($1, $2, CAST($3 AS INTEGER))"}[len(call.Args) == 2])
	}
}

// matchesNothing reports whether a literal pattern may match an empty text.
func matchesNothing(e Expr) bool {
	text, _ := constant(e)
	re, err := regexp.Compile(text)
	return err != nil || re.MatchString("") || strings.Contains(text, `\b`)
}

// split cuts a text at a pattern's matches. DuckDB keeps what a match of
// nothing cuts off at the start, so that it does not get patterns that may
// match that.
func split(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 2 && len(call.Args) != 3 {
		return "", wrongArguments(call, countText(2, 3))
	}
	if len(call.Args) == 2 && isPlainPattern(call.Args[1]) && !matchesNothing(call.Args[1]) {
		return fill(p, call, "string_split_regex($1, $2)")
	}
	if len(call.Args) == 2 {
		return fill(p, call, "spark_regexp_split($1, $2, -1)")
	}
	return fill(p, call, "spark_regexp_split($1, $2, CAST($3 AS INTEGER))")
}

// regexpReplace replaces all matches; DuckDB writes a group as \1, Java as $1.
func regexpReplace(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 3 && len(call.Args) != 4 {
		return "", wrongArguments(call, countText(3, 4))
	}
	text := p.operand(call.Args[0])
	replace := func(text string) string {
		literal, ok := constant(call.Args[2])
		if replacement, known := javaReplacement(literal, groupsOf(call.Args[1])); ok && known && isPlainPattern(call.Args[1]) {
			return "regexp_replace(" + text + ", " + p.text(call.Args[1]) + ", " + stringText(replacement) + ", 'g')"
		}
		return "spark_regexp_replace(" + text + ", " + p.text(call.Args[1]) + ", " + p.text(call.Args[2]) + ")"
	}
	if len(call.Args) == 3 {
		return replace(text), nil
	}
	from := p.operand(call.Args[3])
	return "(left(" + text + ", " + from + " - 1) || " + replace("substr("+text+", "+from+")") + ")", nil
}

// groupsOf returns how many groups a literal pattern has, at most those that
// one digit numbers.
func groupsOf(e Expr) int {
	text, _ := constant(e)
	re, err := regexp.Compile(text)
	if err != nil {
		return 0
	}
	return min(re.NumSubexp(), 9)
}

// javaReplacement turns a replacement of Java's into one of RE2's, unless it
// names a group that the pattern lacks, or that is not one digit.
func javaReplacement(text string, groups int) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			if text[i] == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(text[i])
		case c == '$':
			rest := strings.TrimLeft(text[i+1:], "0123456789")
			if n := len(text) - i - 1 - len(rest); n != 1 || int(text[i+1]-'0') > groups {
				return "", false
			}
			b.WriteByte('\\')
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}
