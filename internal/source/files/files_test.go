package files_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/source/files"
)

// TestAssertion33_Globs is the table of semantics §2.9.
func TestAssertion33_Globs(t *testing.T) {
	for _, c := range []struct {
		pattern, file   string
		lenient, strict bool
	}{
		{"/a/b", "/a/b/c/file.txt", true, true},
		{"/a/b", "/a/b_dir/c/file.txt", false, false},
		{"/a/b", "/a/b.txt", false, false},
		{"/a/b/", "/a/b.txt", false, false},
		{"/a/*/c/", "/a/b/c/file.txt", true, true},
		{"/a/*/c/", "/a/b/c/d/file.txt", true, true},
		{"/a/*/d/", "/a/b/c/d/file.txt", true, false},
		{"/a/*/c/", "/a/b/x/y/c/file.txt", true, false},
		{"/a/*/c", "/a/b/c_file.txt", true, false},
		{"/a/*/c/", "/a/b/c_file.txt", true, false},
		{"/a/*/c", "/a/b/cookie/file.txt", true, false},
		{"/a/b*", "/a/b.txt", true, true},
		{"/a/b*", "/a/b/file.txt", true, true},
		{"/a/{0.txt,1.txt}", "/a/0.txt", true, true},
		{"/a/*/{0.txt,1.txt}", "/a/0.txt", false, false},
		{"/a/b/[cde-h]/i/", "/a/b/c/i/file.txt", true, true},
		// Not of the table: the alphabet itself.
		{"/a/{ab,c{de,fh}}", "/a/cfh", true, true},
		{"/a/{ab,c{de,fh}}", "/a/cd", false, false},
		{"/a/?.txt", "/a/x.txt", true, true},
		{"/a/?.txt", "/a/xy.txt", false, false},
		{"/a/[^a].txt", "/a/b.txt", true, true},
		{"/a/[^a].txt", "/a/a.txt", false, false},
		{"/a/*.csv", "/a/x.csv.bak", true, false},
		{`/a/\**.csv`, "/a/x.csv", false, false},
		{`/a/\**.csv`, "/a/*.csv", true, true},
		{"/a/ü*", "/a/über.csv", true, true},
	} {
		for strict, want := range map[bool]bool{false: c.lenient, true: c.strict} {
			root := t.TempDir()
			write(t, root+c.file)
			write(t, root+"/a/elsewhere/other")
			write(t, root+"/a/b/_hidden") // so that /a/b exists
			cfg := config(t, root+c.pattern, nil)
			cfg.StrictGlob = strict
			got := slices.Contains(discover(t, cfg), "file://"+root+c.file)
			if got != want {
				t.Errorf("%s on %s, strict %t: matched %t, want %t", c.pattern, c.file, strict, got, want)
			}
		}
	}
}

func TestAssertion9_HiddenFilesAreSkipped(t *testing.T) {
	root := tree(t, "_tmp/x.csv", ".x.csv", "_SUCCESS", "a.csv", "d/.git/y.csv", "d/b.csv", "_day=1/c.csv")
	if got, want := below(t, root, config(t, root, nil)), []string{"_day=1/c.csv", "a.csv", "d/b.csv"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	got := below(t, root, config(t, root, map[string]string{"ignoredPathSegmentRegex": "^a"}))
	want := []string{".x.csv", "_SUCCESS", "_day=1/c.csv", "_tmp/x.csv", "d/.git/y.csv", "d/b.csv"}
	if !slices.Equal(got, want) {
		t.Errorf("with another regex: got %v, want %v", got, want)
	}
	if got := below(t, root, config(t, root+"/_tmp", nil)); !slices.Equal(got, []string{"_tmp/x.csv"}) {
		t.Errorf("a hidden directory that is the path: got %v", got)
	}
}

func TestAssertion34_ModifiedAfterIsExclusive(t *testing.T) {
	root := tree(t, "old.csv", "edge.csv", "new.csv")
	edge := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, at := range map[string]time.Time{"old.csv": edge.Add(-time.Microsecond), "edge.csv": edge, "new.csv": edge.Add(time.Microsecond)} {
		if err := os.Chtimes(filepath.Join(root, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"2021-01-01T00:00:00", "2021-01-01 00:00:00.000000 UTC+0"} {
		if got := below(t, root, config(t, root, map[string]string{"modifiedAfter": text})); !slices.Equal(got, []string{"new.csv"}) {
			t.Errorf("modifiedAfter %s: %v, want new.csv alone", text, got)
		}
		if got := below(t, root, config(t, root, map[string]string{"modifiedBefore": text})); !slices.Equal(got, []string{"old.csv"}) {
			t.Errorf("modifiedBefore %s: %v, want old.csv alone", text, got)
		}
	}
}

func TestAssertion39_FilesAndPatternLimits(t *testing.T) {
	root := tree(t, "a.csv")
	cfg := config(t, root, nil)
	cfg.Files = make([]string, 1001)
	wantClass(t, cfg, "COPY_INTO_SYNTAX_ERROR")
	cfg.Files, cfg.Pattern = []string{"a.csv"}, "*.csv"
	wantClass(t, cfg, "COPY_INTO_SYNTAX_ERROR")
}

func TestDiscoverNamedFiles(t *testing.T) {
	root := tree(t, "a.csv", "d/b.csv", "c.csv")
	cfg := config(t, root, nil)
	cfg.Files = []string{"d/b.csv", "gone.csv", "a.csv", "./a.csv"}
	var got []string
	for f, err := range files.Discover(t.Context(), cfg) {
		if fileErr, ok := errors.AsType[*format.FileError](err); ok {
			got = append(got, fmt.Sprintf("missing %t %s", fileErr.Missing, strings.TrimPrefix(fileErr.Path, "file://"+root+"/")))
			continue
		}
		got = append(got, strings.TrimPrefix(f.Path, "file://"+root+"/"))
	}
	if want := []string{"d/b.csv", "missing true gone.csv", "a.csv"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDiscoverPatternIsRelativeToPath(t *testing.T) {
	root := tree(t, "in/f/file_a.csv", "in/f/file_z.csv", "in/file_a.csv", "in/f/_file_a.csv")
	cfg := config(t, root+"/in", nil)
	cfg.Pattern = "f/file_[a-g].csv"
	if got := below(t, root, cfg); !slices.Equal(got, []string{"in/f/file_a.csv"}) {
		t.Errorf("got %v", got)
	}
}

// TestWithout: directories that are no input are left out with all below them,
// and one that holds the source leaves out nothing.
func TestWithout(t *testing.T) {
	root := tree(t, "in/a.csv", "in/bad/1/x", "in/badly/b.csv", "in/c/d/e", "in/c/dd")
	cfg := config(t, root+"/in", nil)
	cfg.Without = []string{root + "/in/bad", "file://" + root + "/in/c/d/", root, root + "/in", "s3://bucket/in/badly"}
	if got, want := below(t, root, cfg), []string{"in/a.csv", "in/badly/b.csv", "in/c/dd"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	cfg.Look.Only = []string{"file://" + root + "/in/a.csv", "file://" + root + "/in/bad/1/x"}
	if got, want := below(t, root, cfg), []string{"in/a.csv"}; !slices.Equal(got, want) {
		t.Errorf("of those told of: got %q, want %q", got, want)
	}
}

func TestPathGlobFilterIsOnTheName(t *testing.T) {
	root := tree(t, "x/a.csv", "x/a.json", "a.csv.gz", "csv/a")
	for _, name := range []string{"pathGlobFilter", "fileNamePattern"} {
		if got := below(t, root, config(t, root, map[string]string{name: "*.{csv,tsv}"})); !slices.Equal(got, []string{"x/a.csv"}) {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestDiscoverOneFile(t *testing.T) {
	root := tree(t, "a b%20c.csv", "other.csv")
	for _, path := range []string{root + "/a b%20c.csv", "file:" + root + "/a b%20c.csv", "file://" + root + "/a b%20c.csv"} {
		var got []format.File
		for f, err := range files.Discover(t.Context(), config(t, path, nil)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, f)
		}
		if len(got) != 1 || got[0].Path != "file://"+root+"/a b%20c.csv" || got[0].Size != 1 || got[0].ModTime.IsZero() {
			t.Errorf("%s: got %+v", path, got)
		}
	}
}

func TestDiscoverRelativePath(t *testing.T) {
	root := tree(t, "in/a.csv")
	cfg := config(t, "in", nil)
	cfg.Dir = root
	if got := below(t, root, cfg); !slices.Equal(got, []string{"in/a.csv"}) {
		t.Errorf("got %v", got)
	}
}

func TestMissingPath(t *testing.T) {
	root := tree(t, "a.csv")
	for _, path := range []string{root + "/none", root + "/none/", root + "/none/*.csv", root + "/a.csv/"} {
		wantClass(t, config(t, path, nil), "PATH_NOT_FOUND")
	}
	if err := os.Mkdir(root+"/empty", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{root + "/empty", root + "/empty/", root + "/*.json"} {
		if got := discover(t, config(t, path, nil)); len(got) != 0 {
			t.Errorf("%s: %v, want nothing and no error", path, got)
		}
	}
}

func TestUnreadableDirectory(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("the superuser may read every directory")
	}
	root := tree(t, "closed/a.csv")
	if err := os.Chmod(root+"/closed", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(root+"/closed", 0o700) })
	for _, err := range files.Discover(t.Context(), config(t, root, nil)) {
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "closed") {
			t.Errorf("got %v, want a permission error that names the directory", err)
		}
	}
}

func TestBadConfig(t *testing.T) {
	wantClass(t, config(t, "s3://bucket/x", nil), "UNSUPPORTED_FILE_SYSTEM")
	wantClass(t, config(t, "/a/{b", nil), "INVALID_GLOB")
	wantClass(t, config(t, "/a/[b", nil), "INVALID_GLOB")
	wantClass(t, config(t, "/a", map[string]string{"ignoredPathSegmentRegex": "("}), "INVALID_OPTION_VALUE")
}

func TestBase(t *testing.T) {
	for path, want := range map[string]string{
		"/data/in":             "file:///data/in/",
		"/data/in/":            "file:///data/in/",
		"/data/year=*/x":       "file:///data/",
		"/data/y=1/*.csv":      "file:///data/y=1/",
		"s3://bucket/in/a{1}b": "s3://bucket/in/",
	} {
		got, err := files.Base(files.Config{Path: path})
		if err != nil || got != want {
			t.Errorf("Base(%q) = %q, %v, want %q", path, got, err, want)
		}
	}
}

func BenchmarkDiscover100k(b *testing.B) {
	root := b.TempDir()
	for i := range 100_000 {
		f, err := os.Create(fmt.Sprintf("%s/part-%d.csv", root, i))
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
	cfg := config(b, root, nil)
	for b.Loop() {
		n := 0
		for _, err := range files.Discover(b.Context(), cfg) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 100_000 {
			b.Fatalf("%d files", n)
		}
	}
}

func config(tb testing.TB, path string, given map[string]string) files.Config {
	tb.Helper()
	opts, err := files.Options().Parse(given)
	if err != nil {
		tb.Fatal(err)
	}
	return files.Config{Path: path, Openers: location.Local(), Options: opts, StrictGlob: true}
}

func discover(t *testing.T, cfg files.Config) []string {
	t.Helper()
	var out []string
	for f, err := range files.Discover(t.Context(), cfg) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f.Path)
	}
	return out
}

// below is discover with paths relative to root.
func below(t *testing.T, root string, cfg files.Config) []string {
	t.Helper()
	out := discover(t, cfg)
	for i := range out {
		out[i] = strings.TrimPrefix(out[i], "file://"+root+"/")
	}
	return out
}

func wantClass(t *testing.T, cfg files.Config, want string) {
	t.Helper()
	var got []string
	for _, err := range files.Discover(t.Context(), cfg) {
		got = append(got, errclassOf(err))
	}
	if !slices.Equal(got, []string{want}) {
		t.Errorf("%s: errors %q, want one of class %s", cfg.Path, got, want)
	}
}

func errclassOf(err error) string {
	if c, ok := errors.AsType[errclass.Classified](err); ok {
		return c.ErrorClass()
	}
	return fmt.Sprint(err)
}

func tree(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		write(t, root+"/"+name)
	}
	return root
}

func write(t *testing.T, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}
