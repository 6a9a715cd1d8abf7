package delta

import (
	"math"
	"testing"

	"github.com/freshet/freshet/schema"
)

var partitionTypes = []schema.Type{
	schema.String, schema.Binary, schema.Boolean, schema.Byte, schema.Short, schema.Integer, schema.Long, schema.Float,
	schema.Double, schema.Date, schema.Timestamp, schema.TimestampNTZ,
	schema.Decimal{Precision: 20, Scale: 4},
}

func TestPartitionText(t *testing.T) {
	tests := []struct {
		typ        schema.Type
		text, want string // want is how it is written again, "" the same
	}{
		{schema.String, "a b/ü", ""},
		{schema.Boolean, "TRUE", "true"},
		{schema.Byte, "-128", ""},
		{schema.Long, "-9223372036854775808", ""},
		{schema.Float, "0.1", ""},
		{schema.Double, "1", "1.0"},
		{schema.Double, "NaN", ""},
		{schema.Double, "-Infinity", ""},
		{schema.Double, "1.0E300", "1e+300"},
		{schema.Date, "0001-01-01", ""},
		{schema.Date, "9999-12-31", ""},
		{schema.Timestamp, "2021-09-08 11:11:11", "2021-09-08T11:11:11.000000Z"},
		{schema.Timestamp, "2021-09-08 11:11:11.123456", "2021-09-08T11:11:11.123456Z"},
		{schema.Timestamp, "2021-09-08T11:11:11.000001Z", ""},
		{schema.Timestamp, "2021-09-08T11:11:11.5-08:00", "2021-09-08T19:11:11.500000Z"},
		{schema.Timestamp, "1969-12-31 23:59:59.999999", "1969-12-31T23:59:59.999999Z"},
		{schema.TimestampNTZ, "2021-09-08 11:11:11", ""},
		{schema.TimestampNTZ, "2021-09-08 11:11:11.000010", ""},
		{schema.Decimal{Precision: 5, Scale: 2}, "-1.5", "-1.50"},
		{schema.Decimal{Precision: 38, Scale: 0}, "99999999999999999999999999999999999999", ""},
	}
	for _, tt := range tests {
		v, err := parsePartition("c", tt.typ, &tt.text)
		if err != nil {
			t.Errorf("%s %q: %v", tt.typ, tt.text, err)
			continue
		}
		got, ok := partitionText(tt.typ, v)
		want := tt.want
		if want == "" {
			want = tt.text
		}
		if !ok || got == nil || *got != want {
			t.Errorf("%s %q is written as %v, want %q", tt.typ, tt.text, deref(got), want)
		}
	}
	for _, tt := range []struct {
		typ  schema.Type
		text string
	}{
		{schema.Byte, "128"},
		{schema.Long, "1.5"},
		{schema.Boolean, "yes"},
		{schema.Date, "2021-13-01"},
		{schema.Timestamp, "yesterday"},
		{schema.Decimal{Precision: 3, Scale: 1}, "1e999999999"},
		{schema.Decimal{Precision: 3, Scale: 1}, "100"},
		{schema.Decimal{Precision: 3, Scale: 1}, "0.25"},
	} {
		if v, err := parsePartition("c", tt.typ, &tt.text); err == nil {
			t.Errorf("%s %q is read as %+v", tt.typ, tt.text, v)
		}
	}
}

func TestPartitionNull(t *testing.T) {
	empty := ""
	for _, typ := range partitionTypes {
		for _, text := range []*string{nil, &empty} {
			v, err := parsePartition("c", typ, text)
			if err != nil || !v.null {
				t.Errorf("%s: %+v, %v, want null", typ, v, err)
			}
			arr, err := constant(typ, v, 3)
			if err != nil || arr.NullN() != 3 {
				t.Errorf("%s: %v, %v, want three nulls", typ, arr, err)
			}
		}
	}
}

func FuzzPartitionValue(f *testing.F) {
	for _, seed := range []string{"", "1", "-1.5", "1e400", "NaN", "2021-09-08 11:11:11.5", "9999-12-31", "true", "\x00ü", "1e-99999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, typ := range partitionTypes {
			v, err := parsePartition("c", typ, &text)
			if err != nil {
				continue
			}
			if _, err := constant(typ, v, 2); err != nil {
				t.Fatalf("%s %q: %v", typ, text, err)
			}
			written, ok := partitionText(typ, v)
			if !ok || written == nil {
				continue // null, or a binary that is no text
			}
			again, err := parsePartition("c", typ, written)
			if err != nil {
				t.Fatalf("%s: %q is written as %q, which is not read: %v", typ, text, *written, err)
			}
			if again != v && !(math.IsNaN(again.f) && math.IsNaN(v.f)) {
				t.Fatalf("%s: %q is %+v, and after %q %+v", typ, text, v, *written, again)
			}
		}
	})
}

func FuzzStats(f *testing.F) {
	f.Add(`{"numRecords":3,"minValues":{"a":1,"s":{"b":"x"}},"maxValues":{"a":1e2,"s":{"b":"y"}},"nullCount":{"a":0,"s":{"b":-1}}}`)
	f.Add(`{"numRecords":-1,"tightBounds":null,"nullCount":{"a":1e999999}}`)
	f.Add(`{"minValues":{"a":{}},"maxValues":[]}`)
	s, err := schema.ParseDDL("a bigint, d decimal(9,2), x double, t timestamp, s struct<b string>")
	if err != nil {
		f.Fatal(err)
	}
	m := &Metadata{Schema: s}
	predicate := And{
		Comparison{Column: []string{"a"}, Op: Greater, Value: 5},
		Comparison{Column: []string{"d"}, Op: LessOrEqual, Value: 1.5},
		Not{Of: Comparison{Column: []string{"x"}, Op: Equal, Value: 2}},
		Or{IsNull{Column: []string{"t"}}, Comparison{Column: []string{"s", "b"}, Op: NotEqual, Value: "q"}},
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := newFileFilter(m, predicate)
		if err != nil {
			t.Fatal(err)
		}
		file := AddFile{Stats: text}
		if kept := filter.mayMatch(file); !kept && text == "" {
			t.Fatal("a file without statistics is skipped")
		}
		file.NumRecords()
	})
}
