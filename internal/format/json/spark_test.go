package json_test

import (
	"bufio"
	"encoding/base64"
	stdjson "encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/schema"
)

// answer is what Apache Spark made of one file: see testdata/spark.py.
type answer struct {
	Input   string
	Base64  bool
	Schema  string
	Infer   bool
	Options map[string]string
	Rows    []map[string]any
	Error   string
}

const sparkSchema = "a INT, b STRING, c DOUBLE, d BOOLEAN, e DECIMAL(5,2), f DATE, g TIMESTAMP, h ARRAY<INT>, " +
	"i STRUCT<x:INT,y:STRING>, m MAP<STRING,INT>, n BINARY, l BIGINT, nt TIMESTAMP_NTZ, s SMALLINT, " +
	"fl FLOAT, hs ARRAY<STRUCT<x:INT>>, v VOID, _corrupt_record STRING"

func answers(t *testing.T) []answer {
	t.Helper()
	f, err := os.Open("testdata/spark.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []answer
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var a answer
		if err := stdjson.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if a.Base64 {
			raw, err := base64.StdEncoding.DecodeString(a.Input)
			if err != nil {
				t.Fatal(err)
			}
			a.Input = string(raw)
		}
		all = append(all, a)
	}
	return all
}

// differs says where we do not follow Spark, and why; see the package's
// documentation.
var differs = map[string]string{
	`{"a":1}{"a":2}`:   "the second object is read too",
	`{"g":"12:30"}`:    "a time of day is no timestamp",
	`{"a":"12:30"}`:    "a time of day is no timestamp",
	`{"zz":1}, strict`: "the option is Databricks'",

	`{"a":1}` + "\n" + `{"a":2}, multiLine`: "all documents are read",
	`[{"a":1},{"a":2, multiLine`:            "the elements before the damage are kept",
	`[{"a":1},{"a":2,"b":, multiLine`:       "the elements before the damage are kept",
	`[{"a":1},{"a":"x"}], multiLine`:        "each element is a record",
	`[{"a":1}] x, multiLine`:                "what follows the array is a malformed record",
}

func (a answer) differs() bool {
	key := a.Input
	switch {
	case a.Options["multiLine"] != "":
		key += ", multiLine"
	case a.Options["failOnUnknownFields"] != "":
		key += ", strict"
	}
	return differs[key] != ""
}

func TestReadsAsSpark(t *testing.T) {
	n := 0
	for _, a := range answers(t) {
		if a.Infer || a.Error != "" || a.differs() {
			continue
		}
		n++
		ddl := sparkSchema
		if a.Schema != "" {
			ddl = a.Schema
		}
		in := input{files: []string{a.Input}, options: a.Options, ddl: ddl, req: format.Request{CaseSensitive: true}}
		got := in.values(t)
		if !slices.EqualFunc(got, a.Rows, func(x, y map[string]any) bool { return maps.EqualFunc(x, y, same) }) {
			t.Errorf("%q %v:\n  got %v\nSpark %v", a.Input, a.Options, got, a.Rows)
		}
	}
	if n < 150 {
		t.Errorf("only %d answers compared", n)
	}
}

func TestInfersAsSpark(t *testing.T) {
	n := 0
	for _, a := range answers(t) {
		if !a.Infer || a.Error != "" || a.differs() {
			continue
		}
		n++
		want, err := schema.ParseDDL(a.Schema)
		if err != nil {
			t.Fatalf("%q: %v", a.Schema, err)
		}
		in := input{files: []string{a.Input}, options: a.Options}
		got, err := in.infer(t, format.Inference{InferTypes: true, CorruptRecords: true})
		if err != nil {
			t.Errorf("%q: %v", a.Input, err)
		} else if got.DDL() != want.DDL() {
			t.Errorf("%q %v:\n  got %s\nSpark %s", a.Input, a.Options, got.DDL(), want.DDL())
		}
	}
	if n < 50 {
		t.Errorf("only %d answers compared", n)
	}
}

// same compares values decoded from Spark's JSON with ours.
func same(x, y any) bool {
	if xs, ok := x.(map[string]any); ok {
		ys, ok := y.(map[string]any)
		return ok && maps.EqualFunc(xs, ys, same)
	}
	if xs, ok := x.([]any); ok {
		ys, ok := y.([]any)
		return ok && slices.EqualFunc(xs, ys, same)
	}
	return fmt.Sprint(x) == fmt.Sprint(y)
}

// values reads the files and returns the rows as Spark's to_json has them,
// without nulls.
func (in *input) values(t *testing.T) []map[string]any {
	t.Helper()
	var rows []map[string]any
	for b, err := range in.Read(t.Context(), slices.Values(in.store(t)), in.request(t)) {
		if err != nil {
			t.Errorf("%q: %v", in.files, err)
			return rows
		}
		for row := range int(b.NumRows()) {
			cells := map[string]any{}
			for i, col := range b.Columns() {
				if v := sparkValue(col, row); v != nil {
					cells[b.ColumnName(i)] = v
				}
			}
			rows = append(rows, cells)
		}
		b.Release()
	}
	return rows
}

func sparkValue(col arrow.Array, row int) any {
	if _, void := col.(*array.Null); void || col.IsNull(row) {
		return nil
	}
	list := func(from, to int64, elem func(i int) any) any {
		out := []any{}
		for i := from; i < to; i++ {
			out = append(out, elem(int(i)))
		}
		return out
	}
	switch col := col.(type) {
	case *array.Dictionary:
		return col.Dictionary().ValueStr(col.GetValueIndex(row))
	case *array.String:
		return col.Value(row)
	case *array.Boolean:
		return col.Value(row)
	case *array.Int16:
		return float64(col.Value(row))
	case *array.Int32:
		return float64(col.Value(row))
	case *array.Int64:
		return float64(col.Value(row))
	case *array.Float32:
		return sparkFloat(float64(col.Value(row)))
	case *array.Float64:
		return sparkFloat(col.Value(row))
	case *array.Decimal128:
		f, _ := strconv.ParseFloat(col.ValueStr(row), 64)
		return f
	case *array.Binary:
		return base64.StdEncoding.EncodeToString(col.Value(row))
	case *array.Timestamp:
		return sparkTime(col, row)
	case *array.Map:
		from, to := col.ValueOffsets(row)
		out := map[string]any{}
		for i := int(from); i < int(to); i++ {
			out[col.Keys().ValueStr(i)] = sparkValue(col.Items(), i)
		}
		return out
	case *array.List:
		from, to := col.ValueOffsets(row)
		return list(from, to, func(i int) any { return sparkValue(col.ListValues(), i) })
	case *array.Struct:
		return sparkStruct(col, row)
	}
	return col.ValueStr(row)
}

func sparkStruct(col *array.Struct, row int) any {
	out := map[string]any{}
	t, _ := col.DataType().(*arrow.StructType)
	for i, f := range t.Fields() {
		if v := sparkValue(col.Field(i), row); v != nil {
			out[f.Name] = v
		}
	}
	return out
}

// sparkTime is the form in which to_json writes timestamps.
func sparkTime(col *array.Timestamp, row int) string {
	layout := "2006-01-02T15:04:05.000Z07:00"
	if t, ok := col.DataType().(*arrow.TimestampType); ok && t.TimeZone == "" {
		layout = "2006-01-02T15:04:05.000"
	}
	return time.UnixMicro(int64(col.Value(row))).UTC().Format(layout)
}

func sparkFloat(v float64) any {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return v
}
