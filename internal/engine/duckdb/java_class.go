//go:build duckdb_arrow

package duckdb

import "strings"

// maxClassDepth bounds how deep classes of a pattern lie within one another.
const maxClassDepth = 100

// class rewrites a class between brackets. Java's may hold classes, whose union
// with the characters beside they are, and intersections (&&); .NET has
// neither, so that those are written as alternatives and as what lies ahead.
func (j *javaPattern) class() error {
	j.pos++
	text, err := j.classUnion(true, 0)
	j.out = append(j.out, text...)
	return err
}

// classUnion reads the inside of a class: with its closing bracket, or from
// && up to the bracket.
func (j *javaPattern) classUnion(bracketed bool, depth int) (string, error) {
	if depth > maxClassDepth {
		return "", badPattern(j.in)
	}
	var c charClass
	if bracketed && strings.HasPrefix(j.in[j.pos:], "^") {
		c.negative = true
		j.pos++
	}
	for j.pos < len(j.in) {
		switch rest := j.in[j.pos:]; {
		case rest[0] == ']' && !c.empty():
			if bracketed {
				j.pos++
			}
			return c.text(), nil
		case strings.HasPrefix(rest, "&&"):
			j.pos += len("&&")
			right, err := j.classRight(depth + 1)
			if err != nil {
				return "", err
			}
			c.intersect(right)
		case rest[0] == '[':
			j.pos++
			part, err := j.classUnion(true, depth+1)
			if err != nil {
				return "", err
			}
			c.parts = append(c.parts, part)
		default:
			c.chars += j.classCharacter()
		}
		j.foreign = j.foreign || len(c.parts) > 0
	}
	return "", badPattern(j.in)
}

// classRight reads what stands after &&, up to the next or the bracket.
func (j *javaPattern) classRight(depth int) (string, error) {
	right := ""
	for j.pos < len(j.in) && j.in[j.pos] != ']' && j.in[j.pos] != '&' {
		bracketed := j.in[j.pos] == '['
		if bracketed {
			j.pos++
		}
		part, err := j.classUnion(bracketed, depth)
		if err != nil {
			return "", err
		}
		if right != "" {
			part = "(?:" + right + "|" + part + ")"
		}
		right = part
	}
	return right, nil
}

// classCharacter reads one character of a class, or an escape.
func (j *javaPattern) classCharacter() string {
	from := len(j.out)
	if j.in[j.pos] == '\\' {
		j.escape(true)
	} else {
		j.copy(1)
	}
	text := string(j.out[from:])
	j.out = j.out[:from]
	return text
}

// charClass is a class: characters and ranges, and patterns of one character.
type charClass struct {
	negative bool
	chars    string
	parts    []string
}

func (c *charClass) empty() bool { return c.chars == "" && len(c.parts) == 0 }

// intersect leaves what the pattern right has too.
func (c *charClass) intersect(right string) {
	switch {
	case right == "":
	case c.empty():
		c.parts = []string{right}
	default:
		c.parts = []string{"(?:(?=" + right + ")" + c.union() + ")"}
		c.chars = ""
	}
}

// union is the class without its negation.
func (c *charClass) union() string {
	parts := c.parts
	if c.chars != "" {
		parts = append([]string{"[" + c.chars + "]"}, parts...)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "(?:" + strings.Join(parts, "|") + ")"
}

func (c *charClass) text() string {
	switch {
	case c.negative && len(c.parts) == 0:
		return "[^" + c.chars + "]"
	case c.negative:
		return "(?:(?!" + c.union() + `)[\s\S])`
	}
	return c.union()
}
