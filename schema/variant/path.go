package variant

import (
	"fmt"
	"strconv"
	"strings"
)

// Path leads to a part of a value: $.name['name']["name"][1].
type Path []Step

// Step goes to a field, or to an element when Name is nil.
type Step struct {
	Name  *string
	Index int
}

// PathError says that a text is no path.
type PathError struct{ Path string }

func (e *PathError) Error() string {
	return fmt.Sprintf("%q is not a valid variant extraction path", e.Path)
}

// ParsePath reads a path as Spark's variant_get takes it. It fails with a
// [*PathError].
func ParsePath(text string) (Path, error) {
	rest, ok := strings.CutPrefix(text, "$")
	path := Path{}
	for ok && rest != "" {
		var s Step
		s, rest, ok = parseStep(rest)
		path = append(path, s)
	}
	if !ok {
		return nil, &PathError{text}
	}
	return path, nil
}

func parseStep(text string) (s Step, rest string, ok bool) {
	if name, found := strings.CutPrefix(text, "."); found {
		end := strings.IndexAny(name, ".[")
		if end < 0 {
			end = len(name)
		}
		field := name[:end]
		return Step{Name: &field}, name[end:], end > 0
	}
	inner, found := strings.CutPrefix(text, "[")
	if !found || inner == "" {
		return Step{}, "", false
	}
	if quote := inner[0]; quote == '\'' || quote == '"' {
		field, rest, found := strings.Cut(inner[1:], string(quote)+"]")
		return Step{Name: &field}, rest, found && field != "" && strings.IndexByte(field, quote) < 0
	}
	digits, rest, found := strings.Cut(inner, "]")
	n, err := strconv.ParseUint(digits, 10, 31)
	return Step{Index: int(n)}, rest, found && err == nil && digits[0] != '+'
}

// Get returns the part of v that the path leads to, and whether it has one. A
// step that v's part does not have, or that is of the wrong kind, leads
// nowhere.
func (v Value) Get(path Path) (Value, bool, error) {
	for _, s := range path {
		kind, err := v.Kind()
		if err != nil {
			return Value{}, false, err
		}
		if kind != Object && kind != Array || (kind == Object) != (s.Name != nil) {
			return Value{}, false, nil
		}
		c, err := v.Container()
		if err != nil {
			return Value{}, false, err
		}
		found := s.Index < c.Len()
		switch {
		case s.Name != nil:
			v, found, err = c.Field(*s.Name)
		case found:
			v, err = c.At(s.Index)
		}
		if err != nil || !found {
			return Value{}, false, err
		}
	}
	return v, true, nil
}
