package value

import (
	"fmt"
	"strings"
	"time"
)

// Format is a compiled pattern of Java's DateTimeFormatter, as Spark's options
// dateFormat and timestampFormat have it. It is safe for concurrent use.
type Format struct {
	ops []op
	// rest is ops after the prefix yyyy-MM-dd?HH:mm:ss, ? being separator,
	// where the pattern starts so. It is tried first.
	rest      []op
	separator byte
}

// PatternError says why a pattern cannot be used.
type PatternError struct {
	Pattern string
	Reason  string
}

func (e *PatternError) Error() string {
	return fmt.Sprintf("datetime pattern %q: %s", e.Pattern, e.Reason)
}

// ErrorClass returns Spark's class of the error.
func (e *PatternError) ErrorClass() string { return "INVALID_DATETIME_PATTERN.ILLEGAL_CHARACTER" }

// SQLState returns the error's SQLSTATE.
func (e *PatternError) SQLState() string { return "22007" }

// op is one step of a format.
type op struct {
	kind  opKind
	field field
	// Of a number: least and most digits, the digits that the numbers after
	// it need, and whether it may have a sign.
	min, max, reserve int
	signed            bool
	literal           string   // lower-case
	words             []string // lower-case; the value is the index plus base
	base              int
	optional          []op
	colon, zulu       bool // of an offset: with colons; Z means zero
	minutes           bool // of an offset: the minutes may not be left out
	seconds           bool // of an offset: seconds may follow
}

type opKind uint8

const (
	opLiteral opKind = iota
	opNumber
	opFraction
	opWord
	opOffset
	opLocalOffset // GMT+08:00
	opZone
	opOptional
)

// field is a part of a date or time.
type field uint8

const (
	fieldYear field = iota
	fieldYearOfEra
	fieldEra
	fieldShortYear // two digits, 2000 to 2099
	fieldMonth
	fieldQuarter
	fieldDay
	fieldDayOfYear
	fieldWeekday // Monday is 1
	fieldHour
	fieldHour12    // 1 to 12
	fieldHour11    // 0 to 11
	fieldClockHour // 1 to 24
	fieldHalf      // 0 am, 1 pm
	fieldMinute
	fieldSecond
	fieldCount
)

// numberFields maps each numeric pattern letter to its field.
var numberFields = map[byte]field{
	'u': fieldYear, 'y': fieldYear, 'M': fieldMonth, 'L': fieldMonth, 'Q': fieldQuarter, 'q': fieldQuarter,
	'd': fieldDay, 'D': fieldDayOfYear, 'H': fieldHour, 'h': fieldHour12, 'K': fieldHour11, 'k': fieldClockHour,
	'm': fieldMinute, 's': fieldSecond,
}

// CompileFormat compiles a pattern for locale, such as en-US. Text fields
// (MMM, EEE, a, G) are known in English; a pattern that has them for another
// language is an error.
func CompileFormat(pattern, locale string) (*Format, error) {
	c := compiler{pattern: pattern, era: hasEra(pattern), english: isEnglish(locale)}
	ops, err := c.sequence(false)
	if err != nil {
		return nil, err
	}
	f := &Format{ops: ops}
	f.findPrefix()
	return f, nil
}

func isEnglish(locale string) bool {
	l := strings.ToLower(locale)
	return l == "" || l == "us" || l == "en" || strings.HasPrefix(l, "en-") || strings.HasPrefix(l, "en_") || l == "root"
}

// findPrefix looks for the layout that almost all data has.
func (f *Format) findPrefix() {
	const prefix = "yyyy-MM-dd?HH:mm:ss"
	want := compiler{pattern: strings.Replace(prefix, "?", "' '", 1)}
	ops, err := want.sequence(false)
	if err != nil || len(f.ops) < len(ops) {
		return
	}
	for i := range ops {
		a, b := ops[i], f.ops[i]
		if a.kind == opLiteral && a.literal == " " && b.kind == opLiteral && len(b.literal) == 1 {
			f.separator = b.literal[0]
			continue
		}
		if a.kind != b.kind || a.field != b.field || a.min != b.min || a.max != b.max || a.reserve != b.reserve || a.literal != b.literal {
			return
		}
	}
	if f.separator == ' ' || f.separator == 't' {
		f.rest = f.ops[len(ops):]
	}
}

func hasEra(pattern string) bool {
	quoted := false
	for _, c := range []byte(pattern) {
		if c == '\'' {
			quoted = !quoted
		} else if c == 'G' && !quoted {
			return true
		}
	}
	return false
}

type compiler struct {
	pattern string
	pos     int
	era     bool
	english bool
	depth   int
}

func (c *compiler) errorf(format string, args ...any) error {
	return &PatternError{Pattern: c.pattern, Reason: fmt.Sprintf(format, args...)}
}

// sequence compiles up to the end of the pattern or, inside an optional part,
// to its closing bracket.
func (c *compiler) sequence(optional bool) (ops []op, err error) {
	number := -1 // the number that adjacent fixed-width ones take digits from
	for c.pos < len(c.pattern) {
		ch := c.pattern[c.pos]
		next := op{}
		switch {
		case ch == '[':
			if next, err = c.optional(); err != nil {
				return nil, err
			}
		case ch == ']':
			if !optional {
				return nil, c.errorf("] without [ before it")
			}
			return ops, nil
		case ch == '\'':
			if next.literal, err = c.quoted(); err != nil {
				return nil, err
			}
		case ch == '{' || ch == '}' || ch == '#':
			return nil, c.errorf("reserved character %q", ch)
		case ch|0x20 >= 'a' && ch|0x20 <= 'z':
			if next, err = c.letter(); err != nil {
				return nil, err
			}
		default:
			next.literal = string(ch)
			c.pos++
		}
		ops = append(ops, next)
		switch {
		case next.kind != opNumber:
			number = -1
		case number >= 0 && next.min == next.max:
			ops[number].reserve += next.max
		default:
			number = len(ops) - 1
		}
	}
	if optional {
		return nil, c.errorf("[ is not closed")
	}
	return ops, nil
}

func (c *compiler) optional() (op, error) {
	const maxDepth = 20
	if c.depth++; c.depth > maxDepth {
		return op{}, c.errorf("optional parts nested deeper than %d", maxDepth)
	}
	c.pos++
	inner, err := c.sequence(true)
	if err != nil {
		return op{}, err
	}
	c.pos++
	c.depth--
	return op{kind: opOptional, optional: inner}, nil
}

// quoted compiles a literal between quotes; two quotes are one.
func (c *compiler) quoted() (string, error) {
	rest := c.pattern[c.pos+1:]
	var b strings.Builder
	for {
		end := strings.IndexByte(rest, '\'')
		if end < 0 {
			return "", c.errorf("a quoted literal is not closed")
		}
		b.WriteString(rest[:end])
		rest = rest[end+1:]
		if !strings.HasPrefix(rest, "'") {
			break
		}
		b.WriteByte('\'')
		rest = rest[1:]
	}
	c.pos = len(c.pattern) - len(rest)
	if b.Len() == 0 {
		return "'", nil
	}
	return strings.ToLower(b.String()), nil
}

// letter compiles a run of one pattern letter.
func (c *compiler) letter() (op, error) {
	ch := c.pattern[c.pos]
	n := 1
	for c.pos+n < len(c.pattern) && c.pattern[c.pos+n] == ch {
		n++
	}
	c.pos += n
	var next op
	var ok bool
	switch ch {
	case 'y', 'u':
		next, ok = c.year(ch, n)
	case 'M', 'L', 'E', 'a', 'G', 'Q', 'q':
		next, ok = word(ch, n)
		if next.kind == opWord && !c.english {
			return op{}, c.errorf("text fields (%s) are supported in English only", strings.Repeat(string(ch), n))
		}
	case 'd', 'h', 'H', 'k', 'K', 'm', 's', 'D':
		next, ok = number(ch, n)
	case 'S':
		next, ok = op{kind: opFraction, min: 1, max: n}, n <= 9
	case 'X', 'x', 'Z', 'O':
		next, ok = offset(ch, n)
	case 'V':
		next, ok = op{kind: opZone}, n == 2
	case 'z':
		next, ok = op{kind: opZone}, n <= 4
	default:
		return op{}, c.errorf("the letter %q is not supported", ch)
	}
	if !ok {
		return op{}, c.errorf("too many or too few letters in %q", strings.Repeat(string(ch), n))
	}
	return next, nil
}

// maxNumber is the most digits of a number without a limit of its own.
const maxNumber = 19

func (c *compiler) year(ch byte, n int) (op, bool) {
	next := op{kind: opNumber, field: fieldYear, min: n, max: maxNumber, signed: true}
	if c.era && ch == 'y' {
		next.field = fieldYearOfEra
	}
	if n == 2 {
		next = op{kind: opNumber, field: fieldShortYear, min: 2, max: 2}
	}
	return next, n <= 6
}

func number(ch byte, n int) (op, bool) {
	next := op{kind: opNumber, field: numberFields[ch], min: n, max: n}
	switch {
	case n == 1:
		next.max = maxNumber
	case ch == 'D':
		next.max = 3
		return next, n <= 3
	}
	return next, n <= 2
}

// word compiles fields that are text when their letter is repeated.
func word(ch byte, n int) (op, bool) {
	text := func(f field, base int, words ...string) op {
		return op{kind: opWord, field: f, base: base, words: words}
	}
	switch {
	case ch == 'a':
		return text(fieldHalf, 0, "am", "pm"), n == 1
	case ch == 'G' && n == 4:
		return text(fieldEra, 0, "before christ", "anno domini"), true
	case ch == 'G':
		return text(fieldEra, 0, "bc", "ad"), n < 4
	case ch == 'E':
		return text(fieldWeekday, 1, names(7, n < 4, func(i int) string { return time.Weekday((i + 1) % 7).String() })...), n <= 4
	case n <= 2:
		return number(ch, n)
	case ch == 'Q' || ch == 'q':
		if n == 3 {
			return text(fieldQuarter, 1, "q1", "q2", "q3", "q4"), true
		}
		return text(fieldQuarter, 1, "1st quarter", "2nd quarter", "3rd quarter", "4th quarter"), n == 4
	}
	return text(fieldMonth, 1, names(12, n == 3, func(i int) string { return time.Month(i + 1).String() })...), n <= 4
}

// names returns n lower-case names, of three letters if short.
func names(n int, short bool, name func(i int) string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strings.ToLower(name(i))
		if short {
			out[i] = out[i][:3]
		}
	}
	return out
}

func offset(ch byte, n int) (op, bool) {
	next := op{kind: opOffset, minutes: n > 1, colon: n == 3 || n == 5, seconds: n > 3, zulu: ch == 'X'}
	switch {
	case ch == 'O' || ch == 'Z' && n == 4:
		return op{kind: opLocalOffset}, n == 1 && ch == 'O' || n == 4
	case ch == 'Z' && n < 4:
		return op{kind: opOffset, minutes: true}, true
	case ch == 'Z':
		next.zulu = true
	}
	return next, n <= 5
}
