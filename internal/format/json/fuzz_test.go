package json_test

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/json"
	"github.com/freshet/freshet/schema"
)

var seeds = []string{
	`{"a":1,"b":"x\u00e9","c":{"d":[1,2.5,null]},"m":{"k":1}}`, `[{"a":1},{"a":"x"}]`, `{"a":01}`, `{'a':NaN}`, `{"a":1e5}{"b":tru`,
	`{"b":"\ud83d\ude00\ud83d","t":"2024-01-02T03:04:05Z"}`, "{\"b\":\"\xff\"}", `{"a":/*c*/1}//`, `{"a":[[[]]],"z":{}}`, "\ufeff{}\r\n{\n}",
}

// FuzzRead reads any text under any options: it must end without a panic,
// and in standard JSON agree with encoding/json on what is well-formed and on
// the text of strings.
func FuzzRead(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), uint16(i*37))
	}
	f.Fuzz(func(t *testing.T, text []byte, bits uint16) {
		in := input{
			files: []string{string(text)}, options: map[string]string{},
			ddl:    "a INT, b STRING, c STRUCT<d:ARRAY<DOUBLE>>, m MAP<STRING,INT>, t TIMESTAMP, e DECIMAL(5,2), n BINARY, _corrupt_record STRING",
			Format: json.Format{BlockSize: int(bits%7)*10 + 1, Workers: 1},
		}
		for i, name := range []string{
			"allowBackslashEscapingAnyCharacter", "allowComments", "allowNonNumericNumbers", "allowNumericLeadingZeros",
			"allowSingleQuotes", "allowUnquotedControlChars", "allowUnquotedFieldNames", "multiLine",
		} {
			in.options[name] = map[bool]string{false: "false", true: "true"}[bits>>i&1 == 1]
		}
		if bits>>8&1 == 1 {
			in.req.Rescue = "_rescued_data"
		}
		read(t, in, text)
		agree(t, text)
	})
}

// read checks that rescued data is JSON.
func read(t *testing.T, in input, text []byte) {
	t.Helper()
	for b, err := range in.Read(t.Context(), slices.Values(in.store(t)), in.request(t)) {
		if err != nil {
			if _, ok := errors.AsType[*format.FileError](err); !ok {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if in.req.Rescue != "" {
			col := b.Column(int(b.NumCols()) - 1)
			for row := range col.Len() {
				if rescued := cell(col, row); !col.IsNull(row) && !stdjson.Valid([]byte(rescued)) {
					t.Errorf("%q: rescued %q", text, rescued)
				}
			}
		}
		b.Release()
	}
}

// agree compares with encoding/json one line of strict JSON.
func agree(t *testing.T, text []byte) {
	t.Helper()
	line := bytes.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, text)
	line = bytes.TrimPrefix(line, []byte("\ufeff"))
	if !utf8.Valid(text) || len(line) > 1 && (line[0]&0xfe == 0xfe || line[0] == 0 || line[1] == 0) {
		return // another encoding
	}
	in := input{
		files: []string{string(line)}, ddl: "b STRING, _corrupt_record STRING",
		options: map[string]string{"allowNonNumericNumbers": "false", "allowSingleQuotes": "false"},
		Format:  json.Format{Workers: 1},
	}
	rows := in.values(t)
	var want map[string]stdjson.RawMessage
	if err := stdjson.Unmarshal(line, &want); err != nil || want == nil {
		if stdjson.Valid(line) || len(rows) == 0 || rows[0]["_corrupt_record"] != nil {
			return
		}
		// What follows the object is ignored.
		if err := stdjson.NewDecoder(bytes.NewReader(line)).Decode(new(any)); err != nil {
			t.Errorf("%q is accepted; encoding/json: %v", line, err)
		}
		return
	}
	if len(rows) != 1 || rows[0]["_corrupt_record"] != nil {
		if bytes.Count(line, []byte("{"))+bytes.Count(line, []byte("[")) < 1000 {
			t.Errorf("%q is valid, and read as %v", line, rows)
		}
		return
	}
	var b string
	for name := range want {
		if name != "b" && strings.EqualFold(name, "b") {
			return // encoding/json has no one answer
		}
	}
	if stdjson.Unmarshal(want["b"], &b) == nil && !bytes.Contains(want["b"], []byte(`\u`)) && want["b"][0] == '"' && rows[0]["b"] != b {
		t.Errorf("%q: b is %q, want %q", line, rows[0]["b"], b)
	}
}

// FuzzInfer checks that what is inferred of a text can hold all of it.
func FuzzInfer(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), uint8(i))
	}
	f.Fuzz(func(t *testing.T, text []byte, bits uint8) {
		in := input{files: []string{string(text)}, options: map[string]string{"mode": "FAILFAST"}, Format: json.Format{Workers: 1}}
		for i, name := range []string{"primitivesAsString", "prefersDecimal", "inferTimestamp", "dropFieldIfAllNull", "multiLine"} {
			in.options[name] = map[bool]string{false: "false", true: "true"}[bits>>i&1 == 1]
		}
		inferred, err := in.infer(t, format.Inference{InferTypes: true})
		if err != nil || bytes.Contains(text, []byte(`""`)) || bytes.Contains(text, []byte(`''`)) || bytes.Contains(text, []byte("null")) {
			return // an empty string has no type of its own; null is a record only to inference
		}
		if err := inferred.Validate(); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		req := in.request(t)
		req.Schema, _ = schema.AsNullable(inferred).(*schema.Struct)
		for b, err := range in.Read(t.Context(), slices.Values(in.store(t)), req) {
			if err != nil && strings.Contains(err.Error(), "the array that is the file is not closed") {
				return // inference need not look at the end of a file
			}
			if err != nil {
				t.Fatalf("%q is %s, and cannot be read as that: %v", text, inferred.DDL(), err)
			}
			b.Release()
		}
	})
}
