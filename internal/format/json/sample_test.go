package json_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/json"
)

// Whoever reads with a schema inferred from the start of the data must learn
// of everything by which the rest would have changed that schema.
func TestSampledSchemaIsDoubted(t *testing.T) {
	for _, c := range []struct {
		name, first, later string
		certain            bool // nothing is to be doubted
	}{
		{"number after long", `{"a":1}`, `{"a":1.5}`, false},
		{"text after long", `{"a":1}`, `{"a":"x"}`, false},
		{"large integer after long", `{"a":1}`, `{"a":12345678901234567890}`, false},
		{"empty text after long", `{"a":1}`, `{"a":""}`, false},
		{"text that is a number", `{"a":1.5}`, `{"a":"NaN"}`, false},
		{"text after boolean", `{"a":true}`, `{"a":"true"}`, false},
		{"number after timestamp", `{"a":"2026-01-02T03:04:05Z"}`, `{"a":17}`, false},
		{"text after timestamp", `{"a":"2026-01-02T03:04:05Z"}`, `{"a":"later"}`, false},
		{"object after text", `{"a":"x"}`, `{"a":{"b":1}}`, true},
		{"object after array", `{"a":[1]}`, `{"a":{"b":1}}`, false},
		{"other elements", `{"a":[1]}`, `{"a":["x"]}`, false},
		{"array of objects gains a field", `{"a":[{"b":1}]}`, `{"a":[{"b":1,"c":2}]}`, false},
		{"new field", `{"a":1}`, `{"a":2,"b":3}`, false},
		{"new field inside", `{"a":{"b":1}}`, `{"a":{"c":2}}`, false},
		{"malformed record", `{"a":1}`, `{"a":`, false},
		{"same again", `{"a":1,"b":{"c":[true]}}`, `{"b":{"c":[false,null]},"a":null}`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ask := format.Inference{InferTypes: true, MergeSchema: true, CorruptRecords: true}
			in := input{files: []string{c.first, c.later}, options: map[string]string{"inferTimestamp": "true"}}
			all, err := in.infer(t, ask)
			if err != nil {
				t.Fatal(err)
			}
			ask.SampleBytes, ask.KeepVoid = 1, true
			sampled, err := in.infer(t, ask)
			if err != nil {
				t.Fatal(err)
			}
			in.ddl = sampled.DDL()
			mismatches, unknown := in.doubts(t)
			doubted := mismatches > 0 || unknown
			if same := all.DDL() == sampled.DDL(); !same && !doubted {
				t.Errorf("sample has %s, all of it %s, but no doubts", sampled.DDL(), all.DDL())
			}
			if doubted == c.certain {
				t.Errorf("%d mismatches, unknown fields: %t, certain: %t", mismatches, unknown, c.certain)
			}
		})
	}
}

// doubts returns what reading reports that speaks against the schema.
func (in *input) doubts(tb testing.TB) (mismatches int64, unknown bool) {
	tb.Helper()
	for b, err := range in.Read(tb.Context(), slices.Values(in.store(tb)), in.request(tb)) {
		if err != nil {
			tb.Fatal(err)
		}
		mismatches += b.Mismatches
		unknown = unknown || b.Unknown != nil
		b.Release()
	}
	return mismatches, unknown
}

func TestInferReadsNoMoreThanASample(t *testing.T) {
	in := input{Format: json.Format{BlockSize: 64, Workers: 1}, files: []string{strings.Repeat(`{"a":1}`+"\n", 1000) + `{"b":2}`}}
	for sample, want := range map[int64]string{0: "a BIGINT, b BIGINT", 100: "a BIGINT"} {
		got, err := in.infer(t, format.Inference{InferTypes: true, SampleBytes: sample})
		if err != nil || got.DDL() != want {
			t.Errorf("sample of %d bytes: %v, %v; want %s", sample, got, err, want)
		}
	}
}

func TestInferKeepsVoid(t *testing.T) {
	for drop, want := range map[string]string{"false": "a VOID, b ARRAY<VOID>, c BIGINT", "true": "c BIGINT"} {
		in := input{files: []string{`{"a":null,"b":[],"c":1}`}, options: map[string]string{"dropFieldIfAllNull": drop}}
		got, err := in.infer(t, format.Inference{InferTypes: true, KeepVoid: true})
		if err != nil || got.DDL() != want {
			t.Errorf("dropFieldIfAllNull %s: %v, %v; want %s", drop, got, err, want)
		}
	}
}

// A guess at the order of fields must not show in what is read.
func TestFieldsInAnyOrder(t *testing.T) {
	in := input{ddl: "a INT, b INT, c INT", files: []string{strings.Join([]string{
		`{"c":3,"a":1,"b":2}`, `{"c":3,"a":1,"b":2}`, `{"b":2}`, `{"c":3,"b":2,"a":1}`, `{}`, `{"x":{"c":0},"a":1}`, `{"a":1,"a":4,"b":2}`,
	}, "\n")}}
	check(t, in, "a=1 b=2 c=3", "a=1 b=2 c=3", "b=2", "a=1 b=2 c=3", "", "a=1", "a=4 b=2")
}
