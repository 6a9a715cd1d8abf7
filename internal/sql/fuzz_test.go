package sql_test

import (
	"os"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/sql"
)

// FuzzParse checks that no text makes the parser or the printers panic, and
// that what a tree prints to parses to a tree that prints the same.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/statements.sql")
	if err != nil {
		f.Fatal(err)
	}
	statements, err := sql.Parse(string(text))
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range statements {
		r := s.Pos()
		f.Add(string(text[r.Start:r.End]))
	}
	f.Add("SELECT 'a' \x00 \xff")
	f.Fuzz(func(t *testing.T, text string) {
		sql.Complete(text)
		statements, err := sql.Parse(text)
		if err != nil {
			_ = failure(err)
		}
		for _, s := range statements {
			checkRanges(t, s, len(text))
			roundTripText(t, s.String())
			if q, ok := s.(*sql.Query); ok {
				checkPrinter(t, q)
			}
		}
	})
}

// checkRanges checks that every node lies in the text.
func checkRanges(t *testing.T, s sql.Statement, size int) {
	t.Helper()
	sql.Inspect(s, func(n sql.Node) bool {
		if r := n.Pos(); r.Start < 0 || r.End < r.Start || r.End > size {
			t.Errorf("%T %s is at %v of %d bytes", n, n, r, size)
		}
		return true
	})
}

func checkPrinter(t *testing.T, q *sql.Query) {
	t.Helper()
	sql.ColumnNames(q)
	sql.PlainScan(q)
	out, err := (&sql.Printer{Relations: &byName{}}).Query(q)
	if err == nil && strings.Contains(out, "\x00") {
		t.Errorf("%s\nis printed with a NUL", q)
	}
}
