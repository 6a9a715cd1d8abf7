package autoloader_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// TestNestedDrift grows fields inside of columns, however deep and whatever
// the records disagree about, in one restart; known fields keep their types
// unless the mode widens them (semantics §3.6, §3.7).
func TestNestedDrift(t *testing.T) {
	const hint = "s.a INT, l.element.x INT"
	for _, c := range []struct {
		name, first, second string
		options             []string
		fields              string // that the error names
		want                string // first row of the second file
	}{
		{"struct", `{"s":{"a":1}}`, `{"s":{"a":2,"b":3}}`, nil, "s.b", `{"a":2,"b":3}|(null)`},
		{"struct in an array", `{"l":[{"x":1}]}`, `{"l":[{"x":2,"y":{"z":[3]}}]}`, nil, "l.element.y", `[{"x":2,"y":{"z":[3]}}]|(null)`},
		{"known types stay", `{"s":{"a":1}}`, `{"s":{"a":2.5,"b":3}}`, nil, "s.b", `{"a":null,"b":3}|{"s":{"a":2.5},"_file_path"`},
		{
			"in a widening mode, too", `{"s":{"a":1}}`, `{"s":{"a":3000000000,"b":3}}`,
			[]string{"cloudFiles.schemaEvolutionMode", "addNewColumnsWithTypeWidening", "schemaHints", "s.a INT"},
			"s.b, s STRUCT<a: BIGINT, b: BIGINT>", `{"a":3000000000,"b":3}|(null)`,
		},
		{"records disagree about the struct", `{"s":{"a":1}}`, `{"s":{"a":2,"b":3}}` + "\n" + `{"s":7}`, nil, "s.b", `{"a":2,"b":3}|(null)`},
		{"records disagree about the array", `{"l":[{"x":1}]}`, `{"l":[{"x":2,"y":3}]}` + "\n" + `{"l":{}}`, nil, "l.element.y", `[{"x":2,"y":3}]|(null)`},
		{
			"without types", `{"s":{"a":1},"l":[{"x":1}]}`, `{"s":{"a":2,"b":3},"l":[{"x":2,"y":{"z":4}}]}`,
			[]string{"cloudFiles.inferColumnTypes", "false", "schemaHints", hint},
			"l.element.y, s.b",
			`[{"x":2,"y":{"z":"4"}}]|{"a":2,"b":"3"}|(null)`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			options := append([]string{"cloudFiles.inferColumnTypes", "true"}, c.options...)
			l := newLanding(t, json(options...))
			l.put("1.json", c.first)
			l.mustRun()
			delete(l.options, "schemaHints")
			l.put("2.json", c.second)
			if unknown := unknownField(t, l.run()); !unknown.Evolved || strings.Join(unknown.Fields, ", ") != c.fields {
				t.Errorf("got %v, want an evolution by %s", unknown, c.fields)
			}
			l.mustRun()
			if got := l.batches[1].rows[0]; !strings.HasPrefix(got, c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestColumnsWithoutType loads Parquet files with columns that are NULL in
// every row, as pandas writes them without a type: they wait for one.
func TestColumnsWithoutType(t *testing.T) {
	l := newLanding(t, map[string]string{"cloudFiles.format": "parquet", "cloudFiles.maxFilesPerTrigger": "1"})
	void := []arrow.Field{
		{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "e", Type: arrow.Null, Nullable: true},
		{Name: "s", Type: arrow.StructOf(arrow.Field{Name: "a", Type: arrow.Null, Nullable: true}, arrow.Field{Name: "b", Type: arrow.PrimitiveTypes.Int32, Nullable: true})},
	}
	l.put("1.parquet", parquetFile(t, void, `[{"x":1,"s":{"b":1}}]`))
	l.put("2.parquet", parquetFile(t, void, `[{"x":2,"s":{"b":2}}]`))
	l.mustRun()
	l.expect("without a type", `1|{"b":1}|(null)`, `2|{"b":2}|(null)`)
	if want := []string{"x", "s", "_rescued_data"}; !slices.Equal(l.columns, want) {
		t.Errorf("got columns %q, want %q", l.columns, want)
	}
	void[1].Type = arrow.BinaryTypes.String
	l.put("3.parquet", parquetFile(t, void, `[{"x":3,"e":"now","s":{"b":3}}]`))
	if unknown := unknownField(t, l.run()); strings.Join(unknown.Fields, ", ") != "e STRING" {
		t.Errorf("got %v, want an evolution by e", unknown)
	}
	l.mustRun()
	if got, want := l.batches[2].rows[0], `3|{"b":3}|now|(null)`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func parquetFile(t *testing.T, fields []arrow.Field, rows string) string {
	t.Helper()
	stored := arrow.NewSchema(fields, nil)
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, stored, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	defer record.Release()
	var data bytes.Buffer
	w, err := pqarrow.NewFileWriter(stored, &data, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(record), w.Close()); err != nil {
		t.Fatal(err)
	}
	return data.String()
}

// TestPathWinsOverTheFile: a field that is called as a partition column is
// none that the schema lacks. The path's value wins, the file's is rescued
// (semantics §2.10), in the first batch and in those after it, in any mode.
func TestPathWinsOverTheFile(t *testing.T) {
	for _, mode := range []string{"addNewColumns", "addNewColumnsWithTypeWidening", "failOnNewColumns", "rescue"} {
		for _, c := range []struct{ name, first, later, want1, want2 string }{
			{"from the first file on", `{"a":1,"p":3000000000}`, `{"a":2,"p":8}`, `1|7|{"p":3000000000`, `2|9|{"p":8`},
			{"from a later file on", `{"a":1}`, `{"a":2,"p":"x"}`, "1|7|(null)", `2|9|{"p":"x"`},
			{"in another case", `{"a":1}`, `{"a":2,"P":1.5}`, "1|7|(null)", `2|9|{"P":1.5`},
		} {
			t.Run(mode+" "+c.name, func(t *testing.T) {
				l := newLanding(t, json("schemaEvolutionMode", mode, "inferColumnTypes", "true", "partitionColumns", "p"))
				l.put("p=7/1.json", c.first)
				l.mustRun()
				l.put("p=9/2.json", c.later)
				l.mustRun()
				if want := []string{"a", "p", "_rescued_data"}; !slices.Equal(l.columns, want) {
					t.Errorf("columns %q, want %q", l.columns, want)
				}
				if got := l.rows(); len(got) != 2 || !strings.HasPrefix(got[0], c.want1) || !strings.HasPrefix(got[1], c.want2) {
					t.Errorf("got %q, want %q and %q", got, c.want1, c.want2)
				}
			})
		}
	}
}
