package delta_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/schema"
)

func parseDDL(tb testing.TB, ddl string) *schema.Struct {
	tb.Helper()
	s, err := schema.ParseDDL(ddl)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// jsonRecord returns rows of a schema, one JSON object each.
func jsonRecord(tb testing.TB, s *schema.Struct, rows ...string) arrow.RecordBatch {
	tb.Helper()
	r, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, schema.ToArrow(s), strings.NewReader("["+strings.Join(rows, ",")+"]"))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// writeFiles writes records with a new writer.
func writeFiles(tb testing.TB, st delta.Storage, cfg delta.WriterConfig, records ...arrow.RecordBatch) []delta.AddFile {
	tb.Helper()
	w, err := delta.NewWriter(st, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	for _, r := range records {
		if err := w.Write(tb.Context(), r); err != nil {
			tb.Fatal(err)
		}
	}
	files, err := w.Close(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return files
}

// newTable commits files as version 0 of a new table and returns it.
func newTable(tb testing.TB, st delta.Storage, m delta.Metadata, files []delta.AddFile) *delta.Snapshot {
	tb.Helper()
	table := delta.NewTable(st, delta.Options{})
	tx := table.Begin(nil)
	m.ID = "6f8d8c4e-0000-4000-8000-000000000000"
	tx.SetMetadata(m)
	for _, f := range files {
		tx.Add(f)
	}
	if _, err := tx.Commit(tb.Context(), delta.CommitInfo{Operation: "WRITE"}); err != nil {
		tb.Fatal(err)
	}
	s, err := table.Snapshot(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func sortedRows(records ...arrow.RecordBatch) []string {
	var rows []string
	for _, r := range records {
		rows = append(rows, renderRecord(r)...)
	}
	slices.Sort(rows)
	return rows
}

func TestWriterRoundTrip(t *testing.T) {
	s := parseDDL(t, "id bigint not null, p string, b boolean, i8 tinyint, i16 smallint, i32 int, f float, d double, "+
		"dec decimal(20,3), s string, x binary, dt date, ts timestamp, n timestamp_ntz, st struct<a int, l array<string>>, m map<string,bigint>, v void")
	r := jsonRecord(t, s,
		`{"id":1,"p":"a","b":true,"i8":1,"i16":-2,"i32":3,"f":1.5,"d":-2.5,"dec":"-12345678901234567.891","s":"x","x":"AQI=","dt":"2024-02-29","ts":"2024-02-29T01:02:03.000004Z","n":"1969-12-31T23:59:59.999999","st":{"a":1,"l":["p",null]},"m":[{"key":"k","value":9}]}`,
		`{"id":2,"p":null}`,
		`{"id":3,"p":"a","st":{"a":null,"l":[]},"m":[]}`,
		`{"id":4,"p":"é/ %","s":""}`,
		`{"id":5,"p":""}`,
	)
	want := sortedRows(r, r)
	for i := range want { // an empty partition string is null
		want[i] = strings.ReplaceAll(want[i], "|p=|", "|p=null|")
	}
	tests := []struct {
		name       string
		partitions []string
		properties map[string]string
	}{
		{"plain", nil, nil},
		{"partitioned", []string{"p"}, nil},
		{"partitioned by several", []string{"b", "p", "i32", "f", "dec", "dt", "ts", "n"}, nil},
		{"zstd", nil, map[string]string{"delta.parquet.compression.codec": "ZSTD"}},
		{"uncompressed", []string{"dt"}, map[string]string{"delta.parquet.compression.codec": "uncompressed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := want
			if !slices.Contains(tt.partitions, "p") {
				want = sortedRows(r, r)
			}
			st := newMemory()
			m := delta.Metadata{Schema: s, PartitionColumns: tt.partitions, Configuration: tt.properties}
			files := writeFiles(t, st, delta.WriterConfig{Metadata: m}, r, r.NewSlice(0, 0), r)
			snapshot := newTable(t, st, m, files)
			if got := scanRows(t, snapshot, delta.ScanOptions{BatchRows: 2}); !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			total := int64(0)
			for _, f := range files {
				n, ok := f.NumRecords()
				if !ok {
					t.Errorf("no row count in %q", f.Stats)
				}
				total += n
			}
			if total != 10 {
				t.Errorf("statistics count %d rows, want 10", total)
			}
		})
	}
}

func TestWriterPartitionPaths(t *testing.T) {
	s := parseDDL(t, "p string, `q-r` date, id int")
	rows := []string{
		`{"p":"a b","q-r":"2024-01-02","id":1}`, `{"p":"bar+%21","id":2}`, `{"p":"a/b=c:d","id":3}`,
		`{"p":null,"id":4}`, `{"p":"ünï","id":5}`, `{"p":"` + strings.Repeat("x", 300) + `","id":6}`,
	}
	m := delta.Metadata{Schema: s, PartitionColumns: []string{"p", "q-r"}}
	st := newMemory()
	next := 0
	files := writeFiles(t, st, delta.WriterConfig{Metadata: m, NewID: func() string {
		next++
		return fmt.Sprintf("1d%06d-0000-4000-8000-000000000000", next)
	}}, jsonRecord(t, s, rows...))
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	want := []string{
		"p=a%20b/q-r=2024-01-02/part-00000-1d000001-0000-4000-8000-000000000000.c000.snappy.parquet",
		"p=bar+%252521/q-r=__HIVE_DEFAULT_PARTITION__/part-00001-1d000002-0000-4000-8000-000000000000.c000.snappy.parquet",
		"p=a%252Fb%253Dc%253Ad/q-r=__HIVE_DEFAULT_PARTITION__/part-00002-1d000003-0000-4000-8000-000000000000.c000.snappy.parquet",
		"p=__HIVE_DEFAULT_PARTITION__/q-r=__HIVE_DEFAULT_PARTITION__/part-00003-1d000004-0000-4000-8000-000000000000.c000.snappy.parquet",
		"p=%C3%BCn%C3%AF/q-r=__HIVE_DEFAULT_PARTITION__/part-00004-1d000005-0000-4000-8000-000000000000.c000.snappy.parquet",
		"1d/part-00005-1d000006-0000-4000-8000-000000000000.c000.snappy.parquet",
	}
	if !slices.Equal(paths, want) {
		t.Errorf("paths are\n%s\nwant\n%s", strings.Join(paths, "\n"), strings.Join(want, "\n"))
	}
	got := scanRows(t, newTable(t, st, m, files), delta.ScanOptions{})
	if want := sortedRows(jsonRecord(t, s, rows...)); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestWriterSplitsFiles(t *testing.T) {
	s := parseDDL(t, "id bigint, p int, text string")
	var rows []string
	for i := range 40_000 {
		rows = append(rows, fmt.Sprintf(`{"id":%d,"p":%d,"text":"%x"}`, i, i%3, uint32(i)*2654435761))
	}
	r := jsonRecord(t, s, rows...)
	tests := []struct {
		name       string
		partitions []string
		cfg        delta.WriterConfig
		least      int // files
	}{
		{"one file", nil, delta.WriterConfig{}, 1},
		{"small memory", []string{"p"}, delta.WriterConfig{MemoryLimit: 100_000}, 3},
		{"small files", nil, delta.WriterConfig{MemoryLimit: 100_000, TargetFileSize: 50_000}, 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := newMemory()
			tt.cfg.Metadata = delta.Metadata{Schema: s, PartitionColumns: tt.partitions}
			var parts []arrow.RecordBatch
			for from := int64(0); from < r.NumRows(); from += 1000 {
				parts = append(parts, r.NewSlice(from, from+1000))
			}
			files := writeFiles(t, st, tt.cfg, parts...)
			if len(files) < tt.least || tt.least < 5 && len(files) != tt.least {
				t.Errorf("%d files, want %d", len(files), tt.least)
			}
			snapshot := newTable(t, st, tt.cfg.Metadata, files)
			if got, want := scanRows(t, snapshot, delta.ScanOptions{Parallelism: 3}), sortedRows(r); !slices.Equal(got, want) {
				t.Errorf("%d rows come back, not the %d written", len(got), len(want))
			}
			for _, f := range files {
				if int(f.Size) != len(st.objects[mustKey(t, f)].data) {
					t.Errorf("%s: size %d, stored %d", f.Path, f.Size, len(st.objects[mustKey(t, f)].data))
				}
			}
		})
	}
}

func mustKey(tb testing.TB, f delta.AddFile) string {
	tb.Helper()
	key, err := f.Key()
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func TestWriterNotNull(t *testing.T) {
	strict := parseDDL(t, "a int not null, s struct<b int not null>, p string not null")
	loose := parseDDL(t, "a int, s struct<b int>, p string")
	tests := []struct{ row, column string }{
		{`{"a":null,"s":{"b":1},"p":"x"}`, "a"},
		{`{"a":1,"s":{"b":null},"p":"x"}`, "s.b"},
		{`{"a":1,"s":{"b":1},"p":null}`, "p"},
		{`{"a":1,"s":{"b":1},"p":""}`, "p"},
		{`{"a":1,"s":null,"p":"x"}`, "s.b"}, // as Spark says
		{`{"a":1,"s":{"b":1},"p":"x"}`, ""},
	}
	for _, tt := range tests {
		st := newMemory()
		w, err := delta.NewWriter(st, delta.WriterConfig{Metadata: delta.Metadata{Schema: strict, PartitionColumns: []string{"p"}}})
		if err != nil {
			t.Fatal(err)
		}
		err = w.Write(t.Context(), jsonRecord(t, loose, tt.row))
		if err == nil {
			_, err = w.Close(t.Context())
		}
		var null *delta.NotNullError
		if errors.As(err, &null) != (tt.column != "") || null != nil && null.Column != tt.column {
			t.Errorf("%s: error is %v, want one for %q", tt.row, err, tt.column)
		}
		if null != nil && (null.ErrorClass() != "DELTA_NOT_NULL_CONSTRAINT_VIOLATED" || null.SQLState() != "23502") {
			t.Errorf("class %s, state %s", null.ErrorClass(), null.SQLState())
		}
		if err := w.Abort(t.Context()); err != nil {
			t.Errorf("abort: %v", err)
		}
		if len(st.objects) != 0 {
			t.Errorf("%s: %d objects are left after Abort", tt.row, len(st.objects))
		}
	}
}

func TestWriterAbortAndFaults(t *testing.T) {
	s := parseDDL(t, "id bigint, p int")
	r := jsonRecord(t, s, `{"id":1,"p":1}`, `{"id":2,"p":2}`, `{"id":3,"p":3}`)
	for _, failing := range []string{"Create", "Close", ""} {
		st := newMemory()
		calls := 0
		st.fault = func(call string) faultKind {
			if failing != "" && strings.HasPrefix(call, failing) {
				if calls++; calls == 2 {
					return faultBefore
				}
			}
			return noFault
		}
		w, err := delta.NewWriter(st, delta.WriterConfig{Metadata: delta.Metadata{Schema: s, PartitionColumns: []string{"p"}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		_, err = w.Close(t.Context())
		if calls > 1 && !errors.Is(err, errInjected) {
			t.Errorf("fault in %s: error is %v", failing, err)
		}
		st.fault = nil
		for range 2 {
			if err := w.Abort(t.Context()); err != nil {
				t.Errorf("abort: %v", err)
			}
		}
		if len(st.objects) != 0 {
			t.Errorf("fault in %q: %d objects are left after Abort", failing, len(st.objects))
		}
		if err := w.Write(t.Context(), r); err == nil {
			t.Error("an aborted writer takes rows")
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	tests := []struct {
		name string
		m    delta.Metadata
	}{
		{"unknown codec", delta.Metadata{Schema: parseDDL(t, "a int"), Configuration: map[string]string{"delta.parquet.compression.codec": "lzo"}}},
		{"partition columns alone", delta.Metadata{Schema: parseDDL(t, "a int"), PartitionColumns: []string{"a"}}},
		{"void alone", delta.Metadata{Schema: parseDDL(t, "a void")}},
		{"void in an array", delta.Metadata{Schema: parseDDL(t, "b int, a array<void>")}},
		{"array as partition", delta.Metadata{Schema: parseDDL(t, "a array<int>, b int"), PartitionColumns: []string{"a"}}},
	}
	for _, tt := range tests {
		if _, err := delta.NewWriter(newMemory(), delta.WriterConfig{Metadata: tt.m}); err == nil {
			t.Errorf("%s: accepted", tt.name)
		}
	}
	w, err := delta.NewWriter(newMemory(), delta.WriterConfig{Metadata: delta.Metadata{Schema: parseDDL(t, "a int")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), jsonRecord(t, parseDDL(t, "a string"), `{"a":"x"}`)); err == nil {
		t.Error("a string is accepted for an integer")
	}
}

// stats decodes statistics with exact numbers.
func stats(tb testing.TB, text string) map[string]any {
	tb.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var out map[string]any
	if err := dec.Decode(&out); err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	return out
}

func TestWriterStats(t *testing.T) {
	long := strings.Repeat("a", 32)
	tests := []struct {
		name, ddl  string
		properties map[string]string
		rows       []string
		want       string
	}{
		{
			"numbers", "i int, l bigint, d decimal(20,2), f float", nil,
			[]string{`{"i":5,"l":9223372036854775807,"d":"-0.05","f":0.1}`, `{"i":-7,"l":-9223372036854775808,"d":"999999999999999999.99","f":0.1}`, `{}`},
			`{"numRecords":3,"minValues":{"i":-7,"l":-9223372036854775808,"d":-0.05,"f":0.1},"maxValues":{"i":5,"l":9223372036854775807,"d":999999999999999999.99,"f":0.1},"nullCount":{"i":1,"l":1,"d":1,"f":1}}`,
		},
		{
			"no bounds", "b boolean, x binary, a array<int>, m map<string,int>, v void, z string", nil,
			[]string{`{"b":true,"x":"AA==","a":[1,null],"m":[]}`, `{}`},
			`{"numRecords":2,"minValues":{},"maxValues":{},"nullCount":{"b":1,"x":1,"a":1,"m":1,"v":2,"z":2}}`,
		},
		{
			"nested", "s struct<a int, t struct<b string, c double>>, q int", nil,
			[]string{`{"s":{"a":1,"t":{"b":"x","c":2}},"q":1}`, `{"s":null,"q":2}`, `{"s":{"a":3,"t":null},"q":null}`},
			`{"numRecords":3,"minValues":{"s":{"a":1,"t":{"b":"x","c":2.0}},"q":1},"maxValues":{"s":{"a":3,"t":{"b":"x","c":2.0}},"q":2},"nullCount":{"s":{"a":1,"t":{"b":2,"c":2}},"q":1}}`,
		},
		{
			"times", "d date, t timestamp, n timestamp_ntz", nil,
			[]string{`{"d":"1969-12-31","t":"1969-12-31T23:59:59.999999Z","n":"2024-01-01T00:00:00.001999"}`},
			`{"numRecords":1,"minValues":{"d":"1969-12-31","t":"1969-12-31T23:59:59.999Z","n":"2024-01-01T00:00:00.001"},"maxValues":{"d":"1969-12-31","t":"1969-12-31T23:59:59.999Z","n":"2024-01-01T00:00:00.001"},"nullCount":{"d":0,"t":0,"n":0}}`,
		},
		{
			"strings", "s string, t string, u string, v string", nil,
			[]string{fmt.Sprintf(`{"s":"%sz","t":"%s~\u007f","u":"%s\u00e9","v":"%s"}`, long, long, long, long[:31]+"\U0001F600x")},
			fmt.Sprintf(`{"numRecords":1,"minValues":{"s":"%[1]s","t":"%[1]s","u":"%[1]s","v":"%[2]s"},"maxValues":{"s":"%[1]s\u007f","t":"%[1]s\u007f","u":"%[1]s`+"\U0010FFFF"+`","v":"%[2]s`+"\U0010FFFF"+`"},"nullCount":{"s":0,"t":0,"u":0,"v":0}}`, long, long[:31]),
		},
		{
			"greatest character", "s string, t string", nil,
			[]string{fmt.Sprintf(`{"s":"%s%sb","t":"%s"}`, long, "\U0010FFFF", strings.Repeat("\U0010FFFF", 40))},
			fmt.Sprintf(`{"numRecords":1,"minValues":{"s":"%s","t":"%s"},"maxValues":{"s":"%s%s\u007f"},"nullCount":{"s":0,"t":0}}`, long, strings.Repeat("\U0010FFFF", 16), long, "\U0010FFFF"),
		},
		{
			"indexed columns", "a int, s struct<b int, c int>, d int",
			map[string]string{"delta.dataSkippingNumIndexedCols": "2"},
			[]string{`{"a":1,"s":{"b":2,"c":3},"d":4}`},
			`{"numRecords":1,"minValues":{"a":1,"s":{"b":2}},"maxValues":{"a":1,"s":{"b":2}},"nullCount":{"a":0,"s":{"b":0}}}`,
		},
		{
			"listed columns", "a int, s struct<b int, c int>, `d.e` int",
			map[string]string{"delta.dataSkippingStatsColumns": "s.c, `d.e`"},
			[]string{`{"a":1,"s":{"b":2,"c":3},"d.e":4}`},
			`{"numRecords":1,"minValues":{"s":{"c":3},"d.e":4},"maxValues":{"s":{"c":3},"d.e":4},"nullCount":{"s":{"c":0},"d.e":0}}`,
		},
		{
			"tight bounds", "a int",
			map[string]string{"delta.enableDeletionVectors": "true"},
			[]string{`{"a":1}`},
			`{"numRecords":1,"tightBounds":true,"minValues":{"a":1},"maxValues":{"a":1},"nullCount":{"a":0}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := parseDDL(t, tt.ddl)
			m := delta.Metadata{Schema: s, Configuration: tt.properties}
			files := writeFiles(t, newMemory(), delta.WriterConfig{Metadata: m}, jsonRecord(t, s, tt.rows...))
			if !reflect.DeepEqual(stats(t, files[0].Stats), stats(t, tt.want)) {
				t.Errorf("got  %s\nwant %s", files[0].Stats, tt.want)
			}
		})
	}
}

func TestWriterStatsOfFloats(t *testing.T) {
	s := parseDDL(t, "d double")
	tests := []struct {
		values []float64
		want   string
	}{
		{[]float64{1, math.NaN(), 2}, `{"numRecords":3,"minValues":{},"maxValues":{},"nullCount":{"d":0}}`},
		{[]float64{math.Inf(1), 2}, `{"numRecords":2,"minValues":{"d":2.0},"maxValues":{},"nullCount":{"d":0}}`},
		{[]float64{math.Inf(-1), 2}, `{"numRecords":2,"minValues":{},"maxValues":{"d":2.0},"nullCount":{"d":0}}`},
		{[]float64{0, 0}, `{"numRecords":2,"minValues":{"d":-0.0},"maxValues":{"d":0.0},"nullCount":{"d":0}}`},
		{[]float64{1e300, 1e-300}, `{"numRecords":2,"minValues":{"d":1e-300},"maxValues":{"d":1e+300},"nullCount":{"d":0}}`},
	}
	for _, tt := range tests {
		b := array.NewFloat64Builder(arrowmemory.DefaultAllocator)
		b.AppendValues(tt.values, nil)
		r := array.NewRecordBatch(schema.ToArrow(s), []arrow.Array{b.NewArray()}, int64(len(tt.values)))
		files := writeFiles(t, newMemory(), delta.WriterConfig{Metadata: delta.Metadata{Schema: s}}, r)
		if files[0].Stats != tt.want {
			t.Errorf("%v: got  %s\nwant %s", tt.values, files[0].Stats, tt.want)
		}
	}
}

// TestStatsAsSpark rewrites data files of Spark's tables and compares the
// statistics with the ones Spark wrote, value by value.
func TestStatsAsSpark(t *testing.T) {
	compared := 0
	for _, name := range []string{
		"kernel-rs-data/stats-writing-all-types/delta", "kernel-rs-data/void-column",
		"kernel-rs-golden/data-skipping-basic-stats-all-types/delta",
		"kernel-rs-golden/data-skipping-basic-stats-all-types-columnmapping-id/delta",
		"kernel-rs-golden/data-skipping-basic-stats-all-types-columnmapping-name/delta",
		"kernel-rs-golden/data-skipping-partition-and-data-column/delta",
		"kernel-rs-golden/data-skipping-change-stats-collected-across-versions/delta",
		"kernel-rs-golden/basic-decimal-table/delta", "kernel-rs-golden/parquet-all-types/delta",
		"kernel-rs-golden/data-reader-nested-struct/delta", "kernel-rs-data/mixed-nulls",
	} {
		snapshot, err := delta.NewTable(directory{root: filepath.Join(goldenDir(t), name)}, delta.Options{}).Snapshot(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for f, err := range snapshot.Files(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if n, ok := f.NumRecords(); !ok || n == 0 || f.DeletionVector != nil {
				continue
			}
			var records []arrow.RecordBatch
			for r, err := range snapshot.Scan(t.Context(), delta.ScanOptions{Files: func(g delta.AddFile) bool { return g.Path == f.Path }}) {
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				records = append(records, r)
			}
			m := snapshot.Metadata()
			if strings.Contains(name, "change-stats") {
				continue // the file's columns were chosen under properties that have changed since
			}
			files := writeFiles(t, newMemory(), delta.WriterConfig{Metadata: m}, records...)
			compared++
			got, want := stats(t, files[0].Stats), stats(t, f.Stats)
			normalizeStats(got)
			normalizeStats(want)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s\n got %s\nwant %s", name, files[0].Stats, f.Stats)
			}
			if !reflect.DeepEqual(files[0].PartitionValues, f.PartitionValues) {
				t.Errorf("%s: partition values %v, want %v", name, files[0].PartitionValues, f.PartitionValues)
			}
		}
	}
	if compared < 8 {
		t.Errorf("only %d files compared", compared)
	}
}

// normalizeStats brings numbers to one spelling and times to UTC.
func normalizeStats(m map[string]any) {
	delete(m, "tightBounds")
	for k, v := range m {
		switch v := v.(type) {
		case map[string]any:
			normalizeStats(v)
		case json.Number:
			if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
				m[k] = f + 0
			} else if n, err := v.Int64(); err == nil {
				m[k] = float64(n)
			}
		case string:
			if at, err := time.Parse("2006-01-02T15:04:05.000Z07:00", v); err == nil {
				m[k] = at.UTC().Format("2006-01-02T15:04:05.000Z")
			}
		}
	}
}

func TestWriterUnderstoodByAnotherReader(t *testing.T) {
	s := parseDDL(t, "id bigint not null, s string, d decimal(12,2), e decimal(30,5), ts timestamp, a array<struct<x int, y array<string>>>, m map<string,double>")
	r := jsonRecord(t, s,
		`{"id":1,"s":"x","d":"1.25","e":"-3.00001","ts":"2024-01-01T00:00:00.000001Z","a":[{"x":1,"y":["p",null]},null,{"x":null,"y":[]}],"m":[{"key":"k","value":1.5}]}`,
		`{"id":2}`, `{"id":3,"s":"x","a":[],"m":[]}`)
	st := newMemory()
	files := writeFiles(t, st, delta.WriterConfig{Metadata: delta.Metadata{Schema: s}}, r, r)
	name := filepath.Join(t.TempDir(), "f.parquet")
	if err := os.WriteFile(name, st.objects[mustKey(t, files[0])].data, 0o600); err != nil {
		t.Fatal(err)
	}
	got := parquetRows(t, name, s)
	slices.Sort(got)
	if want := sortedRows(r, r); !slices.Equal(got, want) {
		t.Errorf("parquet-go reads\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// dictionaryStrings returns a dictionary-encoded column; code -1 is null.
func dictionaryStrings(entries []string, codes []int) arrow.Array {
	values := array.NewStringBuilder(arrowmemory.DefaultAllocator)
	values.AppendValues(entries, nil)
	indices := array.NewUint32Builder(arrowmemory.DefaultAllocator)
	for _, c := range codes {
		if c < 0 {
			indices.AppendNull()
		} else {
			indices.Append(uint32(c))
		}
	}
	dt := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint32, ValueType: arrow.BinaryTypes.String}
	return array.NewDictionaryArray(dt, indices.NewArray(), values.NewArray())
}

func TestWriterDictionaries(t *testing.T) {
	s := parseDDL(t, "p string, s string")
	record := func(p, v arrow.Array) arrow.RecordBatch {
		fields := []arrow.Field{{Name: "p", Type: p.DataType(), Nullable: true}, {Name: "s", Type: v.DataType(), Nullable: true}}
		return array.NewRecordBatch(arrow.NewSchema(fields, nil), []arrow.Array{p, v}, int64(p.Len()))
	}
	first := record(dictionaryStrings([]string{"y", "x"}, []int{0, 1, -1, 0}), dictionaryStrings([]string{"unused", "b", "c"}, []int{1, 2, 1, -1}))
	second := record(dictionaryStrings([]string{"x", ""}, []int{0, 1}), dictionaryStrings([]string{"a"}, []int{0, 0}))
	st := newMemory()
	m := delta.Metadata{Schema: s, PartitionColumns: []string{"p"}}
	files := writeFiles(t, st, delta.WriterConfig{Metadata: m}, first, second, first.NewSlice(1, 2))
	want := []string{"p=null|s=a|", "p=null|s=b|", "p=x|s=a|", "p=x|s=c|", "p=x|s=c|", "p=y|s=b|", "p=y|s=null|"}
	if got := scanRows(t, newTable(t, st, m, files), delta.ScanOptions{}); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	wantStats := map[string]string{
		"y": `{"numRecords":2,"minValues":{"s":"b"},"maxValues":{"s":"b"},"nullCount":{"s":1}}`,
		"x": `{"numRecords":3,"minValues":{"s":"a"},"maxValues":{"s":"c"},"nullCount":{"s":0}}`,
		"":  `{"numRecords":2,"minValues":{"s":"a"},"maxValues":{"s":"b"},"nullCount":{"s":0}}`,
	}
	for _, f := range files {
		p := ""
		if f.PartitionValues["p"] != nil {
			p = *f.PartitionValues["p"]
		}
		if f.Stats != wantStats[p] {
			t.Errorf("partition %q has statistics %s, want %s", p, f.Stats, wantStats[p])
		}
		name := filepath.Join(t.TempDir(), "f.parquet")
		if err := os.WriteFile(name, st.objects[mustKey(t, f)].data, 0o600); err != nil {
			t.Fatal(err)
		}
		if rows := parquetRows(t, name, parseDDL(t, "s string")); int64(len(rows)) != int64(stats(t, f.Stats)["numRecords"].(json.Number)[0]-'0') {
			t.Errorf("partition %q: parquet-go reads %q", p, rows)
		}
	}
}
