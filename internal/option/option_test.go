package option_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/option"
)

var set = option.Set{
	{Name: "header", Kind: option.Bool, Default: "false"},
	{Name: "sep", Aliases: []string{"delimiter"}, Kind: option.Text, Default: ","},
	{Name: "maxColumns", Kind: option.Int, Default: "20480"},
	{Name: "samplingRatio", Kind: option.Float, Default: "1.0"},
	{Name: "quote", Kind: option.Char, Default: `"`},
	{Name: "maxBytes", Kind: option.Bytes},
	{Name: "mode", Kind: option.Enum, Default: "PERMISSIVE", Values: []string{"PERMISSIVE", "FAILFAST"}},
	{Name: "modifiedAfter", Kind: option.Instant},
}

func TestValuesAndDefaults(t *testing.T) {
	v, err := set.Parse(map[string]string{"HEADER": "True", "delimiter": "|", "maxbytes": "10g", "Mode": "failfast", "modifiedAfter": "2021-01-01 01:00:00.000000 UTC+1"})
	if err != nil {
		t.Fatal(err)
	}
	if !v.Bool("header") || v.Text("sep") != "|" || v.Bytes("maxBytes") != 10<<30 || v.Enum("mode") != "FAILFAST" || !v.Given("sep") {
		t.Errorf("given values are not as given: %+v", v)
	}
	if v.Int("maxColumns") != 20480 || v.Float("samplingRatio") != 1 || v.Text("quote") != `"` || v.Given("maxColumns") {
		t.Errorf("defaults are not as declared: %+v", v)
	}
	if got, want := v.Instant("modifiedAfter"), time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("instant is %s, want %s", got, want)
	}
}

func TestErrorsNameOptionAndWhatItTakes(t *testing.T) {
	for _, tc := range []struct {
		given map[string]string
		class string
		want  string
	}{
		{map[string]string{"headr": "true"}, "UNKNOWN_OPTION", "Did you mean header?"},
		{map[string]string{"zzz": "1"}, "UNKNOWN_OPTION", `unknown option "zzz".`},
		{map[string]string{"header": "yes"}, "INVALID_OPTION_VALUE", "true or false"},
		{map[string]string{"maxColumns": "many"}, "INVALID_OPTION_VALUE", "a whole number"},
		{map[string]string{"quote": "''"}, "INVALID_OPTION_VALUE", "one character"},
		{map[string]string{"maxBytes": "-1"}, "INVALID_OPTION_VALUE", "a size"},
		{map[string]string{"mode": "lax"}, "INVALID_OPTION_VALUE", "one of PERMISSIVE, FAILFAST"},
		{map[string]string{"modifiedAfter": "soon"}, "INVALID_OPTION_VALUE", "a timestamp"},
		{map[string]string{"sep": ",", "delimiter": ","}, "INVALID_OPTIONS.DUPLICATE", "given twice"},
	} {
		_, err := set.Parse(tc.given)
		var c errclass.Classified
		if !errors.As(err, &c) || c.ErrorClass() != tc.class || c.SQLState() != "42K06" || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v, want %s with %q", tc.given, err, tc.class, tc.want)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "512": 512, "1k": 1 << 10, "2KB": 2 << 10, "3 mb": 3 << 20, "4GiB": 4 << 30, "1t": 1 << 40} {
		if got, err := option.ParseBytes(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "k", "1x", "1.5g", "9999999999g", "-5"} {
		if n, err := option.ParseBytes(text); err == nil {
			t.Errorf("%q was read as %d", text, n)
		}
	}
}

func TestParseInstant(t *testing.T) {
	want := time.Date(2021, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, text := range []string{"2021-02-03T04:05:06", "2021-02-03 04:05:06", "2021-02-03T04:05:06Z", "2021-02-03 04:05:06.000000 UTC+0", "2021-02-02 20:05:06 UTC-8", "2021-02-03T09:35:06+05:30", "2021-02-03 09:35:06 UTC+05:30"} {
		if got, err := option.ParseInstant(text); err != nil || !got.Equal(want) {
			t.Errorf("%q: got %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "2021-13-01", "2021-02-03 04:05:06 UTC+x"} {
		if got, err := option.ParseInstant(text); err == nil {
			t.Errorf("%q was read as %s", text, got)
		}
	}
}
