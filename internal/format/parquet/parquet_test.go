package parquet_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	pq "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	pqschema "github.com/apache/arrow-go/v18/parquet/schema"
	"go.uber.org/goleak"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/parquet"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReadTypes(t *testing.T) {
	const columns = "b BOOLEAN, i8 TINYINT, i16 SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, s STRING, x BINARY, day DATE, ts TIMESTAMP, ntz TIMESTAMP_NTZ, " +
		"dec DECIMAL(5,2), big DECIMAL(38,10), arr ARRAY<INT>, m MAP<STRING,INT>, st STRUCT<a: INT, b: STRUCT<c: STRING>>, deep ARRAY<STRUCT<k: ARRAY<STRING>>>"
	const rows = `[{"b":true,"i8":-1,"i16":300,"i":70000,"l":9007199254740993,"f":1.5,"d":2.25,"s":"ü","x":"AAE=","day":"2021-01-01",
		"ts":"2021-01-01T00:00:00.000001Z","ntz":"2021-01-01T00:00:00.000001","dec":"123.45","big":"1234567890123456789012345678.0123456789",
		"arr":[1,null],"m":[{"key":"a","value":1}],"st":{"a":1,"b":{"c":"x"}},"deep":[{"k":["a",null]},null]},{}]`
	files := []format.File{put(t, "a.parquet", encode(t, columns, rows))}
	if got := infer(t, files, false); got != ddl(t, columns).DDL() {
		t.Errorf("inferred\n%s, want\n%s", got, ddl(t, columns).DDL())
	}
	want := batch(t, columns, rows)
	defer want.Release()
	got := readAll(t, files, format.Request{Schema: ddl(t, columns)})
	if len(got) != 1 || !array.RecordEqual(got[0], want) {
		t.Errorf("got\n%v, want\n%v", got, want)
	}
}

func TestReadAsOtherTypes(t *testing.T) {
	for _, c := range []struct{ stored, rows, asked, want string }{
		{"x INT", `[{"x":1}]`, "x BIGINT", `[{"x":1}]`},
		{"x TINYINT", `[{"x":1}]`, "x DECIMAL(12,2)", `[{"x":"1"}]`},
		{"x FLOAT", `[{"x":1.5}]`, "x DOUBLE", `[{"x":1.5}]`},
		{"x INT", `[{"x":3}]`, "x DOUBLE", `[{"x":3}]`},
		{"x DECIMAL(5,2)", `[{"x":"1.25"}]`, "x DECIMAL(20,4)", `[{"x":"1.25"}]`},
		{"x BINARY", `[{"x":"aGk="}]`, "x STRING", `[{"x":"hi"}]`},
		{"x DATE", `[{"x":"2021-01-01"}]`, "x TIMESTAMP_NTZ", `[{"x":"2021-01-01T00:00:00"}]`},
		{"x TIMESTAMP_NTZ", `[{"x":"2021-01-01T00:00:00"}]`, "x TIMESTAMP", `[{"x":"2021-01-01T00:00:00Z"}]`},
		{"x ARRAY<INT>", `[{"x":[1]}]`, "x ARRAY<BIGINT>", `[{"x":[1]}]`},
		{"X INT, y INT", `[{"X":1,"y":2}]`, "y INT, z DATE, x INT", `[{"y":2,"z":null,"x":1}]`},
		{"x INT", `[{"x":1},{"x":2}]`, "y INT", `[{},{}]`},
	} {
		got := readAll(t, []format.File{put(t, "a.parquet", encode(t, c.stored, c.rows))}, format.Request{Schema: ddl(t, c.asked)})
		want := batch(t, c.asked, c.want)
		if len(got) != 1 || !array.RecordEqual(got[0], want) {
			t.Errorf("%s as %s: got %v, want %v", c.stored, c.asked, got, want)
		}
	}
}

func TestTypeMismatchWithoutRescueIsAnError(t *testing.T) {
	for _, c := range []struct{ stored, asked, column string }{
		{"x STRING", "x INT", "x"},
		{"x BIGINT", "x INT", "x"},
		{"x BIGINT", "x DOUBLE", "x"},
		{"x DECIMAL(5,2)", "x DECIMAL(5,1)", "x"},
		{"s STRUCT<a: STRING>", "s STRUCT<a: INT>", "s.a"},
		{"s ARRAY<STRING>", "s ARRAY<INT>", "s.element"},
		{"s STRUCT<a: STRING>", "s STRING", "s"},
	} {
		_, err := collect(t, []format.File{put(t, "a.parquet", encode(t, c.stored, `[{}]`))}, format.Request{Schema: ddl(t, c.asked)})
		var mismatch *parquet.TypeMismatchError
		var fileErr *format.FileError
		if !errors.As(err, &mismatch) || !errors.As(err, &fileErr) || mismatch.Column != c.column {
			t.Errorf("%s as %s: %v, want a mismatch of %s", c.stored, c.asked, err, c.column)
		}
	}
}

func TestRescue(t *testing.T) {
	const path = `"_file_path":"mem:///a.parquet"}`
	for _, c := range []struct {
		name, stored, row, asked string
		caseSensitive            bool
		want                     string // of _rescued_data, without the path
		value                    string // of the columns asked for
		unknown                  string
		mismatches               int64
	}{
		{
			"unknown columns, typed", "VendorID INT, passenger_count BIGINT, x INT", `{"VendorID":1,"passenger_count":2,"x":3}`, "x INT", true,
			`{"VendorID":1,"passenger_count":2,`, `{"x":3}`, "VendorID INT, passenger_count BIGINT", 0,
		},
		{"nothing to rescue", "x INT", `{"x":3}`, "x INT", true, "", `{"x":3}`, "", 0},
		{"null is not rescued", "x INT, y INT", `{"x":3}`, "x INT", true, "", `{"x":3}`, "y INT", 0},
		{"mismatch", "x STRING, y INT", `{"x":"a\"b","y":1}`, "x INT, y INT", true, `{"x":"a\"b",`, `{"x":null,"y":1}`, "", 1},
		{"case", "ID INT", `{"ID":3}`, "id INT", true, `{"ID":3,`, `{"id":null}`, "ID INT", 0},
		{"case does not matter", "ID INT", `{"ID":3}`, "id INT", false, "", `{"id":3}`, "", 0},
		{"same name in two cases", "ID INT, id INT", `{"ID":3,"id":4}`, "id INT", false, `{"ID":3,`, `{"id":4}`, "ID INT", 0},
		{
			"nested unknown", "s STRUCT<a: INT, b: STRUCT<c: INT, d: STRING>>", `{"s":{"a":1,"b":{"c":2,"d":"x"}}}`, "s STRUCT<a: INT, b: STRUCT<c: INT>>", true,
			`{"s":{"b":{"d":"x"}},`, `{"s":{"a":1,"b":{"c":2}}}`, "s STRUCT<b: STRUCT<d: STRING>>", 0,
		},
		{
			"nested mismatch", "s STRUCT<a: STRING, b: INT>", `{"s":{"a":"x","b":2}}`, "s STRUCT<a: INT, b: INT>", true,
			`{"s":{"a":"x"},`, `{"s":{"a":null,"b":2}}`, "", 1,
		},
		{
			"unknown in an array", "s ARRAY<STRUCT<a: INT, b: INT>>", `{"s":[{"a":1,"b":2}]}`, "s ARRAY<STRUCT<a: INT>>", true,
			`{"s":[{"a":1,"b":2}],`, `{"s":[{"a":1}]}`, "s ARRAY<STRUCT<b: INT>>", 0,
		},
		{"mismatch in an array", "s ARRAY<STRING>", `{"s":["x",null]}`, "s ARRAY<INT>", true, `{"s":["x",null],`, `{"s":null}`, "", 1},
		{"struct as text", "s STRUCT<a: INT, b: INT>", `{"s":{"a":1}}`, "s STRING", true, `{"s":{"a":1},`, `{"s":null}`, "", 1},
		{
			"all scalars", "b BOOLEAN, f DOUBLE, dec DECIMAL(5,2), d DATE, t TIMESTAMP, n TIMESTAMP_NTZ, x BINARY, m MAP<STRING,INT>, y INT",
			`{"b":true,"f":0.5,"dec":"1.50","d":"2021-01-01","t":"2021-01-01T00:00:00.000001Z","n":"2021-01-01T00:00:00","x":"aGk=","m":[{"key":"k","value":null}],"y":1}`, "y INT", true,
			`{"b":true,"f":0.5,"dec":1.50,"d":"2021-01-01","t":"2021-01-01T00:00:00.000001Z","n":"2021-01-01T00:00:00.000","x":"aGk=","m":{"k":null},`,
			`{"y":1}`, "b BOOLEAN, f DOUBLE, dec DECIMAL(5,2), d DATE, t TIMESTAMP, n TIMESTAMP_NTZ, x BINARY, m MAP<STRING, INT>", 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := []format.File{put(t, "a.parquet", encode(t, c.stored, "["+c.row+"]"))}
			batches, err := collect(t, files, format.Request{Schema: ddl(t, c.asked), Rescue: "_rescued_data", CaseSensitive: c.caseSensitive})
			if err != nil || len(batches) != 1 {
				t.Fatalf("%d batches, %v", len(batches), err)
			}
			got := batches[0]
			last := int(got.NumCols()) - 1
			want := "(null)"
			if c.want != "" {
				want = c.want + path
			}
			if text := got.Column(last).ValueStr(0); got.ColumnName(last) != "_rescued_data" || text != want {
				t.Errorf("%s is\n%s, want\n%s", got.ColumnName(last), text, want)
			}
			rest, err := ddl(t, c.asked).Select(ddl(t, c.asked).Names()...)
			if err != nil {
				t.Fatal(err)
			}
			values := array.NewRecordBatch(schema.ToArrow(rest), got.Columns()[:last], got.NumRows())
			if wantValues := batch(t, c.asked, "["+c.value+"]"); !array.RecordEqual(values, wantValues) {
				t.Errorf("columns are\n%v, want\n%v", values, wantValues)
			}
			unknown := ""
			if got.Unknown != nil {
				unknown = got.Unknown.DDL()
			}
			if unknown != c.unknown || got.Mismatches != c.mismatches {
				t.Errorf("unknown %q, %d mismatches, want %q, %d", unknown, got.Mismatches, c.unknown, c.mismatches)
			}
		})
	}
}

// TestArrowTypes reads files whose writer has kept its Arrow types in them, as
// pandas does with categories, by what Parquet says of the columns.
func TestArrowTypes(t *testing.T) {
	text := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	stored := arrow.NewSchema([]arrow.Field{
		{Name: "category", Type: text, Nullable: true},
		{Name: "large", Type: arrow.BinaryTypes.LargeString, Nullable: true},
		{Name: "zoned", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Europe/Berlin"}, Nullable: true},
		{Name: "pair", Type: arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int32), Nullable: true},
	}, nil)
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, stored, strings.NewReader(
		`[{"category":"a","large":"x","zoned":"2021-01-01T00:00:00Z","pair":[1,2]},{"category":"b"},{"category":"a"}]`))
	if err != nil {
		t.Fatal(err)
	}
	defer record.Release()
	var data bytes.Buffer
	w, err := pqarrow.NewFileWriter(stored, &data, nil, pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(record), w.Close()); err != nil {
		t.Fatal(err)
	}
	files := []format.File{put(t, "a.parquet", data.Bytes())}
	const columns = "category STRING, large STRING, zoned TIMESTAMP, pair ARRAY<INT>"
	if got := infer(t, files, false); got != ddl(t, columns).DDL() {
		t.Errorf("inferred %s, want %s", got, columns)
	}
	want := batch(t, columns, `[{"category":"a","large":"x","zoned":"2021-01-01T00:00:00Z","pair":[1,2]},{"category":"b"},{"category":"a"}]`)
	defer want.Release()
	got := readAll(t, files, format.Request{Schema: ddl(t, columns)})
	if len(got) != 1 || !array.RecordEqual(got[0], want) {
		t.Errorf("got\n%v, want\n%v", got, want)
	}
}

func TestInferMergesFiles(t *testing.T) {
	files := []format.File{
		put(t, "a.parquet", encode(t, "id INT, v FLOAT, t STRING", `[]`)),
		put(t, "b.parquet", encode(t, "ID BIGINT, v DOUBLE, t INT, extra DATE", `[]`)),
	}
	if got, want := infer(t, files, true), "id BIGINT, v DOUBLE, t STRING, extra DATE"; got != want {
		t.Errorf("merged %s, want %s", got, want)
	}
	if got, want := infer(t, files, false), "id INT, v FLOAT, t STRING"; got != want {
		t.Errorf("not merged %s, want %s", got, want)
	}
}

func newRowGroup(t *testing.T, w *file.Writer) file.SerialRowGroupWriter {
	t.Helper()
	rows, err := w.AppendRowGroupChecked()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// INT96 spans all years of TIMESTAMP, of which 64-bit nanoseconds hold few.
func TestInt96(t *testing.T) {
	values := []pq.Int96{int96(1721426, 0), int96(2440588, 1_999), int96(2440587, 86_399_999_999_999), int96(5373484, 86_399_999_999_000)}
	var b bytes.Buffer
	node := pqschema.NewInt96Node("t", pq.Repetitions.Optional, -1)
	root, err := pqschema.NewGroupNode("schema", pq.Repetitions.Required, pqschema.FieldList{node}, -1)
	if err != nil {
		t.Fatal(err)
	}
	w := file.NewParquetWriter(&b, root)
	column, err := newRowGroup(t, w).NextColumn()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := column.(*file.Int96ColumnChunkWriter).WriteBatch(values, []int16{1, 1, 0, 1, 1}, nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(column.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	files := []format.File{put(t, "a.parquet", b.Bytes())}
	if got := infer(t, files, false); got != "t TIMESTAMP" {
		t.Errorf("inferred %s", got)
	}
	got := readAll(t, files, format.Request{Schema: ddl(t, "t TIMESTAMP")})
	want := batch(t, "t TIMESTAMP", `[{"t":"0001-01-01T00:00:00Z"},{"t":"1970-01-01T00:00:00.000001Z"},{},{"t":"1969-12-31T23:59:59.999999Z"},{"t":"9999-12-31T23:59:59.999999Z"}]`)
	if len(got) != 1 || !array.RecordEqual(got[0], want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func int96(julianDay uint32, nanos uint64) (v pq.Int96) {
	binary.LittleEndian.PutUint64(v[:8], nanos)
	binary.LittleEndian.PutUint32(v[8:], julianDay)
	return v
}

func TestTimestampUnits(t *testing.T) {
	s := arrow.NewSchema([]arrow.Field{
		{Name: "ms", Type: arrow.FixedWidthTypes.Timestamp_ms, Nullable: true},
		{Name: "ns", Type: arrow.FixedWidthTypes.Timestamp_ns, Nullable: true},
	}, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(`[{"ms":"2021-01-01T00:00:00.001Z","ns":"2021-01-01T00:00:00.000001999Z"}]`))
	if err != nil {
		t.Fatal(err)
	}
	files := []format.File{put(t, "a.parquet", encodeBatch(t, rec, 1<<20, nil))}
	got := readAll(t, files, format.Request{Schema: ddl(t, "ms TIMESTAMP, ns TIMESTAMP")})
	want := batch(t, "ms TIMESTAMP, ns TIMESTAMP", `[{"ms":"2021-01-01T00:00:00.001Z","ns":"2021-01-01T00:00:00.000001Z"}]`)
	if len(got) != 1 || !array.RecordEqual(got[0], want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRebase(t *testing.T) {
	const columns, stored = "d DATE, t TIMESTAMP", `[{"d":"1582-10-15","t":"1582-10-15T00:00:00Z"},{"d":"0001-01-01","t":"1500-03-10T12:00:00Z"},{}]`
	// The days of these Gregorian names are Julian ones of these other names.
	const moved = `[{"d":"1582-10-15","t":"1582-10-15T00:00:00Z"},{"d":"0001-01-03","t":"1500-03-01T12:00:00Z"},{}]`
	for _, c := range []struct {
		name   string
		footer map[string]string
		given  map[string]string
		want   string
	}{
		{"other writer", nil, nil, stored},
		{"other writer, LEGACY given", nil, map[string]string{"datetimeRebaseMode": "legacy"}, moved},
		{"other writer, CORRECTED given", nil, map[string]string{"datetimeRebaseMode": "CORRECTED"}, stored},
		{"other writer, EXCEPTION given", nil, map[string]string{"datetimeRebaseMode": "EXCEPTION"}, ""},
		{"Spark 3", map[string]string{"org.apache.spark.version": "3.5.0"}, map[string]string{"datetimeRebaseMode": "LEGACY"}, stored},
		{"Spark 3 in legacy mode", map[string]string{"org.apache.spark.version": "3.5.0", "org.apache.spark.legacyDateTime": ""}, nil, moved},
		{"Spark 2", map[string]string{"org.apache.spark.version": "2.4.8"}, nil, moved},
	} {
		opts, err := parquet.Format{}.Options().Parse(c.given)
		if err != nil {
			t.Fatal(err)
		}
		files := []format.File{put(t, "a.parquet", encodeBatch(t, batch(t, columns, stored), 1<<20, c.footer))}
		got, err := collect(t, files, format.Request{Schema: ddl(t, columns), Options: opts})
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), "datetimeRebaseMode") {
				t.Errorf("%s: %v, want an error that names the option", c.name, err)
			}
			continue
		}
		if err != nil || len(got) != 1 || !array.RecordEqual(got[0], batch(t, columns, c.want)) {
			t.Errorf("%s: got %v, %v, want %s", c.name, got, err, c.want)
		}
	}
}

// Lists of two levels, as old writers have them.
func TestLegacyList(t *testing.T) {
	item := pqschema.NewInt32Node("array", pq.Repetitions.Repeated, -1)
	list, err := pqschema.NewGroupNodeConverted("x", pq.Repetitions.Optional, pqschema.FieldList{item}, pqschema.ConvertedTypes.List, -1)
	if err != nil {
		t.Fatal(err)
	}
	root, err := pqschema.NewGroupNode("schema", pq.Repetitions.Required, pqschema.FieldList{list}, -1)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := file.NewParquetWriter(&b, root)
	column, err := newRowGroup(t, w).NextColumn()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := column.(*file.Int32ColumnChunkWriter).WriteBatch([]int32{1, 2, 3}, []int16{2, 2, 0, 1, 2}, []int16{0, 1, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(column.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	files := []format.File{put(t, "a.parquet", b.Bytes())}
	if got := infer(t, files, false); got != "x ARRAY<INT>" {
		t.Errorf("inferred %s", got)
	}
	got := readAll(t, files, format.Request{Schema: ddl(t, "x ARRAY<INT>")})
	want := batch(t, "x ARRAY<INT>", `[{"x":[1,2]},{"x":null},{"x":[]},{"x":[3]}]`)
	if len(got) != 1 || !array.RecordEqual(got[0], want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Maps whose parts have names of their own.
func TestMapNames(t *testing.T) {
	key, value := pqschema.NewByteArrayNode("k", pq.Repetitions.Required, -1), pqschema.NewInt32Node("v", pq.Repetitions.Optional, -1)
	pairs, err := pqschema.NewGroupNode("map", pq.Repetitions.Repeated, pqschema.FieldList{key, value}, -1)
	if err != nil {
		t.Fatal(err)
	}
	m, err := pqschema.NewGroupNodeConverted("x", pq.Repetitions.Optional, pqschema.FieldList{pairs}, pqschema.ConvertedTypes.MapKeyValue, -1)
	if err != nil {
		t.Fatal(err)
	}
	root, err := pqschema.NewGroupNode("schema", pq.Repetitions.Required, pqschema.FieldList{m}, -1)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := file.NewParquetWriter(&b, root)
	rows := newRowGroup(t, w)
	keys, err := rows.NextColumn()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.(*file.ByteArrayColumnChunkWriter).WriteBatch([]pq.ByteArray{[]byte("a")}, []int16{2, 0}, []int16{0, 0}); err != nil {
		t.Fatal(err)
	}
	values, err := rows.NextColumn()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := values.(*file.Int32ColumnChunkWriter).WriteBatch([]int32{7}, []int16{3, 0}, []int16{0, 0}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(keys.Close(), values.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	files := []format.File{put(t, "a.parquet", b.Bytes())}
	if got := infer(t, files, false); got != "x MAP<BINARY, INT>" {
		t.Errorf("inferred %s", got)
	}
	got := readAll(t, files, format.Request{Schema: ddl(t, "x MAP<STRING,INT>")})
	want := batch(t, "x MAP<STRING,INT>", `[{"x":[{"key":"a","value":7}]},{}]`)
	if len(got) != 1 || !array.RecordEqual(got[0], want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOrderAndPositions(t *testing.T) {
	var files []format.File
	next := int64(0)
	for f := range 5 {
		b := array.NewInt64Builder(memory.DefaultAllocator)
		for range 1000 * f {
			b.Append(next)
			next++
		}
		rec := array.NewRecordBatch(schema.ToArrow(ddl(t, "x BIGINT")), []arrow.Array{b.NewArray()}, int64(1000*f))
		files = append(files, put(t, fmt.Sprintf("%d.parquet", f), encodeBatch(t, rec, 300, nil)))
	}
	want, read := int64(0), map[string]int64{}
	rows := map[string]int64{}
	for b, err := range (parquet.Format{}).Read(t.Context(), slices.Values(files), format.Request{Schema: ddl(t, "x BIGINT"), BatchRows: 128}) {
		if err != nil {
			t.Fatal(err)
		}
		if b.FirstRow != rows[b.File.Path] || b.NumRows() > 128 {
			t.Errorf("%s: batch of %d rows from %d, want from %d", b.File.Path, b.NumRows(), b.FirstRow, rows[b.File.Path])
		}
		for _, v := range b.Column(0).(*array.Int64).Int64Values() {
			if v != want {
				t.Fatalf("value %d, want %d", v, want)
			}
			want++
		}
		rows[b.File.Path] += b.NumRows()
		read[b.File.Path] += b.Bytes
		b.Release()
	}
	if want != next {
		t.Errorf("%d rows, want %d", want, next)
	}
	for _, f := range files[1:] {
		if read[f.Path] != f.Size {
			t.Errorf("%s: batches account for %d of %d bytes", f.Path, read[f.Path], f.Size)
		}
	}
}

func TestManyColumns(t *testing.T) {
	const n = 5000
	fields, cols := make([]arrow.Field, n), make([]arrow.Array, n)
	b := array.NewInt32Builder(memory.DefaultAllocator)
	for i := range n {
		b.Append(int32(i))
		fields[i], cols[i] = arrow.Field{Name: "c" + strconv.Itoa(i), Type: arrow.PrimitiveTypes.Int32, Nullable: true}, b.NewArray()
	}
	rec := array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, 1)
	files := []format.File{put(t, "a", encodeBatch(t, rec, 1<<20, nil))}
	s, err := parquet.Format{}.Infer(t.Context(), files, format.Inference{Options: noOptions(t)})
	if err != nil {
		t.Fatal(err)
	}
	got := readAll(t, files, format.Request{Schema: s})
	if len(got) != 1 || !array.RecordEqual(got[0], rec) {
		t.Errorf("%d batches, not the one row of %d columns", len(got), n)
	}
}

func TestStopEarly(t *testing.T) {
	var files []format.File
	for i := range 20 {
		files = append(files, put(t, strconv.Itoa(i), encode(t, "x INT", `[{"x":1}]`)))
	}
	for b, err := range (parquet.Format{}).Read(t.Context(), slices.Values(files), format.Request{Schema: ddl(t, "x INT")}) {
		if err != nil {
			t.Fatal(err)
		}
		b.Release()
		break
	}
}

// TestGoldenFiles reads every data file of the golden tables.
func TestGoldenFiles(t *testing.T) {
	root := os.Getenv("FRESHET_GOLDEN")
	if root == "" {
		root = "../../../../shared/golden"
	}
	if _, err := os.Stat(root); err != nil {
		t.Skip("no golden tables here: ", err)
	}
	st := local.New(root)
	n := 0
	for info, err := range st.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		key := info.Name()
		if filepath.Ext(key) != ".parquet" || strings.Contains(key, "_delta_log") || strings.HasPrefix(filepath.Base(key), ".") {
			continue
		}
		n++
		files := []format.File{{Path: key, Key: key, Store: st, Size: info.Size()}}
		s, err := parquet.Format{}.Infer(t.Context(), files, format.Inference{MergeSchema: true, Options: noOptions(t)})
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		batches, err := collect(t, files, format.Request{Schema: s, Rescue: "_rescued"})
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		for _, b := range batches {
			if b.Unknown != nil || b.Column(int(b.NumCols())-1).NullN() != int(b.NumRows()) {
				t.Errorf("%s: its own schema %s leaves %v", key, s.DDL(), b.Unknown)
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d data files found", n)
	}
}

func BenchmarkRead(b *testing.B) {
	longs, texts := array.NewInt64Builder(memory.DefaultAllocator), array.NewStringBuilder(memory.DefaultAllocator)
	for i := range 1_000_000 {
		longs.Append(int64(i))
		texts.Append(fmt.Sprintf("sensor-%d", i%100))
	}
	rec := array.NewRecordBatch(schema.ToArrow(ddl(b, "x BIGINT, s STRING")), []arrow.Array{longs.NewArray(), texts.NewArray()}, 1_000_000)
	files := []format.File{put(b, "a", encodeBatch(b, rec, 250_000, nil))}
	for b.Loop() {
		for batch, err := range (parquet.Format{}).Read(b.Context(), slices.Values(files), format.Request{Schema: ddl(b, "x BIGINT, s STRING")}) {
			if err != nil {
				b.Fatal(err)
			}
			batch.Release()
		}
	}
	b.ReportMetric(float64(1_000_000*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func ddl(tb testing.TB, text string) *schema.Struct {
	tb.Helper()
	s, err := schema.ParseDDL(text)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func batch(tb testing.TB, columns, rows string) arrow.RecordBatch {
	tb.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema.ToArrow(ddl(tb, columns)), strings.NewReader(rows))
	if err != nil {
		tb.Fatal(err)
	}
	return rec
}

func encode(tb testing.TB, columns, rows string) []byte {
	tb.Helper()
	return encodeBatch(tb, batch(tb, columns, rows), 1<<20, nil)
}

func encodeBatch(tb testing.TB, rec arrow.RecordBatch, groupRows int64, footer map[string]string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := pqarrow.NewFileWriter(rec.Schema(), &b, pq.NewWriterProperties(pq.WithMaxRowGroupLength(groupRows)), pqarrow.DefaultWriterProps())
	if err != nil {
		tb.Fatal(err)
	}
	for k, v := range footer {
		if err := w.AppendKeyValueMetadata(k, v); err != nil {
			tb.Fatal(err)
		}
	}
	if err := errors.Join(w.Write(rec), w.Close()); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func put(tb testing.TB, key string, data []byte) format.File {
	tb.Helper()
	st := mem.New(nil)
	if err := st.Put(tb.Context(), key, data); err != nil {
		tb.Fatal(err)
	}
	return format.File{Path: "mem:///" + key, Key: key, Store: st, Size: int64(len(data))}
}

func infer(tb testing.TB, files []format.File, merge bool) string {
	tb.Helper()
	s, err := parquet.Format{}.Infer(tb.Context(), files, format.Inference{MergeSchema: merge, Options: noOptions(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	return s.DDL()
}

func readAll(tb testing.TB, files []format.File, req format.Request) []format.Batch {
	tb.Helper()
	out, err := collect(tb, files, req)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// collect reads to the first error.
func collect(tb testing.TB, files []format.File, req format.Request) (out []format.Batch, err error) {
	tb.Helper()
	if !req.Options.Given("datetimeRebaseMode") {
		req.Options = noOptions(tb)
	}
	for b, err := range (parquet.Format{}).Read(tb.Context(), slices.Values(files), req) {
		if err != nil {
			return out, err
		}
		for _, c := range b.Columns() {
			if err := array.ValidateFull(c); err != nil && !errors.Is(err, io.EOF) {
				tb.Errorf("invalid array: %v", err)
			}
		}
		out = append(out, b)
	}
	return out, nil
}

func noOptions(tb testing.TB) option.Values {
	tb.Helper()
	opts, err := parquet.Format{}.Options().Parse(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return opts
}
