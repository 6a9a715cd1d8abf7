package selection_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta/internal/selection"
	"github.com/freshet/freshet/schema"
)

func TestTakeRecord(t *testing.T) {
	s, err := schema.ParseDDL("b boolean, i tinyint, l bigint, f float, d decimal(20,2), s string, x binary, v void, " +
		"st struct<a int, b string>, arr array<array<string>>, m map<string,struct<q int>>")
	if err != nil {
		t.Fatal(err)
	}
	rows := []string{
		`{"b":true,"i":1,"l":10,"f":1.5,"d":"1.25","s":"one","x":"AQ==","v":null,"st":{"a":1,"b":"x"},"arr":[["p","q"],[]],"m":[{"key":"k","value":{"q":1}}]}`,
		`{"b":null,"i":null,"l":null,"f":null,"d":null,"s":null,"x":null,"v":null,"st":null,"arr":null,"m":null}`,
		`{"b":false,"i":3,"l":30,"f":3.5,"d":"-3.25","s":"","x":"","v":null,"st":{"a":null,"b":null},"arr":[null,["r"]],"m":[]}`,
		`{"b":true,"i":4,"l":40,"f":4.5,"d":"4","s":"four","x":"BAQ=","v":null,"st":{"a":4,"b":"y"},"arr":[],"m":[{"key":"z","value":null}]}`,
	}
	r, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema.ToArrow(s), strings.NewReader("["+strings.Join(rows, ",")+"]"))
	if err != nil {
		t.Fatal(err)
	}
	tests := [][]int32{{0, 1, 2, 3}, {3, 1, 3, 0}, {2}, {1}, {}}
	for _, from := range []int64{0, 1} {
		part := r.NewSlice(from, r.NumRows())
		for _, tt := range tests {
			if from > 0 {
				tt = slices.DeleteFunc(slices.Clone(tt), func(i int32) bool { return i == 3 })
			}
			got, err := selection.TakeRecord(part, tt)
			if err != nil {
				t.Fatal(err)
			}
			var want []any
			all := decode(t, part)
			for _, i := range tt {
				want = append(want, all[i])
			}
			gotText, _ := json.Marshal(decode(t, got))
			wantText, _ := json.Marshal(want)
			if len(tt) > 0 && string(gotText) != string(wantText) {
				t.Errorf("rows %v from %d:\n got %s\nwant %s", tt, from, gotText, wantText)
			}
			if got.NumRows() != int64(len(tt)) {
				t.Errorf("rows %v: got %d", tt, got.NumRows())
			}
		}
	}
}

func decode(t *testing.T, r json.Marshaler) []any {
	t.Helper()
	text, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var out []any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out
}
