package sql_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

var update = flag.Bool("update", false, "write what the printer prints to the golden files")

// byName is a sql.Relations that names each table after itself.
type byName struct{ asked []string }

func (r *byName) Relation(ref sql.TableRef) (string, *schema.Struct, error) {
	name := ""
	switch ref := ref.(type) {
	case *sql.Table:
		name = strings.Join(ref.Name.Parts, "_")
		if ref.TimeTravel != nil {
			name += " " + ref.TimeTravel.String()
		}
	case *sql.TableFunction:
		name = strings.Join(ref.Name.Parts, "_") + " " + ref.Args[0].String()
	}
	r.asked = append(r.asked, name)
	return name, nil, nil
}

// TestPrinter compares what is printed for DuckDB with the golden files. In
// them a statement's text ends with a semicolon, and below it stands what is
// printed, or the error.
func TestPrinter(t *testing.T) {
	paths, err := filepath.Glob("testdata/duckdb/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { checkGolden(t, path, printed) })
	}
}

// checkGolden compares each file of an archive with what f makes of the text
// before its semicolon at the end of a line.
func checkGolden(t *testing.T, path string, f func(text string) string) {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range archive.Files {
		text, want, ok := strings.Cut(string(file.Data), ";\n")
		if !ok {
			t.Errorf("%s: %s has no semicolon", path, file.Name)
			continue
		}
		got := f(text) + "\n"
		if *update {
			archive.Files[i].Data = []byte(text + ";\n" + got)
			continue
		}
		if got != want {
			t.Errorf("%s\n%s\ngot\n%swant\n%s", file.Name, text, got, want)
		}
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func printed(text string) string {
	q, err := sql.ParseQuery(text)
	if err != nil {
		return failure(err)
	}
	out, err := (&sql.Printer{Relations: &byName{}, ShowIntervals: true}).Query(q)
	if err != nil {
		return failure(err)
	}
	return out
}

// failure returns an error with its class, SQLSTATE and excerpt.
func failure(err error) string {
	var e *sql.Error
	if !errors.As(err, &e) {
		return "another error: " + err.Error()
	}
	text := "[" + e.Class + "] " + e.Error() + " SQLSTATE: " + e.State
	if e.Excerpt() != "" {
		text += "\n" + e.Excerpt()
	}
	return text
}

func TestPrinterErrorHasAPlace(t *testing.T) {
	q, err := sql.ParseQuery("SELECT a,\n  date_trunc(b, c) FROM t")
	if err != nil {
		t.Fatal(err)
	}
	_, err = (&sql.Printer{Relations: &byName{}, ShowIntervals: true}).Query(q)
	var e *sql.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	if got, want := e.In("SELECT a,\n  date_trunc(b, c) FROM t").Error(), "A unit that is not a literal in date_trunc is not supported by this engine. (line 2, pos 13)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
