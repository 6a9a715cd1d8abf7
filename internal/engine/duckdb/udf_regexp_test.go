//go:build duckdb_arrow

package duckdb

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestJavaReplacements(t *testing.T) {
	for _, tt := range []struct{ pattern, text, replacement, want string }{
		{"(?<first>a)(?=b)", "abc", "[${first}]", "[a]bc"},
		{"(?<x>a)(b)(?!z)", "abc", "$2$1", "bac"},
		{"(a)(?=b)", "abc", "$10", "a0bc"},
		{"(?<=a)b", "abc", `\$\\`, `a$\c`},
		{"b", "abc", "${none}", "[INVALID_REGEXP_REPLACE]"},
		{"b", "abc", "$", "[INVALID_REGEXP_REPLACE]"},
		{"(?<x>a)\\k<x>", "aab", "-", "-b"},
	} {
		p, err := compilePattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.replace(tt.text, tt.replacement)
		if err != nil {
			got, _, _ = strings.Cut(err.Error(), " ")
		}
		if got != tt.want {
			t.Errorf("replace %s in %s by %s: got %s, want %s", tt.pattern, tt.text, tt.replacement, got, tt.want)
		}
	}
}

// TestBacktrackingEnds has the pattern that takes exponential time.
func TestBacktrackingEnds(t *testing.T) {
	p, err := compilePattern(`^(?!x)(a|aa)+$`)
	if err != nil {
		t.Fatal(err)
	}
	p.back.MatchTimeout = matchTimeout / 20
	if _, err := p.find(strings.Repeat("a", 60)+"c", 1); err == nil || !strings.Contains(err.Error(), "takes longer") {
		t.Errorf("got %v, want an error that it takes too long", err)
	}
}

// FuzzCompilePattern compares the two ways to match on what both can.
func FuzzCompilePattern(f *testing.F) {
	for _, s := range []string{"a++b", "(?<n>a)(b)\\k<n>", "[]a]", "\\Qa.b\\E$", "(", "a{2}+", "[a&&b]", "\\p{Alpha}", "\\", "(?m)^a$", "x|"} {
		f.Add(s, "aabb")
	}
	f.Fuzz(func(t *testing.T, text, subject string) {
		p, err := compilePattern(text)
		if err != nil || !utf8.ValidString(subject) || len(text)+len(subject) > 200 {
			return
		}
		if p.back != nil {
			p.back.MatchTimeout = matchTimeout / 500
		}
		found, err := p.find(subject, -1)
		if err != nil {
			return
		}
		for _, m := range found {
			if len(m) != 2*p.size+2 || m[0] < 0 || m[1] < m[0] || m[1] > len(subject) {
				t.Errorf("%q in %q: match at %v", text, subject, m)
			}
		}
	})
}

func TestNumberFormatsReadWhatTheyWrite(t *testing.T) {
	for _, tt := range []struct{ format, number, text string }{
		{"S9,999.99", "-1234.50", "-1,234.50"},
		{"$00.0PR", "-1.5", "<$01.5>"},
		{"MI099", "-7", "-007"},
		{"9999.9MI", "12", "  12.0 "},
	} {
		f := readNumberFormat(tt.format)
		if got := f.text(tt.number); got != tt.text {
			t.Errorf("%s by %s: got %q, want %q", tt.number, tt.format, got, tt.text)
		}
	}
}

func FuzzNumberFormat(f *testing.F) {
	f.Add("S9,999.99", "-1,234.50")
	f.Add("$00.0PR", "<$01.5>")
	f.Add("MI", "")
	f.Fuzz(func(t *testing.T, format, text string) {
		number, ok := readNumberFormat(format).number(text)
		if ok && cmp.Diff(number, strings.Trim(number, "-.0123456789")) == "" {
			t.Errorf("%q by %q is %q", text, format, number)
		}
	})
}
