package files_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/source/files"
	"github.com/freshet/freshet/schema"
)

func sample(paths ...string) func(func(format.File) bool) {
	return func(yield func(format.File) bool) {
		for _, p := range paths {
			if !yield(format.File{Path: "file:///t/" + p}) {
				return
			}
		}
	}
}

func TestAssertion20_ExplicitPartitionColumns(t *testing.T) {
	p := files.InferPartitioning("file:///t/", sample("year=2022/week=1/x.csv"),
		files.PartitionRules{Names: files.ParsePartitionNames("year, month,day"), InferTypes: true})
	if got, want := p.Columns().DDL(), "year INT, month STRING, day STRING"; got != want {
		t.Errorf("columns %s, want %s", got, want)
	}
	if got, want := rendered(t, p, "year=2022/week=1/x.csv"), "2022|(null)|(null)"; got != want {
		t.Errorf("values %s, want %s", got, want)
	}
}

func TestAssertion21_LaterLevelIsIgnored(t *testing.T) {
	p := files.InferPartitioning("file:///t/", sample("date=2021-01-01/x.csv"), files.PartitionRules{InferTypes: true})
	if got, want := rendered(t, p, "date=2021-01-02/hour=01/x.csv"), "2021-01-02"; got != want {
		t.Errorf("values %s, want %s", got, want)
	}
}

func TestInferPartitioning(t *testing.T) {
	for _, c := range []struct {
		name  string
		paths []string
		want  string
	}{
		{"ints with leading zeros", []string{"m=01/a", "m=12/b"}, "m INT"},
		{"long", []string{"m=1/a", "m=3000000000/b"}, "m BIGINT"},
		{"decimal", []string{"m=1/a", "m=30000000000000000000000/b"}, "m DECIMAL(23,0)"},
		{"double", []string{"m=1/a", "m=1.5/b"}, "m DOUBLE"},
		{"long and double", []string{"m=3000000000/a", "m=1.5/b"}, "m STRING"},
		{"date", []string{"d=2021-01-01/a", "d=__HIVE_DEFAULT_PARTITION__/b"}, "d DATE"},
		{"timestamp", []string{"d=2021-01-01/a", "d=2021-01-01 10%3A00%3A00.5/b"}, "d TIMESTAMP"},
		{"no calendar day", []string{"d=2021-02-30/a"}, "d STRING"},
		{"string", []string{"d=1/a", "d=x/b"}, "d STRING"},
		{"hexadecimal is text", []string{"d=0x10/a", "d=1_0/b"}, "d STRING"},
		{"all null", []string{"d=__HIVE_DEFAULT_PARTITION__/a"}, "d STRING"},
		{"two levels", []string{"a=1/b=x/f", "a=2/b=y/f"}, "a INT, b STRING"},
		{"between other directories", []string{"in/a=1/part/f", "in/a=2/g"}, "a INT"},
		{"case", []string{"Year=1/f", "year=2/f"}, "Year INT"},
		{"no layout", []string{"x/f", "g"}, ""},
		{"conflict", []string{"a=1/f", "b=1/f"}, ""},
		{"conflict in depth", []string{"a=1/f", "a=1/b=1/f"}, ""},
		{"equals in the file name", []string{"a=1.csv"}, ""},
		{"name is escaped", []string{"a%20b=x%2Fy/f"}, "`a b` STRING"},
		{"bad escape", []string{"a=100%/f"}, "a STRING"},
		{"same name twice", []string{"a=1/A=2/f"}, ""},
		{"empty name", []string{"=1/f"}, ""},
	} {
		p := files.InferPartitioning("file:///t/", sample(c.paths...), files.PartitionRules{InferTypes: true})
		if got := p.Columns().DDL(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	none := files.InferPartitioning("file:///t/", sample("a=1/f"), files.PartitionRules{Names: []string{}, InferTypes: true})
	if got := none.Columns().DDL(); got != "" {
		t.Errorf("with an empty list: %q, want none", got)
	}
	text := files.InferPartitioning("file:///t/", sample("a=1/f"), files.PartitionRules{})
	if got := text.Columns().DDL(); got != "a STRING" {
		t.Errorf("without type inference: %q, want STRING", got)
	}
}

func TestPartitionValues(t *testing.T) {
	berlin := time.FixedZone("Berlin", 3600)
	for _, c := range []struct{ typ, value, want string }{
		{"STRING", "x%20y", "x y"},
		{"STRING", "", ""},
		{"TINYINT", "-5", "-5"},
		{"INT", "+007", "7"},
		{"BIGINT", "9223372036854775807", "9223372036854775807"},
		{"DECIMAL(5,2)", "-12.3", "-12.3"},
		{"DOUBLE", "1e3", "1000"},
		{"BOOLEAN", "true", "true"},
		{"DATE", "0001-01-01", "0001-01-01"},
		{"TIMESTAMP", "2021-01-01 10%3A00%3A00.123456", "2021-01-01T09:00:00.123456Z"},
		{"TIMESTAMP_NTZ", "2021-01-01T10:00:00", "2021-01-01T10:00:00"},
		{"INT", "__HIVE_DEFAULT_PARTITION__", "(null)"},
	} {
		columns, err := schema.ParseDDL("p " + c.typ)
		if err != nil {
			t.Fatal(err)
		}
		p := files.NewPartitioning("file:///t/", columns, berlin)
		if got := rendered(t, p, "P="+c.value+"/f"); got != c.want {
			t.Errorf("%s of %q: %s, want %s", c.typ, c.value, got, c.want)
		}
	}
	for _, c := range []struct{ typ, value string }{
		{"INT", "x"},
		{"TINYINT", "300"},
		{"DATE", "2021-13-01"},
		{"DECIMAL(3,2)", "10.5"},
		{"DECIMAL(3,2)", "1.555"},
		{"TIMESTAMP", "noon"},
		{"BOOLEAN", "maybe"},
		{"ARRAY<INT>", "[1]"},
	} {
		columns, err := schema.ParseDDL("p " + c.typ)
		if err != nil {
			t.Fatal(err)
		}
		_, err = files.NewPartitioning("file:///t/", columns, nil).Arrays(&format.File{Path: "file:///t/p=" + c.value + "/f"}, 1, memory.DefaultAllocator)
		if err == nil || errclassOf(err) != "CAST_INVALID_INPUT" || !strings.Contains(err.Error(), c.value) {
			t.Errorf("%s of %q: %v, want CAST_INVALID_INPUT", c.typ, c.value, err)
		}
	}
}

func TestMetadata(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	f := &format.File{Path: "file:///t/a b.csv", Size: 12, ModTime: time.UnixMicro(1_600_000_000_000_001)}
	col, err := files.Metadata(f, 2, mem)
	if err != nil {
		t.Fatal(err)
	}
	defer col.Release()
	want := `{"file_block_length":12,"file_block_start":0,"file_modification_time":"2020-09-13T12:26:40.000001Z",` +
		`"file_name":"a%20b.csv","file_path":"file:///t/a%20b.csv","file_size":12}`
	s, ok := col.(*array.Struct)
	if !ok || s.Len() != 2 {
		t.Fatalf("got %v", col)
	}
	if got, want := s.DataType(), schema.ArrowType(files.MetadataType()); !arrow.TypeEqual(got, want) {
		t.Errorf("type %v, want %v", got, want)
	}
	if got := s.ValueStr(1); got != want {
		t.Errorf("row 1 is\n%s, want\n%s", got, want)
	}
}

func FuzzPartitionValue(f *testing.F) {
	for _, s := range []string{"1", "2021-01-01", "1e400", "99999999999999999999999999999999999999", "%zz", "2021-01-01 10:00", "-0", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.Contains(value, "/") {
			return
		}
		path := "p=" + value + "/f"
		p := files.InferPartitioning("file:///t/", sample(path), files.PartitionRules{InferTypes: true})
		// Whatever type is inferred from a value can hold it.
		arrays, err := p.Arrays(&format.File{Path: "file:///t/" + path}, 1, memory.DefaultAllocator)
		if err != nil || len(arrays) != 1 {
			t.Errorf("%q as %s: %v", value, p.Columns().DDL(), err)
		}
	})
}

func rendered(t *testing.T, p *files.Partitioning, path string) string {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	arrays, err := p.Arrays(&format.File{Path: "file:///t/" + path}, 3, mem)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, a := range arrays {
		if want := schema.ArrowType(p.Columns().Fields[i].Type); a.Len() != 3 || !arrow.TypeEqual(a.DataType(), want) {
			t.Errorf("array of %d %s, want 3 %s", a.Len(), a.DataType(), want)
		}
		out = append(out, a.ValueStr(2))
		a.Release()
	}
	return strings.Join(slices.Clip(out), "|")
}
