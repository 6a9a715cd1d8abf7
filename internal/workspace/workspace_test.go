package workspace_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// open opens a workspace whose ids are all "id".
func open(t *testing.T, root string) *workspace.Workspace {
	t.Helper()
	w, err := workspace.Open(t.Context(), workspace.Config{
		Root: root, MemoryLimit: 64 << 20, Parallelism: 1, Version: "test", Logger: slog.New(slog.DiscardHandler),
		Openers: location.Openers{"file": func(context.Context, location.Location) (object.Store, error) { return local.New("/"), nil }},
		Clock:   time.Now, NewID: func() string { return "id" }, Sleep: workspace.Sleep,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return w
}

// write makes a file and its directories.
func write(t *testing.T, parts ...string) string {
	t.Helper()
	path := filepath.Join(parts...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestManagedLocation: a managed table goes to a directory named for it, never
// to one that has files, and a name is always one segment of the path.
func TestManagedLocation(t *testing.T) {
	root := t.TempDir()
	w := open(t, root)
	write(t, root, "tables", "main", "default", "taken", "x")
	for table, want := range map[string]string{
		"Orders":           "orders",
		"taken":            "taken-id",
		"a/b\\c":           "a%2Fb%5Cc",
		".":                "%2E",
		"..":               "%2E.",
		"../../etc/passwd": "%2E.%2F..%2Fetc%2Fpasswd",
	} {
		got, err := w.ManagedLocation(t.Context(), catalog.Name{Catalog: "main", Schema: "default", Table: table})
		path, isFile := strings.CutPrefix(got, "file://")
		if err != nil || !isFile || path != filepath.ToSlash(root)+"/tables/main/default/"+want {
			t.Errorf("table %q: got %q, %v, want %q", table, got, err, want)
		}
	}
	if _, err := w.ManagedLocation(t.Context(), catalog.Name{Catalog: "main", Schema: "none", Table: "t"}); err == nil {
		t.Error("a table of a schema that is not there has a location")
	}
}

// TestDeleteFiles: what is beside a location stays.
func TestDeleteFiles(t *testing.T) {
	root := t.TempDir()
	w := open(t, filepath.Join(root, "ws"))
	gone := []string{write(t, root, "t", "a"), write(t, root, "t", "_delta_log", "0.json"), filepath.Join(root, "t")}
	stays := []string{write(t, root, "t2", "a"), write(t, root, "t.txt")}
	at, err := workspace.Locate(filepath.Join(root, "t") + "/")
	if err == nil {
		err = w.DeleteFiles(t.Context(), at)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range gone {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	for _, path := range stays {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// TestTable: a table is opened once, and anew when it was forgotten; that there
// is none is said where one is needed, and an answer where it is asked.
func TestTable(t *testing.T) {
	w := open(t, t.TempDir())
	at, err := workspace.Locate(filepath.Join(t.TempDir(), "t"))
	if err != nil {
		t.Fatal(err)
	}
	table, err := w.Table(t.Context(), "t", nil, at)
	if err != nil {
		t.Fatal(err)
	}
	if snap, err := table.Exists(t.Context()); snap != nil || err != nil {
		t.Errorf("got %v, %v of a table that nobody has written", snap, err)
	}
	_, err = table.Snapshot(t.Context())
	if c, ok := errors.AsType[errclass.Classified](err); !ok || c.ErrorClass() != "DELTA_TABLE_NOT_FOUND" || !strings.Contains(err.Error(), at) {
		t.Errorf("got %v", err)
	}
	tx := table.Delta.Begin(nil)
	tx.SetMetadata(delta.Metadata{ID: "the-id", Schema: schema.New(schema.Col("n", schema.Long))})
	if _, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "CREATE TABLE"}); err != nil {
		t.Fatal(err)
	}
	again, err := w.Table(t.Context(), "another name", nil, at)
	if err != nil || again.Delta != table.Delta || again.Name != "another name" {
		t.Errorf("got %+v, %v, want the open table by its new name", again, err)
	}
	if snap, err := again.Snapshot(t.Context()); err != nil || snap.Metadata().ID != "the-id" {
		t.Errorf("got %v, %v", snap, err)
	}
	w.Forget(at)
	if anew, err := w.Table(t.Context(), "t", nil, at); err != nil || anew.Delta == table.Delta {
		t.Errorf("got the table that was forgotten, %v", err)
	}
}

// TestWrap: an error of storage gets a class and the table's name, one with a
// class keeps it.
func TestWrap(t *testing.T) {
	known := errclass.New("SOME_CLASS", "42000", "known")
	for _, tt := range []struct {
		err         error
		class, text string
	}{
		{nil, "", ""},
		{known, "SOME_CLASS", "t: known"},
		{context.Canceled, "", "t: context canceled"},
		{errors.New("disk on fire"), "TABLE_STORAGE_FAILED", "The files of table t cannot be used: disk on fire"},
		{&delta.CorruptFileError{Path: "f", Err: io.EOF}, "FAILED_READ_FILE.NO_HINT", "read data file f: EOF"},
	} {
		err := workspace.Wrap("t", tt.err)
		if tt.err == nil {
			if err != nil {
				t.Errorf("got %v of no error", err)
			}
			continue
		}
		class := ""
		if c, ok := errors.AsType[errclass.Classified](err); ok {
			class = c.ErrorClass()
		}
		if !errors.Is(err, tt.err) || class != tt.class || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%v: got %q with class %q, want %q with %q", tt.err, err, class, tt.text, tt.class)
		}
	}
}

// TestSleep: a wait ends with its time, or with the reason that it is not
// wanted any more.
func TestSleep(t *testing.T) {
	if err := workspace.Sleep(t.Context(), time.Microsecond); err != nil {
		t.Error(err)
	}
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if err := workspace.Sleep(ctx, time.Hour); !errors.Is(err, why) {
		t.Errorf("got %v, want the cause", err)
	}
}
