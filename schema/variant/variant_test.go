package variant_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	peer "github.com/apache/arrow-go/v18/parquet/variant"

	"github.com/freshet/freshet/schema"
	"github.com/freshet/freshet/schema/variant"
)

// recorded returns the fields of each line of a file of Spark's answers.
func recorded(tb testing.TB, path string) [][]string {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var all [][]string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && line[0] != '#' {
			all = append(all, strings.Split(line, "\t"))
		}
	}
	return all
}

func unquote(tb testing.TB, s string) string {
	tb.Helper()
	var out string
	if err := json.Unmarshal([]byte(s), &out); err != nil {
		tb.Fatalf("%s: %v", s, err)
	}
	return out
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// parse is ParseJSON of a text that is JSON.
func parse(tb testing.TB, text string) variant.Value {
	tb.Helper()
	v, err := variant.ParseJSON([]byte(text))
	if err != nil {
		tb.Fatalf("ParseJSON(%q): %v", text, err)
	}
	return v
}

func text(tb testing.TB, v variant.Value) string {
	tb.Helper()
	b, err := v.AppendJSON(nil, time.UTC)
	if err != nil {
		tb.Fatalf("AppendJSON(%x): %v", v.Data, err)
	}
	return string(b)
}

func TestParseJSONAsSpark(t *testing.T) {
	for _, f := range recorded(t, "testdata/json.txt") {
		in := unquote(t, f[0])
		v, err := variant.ParseJSON([]byte(in))
		if f[1] == "x" {
			var syntax *variant.SyntaxError
			var duplicate *variant.DuplicateKeyError
			if !errors.As(err, &syntax) && !errors.As(err, &duplicate) {
				t.Errorf("%q: %x, %v, want an error", in, v.Data, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if got, want := hex.EncodeToString(v.Data)+" "+hex.EncodeToString(v.Metadata), f[1]+" "+f[2]; got != want {
			t.Errorf("%q = %s, Spark %s", in, got, want)
		}
		if got, want := text(t, v), unquote(t, f[3]); got != want {
			t.Errorf("%q as JSON = %s, Spark %s", in, got, want)
		}
		if got, err := v.Schema(); err != nil || got != f[4] {
			t.Errorf("%q has the schema %s, %v, Spark %s", in, got, err, f[4])
		}
	}
}

// TestPeerReadsOurs has arrow-go's decoder validate what we write.
func TestPeerReadsOurs(t *testing.T) {
	many := make([]string, 100) // from 126 names on it panics
	for i := range many {
		many[i] = `"key ` + strings.Repeat("é", i%70) + string(rune('a'+i%26)) + string(rune('a'+i/26)) + `":` + strings.Repeat("[", i%9) + "1.5" + strings.Repeat("]", i%9)
	}
	for _, in := range []string{
		`{"b":[1,2,{"a":null}],"a":{"b":"x"}}`, "{" + strings.Join(many, ",") + "}",
		"[" + strings.Repeat("70000,", 400) + `"` + strings.Repeat("long ", 20000) + `"]`,
	} {
		v := parse(t, in)
		p, err := peer.New(v.Metadata, v.Data)
		if err != nil {
			t.Errorf("%.60s: the peer refuses it: %v", in, err)
			continue
		}
		var want, got any
		if err := json.Unmarshal([]byte(p.String()), &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text(t, v)), &got); err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if string(a) != string(b) {
			t.Errorf("we read %.200s, the peer %.200s", a, b)
		}
	}
}

func TestCastAsSpark(t *testing.T) {
	for _, f := range recorded(t, "testdata/cast.txt") {
		typ, err := schema.ParseType(f[2])
		if err != nil {
			t.Fatal(err)
		}
		v := variant.Value{Data: unhex(t, f[0]), Metadata: unhex(t, f[1])}
		for i, want := range f[3:] {
			want = unquote(t, want)
			try := i == 1
			got, ok, err := variant.Cast{Type: typ, Zone: time.UTC, Try: try}.Append(nil, v)
			_, refused := errors.AsType[*variant.CastError](err)
			switch {
			case want == "x":
				if !refused {
					t.Errorf("%s as %s = %q, %v, Spark refuses it", text(t, v), f[2], got, err)
				}
			case err != nil, ok == (want == "NULL"), ok && string(got) != want:
				t.Errorf("%s as %s = %q, %v, %v, Spark %q", text(t, v), f[2], got, ok, err, want)
			}
		}
	}
}

// TestHostileBytes: what lies about itself is refused, quickly.
func TestHostileBytes(t *testing.T) {
	empty := []byte{1, 0, 0}
	// Each array's two elements are the same next array: 2^60 parts.
	overlapping := []byte{}
	for range 60 {
		overlapping = append(overlapping, 0b11, 2, 0, 0, 0)
	}
	overlapping = append(overlapping, 0)
	deep := bytes.Repeat([]byte{0b11, 1, 0, 0}, 1<<20)
	for name, v := range map[string]variant.Value{
		"no bytes":        {Metadata: empty},
		"cut integer":     {Metadata: empty, Data: []byte{5 << 2, 1}},
		"long string":     {Metadata: empty, Data: []byte{16 << 2, 0xFF, 0xFF, 0xFF, 0xFF}},
		"unknown type":    {Metadata: empty, Data: []byte{63 << 2}},
		"time of day":     {Metadata: empty, Data: []byte{17 << 2, 0, 0, 0, 0, 0, 0, 0, 0}},
		"many fields":     {Metadata: empty, Data: []byte{0x42, 0xFF, 0xFF, 0xFF, 0x7F}},
		"no such name":    {Metadata: empty, Data: []byte{2, 1, 5, 0, 1, 0}},
		"other version":   {Metadata: []byte{2, 1, 0, 1, 'a'}, Data: []byte{2, 1, 0, 0, 1, 0}},
		"no metadata":     {Data: []byte{2, 1, 0, 0, 1, 0}},
		"name beyond end": {Metadata: []byte{1, 1, 0, 200, 'a'}, Data: []byte{2, 1, 0, 0, 1, 0}},
		"scale":           {Metadata: empty, Data: []byte{8 << 2, 39, 0, 0, 0, 0}},
		"overlapping":     {Metadata: empty, Data: overlapping},
		"deep":            {Metadata: empty, Data: deep},
	} {
		if got, err := v.AppendJSON(nil, time.UTC); !errors.Is(err, variant.ErrMalformed) {
			t.Errorf("%s: %.100s, %v, want ErrMalformed", name, got, err)
		}
	}
}

func TestEmptyLongString(t *testing.T) {
	v := variant.Value{Metadata: []byte{1, 0, 0}, Data: []byte{16 << 2, 0, 0, 0, 0}}
	if got := text(t, v); got != `""` {
		t.Errorf("got %s", got)
	}
}

// TestPaths are Spark 4.2's answers.
func TestPaths(t *testing.T) {
	v := parse(t, `{"a":{"b":5},"arr":[7,{"x":"y"}],"a b":1,"x.y":2,"s":"str","é":3,"n":null}`)
	for path, want := range map[string]string{
		"$.a": `{"b":5}`, "$.a.b": "5", "$.arr[0]": "7", "$.arr[1].x": `"y"`, `$["a"]`: `{"b":5}`, "$['a']": `{"b":5}`,
		"$.a b": "1", `$["a b"]`: "1", `$["x.y"]`: "2", "$.é": "3", "$.n": "null",
		"$.arr[9]": "none", "$.A": "none", "$.arr.a": "none", "$.s.a": "none", "$.n.x": "none",
		"$.arr[-1]": "error", "a": "error", ".a": "error", "$a": "error", "$.": "error", "$[a]": "error", "$.arr[*]": "error", "": "error", "$[ 0 ]": "error",
	} {
		got := "none"
		p, err := variant.ParsePath(path)
		if err != nil {
			got = "error"
		} else if part, found, err := v.Get(p); err != nil {
			t.Errorf("%s: %v", path, err)
		} else if found {
			got = text(t, part)
		}
		if got != want {
			t.Errorf("%s = %s, want %s", path, got, want)
		}
	}
}

func TestManyFields(t *testing.T) {
	var b variant.Builder
	b.Start()
	for i := range 1000 {
		b.Key(strconv.Itoa(i))
		b.Int(int64(i))
	}
	if err := b.End(variant.Object); err != nil {
		t.Fatal(err)
	}
	v, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	c, err := v.Container()
	if err != nil || c.Len() != 1000 {
		t.Fatalf("%d fields, %v", c.Len(), err)
	}
	for i := range 1000 {
		f, found, err := c.Field(strconv.Itoa(i))
		if got := text(t, f); err != nil || !found || got != strconv.Itoa(i) {
			t.Errorf("field %d = %s, %v, %v", i, got, found, err)
		}
	}
}

func BenchmarkParseJSON(b *testing.B) {
	in := []byte(`{"id":12345,"type":"commit","repo":{"name":"freshet/freshet","stars":42.5},"tags":["a","b","c"],"ok":true,"at":"2026-01-02T03:04:05Z"}`)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	var builder variant.Builder
	for b.Loop() {
		if _, err := builder.JSON(in); err != nil {
			b.Fatal(err)
		}
		if _, err := builder.Finish(); err != nil {
			b.Fatal(err)
		}
	}
}
