//go:build duckdb_arrow

package sql_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/internal/engine/duckdb"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
	"github.com/freshet/freshet/schema/variant"
)

// example is one entry of a file of testdata.
type example struct {
	line    int
	text    string
	spark   string // Spark's answer
	differs string // ours where it differs, and after " -- " the reason
}

func readExamples(t *testing.T, path string) []example {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []example
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "  differs "):
			all[len(all)-1].differs = strings.TrimPrefix(line, "  differs ")
		case strings.HasPrefix(line, "  "):
			all[len(all)-1].spark = line[2:]
		default:
			all = append(all, example{line: n, text: line})
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFunctions(t *testing.T) { testExamples(t, "testdata/functions.txt") }

func TestQueries(t *testing.T) { testExamples(t, "testdata/queries.txt") }

func TestVariants(t *testing.T) { testExamples(t, "testdata/variant.txt") }

func TestFormats(t *testing.T) { testExamples(t, "testdata/formats.txt") }

func TestRegularExpressions(t *testing.T) { testExamples(t, "testdata/regexp.txt") }

func TestIntervals(t *testing.T) { testExamples(t, "testdata/intervals.txt") }

func TestSemantics(t *testing.T) { testExamples(t, "testdata/semantics.txt") }

// testExamples compares each example's answer with Spark's. One that differs
// must say so in the file, with the reason.
func testExamples(t *testing.T, path string) {
	t.Helper()
	e, err := duckdb.Open(duckdb.Config{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, ex := range readExamples(t, path) {
		t.Run(strconv.Itoa(ex.line), func(t *testing.T) {
			got, query := answer(t, e, ex.text)
			want, reason, _ := strings.Cut(ex.differs, " -- ")
			switch {
			case ex.differs == "" && !sameAnswer(got, ex.spark):
				t.Errorf("%s\ngot   %s\nspark %s\nquery %s", ex.text, got, ex.spark, query)
			case ex.differs != "" && sameAnswer(got, ex.spark):
				t.Errorf("%s\ngot %s as Spark, but the file says that it differs", ex.text, got)
			case ex.differs != "" && (!sameAnswer(got, want) || reason == ""):
				t.Errorf("%s\ngot  %s\nwant %s, with a reason\nquery %s", ex.text, got, want, query)
			}
		})
	}
}

// sameAnswer compares answers; floating-point numbers may differ in the last
// digits.
func sameAnswer(a, b string) bool {
	if a == b {
		return true
	}
	x, y := strings.Fields(a), strings.Fields(b)
	return slices.EqualFunc(x, y, func(a, b string) bool {
		if a == b {
			return true
		}
		x, errX := strconv.ParseFloat(strings.Trim(a, "(),;[]"), 64)
		y, errY := strconv.ParseFloat(strings.Trim(b, "(),;[]"), 64)
		return errX == nil && errY == nil && strings.ContainsAny(a+b, ".e") && math.Abs(x-y) <= 1e-13*math.Abs(x)
	})
}

// sessionValues are what a session tells about itself.
var sessionValues = map[string]string{
	"current_catalog": "spark_catalog", "current_database": "default", "current_schema": "default",
	"current_user": "me", "session_user": "me", "user": "me", "version": "4.0.1",
}

// answer runs an expression or query and returns what record_functions.py
// writes for it.
func answer(t *testing.T, e *duckdb.Engine, text string) (string, string) {
	t.Helper()
	if !strings.HasPrefix(text, "SELECT") && !strings.HasPrefix(text, "WITH") {
		text = "SELECT " + text
	}
	var query string
	var intervals map[int]schema.Type
	q, err := sql.ParseQuery(text)
	if err == nil {
		var printed *sql.Printed
		if printed, err = (&sql.Printer{Values: sessionValues, ShowIntervals: true}).Print(q); err == nil {
			query, intervals = printed.Text, printed.Intervals
		}
	}
	if err != nil {
		return errorClass(err), query
	}
	r, err := e.Query(t.Context(), query, nil)
	if err != nil {
		return errorClass(err), query
	}
	defer r.Release()
	s, err := schema.FromArrow(r.Schema())
	if err != nil {
		t.Fatal(err)
	}
	types := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		types[i] = sparkType(f.Type)
		if t := intervals[i]; t != nil {
			types[i] = sparkType(t)
		}
	}
	var rows []string
	for r.Next() {
		b := r.RecordBatch()
		for i := range int(b.NumRows()) {
			values := make([]string, b.NumCols())
			for c := range values {
				values[c] = valueText(b.Column(c), i)
			}
			row := strings.Join(values, ", ")
			if len(values) > 1 {
				row = "(" + row + ")"
			}
			rows = append(rows, row)
		}
	}
	if r.Err() != nil {
		return errorClass(r.Err()), query
	}
	return strings.Join(types, ", ") + ": " + strings.Join(rows, "; "), query
}

func sparkType(t schema.Type) string {
	text := strings.NewReplacer(", ", ",", ": ", ":", "`", "").Replace(t.String())
	return strings.ToUpper(text)
}

func errorClass(err error) string {
	if c, ok := errors.AsType[errclass.Classified](err); ok {
		return "ERROR: " + c.ErrorClass()
	}
	return "ERROR: " + err.Error()
}

// valueText is the canonical text of a value.
func valueText(a arrow.Array, i int) string {
	if a.IsNull(i) {
		return "NULL"
	}
	switch a := a.(type) {
	case *array.String:
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(a.Value(i)); err != nil {
			return err.Error()
		}
		return strings.TrimSpace(b.String())
	case *array.Binary:
		return fmt.Sprintf("X'%X'", a.Value(i))
	case *array.Float64:
		return floatText(a.Value(i))
	case *array.Float32:
		return floatText(float64(a.Value(i)))
	case *array.Decimal128:
		return a.Value(i).ToString(a.DataType().(arrow.DecimalType).GetScale())
	case *array.Timestamp:
		return a.Value(i).ToTime(arrow.Microsecond).UTC().Format("2006-01-02 15:04:05.000000")
	case *array.Date32:
		return a.Value(i).ToTime().Format(time.DateOnly)
	case *array.Map:
		from, to := a.ValueOffsets(i)
		var entries []string
		for k := int(from); k < int(to); k++ {
			entries = append(entries, valueText(a.Keys(), k)+": "+valueText(a.Items(), k))
		}
		slices.Sort(entries)
		return "{" + strings.Join(entries, ", ") + "}"
	case *array.List:
		from, to := a.ValueOffsets(i)
		var items []string
		for k := int(from); k < int(to); k++ {
			items = append(items, valueText(a.ListValues(), k))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case *array.Struct:
		if schema.IsVariant(a.DataType()) {
			return variantText(a, i)
		}
		fields := make([]string, a.NumField())
		for k := range fields {
			fields[k] = a.DataType().(*arrow.StructType).Field(k).Name + ": " + valueText(a.Field(k), i)
		}
		return "{" + strings.Join(fields, ", ") + "}"
	}
	return a.ValueStr(i)
}

func variantText(a *array.Struct, i int) string {
	data, _ := a.Field(0).(*array.Binary)
	metadata, _ := a.Field(1).(*array.Binary)
	text, err := variant.Value{Data: data.Value(i), Metadata: metadata.Value(i)}.AppendJSON(nil, time.UTC)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}
