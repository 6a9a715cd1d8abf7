package delta_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/delta/internal/dv"
	"github.com/freshet/freshet/schema"
)

// clocked are options whose clock is that of the storage.
func clocked(m *memory) delta.Options {
	o := options()
	o.Clock = func() time.Time {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.now
	}
	return o
}

// pass lets time go by.
func pass(m *memory, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

func dataKeys(m *memory) []string {
	var keys []string
	for key := range m.objects {
		if !strings.HasPrefix(key, "_delta_log/") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// scattered makes a table at version 2, with files of every kind beside it.
func scattered(t *testing.T, m *memory) *delta.Table {
	t.Helper()
	table := delta.NewTable(m, clocked(m))
	tx := table.Begin(nil)
	tx.SetMetadata(delta.Metadata{
		Schema: parseDDL(t, "id BIGINT, _p STRING"), PartitionColumns: []string{"_p"}, Configuration: map[string]string{"delta.enableDeletionVectors": "true"},
	})
	commit(t, tx)
	put := func(key string) { m.put(key, []byte(key)) }
	for _, key := range []string{
		"_p=1/live.parquet", "_p=1/gone a.parquet", "_p=1/orphan.parquet", "orphan", "_change_data/c.parquet",
		"_copy_into_log/1.json", ".hidden", "_p=1/_temporary/0", "elsewhere.parquet", "_delta_index/i", "x/.crc",
	} {
		put(key)
	}
	vector := &delta.DeletionVector{StorageType: "u", PathOrInlineDV: "ab" + dv.FileName([16]byte{1}), SizeInBytes: 1, Cardinality: 1}
	key, err := dv.FileKey(vector.PathOrInlineDV)
	if err != nil {
		t.Fatal(err)
	}
	put(key)
	value := "1"
	add := func(path string) delta.AddFile {
		f := file(path)
		f.PartitionValues = map[string]*string{"_p": &value}
		return f
	}
	live := add("_p=1/live.parquet")
	live.DeletionVector = vector
	tx = table.Begin(snapshot(t, table))
	tx.Add(live)
	tx.Add(add("_p=1/gone%20a.parquet"))
	tx.Add(add("file:///other/elsewhere.parquet"))
	commit(t, tx)
	tx = table.Begin(snapshot(t, table))
	tx.Remove(add("_p=1/gone%20a.parquet").Remove(m.now.UnixMilli(), true))
	commit(t, tx)
	return table
}

func TestVacuum(t *testing.T) {
	vectorKey := "ab/deletion_vector_01000000-0000-0000-0000-000000000000.bin"
	protected := []string{".hidden", "_copy_into_log/1.json", "_p=1/_temporary/0", "_p=1/live.parquet", vectorKey, "elsewhere.parquet", "x/.crc"}
	zero, week := time.Duration(0), 7*24*time.Hour
	tests := map[string]struct {
		age     time.Duration
		opts    delta.VacuumOptions
		deleted []string
	}{
		"young": {time.Hour, delta.VacuumOptions{}, nil},
		"old": {week + time.Hour, delta.VacuumOptions{}, []string{
			"_change_data/c.parquet", "_delta_index/i", "_p=1/gone a.parquet", "_p=1/orphan.parquet", "orphan",
		}},
		"lite":                    {week + time.Hour, delta.VacuumOptions{Lite: true}, []string{"_p=1/gone a.parquet"}},
		"lite, young":             {time.Hour, delta.VacuumOptions{Lite: true}, nil},
		"retention of no time":    {time.Hour, delta.VacuumOptions{Retention: &zero, AllowShort: true, Lite: true}, []string{"_p=1/gone a.parquet"}},
		"longer than the default": {week + time.Hour, delta.VacuumOptions{Retention: new(2 * week)}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			table := scattered(t, m)
			pass(m, test.age)
			before := dataKeys(m)
			dry := test.opts
			dry.DryRun = true
			planned, err := table.Vacuum(t.Context(), dry)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.deleted, planned.Keys); d != "" {
				t.Errorf("dry run (-want +got):\n%s", d)
			}
			if v := snapshot(t, table).Version(); v != 2 || len(dataKeys(m)) != len(before) {
				t.Errorf("the dry run changed something: version %d, keys %v", v, dataKeys(m))
			}
			got, err := table.Vacuum(t.Context(), test.opts)
			if err != nil {
				t.Fatal(err)
			}
			after := dataKeys(m)
			gone := slices.DeleteFunc(before, func(k string) bool { return slices.Contains(after, k) })
			if d := cmp.Diff(test.deleted, gone, cmp.Transformer("", func(s []string) []string { return append([]string{}, s...) })); d != "" {
				t.Errorf("deleted (-want +got):\n%s", d)
			}
			for _, key := range protected {
				if !slices.Contains(after, key) {
					t.Errorf("%s is gone", key)
				}
			}
			if got.Files != int64(len(test.deleted)) {
				t.Errorf("%d files, want %d", got.Files, len(test.deleted))
			}
			h, err := table.History(t.Context(), 2)
			if err != nil {
				t.Fatal(err)
			}
			if h[0].Operation != "VACUUM END" || *h[0].OperationParameters["status"] != "COMPLETED" || h[1].Operation != "VACUUM START" ||
				h[1].OperationMetrics["numFilesToDelete"] != fmt.Sprint(len(test.deleted)) {
				t.Errorf("history has %+v, %+v", h[0], h[1])
			}
		})
	}
}

func TestVacuumRefused(t *testing.T) {
	m := newMemory()
	table := scattered(t, m)
	hour, negative := time.Hour, -time.Hour
	for want, opts := range map[string]delta.VacuumOptions{
		"DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT": {Retention: &hour},
		"DELTA_VACUUM_RETENTION_PERIOD_NEGATIVE":  {Retention: &negative, AllowShort: true},
	} {
		if _, err := table.Vacuum(t.Context(), opts); class(err) != want {
			t.Errorf("error %v, want class %s", err, want)
		}
	}
	m.drop("00000000000000000000.json")
	pass(m, 30*24*time.Hour)
	if _, err := table.Vacuum(t.Context(), delta.VacuumOptions{Lite: true}); class(err) != "DELTA_CANNOT_VACUUM_LITE" {
		t.Errorf("lite without the first commit: %v", err)
	}
}

func TestVacuumLiteGoesOnWhereItEnded(t *testing.T) {
	m := newMemory()
	table := scattered(t, m)
	pass(m, 8*24*time.Hour)
	if _, err := table.Vacuum(t.Context(), delta.VacuumOptions{Lite: true}); err != nil {
		t.Fatal(err)
	}
	m.drop("00000000000000000000.json")
	m.drop("00000000000000000001.json")
	pass(m, 8*24*time.Hour)
	m.calls = nil
	if _, err := table.Vacuum(t.Context(), delta.VacuumOptions{Lite: true}); err != nil {
		t.Errorf("second vacuum: %v", err)
	}
	if slices.Contains(m.calls, "Open _delta_log/00000000000000000002.json") {
		t.Error("the second vacuum read a commit that the first one had dealt with")
	}
}

func TestVacuumTellsOfFailure(t *testing.T) {
	m := newMemory()
	table := scattered(t, m)
	pass(m, 8*24*time.Hour)
	m.fault = func(call string) faultKind {
		if call == "Delete orphan" {
			return faultBefore
		}
		return noFault
	}
	if _, err := table.Vacuum(t.Context(), delta.VacuumOptions{}); !errors.Is(err, errInjected) {
		t.Errorf("error %v, want the storage's", err)
	}
	if e := lastEntry(t, table); e.Operation != "VACUUM END" || *e.OperationParameters["status"] != "FAILED" {
		t.Errorf("history has %+v", e)
	}
}

func TestVacuumDeletesWhatTheCallerOffers(t *testing.T) {
	m := newMemory()
	table := scattered(t, m)
	pass(m, 8*24*time.Hour)
	also := func(ctx context.Context, _ *delta.Snapshot, _ time.Time) iter.Seq2[fs.FileInfo, error] {
		return m.List(ctx, "_copy_into_log/", "")
	}
	if _, err := table.Vacuum(t.Context(), delta.VacuumOptions{Also: also}); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(dataKeys(m), "_copy_into_log/1.json") {
		t.Error("what the caller offered is still there")
	}
}

// TestVacuumKeepsEveryVersionWithinRetention runs random histories against a
// model that remembers the rows of each version and when it was current.
func TestVacuumKeepsEveryVersionWithinRetention(t *testing.T) {
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 7))
		m := newMemory()
		opts := clocked(m)
		opts.Random = random.Float64
		table := delta.NewTable(m, opts)
		tx := table.Begin(nil)
		tx.SetMetadata(delta.Metadata{Schema: rangedSchema(t), PartitionColumns: []string{"p"}, Configuration: map[string]string{
			"delta.enableDeletionVectors": "true", "delta.deletedFileRetentionDuration": "interval 10 hours",
		}})
		commit(t, tx)
		rows := map[int64][]string{0: nil}
		replaced := make(map[int64]time.Time) // when a version was followed by another
		for step := range 25 {
			before := snapshot(t, table).Version()
			pass(m, time.Duration(random.IntN(180))*time.Minute)
			switch random.IntN(6) {
			case 0, 1:
				appendRecord(t, table, m, ranged(t, step*10, step*10+4))
			case 2:
				if snapshot(t, table).NumFiles() > 0 {
					deleteSome(t, table, m, random)
				}
			case 3:
				_, err := table.Optimize(t.Context(), delta.OptimizeOptions{})
				if err != nil {
					t.Fatal(err)
				}
			case 4:
				to, err := table.SnapshotAt(t.Context(), random.Int64N(before+1))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := table.Restore(t.Context(), to, delta.RestoreOptions{}); err != nil && !errors.As(err, new(*delta.MissingFilesError)) {
					t.Fatal(err)
				}
			case 5:
				if _, err := table.Vacuum(t.Context(), delta.VacuumOptions{Lite: random.IntN(2) == 0}); err != nil {
					t.Fatal(err)
				}
			}
			for v := before + 1; v <= snapshot(t, table).Version(); v++ {
				replaced[v-1] = m.now
				s, err := table.SnapshotAt(t.Context(), v)
				if err != nil {
					t.Fatal(err)
				}
				rows[v] = scanRows(t, s, delta.ScanOptions{})
			}
		}
		if _, err := table.Vacuum(t.Context(), delta.VacuumOptions{}); err != nil {
			t.Fatal(err)
		}
		checkVersions(t, seed, table, rows, replaced, m.now.Add(-10*time.Hour))
	}
}

// deleteSome removes a file whole, or the first of its rows.
func deleteSome(t *testing.T, table *delta.Table, m *memory, random *rand.Rand) {
	t.Helper()
	s := snapshot(t, table)
	skip := random.Int64N(s.NumFiles())
	for f, err := range s.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if skip--; skip >= 0 {
			continue
		}
		tx := table.Begin(s)
		tx.Remove(f.Remove(m.now.UnixMilli(), true))
		if f.DeletionVector == nil && random.IntN(2) == 0 {
			f.DeletionVector = inlineVector(t, 0)
			tx.Add(f)
		}
		commit(t, tx)
		return
	}
}

func checkVersions(t *testing.T, seed uint64, table *delta.Table, rows map[int64][]string, replaced map[int64]time.Time, cutoff time.Time) {
	t.Helper()
	checked := 0
	for _, v := range slices.Sorted(maps.Keys(rows)) {
		if at, past := replaced[v]; past && !at.After(cutoff) {
			continue
		}
		checked++
		s, err := table.SnapshotAt(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(rows[v], scanRows(t, s, delta.ScanOptions{})); d != "" {
			t.Errorf("seed %d: version %d reads otherwise after vacuum (-before +after):\n%s", seed, v, d)
		}
	}
	if checked == 0 {
		t.Errorf("seed %d: no version was checked", seed)
	}
}

func TestRestore(t *testing.T) {
	m := newMemory()
	table := filled(t, m, delta.Metadata{Schema: rangedSchema(t), Configuration: map[string]string{"delta.enableDeletionVectors": "true"}},
		ranged(t, 0, 4), ranged(t, 4, 8))
	tx := table.Begin(snapshot(t, table))
	tx.SetTransaction("stream", 7)
	commit(t, tx)
	want := rowsOf(t, table)
	at := snapshot(t, table)
	deleteRows(t, table, 0)
	appendRecord(t, table, m, ranged(t, 20, 24))
	tx = table.Begin(snapshot(t, table))
	tx.SetTransaction("stream", 9)
	commit(t, tx)

	got, err := table.Restore(t.Context(), at, delta.RestoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Table.Files != 2 || got.Removed.Files != 2 || got.Restored.Files != 1 {
		t.Errorf("result is %+v", got)
	}
	if d := cmp.Diff(want, rowsOf(t, table)); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
	if v, _ := snapshot(t, table).TransactionVersion("stream"); v != 9 {
		t.Errorf("application is at %d, want 9: a restore takes no progress back", v)
	}
	if e := lastEntry(t, table); e.Operation != "RESTORE" || e.OperationMetrics["numOfFilesAfterRestore"] != "2" || *e.OperationParameters["version"] != "3" {
		t.Errorf("history has %+v", e)
	}
}

func TestRestoreOfVacuumedFiles(t *testing.T) {
	m := newMemory()
	table := filled(t, m, delta.Metadata{Schema: rangedSchema(t)}, ranged(t, 0, 4), ranged(t, 4, 8))
	old := snapshot(t, table)
	if _, err := table.Optimize(t.Context(), delta.OptimizeOptions{}); err != nil {
		t.Fatal(err)
	}
	lost := paths(t, old)[0]
	delete(m.objects, lost)
	version := snapshot(t, table).Version()
	var missing *delta.MissingFilesError
	if _, err := table.Restore(t.Context(), old, delta.RestoreOptions{}); !errors.As(err, &missing) || missing.First != lost {
		t.Errorf("error %v, want one that names %s", err, lost)
	}
	if v := snapshot(t, table).Version(); v != version {
		t.Errorf("version %d, want %d: nothing was to be changed", v, version)
	}
	if _, err := table.Restore(t.Context(), old, delta.RestoreOptions{IgnoreMissing: true}); err != nil {
		t.Fatal(err)
	}
	if n := len(rowsOf(t, table)); n != 4 {
		t.Errorf("%d rows, want those of the file that is left", n)
	}
}

func TestTruncate(t *testing.T) {
	m := newMemory()
	table := filled(t, m, delta.Metadata{Schema: rangedSchema(t), PartitionColumns: []string{"p"}}, ranged(t, 0, 4), ranged(t, 4, 8))
	ones := func(f delta.AddFile) bool { return *f.PartitionValues["p"] == "1" }
	if r, err := table.Truncate(t.Context(), ones); err != nil || r.Removed.Files != 2 || len(rowsOf(t, table)) != 4 {
		t.Errorf("one partition: %+v, %v", r, err)
	}
	if r, err := table.Truncate(t.Context(), nil); err != nil || r.Removed.Files != 2 || len(rowsOf(t, table)) != 0 {
		t.Errorf("all: %+v, %v", r, err)
	}
	if r, err := table.Truncate(t.Context(), nil); err != nil || r.Version != -1 {
		t.Errorf("an empty table: %+v, %v", r, err)
	}
}

func TestClone(t *testing.T) {
	for _, deep := range []bool{false, true} {
		t.Run(fmt.Sprintf("deep %v", deep), func(t *testing.T) {
			source := newMemory()
			from := filled(t, source, delta.Metadata{Schema: rangedSchema(t), PartitionColumns: []string{"p"}, Configuration: map[string]string{"k": "v"}},
				ranged(t, 0, 4), ranged(t, 4, 8))
			deleteRows(t, from, 0)
			want := rowsOf(t, from)
			m := newMemory()
			opts := options()
			next := opts.NewID
			opts.NewID = func() string { return "clone-" + next() }
			opts.External = func(_ context.Context, uri string) (delta.Storage, string, error) {
				key, ok := strings.CutPrefix(uri, "/data/a b/")
				if !ok {
					return nil, "", fs.ErrNotExist
				}
				return source, key, nil
			}
			table := delta.NewTable(m, opts)
			got, err := table.Clone(t.Context(), snapshot(t, from), delta.CloneOptions{SourceURI: "file:///data/a b", Deep: deep})
			if err != nil {
				t.Fatal(err)
			}
			if got.Source.Files != 4 || got.Version != 0 || (got.Copied.Files == 4) != deep {
				t.Errorf("result is %+v", got)
			}
			if d := cmp.Diff(want, rowsOf(t, table)); d != "" {
				t.Errorf("rows (-want +got):\n%s", d)
			}
			s := snapshot(t, table)
			if v, _ := s.Property("k"); v != "v" || s.Metadata().ID == snapshot(t, from).Metadata().ID {
				t.Errorf("the clone's metadata is %+v", s.Metadata())
			}
			external := false
			for _, p := range paths(t, s) {
				external = external || strings.HasPrefix(p, "file:///data/a%20b/")
			}
			if external == deep {
				t.Errorf("paths are %v", paths(t, s))
			}
			// A clone goes its own way.
			appendRecord(t, table, m, ranged(t, 20, 22))
			if _, err := table.Optimize(t.Context(), delta.OptimizeOptions{}); err != nil {
				t.Fatal(err)
			}
			if n := len(rowsOf(t, table)); n != len(want)+2 {
				t.Errorf("%d rows after OPTIMIZE, want %d", n, len(want)+2)
			}
			if d := cmp.Diff(want, rowsOf(t, from)); d != "" {
				t.Errorf("rows of the source changed (-want +got):\n%s", d)
			}
		})
	}
}

func TestCloneOfItself(t *testing.T) {
	for _, deep := range []bool{false, true} {
		m := newMemory()
		opts := options()
		opts.External = func(_ context.Context, uri string) (delta.Storage, string, error) {
			return m, strings.TrimPrefix(uri, "/t/"), nil
		}
		filled(t, m, delta.Metadata{Schema: rangedSchema(t)}, ranged(t, 0, 4))
		table := delta.NewTable(m, opts)
		old := snapshot(t, table)
		want := rowsOf(t, table)
		appendRecord(t, table, m, ranged(t, 4, 8))
		if _, err := table.Clone(t.Context(), old, delta.CloneOptions{SourceURI: "/t"}); err == nil {
			t.Error("a table that exists was replaced unasked")
		}
		if _, err := table.Clone(t.Context(), old, delta.CloneOptions{SourceURI: "/t", Deep: deep, Replace: true}); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, rowsOf(t, table)); d != "" {
			t.Errorf("deep %v: rows (-want +got):\n%s", deep, d)
		}
	}
}

func TestDeepCloneLeavesNothingWhenItFails(t *testing.T) {
	source := newMemory()
	from := filled(t, source, delta.Metadata{Schema: rangedSchema(t)}, ranged(t, 0, 4), ranged(t, 4, 8))
	s := snapshot(t, from)
	delete(source.objects, paths(t, s)[1])
	m := newMemory()
	if _, err := delta.NewTable(m, options()).Clone(t.Context(), s, delta.CloneOptions{SourceURI: "/a", Deep: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want that a file is missing", err)
	}
	if len(m.objects) != 0 {
		t.Errorf("%d objects are left", len(m.objects))
	}
}

func TestConvert(t *testing.T) {
	m := newMemory()
	data := parseDDL(t, "id BIGINT, name STRING")
	written := writeFiles(t, m, delta.WriterConfig{Metadata: delta.Metadata{Schema: data}}, jsonRecord(t, data, `{"id":1,"name":"a"}`, `{"id":2}`))
	content := m.objects[written[0].Path]
	delete(m.objects, written[0].Path)
	for _, key := range []string{"day=2024-05-01/a.parquet", "day=__HIVE_DEFAULT_PARTITION__/b.parquet"} {
		m.objects[key] = content
	}
	m.put("_SUCCESS", nil)
	day := []schema.Field{schema.Col("day", schema.Date)}
	table := delta.NewTable(m, options())
	for want, opts := range map[string]delta.ConvertOptions{
		"DELTA_UNEXPECTED_NUM_PARTITION_COLUMNS_FROM_FILE_NAME": {Schema: data},
		"DELTA_FAILED_CAST_PARTITION_VALUE":                     {Schema: data, PartitionColumns: []schema.Field{schema.Col("day", schema.Long)}},
		"DELTA_FAILED_READ_FILE_FOOTER":                         {Schema: parseDDL(t, "name BIGINT"), PartitionColumns: day},
	} {
		if _, err := table.Convert(t.Context(), opts); class(err) != want {
			t.Errorf("error %v, want class %s", err, want)
		}
	}
	got, err := table.Convert(t.Context(), delta.ConvertOptions{Schema: data, PartitionColumns: day})
	if err != nil {
		t.Fatal(err)
	}
	if got.Version != 0 || got.Files.Files != 2 {
		t.Errorf("result is %+v", got)
	}
	if n := len(rowsOf(t, table)); n != 4 {
		t.Errorf("%d rows, want 4", n)
	}
	for f := range snapshot(t, table).Files(t.Context()) {
		if n, ok := f.NumRecords(); !ok || n != 2 {
			t.Errorf("statistics of %s are %s", f.Path, f.Stats)
		}
	}
	if again, err := table.Convert(t.Context(), delta.ConvertOptions{Schema: data}); err != nil || again.Version != -1 {
		t.Errorf("a second time: %+v, %v", again, err)
	}
	if _, err := delta.NewTable(newMemory(), options()).Convert(t.Context(), delta.ConvertOptions{Schema: data}); class(err) != "DELTA_EMPTY_DIRECTORY" {
		t.Errorf("an empty directory: %v", err)
	}
}
