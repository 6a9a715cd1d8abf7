package sql

import (
	"strconv"
	"strings"
)

// patternPart is a run of one letter in a Java date and time pattern, or text
// between them, whose letter is 0.
type patternPart struct {
	letter byte
	count  int
	text   string
}

// splitPattern takes a Java DateTimeFormatter pattern apart. Brackets around
// what is optional are dropped.
func splitPattern(pattern string) []patternPart {
	var parts []patternPart
	addText := func(s string) {
		if n := len(parts); n > 0 && parts[n-1].letter == 0 {
			parts[n-1].text += s
			return
		}
		parts = append(parts, patternPart{text: s})
	}
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case c == '\'' && strings.HasPrefix(pattern[i:], "''"):
			addText("'")
			i++
		case c == '\'':
			end := i + 1
			for end < len(pattern) && (pattern[end] != '\'' || strings.HasPrefix(pattern[end:], "''")) {
				if pattern[end] == '\'' {
					end++
				}
				end++
			}
			addText(strings.ReplaceAll(pattern[i+1:min(end, len(pattern))], "''", "'"))
			i = end
		case isLetter(c) && c != '_':
			n := 1
			for i+n < len(pattern) && pattern[i+n] == c {
				n++
			}
			parts = append(parts, patternPart{letter: c, count: n})
			i += n - 1
		case c != '[' && c != ']':
			addText(string(c))
		}
	}
	return parts
}

// strftimeLetters are the letters of Java's patterns, repeated as often as
// they are, in DuckDB's format.
var strftimeLetters = map[string]string{
	"y": "%Y", "yy": "%y", "yyy": "%Y", "yyyy": "%Y", "u": "%Y", "uuuu": "%Y", "uu": "%y",
	"M": "%-m", "MM": "%m", "MMM": "%b", "MMMM": "%B", "L": "%-m", "LL": "%m", "LLL": "%b", "LLLL": "%B",
	"d": "%-d", "dd": "%d", "D": "%-j", "DDD": "%j",
	"E": "%a", "EE": "%a", "EEE": "%a", "EEEE": "%A",
	"H": "%-H", "HH": "%H", "h": "%-I", "hh": "%I", "m": "%-M", "mm": "%M", "s": "%-S", "ss": "%S",
	"SSS": "%g", "SSSSSS": "%f", "a": "%p",
}

// strptimePattern returns DuckDB's parsing format of a Java pattern.
func strptimePattern(e Expr) (string, error) {
	pattern, ok := constant(e)
	if !ok {
		return "", unsupported(e, "A pattern that is not a literal")
	}
	var b strings.Builder
	for _, part := range splitPattern(pattern) {
		if part.letter == 0 {
			b.WriteString(strings.ReplaceAll(part.text, "%", "%%"))
			continue
		}
		letters := strings.Repeat(string(part.letter), part.count)
		spec, ok := strftimeLetters[letters]
		switch {
		case ok:
			b.WriteString(spec)
		case part.letter == 'S':
			b.WriteString("%f")
		case part.letter == 'X' || part.letter == 'x' || part.letter == 'Z':
			b.WriteString("%z")
		case part.letter == 'V' || part.letter == 'z':
			b.WriteString("%Z")
		default:
			return "", unsupported(e, "The letters "+letters+" of a pattern")
		}
	}
	return b.String(), nil
}

// formatTime returns the expression that writes a timestamp by a Java pattern.
func formatTime(value string, pattern Expr) (string, error) {
	text, ok := constant(pattern)
	if !ok {
		return "", unsupported(pattern, "A pattern that is not a literal")
	}
	var pieces []string
	format := ""
	flush := func() {
		if format != "" {
			pieces = append(pieces, "strftime("+value+", "+stringText(format)+")")
		}
		format = ""
	}
	for _, part := range splitPattern(text) {
		letters := strings.Repeat(string(part.letter), part.count)
		if part.letter == 0 {
			format += strings.ReplaceAll(part.text, "%", "%%")
		} else if spec, ok := strftimeLetters[letters]; ok {
			format += spec
		} else if piece := formatPart(value, part); piece != "" {
			flush()
			pieces = append(pieces, piece)
		} else {
			return "", unsupported(pattern, "The letters "+letters+" of a pattern")
		}
	}
	flush()
	if len(pieces) == 0 {
		return "''", nil
	}
	return "(" + strings.Join(pieces, " || ") + ")", nil
}

// formatPart writes the letters that DuckDB's format lacks, or returns "".
func formatPart(value string, part patternPart) string {
	switch part.letter {
	case 'S':
		if part.count > 6 {
			return "rpad(strftime(" + value + ", '%f'), " + strconv.Itoa(part.count) + ", '0')"
		}
		return "left(strftime(" + value + ", '%f'), " + strconv.Itoa(part.count) + ")"
	case 'k':
		return "CAST(CASE WHEN hour(" + value + ") = 0 THEN 24 ELSE hour(" + value + ") END AS VARCHAR)"
	case 'Q', 'q':
		prefix := map[int]string{1: "", 2: "0", 3: "Q"}
		if p, ok := prefix[part.count]; ok {
			return "'" + p + "' || quarter(" + value + ")"
		}
	case 'X', 'x', 'Z':
		return "spark_offset(" + value + ", '" + strings.Repeat(string(part.letter), part.count) + "')"
	case 'V', 'z':
		return "current_setting('TimeZone')"
	}
	return ""
}
