package conform_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/schema"
)

func TestConformValues(t *testing.T) {
	for _, c := range []struct{ from, to, in, want string }{
		{"x INT", "x BIGINT", `[{"x":1},{"x":null},{"x":-2147483648}]`, `[{"x":1},{"x":null},{"x":-2147483648}]`},
		{"x BIGINT", "x TINYINT", `[{"x":-128},{"x":127}]`, `[{"x":-128},{"x":127}]`},
		{"x DOUBLE", "x INT", `[{"x":1.9},{"x":-1.9}]`, `[{"x":1},{"x":-1}]`},
		{"x DECIMAL(5,2)", "x INT", `[{"x":"123.99"},{"x":"-0.99"}]`, `[{"x":123},{"x":0}]`},
		{"x INT", "x DOUBLE", `[{"x":3}]`, `[{"x":3}]`},
		{"x DECIMAL(38,10)", "x DOUBLE", `[{"x":"0.1"}]`, `[{"x":0.1}]`},
		{"x INT", "x DECIMAL(7,2)", `[{"x":12345}]`, `[{"x":"12345"}]`},
		{"x DOUBLE", "x DECIMAL(5,2)", `[{"x":1.005},{"x":-2.675}]`, `[{"x":"1.01"},{"x":"-2.68"}]`},
		{"x DECIMAL(5,3)", "x DECIMAL(5,2)", `[{"x":"1.005"},{"x":"-1.004"}]`, `[{"x":"1.01"},{"x":"-1"}]`},
		{"x DECIMAL(5,2)", "x DECIMAL(38,30)", `[{"x":"123.45"}]`, `[{"x":"123.45"}]`},
		{"x DOUBLE", "x STRING", `[{"x":1},{"x":1e7},{"x":0.0001},{"x":12.5}]`, `[{"x":"1.0"},{"x":"1.0E7"},{"x":"1.0E-4"},{"x":"12.5"}]`},
		{"x DECIMAL(5,2)", "x STRING", `[{"x":"1.50"}]`, `[{"x":"1.50"}]`},
		{"x BOOLEAN", "x STRING", `[{"x":true}]`, `[{"x":"true"}]`},
		{"x DATE", "x STRING", `[{"x":"0001-01-01"}]`, `[{"x":"0001-01-01"}]`},
		{"x DATE", "x TIMESTAMP", `[{"x":"2021-07-01"}]`, `[{"x":"2021-06-30T22:00:00Z"}]`},
		{"x DATE", "x TIMESTAMP_NTZ", `[{"x":"2021-07-01"}]`, `[{"x":"2021-07-01T00:00:00"}]`},
		{"x TIMESTAMP", "x DATE", `[{"x":"2021-06-30T23:30:00Z"}]`, `[{"x":"2021-07-01"}]`},
		{"x TIMESTAMP", "x TIMESTAMP_NTZ", `[{"x":"2021-01-01T00:00:00Z"}]`, `[{"x":"2021-01-01T01:00:00"}]`},
		{"x TIMESTAMP_NTZ", "x TIMESTAMP", `[{"x":"2021-01-01T01:00:00"}]`, `[{"x":"2021-01-01T00:00:00Z"}]`},
		{"x TIMESTAMP", "x STRING", `[{"x":"2021-01-01T00:00:00.5Z"}]`, `[{"x":"2021-01-01 01:00:00.5"}]`},
		{"x BINARY", "x STRING", `[{"x":"aGk="}]`, `[{"x":"hi"}]`},
		{"x VOID", "x INT", `[{"x":null}]`, `[{"x":null}]`},
		{"B INT, a INT", "a INT, b INT, c STRING", `[{"a":1,"B":2}]`, `[{"a":1,"b":2,"c":null}]`},
		{"x ARRAY<INT>", "x ARRAY<BIGINT>", `[{"x":[1,null]},{"x":null},{"x":[]}]`, `[{"x":[1,null]},{"x":null},{"x":[]}]`},
		{"x MAP<STRING,INT>", "x MAP<STRING,STRING>", `[{"x":[{"key":"a","value":1}]},{"x":null}]`, `[{"x":[{"key":"a","value":"1"}]},{"x":null}]`},
		{
			"s STRUCT<b: INT, a: STRUCT<c: INT>>", "s STRUCT<a: STRUCT<c: BIGINT, d: STRING>, b: INT>",
			`[{"s":{"b":1,"a":{"c":2}}},{"s":null},{"s":{"b":null,"a":null}}]`,
			`[{"s":{"a":{"c":2,"d":null},"b":1}},{"s":null},{"s":{"a":null,"b":null}}]`,
		},
		{
			"s ARRAY<STRUCT<a: INT>>", "s ARRAY<STRUCT<A: BIGINT>>",
			`[{"s":[{"a":1},null]},{"s":null}]`, `[{"s":[{"A":1},null]},{"s":null}]`,
		},
	} {
		t.Run(c.from+" to "+c.to, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer mem.AssertSize(t, 0)
			caster := conform.New(ddl(t, c.to), conform.Options{TimeZone: berlin(t), Allocator: mem})
			in := batch(t, mem, c.from, c.in)
			defer in.Release()
			got, err := caster.Conform(in)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Release()
			want := batch(t, mem, c.to, c.want)
			defer want.Release()
			equal(t, got, want)

			// A slice of the batch gives that slice of the result.
			for i := range in.NumRows() {
				slice := in.NewSlice(i, i+1)
				part, err := caster.Conform(slice)
				slice.Release()
				if err != nil {
					t.Fatal(err)
				}
				wantPart := want.NewSlice(i, i+1)
				equal(t, part, wantPart)
				wantPart.Release()
				part.Release()
			}
		})
	}
}

func TestConformRefuses(t *testing.T) {
	for _, c := range []struct{ from, to, in, class, mentions string }{
		{"x BIGINT", "x INT", `[{"x":2147483648}]`, "CAST_OVERFLOW_IN_TABLE_INSERT", "2147483648"},
		{"x DOUBLE", "x BIGINT", `[{"x":1e19}]`, "CAST_OVERFLOW_IN_TABLE_INSERT", "1e+19"},
		{"x INT", "x DECIMAL(4,2)", `[{"x":100}]`, "CAST_OVERFLOW_IN_TABLE_INSERT", "DECIMAL(4,2)"},
		{"x BIGINT", "x DECIMAL(38,37)", `[{"x":10}]`, "CAST_OVERFLOW_IN_TABLE_INSERT", "10"},
		{"x DOUBLE", "x DECIMAL(38,0)", `[{"x":1e38}]`, "CAST_OVERFLOW_IN_TABLE_INSERT", "x"},
		{"x DECIMAL(4,2)", "x DECIMAL(3,2)", `[{"x":"10.00"}]`, "CAST_OVERFLOW_IN_TABLE_INSERT", "x"},
		{"x STRING", "x INT", `[]`, "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST", "STRING"},
		{"x BOOLEAN", "x INT", `[]`, "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST", "BOOLEAN"},
		{"x INT", "x TIMESTAMP", `[]`, "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST", "TIMESTAMP"},
		{"x STRING", "x BINARY", `[]`, "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST", "BINARY"},
		{"x ARRAY<STRING>", "x ARRAY<INT>", `[]`, "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST", "x.element"},
		{"x ARRAY<INT>", "x STRING", `[]`, "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST", "ARRAY"},
		{"x INT, y INT", "x INT", `[]`, "DELTA_METADATA_MISMATCH", "y"},
		{"s STRUCT<a: INT, b: INT>", "s STRUCT<a: INT>", `[]`, "DELTA_METADATA_MISMATCH", "s.b"},
		{"x INT, X INT", "x INT", `[]`, "DELTA_DUPLICATE_COLUMNS_FOUND", "X"},
		{"x INT", "x INT NOT NULL", `[{"x":null}]`, "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "x"},
		{"x INT", "x INT, y INT NOT NULL", `[{"x":1}]`, "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "y"},
		{"s STRUCT<a: INT>", "s STRUCT<a: INT NOT NULL>", `[{"s":{"a":null}}]`, "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "s.a"},
	} {
		t.Run(c.from+" to "+c.to, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer mem.AssertSize(t, 0)
			in := batch(t, mem, c.from, c.in)
			defer in.Release()
			_, err := conform.New(ddl(t, c.to), conform.Options{Allocator: mem}).Conform(in)
			var classified errclass.Classified
			if !errors.As(err, &classified) || classified.ErrorClass() != c.class || !strings.Contains(err.Error(), c.mentions) {
				t.Errorf("got %v, want class %s and a mention of %s", err, c.class, c.mentions)
			}
		})
	}
}

func TestNullParentsMayHoldNullFields(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	in := batch(t, mem, "s STRUCT<a: INT>", `[{"s":null},{"s":{"a":1}}]`)
	defer in.Release()
	out, err := conform.New(ddl(t, "s STRUCT<a: INT NOT NULL>"), conform.Options{Allocator: mem}).Conform(in)
	if err != nil {
		t.Fatal(err)
	}
	out.Release()
}

func TestDropUnknown(t *testing.T) {
	in := batch(t, memory.DefaultAllocator, "x INT, y INT, s STRUCT<a: INT, b: INT>", `[{"x":1,"y":2,"s":{"a":3,"b":4}}]`)
	defer in.Release()
	out, err := conform.New(ddl(t, "s STRUCT<b: INT>, x INT"), conform.Options{DropUnknown: true}).Conform(in)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Release()
	want := batch(t, memory.DefaultAllocator, "s STRUCT<b: INT>, x INT", `[{"s":{"b":4},"x":1}]`)
	defer want.Release()
	equal(t, out, want)
}

func TestSameSchemaIsNoCopy(t *testing.T) {
	in := batch(t, memory.DefaultAllocator, "x INT, s STRING", `[{"x":1,"s":"a"}]`)
	defer in.Release()
	out, err := conform.New(ddl(t, "x INT, s STRING"), conform.Options{}).Conform(in)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Release()
	if out != in {
		t.Errorf("got another batch %v", out)
	}
}

func TestForeignArrowTypes(t *testing.T) {
	for _, c := range []struct {
		typ      arrow.DataType
		in, want string
		to       string
	}{
		{arrow.PrimitiveTypes.Uint32, `[{"x":4294967295}]`, `[{"x":4294967295}]`, "BIGINT"},
		{arrow.PrimitiveTypes.Uint64, `[{"x":18446744073709551615}]`, `[{"x":"18446744073709551615"}]`, "DECIMAL(20,0)"},
		{arrow.BinaryTypes.LargeString, `[{"x":"a"}]`, `[{"x":"a"}]`, "STRING"},
		{arrow.FixedWidthTypes.Timestamp_ns, `[{"x":"1969-12-31T23:59:59.999999999Z"}]`, `[{"x":"1969-12-31T23:59:59.999999Z"}]`, "TIMESTAMP"},
		{arrow.FixedWidthTypes.Timestamp_s, `[{"x":"2021-01-01T00:00:00Z"}]`, `[{"x":"2021-01-01T00:00:00Z"}]`, "TIMESTAMP"},
		{arrow.FixedWidthTypes.Time64us, `[{"x":"10:00:00.5"}]`, `[{"x":"10:00:00.5"}]`, "STRING"},
		{arrow.LargeListOf(arrow.PrimitiveTypes.Int32), `[{"x":[1,2]},{"x":null},{"x":[3]}]`, `[{"x":[1,2]},{"x":null},{"x":[3]}]`, "ARRAY<BIGINT>"},
		{arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int32), `[{"x":[1,2]},{"x":null},{"x":[3,4]}]`, `[{"x":[1,2]},{"x":null},{"x":[3,4]}]`, "ARRAY<INT>"},
		{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint8, ValueType: arrow.PrimitiveTypes.Int64}, `[{"x":7},{"x":null},{"x":7}]`, `[{"x":7},{"x":null},{"x":7}]`, "INT"},
	} {
		t.Run(c.typ.String(), func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer mem.AssertSize(t, 0)
			in := arrowBatch(t, mem, arrow.NewSchema([]arrow.Field{{Name: "x", Type: c.typ, Nullable: true}}, nil), c.in)
			defer in.Release()
			got, err := conform.New(ddl(t, "x "+c.to), conform.Options{Allocator: mem}).Conform(in)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Release()
			want := batch(t, mem, "x "+c.to, c.want)
			defer want.Release()
			equal(t, got, want)
		})
	}
}

func TestDictionaryStringsPassThrough(t *testing.T) {
	typ := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint32, ValueType: arrow.BinaryTypes.String}
	in := arrowBatch(t, memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "x", Type: typ, Nullable: true}}, nil), `[{"x":"a"},{"x":"a"}]`)
	defer in.Release()
	out, err := conform.New(ddl(t, "x STRING, y INT"), conform.Options{}).Conform(in)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Release()
	if got := out.Column(0).DataType(); !arrow.TypeEqual(got, typ) {
		t.Errorf("column is %s, want it still encoded", got)
	}
}

func BenchmarkNoCast(b *testing.B) {
	in := batch(b, memory.DefaultAllocator, "x INT, s STRING", `[{"x":1,"s":"a"}]`)
	caster := conform.New(ddl(b, "x INT, s STRING"), conform.Options{})
	for b.Loop() {
		out, err := caster.Conform(in)
		if err != nil {
			b.Fatal(err)
		}
		out.Release()
	}
}

func BenchmarkIntToLong(b *testing.B) {
	ints := array.NewInt32Builder(memory.DefaultAllocator)
	for i := range int32(100_000) {
		ints.Append(i)
	}
	in := array.NewRecordBatch(schema.ToArrow(ddl(b, "x INT")), []arrow.Array{ints.NewArray()}, 100_000)
	caster := conform.New(ddl(b, "x BIGINT"), conform.Options{})
	b.SetBytes(400_000)
	for b.Loop() {
		out, err := caster.Conform(in)
		if err != nil {
			b.Fatal(err)
		}
		out.Release()
	}
}

func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zone data here: ", err)
	}
	return zone
}

func ddl(tb testing.TB, text string) *schema.Struct {
	tb.Helper()
	s, err := schema.ParseDDL(text)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func batch(tb testing.TB, mem memory.Allocator, columns, rows string) arrow.RecordBatch {
	tb.Helper()
	return arrowBatch(tb, mem, schema.ToArrow(ddl(tb, columns)), rows)
}

func arrowBatch(tb testing.TB, mem memory.Allocator, s *arrow.Schema, rows string) arrow.RecordBatch {
	tb.Helper()
	rec, _, err := array.RecordFromJSON(mem, s, strings.NewReader(rows))
	if err != nil {
		tb.Fatal(err)
	}
	return rec
}

func equal(t *testing.T, got, want arrow.RecordBatch) {
	t.Helper()
	if !got.Schema().Equal(want.Schema()) {
		t.Errorf("schema\n got %v\nwant %v", got.Schema(), want.Schema())
		return
	}
	if err := validate(got); err != nil {
		t.Error(err)
	}
	if !array.RecordEqual(got, want) {
		t.Errorf("rows\n got %v\nwant %v", got, want)
	}
}

func validate(rec arrow.RecordBatch) error {
	var errs []error
	for _, c := range rec.Columns() {
		errs = append(errs, array.ValidateFull(c))
	}
	return errors.Join(errs...)
}
