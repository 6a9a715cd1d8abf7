package delta_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
)

// goldenDir returns the folder of tables written by others.
func goldenDir(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv("FRESHET_GOLDEN")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "golden")
	}
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("golden tables are absent (set FRESHET_GOLDEN): %v", err)
	}
	return dir
}

// goldenTables returns every folder under the golden one that holds a log.
func goldenTables(tb testing.TB) []string {
	tb.Helper()
	root := goldenDir(tb)
	var tables []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "_delta_log" {
			name, _ := filepath.Rel(root, filepath.Dir(path))
			tables = append(tables, name)
			return filepath.SkipDir
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return tables
}

// directory is a read-only storage over a directory tree.
type directory struct {
	delta.Storage
	root string
}

func (d directory) Open(_ context.Context, key string) (delta.Object, error) {
	f, err := os.Open(filepath.Join(d.root, filepath.FromSlash(key)))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fs.ErrNotExist
	}
	return openFile{f, info}, nil
}

type openFile struct {
	*os.File
	info fs.FileInfo
}

func (f openFile) Size() int64    { return f.info.Size() }
func (f openFile) ModTime() int64 { return f.info.ModTime().UnixMicro() }

type namedInfo struct {
	fs.FileInfo
	key string
}

func (i namedInfo) Name() string { return i.key }

func (d directory) List(_ context.Context, prefix, startAfter string) iter.Seq2[fs.FileInfo, error] {
	return func(yield func(fs.FileInfo, error) bool) {
		var found []namedInfo
		err := filepath.WalkDir(d.root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			key, _ := filepath.Rel(d.root, path)
			key = filepath.ToSlash(key)
			if !strings.HasPrefix(key, prefix) || key <= startAfter {
				return nil
			}
			info, err := e.Info()
			found = append(found, namedInfo{info, key})
			return err
		})
		if err != nil {
			yield(nil, err)
			return
		}
		slices.SortFunc(found, func(a, b namedInfo) int { return strings.Compare(a.key, b.key) })
		for _, f := range found {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// oracle is an entry of oracle_counts.json.
type oracle struct {
	Table            string   `json:"table"`
	LatestVersion    int64    `json:"latestVersion"`
	FirstJSON        int64    `json:"firstJson"`
	MinReader        int      `json:"minReader"`
	MinWriter        int      `json:"minWriter"`
	PartitionColumns []string `json:"partitionColumns"`
	LiveFiles        int64    `json:"liveFiles"`
	Note             string   `json:"note"`
}

func oracles(tb testing.TB) map[string]oracle {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(goldenDir(tb), "oracle_counts.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var list []oracle
	if err := json.Unmarshal(text, &list); err != nil {
		tb.Fatal(err)
	}
	byName := make(map[string]oracle)
	for _, o := range list {
		byName[o.Table] = o
	}
	return byName
}

func TestReplayCounts(t *testing.T) {
	want := oracles(t)
	compared, refused := 0, 0
	for _, name := range goldenTables(t) {
		s, err := delta.NewTable(directory{root: filepath.Join(goldenDir(t), name)}, delta.Options{}).Snapshot(t.Context())
		var classified interface{ ErrorClass() string }
		if errors.As(err, &classified) {
			t.Logf("%s: [%s] %v", name, classified.ErrorClass(), err)
			refused++
			continue
		}
		if err != nil {
			t.Errorf("%s: untyped error: %v", name, err)
			continue
		}
		o, ok := want[name]
		if !ok || o.Note != "" || o.FirstJSON != 0 {
			t.Logf("%s: no oracle: %d files at version %d %s", name, s.NumFiles(), s.Version(), o.Note)
			continue
		}
		compared++
		if strings.HasPrefix(name, "kernel-rs-golden/canonicalized-paths-") {
			o.LiveFiles = 0 // the oracle compares paths without canonicalising
		}
		if s.Version() != o.LatestVersion || s.NumFiles() != o.LiveFiles {
			t.Errorf("%s: got version %d with %d files, want version %d with %d", name, s.Version(), s.NumFiles(), o.LatestVersion, o.LiveFiles)
		}
		p := s.Protocol()
		if p.MinReader != o.MinReader || p.MinWriter != o.MinWriter || !slices.Equal(s.PartitionColumns(), o.PartitionColumns) {
			t.Errorf("%s: got %+v, partitioned by %q, want %+v", name, p, s.PartitionColumns(), o)
		}
		var files, bytes int64
		for f, err := range s.Files(t.Context()) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			files, bytes = files+1, bytes+f.Size
		}
		if files != s.NumFiles() || bytes != s.SizeInBytes() {
			t.Errorf("%s: Files yields %d files of %d bytes, NumFiles and SizeInBytes say %d of %d", name, files, bytes, s.NumFiles(), s.SizeInBytes())
		}
	}
	t.Logf("%d compared, %d refused", compared, refused)
	if compared < 150 {
		t.Errorf("only %d tables compared", compared)
	}
}

// refusedTables are the tables that must not open, with the type of the error
// that says so.
var refusedTables = map[string]error{
	"kernel-rs-golden/deltalog-invalid-protocol-version/delta":                              new(delta.ProtocolVersionError),
	"kernel-rs-golden/deltalog-state-reconstruction-from-checkpoint-missing-metadata/delta": new(delta.LogError),
	"kernel-rs-golden/deltalog-state-reconstruction-from-checkpoint-missing-protocol/delta": new(delta.LogError),
	"kernel-rs-golden/deltalog-state-reconstruction-without-metadata/delta":                 new(delta.LogError),
	"kernel-rs-golden/deltalog-state-reconstruction-without-protocol/delta":                 new(delta.LogError),
	"kernel-rs-golden/no-delta-log-folder/delta":                                            new(delta.NotFoundError),
	"kernel-rs-golden/versions-not-contiguous/delta":                                        new(delta.TruncatedLogError),
	"kernel-rs-golden/data-reader-absolute-paths-escaped-chars/delta":                       new(delta.LogError), // no metadata
	"delta-rs-err-logs/table_c":                                                             new(delta.TruncatedLogError),
	"delta-rs-err-logs/table_d":                                                             new(delta.UnsupportedFeatureError),
	"delta-rs-err-logs/table_e":                                                             new(delta.UnsupportedFeatureError),
	"delta-rs-err-logs/table_f":                                                             new(delta.UnsupportedFeatureError),
	"delta-rs-err-logs/table_h":                                                             new(delta.UnsupportedFeatureError),
	"delta-rs-err-logs/table_i":                                                             new(delta.UnsupportedFeatureError),
	"delta-rs/simple_table_features":                                                        new(delta.ProtocolVersionError), // reader version 5
	"duckdb-inlined/null_constraints_lists/delta_lake":                                      new(delta.LogError),             // actions of many lines
	"kernel-rs-data/crc-malformed":                                                          new(delta.NotFoundError),        // a checksum alone
	"kernel-rs-data/table-with-geo":                                                         new(delta.UnsupportedFeatureError),
}

// TestGoldenRefused opens every table: those that must fail do, by an error of
// their type, and no others.
func TestGoldenRefused(t *testing.T) {
	names := goldenTables(t)
	for name := range refusedTables { // one of them has no log
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		_, err := delta.NewTable(directory{root: filepath.Join(goldenDir(t), name)}, options()).Snapshot(t.Context())
		want := refusedTables[name]
		if want == nil {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if target := reflect.New(reflect.TypeOf(want)); !errors.As(err, target.Interface()) {
			t.Errorf("%s: got %T %v, want %T", name, err, err, want)
		}
	}
}

// TestGoldenSpecialPaths holds tables whose paths need care.
func TestGoldenSpecialPaths(t *testing.T) {
	files := func(name string) []delta.AddFile {
		t.Helper()
		s, err := delta.NewTable(directory{root: filepath.Join(goldenDir(t), "kernel-rs-golden", name, "delta")}, options()).Snapshot(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var all []delta.AddFile
		for f, err := range s.Files(t.Context()) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			all = append(all, f)
		}
		slices.SortFunc(all, func(a, b delta.AddFile) int { return strings.Compare(a.Path, b.Path) })
		return all
	}
	for _, name := range []string{"normal-a", "normal-b", "special-a", "special-b"} {
		if got := files("canonicalized-paths-" + name); len(got) != 0 {
			t.Errorf("canonicalized-paths-%s: got %d live files, want none", name, len(got))
		}
	}
	readd := files("delete-re-add-same-file-different-transactions")
	if len(readd) != 2 || readd[0].Path != "bar" || readd[1].Path != "foo" || readd[1].ModificationTime != 1700000000000 {
		t.Errorf("delete and re-add: got %+v, want bar, and foo with the time of its second life", readd)
	}
	special := files("log-replay-special-characters-b")
	if len(special) != 1 {
		t.Fatalf("special characters: got %+v, want one file", special)
	}
	if key, err := special[0].Key(); err != nil || key != "special p@#h" {
		t.Errorf("Key of %q = %q, %v, want %q", special[0].Path, key, err, "special p@#h")
	}
}

// TestGoldenStructStatistics holds tables whose checkpoints have statistics
// as columns alone: they must read as the commits have them.
func TestGoldenStructStatistics(t *testing.T) {
	checked := 0
	for _, name := range goldenTables(t) {
		if !strings.Contains(name, "struct-stats-only") {
			continue
		}
		m := loadLog(t, filepath.Join(goldenDir(t), name))
		fromCheckpoint := statistics(t, m)
		m.drop("*checkpoint*")
		m.drop("_last_checkpoint")
		fromCommits := statistics(t, m)
		for path, want := range fromCommits {
			if diff := cmp.Diff(want, fromCheckpoint[path]); diff != "" {
				t.Errorf("%s: statistics of %s (-commit +checkpoint):\n%s", name, path, diff)
			}
			checked++
		}
	}
	if checked == 0 {
		t.Error("no such table")
	}
}

// statistics returns the decoded statistics of each live file.
func statistics(t *testing.T, m *memory) map[string]map[string]any {
	t.Helper()
	all := make(map[string]map[string]any)
	for f, err := range snapshot(t, delta.NewTable(m, options())).Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var decoded map[string]any
		if err := json.Unmarshal([]byte(f.Stats), &decoded); err != nil {
			t.Fatalf("%s: statistics %q: %v", f.Path, f.Stats, err)
		}
		delete(decoded, "tightBounds")
		all[f.Path] = decoded
	}
	return all
}
