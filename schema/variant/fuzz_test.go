package variant_test

import (
	"errors"
	"testing"
	"time"

	"github.com/freshet/freshet/schema"
	"github.com/freshet/freshet/schema/variant"
)

// FuzzDecode reads any bytes in every way there is.
func FuzzDecode(f *testing.F) {
	for _, line := range recorded(f, "testdata/json.txt") {
		if line[1] != "x" {
			f.Add(unhex(f, line[2]), unhex(f, line[1]))
		}
	}
	nested, err := schema.ParseType("struct<a: array<map<string, decimal(10,2)>>, b: timestamp, v: variant>")
	if err != nil {
		f.Fatal(err)
	}
	path, err := variant.ParsePath("$.a[0].b")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, metadata, data []byte) {
		v := variant.Value{Metadata: metadata, Data: data}
		text, failure := v.AppendJSON(nil, time.UTC)
		if _, err := v.Schema(); (err == nil) != (failure == nil) {
			t.Fatalf("Schema: %v, AppendJSON: %v", err, failure)
		}
		if _, _, err := v.Get(path); err != nil && !errors.Is(err, variant.ErrMalformed) {
			t.Fatal(err)
		}
		for _, typ := range []schema.Type{nested, schema.String, schema.Double, schema.Date, schema.Decimal{Precision: 38, Scale: 10}} {
			if _, _, err := (variant.Cast{Type: typ, Zone: time.UTC, Try: true}).Append(nil, v); err != nil && failure == nil {
				t.Fatalf("cast of %s: %v", text, err)
			}
		}
		var b variant.Builder
		if err := b.Append(v); err != nil {
			return
		}
		again, err := b.Finish()
		if err != nil {
			t.Fatal(err)
		}
		// Fields may have been out of order.
		if copied, err := again.AppendJSON(nil, time.UTC); failure == nil && (err != nil || len(copied) != len(text)) {
			t.Fatalf("%s became %s, %v", text, copied, err)
		}
	})
}

// FuzzParseJSON parses any text; what it takes, it writes as JSON that it takes again.
func FuzzParseJSON(f *testing.F) {
	for _, line := range recorded(f, "testdata/json.txt") {
		f.Add(unquote(f, line[0]))
	}
	f.Fuzz(func(t *testing.T, in string) {
		v, err := variant.ParseJSON([]byte(in))
		if err != nil {
			return
		}
		once := text(t, parse(t, text(t, v))) // 1.0 of a Double is 1 of a Decimal
		if twice := text(t, parse(t, once)); twice != once {
			t.Fatalf("%q: %s became %s", in, once, twice)
		}
	})
}

func FuzzParsePath(f *testing.F) {
	for _, p := range []string{"$", "$.a.b[1]", `$["a b"]['c']`, "$[-1]", "$.", "$['"} {
		f.Add(p)
	}
	v := parse(f, `{"a":{"b":[1,2]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := variant.ParsePath(text)
		if err != nil {
			return
		}
		if _, _, err := v.Get(p); err != nil {
			t.Fatal(err)
		}
	})
}
