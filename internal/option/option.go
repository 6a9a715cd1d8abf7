// Package option declares the options of connectors, formats and statements
// as data. One declaration validates values, documents them and completes
// them.
package option

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
)

// Kind is the type of an option's value.
type Kind int

// The kinds of option values. All are written as text.
const (
	Text     Kind = iota
	Bool          // true or false, any case
	Int           // decimal, may be negative
	Float         // decimal fraction
	Char          // exactly one character, or empty for off
	Bytes         // a size such as 10g, 512k, 1048576
	Enum          // one of Values, any case
	Instant       // a timestamp such as 2021-01-01T00:00:00 or 2021-01-01 00:00:00.000000 UTC+0
	DDL           // a column list
	Pattern       // a glob
	Interval      // a length of time such as 10 seconds or 1 day 12 hours
)

// Option declares one option.
type Option struct {
	Name    string
	Aliases []string
	Kind    Kind
	Default string   // as text; shown in documentation
	Values  []string // of an Enum
	Doc     string   // one or two sentences
}

// Set is a list of options with distinct names.
type Set []Option

// Lookup returns the option called name, or that has it as an alias, ignoring
// case.
func (s Set) Lookup(name string) (Option, bool) {
	i := slices.IndexFunc(s, func(o Option) bool {
		return strings.EqualFold(o.Name, name) ||
			slices.ContainsFunc(o.Aliases, func(a string) bool { return strings.EqualFold(a, name) })
	})
	if i < 0 {
		return Option{}, false
	}
	return s[i], true
}

// Parse checks given against the declarations. An unknown name or a value
// that does not fit is an error that names the nearest known option or the
// accepted values; class and SQLSTATE are those of an invalid option.
func (s Set) Parse(given map[string]string) (Values, error) {
	v := Values{set: s, given: make(map[string]string, len(given))}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		o, ok := s.Lookup(name)
		if !ok {
			return Values{}, Refuse(name, s.unknown(name))
		}
		if _, twice := v.given[o.Name]; twice {
			return Values{}, Refuse(name, errclass.New("INVALID_OPTIONS.DUPLICATE", "42K06", "option %s is given twice (by name and alias)", o.Name))
		}
		if err := o.check(given[name]); err != nil {
			return Values{}, Refuse(name, err)
		}
		v.given[o.Name] = given[name]
	}
	return v, nil
}

func (s Set) unknown(name string) error {
	hint := ""
	if near := s.nearest(name); near != "" {
		hint = fmt.Sprintf(" Did you mean %s?", near)
	}
	return errclass.New("UNKNOWN_OPTION", "42K06", "unknown option %q.%s", name, hint)
}

// nearest returns the declared name or alias within a third of name's length
// in edit distance, or "".
func (s Set) nearest(name string) string {
	best, bestDist := "", len(name)/3+1
	for _, o := range s {
		for _, known := range append([]string{o.Name}, o.Aliases...) {
			if d := distance(strings.ToLower(name), strings.ToLower(known)); d < bestDist {
				best, bestDist = known, d
			}
		}
	}
	return best
}

func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diag, row[j] = row[j], min(row[j]+1, row[j-1]+1, diag+cost)
		}
	}
	return row[len(b)]
}

func (o Option) check(text string) error {
	bad := func(want string) error {
		return errclass.New("INVALID_OPTION_VALUE", "42K06", "option %s is %q; it must be %s", o.Name, text, want)
	}
	switch o.Kind {
	case Bool:
		if _, err := parseBool(text); err != nil {
			return bad("true or false")
		}
	case Int:
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return bad("a whole number")
		}
	case Float:
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return bad("a number")
		}
	case Char:
		if len([]rune(text)) > 1 {
			return bad("one character")
		}
	case Bytes:
		if _, err := ParseBytes(text); err != nil {
			return bad("a size such as 1048576, 512k, 64m or 10g")
		}
	case Enum:
		if !slices.ContainsFunc(o.Values, func(v string) bool { return strings.EqualFold(v, text) }) {
			return bad("one of " + strings.Join(o.Values, ", "))
		}
	case Interval:
		if _, err := ParseInterval(text); err != nil {
			return bad("a number and a unit from microseconds to weeks, such as 10 seconds or 1 day 12 hours")
		}
	case Instant:
		if _, err := ParseInstant(text); err != nil {
			return bad("a timestamp such as 2021-01-01T00:00:00 or 2021-01-01 00:00:00.000000 UTC+0")
		}
	case Text, DDL, Pattern: // whoever reads the option parses it
	}
	return nil
}

// Values are parsed options. Getters take the declared name and panic on a
// name that the set does not declare: a mistake in the program.
type Values struct {
	set   Set
	given map[string]string
}

// Given reports whether the user gave the option.
func (v Values) Given(name string) bool {
	_, ok := v.given[name]
	return ok
}

// Text returns the option's text or default.
func (v Values) Text(name string) string {
	if t, ok := v.given[name]; ok {
		return t
	}
	o, ok := v.set.Lookup(name)
	if !ok {
		panic("option: undeclared " + name) //nolint:forbidigo // a mistake in the program, found by the first test
	}
	return o.Default
}

// Bool returns a Bool option.
func (v Values) Bool(name string) bool {
	b, _ := parseBool(v.Text(name))
	return b
}

// Int returns an Int option.
func (v Values) Int(name string) int64 {
	n, _ := strconv.ParseInt(v.Text(name), 10, 64)
	return n
}

// Float returns a Float option.
func (v Values) Float(name string) float64 {
	f, _ := strconv.ParseFloat(v.Text(name), 64)
	return f
}

// Bytes returns a Bytes option in bytes, 0 when empty.
func (v Values) Bytes(name string) int64 {
	n, _ := ParseBytes(v.Text(name))
	return n
}

// Enum returns an Enum option in the declared spelling.
func (v Values) Enum(name string) string {
	t := v.Text(name)
	o, _ := v.set.Lookup(name)
	for _, val := range o.Values {
		if strings.EqualFold(val, t) {
			return val
		}
	}
	return t
}

// Instant returns an Instant option, or the zero time when it is empty.
func (v Values) Instant(name string) time.Time {
	t, _ := ParseInstant(v.Text(name))
	return t
}

func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is not a boolean", text)
}

// ParseBytes reads a size in bytes with an optional binary unit: b, k, m, g, t,
// each also with a trailing b.
func ParseBytes(text string) (int64, error) {
	t := strings.ToLower(strings.TrimSpace(text))
	digits := strings.TrimRight(t, "kmgtbi")
	unit := strings.TrimSuffix(strings.TrimSuffix(t[len(digits):], "b"), "i")
	shift, ok := map[string]int{"": 0, "k": 10, "m": 20, "g": 30, "t": 40}[unit]
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if err != nil || !ok || n < 0 || n > (1<<62)>>shift {
		return 0, fmt.Errorf("%q is not a size", text)
	}
	return n << shift, nil
}

// instantLayouts are tried in order; a text without a zone is UTC.
var instantLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 MST", "2006-01-02",
}

// ParseInstant reads a point in time as file filters take it.
func ParseInstant(text string) (time.Time, error) {
	t := strings.TrimSpace(text)
	if at := strings.LastIndex(t, " UTC"); at > 0 {
		offset, err := parseUTCOffset(t[at+4:])
		if err != nil {
			return time.Time{}, err
		}
		local, err := ParseInstant(t[:at])
		return local.Add(-offset), err
	}
	for _, layout := range instantLayouts {
		if parsed, err := time.Parse(layout, t); err == nil {
			return parsed.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a timestamp", text)
}

// parseUTCOffset reads what follows "UTC": "", "+0", "-8", "+05:30".
func parseUTCOffset(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	hours, minutes, _ := strings.Cut(text, ":")
	h, err := strconv.Atoi(hours)
	if err != nil {
		return 0, fmt.Errorf("%q is not a UTC offset", text)
	}
	m := 0
	if minutes != "" {
		if m, err = strconv.Atoi(minutes); err != nil {
			return 0, fmt.Errorf("%q is not a UTC offset", text)
		}
	}
	if strings.HasPrefix(hours, "-") {
		m = -m
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute, nil
}
