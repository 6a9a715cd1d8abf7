package evolve_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/schema"
)

// TestAssertion22_SchemaHints holds both vectors of semantics §3.4.
func TestAssertion22_SchemaHints(t *testing.T) {
	for _, c := range []struct{ name, inferred, hints, want string }{
		{
			"first vector",
			"date STRING, quantity INT, user_info STRUCT<id: STRING, name: STRING, dob: STRING>, purchase_options STRUCT<delivery_address: STRING>",
			"date DATE, user_info.dob DATE, purchase_options MAP<STRING,STRING>, time TIMESTAMP",
			"date DATE, quantity INT, user_info STRUCT<id: STRING, name: STRING, dob: DATE>, purchase_options MAP<STRING, STRING>, time TIMESTAMP",
		},
		{
			"second vector",
			"products ARRAY<STRING>, locations ARRAY<STRING>, users ARRAY<STRUCT<id: STRING, name: STRING, dob: STRING>>, ids MAP<STRING,STRING>, " +
				"names MAP<STRING,STRING>, prices MAP<STRING,STRING>, discounts MAP<STRUCT<id: STRING>,STRING>, descriptions MAP<STRING,STRUCT<content: INT>>",
			"products ARRAY<INT>, locations.element STRING, users.element.id INT, ids MAP<STRING,INT>, names.key INT, prices.value INT, " +
				"discounts.key.id INT, descriptions.value.content STRING",
			"products ARRAY<INT>, locations ARRAY<STRING>, users ARRAY<STRUCT<id: INT, name: STRING, dob: STRING>>, ids MAP<STRING, INT>, " +
				"names MAP<INT, STRING>, prices MAP<STRING, INT>, discounts MAP<STRUCT<id: INT>, STRING>, descriptions MAP<STRING, STRUCT<content: STRING>>",
		},
		{"absent and nested", "a STRING", "b.c.element INT, m.value DATE", "a STRING, b STRUCT<c: ARRAY<INT>>, m MAP<STRING, DATE>"},
		{"new field of a struct", "s STRUCT<a: INT>", "s.key INT", "s STRUCT<a: INT, key: INT>"},
		{"into a simple column", "s STRING", "s.a INT, s.b DATE", "s STRUCT<a: INT, b: DATE>"},
		{"case", "Date STRING, S STRUCT<A: STRING>", "date DATE, s.a INT", "Date DATE, S STRUCT<A: INT>"},
		{"name with dots", "`a.b` STRING", "`a.b` INT", "`a.b` INT"},
		{"corrupt record", "a INT", "_corrupt_record STRING", "a INT, _corrupt_record STRING"},
	} {
		inferred := ddl(t, c.inferred)
		before := inferred.DDL()
		if got := evolve.ApplyHints(inferred, ddl(t, c.hints)).DDL(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		if inferred.DDL() != before {
			t.Errorf("%s: the inferred schema was changed to %s", c.name, inferred.DDL())
		}
	}
}

func TestHintKeepsComment(t *testing.T) {
	got := evolve.ApplyHints(ddl(t, "a STRING"), ddl(t, "a INT COMMENT 'x'"))
	if got.Fields[0].Metadata["comment"] != "x" {
		t.Errorf("metadata %v, want the hint's comment", got.Fields[0].Metadata)
	}
}

func TestCommonType(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"INT", "INT", "INT"},
		{"TINYINT", "BIGINT", "BIGINT"},
		{"BIGINT", "FLOAT", "DOUBLE"},
		{"FLOAT", "DOUBLE", "DOUBLE"},
		{"DECIMAL(5,2)", "DOUBLE", "DOUBLE"},
		{"INT", "DECIMAL(5,2)", "DECIMAL(12,2)"},
		{"BIGINT", "DECIMAL(38,10)", "DECIMAL(38,10)"},
		{"DECIMAL(10,0)", "DECIMAL(5,5)", "DECIMAL(15,5)"},
		{"DECIMAL(38,0)", "DECIMAL(38,38)", "DECIMAL(38,0)"},
		{"DATE", "TIMESTAMP", "TIMESTAMP"},
		{"DATE", "TIMESTAMP_NTZ", "TIMESTAMP_NTZ"},
		{"TIMESTAMP", "TIMESTAMP_NTZ", "TIMESTAMP"},
		{"VOID", "ARRAY<INT>", "ARRAY<INT>"},
		{"ARRAY<INT>", "ARRAY<BIGINT>", "ARRAY<BIGINT>"},
		{"MAP<STRING,INT>", "MAP<STRING,DOUBLE>", "MAP<STRING, DOUBLE>"},
		{"STRUCT<a: INT>", "STRUCT<A: BIGINT, b: STRING>", "STRUCT<a: BIGINT, b: STRING>"},
		{"INT", "STRING", ""},
		{"BOOLEAN", "INT", ""},
		{"BINARY", "STRING", ""},
		{"DATE", "INT", ""},
		{"ARRAY<INT>", "ARRAY<STRING>", ""},
		{"ARRAY<INT>", "INT", ""},
		{"STRUCT<a: INT>", "STRUCT<a: STRING>", ""},
	} {
		a, b := typ(t, c.a), typ(t, c.b)
		for _, pair := range [][2]schema.Type{{a, b}, {b, a}} {
			got, ok := evolve.CommonType(pair[0], pair[1])
			if ok != (c.want != "") || ok && !schema.EqualIgnoringNulls(fold(got), fold(typ(t, c.want))) {
				t.Errorf("CommonType(%s, %s) = %v, %t, want %q", pair[0], pair[1], got, ok, c.want)
			}
		}
	}
}

// fold makes the names of a type lower case and drops the order of fields,
// which CommonType takes from its first argument.
func fold(t schema.Type) schema.Type {
	s, ok := t.(*schema.Struct)
	if !ok {
		return t
	}
	s = s.Clone()
	for i := range s.Fields {
		s.Fields[i].Name = string(s.Fields[i].Name[0] | 0x20)
	}
	return s
}

// TestAssertion24_TypeWidening is the table of semantics §3.7.
func TestAssertion24_TypeWidening(t *testing.T) {
	for _, c := range []struct {
		from, to, want string
	}{
		{"TINYINT", "SMALLINT", "SMALLINT"},
		{"TINYINT", "INT", "INT"},
		{"TINYINT", "BIGINT", "BIGINT"},
		{"TINYINT", "DOUBLE", "DOUBLE"},
		{"TINYINT", "DECIMAL(3,1)", "DECIMAL(11,1)"},
		{"SMALLINT", "BIGINT", "BIGINT"},
		{"INT", "BIGINT", "BIGINT"},
		{"INT", "DOUBLE", "DOUBLE"},
		{"INT", "DECIMAL(5,2)", "DECIMAL(12,2)"},
		{"BIGINT", "DECIMAL(5,2)", "DECIMAL(22,2)"},
		{"BIGINT", "DOUBLE", ""},
		{"FLOAT", "DOUBLE", "DOUBLE"},
		{"DECIMAL(5,2)", "DECIMAL(7,3)", "DECIMAL(7,3)"},
		{"DECIMAL(7,2)", "DECIMAL(5,4)", "DECIMAL(9,4)"},
		{"DECIMAL(7,2)", "DECIMAL(5,2)", ""},
		{"DECIMAL(38,0)", "DECIMAL(38,2)", ""},
		{"INT", "STRING", ""},
		{"BIGINT", "INT", ""},
		{"DOUBLE", "FLOAT", ""},
		{"DATE", "TIMESTAMP", ""},
	} {
		got, ok := evolve.Widen(typ(t, c.from), typ(t, c.to), false)
		if ok != (c.want != "") || ok && got.String() != c.want {
			t.Errorf("Widen(%s, %s) = %v, %t, want %q", c.from, c.to, got, ok, c.want)
		}
	}
	for _, parquet := range []bool{false, true} {
		if _, ok := evolve.Widen(schema.Date, schema.TimestampNTZ, parquet); ok != parquet {
			t.Errorf("DATE to TIMESTAMP_NTZ, Parquet %t: %t", parquet, ok)
		}
	}
}

func TestUnion(t *testing.T) {
	a, b := ddl(t, "id INT NOT NULL, s STRUCT<x: INT>, only_a INT NOT NULL"), ddl(t, "ID BIGINT NOT NULL, z DATE NOT NULL, s STRUCT<y: INT, X: DOUBLE>")
	got, err := evolve.Union(a, b, evolve.Refuse)
	if err != nil {
		t.Fatal(err)
	}
	if want := "id BIGINT NOT NULL, s STRUCT<x: DOUBLE, y: INT>, only_a INT, z DATE"; got.DDL() != want {
		t.Errorf("got %s\nwant %s", got.DDL(), want)
	}
	if a.DDL() != "id INT NOT NULL, s STRUCT<x: INT>, only_a INT NOT NULL" {
		t.Errorf("Union changed its argument to %s", a.DDL())
	}
}

func TestUnionConflicts(t *testing.T) {
	a, b := ddl(t, "s STRUCT<x: ARRAY<INT>>"), ddl(t, "s STRUCT<x: ARRAY<STRING>>")
	for _, c := range []struct {
		name    string
		resolve evolve.Resolver
		want    string
	}{
		{"KeepFirst", evolve.KeepFirst, "s STRUCT<x: ARRAY<INT>>"},
		{"OrString", evolve.OrString, "s STRUCT<x: ARRAY<STRING>>"},
	} {
		if got, err := evolve.Union(a, b, c.resolve); err != nil || got.DDL() != c.want {
			t.Errorf("%s: %v, %v, want %s", c.name, got, err, c.want)
		}
	}
	_, err := evolve.Union(a, b, evolve.Refuse)
	var conflict *evolve.ConflictError
	if !errors.As(err, &conflict) || conflict.Path != "s.x.element" || conflict.SQLState() != "22005" {
		t.Errorf("Refuse: %v, want a conflict at s.x.element", err)
	}
}

func TestMergeForWrite(t *testing.T) {
	for _, c := range []struct{ name, table, data, want string }{
		{"new columns last", "a INT NOT NULL, b STRING", "c DATE NOT NULL, A INT", "a INT NOT NULL, b STRING, c DATE"},
		{"new field at the end of its struct", "s STRUCT<a: INT>, t INT", "s STRUCT<b: INT NOT NULL, a: INT>", "s STRUCT<a: INT, b: INT>, t INT"},
		{"in an array", "s ARRAY<STRUCT<a: INT>>", "s ARRAY<STRUCT<b: INT>>", "s ARRAY<STRUCT<a: INT, b: INT>>"},
		{"in a map", "s MAP<STRING, STRUCT<a: INT>>", "s MAP<STRING, STRUCT<b: INT>>", "s MAP<STRING, STRUCT<a: INT, b: INT>>"},
		{"castable types stay", "a BIGINT, b STRING, c DECIMAL(5,2)", "a INT, b INT, c DOUBLE", "a BIGINT, b STRING, c DECIMAL(5,2)"},
		{"empty table", "", "a INT, b STRUCT<c: INT>", "a INT, b STRUCT<c: INT>"},
		{"null column gets a type", "a VOID", "a INT", "a INT"},
		{"null data", "a INT", "a VOID", "a INT"},
	} {
		got, err := evolve.MergeForWrite(ddl(t, c.table), ddl(t, c.data), evolve.AsTable)
		if err != nil || got.DDL() != c.want {
			t.Errorf("%s: %v, %v\nwant %s", c.name, got, err, c.want)
		}
	}
	for _, c := range []struct{ table, data, path string }{
		{"a INT", "a STRING", "a"},
		{"s STRUCT<a: INT>", "s STRUCT<a: STRING>", "s.a"},
		{"s STRUCT<a: INT>", "s INT", "s"},
		{"s ARRAY<INT>", "s ARRAY<BOOLEAN>", "s.element"},
	} {
		_, err := evolve.MergeForWrite(ddl(t, c.table), ddl(t, c.data), evolve.AsTable)
		var conflict *evolve.ConflictError
		if !errors.As(err, &conflict) || conflict.Path != c.path || conflict.ErrorClass() != "DELTA_FAILED_TO_MERGE_FIELDS" {
			t.Errorf("%s with %s: %v, want a conflict at %s", c.table, c.data, err, c.path)
		}
	}
}

func TestGrow(t *testing.T) {
	for _, c := range []struct{ name, schema, data, want string }{
		{"types stay", "a INT, s STRUCT<a: BIGINT>", "s STRUCT<b: INT, a: DOUBLE>, a STRING, c DATE NOT NULL", "a INT, s STRUCT<a: BIGINT, b: INT>, c DATE"},
		{"in arrays", "l ARRAY<STRUCT<x: BIGINT>>", "l ARRAY<STRUCT<y: STRING, x: DOUBLE>>", "l ARRAY<STRUCT<x: BIGINT, y: STRING>>"},
		{"in maps", "m MAP<STRING, STRUCT<x: INT>>", "m MAP<STRING, STRUCT<x: STRING, y: INT>>", "m MAP<STRING, STRUCT<x: INT, y: INT>>"},
		{"other kinds", "s STRUCT<a: INT>, l ARRAY<INT>", "s STRING, l STRUCT<a: INT>", "s STRUCT<a: INT>, l ARRAY<INT>"},
	} {
		if got := evolve.Grow(ddl(t, c.schema), ddl(t, c.data), evolve.AsTable).DDL(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestNewColumns(t *testing.T) {
	got := evolve.NewColumns(ddl(t, "a INT, s STRUCT<x: INT>, l ARRAY<STRUCT<p: INT>>"), ddl(t, "A INT, b STRUCT<c: INT>, s STRUCT<y: INT>, l ARRAY<STRUCT<q: INT>>"))
	if want := []string{"b", "s.y", "l.element.q"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestParseMode(t *testing.T) {
	for _, name := range evolve.ModeNames() {
		if m, err := evolve.ParseMode(name); err != nil || m.String() != name {
			t.Errorf("ParseMode(%s) = %v, %v", name, m, err)
		}
	}
	if m, err := evolve.ParseMode("ADDNEWCOLUMNS"); err != nil || m != evolve.AddNewColumns {
		t.Errorf("upper case: %v, %v", m, err)
	}
	if _, err := evolve.ParseMode("always"); err == nil {
		t.Error("an unknown mode is accepted")
	}
}

func ddl(t *testing.T, text string) *schema.Struct {
	t.Helper()
	s, err := schema.ParseDDL(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func typ(t *testing.T, text string) schema.Type {
	t.Helper()
	parsed, err := schema.ParseType(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
