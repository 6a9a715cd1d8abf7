package sql_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/internal/sql"
)

// withoutRanges compares trees without their positions.
var withoutRanges = cmp.Options{
	cmp.FilterPath(func(p cmp.Path) bool {
		f, ok := p.Last().(cmp.StructField)
		return ok && f.Name() == "Range"
	}, cmp.Ignore()),
}

// TestRoundTrip parses each statement, prints it, and parses what it printed.
func TestRoundTrip(t *testing.T) {
	text, err := os.ReadFile("testdata/statements.sql")
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, string(text))
}

func roundTrip(t *testing.T, text string) {
	t.Helper()
	parsed, err := sql.Parse(text)
	if err != nil {
		t.Errorf("%s\n%s", failure(err), text[:min(len(text), 100)])
		return
	}
	for _, s := range parsed {
		text := text[s.Pos().Start:s.Pos().End]
		printed := s.String()
		again, err := sql.Parse(printed)
		if err != nil || len(again) != 1 {
			t.Errorf("%s\nis printed as\n%s\nwhich parses to %d statements: %v", text, printed, len(again), err)
			continue
		}
		if diff := cmp.Diff(s, again[0], withoutRanges); diff != "" {
			t.Errorf("%s\nis printed as\n%s\nwhich is another tree (-first +second):\n%s", text, printed, diff)
		}
	}
}

func typeName(n sql.Node) string { return fmt.Sprintf("%T", n) }

func BenchmarkParse(b *testing.B) {
	text, err := os.ReadFile("testdata/statements.sql")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sql.Parse(string(text)); err != nil {
			b.Fatal(err)
		}
	}
}
