package sql_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/sql"
)

func parseCopy(t *testing.T, text string) *sql.CopyInto {
	t.Helper()
	statements, err := sql.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s, ok := statements[0].(*sql.CopyInto)
	if !ok {
		t.Fatalf("%s is a %T", text, statements[0])
	}
	return s
}

// wantSyntaxError checks that a COPY INTO is refused with SQLSTATE 42601 and a
// class that begins with COPY_INTO_SYNTAX_ERROR and ends with suffix.
func wantSyntaxError(t *testing.T, text, suffix string) {
	t.Helper()
	_, err := sql.Parse(text)
	var e *sql.Error
	if !errors.As(err, &e) || e.SQLState() != "42601" || e.ErrorClass() != "COPY_INTO_SYNTAX_ERROR"+suffix {
		t.Errorf("%.200s\ngot %v", text, err)
	}
}

func TestCopyInto(t *testing.T) {
	s := parseCopy(t, `COPY INTO a.t FROM (SELECT _c0::bigint k, _metadata.file_name f FROM 's3://b/x' WITH (CREDENTIAL (KEY = 'k') ENCRYPTION (TYPE = 'NONE')) src WHERE _c0 > 1)
		FILEFORMAT = csv FILES = ('a.csv', 'b.csv') FORMAT_OPTIONS ('header' = 'false', sep = ';', 'x' = 1) COPY_OPTIONS ('force' = true)`)
	if s.Target.String() != "a.t" || s.Source != "s3://b/x" || s.Format != "CSV" || s.SourceAlias != "src" || s.Where.String() != "_c0 > 1" {
		t.Errorf("got target %s, source %s, format %s, alias %s, where %s", s.Target, s.Source, s.Format, s.SourceAlias, s.Where)
	}
	var items, options []string
	for _, i := range s.Items {
		items = append(items, i.String())
	}
	for _, o := range slices.Concat(s.Credential.Options, s.Encryption, s.FormatOptions, s.CopyOptions) {
		options = append(options, o.Key+"="+o.Value)
	}
	if want := []string{"CAST(_c0 AS BIGINT) AS k", "_metadata.file_name AS f"}; !slices.Equal(items, want) {
		t.Errorf("got items %q, want %q", items, want)
	}
	if want := []string{"KEY=k", "TYPE=NONE", "header=false", "sep=;", "x=1", "force=true"}; !slices.Equal(options, want) {
		t.Errorf("got options %q, want %q", options, want)
	}
	if want := []string{"a.csv", "b.csv"}; !slices.Equal(s.Files, want) {
		t.Errorf("got files %q, want %q", s.Files, want)
	}
}

func TestAssertion39_FilesAndPattern(t *testing.T) {
	files := func(n int) string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("'f%d.csv'", i)
		}
		return "COPY INTO t FROM '/x' FILEFORMAT = CSV FILES = (" + strings.Join(names, ", ") + ")"
	}
	if got := parseCopy(t, files(1000)).Files; len(got) != 1000 {
		t.Errorf("got %d names, want 1000", len(got))
	}
	wantSyntaxError(t, files(1001), "")
	wantSyntaxError(t, files(1)+" PATTERN = '*.csv'", "")
}

func TestAssertion40_ValidateRows(t *testing.T) {
	const copying = "COPY INTO t FROM '/x' FILEFORMAT = CSV "
	for clause, want := range map[string]int64{"VALIDATE": 0, "VALIDATE ALL": 0, "VALIDATE 15 ROWS": 15} {
		if v := parseCopy(t, copying+clause).Validate; v == nil || v.Rows != want {
			t.Errorf("%s: got %v, want %d rows", clause, v, want)
		}
	}
	wantSyntaxError(t, copying+"VALIDATE 0 ROWS", ".VALIDATE_INVALID_ROWS")
	wantSyntaxError(t, copying+"VALIDATE -1 ROWS", ".VALIDATE_INVALID_ROWS")
}

func TestAssertion46_SelectListWithoutGroups(t *testing.T) {
	const from = "COPY INTO t FROM (SELECT _c0::bigint k, _metadata.file_name f FROM '/x'"
	if got := len(parseCopy(t, from+") FILEFORMAT = CSV").Items); got != 2 {
		t.Errorf("got %d items, want 2", got)
	}
	wantSyntaxError(t, from+" GROUP BY k) FILEFORMAT = CSV", "")
}
