package csv_test

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/block"
	"github.com/freshet/freshet/internal/format/csv"
)

func TestInfer(t *testing.T) {
	header := options{"header": "true"}
	tests := []struct {
		name    string
		texts   []string
		options options
		req     format.Inference
		want    string
	}{
		{"strings unless asked", []string{"a,b\n1,2\n"}, header, format.Inference{}, "a STRING, b STRING"},
		{
			"types",
			[]string{"a,b,c,d,e,f,g,h\n1,3000000000,99999999999999999999,1.5,2026-01-02,2026-01-02 03:04:05,true,x\n"},
			header,
			format.Inference{InferTypes: true},
			"a INT, b BIGINT, c DECIMAL(20,0), d DOUBLE, e DATE, f TIMESTAMP, g BOOLEAN, h STRING",
		},
		{"open column", []string{"a,b\n,1\n"}, header, format.Inference{InferTypes: true}, "a STRING, b INT"},
		{"open column kept", []string{"a,b\n,1\n"}, header, format.Inference{InferTypes: true, KeepVoid: true}, "a VOID, b INT"},
		{
			"files unified by name, ignoring case",
			[]string{"a,b\n1,x\n", "B,A,c\ny,2.5,true\n", "", "\n"},
			header,
			format.Inference{InferTypes: true, MergeSchema: true},
			"a DOUBLE, b STRING, c BOOLEAN",
		},
		{"first file's names alone", []string{"", "a,b\n1,x\n", "c,a\ny,2.5\n"}, header, format.Inference{InferTypes: true}, "a DOUBLE, b STRING"},
		{"strings of all files", []string{"a\n1\n", "b\n2\n"}, header, format.Inference{MergeSchema: true}, "a STRING, b STRING"},
		{"header only", []string{"a,b\n", "c"}, header, format.Inference{InferTypes: true, MergeSchema: true}, "a STRING, b STRING, c STRING"},
		{"no header", []string{"1,x\n2,y,z\n"}, nil, format.Inference{InferTypes: true}, "_c0 INT, _c1 STRING"},
		{"no header, several files", []string{"1\n", "2,3\n"}, nil, format.Inference{InferTypes: true, MergeSchema: true}, "_c0 INT, _c1 INT"},
		{"names", []string{"a,,A,NA,\"x y\"\n"}, options{"header": "true", "nullValue": "NA"}, format.Inference{}, "a0 STRING, _c1 STRING, A2 STRING, _c3 STRING, `x y` STRING"},
		{"nothing", []string{"", "\n"}, header, format.Inference{InferTypes: true}, ""},
		{"null value and empty strings", []string{"a,b\n-,\"\"\n1,2\n"}, options{"header": "true", "nullValue": "-"}, format.Inference{InferTypes: true}, "a INT, b INT"},
		{"sample", []string{"a\n" + strings.Repeat("1\n", 1000) + "x\n"}, header, format.Inference{InferTypes: true, SampleBytes: 100}, "a INT"},
		{
			"names of all files, types of a sample",
			[]string{"a\n" + strings.Repeat("1\n", 1000), "a,b\nx,y\n", "c\n"},
			header,
			format.Inference{InferTypes: true, MergeSchema: true, SampleBytes: 100, KeepVoid: true},
			"a INT, b VOID, c VOID",
		},
		{"no sample of the records", []string{"a\n1\nx\n"}, options{"header": "true", "samplingRatio": "0"}, format.Inference{InferTypes: true}, "a STRING"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{0, 3, 64} {
				f := csv.Format{Block: block.Config{Size: size}}
				values, err := f.Options().Parse(tt.options)
				if err != nil {
					t.Fatal(err)
				}
				tt.req.Options = values
				if tt.req.SampleBytes > 0 && size == 0 {
					continue // one block holds all
				}
				s, err := f.Infer(t.Context(), files(tt.texts...), tt.req)
				if err != nil {
					t.Fatal(err)
				}
				if got := s.DDL(); got != tt.want {
					t.Errorf("block size %d: schema is %s, want %s", size, got, tt.want)
				}
			}
		})
	}
}

func TestInferSamples(t *testing.T) {
	// Whether a record is sampled depends on its text, not on the cut.
	text := "v\n1\n2\n3\n4000000000\n5\n6.5\n7\n2026-01-02\n9\n"
	q := query{options: options{"header": "true", "inferSchema": "true", "samplingRatio": "0.2"}}
	want := q.run(t, files(text)).ddl
	for _, q.size = range []int{1, 10, 100} {
		if got := q.run(t, files(text)).ddl; got != want {
			t.Errorf("block size %d: schema is %s, want %s", q.size, got, want)
		}
	}
	if all := "v STRING"; want == all {
		t.Errorf("schema is %s: every record was sampled", all)
	}
}

func TestAssertion47_InferredTypes(t *testing.T) {
	got := query{options: options{"header": "true", "inferSchema": "true"}}.run(t, files("a,b,c\n1,3000000000,0.5\n"))
	if got.ddl != "a INT, b BIGINT, c DOUBLE" {
		t.Errorf("schema is %s", got.ddl)
	}
}

func TestAssertion48_UnionOfColumns(t *testing.T) {
	q := query{rescue: "_rescued_data", options: options{"header": "true", "inferSchema": "true", "mergeSchema": "true"}}
	q.run(t, files("a,b\n1,x\n", "b,c\ny,2\n")).check(t, rows(row(1, "x", null, null), row(null, "y", 2, null)))
}
