package render_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/cli/render"
	"github.com/freshet/freshet/schema"
)

// batch reads rows from JSON, one object a row.
func batch(t *testing.T, columns *schema.Struct, rows string) arrow.RecordBatch {
	t.Helper()
	b, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema.ToArrow(columns), strings.NewReader(rows))
	if err != nil {
		t.Fatalf("rows: %v", err)
	}
	return b
}

func show(t *testing.T, format string, columns *schema.Struct, batches ...arrow.RecordBatch) string {
	t.Helper()
	var out strings.Builder
	p, err := render.New(format, &out)
	if err != nil {
		t.Fatal(err)
	}
	n, err := p.Print(columns, func(yield func(arrow.RecordBatch, error) bool) {
		for _, b := range batches {
			if !yield(b, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatalf("Print: %v", err)
	}
	want := int64(0)
	for _, b := range batches {
		want += b.NumRows()
	}
	if n != want {
		t.Errorf("Print says %d rows, want %d", n, want)
	}
	return out.String()
}

func parse(t *testing.T, ddl string) *schema.Struct {
	t.Helper()
	s, err := schema.ParseDDL(ddl)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const everyType = `s STRING, b BIGINT, d DOUBLE, n DECIMAL(10,2), t TIMESTAMP, day DATE, ok BOOLEAN, bin BINARY,
	a ARRAY<INT>, m MAP<STRING, DOUBLE>, st STRUCT<x: INT, y: STRING>`

const everyValue = `[
 {"s":"a\"b\n","b":-9223372036854775808,"d":1.5,"n":"12.30","t":"2026-01-02T03:04:05.120Z","day":"0001-01-01","ok":true,"bin":"/w==",
  "a":[1,null,3],"m":[{"key":"k","value":2}],"st":{"x":1,"y":null}},
 {"s":null,"b":null,"d":null,"n":null,"t":null,"day":null,"ok":null,"bin":null,"a":null,"m":null,"st":null}]`

func TestJSONLines(t *testing.T) {
	columns := parse(t, everyType)
	got := show(t, "json", columns, batch(t, columns, everyValue))
	want := `{"s":"a\"b\n","b":-9223372036854775808,"d":1.5,"n":12.30,"t":"2026-01-02 03:04:05.12","day":"0001-01-01","ok":true,"bin":"/w==","a":[1,null,3],"m":{"k":2.0},"st":{"x":1,"y":null}}
{"s":null,"b":null,"d":null,"n":null,"t":null,"day":null,"ok":null,"bin":null,"a":null,"m":null,"st":null}
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestCSV(t *testing.T) {
	columns := parse(t, "`a,b` STRING, x STRING, n INT, st STRUCT<y: STRING>")
	got := show(t, "csv", columns, batch(t, columns, `[
		{"a,b":"say \"hi\"","x":"","n":1,"st":{"y":"z"}}, {"a,b":null,"x":"two\nlines","n":null,"st":null}]`))
	want := "\"a,b\",x,n,st\n\"say \"\"hi\"\"\",\"\",1,\"{\"\"y\"\":\"\"z\"\"}\"\n,\"two\nlines\",,\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestTable(t *testing.T) {
	columns := parse(t, "name STRING, n INT")
	got := show(t, "table", columns, batch(t, columns, `[{"name":"größe 測","n":1},{"name":null,"n":-20}]`))
	want := `
┌──────────┬─────┐
│ name     │   n │
│ STRING   │ INT │
├──────────┼─────┤
│ größe 測 │   1 │
│ NULL     │ -20 │
└──────────┴─────┘
`
	if got != want[1:] {
		t.Errorf("got\n%swant%s", got, want)
	}
}

func TestTableKeepsTheTerminalSafe(t *testing.T) {
	columns := parse(t, "s STRING")
	got := show(t, "table", columns, batch(t, columns, `[{"s":"red\u001b[31m\nline"}]`))
	if !strings.Contains(got, `│ red\x1b[31m\nline │`) {
		t.Errorf("control characters are not escaped:\n%s", got)
	}
}

func TestTableOfNoRows(t *testing.T) {
	columns := parse(t, "s STRING")
	want := "┌────────┐\n│ s      │\n│ STRING │\n├────────┤\n└────────┘\n"
	if got := show(t, "table", columns); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestTableStreams has more rows than decide the widths.
func TestTableStreams(t *testing.T) {
	columns := parse(t, "n INT")
	rows := batch(t, columns, "["+strings.Repeat(`{"n":7},`, 699)+`{"n":8}]`)
	got := show(t, "table", columns, rows, rows)
	if lines := strings.Count(got, "\n"); lines != 1400+5 {
		t.Errorf("%d lines for 1400 rows, want 1405", lines)
	}
}

func TestFloatsPrintAsSparkDoes(t *testing.T) {
	columns := parse(t, "d DOUBLE")
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(columns))
	values := map[float64]string{
		0: "0.0", 1: "1.0", -2.5: "-2.5", 0.001: "0.001", 0.0001: "1.0E-4", 1e7: "1.0E7", 9999999: "9999999.0",
		123456789.125: "1.23456789125E8", math.MaxFloat64: "1.7976931348623157E308", math.Inf(-1): "-Infinity", math.Copysign(0, -1): "-0.0",
	}
	for x, want := range values {
		d, _ := b.Field(0).(*array.Float64Builder)
		d.Append(x)
		if got := strings.TrimPrefix(show(t, "csv", columns, b.NewRecordBatch()), "d\n"); got != want+"\n" {
			t.Errorf("%g prints as %swant %s", x, got, want)
		}
	}
}

func TestErrorsComeAfterTheRowsBefore(t *testing.T) {
	columns := parse(t, "n INT")
	broken := errors.New("file is gone")
	for _, format := range render.Formats() {
		var out strings.Builder
		p, err := render.New(format, &out)
		if err != nil {
			t.Fatal(err)
		}
		n, err := p.Print(columns, func(yield func(arrow.RecordBatch, error) bool) {
			_ = yield(batch(t, columns, `[{"n":41}]`), nil) && yield(nil, broken)
		})
		if n != 1 || !errors.Is(err, broken) || !strings.Contains(out.String(), "41") {
			t.Errorf("%s: %d rows, error %v, output %q", format, n, err, out.String())
		}
	}
	if _, err := render.New("xml", nil); err == nil {
		t.Error("an unknown format is accepted")
	}
}
