package rowset_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/rowset"
	"github.com/freshet/freshet/schema"
)

func TestBatches(t *testing.T) {
	word := "b"
	table := rowset.New(
		schema.Col("text", schema.String), schema.Col("long", schema.Long), schema.Col("int", schema.Integer),
		schema.Col("bool", schema.Boolean), schema.Col("real", schema.Double), schema.Col("at", schema.Timestamp),
		schema.Col("list", schema.Array{Element: schema.String, ContainsNull: true}),
		schema.Col("map", schema.Map{Key: schema.String, Value: schema.String, ValueContainsNull: true}),
		schema.Col("struct", schema.New(schema.Col("n", schema.Long), schema.Col("s", schema.String))),
	)
	table.Add("a", int64(1), int32(2), true, 0.5, time.UnixMicro(3), []string{"x", "y"}, map[string]*string{"n": nil, "k": &word}, []any{int64(4), nil})
	table.Add(nil, "no number")
	var got []string
	for rec, err := range table.Batches() {
		if err != nil {
			t.Fatal(err)
		}
		for row := range int(rec.NumRows()) {
			var cells []string
			for _, c := range rec.Columns() {
				cells = append(cells, c.ValueStr(row))
			}
			got = append(got, strings.Join(cells, "|"))
		}
	}
	want := []string{
		`a|1|2|true|0.5|1970-01-01T00:00:00.000003Z|["x","y"]|[{"key":"k","value":"b"},{"key":"n","value":null}]|{"n":4,"s":null}`,
		"(null)|(null)|(null)|(null)|(null)|(null)|(null)|(null)|(null)", // of another type is null
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
