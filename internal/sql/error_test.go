package sql_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/sql"
)

// TestErrors compares syntax errors, with their positions, with the golden
// files.
func TestErrors(t *testing.T) {
	paths, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, path := range paths {
		checkGolden(t, path, func(text string) string {
			if _, err := sql.Parse(text); err != nil {
				return failure(err)
			}
			return "no error"
		})
	}
}

// TestHostileNesting parses texts that nest without end: each must be an error
// or a tree, and never exhaust the stack.
func TestHostileNesting(t *testing.T) {
	const n = 100_000
	repeat := func(s string) string { return strings.Repeat(s, n) }
	for name, text := range map[string]string{
		"parentheses":       "SELECT " + repeat("(") + "1" + repeat(")"),
		"open parentheses":  "SELECT " + repeat("("),
		"not":               "SELECT " + repeat("NOT ") + "a",
		"minus":             "SELECT " + repeat("- ") + "a",
		"subqueries":        repeat("SELECT * FROM (") + "SELECT 1" + repeat(")"),
		"scalar subqueries": repeat("SELECT (") + "SELECT 1" + repeat(")"),
		"table groups":      "SELECT * FROM " + repeat("(") + "t" + repeat(")"),
		"calls":             "SELECT " + repeat("f(") + "1" + repeat(")"),
		"types":             "SELECT CAST(a AS " + repeat("ARRAY<") + "INT" + repeat(">") + ")",
		"structs":           "CREATE TABLE t (a " + repeat("STRUCT<a: ") + "INT" + repeat(">") + ")",
		"cases":             "SELECT " + repeat("CASE WHEN ") + "a" + repeat(" THEN 1 END"),
		"lambdas":           "SELECT f(" + repeat("x -> ") + "1)",
		"explain":           repeat("EXPLAIN ") + "SELECT 1",
		"grouping sets":     "SELECT 1 GROUP BY " + repeat("GROUPING SETS (") + "a" + repeat(")"),
		"subscripts":        "SELECT a" + repeat("[a"),
		"comments":          repeat("/*"),
		"sums":              "SELECT 1" + repeat(" + 1") + repeat(" + 1"),
		"accesses":          "SELECT f(x)" + repeat(".a") + repeat(".a"),
		"casts":             "SELECT a" + repeat("::int") + repeat("::int"),
		"unions":            "SELECT 1" + repeat(" UNION SELECT 1") + repeat(" UNION SELECT 1"),
		"joins":             "SELECT * FROM t" + repeat(" JOIN t") + repeat(" JOIN t"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sql.Parse(text)
			var e *sql.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an error", err)
			}
			if _ = e.Excerpt(); len(e.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(e.Error()))
			}
		})
	}
}

// TestLongChains parses, prints and walks chains that are long but not absurd.
func TestLongChains(t *testing.T) {
	for name, text := range map[string]string{
		"or":     "SELECT a FROM t WHERE a = 1" + strings.Repeat(" OR a = 1", 20_000),
		"mixed":  "SELECT a" + strings.Repeat(" + 1 - a", 10_000) + " FROM t",
		"concat": "SELECT a" + strings.Repeat(" || 'x'", 20_000) + " FROM t",
		"union":  "SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 10_000),
		"in":     "SELECT a IN (1" + strings.Repeat(", 1", 50_000) + ") FROM t",
		"values": "VALUES (1, 'a')" + strings.Repeat(", (1 + 2, 'b')", 50_000),
	} {
		t.Run(name, func(t *testing.T) {
			roundTripText(t, text)
			q, err := sql.ParseQuery(text)
			if err != nil {
				t.Fatal(err)
			}
			if out, err := (&sql.Printer{Relations: &byName{}}).Query(q); err != nil || len(out) < len(text)/2 {
				t.Errorf("printed %d bytes: %v", len(out), err)
			}
		})
	}
}

// roundTripText checks that what a tree prints to, parsed, prints the same.
func roundTripText(t *testing.T, text string) {
	t.Helper()
	parsed, err := sql.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range parsed {
		first := s.String()
		again, err := sql.Parse(first)
		if err != nil || len(again) != 1 {
			t.Fatalf("%.200q parses to %d statements: %v", first, len(again), err)
		}
		if second := again[0].String(); second != first {
			t.Errorf("%.500q\nis printed again as\n%.500q", first, second)
		}
	}
}

func TestStatementsBeforeAnError(t *testing.T) {
	got, err := sql.Parse("SELECT 1; USE s; SELEC; SELECT 2")
	if err == nil || len(got) != 2 {
		t.Errorf("got %d statements and %v, want 2 and an error", len(got), err)
	}
}

func TestInvalidUTF8(t *testing.T) {
	_, err := sql.Parse("SELECT 'a', '\xff'")
	var e *sql.Error
	if !errors.As(err, &e) || e.ErrorClass() != "PARSE_SYNTAX_ERROR" || e.Range.Start != 13 {
		t.Errorf("got %#v, want a syntax error at byte 13", err)
	}
}
