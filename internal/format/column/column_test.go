package column_test

import (
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/freshet/freshet/internal/format/column"
	"github.com/freshet/freshet/schema"
)

// text returns the array as Arrow prints it and checks that its type is t's.
func text(t *testing.T, b column.Builder, want schema.Type) string {
	t.Helper()
	a := b.Finish()
	defer a.Release()
	if got := a.DataType(); !arrow.TypeEqual(got, schema.ArrowType(want)) {
		t.Errorf("type %s, want %s", got, schema.ArrowType(want))
	}
	if b.Len() != 0 {
		t.Errorf("Len after Finish is %d", b.Len())
	}
	nulls := 0
	for i := range a.Len() {
		if a.IsNull(i) {
			nulls++
		}
	}
	if want != schema.Void && nulls != a.NullN() {
		t.Errorf("NullN is %d, the bitmap has %d", a.NullN(), nulls)
	}
	return a.String()
}

func TestFixed(t *testing.T) {
	b, ok := column.New(schema.Long).(*column.Fixed[int64])
	if !ok {
		t.Fatal("BIGINT is not a Fixed of int64")
	}
	for range 2 { // builders start anew after Finish
		b.Append(1)
		b.AppendNull()
		b.Append(3)
		b.Resize(5)
		b.Append(6)
		b.Resize(6)
		if got, want := text(t, b, schema.Long), "[1 (null) 3 (null) (null) 6]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	b.AppendNull()
	b.Append(2)
	b.Resize(1)
	b.Resize(0)
	b.Append(9)
	if got, want := text(t, b, schema.Long), "[9]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPut(t *testing.T) {
	b := column.NewFixed[int64](arrow.PrimitiveTypes.Int64)
	b.Put(2, 1)
	b.Put(2, 2)
	b.Put(3, 3)
	if got, want := text(t, b, schema.Long), "[(null) (null) 2 3]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	flags := &column.Bool{}
	flags.Put(1, true)
	flags.Put(1, false)
	if got, want := text(t, flags, schema.Boolean), "[(null) false]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, dictionary := range []bool{false, true} {
		s := column.NewString(dictionary)
		s.Put(1, []byte("old"))
		s.Put(1, []byte("new"))
		s.Put(2, []byte("new"))
		if got := string(s.Value(2)); got != "new" {
			t.Errorf("Value is %q", got)
		}
		a := s.Finish()
		if got, _ := stringsOf(t, a); fmt.Sprint(got) != "[null new new]" {
			t.Errorf("dictionary %t: %v", dictionary, got)
		}
		a.Release()
	}
}

func TestFixedTypes(t *testing.T) {
	column.New(schema.Byte).(*column.Fixed[int8]).Append(1)
	column.New(schema.Short).(*column.Fixed[int16]).Append(1)
	column.New(schema.Integer).(*column.Fixed[int32]).Append(1)
	column.New(schema.Double).(*column.Fixed[float64]).Append(1)
	column.New(schema.Float).(*column.Fixed[float32]).Append(1)
	d := column.New(schema.Date).(*column.Fixed[arrow.Date32])
	d.Append(19724)
	if got, want := text(t, d, schema.Date), "[2024-01-02]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, typ := range []schema.Type{schema.Timestamp, schema.TimestampNTZ} {
		ts := column.New(typ).(*column.Fixed[arrow.Timestamp])
		ts.Append(1)
		text(t, ts, typ)
	}
	dec := schema.Decimal{Precision: 10, Scale: 2}
	b := column.New(dec).(*column.Fixed[decimal128.Num])
	b.Append(decimal128.FromI64(-123))
	if got, want := text(t, b, dec), "[-1.23]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	text(t, column.New(schema.Variant), schema.Variant)
}

func TestBool(t *testing.T) {
	b := column.New(schema.Boolean).(*column.Bool)
	for i := range 9 {
		b.Append(i%2 == 0)
	}
	b.Resize(3)
	b.AppendNull()
	b.Append(false)
	b.Append(true)
	b.Resize(8)
	b.Append(false)
	if got, want := text(t, b, schema.Boolean), "[true false true (null) false true (null) (null) false]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNull(t *testing.T) {
	b := column.New(schema.Void)
	b.AppendNull()
	b.Resize(3)
	if got, want := text(t, b, schema.Void), "[(null) (null) (null)]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestStringPlain(t *testing.T) {
	b := column.NewString(false)
	b.Append([]byte("a"))
	b.AppendNull()
	b.Append(nil)
	b.Append([]byte("gone"))
	b.Resize(3)
	b.Append([]byte("bc"))
	b.Resize(5)
	if got, want := text(t, b, schema.String), `["a" (null) "" "bc" (null)]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// strings returns the values of a string or dictionary array.
func stringsOf(t *testing.T, a arrow.Array) (values []string, dictionary bool) {
	t.Helper()
	d, dictionary := a.(*array.Dictionary)
	for i := range a.Len() {
		switch {
		case a.IsNull(i):
			values = append(values, "null")
		case dictionary:
			values = append(values, d.Dictionary().(*array.String).Value(d.GetValueIndex(i)))
		default:
			values = append(values, a.(*array.String).Value(i))
		}
	}
	return values, dictionary
}

func TestStringDictionary(t *testing.T) {
	b := column.NewString(true)
	for _, c := range []struct {
		name       string
		distinct   int
		dictionary bool
	}{{"few", 7, true}, {"all", 1 << 30, false}, {"few again", 400, true}} {
		var want []string
		for i := range 3000 {
			switch i % 10 {
			case 3:
				b.AppendNull()
				want = append(want, "null")
			default:
				v := fmt.Sprintf("value-%d", i%c.distinct)
				b.Append([]byte(v))
				want = append(want, v)
			}
			if i == 1000 { // a row taken back
				b.Append([]byte("taken back"))
				b.Resize(b.Len() - 1)
			}
		}
		a := b.Finish()
		got, dictionary := stringsOf(t, a)
		a.Release()
		if dictionary != c.dictionary {
			t.Errorf("%s: dictionary %t, want %t", c.name, dictionary, c.dictionary)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: values differ", c.name)
		}
	}
}

func TestStringDictionaryOfNulls(t *testing.T) {
	b := column.NewString(true)
	b.Resize(3)
	a := b.Finish()
	defer a.Release()
	if got, _ := stringsOf(t, a); fmt.Sprint(got) != "[null null null]" {
		t.Errorf("got %v", got)
	}
	b.Append([]byte("x"))
	again := b.Finish()
	defer again.Release()
	if got, _ := stringsOf(t, again); fmt.Sprint(got) != "[x]" {
		t.Errorf("got %v", got)
	}
}

func TestList(t *testing.T) {
	typ := schema.Array{Element: schema.Long, ContainsNull: true}
	b := column.New(typ).(*column.List)
	elem := b.Elem().(*column.Fixed[int64])
	b.Append()
	elem.Append(1)
	elem.Append(2)
	b.AppendNull()
	b.Append()
	b.Append()
	elem.Append(9)
	b.Resize(3)
	b.Resize(4)
	b.Append()
	elem.AppendNull()
	if got, want := text(t, b, typ), "[[1 2] (null) [] (null) [(null)]]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMap(t *testing.T) {
	typ := schema.Map{Key: schema.String, Value: schema.Long, ValueContainsNull: true}
	b := column.New(typ).(*column.Map)
	keys, values := b.Keys().(*column.String), b.Values().(*column.Fixed[int64])
	b.Append()
	keys.Append([]byte("a"))
	values.Append(1)
	b.AppendNull()
	b.Append()
	keys.Append([]byte("b"))
	if b.Start() != 1 {
		t.Errorf("Start is %d, want 1", b.Start())
	}
	b.Resize(2)
	b.Append()
	keys.Append([]byte("c"))
	if got, want := text(t, b, typ), `[{["a"] [1]} (null) {["c"] [(null)]}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestStruct(t *testing.T) {
	typ := schema.New(schema.Col("a", schema.Long), schema.Col("b", schema.Array{Element: schema.String, ContainsNull: true}))
	b := column.New(typ).(*column.Struct)
	a := b.Fields()[0].(*column.Fixed[int64])
	b.Append()
	b.AppendNull()
	b.Append()
	a.Resize(b.Len() - 1)
	a.Append(3)
	b.Resize(4)
	b.Append()
	a.Resize(b.Len() - 1)
	a.Append(9)
	b.Resize(4)
	if got, want := text(t, b, typ), `{[(null) (null) 3 (null)] [(null) (null) (null) (null)]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestBatch(t *testing.T) {
	s := schema.New(schema.Col("id", schema.Long), schema.Col("name", schema.String), schema.Col("at", schema.Timestamp))
	b := column.NewBatch(s)
	b.Columns()[0].(*column.Fixed[int64]).Append(1)
	r := b.Finish(2)
	defer r.Release()
	if r.NumRows() != 2 || r.NumCols() != 3 || r.Schema().Field(1).Name != "name" {
		t.Errorf("got %v", r)
	}
	got, err := schema.FromArrow(r.Schema())
	if err != nil || !schema.Equal(got, s) {
		t.Errorf("schema %v, %v; want %v", got, err, s)
	}
}

func BenchmarkFixedAppend(b *testing.B) {
	col := column.NewFixed[float64](arrow.PrimitiveTypes.Float64)
	for b.Loop() {
		for i := range 1 << 16 {
			col.Append(float64(i))
		}
		col.Finish().Release()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(1<<16), "ns/value")
}

func BenchmarkStringAppend(b *testing.B) {
	words := make([][]byte, 1<<16)
	for i := range words {
		words[i] = fmt.Appendf(nil, "sensor-%05d", i)
	}
	for _, c := range []struct {
		name       string
		dictionary bool
		distinct   int
	}{{"plain", false, 500}, {"dictionary", true, 500}, {"distinct", true, 1 << 16}} {
		b.Run(c.name, func(b *testing.B) {
			col := column.NewString(c.dictionary)
			for b.Loop() {
				for i := range 1 << 16 {
					col.Append(words[i%c.distinct])
				}
				col.Finish().Release()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(1<<16), "ns/value")
		})
	}
}
