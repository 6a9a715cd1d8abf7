package delta

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/schema"
)

// FuzzAction feeds lines of a log: nothing may panic, and what was understood
// must survive being written and read again.
func FuzzAction(f *testing.F) {
	for _, seed := range []string{
		`{"add":{"path":"a%20b","partitionValues":{"p":null,"q":"1"},"size":1,"modificationTime":2,"dataChange":true,"stats":"{}"}}`,
		`{"remove":{"path":"/x","deletionTimestamp":5,"dataChange":false,"deletionVector":{"storageType":"u","pathOrInlineDv":"ab","offset":1,"sizeInBytes":3,"cardinality":2}}}`,
		`{"metaData":{"id":"i","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[]}","partitionColumns":["p"],"configuration":{"k":"v"}}}`,
		`{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":[],"writerFeatures":["x"]}}`,
		`{"txn":{"appId":"a","version":-1}}`, `{"domainMetadata":{"domain":"d","configuration":"","removed":true}}`,
		`{"commitInfo":{"operationParameters":{"a":1,"b":[true],"c":null},"readVersion":"no"}}`, `{"unknown":{"deep":[[[]]]}}`, `{}`, `null`, `[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		a, err := decodeAction(line)
		if err != nil {
			return
		}
		r := newReplay(nil)
		if err := r.apply(a); err != nil {
			return
		}
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatalf("write %q again: %v", line, err)
		}
		if _, err := decodeAction(text); err != nil {
			t.Fatalf("read %q, written as %q: %v", line, text, err)
		}
		_, _ = r.snapshot(nil, commitFile{})
		_ = new(footprint).note(a)
		if a.Add != nil {
			_, _ = a.Add.Key()
		}
		set, err := r.files.finish()
		if err != nil {
			t.Fatal(err)
		}
		if err := set.each(func(v *rowView) bool { _, _ = v.add(), v.remove(); return true }); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzCheckpoint feeds Parquet files: a damaged one is an error. Inputs are
// large, so run it with -fuzzminimizetime=5x.
func FuzzCheckpoint(f *testing.F) {
	s, err := checkpointOf(1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s)
	for _, name := range []string{"delta-rs/checkpoints", "kernel-rs-data/with_checkpoint_no_last_checkpoint"} {
		found, _ := filepath.Glob(filepath.Join("..", "..", "shared", "golden", name, "_delta_log", "*.checkpoint.parquet"))
		for _, file := range found {
			if data, err := os.ReadFile(file); err == nil && len(data) < 20<<10 {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 64<<10 {
			return
		}
		st := objects{"x.parquet": data}
		r := newReplay(nil)
		if err := r.readCheckpoint(t.Context(), st, &checkpointFile{keys: []string{"x.parquet"}}); err != nil {
			return
		}
		_, _ = r.snapshot(nil, commitFile{})
	})
}

// FuzzLastCheckpoint feeds hints.
func FuzzLastCheckpoint(f *testing.F) {
	f.Add([]byte(`{"version":1,"size":2,"parts":3,"checksum":"x"}`))
	f.Add([]byte(`{"version":9223372036854775807,"checkpointSchema":{"type":"struct","fields":[{"a":[1,2.5,null,true,"é"]}]},"checksum":"00"}`))
	f.Add([]byte(`{"version":-1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := decodeHint(text)
		if err == nil && h.Version < 0 {
			t.Errorf("accepted version %d", h.Version)
		}
		_, _ = hintChecksum(text)
	})
}

// FuzzLogName feeds keys: a name understood must be the one written for it.
func FuzzLogName(f *testing.F) {
	for _, seed := range []string{
		commitKey(7), classicCheckpointKey(1 << 62), logDir + "00000000000000000003.checkpoint.0000000001.0000000002.parquet",
		logDir + "00000000000000000003.checkpoint.uuid.json", logDir + "x", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if name := parseLogKey(key); name.kind == kindCommit && commitKey(name.version) != key {
			t.Errorf("%q reads as commit %d", key, name.version)
		}
	})
}

func TestHintChecksum(t *testing.T) {
	found, err := filepath.Glob(filepath.Join("..", "..", "shared", "golden", "*", "*", "_delta_log", "_last_checkpoint"))
	if err != nil || len(found) == 0 {
		t.Skip("golden tables are absent")
	}
	checked := 0
	for _, name := range found {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte(`"checksum"`)) {
			continue
		}
		checked++
		if _, err := decodeHint(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := decodeHint(bytes.Replace(text, []byte(`"version":`), []byte(`"version":1`), 1)); err == nil {
			t.Errorf("%s: a changed version passes the checksum", name)
		}
	}
	if checked < 5 {
		t.Errorf("only %d hints carry a checksum", checked)
	}
}

// FuzzVersionChecksum feeds .crc files.
func FuzzVersionChecksum(f *testing.F) {
	s, err := tableOf(1)
	if err != nil {
		f.Fatal(err)
	}
	text, err := json.Marshal(s.checksum())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"tableSizeBytes":-1,"numFiles":9223372036854775807,"metadata":{},"protocol":{"minReaderVersion":1},"allFiles":[{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := decodeChecksum(text); err == nil && (c.NumFiles == nil || c.TableSizeBytes == nil) {
			t.Error("accepted without what it is for")
		}
		s.table = NewTable(objects{checksumKey(s.Version()): text}, Options{})
		s.compareChecksum(t.Context())
	})
}

// FuzzCompacted feeds log compaction files.
func FuzzCompacted(f *testing.F) {
	f.Add([]byte(`{"add":{"path":"a","partitionValues":{}}}` + "\n" + `{"remove":{"path":"b"}}` + "\n" + `{"sidecar":{"path":"../x"}}`))
	f.Add([]byte(`{"metaData":{"schemaString":"{}"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := newReplay(nil)
		if err := r.applyCompacted(t.Context(), objects{"x": text}, "x"); err != nil {
			return
		}
		if _, err := r.files.finish(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzV2Checkpoint feeds top-level files of V2 checkpoints, as JSON and as
// Parquet, next to a sidecar that names itself.
func FuzzV2Checkpoint(f *testing.F) {
	f.Add([]byte(`{"checkpointMetadata":{"version":1}}`+"\n"+`{"sidecar":{"path":"self.parquet"}}`), true)
	s, err := tableOf(1)
	if err != nil {
		f.Fatal(err)
	}
	job := s.newCheckpoint()
	job.v2, job.layout, job.sidecars = true, newCheckpointLayout(&s.metadata, s.protocol), []sidecarJSON{{Path: "self.parquet"}}
	var top bytes.Buffer
	if err := job.writeParquet(f.Context(), &top, job.layout, job.writeRows); err != nil {
		f.Fatal(err)
	}
	f.Add(top.Bytes(), false)
	f.Fuzz(func(t *testing.T, data []byte, asJSON bool) {
		if len(data) > 64<<10 {
			return
		}
		key := map[bool]string{true: "top.json", false: "top.parquet"}[asJSON]
		st := objects{key: data, sidecarDir + "self.parquet": top.Bytes()}
		r := newReplay(nil)
		_ = r.readCheckpoint(t.Context(), st, &checkpointFile{keys: []string{key}})
		_, _ = readSidecarNames(t.Context(), st, key)
		totals := checkpointTotals{seed: s.files.seed}
		_ = totals.readAll(t.Context(), st, key)
	})
}

// FuzzStatsColumns writes statistics as columns in both ways: the JSON cut
// where it stands, and decoded by the library.
func FuzzStatsColumns(f *testing.F) {
	f.Add(`{"numRecords":12,"minValues":{"a":-1,"s":{"t":"x","f":1e3}},"maxValues":{"s":{"f":2.50,"t":"é"},"a":9},"nullCount":{"a":0,"s":{"t":null}},"tightBounds":true}`)
	f.Add(` { "maxValues" : {"d":"2024-02-29","a":"12","other":{"x":[1]}} , "numRecords":1, "numRecords":2,"m":0.10,"minValues":{"m":1.5}} trailing`)
	f.Add(`{"minValues":{"a":01,"s":{"t":"\u0041"}},"nullCount":{}}`)
	f.Add(`{"minValues":[],"nullCount":1,"maxValues":{"a":null,"s":7},"x":{"y":"z","n":-0.5}}`)
	m := Metadata{Schema: schema.New(
		schema.Col("a", schema.Integer), schema.Col("s", schema.New(schema.Col("t", schema.String), schema.Col("f", schema.Double))),
		schema.Col("d", schema.Date), schema.Col("m", schema.Decimal{Precision: 5, Scale: 2}))}
	layout := newCheckpointLayout(&m, Protocol{MinReader: 3, MinWriter: 7, ReaderFeatures: []string{"deletionVectors"}, WriterFeatures: []string{"deletionVectors"}})
	filler := newStatsFiller(layout.stats)
	f.Fuzz(func(t *testing.T, text string) {
		b := array.NewBuilder(memory.DefaultAllocator, layout.stats.arrowType())
		filler.append(b, text)
		layout.stats.append(b, statsTree(text))
		both := b.NewArray()
		got, _ := appendStat(nil, both, 0)
		want, _ := appendStat(nil, both, 1)
		// What is malformed where nobody looks goes unnoticed.
		if string(got) != string(want) && statsTree(text) != nil {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	})
}
