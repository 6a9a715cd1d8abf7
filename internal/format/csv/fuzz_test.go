package csv_test

import (
	"maps"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fuzzOptions are the readings that fuzzing tries, by a byte.
var fuzzOptions = []options{
	{},
	{"multiLine": "true"},
	{"escape": `"`, "multiLine": "true"},
	{"header": "true", "comment": "#"},
	{"sep": "||", "multiLine": "true"},
	{"ignoreLeadingWhiteSpace": "true", "ignoreTrailingWhiteSpace": "true", "multiLine": "true", "header": "true"},
	{"unescapedQuoteHandling": "STOP_AT_CLOSING_QUOTE", "multiLine": "true", "charToEscapeQuoteEscaping": "|"},
	{"unescapedQuoteHandling": "BACK_TO_DELIMITER", "multiLine": "true"},
	{"unescapedQuoteHandling": "SKIP_VALUE", "lineSep": ";"},
	{"unescapedQuoteHandling": "RAISE_ERROR", "multiLine": "true"},
	{"skipRows": "1", "mode": "DROPMALFORMED", "nullValue": "x", "emptyValue": "e"},
}

// FuzzRead checks that nothing panics, that text stays valid and that the cut
// into blocks does not matter.
func FuzzRead(f *testing.F) {
	for i, text := range tricky {
		f.Add([]byte(text), byte(i), byte(3))
	}
	f.Add([]byte(mixed), byte(0), byte(5))
	f.Fuzz(func(t *testing.T, text []byte, variant, size byte) {
		q := query{ddl: "a STRING, b INT, _corrupt_record STRING", options: fuzzOptions[int(variant)%len(fuzzOptions)]}
		if variant&0x80 != 0 {
			q.rescue = "r"
		}
		want := q.run(t, files(string(text)))
		for _, row := range want.rows {
			for _, v := range row {
				if s, ok := v.(string); ok && !utf8.ValidString(s) {
					t.Errorf("%q is not valid UTF-8", s)
				}
			}
		}
		q.size = int(size) + 1
		got := q.run(t, files(string(text)))
		if (want.err == nil) != (got.err == nil) {
			t.Fatalf("in blocks of %d error %v, else %v", q.size, got.err, want.err)
		}
		if want.err != nil {
			return
		}
		if diff := cmp.Diff(want.rows, got.rows, cmpopts.EquateEmpty(), sameNumber); diff != "" {
			t.Errorf("in blocks of %d:\n%s", q.size, diff)
		}
	})
}

// FuzzInfer checks that nothing panics, and that what is inferred of a text
// can be read from it, in any cut.
func FuzzInfer(f *testing.F) {
	for i, text := range tricky {
		f.Add([]byte(text), byte(i), byte(3))
	}
	f.Add([]byte("a,b\n1,2026-01-02\n2.5,2026-01-02 03:04:05\n"), byte(3), byte(9))
	f.Fuzz(func(t *testing.T, text []byte, variant, size byte) {
		q := query{options: options{"inferSchema": "true"}}
		maps.Copy(q.options, fuzzOptions[int(variant)%len(fuzzOptions)])
		want := q.run(t, files(string(text)))
		q.size = int(size) + 1
		if got := q.run(t, files(string(text))); want.ddl != got.ddl && want.err == nil && got.err == nil {
			t.Errorf("in blocks of %d schema %s, else %s", q.size, got.ddl, want.ddl)
		}
	})
}
