package csv_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/csv"
	"github.com/freshet/freshet/schema/variant"
)

// variantText returns a variant as JSON.
func variantText(c *array.Struct, i int) string {
	v := variant.Value{Data: c.Field(0).(*array.Binary).Value(i), Metadata: c.Field(1).(*array.Binary).Value(i)}
	text, err := v.AppendJSON(nil, time.UTC)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

const whole = "a,b,c\n1,x,2.50\n2\n3,y,4,5\n,\"\",2026-01-02\n"

// The rows that Spark 4.2 gives where they are not said to be ours.
func TestReadSingleVariant(t *testing.T) {
	named := func(more ...string) options {
		o := options{"singleVariantColumn": "v", "header": "true"}
		for i := 0; i < len(more); i += 2 {
			o[more[i]] = more[i+1]
		}
		return o
	}
	const extra = `{"_c3":"5","_file_path":"mem:/f0.csv"}`
	tests := []struct {
		name       string
		text       string
		q          query
		want       [][]any
		mismatches int64
	}{
		{"header", whole, query{options: named()}, rows(row(`{"a":1,"b":"x","c":2.5}`), row(`{"a":2}`),
			row(`{"a":3,"b":"y","c":4}`), row(`{"a":null,"b":null,"c":"2026-01-02"}`)), 2},
		{"corrupt column", whole, query{ddl: "v VARIANT, _corrupt_record STRING", options: named()}, rows(row(`{"a":1,"b":"x","c":2.5}`, null),
			row(`{"a":2}`, "2"), row(`{"a":3,"b":"y","c":4}`, "3,y,4,5"), row(`{"a":null,"b":null,"c":"2026-01-02"}`, null)), 2},
		{
			"drop malformed", whole,
			query{options: named("mode", "DROPMALFORMED")},
			rows(row(`{"a":1,"b":"x","c":2.5}`), row(`{"a":null,"b":null,"c":"2026-01-02"}`)), 2,
		},
		{"rescue (ours)", whole, query{rescue: "r", options: named()}, rows(row(`{"a":1,"b":"x","c":2.5}`, null), row(`{"a":2}`, null),
			row(`{"a":3,"b":"y","c":4}`, extra), row(`{"a":null,"b":null,"c":"2026-01-02"}`, null)), 2},
		{
			"no header", "1,x\n2\n3,y,z\n",
			query{options: options{"singleVariantColumn": "v"}},
			rows(row(`{"_c0":1,"_c1":"x"}`), row(`{"_c0":2}`), row(`{"_c0":3,"_c1":"y","_c2":"z"}`)), 0,
		},
		{
			"no header, rescue (ours)", "1\n2,3\n",
			query{rescue: "r", options: options{"singleVariantColumn": "v", "mode": "FAILFAST"}},
			rows(row(`{"_c0":1}`, null), row(`{"_c0":2,"_c1":3}`, null)), 0,
		},
		{"nullValue and emptyValue", "a,b\nx,\"\"\n", query{options: named("nullValue", "x", "emptyValue", "E")}, rows(row(`{"a":null,"b":"E"}`)), 0},
		{"names of different case", "A,a\n1,2\n", query{options: named()}, rows(row(`{"A":1,"a":2}`)), 0},
		{"equal and empty names (ours)", "a,a,\n1,2,3\n", query{options: named()}, rows(row(`{"_c2":3,"a0":1,"a1":2}`)), 0},
		{"bytes that are no text (ours)", "a\n\xff\n", query{options: named()}, rows(row("{\"a\":\"\uFFFD\"}")), 0},
		{
			"VARIANT columns", "a,b,c\n1,x,2.50\n2\n,\"\",true\n",
			query{ddl: "a VARIANT, b STRING, c VARIANT", options: options{"header": "true"}},
			rows(row("1", "x", "2.5"), row("2", null, null), row("null", null, "true")), 1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{0, 1, 9, 30} {
				tt.q.size = size
				got := tt.q.run(t, files(tt.text))
				got.check(t, tt.want)
				if got.mismatches != tt.mismatches {
					t.Errorf("block size %d: %d mismatches, want %d", size, got.mismatches, tt.mismatches)
				}
			}
		})
	}

	got := query{options: named("mode", "FAILFAST")}.run(t, files(whole))
	want := format.RecordError{Path: "mem:/f0.csv", Line: 3, Record: "2", Reason: "the record has 1 values, not 3"}
	var e *format.RecordError
	if !errors.As(got.err, &e) || *e != want {
		t.Errorf("FAILFAST: error is %v, want %v", got.err, &want)
	}
	got = query{options: named()}.run(t, files("a,b\n1,2\n", "c\n3\n"))
	got.check(t, rows(row(`{"a":1,"b":2}`), row(`{"c":3}`)))
	if got.ddl != "v VARIANT" {
		t.Errorf("inferred %s", got.ddl)
	}
}

// Each text becomes the type and the JSON that Spark 4.2 gives it as the only
// value of its file.
func TestVariantScalars(t *testing.T) {
	for _, tt := range []struct{ text, want, kind string }{
		{"1", "1", "BIGINT"},
		{"+1", "1", "BIGINT"},
		{"007", "7", "BIGINT"},
		{"-0", "0", "BIGINT"},
		{"9223372036854775807", "9223372036854775807", "BIGINT"},
		{"9223372036854775808", "9223372036854775808", "DECIMAL(19,0)"},
		{"1.50", "1.5", "DECIMAL(2,1)"},
		{".5", "0.5", "DECIMAL(1,1)"},
		{"5.", "5", "DECIMAL(1,0)"},
		{"-0.0", "0", "DECIMAL(1,0)"},
		{"1e3", "1000", "DECIMAL(4,0)"},
		{"1E-3", "0.001", "DECIMAL(3,3)"},
		{"12e36", "12" + strings.Repeat("0", 36), "DECIMAL(38,0)"},
		{"1e38", `"1e38"`, "STRING"},
		{"1e-38", "0." + strings.Repeat("0", 37) + "1", "DECIMAL(38,38)"},
		{"1e-39", `"1e-39"`, "STRING"},
		{"100e-40", `"100e-40"`, "STRING"},
		{"1,000", "1000", "DECIMAL(4,0)"},
		{"99999999999999999999999999999999999999", "99999999999999999999999999999999999999", "DECIMAL(38,0)"},
		{"999999999999999999999999999999999999999", `"999999999999999999999999999999999999999"`, "STRING"},
		{"NaN", `"NaN"`, "STRING"},
		{"Inf", `"Inf"`, "STRING"},
		{"true", "true", "BOOLEAN"},
		{"FALSE", "false", "BOOLEAN"},
		{"true ", `"true "`, "STRING"},
		{" 1", `" 1"`, "STRING"},
		{"2026", "2026", "BIGINT"},
		{"2026-01-02", `"2026-01-02"`, "DATE"},
		{"2026-1-2", `"2026-01-02 00:00:00+00:00"`, "TIMESTAMP"},
		{"2026-01", `"2026-01-01 00:00:00+00:00"`, "TIMESTAMP"},
		{"2026-02-30", `"2026-02-30"`, "STRING"},
		{"2026-01-02 03:04", `"2026-01-02 03:04:00+00:00"`, "TIMESTAMP"},
		{"2026-01-02T03:04:05.123456Z", `"2026-01-02 03:04:05.123456+00:00"`, "TIMESTAMP"},
		{"2026-01-02T03:04:05+02:00", `"2026-01-02 01:04:05+00:00"`, "TIMESTAMP"},
		{"null", `"null"`, "STRING"},
		{"0x10", `"0x10"`, "STRING"},
	} {
		text := fmt.Sprintf("a\n%q\n", tt.text)
		query{ddl: "a VARIANT", options: options{"header": "true"}}.run(t, files(text)).check(t, rows(row(tt.want)))
		if kind := scalarKind(t, text); kind != tt.kind {
			t.Errorf("%s is a %s, want %s", tt.text, kind, tt.kind)
		}
	}
	dated := query{ddl: "a VARIANT", options: options{"preferDate": "false"}}.run(t, files("2026-01-02\n"))
	dated.check(t, rows(row(`"2026-01-02 00:00:00+00:00"`)))
	formatted := query{ddl: "a VARIANT, b VARIANT", options: options{"dateFormat": "d.M.yyyy", "timestampFormat": "HH:mm d.M.yyyy"}}
	formatted.run(t, files("2.1.2026,03:04 2.1.2026\n")).check(t, rows(row(`"2026-01-02"`, `"2026-01-02 03:04:00+00:00"`)))
}

// scalarKind returns the type that the variant of a file's only value has.
func scalarKind(t *testing.T, text string) string {
	t.Helper()
	var kind string
	seeVariants(t, text, func(v variant.Value) {
		var err error
		if kind, err = v.Schema(); err != nil {
			t.Error(err)
		}
	})
	return kind
}

func TestSingleVariantDoesNotDependOnBlocks(t *testing.T) {
	for _, header := range []string{"true", "false"} {
		for _, text := range tricky {
			q := query{ddl: "v VARIANT, _corrupt_record STRING", rescue: "r", options: options{"singleVariantColumn": "v", "header": header, "multiLine": "true"}}
			want := q.run(t, files(text))
			for q.size = 1; q.size <= len(text)+1; q.size++ {
				got := q.run(t, files(text))
				if diff := cmp.Diff(want.rows, got.rows); diff != "" || got.err != nil {
					t.Errorf("%q in blocks of %d: %v\n%s", text, q.size, got.err, diff)
				}
			}
		}
	}
}

// seeVariants reads the column a of a file with header as VARIANT.
func seeVariants(t *testing.T, text string, see func(variant.Value)) {
	t.Helper()
	f := csv.Format{}
	values, err := f.Options().Parse(options{"header": "true"})
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range f.Read(t.Context(), slices.Values(files(text)), format.Request{Schema: mustSchema(t, "a VARIANT"), Options: values}) {
		if err != nil {
			t.Fatal(err)
		}
		c := b.Column(0).(*array.Struct)
		for i := range c.Len() {
			see(variant.Value{Data: c.Field(0).(*array.Binary).Value(i), Metadata: c.Field(1).(*array.Binary).Value(i)})
		}
		b.Release()
	}
}
