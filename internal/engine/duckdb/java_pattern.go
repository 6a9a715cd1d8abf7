//go:build duckdb_arrow

package duckdb

import (
	"strconv"
	"strings"
)

// javaPattern rewrites a regular expression of Java's for regexp2, which has
// .NET's: there named groups count after the others, and quantifiers that give
// nothing back, classes such as \p{Alpha} and quotes are lacking.
type javaPattern struct {
	in      string
	out     []byte
	names   map[string]int // of groups
	groups  int
	foreign bool // has what Go's regexp takes for something else, or not at all
	pos     int
	last    int   // where the last item of out begins, which a quantifier is for
	open    []int // where the groups around begin in out
}

// posixClasses are the ASCII classes of \p{…}, between brackets.
var posixClasses = map[string]string{
	"Lower": "a-z", "Upper": "A-Z", "Alpha": "a-zA-Z", "Digit": "0-9", "Alnum": "a-zA-Z0-9", "XDigit": "0-9a-fA-F",
	"Punct": `!-/:-@\[-` + "`" + `{-~`, "Graph": "!-~", "Print": " -~", "Blank": ` \t`, "Space": ` \t\n\x0B\f\r`,
	"Cntrl": `\x00-\x1F\x7F`, "ASCII": `\x00-\x7F`,
}

// javaEscapes are escapes that mean something else to .NET, or nothing.
var javaEscapes = map[byte]string{
	'h': `[ \t\xA0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000]`, 'R': `(?:\r\n|[\n\x0B\f\r\x85\u2028\u2029])`,
	's': `[ \t\n\x0B\f\r]`, 'S': `[^ \t\n\x0B\f\r]`,
}

// translate rewrites the whole pattern.
func (j *javaPattern) translate() error {
	for j.pos < len(j.in) {
		switch c := j.in[j.pos]; c {
		case '\\':
			j.last = len(j.out)
			j.escape(false)
		case '[':
			j.last = len(j.out)
			if err := j.class(); err != nil {
				return err
			}
		case '(':
			j.group()
		case ')':
			if len(j.open) == 0 {
				return badPattern(j.in)
			}
			j.last, j.open = j.open[len(j.open)-1], j.open[:len(j.open)-1]
			j.copy(1)
		case '*', '+', '?', '{':
			j.quantifier()
		case '$':
			j.last = len(j.out)
			j.end()
		default:
			j.last = len(j.out)
			j.copy(1)
		}
	}
	return nil
}

func (j *javaPattern) copy(n int) {
	n = min(n, len(j.in)-j.pos)
	j.out = append(j.out, j.in[j.pos:j.pos+n]...)
	j.pos += n
}

// end rewrites $, which is before a final line break too.
func (j *javaPattern) end() {
	j.pos++
	if strings.Contains(j.in, "(?m") {
		j.out = append(j.out, '$')
		return
	}
	j.out = append(j.out, `(?=(?:\r\n|[\n\r\x85\u2028\u2029])?\z)`...)
}

// escape rewrites what begins with a backslash, in a class between brackets or
// outside of one.
func (j *javaPattern) escape(inClass bool) {
	rest := j.in[j.pos+1:]
	switch {
	case strings.HasPrefix(rest, "Q"):
		quoted, _, _ := strings.Cut(rest[1:], `\E`)
		for _, c := range []byte(quoted) {
			if strings.IndexByte(`\.+*?()|[]{}^$#&-`, c) >= 0 {
				j.out = append(j.out, '\\')
			}
			j.last = len(j.out)
			j.out = append(j.out, c)
		}
		j.pos = min(j.pos+len(`\Q\E`)+len(quoted), len(j.in))
	case strings.HasPrefix(rest, "p{") || strings.HasPrefix(rest, "P{"):
		name, _, _ := strings.Cut(rest[2:], "}")
		class, ok := posixClasses[strings.TrimPrefix(name, "Is")]
		if !ok || inClass && rest[0] == 'P' {
			j.copy(len(`\p{}`) + len(name))
			return
		}
		j.pos += len(`\p{}`) + len(name)
		j.foreign = true
		if !inClass {
			class = map[byte]string{'p': "[", 'P': "[^"}[rest[0]] + class + "]"
		}
		j.out = append(j.out, class...)
	case strings.HasPrefix(rest, "k<"):
		name, _, _ := strings.Cut(rest[2:], ">")
		j.pos += len(`\k<>`) + len(name)
		j.out = append(j.out, `(?:\`+strconv.Itoa(j.names[name])+`)`...)
	case rest != "" && !inClass && javaEscapes[rest[0]] != "":
		j.pos += 2
		j.foreign = j.foreign || rest[0] == 'h' || rest[0] == 'R'
		j.out = append(j.out, javaEscapes[rest[0]]...)
	default:
		j.copy(2)
	}
}

// group rewrites the start of a group.
func (j *javaPattern) group() {
	j.open = append(j.open, len(j.out))
	rest := j.in[j.pos+1:]
	named := strings.HasPrefix(rest, "?<") && !strings.HasPrefix(rest, "?<=") && !strings.HasPrefix(rest, "?<!")
	switch {
	case named:
		name, _, _ := strings.Cut(rest[2:], ">")
		j.groups++
		j.names[name] = j.groups
		j.pos += len("(?<>") + len(name)
		j.out = append(j.out, '(')
	case strings.HasPrefix(rest, "?"):
		j.copy(2)
	default:
		j.groups++
		j.copy(1)
	}
	j.last = len(j.out)
}

// quantifier rewrites one that a plus makes possessive as an atomic group.
func (j *javaPattern) quantifier() {
	n := 1
	if j.in[j.pos] == '{' {
		end := strings.IndexByte(j.in[j.pos:], '}')
		if end < 0 {
			j.copy(1)
			return
		}
		n = end + 1
	}
	j.copy(n)
	if !strings.HasPrefix(j.in[j.pos:], "+") {
		if strings.HasPrefix(j.in[j.pos:], "?") {
			j.copy(1)
		}
		return
	}
	j.pos++
	j.foreign = true
	item := string(j.out[j.last:])
	j.out = append(append(append(j.out[:j.last], "(?>"...), item...), ')')
}
