package json_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/json"
)

const path = `,"_file_path":"/in/f0.json"}`

func TestAssertion16_MismatchIsRescuedInEveryMode(t *testing.T) {
	for _, mode := range []string{"PERMISSIVE", "DROPMALFORMED", "FAILFAST"} {
		in := input{
			files: []string{`{"c":"abc","d":1}`}, options: map[string]string{"mode": mode}, ddl: "c INT, d INT",
			req: format.Request{Rescue: "_rescued_data"},
		}
		check(t, in, `d=1 _rescued_data={"c":"abc"`+path)
	}
}

func TestAssertion17_TruncatedLine(t *testing.T) {
	in := input{files: []string{`{"a":1,"b":2}` + "\n" + `{"a":3,"b":` + "\n" + `{"a":4}`}, ddl: "a INT, b INT"}
	check(t, in, "a=1 b=2", "", "a=4")

	in.ddl += ", _corrupt_record STRING"
	check(t, in, "a=1 b=2", `_corrupt_record={"a":3,"b":`, "a=4")

	in.options = map[string]string{"mode": "dropmalformed"}
	check(t, in, "a=1 b=2", "a=4")

	in.options = map[string]string{"mode": "FAILFAST"}
	_, _, err := in.rows(t)
	var bad *format.RecordError
	if !errors.As(err, &bad) || bad.Line != 2 || bad.Path != "/in/f0.json" || bad.Record != `{"a":3,"b":` {
		t.Errorf("FAILFAST: %v", err)
	}
}

func TestAssertion23_DefaultInference(t *testing.T) {
	in := input{files: []string{`{"a":1,"b":{"c":2}}`}}
	for typed, want := range map[bool]string{false: "a STRING, b STRING", true: "a BIGINT, b STRUCT<c: BIGINT>"} {
		got, err := in.infer(t, format.Inference{InferTypes: typed})
		if err != nil || got.DDL() != want {
			t.Errorf("InferTypes %t: %v, %v; want %s", typed, got, err, want)
		}
	}
	in.ddl = "a STRING, b STRING"
	check(t, in, `a=1 b={"c":2}`)
}

func TestRescue(t *testing.T) {
	for _, c := range []struct{ name, ddl, text, want string }{
		{"unknown field", "a INT", `{"a":1,"z":true}`, `a=1 _rescued_data={"z":true` + path},
		{"source order", "b INT", `{"z":1.50,"b":"x","y":"s"}`, `_rescued_data={"z":1.50,"b":"x","y":"s"` + path},
		{"unknown object", "a INT", `{"z":{"q":[1, {"w":null}]},"a":1}`, `a=1 _rescued_data={"z":{"q":[1, {"w":null}]}` + path},
		{"object into scalar", "quantity INT", `{"quantity":{"units":2}}`, `_rescued_data={"quantity":"{\"units\":2}"` + path},
		{"array into scalar", "a INT", `{"a":[1,"x"]}`, `_rescued_data={"a":"[1,\"x\"]"` + path},
		{"nested unknown", "a STRUCT<b:INT>", `{"a":{"b":1,"c":{"d":2}}}`, `a={1} _rescued_data={"a":{"c":{"d":2}}` + path},
		{"nested mismatch", "a STRUCT<b:INT,s:STRUCT<t:DATE>>, z INT", `{"a":{"s":{"t":"never"},"b":"x"},"z":"y"}`, `a={(null) {(null)}} _rescued_data={"a":{"s":{"t":"never"},"b":"x"},"z":"y"` + path},
		{"nested after nested", "a STRUCT<b:INT>, c STRUCT<d:INT>", `{"a":{"b":true},"c":{"d":false}}`, `a={(null)} c={(null)} _rescued_data={"a":{"b":true},"c":{"d":false}` + path},
		{"array element", "a ARRAY<INT>", `{"a":[1,"x",3]}`, `_rescued_data={"a":"[1,\"x\",3]"` + path},
		{"unknown in array", "a ARRAY<STRUCT<b:INT>>", `{"a":[{"b":1,"c":2}]}`, `a=[{"b":1}] _rescued_data={"a":"[{\"b\":1,\"c\":2}]"` + path},
		{"mismatch in map", "m MAP<STRING,INT>", `{"m":{"k":"v"}}`, `_rescued_data={"m":"{\"k\":\"v\"}"` + path},
		{"beyond 64 bits", "a BIGINT", `{"a":9223372036854775808}`, `_rescued_data={"a":9223372036854775808` + path},
		{"void column", "v VOID", `{"v":1}`, `v=(null) _rescued_data={"v":1` + path},
		{"null is no data", "a INT", `{"a":1,"z":null}`, "a=1"},
		{"everything fits", "a INT", `{"a":1}`, "a=1"},
		{"date out of range", "d DATE", `{"d":"2024-02-30"}`, `_rescued_data={"d":"2024-02-30"` + path},
		{"single quotes", "a INT", `{'z':'it''s', 'y' : {'q':"\"",'n':NaN}}`, `_rescued_data={"_corrupt_record":"{'z':'it''s', 'y' : {'q':\"\\\"\",'n':NaN}}"` + path},
		{"not standard JSON", "a INT", `{'z':'it"s', 'y' : {'q':"\"",'n':NaN,'f':-1.5},"a":'x'}`, `_rescued_data={"z":"it\"s","y":{"q":"\"","n":"NaN","f":-1.5},"a":"x"` + path},
		{"malformed", "a INT", `{"a":1,"z":2`, `_rescued_data={"_corrupt_record":"{\"a\":1,\"z\":2"` + path},
		{"malformed with a column for it", "a INT, _corrupt_record STRING", `{"a":1,"z":2`, `_corrupt_record={"a":1,"z":2`},
		{"empty object", "a INT", `{"z":{}}`, `_rescued_data={"z":{}` + path},
	} {
		in := input{files: []string{c.text}, ddl: c.ddl, req: format.Request{Rescue: "_rescued_data"}}
		got, _, err := in.rows(t)
		if err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %v\n got %q\nwant %q", c.name, err, got, c.want)
		}
	}
}

func TestCase(t *testing.T) {
	in := input{files: []string{`{"ID":1,"É":2}`}, ddl: "id INT, é INT", req: format.Request{Rescue: "_rescued_data"}}
	check(t, in, "id=1 é=2")

	in.req.CaseSensitive = true
	check(t, in, `_rescued_data={"ID":1,"É":2`+path)
	if _, unknown, _ := in.rows(t); unknown != "" {
		t.Errorf("names that differ in case are new fields: %s", unknown)
	}

	in = input{files: []string{`{"a":1,"A":2}`}, ddl: "A INT", req: format.Request{Rescue: "_rescued_data", CaseSensitive: true}}
	check(t, in, `A=2 _rescued_data={"a":1`+path)
}

func TestDuplicateKeysLastWins(t *testing.T) {
	check(t, input{files: []string{`{"a":1,"a":2}` + "\n" + `{"a":1,"a":null}` + "\n" + `{"s":{"x":1},"s":{"y":2}}` + "\n" + `{"l":[1],"l":[2,3]}`}, ddl: "a INT, s STRUCT<x:INT,y:INT>, l ARRAY<INT>"},
		"a=2", "", "s={(null) 2}", "l=[2,3]")
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf(`"k%d":%d`, i%50, i))
	}
	in := input{files: []string{`{"m":{"k":1,"j":2,"k":3,"k":4}}` + "\n" + `{"m":{` + strings.Join(many, ",") + `}}`}, ddl: "m MAP<STRING,INT>"}
	rows := in.values(t)
	if len(rows) != 2 || fmt.Sprint(rows[0]) != "map[m:map[j:2 k:4]]" {
		t.Fatalf("got %v", rows)
	}
	if m, _ := rows[1]["m"].(map[string]any); len(m) != 50 || m["k0"] != 50.0 || m["k49"] != 99.0 {
		t.Errorf("got %v", m)
	}
}

func TestUnknown(t *testing.T) {
	for _, c := range []struct{ ddl, text, want string }{
		{"a INT", `{"a":1}`, ""},
		{"a INT", `{"a":1,"z":2,"y":{"w":[1.5]}}` + "\n" + `{"z":2.5,"b":null}` + "\n", "b STRING, y STRUCT<w: ARRAY<DOUBLE>>, z DOUBLE"},
		{"a STRUCT<b:INT>, l ARRAY<STRUCT<c:INT>>", `{"a":{"x":"s"},"l":[{"d":true}]}`, "a STRUCT<x: STRING>, l ARRAY<STRUCT<d: BOOLEAN>>"},
		{"a INT", `{"a":1,"z":tru}` + "\n" + `{"q":1} x` + "\n" + `{"y":1` + "\n", "q BIGINT"},
		{"a INT", `{"z":{}}`, ""},
	} {
		in := input{files: []string{c.text}, ddl: c.ddl}
		if _, got, err := in.rows(t); err != nil || got != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.text, got, err, c.want)
		}
	}
}

func TestFailOnUnknownFields(t *testing.T) {
	in := input{files: []string{`{"a":1,"z":2}`}, ddl: "a INT", options: map[string]string{"failOnUnknownFields": "true"}}
	_, _, err := in.rows(t)
	var c errclass.Classified
	if !errors.As(err, &c) || c.ErrorClass() != "UNKNOWN_FIELD_EXCEPTION.NEW_FIELDS_IN_FILE" || !strings.Contains(err.Error(), "z") {
		t.Errorf("got %v", err)
	}
}

func TestBadRecords(t *testing.T) {
	var got []string
	in := input{files: []string{`{"a":1}` + "\n" + `{"a":"x"}` + "\n" + `{"a"`}, ddl: "a INT", Format: json.Format{Workers: 1}}
	in.req.BadRecord = func(r format.BadRecord) { got = append(got, r.Record+": "+r.Reason) }
	check(t, in, "a=1")
	want := []string{`{"a":"x"}: the value does not fit the column's type`, `{"a": a colon is expected after a field name`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	got, in.req.Rescue = nil, "_rescued_data"
	check(t, in, "a=1", `_rescued_data={"a":"x"`+path)
	if len(got) != 1 {
		t.Errorf("with rescue, %q", got)
	}
}

func TestFailFastNamesTheColumn(t *testing.T) {
	in := input{
		files: []string{strings.Repeat("{}\n\n", 1000) + `{"b":1,"a":"x"}`}, ddl: "a INT, b INT", options: map[string]string{"mode": "FAILFAST"},
		Format: json.Format{BlockSize: 256},
	}
	_, _, err := in.rows(t)
	var bad *format.RecordError
	if !errors.As(err, &bad) || bad.Line != 2001 || bad.Column != "a" {
		t.Errorf("got %v", err)
	}
}

func TestEmptyFiles(t *testing.T) {
	in := input{files: []string{"", "\n\n", `{"a":1}`, ""}, ddl: "a INT"}
	check(t, in, "a=1")
	got, err := in.infer(t, format.Inference{InferTypes: true})
	if err != nil || got.DDL() != "a BIGINT" {
		t.Errorf("infer: %v, %v", got, err)
	}
}

func TestBatchRows(t *testing.T) {
	in := input{files: []string{strings.Repeat(`{"a":1}`+"\n", 10)}, ddl: "a INT", req: format.Request{BatchRows: 4}}
	var sizes []int64
	var first []int64
	for b, err := range in.Read(t.Context(), slices.Values(in.store(t)), in.request(t)) {
		if err != nil {
			t.Fatal(err)
		}
		sizes, first = append(sizes, b.NumRows()), append(first, b.FirstRow)
		b.Release()
	}
	if !slices.Equal(sizes, []int64{4, 4, 2}) || !slices.Equal(first, []int64{0, 4, 8}) {
		t.Errorf("sizes %v, first rows %v", sizes, first)
	}
}

func TestDeepNesting(t *testing.T) {
	deep := strings.Repeat(`[`, 10_000) + strings.Repeat(`]`, 10_000)
	objects := strings.Repeat(`{"z":`, 10_000) + "1" + strings.Repeat(`}`, 10_000)
	for _, text := range []string{`{"a":` + deep + `}`, `{"b":` + objects + `}`, `{"c":` + deep + `}`, deep, objects, `{"d":` + strings.Repeat("[", 100_000)} {
		in := input{files: []string{text}, ddl: "a STRING, c INT, _corrupt_record STRING"}
		check(t, in, "_corrupt_record="+text)
		if s, err := in.infer(t, format.Inference{InferTypes: true, CorruptRecords: true}); err != nil || s.DDL() != "_corrupt_record STRING" {
			t.Errorf("infer: %v, %v", s, err)
		}
		in.options = map[string]string{"multiLine": "true"}
		if _, _, err := in.rows(t); err != nil {
			t.Errorf("multiLine: %v", err)
		}
	}
	fine := `{"a":` + strings.Repeat(`[`, 900) + strings.Repeat(`]`, 900) + `}`
	check(t, input{files: []string{fine}, ddl: "a STRING"}, "a="+fine[5:len(fine)-1])
}

func TestLongLine(t *testing.T) {
	const length = 100 << 20
	in := input{files: []string{`{"a":1}` + "\n" + `{"b":"` + strings.Repeat("x", length) + `"}` + "\n" + `{"a":2}`}, ddl: "a INT, b STRING"}
	var got []int // lengths of b
	for b, err := range in.Read(t.Context(), slices.Values(in.store(t)), in.request(t)) {
		if err != nil {
			t.Fatal(err)
		}
		for row := range int(b.NumRows()) {
			n := 0
			if !b.Column(1).IsNull(row) {
				n = len(cell(b.Column(1), row))
			}
			got = append(got, n)
		}
		b.Release()
	}
	if want := []int{0, length, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEncodings(t *testing.T) {
	text := `{"a":1,"b":"é😀"}` + "\n" + `{"a":2}`
	wide := func(big bool, units []uint16) string {
		var b strings.Builder
		for _, u := range units {
			if big {
				b.Write([]byte{byte(u >> 8), byte(u)})
			} else {
				b.Write([]byte{byte(u), byte(u >> 8)})
			}
		}
		return b.String()
	}
	units := utf16.Encode([]rune(text))
	marked := slices.Concat([]uint16{0xfeff}, units)
	for _, c := range []struct{ name, encoding, text string }{
		{"UTF-8 with a mark", "", "\ufeff" + text},
		{"UTF-16LE with a mark", "", wide(false, marked)},
		{"UTF-16BE with a mark", "", wide(true, marked)},
		{"UTF-16LE", "UTF-16LE", wide(false, units)},
		{"UTF-16BE", "UTF-16BE", wide(true, units)},
	} {
		options := map[string]string{}
		if c.encoding != "" {
			options["encoding"] = c.encoding
		}
		in := input{files: []string{c.text}, options: options, ddl: "a INT, b STRING"}
		got, _, err := in.rows(t)
		if want := []string{"a=1 b=é😀", "a=2"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	in := input{files: []string{"{\"b\":\"\xe9\"}"}, options: map[string]string{"charset": "ISO-8859-1"}, ddl: "b STRING"}
	check(t, in, "b=é")
}

func TestMultiLine(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"{\n \"a\": 1,\n \"b\": \"x\\ny\"\n}\n", []string{"a=1 b=x\ny"}},
		{"[\n{\"a\":1},\n{\"a\":2}\n]\n", []string{"a=1", "a=2"}},
		{"[]", nil},
		{" \n ", nil},
		{"[{\"a\":1}{\"a\":2}]", []string{"a=1", "a=2"}},
		{`[{"b":"},{"},{"b":"\"]"},{"b":"\\"}]`, []string{`b=},{`, `b="]`, `b=\`}},
		{`[1,{"a":2},null]`, []string{"_corrupt_record=1", "a=2", "_corrupt_record=null"}},
		{`{"a":1}{"a":2}` + "\n" + `[{"a":3}]`, []string{"a=1", "a=2", "a=3"}},
		{`[{"a":1},{"a":`, []string{"a=1", `_corrupt_record={"a":`}},
		{`[{"a":1},{"a":2}`, []string{"a=1", "a=2", "_corrupt_record=["}}, // cut short between two records
		{"[{\"a\":1},{\"a\":2},\n", []string{"a=1", "a=2", "_corrupt_record=["}},
		{`[{"a":1},{"a":2}] {"a":3}`, []string{"a=1", "a=2", "a=3"}},
		{`}{"a":1}`, []string{"_corrupt_record=}", "a=1"}},
	} {
		for _, size := range []int{4, 1 << 20} {
			in := input{files: []string{c.text}, options: map[string]string{"multiLine": "true"}, ddl: "a INT, b STRING, _corrupt_record STRING", Format: json.Format{BlockSize: size}}
			check(t, in, c.want...)
		}
	}
	in := input{files: []string{"[{\"a\":1},\n{\"a\":2},\n{\"a\":x}]"}, options: map[string]string{"multiLine": "true", "mode": "FAILFAST"}, ddl: "a INT"}
	_, _, err := in.rows(t)
	var bad *format.RecordError
	if !errors.As(err, &bad) || bad.Line != 3 {
		t.Errorf("got %v", err)
	}
}

func TestOptionErrors(t *testing.T) {
	for _, options := range []map[string]string{
		{"samplingRatio": "0"},
		{"samplingRatio": "1.5"},
		{"encoding": "KLINGON"},
		{"timeZone": "Nowhere/Land"},
		{"dateFormat": "yyyy-bb"},
		{"timestampFormat": "["},
	} {
		in := input{files: []string{`{"a":1}`}, options: options, ddl: "a INT"}
		var c errclass.Classified
		if _, _, err := in.rows(t); !errors.As(err, &c) {
			t.Errorf("Read with %v: %v", options, err)
		}
		if _, err := in.infer(t, format.Inference{}); !errors.As(err, &c) {
			t.Errorf("Infer with %v: %v", options, err)
		}
	}
	variant := input{files: []string{`{"a":1}`}, options: map[string]string{"singleVariantColumn": "v"}, ddl: "v STRING"}
	_, _, err := variant.rows(t)
	var c errclass.Classified
	if !errors.As(err, &c) || c.ErrorClass() != "INVALID_SINGLE_VARIANT_COLUMN" {
		t.Errorf("singleVariantColumn: %v", err)
	}
	in := input{files: []string{`{"a":1}`}, ddl: "a MAP<INT,INT>"}
	if _, _, err := in.rows(t); err == nil {
		t.Error("a map with INT keys is read")
	}
}

func TestInferSamples(t *testing.T) {
	text := strings.Repeat(`{"a":1}`+"\n"+`{"b":1}`+"\n", 50)
	in := input{files: []string{text}, options: map[string]string{"samplingRatio": "0.5"}}
	got, err := in.infer(t, format.Inference{InferTypes: true})
	if err != nil || got.DDL() != "a BIGINT" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestInferMergesFilesAndCase(t *testing.T) {
	in := input{files: []string{`{"Id":1,"x":{"A":1}}`, `{"ID":2.5,"X":{"a":"s","b":[]}}`}}
	got, err := in.infer(t, format.Inference{InferTypes: true})
	if want := "Id DOUBLE, x STRUCT<A: STRING, b: ARRAY<STRING>>"; err != nil || got.DDL() != want {
		t.Errorf("got %v, %v; want %s", got, err, want)
	}
}

func TestInferFailFast(t *testing.T) {
	in := input{files: []string{"{}\n{\"a\n"}, options: map[string]string{"mode": "FAILFAST"}}
	_, err := in.infer(t, format.Inference{})
	var bad *format.RecordError
	if !errors.As(err, &bad) || bad.Line != 2 {
		t.Errorf("got %v", err)
	}
}

// TestBlocksDoNotShow reads and infers random files in blocks of many sizes
// and by several workers; nothing may depend on either.
func TestBlocksDoNotShow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{
		`{"a":1,"b":"x"}`, `{"b":"é","z":1.5}`, `{"a":"bad"}`, `{"a":`, ``, `   `, `[{"a":1},{"a":2}]`, `[{"a":1},{"a":"x"}]`, `[1]`,
		`{"c":{"d":[1,2,{"e":1}],"f":null}}`, `{"a":2147483648}`, `{'b':'it"s'}`, `{"b":"\ud83d\ude00\n"}`, `{"a":1}{"a":2}`, "{\"b\":\"\xff\"}", `{"B":"case"}`,
		`{"b":"a long text that goes on and on, {with} \"brackets\", and [more]"}`,
	}
	for _, separator := range []string{"\n", "\r\n", "\r"} {
		for round := range 5 {
			var text strings.Builder
			for range random.IntN(60) {
				text.WriteString(pieces[random.IntN(len(pieces))] + separator)
			}
			for _, multiLine := range []string{"false", "true"} {
				in := input{
					files: []string{text.String(), `{"b":"second file"}`}, options: map[string]string{"multiLine": multiLine},
					ddl: "a INT, b STRING, c STRUCT<d:ARRAY<STRING>>, _corrupt_record STRING", req: format.Request{Rescue: "_rescued_data"},
				}
				in.Format = json.Format{BlockSize: 1 << 20, Workers: 1}
				want, _, err := in.rows(t)
				schema, inferErr := in.infer(t, format.Inference{InferTypes: true, CorruptRecords: true})
				if err != nil || inferErr != nil {
					t.Fatal(err, inferErr)
				}
				for _, size := range []int{1, 7, 64, 100, 1000} {
					in.Format = json.Format{BlockSize: size, Workers: 3}
					got, _, err := in.rows(t)
					if err != nil || !slices.Equal(got, want) {
						t.Fatalf("round %d, %q, multiLine %s, blocks of %d: %v\n got %q\nwant %q", round, separator, multiLine, size, err, got, want)
					}
					if s, err := in.infer(t, format.Inference{InferTypes: true, CorruptRecords: true}); err != nil || s.DDL() != schema.DDL() {
						t.Fatalf("blocks of %d: %v, %v; want %v", size, s, err, schema)
					}
				}
			}
		}
	}
}
