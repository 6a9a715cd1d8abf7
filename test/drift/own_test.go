package drift_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/session"
)

// TestOwnFilesAreNoInput: what a flow itself writes within its source, such as
// malformed records, versions of the schema and its checkpoint, is no file of
// the source.
func TestOwnFilesAreNoInput(t *testing.T) {
	for name, options := range map[string]string{
		"bad records":   ", badRecordsPath => '$IN/bad', schema => 'id INT'",
		"schema":        ", schemaLocation => '$IN/schemas', ignoredPathSegmentRegex => '^[.]'",
		"the workspace": "",
	} {
		t.Run(name, func(t *testing.T) {
			in := t.TempDir()
			s, err := session.Open(t.Context(), session.Config{Workspace: filepath.Join(in, "ws"), Parallelism: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			r := &trial{t: t, s: s}
			for i, text := range []string{"{\"id\":1}\n{\"id\":", "{\"id\":2}\n", "{\"id\":3}\n"} {
				if name != "bad records" {
					text = text[:len("{\"id\":1}\n")]
				}
				if err := os.WriteFile(filepath.Join(in, string(rune('a'+i))), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				statement := "CREATE OR REFRESH STREAMING TABLE s AS SELECT * FROM STREAM read_files('$IN'" + options + ")"
				if rows := r.must(os.Expand(statement, func(string) string { return in })); rows[0].items[0].text != "1" {
					t.Errorf("refresh %d took %s, want the row that came", i, rows[0].json())
				}
			}
		})
	}
}

// TestBadRecordsAmongTheFiles are refused: a later read would take them for
// data.
func TestBadRecordsAmongTheFiles(t *testing.T) {
	in := t.TempDir()
	s, err := session.Open(t.Context(), session.Config{Workspace: t.TempDir(), Parallelism: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := &trial{t: t, s: s}
	_, _, err = r.try(t.Context(), "SELECT * FROM read_files('"+in+"', format => 'json', schema => 'id INT', badRecordsPath => 'file:"+in+"/')")
	if err == nil || !strings.Contains(err.Error(), "badRecordsPath is the source itself") {
		t.Errorf("got %v, want a refusal", err)
	}
}
