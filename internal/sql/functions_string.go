package sql

import (
	"regexp"
	"strconv"
	"strings"
)

var stringFunctions = functionTable{
	"ascii":            expr("ascii($1)"),
	"base64":           expr("base64(spark_bytes($1))"),
	"bit_length":       expr("CAST(bit_length(CAST($1 AS VARCHAR)) AS INTEGER)"),
	"btrim":            expr("trim($1, ' ')", "trim($1, $2)"),
	"char":             expr("spark_chr($1)"),
	"char_length":      expr("spark_length($1)"),
	"character_length": expr("spark_length($1)"),
	"chr":              expr("spark_chr($1)"),
	"concat":           concat,
	"concat_ws":        concatWS,
	"contains":         named("contains", 2, 2),
	"crc32":            expr("spark_crc32(spark_bytes($1))"),
	"decode":           decode,
	"elt":              elt,
	"encode":           utf8Only("encode($1)"),
	"endswith":         named("ends_with", 2, 2),
	"find_in_set":      expr("spark_find_in_set($1, $2)"),
	"format_number":    expr("format('{:,.' || $2 || 'f}', CAST($1 AS DOUBLE))"),
	"format_string":    formatString,
	"hash":             hash("spark_hash", "42"),
	"hex":              expr("hex($1)"),
	"ilike":            expr("($1 ILIKE $2 ESCAPE '\\')"),
	"initcap":          expr("spark_initcap($1)"),
	"instr":            expr("CAST(instr($1, $2) AS INTEGER)"),
	"lcase":            expr("lower(CAST($1 AS VARCHAR))"),
	"left":             expr("left($1, CASE WHEN $2 < 0 THEN 0 ELSE CAST($2 AS BIGINT) END)"),
	"len":              expr("spark_length($1)"),
	"length":           expr("spark_length($1)"),
	"levenshtein":      expr("CAST(levenshtein($1, $2) AS INTEGER)", "spark_levenshtein($1, $2, $3)"),
	"like":             expr("($1 LIKE $2 ESCAPE '\\')", "($1 LIKE $2 ESCAPE $3)"),
	"locate":           expr("CAST(instr($2, $1) AS INTEGER)", "spark_locate($1, $2, $3)"),
	"lower":            expr("lower(CAST($1 AS VARCHAR))"),
	"lpad":             expr("spark_lpad($1, $2, ' ')", "spark_lpad($1, $2, $3)"),
	"ltrim":            expr("ltrim($1, ' ')", "ltrim($2, $1)"),
	"luhn_check":       expr("spark_luhn_check($1)"),
	"mask":             expr("spark_mask($1)"),
	"md5":              expr("md5($1)"),
	"octet_length":     expr("CAST(octet_length(spark_bytes($1)) AS INTEGER)"),
	"overlay":          expr("spark_overlay($1, $2, $3, length($2))", "spark_overlay($1, $2, $3, $4)"),
	"parse_url":        parseURL,
	"position":         expr("CAST(instr($2, $1) AS INTEGER)", "spark_locate($1, $2, $3)"),
	"printf":           formatString,
	"repeat":           expr("repeat($1, CASE WHEN $2 < 0 THEN 0 ELSE CAST($2 AS BIGINT) END)"),
	"replace":          expr("replace($1, $2, '')", "replace($1, $2, $3)"),
	"reverse":          expr("spark_reverse($1)"),
	"right":            expr("right($1, CASE WHEN $2 < 0 THEN 0 ELSE CAST($2 AS BIGINT) END)"),
	"rpad":             expr("spark_rpad($1, $2, ' ')", "spark_rpad($1, $2, $3)"),
	"rtrim":            expr("rtrim($1, ' ')", "rtrim($2, $1)"),
	"sha":              expr("sha1($1)"),
	"sha1":             expr("sha1($1)"),
	"sha2":             expr("spark_sha2(spark_bytes($1), CAST($2 AS INTEGER))"),
	"soundex":          expr("spark_soundex($1)"),
	"space":            expr("repeat(' ', CASE WHEN $1 < 0 THEN 0 ELSE CAST($1 AS BIGINT) END)"),
	"split_part":       expr("spark_split_part($1, $2, $3)"),
	"startswith":       named("starts_with", 2, 2),
	"str_to_map":       expr("spark_str_to_map($1, ',', ':')", "spark_str_to_map($1, $2, ':')", "spark_str_to_map($1, $2, $3)"),
	"substr":           substring,
	"substring":        substring,
	"substring_index":  expr("spark_substring_index($1, $2, $3)"),
	"to_binary":        toBinary,
	"translate":        named("translate", 3, 3),
	"trim":             expr("trim(CAST($1 AS VARCHAR), ' ')", "trim($2, $1)"),
	"ucase":            expr("upper(CAST($1 AS VARCHAR))"),
	"unbase64":         expr("from_base64($1)"),
	"unhex":            expr("spark_unhex($1)"),
	"upper":            expr("upper(CAST($1 AS VARCHAR))"),
	"url_decode":       expr("url_decode(replace($1, '+', '%20'))"),
	"url_encode":       expr("replace(url_encode($1), '%20', '+')"),
	"uuid":             expr("CAST(uuid() AS VARCHAR)"),
	"xxhash64":         hash("spark_xxhash64", "42"),
}

// concat joins strings, or arrays; any NULL makes it NULL, unlike DuckDB's.
func concat(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) == 0 {
		return "''", nil
	}
	parts := make([]string, len(call.Args))
	for i, a := range call.Args {
		parts[i] = p.captured(func() { p.besideText(a) })
	}
	return "(" + strings.Join(parts, " || ") + ")", nil
}

// concatWS joins strings and the elements of arrays.
func concatWS(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) == 0 {
		return "", wrongArguments(call, countText(1, -1))
	}
	separator := p.operand(call.Args[0])
	parts := []string{separator}
	for _, a := range call.Args[1:] {
		parts = append(parts, p.typed(a, func(text string) string { return "spark_joined(" + separator + ", " + text + ")" }))
	}
	if len(parts) == 1 {
		parts = append(parts, "NULL")
	}
	return "concat_ws(" + strings.Join(parts, ", ") + ")", nil
}

// decode is decode(bytes, charset), or decode(x, search, result, …, default).
func decode(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) == 2 {
		return utf8Only("decode($1)")(p, call)
	}
	if len(call.Args) < 3 {
		return "", wrongArguments(call, countText(2, -1))
	}
	var b strings.Builder
	b.WriteString("CASE")
	x, rest := p.operand(call.Args[0]), call.Args[1:]
	for len(rest) > 1 {
		b.WriteString(" WHEN " + x + " IS NOT DISTINCT FROM " + p.operand(rest[0]) + " THEN " + p.text(rest[1]))
		rest = rest[2:]
	}
	if len(rest) == 1 {
		b.WriteString(" ELSE " + p.text(rest[0]))
	}
	return b.String() + " END", nil
}

// utf8Only is a function of a value and a character set, which must be UTF-8.
func utf8Only(template string) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) != 2 {
			return "", wrongArguments(call, "2")
		}
		name, ok := constant(call.Args[1])
		if !ok || !strings.EqualFold(name, "utf-8") && !strings.EqualFold(name, "utf8") {
			return "", unsupported(call.Args[1], "A character set other than UTF-8 in "+call.Func())
		}
		one := *call
		one.Args = call.Args[:1]
		return fill(p, &one, template)
	}
}

// toBinary is to_binary(text, format) for the formats that DuckDB decodes.
func toBinary(p *printer, call *FunctionCall) (string, error) {
	templates := map[string]string{"hex": "spark_unhex($1)", "utf-8": "encode($1)", "utf8": "encode($1)", "base64": "from_base64($1)"}
	format := "hex"
	if len(call.Args) == 2 {
		format, _ = constant(call.Args[1])
	}
	template, ok := templates[strings.ToLower(format)]
	if !ok || len(call.Args) == 0 || len(call.Args) > 2 {
		return "", wrongArguments(call, "a text and one of 'hex', 'utf-8' and 'base64' as")
	}
	return fill(p, call, template)
}

func elt(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) < 2 {
		return "", wrongArguments(call, countText(2, -1))
	}
	n := p.operand(call.Args[0])
	var b strings.Builder
	b.WriteString("CASE WHEN " + n + " IS NULL THEN NULL")
	for i, a := range call.Args[1:] {
		b.WriteString(" WHEN " + n + " = " + strconv.Itoa(i+1) + " THEN " + p.text(a))
	}
	b.WriteString(" ELSE " + failing("INVALID_ARRAY_INDEX", "22003", "The index of elt is out of bounds.") + " END")
	return b.String(), nil
}

// formatString is printf with a format that is a literal: DuckDB's %s takes
// strings alone.
func formatString(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) == 0 {
		return "", wrongArguments(call, countText(1, -1))
	}
	format, ok := constant(call.Args[0])
	if !ok {
		return "", unsupported(call.Args[0], "A format that is not a literal in "+call.Func())
	}
	parts := []string{stringText(strings.ReplaceAll(format, "%n", "\n"))}
	verbs := formatVerbs(format)
	for i, a := range call.Args[1:] {
		text := p.text(a)
		if i < len(verbs) && (verbs[i] == 's' || verbs[i] == 'S') {
			text = "coalesce(CAST(" + text + " AS VARCHAR), 'null')"
		}
		parts = append(parts, text)
	}
	return "printf(" + strings.Join(parts, ", ") + ")", nil
}

// formatVerbs returns the letters that end the format's conversions.
func formatVerbs(format string) []byte {
	var verbs []byte
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		for i++; i < len(format) && strings.IndexByte("-#+ 0,(.123456789", format[i]) >= 0; i++ {
		}
		if i < len(format) && format[i] != '%' && format[i] != 'n' {
			verbs = append(verbs, format[i])
		}
	}
	return verbs
}

// substring is plain where its position and length are usual literals.
func substring(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 2 && len(call.Args) != 3 {
		return "", wrongArguments(call, countText(2, 3))
	}
	from, plain := integer(call.Args[1])
	plain = plain && from > 0
	if len(call.Args) == 2 {
		if plain {
			return fill(p, call, "substr($1, $2)")
		}
		return fill(p, call, "spark_substring($1, $2, 2147483647)")
	}
	if n, ok := integer(call.Args[2]); plain && ok && n >= 0 {
		return fill(p, call, "substr($1, $2, $3)")
	}
	return fill(p, call, "spark_substring($1, $2, $3)")
}

// hash chains a hash over its arguments: each one's hash seeds the next.
func hash(name, seed string) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		text := seed
		for _, a := range call.Args {
			text = name + "(" + p.text(a) + ", " + text + ")"
		}
		return text, nil
	}
}

// urlParts are the patterns whose first group is a part of a URL.
var urlParts = map[string]string{
	"PROTOCOL":  `^([^:/?#]+):`,
	"AUTHORITY": `^[^:/?#]+://([^/?#]+)`,
	"USERINFO":  `^[^:/?#]+://([^/?#@]*)@`,
	"HOST":      `^[^:/?#]+://(?:[^/?#@]*@)?([^/?#:]+)`,
	"PATH":      `^[^:/?#]+://[^/?#]*([^?#]*)`,
	"FILE":      `^[^:/?#]+://[^/?#]*([^#]*)`,
	"QUERY":     `^[^?#]*\?([^#]*)`,
	"REF":       `#(.*)$`,
}

// parseURL is parse_url(url, 'part') and parse_url(url, 'QUERY', 'key').
func parseURL(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 2 && len(call.Args) != 3 {
		return "", wrongArguments(call, countText(2, 3))
	}
	part, _ := constant(call.Args[1])
	pattern := urlParts[part]
	if len(call.Args) == 3 {
		key, ok := constant(call.Args[2])
		if !ok || part != "QUERY" {
			return "", unsupported(call, "A key of parse_url that is not a literal, or not of the QUERY,")
		}
		pattern = `^[^?#]*\?(?:[^#]*&)?` + regexp.QuoteMeta(key) + `=([^&#]*)`
	}
	if pattern == "" {
		return "", unsupported(call.Args[1], "The part "+call.Args[1].String()+" of parse_url")
	}
	url := p.operand(call.Args[0])
	return "CASE WHEN regexp_matches(" + url + ", " + stringText(pattern) + ") THEN regexp_extract(" + url + ", " + stringText(pattern) + ", 1) END", nil
}
