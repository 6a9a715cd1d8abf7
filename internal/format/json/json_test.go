package json_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/json"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/schema"
)

// input is a test's files and how to read them.
type input struct {
	json.Format
	files   []string
	options map[string]string
	ddl     string
	req     format.Request
}

// store puts the files into memory.
func (in *input) store(tb testing.TB) []format.File {
	tb.Helper()
	st := mem.New(time.Now)
	files := make([]format.File, len(in.files))
	for i, text := range in.files {
		key := fmt.Sprintf("f%d.json", i)
		if err := st.Put(tb.Context(), key, []byte(text)); err != nil {
			tb.Fatal(err)
		}
		files[i] = format.File{Path: "/in/" + key, Store: st, Key: key, Size: int64(len(text))}
	}
	return files
}

func (in *input) request(tb testing.TB) format.Request {
	tb.Helper()
	s, err := schema.ParseDDL(in.ddl)
	if err != nil {
		tb.Fatal(err)
	}
	values, err := in.Options().Parse(in.options)
	if err != nil {
		tb.Fatal(err)
	}
	req := in.req
	req.Schema, req.Options = s, values
	return req
}

// rows reads the files; each row is the text of its columns that are not
// null, as "name=value". unknown is the fields that the schema lacks.
func (in *input) rows(tb testing.TB) (rows []string, unknown string, err error) {
	tb.Helper()
	var found []string
	for b, err := range in.Read(tb.Context(), slices.Values(in.store(tb)), in.request(tb)) {
		if err != nil {
			return rows, "", err
		}
		if b.Unknown != nil {
			found = append(found, b.Unknown.DDL())
		}
		for row := range int(b.NumRows()) {
			var cells []string
			for i, col := range b.Columns() {
				if !col.IsNull(row) {
					cells = append(cells, b.ColumnName(i)+"="+cell(col, row))
				}
			}
			rows = append(rows, strings.Join(cells, " "))
		}
		b.Release()
	}
	return rows, strings.Join(found, "; "), nil
}

func (in *input) infer(tb testing.TB, req format.Inference) (*schema.Struct, error) {
	tb.Helper()
	values, err := in.Options().Parse(in.options)
	if err != nil {
		tb.Fatal(err)
	}
	req.Options = values
	return in.Infer(tb.Context(), in.store(tb), req)
}

func cell(col arrow.Array, row int) string {
	switch col := col.(type) {
	case *array.Dictionary:
		return col.Dictionary().ValueStr(col.GetValueIndex(row))
	case *array.Struct:
		var fields []string
		for i := range col.NumField() {
			fields = append(fields, cell(col.Field(i), row))
		}
		return "{" + strings.Join(fields, " ") + "}"
	}
	return col.ValueStr(row)
}

func check(t *testing.T, in input, want ...string) {
	t.Helper()
	got, _, err := in.rows(t)
	if err != nil {
		t.Errorf("%q: %v", in.files, err)
		return
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q:\n got %q\nwant %q", in.files, got, want)
	}
}

func TestSmoke(t *testing.T) {
	check(t, input{files: []string{`{"a":1,"b":"x","c":{"d":[1,2]}}` + "\n" + `{"b":"y"}` + "\n"}, ddl: "a INT, b STRING, c STRUCT<d:ARRAY<INT>>"},
		"a=1 b=x c={[1,2]}", "b=y")
}
