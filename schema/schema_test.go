package schema_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/schema"
)

// everything has each type, nested in each way.
var everything = schema.New(
	schema.Field{Name: "id", Type: schema.Long},
	schema.Col("i", schema.Integer), schema.Col("s", schema.Short), schema.Col("b", schema.Byte),
	schema.Col("f", schema.Float), schema.Col("d", schema.Double), schema.Col("dec", schema.Decimal{Precision: 38, Scale: 18}),
	schema.Col("str", schema.String), schema.Col("bin", schema.Binary), schema.Col("bool", schema.Boolean),
	schema.Col("day", schema.Date), schema.Col("ts", schema.Timestamp), schema.Col("ntz", schema.TimestampNTZ),
	schema.Col("odd `name`", schema.Array{Element: schema.New(schema.Col("x y", schema.String)), ContainsNull: true}),
	schema.Col("m", schema.Map{Key: schema.String, Value: schema.Array{Element: schema.Integer, ContainsNull: true}, ValueContainsNull: true}),
)

func TestJSONRoundTrip(t *testing.T) {
	s := everything.Clone()
	s.Fields[0].Metadata = map[string]any{"comment": "the <key>", "delta.columnMapping.id": jsonNumber("7")}
	got, err := schema.ParseJSON(s.JSON())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Errorf("schema changed (-written +read):\n%s", diff)
	}
}

func TestJSONIsTheProtocolsText(t *testing.T) {
	s := schema.New(
		schema.Field{Name: "id", Type: schema.Integer},
		schema.Col("a", schema.Array{Element: schema.Decimal{Precision: 10, Scale: 2}, ContainsNull: true}),
	)
	want := `{"type":"struct","fields":[{"name":"id","type":"integer","nullable":false,"metadata":{}},` +
		`{"name":"a","type":{"type":"array","elementType":"decimal(10,2)","containsNull":true},"nullable":true,"metadata":{}}]}`
	if got := string(s.JSON()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestJSONErrors(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"no struct", `"long"`, "a struct"},
		{"unknown type", `{"type":"struct","fields":[{"name":"a","type":"uuid","nullable":true}]}`, `unknown type "uuid"`},
		{"no name", `{"type":"struct","fields":[{"type":"long"}]}`, "no name"},
		{"no type", `{"type":"struct","fields":[{"name":"a"}]}`, "missing"},
		{"decimal", `{"type":"struct","fields":[{"name":"a","type":"decimal(39,0)"}]}`, "1 to 38"},
		{"deep", strings.Repeat(`{"type":"array","elementType":`, 600) + `"long"` + strings.Repeat("}", 600), ""},
		{"cut", `{"type":"struct","fields":[`, ""},
	} {
		_, err := schema.ParseJSON([]byte(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.want)
		}
	}
}

func TestDDLRoundTrip(t *testing.T) {
	got, err := schema.ParseDDL(everything.DDL())
	if err != nil {
		t.Fatal(err)
	}
	if !schema.Equal(got, everything) {
		t.Errorf("got  %s\nwant %s", got.DDL(), everything.DDL())
	}
}

func TestParseDDL(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"", ""},
		{"id int", "id INT"},
		{"`a.b` STRING, user_info.dob date", "`a.b` STRING, `user_info.dob` DATE"},
		{"a: long NOT NULL COMMENT 'it''s', b varchar(10)", "a BIGINT NOT NULL, b STRING"},
		{"x struct<a:int,b:struct<c:array<double>>>", "x STRUCT<a: INT, b: STRUCT<c: ARRAY<DOUBLE>>>"},
		{"p decimal, q DECIMAL(5), r numeric(38, 10)", "p DECIMAL(10,0), q DECIMAL(5,0), r DECIMAL(38,10)"},
		{"m map<string,\n map<int, timestamp_ntz>>", "m MAP<STRING, MAP<INT, TIMESTAMP_NTZ>>"},
		{"e struct<>", "e STRUCT<>"},
	} {
		s, err := schema.ParseDDL(tc.text)
		if err != nil {
			t.Errorf("%q: %v", tc.text, err)
		} else if got := s.DDL(); got != tc.want {
			t.Errorf("%q: got %s, want %s", tc.text, got, tc.want)
		}
	}
}

func TestParseDDLErrorsSayWhere(t *testing.T) {
	for _, tc := range []struct {
		text   string
		offset int
	}{
		{"a", 1},
		{"a int b", 6},
		{"a foo", 2},
		{"a array<int", 11},
		{"a map<int>", 9},
		{"`a int", 1},
		{"a decimal(40,2)", 15},
		{"a decimal(5,6)", 14},
		{"a int,", 6},
		{"a int COMMENT x", 14},
		{"a struct<b int c int>", 15},
		{strings.Repeat("a array<", 3000), -1},
	} {
		_, err := schema.ParseDDL(tc.text)
		if ddl, ok := errors.AsType[*schema.DDLError](err); !ok {
			t.Errorf("%.40q: error %v, want a DDLError", tc.text, err)
		} else if tc.offset >= 0 && ddl.Offset != tc.offset {
			t.Errorf("%q: error at %d (%v), want %d", tc.text, ddl.Offset, err, tc.offset)
		}
	}
}

func TestArrowRoundTrip(t *testing.T) {
	got, err := schema.FromArrow(schema.ToArrow(everything))
	if err != nil {
		t.Fatal(err)
	}
	if !schema.Equal(got, everything) {
		t.Errorf("got  %s\nwant %s", got.DDL(), everything.DDL())
	}
}

func TestFromArrowWidens(t *testing.T) {
	for _, tc := range []struct {
		from arrow.DataType
		want schema.Type
	}{
		{arrow.PrimitiveTypes.Uint8, schema.Short},
		{arrow.PrimitiveTypes.Uint64, schema.Decimal{Precision: 20}},
		{arrow.FixedWidthTypes.Timestamp_ns, schema.Timestamp},
		{&arrow.TimestampType{Unit: arrow.Second}, schema.TimestampNTZ},
		{arrow.FixedWidthTypes.Time64us, schema.String},
		{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint32, ValueType: arrow.BinaryTypes.String}, schema.String},
		{&arrow.Decimal256Type{Precision: 30, Scale: 2}, schema.Decimal{Precision: 30, Scale: 2}},
	} {
		got, err := schema.FromArrowType(tc.from)
		if err != nil || got != tc.want {
			t.Errorf("%s: got %v, %v, want %s", tc.from, got, err, tc.want)
		}
	}
	var unknown *schema.UnknownTypeError
	if _, err := schema.FromArrowType(&arrow.Decimal256Type{Precision: 60}); !errors.As(err, &unknown) {
		t.Errorf("decimal of 60 digits: %v", err)
	}
}

func TestValidateFindsClashesAtAnyLevel(t *testing.T) {
	for _, tc := range []struct {
		s    *schema.Struct
		path string
	}{
		{schema.New(schema.Col("a", schema.Long), schema.Col("A", schema.Long)), ""},
		{schema.New(schema.Col("s", schema.Array{Element: schema.New(schema.Col("x", schema.Long), schema.Col("X", schema.Long))})), "s.element"},
	} {
		var dup *schema.DuplicateColumnError
		if err := tc.s.Validate(); !errors.As(err, &dup) || dup.Path != tc.path {
			t.Errorf("%s: %v, want a duplicate in %q", tc.s, err, tc.path)
		}
	}
	if err := everything.Validate(); err != nil {
		t.Error(err)
	}
}

func TestIndexPrefersTheExactName(t *testing.T) {
	s := schema.New(schema.Col("ID", schema.Long), schema.Col("id", schema.Long))
	for name, want := range map[string]int{"ID": 0, "id": 1, "Id": 0, "x": -1} {
		if got := s.Index(name); got != want {
			t.Errorf("index of %s is %d, want %d", name, got, want)
		}
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add(everything.JSON())
	f.Add([]byte(`{"type":"struct","fields":[{"name":"a","type":"interval","nullable":true,"metadata":{"x":1e400}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := schema.ParseJSON(text)
		if err != nil {
			return
		}
		again, err := schema.ParseJSON(s.JSON())
		if err != nil {
			t.Fatalf("%s does not read back: %v", s.JSON(), err)
		}
		if !schema.Equal(s, again) {
			t.Errorf("%s became %s", s, again)
		}
	})
}

func FuzzParseDDL(f *testing.F) {
	f.Add(everything.DDL())
	f.Add("a.b.c decimal(3,1) not null comment \"x\"")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := schema.ParseDDL(text)
		if err != nil {
			return
		}
		again, err := schema.ParseDDL(s.DDL())
		if err != nil {
			t.Fatalf("%q gave %q, which does not read back: %v", text, s.DDL(), err)
		}
		if !schema.Equal(s, again) {
			t.Errorf("%q: %s became %s", text, s, again)
		}
	})
}

func jsonNumber(text string) json.Number { return json.Number(text) }
