package delta_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/schema"
)

// create makes a table of one column and returns it.
func create(t *testing.T, st delta.Storage, opts delta.Options, config map[string]string) *delta.Table {
	t.Helper()
	table := delta.NewTable(st, opts)
	tx := table.Begin(nil)
	tx.SetMetadata(delta.Metadata{Schema: schema.New(schema.Col("id", schema.Long)), Configuration: config})
	if _, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "CREATE TABLE"}); err != nil {
		t.Fatal(err)
	}
	return table
}

func file(name string) delta.AddFile {
	return delta.AddFile{
		Path: name, PartitionValues: map[string]*string{}, Size: 10, ModificationTime: 1, DataChange: true,
		Stats: `{"numRecords":1}`,
	}
}

func snapshot(t *testing.T, table *delta.Table) *delta.Snapshot {
	t.Helper()
	s, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func commit(t *testing.T, tx *delta.Transaction) int64 {
	t.Helper()
	version, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "WRITE"})
	if err != nil {
		t.Fatal(err)
	}
	return version
}

func paths(t *testing.T, s *delta.Snapshot) []string {
	t.Helper()
	var all []string
	for f, err := range s.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f.Path)
	}
	slices.Sort(all)
	return all
}

func TestCommitIsWrittenAsSparkWritesIt(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), nil)
	tx := table.Begin(snapshot(t, table))
	tx.SetTransaction("flow", 7)
	tx.Add(file("a<b>.parquet"))
	_, err := tx.Commit(t.Context(), delta.CommitInfo{
		Operation:    "WRITE",
		Parameters:   map[string]any{"mode": "Append", "partitionBy": []string{"x"}, "description": nil, "auto": true},
		Metrics:      map[string]string{"numFiles": "1"},
		UserMetadata: "why",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"commitInfo":{"timestamp":1700000000000,"operation":"WRITE",` +
		`"operationParameters":{"auto":true,"description":null,"mode":"Append","partitionBy":"[\"x\"]"},` +
		`"readVersion":0,"isolationLevel":"Serializable","isBlindAppend":true,"operationMetrics":{"numFiles":"1"},` +
		`"userMetadata":"why","engineInfo":"test/1","txnId":"id-3"}}` + "\n" +
		`{"txn":{"appId":"flow","version":7,"lastUpdated":1700000000000}}` + "\n" +
		`{"add":{"path":"a<b>.parquet","partitionValues":{},"size":10,"modificationTime":1,"dataChange":true,"stats":"{\"numRecords\":1}"}}` + "\n"
	if diff := cmp.Diff(want, string(m.objects["_delta_log/00000000000000000001.json"].data)); diff != "" {
		t.Errorf("commit 1 (-want +got):\n%s", diff)
	}
	if got, ok := snapshot(t, table).TransactionVersion("flow"); !ok || got != 7 {
		t.Errorf("TransactionVersion = %d, %t, want 7, true", got, ok)
	}
}

func TestCreateChoosesTheLeastProtocol(t *testing.T) {
	for name, test := range map[string]struct {
		field  schema.Type
		config map[string]string
		want   delta.Protocol
	}{
		"plain": {schema.String, nil, delta.Protocol{MinReader: 1, MinWriter: 2}},
		"timestamp_ntz": {
			schema.Array{Element: schema.TimestampNTZ, ContainsNull: true},
			nil,
			delta.Protocol{
				MinReader: 3, MinWriter: 7,
				ReaderFeatures: []string{"timestampNtz"}, WriterFeatures: []string{"appendOnly", "invariants", "timestampNtz"},
			},
		},
		"change data feed": {
			schema.String,
			map[string]string{"delta.enableChangeDataFeed": "true"},
			delta.Protocol{MinReader: 1, MinWriter: 7, WriterFeatures: []string{"appendOnly", "changeDataFeed", "invariants"}},
		},
		"named feature": {
			schema.String,
			map[string]string{"delta.feature.deletionVectors": "supported", "delta.minReaderVersion": "1"},
			delta.Protocol{
				MinReader: 3, MinWriter: 7,
				ReaderFeatures: []string{"deletionVectors"}, WriterFeatures: []string{"appendOnly", "deletionVectors", "invariants"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			table := delta.NewTable(newMemory(), options())
			tx := table.Begin(nil)
			tx.SetMetadata(delta.Metadata{Schema: schema.New(schema.Col("c", test.field)), Configuration: test.config})
			commit(t, tx)
			s := snapshot(t, table)
			if diff := cmp.Diff(test.want, s.Protocol()); diff != "" {
				t.Errorf("protocol (-want +got):\n%s", diff)
			}
			for property := range s.Metadata().Configuration {
				if strings.HasPrefix(property, "delta.feature.") || strings.HasPrefix(property, "delta.min") {
					t.Errorf("property %s was kept", property)
				}
			}
		})
	}
}

func TestWriteGuard(t *testing.T) {
	for name, test := range map[string]struct {
		metadata delta.Metadata
		want     []string
	}{
		"iceberg": {
			delta.Metadata{Schema: schema.New(schema.Col("c", schema.Long)), Configuration: map[string]string{"delta.enableIcebergCompatV2": "true"}},
			[]string{"icebergCompatV2"},
		},
		"unknown feature": {
			delta.Metadata{Schema: schema.New(schema.Col("c", schema.Long)), Configuration: map[string]string{"delta.feature.wings": "supported"}},
			[]string{"wings"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			tx := delta.NewTable(m, options()).Begin(nil)
			tx.SetMetadata(test.metadata)
			_, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "CREATE TABLE"})
			var refused *delta.UnsupportedFeatureError
			if !errors.As(err, &refused) || !slices.Equal(refused.Features, test.want) || !refused.Write {
				t.Errorf("Commit error = %v, want refusal of %q", err, test.want)
			}
			if len(m.objects) != 0 {
				t.Errorf("refused commit left objects: %v", m.calls)
			}
		})
	}
}

func TestIllegalCommits(t *testing.T) {
	partitioned := func(t *testing.T) (*delta.Table, *memory) {
		t.Helper()
		m := newMemory()
		table := delta.NewTable(m, options())
		tx := table.Begin(nil)
		tx.SetMetadata(delta.Metadata{
			Schema: schema.New(schema.Col("id", schema.Long), schema.Col("p", schema.String)), PartitionColumns: []string{"p"},
		})
		live := file("live")
		live.PartitionValues = map[string]*string{"p": nil}
		tx.Add(live)
		commit(t, tx)
		return table, m
	}
	good := file("x")
	good.PartitionValues = map[string]*string{"p": nil}
	withVector := good
	withVector.Path = "live"
	withVector.DeletionVector = &delta.DeletionVector{StorageType: "i", PathOrInlineDV: "x", SizeInBytes: 1, Cardinality: 1}
	for name, fill := range map[string]func(*delta.Transaction){
		"no partition value":     func(tx *delta.Transaction) { tx.Add(file("x")) },
		"added twice":            func(tx *delta.Transaction) { tx.Add(good); tx.Add(good) },
		"added and removed":      func(tx *delta.Transaction) { tx.Add(good); tx.Remove(good.Remove(1, true)) },
		"removed twice":          func(tx *delta.Transaction) { tx.Remove(good.Remove(1, true)); tx.Remove(good.Remove(1, true)) },
		"vector without remove":  func(tx *delta.Transaction) { tx.Add(withVector) },
		"remove of other vector": func(tx *delta.Transaction) { tx.Remove(withVector.Remove(1, true)) },
		"application twice":      func(tx *delta.Transaction) { tx.SetTransaction("a", 1); tx.SetTransaction("a", 2) },
		"domain twice":           func(tx *delta.Transaction) { tx.SetDomainMetadata("a", "", false); tx.SetDomainMetadata("a", "", true) },
	} {
		t.Run(name, func(t *testing.T) {
			table, m := partitioned(t)
			tx := table.Begin(snapshot(t, table))
			fill(tx)
			_, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "WRITE"})
			if _, ok := errors.AsType[*delta.ActionError](err); !ok {
				t.Errorf("Commit error = %v, want an ActionError", err)
			}
			if m.commits() != 1 {
				t.Errorf("an illegal commit was written")
			}
		})
	}
}

func TestAppendOnlyRefusesDeletes(t *testing.T) {
	table := create(t, newMemory(), options(), map[string]string{"delta.appendOnly": "true"})
	tx := table.Begin(snapshot(t, table))
	tx.Add(file("a"))
	commit(t, tx)
	tx = table.Begin(snapshot(t, table))
	tx.Remove(file("a").Remove(1, true))
	_, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "DELETE"})
	if _, ok := errors.AsType[*delta.AppendOnlyError](err); !ok {
		t.Errorf("Commit error = %v, want an AppendOnlyError", err)
	}
}

func TestCreateTwice(t *testing.T) {
	m := newMemory()
	create(t, m, options(), nil)
	tx := delta.NewTable(m, options()).Begin(nil)
	tx.SetMetadata(delta.Metadata{Schema: schema.New(schema.Col("c", schema.Long))})
	_, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "CREATE TABLE"})
	var lost *delta.ConflictError
	if !errors.As(err, &lost) || lost.Kind != delta.ConflictConcurrentWrite {
		t.Errorf("Commit error = %v, want ConflictConcurrentWrite", err)
	}
}

func TestTransactionOfOneApplicationConflicts(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), nil)
	base := snapshot(t, table)
	for i, name := range []string{"first", "twin"} {
		tx := table.Begin(base)
		tx.ReadTransaction("flow")
		tx.SetTransaction("flow", 1)
		tx.Add(file(name))
		_, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "STREAMING UPDATE"})
		if i == 0 && err != nil {
			t.Fatal(err)
		}
		var lost *delta.ConflictError
		if i == 1 && (!errors.As(err, &lost) || lost.Kind != delta.ConflictConcurrentTransaction || lost.ErrorClass() != "DELTA_CONCURRENT_TRANSACTION") {
			t.Errorf("twin's error = %v, want ConflictConcurrentTransaction", err)
		}
	}
	if got := paths(t, snapshot(t, table)); !slices.Equal(got, []string{"first"}) {
		t.Errorf("files = %q, want the first alone", got)
	}
}

func TestAppendSurvivesChangeOfProperties(t *testing.T) {
	table := create(t, newMemory(), options(), nil)
	base := snapshot(t, table)

	change := table.Begin(base)
	metadata := base.Metadata().Clone()
	metadata.Configuration = map[string]string{"delta.logRetentionDuration": "interval 1 days"}
	change.SetMetadata(metadata)
	commit(t, change)

	late := table.Begin(base)
	late.Add(file("a"))
	if got := commit(t, late); got != 2 {
		t.Errorf("append became version %d, want 2", got)
	}

	change = table.Begin(snapshot(t, table))
	metadata = snapshot(t, table).Metadata().Clone()
	metadata.Schema.Fields = append(metadata.Schema.Fields, schema.Col("more", schema.String))
	change.SetMetadata(metadata)
	commit(t, change)

	late = table.Begin(base)
	late.Add(file("b"))
	_, err := late.Commit(t.Context(), delta.CommitInfo{Operation: "WRITE"})
	var lost *delta.ConflictError
	if !errors.As(err, &lost) || lost.Kind != delta.ConflictMetadataChanged {
		t.Errorf("append over a new column: error = %v, want ConflictMetadataChanged", err)
	}
}

func TestSnapshotRefreshCostsOneListing(t *testing.T) {
	m := newMemory()
	writer := create(t, m, options(), nil)
	reader := delta.NewTable(m, options())
	snapshot(t, reader)
	m.calls = nil
	snapshot(t, reader)
	if len(m.calls) != 1 || !strings.HasPrefix(m.calls[0], "List ") {
		t.Errorf("idle refresh made calls %q, want one listing", m.calls)
	}
	tx := writer.Begin(snapshot(t, writer))
	tx.Add(file("a"))
	commit(t, tx)
	m.calls = nil
	if got := paths(t, snapshot(t, reader)); !slices.Equal(got, []string{"a"}) {
		t.Errorf("files = %q, want a", got)
	}
	if len(m.calls) != 2 {
		t.Errorf("refresh by one commit made calls %q, want a listing and one read", m.calls)
	}
}

func TestSnapshotSeesThatTheTableIsNew(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), nil)
	snapshot(t, table)
	m.drop("*")
	tx := delta.NewTable(m, options()).Begin(nil)
	tx.SetMetadata(delta.Metadata{ID: "second", Schema: schema.New(schema.Col("id", schema.Long))})
	commit(t, tx)
	if got := snapshot(t, table).Metadata().ID; got != "second" {
		t.Errorf("table created anew has id %q, want second", got)
	}
	m.drop("*")
	_, err := table.Snapshot(t.Context())
	if _, ok := errors.AsType[*delta.NotFoundError](err); !ok {
		t.Errorf("Snapshot of a dropped table: error = %v, want NotFoundError", err)
	}
}

func TestCheckpointsAreWrittenAndUsed(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), map[string]string{"delta.checkpointInterval": "5"})
	for i := range 12 {
		s := snapshot(t, table)
		tx := table.Begin(s)
		tx.Add(file(fmt.Sprintf("f%02d", i)))
		if i == 7 {
			tx.Remove(file("f03").Remove(1_699_999_999_999, true))
		}
		commit(t, tx)
	}
	var hint struct{ Version, Size, NumOfAddFiles, SizeInBytes int64 }
	if err := json.Unmarshal(m.objects["_delta_log/_last_checkpoint"].data, &hint); err != nil {
		t.Fatal(err)
	}
	// protocol, metaData, a tombstone and nine files
	if hint.Version != 10 || hint.Size != 12 || hint.NumOfAddFiles != 9 || hint.SizeInBytes == 0 {
		t.Errorf("hint = %+v, want version 10 with 12 actions and 9 files", hint)
	}
	want := paths(t, snapshot(t, table))
	for name, spoil := range map[string]func(*memory){
		"as it is":          func(*memory) {},
		"old commits gone":  func(m *memory) { m.drop("0000000000000000000?.json") },
		"no hint":           func(m *memory) { m.drop("_last_checkpoint") },
		"torn hint":         func(m *memory) { m.put("_delta_log/_last_checkpoint", []byte(`{"vers`)) },
		"hint to nothing":   func(m *memory) { m.put("_delta_log/_last_checkpoint", []byte(`{"version":9,"size":1}`)) },
		"hint beyond":       func(m *memory) { m.put("_delta_log/_last_checkpoint", []byte(`{"version":99,"size":1}`)) },
		"newest is damaged": func(m *memory) { m.put("_delta_log/00000000000000000010.checkpoint.parquet", []byte("PAR1 no more")) },
		"newest is missing": func(m *memory) { m.drop("00000000000000000010.checkpoint.parquet") },
		"all are damaged": func(m *memory) {
			m.put("_delta_log/00000000000000000010.checkpoint.parquet", nil)
			m.put("_delta_log/00000000000000000005.checkpoint.parquet", nil)
		},
		"older hint": func(m *memory) { m.put("_delta_log/_last_checkpoint", []byte(`{"version":5,"size":1}`)) },
		"incomplete parts": func(m *memory) {
			m.put("_delta_log/00000000000000000011.checkpoint.0000000001.0000000002.parquet", nil)
		},
		"junk in the log": func(m *memory) {
			m.put("_delta_log/0000000000000000000x.json", nil)
			m.put("_delta_log/.00000000000000000001.json.crc", nil)
			m.put("_delta_log/00000000000000000003.00000000000000000009.compacted.json", nil)
		},
		"checksum of commit": func(m *memory) { m.put("_delta_log/00000000000000000011.crc", []byte("{")) },
	} {
		t.Run(name, func(t *testing.T) {
			copied := m.clone()
			spoil(copied)
			s := snapshot(t, delta.NewTable(copied, options()))
			if got := paths(t, s); s.Version() != 12 || !slices.Equal(got, want) {
				t.Errorf("got version %d with %q, want 12 with %q", s.Version(), got, want)
			}
		})
	}
	m.drop("00000000000000000011.json")
	_, err := delta.NewTable(m, options()).Snapshot(t.Context())
	var hole *delta.TruncatedLogError
	if !errors.As(err, &hole) || hole.Missing != 11 || !hole.Hole {
		t.Errorf("log with a hole: error = %v, want one that names 11", err)
	}
}

func TestConcurrentAppends(t *testing.T) {
	const writers, each = 8, 40
	m := newMemory()
	create(t, m, options(), nil)
	var wg sync.WaitGroup
	errs := make(chan error, writers)
	for w := range writers {
		wg.Go(func() {
			opts := options()
			opts.NewID, opts.Sleep = nil, nil
			table := delta.NewTable(m, opts)
			for i := range each {
				s, err := table.Snapshot(t.Context())
				if err == nil {
					tx := table.Begin(s)
					tx.Add(file(fmt.Sprintf("w%d-%d", w, i)))
					_, err = tx.Commit(t.Context(), delta.CommitInfo{Operation: "WRITE"})
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Fatal(err)
	}
	s := snapshot(t, delta.NewTable(m, options()))
	if s.Version() != writers*each || s.NumFiles() != writers*each {
		t.Errorf("got version %d with %d files, want %d of both", s.Version(), s.NumFiles(), writers*each)
	}
}
