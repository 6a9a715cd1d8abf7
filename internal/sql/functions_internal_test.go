package sql

import (
	"os"
	"strings"
	"testing"
)

// TestEveryFunctionHasAnExample keeps the table and the files of Spark's answers
// together.
func TestEveryFunctionHasAnExample(t *testing.T) {
	var text []byte
	for _, name := range []string{"functions.txt", "semantics.txt", "formats.txt", "regexp.txt", "variant.txt"} {
		part, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, part...)
	}
	called := map[string]bool{}
	for line := range strings.SplitSeq(string(text), "\n") {
		if line == "" || line[0] == '#' || line[0] == ' ' {
			continue
		}
		if !strings.HasPrefix(line, "SELECT") {
			line = "SELECT " + line
		}
		q, err := ParseQuery(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		Inspect(q, func(n Node) bool {
			if call, ok := n.(*FunctionCall); ok {
				called[call.Func()] = true
			}
			return true
		})
	}
	for name := range sparkFunctions {
		if !called[name] {
			t.Errorf("%s has no example in testdata", name)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, p := range []string{"yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]", "'", "''", "'a''b'", "[", "%Y", "é'"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		n := 0
		for _, part := range splitPattern(pattern) {
			n += part.count + len(part.text)
		}
		if n > len(pattern)*4 {
			t.Errorf("%q became %d letters", pattern, n)
		}
		if text, err := formatTime("x", &Literal{Kind: StringLiteral, Value: pattern}); err == nil && text == "" {
			t.Errorf("%q has no text", pattern)
		}
	})
}
