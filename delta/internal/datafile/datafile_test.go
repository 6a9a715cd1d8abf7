package datafile_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta/internal/datafile"
	"github.com/freshet/freshet/schema"
)

func parse(tb testing.TB, ddl string) *schema.Struct {
	tb.Helper()
	s, err := schema.ParseDDL(ddl)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// record returns rows of a schema from JSON, one object a row.
func record(tb testing.TB, s *schema.Struct, rows ...string) arrow.RecordBatch {
	tb.Helper()
	r, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema.ToArrow(s), strings.NewReader("["+strings.Join(rows, ",")+"]"))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func write(tb testing.TB, s *schema.Struct, codec string, groups ...[]arrow.RecordBatch) []byte {
	tb.Helper()
	layout, err := datafile.NewLayout(s)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := datafile.ParseCodec(codec)
	if err != nil {
		tb.Fatal(err)
	}
	var file bytes.Buffer
	w := datafile.NewWriter(&file, layout, c, 2)
	for _, records := range groups {
		if err := w.WriteRowGroup(tb.Context(), records); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	if w.Size() != int64(file.Len()) {
		tb.Errorf("Size = %d, want %d", w.Size(), file.Len())
	}
	return file.Bytes()
}

func read(tb testing.TB, file []byte, s *schema.Struct, batchRows int) []arrow.RecordBatch {
	tb.Helper()
	var out []arrow.RecordBatch
	next := int64(0)
	for b, err := range datafile.Read(tb.Context(), bytes.NewReader(file), int64(len(file)),
		datafile.Projection{Columns: s, BatchRows: batchRows}) {
		if err != nil {
			tb.Fatal(err)
		}
		if b.FirstRow != next {
			tb.Errorf("batch starts at row %d, want %d", b.FirstRow, next)
		}
		next += b.NumRows()
		out = append(out, b.RecordBatch)
	}
	return out
}

// lines renders records one row a line, for comparison across batch bounds.
func lines(tb testing.TB, records []arrow.RecordBatch) []string {
	tb.Helper()
	var out []string
	for _, r := range records {
		text, err := r.MarshalJSON()
		if err != nil {
			tb.Fatal(err)
		}
		for line := range strings.SplitSeq(strings.Trim(string(text), "[]\n"), "\n") {
			if line = strings.TrimPrefix(line, ","); line != "" {
				out = append(out, line)
			}
		}
	}
	return out
}

var roundTrips = []struct {
	name, ddl string
	rows      []string
}{
	{
		"flat",
		"b boolean, i8 tinyint, i16 smallint, i32 int, i64 bigint, f float, d double, s string, x binary, dt date, ts timestamp, n timestamp_ntz",
		[]string{
			`{"b":true,"i8":-128,"i16":-32768,"i32":-2147483648,"i64":-9223372036854775808,"f":1.5,"d":-0.1,"s":"é","x":"AAE=","dt":"1969-12-31","ts":"0001-01-01T00:00:00.000001Z","n":"9999-12-31 23:59:59.999999"}`,
			`{}`,
			`{"b":false,"i8":127,"i16":32767,"i32":2147483647,"i64":9223372036854775807,"f":0,"d":1e300,"s":"","x":"","dt":"9999-12-31","ts":"2024-02-29T12:34:56Z","n":"1970-01-01"}`,
		},
	},
	{
		"decimal", "a decimal(5,2), b decimal(18,3), c decimal(19,0), d decimal(38,10)",
		[]string{
			`{"a":"-999.99","b":"-999999999999999.999","c":"-9999999999999999999","d":"-9999999999999999999999999999.9999999999"}`,
			`{"a":"999.99","b":"0.001","c":"9999999999999999999","d":"9999999999999999999999999999.9999999999"}`,
			`{"a":null,"b":null,"c":null,"d":null}`, `{"a":"0","b":"-1","c":"-1","d":"-1"}`,
		},
	},
	{
		"struct", "s struct<a int, t struct<b string, c bigint not null>>, q int not null",
		[]string{
			`{"s":{"a":1,"t":{"b":"x","c":7}},"q":1}`, `{"s":null,"q":2}`, `{"s":{"a":null,"t":null},"q":3}`,
			`{"s":{"a":2,"t":{"b":null,"c":8}},"q":4}`,
		},
	},
	{
		"array", "a array<int>, b array<array<string>>, c array<struct<x int, y array<double>>>",
		[]string{
			`{"a":[1,null,3],"b":[["p"],[],null,["q",null]],"c":[{"x":1,"y":[1.5,2]},null,{"x":null,"y":[]}]}`,
			`{"a":[],"b":[],"c":[]}`, `{"a":null,"b":null,"c":null}`, `{"a":[4],"b":[null],"c":[{"x":9,"y":null}]}`,
		},
	},
	{
		"map", "m map<string,int>, n map<int,array<map<string,boolean>>>",
		[]string{
			`{"m":[{"key":"a","value":1},{"key":"b","value":null}],"n":[{"key":1,"value":[[{"key":"k","value":true}],null,[]]}]}`,
			`{"m":[],"n":null}`, `{"m":null,"n":[{"key":2,"value":null}]}`,
		},
	},
	{
		"variant", "v variant, s struct<w variant>",
		[]string{`{"v":{"value":"AA==","metadata":"AQAA"},"s":{"w":null}}`, `{"v":null,"s":null}`},
	},
	{"void", "a int, v void, s struct<v void, b int>", []string{`{"a":1,"s":{"b":2}}`, `{"a":null,"s":null}`}},
	{"awkward names", "`a.b` int, `a` struct<`b` string>, `` string", []string{`{"a.b":1,"a":{"b":"x"},"":"e"}`}},
}

func TestRoundTrip(t *testing.T) {
	for _, tt := range roundTrips {
		t.Run(tt.name, func(t *testing.T) {
			s := parse(t, tt.ddl)
			r := record(t, s, tt.rows...)
			empty := r.NewSlice(0, 0)
			tail := r.NewSlice(1, r.NumRows())
			groups := [][]arrow.RecordBatch{{r, empty, tail}, {tail, r}}
			want := lines(t, slices.Concat(groups...))
			for _, codec := range []string{"snappy", "zstd", "uncompressed"} {
				file := write(t, s, codec, groups...)
				for _, rows := range []int{1, 2, 1000} {
					got := read(t, file, s, rows)
					if diff := lines(t, got); !slices.Equal(diff, want) {
						t.Errorf("%s, batches of %d:\n got %s\nwant %s", codec, rows, strings.Join(diff, "\n     "), strings.Join(want, "\n     "))
					}
				}
			}
		})
	}
}

func TestRoundTripManyRows(t *testing.T) {
	// Enough rows for several pages, slices and batches, nulls in irregular places.
	s := parse(t, "i bigint, s string, l array<string>, d double")
	var rows []string
	for i := range 60_000 {
		l := "null"
		if i%3 > 0 {
			parts := make([]string, i%5)
			for j := range parts {
				parts[j] = fmt.Sprintf(`"%d"`, i*j)
			}
			l = "[" + strings.Join(parts, ",") + "]"
		}
		row := fmt.Sprintf(`{"i":%d,"l":%s,"s":"value %d","d":%d.5}`, i, l, i%20_000, i%90)
		if i%7 == 0 {
			row = fmt.Sprintf(`{"i":null,"l":%s,"s":null,"d":null}`, l)
		}
		rows = append(rows, row)
	}
	r := record(t, s, rows...)
	want := lines(t, []arrow.RecordBatch{r, r.NewSlice(100, 30_000)})
	file := write(t, s, "snappy", []arrow.RecordBatch{r}, []arrow.RecordBatch{r.NewSlice(100, 30_000)})
	for _, batch := range []int{777, 50_000} {
		if got := lines(t, read(t, file, s, batch)); !slices.Equal(got, want) {
			t.Errorf("batches of %d: %d rows differ from the %d written", batch, len(got), len(want))
		}
	}
}

// dictionaryRecord returns one nullable string column, dictionary-encoded;
// code -1 is null.
func dictionaryRecord(tb testing.TB, entries []string, codes []int) arrow.RecordBatch {
	tb.Helper()
	db := array.NewStringBuilder(memory.DefaultAllocator)
	db.AppendValues(entries, nil)
	ib := array.NewUint32Builder(memory.DefaultAllocator)
	for _, c := range codes {
		if c < 0 {
			ib.AppendNull()
		} else {
			ib.Append(uint32(c))
		}
	}
	dt := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint32, ValueType: arrow.BinaryTypes.String}
	arr := array.NewDictionaryArray(dt, ib.NewArray(), db.NewArray())
	return array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "s", Type: dt, Nullable: true}}, nil), []arrow.Array{arr}, int64(len(codes)))
}

func TestDictionaryInput(t *testing.T) {
	many := make([]string, 300_000)
	codes := make([]int, len(many))
	for i := range many {
		many[i], codes[i] = fmt.Sprintf("value %d", i), len(many)-1-i
	}
	first := dictionaryRecord(t, []string{"b", "unused", "a"}, []int{0, 2, -1, 0})
	tests := []struct {
		name    string
		records []arrow.RecordBatch
		keeps   bool // a dictionary in the file
	}{
		{"one", []arrow.RecordBatch{first}, true},
		{"merged", []arrow.RecordBatch{first, dictionaryRecord(t, []string{"a", "c"}, []int{1, 0, -1}), first.NewSlice(1, 3)}, true},
		{"all null", []arrow.RecordBatch{dictionaryRecord(t, nil, []int{-1, -1})}, true},
		{"no rows", []arrow.RecordBatch{dictionaryRecord(t, nil, nil)}, true},
		{"few, and none twice", []arrow.RecordBatch{
			dictionaryRecord(t, many[:500], codes[len(many)-500:]),
			dictionaryRecord(t, many[500:1000], codes[len(many)-500:]),
		}, false},
		{"few, and half of them twice", []arrow.RecordBatch{
			dictionaryRecord(t, many[:500], codes[len(many)-500:]),
			dictionaryRecord(t, many[:500], codes[len(many)-500:]),
		}, true},
		{"too many for a dictionary", []arrow.RecordBatch{first, dictionaryRecord(t, many, codes)}, false},
	}
	s := parse(t, "s string")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := lines(t, tt.records)
			data := write(t, s, "snappy", tt.records)
			if got := lines(t, read(t, data, s, 10_000)); !slices.Equal(got, want) {
				t.Errorf("got %d rows %.200q, want %d %.200q", len(got), got, len(want), want)
			}
			if got := chunkOf(t, data, 0, 0).HasDictionaryPage(); got != tt.keeps {
				t.Errorf("dictionary in the file: %t, want %t", got, tt.keeps)
			}
		})
	}
}

func TestEmptyFile(t *testing.T) {
	s := parse(t, "a int, b array<string>")
	if got := read(t, write(t, s, "snappy"), s, 10); len(got) != 0 {
		t.Errorf("an empty file has %d batches", len(got))
	}
}

func TestNotNull(t *testing.T) {
	nullable := parse(t, "a int, s struct<b int>, l array<struct<c int>>")
	strict := parse(t, "a int not null, s struct<b int not null>, l array<struct<c int not null>>")
	tests := []struct{ row, column string }{
		{`{"a":null,"s":{"b":1},"l":[]}`, "a"},
		{`{"a":1,"s":{"b":null},"l":[]}`, "s.b"},
		{`{"a":1,"s":null,"l":[{"c":1},{"c":null}]}`, "l.element.c"},
		{`{"a":1,"s":null,"l":null}`, ""},
	}
	layout, err := datafile.NewLayout(strict)
	if err != nil {
		t.Fatal(err)
	}
	codec, _ := datafile.ParseCodec("snappy")
	for _, tt := range tests {
		// The path of array steps starts with the array's own name.
		w := datafile.NewWriter(&bytes.Buffer{}, layout, codec, 1)
		err := w.WriteRowGroup(t.Context(), []arrow.RecordBatch{record(t, nullable, tt.row)})
		got := ""
		if null, ok := errors.AsType[*datafile.NullError](err); ok {
			got = strings.Join(null.Path, ".")
		} else if err != nil {
			t.Errorf("%s: error is %v", tt.row, err)
		}
		if got != tt.column {
			t.Errorf("%s: null column is %q, want %q", tt.row, got, tt.column)
		}
	}
}

func TestProjection(t *testing.T) {
	s := parse(t, "a int, s struct<b string, c array<int>>, z bigint")
	file := write(t, s, "snappy", []arrow.RecordBatch{record(t, s,
		`{"a":1,"s":{"b":"x","c":[1,2]},"z":5}`, `{"a":2,"s":null,"z":6}`, `{"a":3,"s":{"b":null,"c":null},"z":7}`)})
	tests := []struct {
		ddl  string
		want []string
	}{
		{"z bigint, A int", []string{`{"A":1,"z":5}`, `{"A":2,"z":6}`, `{"A":3,"z":7}`}},
		{"s struct<c array<int>>", []string{`{"s":{"c":[1,2]}}`, `{"s":null}`, `{"s":{"c":null}}`}},
		{"s struct<new map<string,int>>", []string{`{"s":{"new":null}}`, `{"s":null}`, `{"s":{"new":null}}`}},
		{"gone decimal(9,2), z bigint", []string{`{"gone":null,"z":5}`, `{"gone":null,"z":6}`, `{"gone":null,"z":7}`}},
		{"a bigint, z decimal(22,1)", []string{`{"a":1,"z":"5"}`, `{"a":2,"z":"6"}`, `{"a":3,"z":"7"}`}},
	}
	for _, tt := range tests {
		got := lines(t, read(t, file, parse(t, tt.ddl), 2))
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n got %v\nwant %v", tt.ddl, got, tt.want)
		}
	}
	for _, ddl := range []string{"a string", "s int", "a array<int>", "z int", "s map<string,int>"} {
		for _, err := range datafile.Read(t.Context(), bytes.NewReader(file), int64(len(file)),
			datafile.Projection{Columns: parse(t, ddl), BatchRows: 10}) {
			if _, ok := errors.AsType[*datafile.MismatchError](err); !ok {
				t.Errorf("%s: error is %v, want a MismatchError", ddl, err)
			}
		}
	}
	rows := int64(0)
	for _, r := range read(t, file, schema.New(), 2) {
		rows += r.NumRows()
	}
	if rows != 3 {
		t.Errorf("without columns there are %d rows, want 3", rows)
	}
}
