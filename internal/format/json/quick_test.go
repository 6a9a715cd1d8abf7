package json_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/format/json"
)

var quickSeeds = []string{
	`0`, `-0`, `7`, `-12`, `01`, `-01`, `1.`, `.5`, `1.50`, `-18.30`, `1234567`, `12345678`, `123456789.123`, `1e5`, `1E`, `1.5e-3`, `-`, `--1`, `9223372036854775808`,
	`""`, `"x"`, `"1234567"`, `"12345678"`, `"longer than a word"`, `"é"`, `"a\nb"`, `"\u00e9"`, "\"a\tb\"", `"a`, `"a\"b"`, `'a'`, `null`, `true`, `NaN`, `[1]`, `{"a":1}`,
	`"2024-01-02T03:04:05Z"`, `"2024-01-02 03:04:05.678"`, `"2024-01-02"`, `"2024-02-30T00:00:00Z"`, `"2024-01-02T03:04:05.123456+01:00"`,
}

// FuzzQuick reads a value of any text into columns of the types that have a
// short way, by that way and by the long one, which a blank before the value
// asks for.
func FuzzQuick(f *testing.F) {
	for i, text := range quickSeeds {
		f.Add(text, uint8(i))
	}
	f.Fuzz(func(t *testing.T, text string, bits uint8) {
		separator := []string{"\n", "7", `"`, "e"}[bits&3]
		for _, ddl := range []string{"d DOUBLE", "l BIGINT", "s STRING", "t TIMESTAMP", "a_rather_long_name BIGINT"} {
			column, _, _ := strings.Cut(ddl, " ")
			// The second record ends with the value.
			record := func(blank string) string {
				start := `{"` + column + `":` + blank + text
				return start + "}" + separator + start + separator
			}
			in := input{ddl: ddl, Format: json.Format{Workers: 1}, options: map[string]string{"lineSep": separator}}
			in.files = []string{record("")}
			quick, _, err := in.rows(t)
			in.files = []string{record(" ")}
			slow, _, slowErr := in.rows(t)
			if err != nil || slowErr != nil || !slices.Equal(quick, slow) {
				t.Errorf("%q as %s:\n got %q, %v\nwant %q, %v", text, ddl, quick, err, slow, slowErr)
			}
		}
	})
}
