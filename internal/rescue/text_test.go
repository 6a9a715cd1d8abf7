package rescue

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/freshet/freshet/schema"
)

func TestParse(t *testing.T) {
	for row, want := range map[string]struct {
		names []string
		file  string
		bad   bool
	}{
		`{"a":1,"_file_path":"file:///x.csv"}`:     {names: []string{"a"}, file: "file:///x.csv"},
		`{"a\u0062" : {"c": 1.10} , "d":null}`:     {names: []string{"ab", "d"}},
		`{"_file_path":"source","_file_path":"f"}`: {names: []string{"_file_path"}, file: "f"},
		`{"a":1,"a":2,"_file_path":"f"}`:           {names: []string{"a", "a"}, file: "f"},
		`{}`:                                       {bad: true},
		`{"a":1} x`:                                {bad: true},
		`{"a":}`:                                   {bad: true},
		`[1]`:                                      {bad: true},
		``:                                         {bad: true},
		`{"_file_path":"only"}`:                    {file: "only"},
		"{\"a\":\"\\u2028\",\n\"b\":[1,{\"c\":\"}\"}]}": {names: []string{"a", "b"}},
	} {
		got := parse(row)
		var names []string
		for _, m := range got.members {
			names = append(names, m.name)
		}
		if got.damaged != want.bad || !slices.Equal(names, want.names) || !got.damaged && got.file() != want.file {
			t.Errorf("%s: got %q of %q, damaged %v, want %+v", row, names, got.file(), got.damaged, want)
		}
	}
}

// TestValuesAreCounted where their columns have fields, one by one.
func TestValuesAreCounted(t *testing.T) {
	inner := schema.New(schema.Col("x", schema.Integer), schema.Field{Name: "y", Type: schema.New(schema.Col("z", schema.Integer))})
	for value, want := range map[string]int64{
		`1`: 1, `{"x":1,"w":{"a":1,"b":2}}`: 2, `{"x":1,"y":{"z":2,"q":3}}`: 3, `{}`: 1, `[1,2]`: 1,
	} {
		if got := (member{name: "s", value: []byte(value)}).values(inner); got != want {
			t.Errorf("%s has %d values, want %d", value, got, want)
		}
	}
}

// FuzzParse: what is left of rescued data is JSON again, with the same values,
// whatever the text was.
func FuzzParse(f *testing.F) {
	for _, row := range []string{`{"a":1,"_file_path":"x"}`, `{"a":{"b":[1,"\""]},"c":1e5}`, `{"\ud800":"` + "\xff" + `"}`, `{"a":1`, `{ "a" : 1 , "b":2}`} {
		f.Add(row)
	}
	f.Fuzz(func(t *testing.T, row string) {
		first := parse(row)
		again, ok := first.compose(first.members)
		if !ok {
			return
		}
		if !json.Valid([]byte(again)) {
			t.Fatalf("%q became %q", row, again)
		}
		second := parse(again)
		if len(second.members) != len(first.members) {
			t.Fatalf("%q has %d members, and %q %d", row, len(first.members), again, len(second.members))
		}
		for i, m := range first.members {
			if m.name != second.members[i].name || string(m.value) != string(second.members[i].value) {
				t.Errorf("member %d of %q is %q: %s, and of %q %q: %s", i, row, m.name, m.value, again, second.members[i].name, second.members[i].value)
			}
		}
	})
}
