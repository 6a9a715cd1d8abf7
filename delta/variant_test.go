package delta_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/schema"
	"github.com/freshet/freshet/schema/variant"
)

// TestGoldenVariants reads what Spark wrote, shredded or not, as Spark does:
// testdata/variant_rows.txt holds its to_json of each column.
func TestGoldenVariants(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "variant_rows.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(data)), "\n")
	for i, line := range want {
		want[i] = decodeLine(t, line)
	}
	for _, name := range []string{
		"kernel-rs-data/unshredded-variant", "duckdb-inlined/unshredded-variant",
		"delta-rs/spark-variant-checkpoint", "delta-io-golden/spark-variant-checkpoint",
		"delta-rs/spark-shredded-variant-preview-delta",
	} {
		if got := goldenRows(t, name); !slices.Equal(got, want) {
			t.Errorf("%s: %d rows that differ from Spark's:\n%s", name, len(got), strings.Join(got[:min(3, len(got))], "\n"))
		}
	}
	basic := goldenRows(t, "duckdb-inlined/variant/basic")
	if want := []string{`["21","{\"a\":\"test\",\"b\":[21,\"test\",true,{\"c\":42}]}"]`}; !slices.Equal(basic, want) {
		t.Errorf("basic: %s, want %s", basic, want)
	}
}

// TestShreddedVariants reads a table that Spark 4.2 wrote twice, the second
// time with s.w shredded into a STRING and a DECIMAL field, as Spark does.
func TestShreddedVariants(t *testing.T) {
	want := []string{
		`["1","{\"a\":1,\"b\":\"x\",\"c\":{\"d\":[1,2]}}",null,"[{\"a\":1,\"b\":\"x\",\"c\":{\"d\":[1,2]}},null]"]`,
		`["2","{\"a\":\"str\",\"b\":null,\"e\":1.5}","{\"w\":{\"a\":\"str\",\"b\":null,\"e\":1.5}}","[{\"a\":\"str\",\"b\":null,\"e\":1.5},null]"]`,
		`["3","[1,2,{\"a\":3}]",null,"[[1,2,{\"a\":3}],null]"]`,
		`["4","null","{\"w\":null}","[null,null]"]`,
		`["5",null,null,"[null,null]"]`,
		`["6","\"s\"","{\"w\":\"s\"}","[\"s\",null]"]`,
		`["7","{\"a\":2,\"c\":{\"d\":[3,\"x\"],\"z\":true}}",null,"[{\"a\":2,\"c\":{\"d\":[3,\"x\"],\"z\":true}},null]"]`,
		`["8","{}","{\"w\":{}}","[{},null]"]`,
	}
	got := variantRows(t, filepath.Join("testdata", "variant_shredded"))
	for i, row := range want {
		if 2*i+1 >= len(got) || got[2*i] != row || got[2*i+1] != row {
			t.Errorf("row %d is not twice %s in\n%s", i, row, strings.Join(got, "\n"))
		}
	}
}

// decodeLine returns a line as encoding/json writes it.
func decodeLine(t *testing.T, line string) string {
	t.Helper()
	var cells []*string
	if err := json.Unmarshal([]byte(line), &cells); err != nil {
		t.Fatal(err)
	}
	return encodeLine(cells)
}

func encodeLine(cells []*string) string {
	b, err := json.Marshal(cells)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func goldenRows(t *testing.T, name string) []string {
	t.Helper()
	return variantRows(t, filepath.Join(goldenDir(t), name))
}

// variantRows returns a table's rows, sorted, each as the list of its values'
// texts.
func variantRows(t *testing.T, name string) []string {
	t.Helper()
	s, err := delta.NewTable(directory{root: name}, delta.Options{}).Snapshot(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var rows []string
	for b, err := range s.Scan(t.Context(), delta.ScanOptions{}) {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range int(b.NumRows()) {
			cells := make([]*string, b.NumCols())
			for c := range cells {
				if a := b.Column(c); !a.IsNull(i) {
					text := jsonText(t, a, i)
					cells[c] = &text
				}
			}
			rows = append(rows, encodeLine(cells))
		}
		b.Release()
	}
	slices.Sort(rows)
	return rows
}

// jsonText is Spark's to_json: a struct's nulls are left out.
func jsonText(t *testing.T, a arrow.Array, i int) string {
	t.Helper()
	if a.IsNull(i) {
		return "null"
	}
	switch a := a.(type) {
	case *array.Struct:
		if schema.IsVariant(a.DataType()) {
			return variantText(t, a, i)
		}
		var fields []string
		for k := range a.NumField() {
			if !a.Field(k).IsNull(i) {
				name := a.DataType().(*arrow.StructType).Field(k).Name
				fields = append(fields, `"`+name+`":`+jsonText(t, a.Field(k), i))
			}
		}
		return "{" + strings.Join(fields, ",") + "}"
	case *array.Map:
		var entries []string
		for k, end := a.ValueOffsets(i); k < end; k++ {
			entries = append(entries, `"`+a.Keys().ValueStr(int(k))+`":`+jsonText(t, a.Items(), int(k)))
		}
		return "{" + strings.Join(entries, ",") + "}"
	case *array.List:
		var items []string
		for k, end := a.ValueOffsets(i); k < end; k++ {
			items = append(items, jsonText(t, a.ListValues(), int(k)))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	return a.ValueStr(i)
}

func variantText(t *testing.T, a *array.Struct, i int) string {
	t.Helper()
	value, _ := a.Field(0).(*array.Binary)
	metadata, _ := a.Field(1).(*array.Binary)
	text, err := variant.Value{Data: value.Value(i), Metadata: metadata.Value(i)}.AppendJSON(nil, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
