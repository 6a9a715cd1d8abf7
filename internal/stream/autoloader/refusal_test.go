package autoloader_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/stream/autoloader"
)

// TestEveryOptionRefusesNonsense: a value that an option cannot have is refused
// with a class and SQLSTATE and a text that names option and value, of every
// format, with the prefix and without, and also when options are not validated:
// a value that means nothing has no effect to fall back on.
func TestEveryOptionRefusesNonsense(t *testing.T) {
	const nonsense = "no such value"
	own := autoloader.Options()
	for _, format := range []string{"binaryFile", "csv", "json", "parquet", "text"} {
		all, err := ingest.Declared(format, own)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all {
			if slices.Contains([]option.Kind{option.Text, option.Pattern, option.DDL}, o.Kind) {
				continue // see below
			}
			names := []string{o.Name}
			if _, ok := own.Lookup(o.Name); ok {
				names = append(names, "cloudFiles."+o.Name)
			}
			for _, name := range names {
				given := map[string]string{"cloudFiles.format": format, name: nonsense}
				_, err := newLanding(t, given).open()
				wantRefusal(t, format+" "+name, err, "INVALID_OPTION_VALUE", "42K06", o.Name, nonsense)
			}
			if o.Name != "validateOptions" {
				_, err := newLanding(t, map[string]string{"cloudFiles.format": format, o.Name: nonsense, "cloudFiles.validateOptions": "false"}).open()
				wantRefusal(t, format+" "+o.Name+" without validation", err, "INVALID_OPTION_VALUE", "42K06", o.Name, nonsense)
			}
		}
	}
}

// TestNonsenseThatIsReadLater: globs and columns are refused when files are
// looked for, and nothing is loaded.
func TestNonsenseThatIsReadLater(t *testing.T) {
	for _, c := range []struct{ name, value, class, state string }{
		{"pathGlobFilter", "{a", "INVALID_GLOB", "42K05"},
		{"fileNamePattern", "[b", "INVALID_GLOB", "42K05"},
		{"schemaHints", "a NOSUCHTYPE", "PARSE_SYNTAX_ERROR", "42601"},
		{"cloudFiles.schemaHints", "a STRUCT<", "PARSE_SYNTAX_ERROR", "42601"},
		{"modifiedAfter", "yesterday", "INVALID_OPTION_VALUE", "42K06"},
	} {
		l := newLanding(t, json(c.name, c.value))
		l.put("a.json", `{"a":1}`)
		err := l.run()
		wantRefusal(t, c.name, err, c.class, c.state, c.value)
		if strings.HasSuffix(c.name, "schemaHints") {
			wantRefusal(t, c.name, err, c.class, c.state, "schemaHints")
		}
		l.expect(c.name)
	}
}

// wantRefusal checks the class, SQLSTATE and text of an error.
func wantRefusal(t *testing.T, what string, err error, class, state string, names ...string) {
	t.Helper()
	known, ok := errors.AsType[errclass.Classified](err)
	if !ok || known.ErrorClass() != class || known.SQLState() != state {
		t.Errorf("%s: got %v, want class %s SQLSTATE: %s", what, err, class, state)
		return
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want it to name %s", what, err, name)
		}
	}
}

// TestEveryRefusalHasAState: options that are out of bounds or go together with
// no other are refused with the SQLSTATE of their class, by name and, where
// there is one, by value.
func TestEveryRefusalHasAState(t *testing.T) {
	for _, c := range []struct {
		options      map[string]string
		class, state string
		names        []string
	}{
		{json("maxFilesPerTrigger", "0"), "CF_MAX_MUST_BE_POSITIVE", "42000", []string{"cloudFiles.maxFilesPerTrigger", "0"}},
		{json("maxFilesPerTrigger", "-3"), "CF_MAX_MUST_BE_POSITIVE", "42000", []string{"cloudFiles.maxFilesPerTrigger", "-3"}},
		{json("maxBytesPerTrigger", "0b"), "CF_MAX_MUST_BE_POSITIVE", "42000", []string{"cloudFiles.maxBytesPerTrigger"}},
		{json("fetchParallelism", "0"), "CF_MAX_MUST_BE_POSITIVE", "42000", []string{"cloudFiles.fetchParallelism"}},
		{json("maxFileAge", "13 days"), "CF_INVALID_OPTION", "42000", []string{"cloudFiles.maxFileAge", "13 days"}},
		{json("backfillInterval", "0 seconds"), "CF_INVALID_OPTION", "42000", []string{"cloudFiles.backfillInterval"}},
		{json("cleanSource", "MOVE"), "CF_INVALID_OPTION", "42000", []string{"cloudFiles.cleanSource.moveDestination"}},
		{json("pathRewrites", "a=b"), "CF_INVALID_OPTION", "42000", []string{"cloudFiles.pathRewrites"}},
		{json("resourceTag.streamId", "x"), "CF_INVALID_OPTION", "42000", []string{"resourceTag.streamId"}},
		{json("cloudFiles.maxFilePerTrigger", "1"), "CF_UNKNOWN_OPTION_KEYS_ERROR", "42000", []string{"maxFilePerTrigger", "maxFilesPerTrigger"}},
		{json("cleanSource", "DELETE", "allowOverwrites", "true"), "CF_CLEAN_SOURCE_ALLOW_OVERWRITES_BOTH_ON", "42000", []string{"cleanSource", "allowOverwrites"}},
		{json("cleanSource", "DELETE", "maxFileAge", "14 days"), "CF_RETENTION_GREATER_THAN_MAX_FILE_AGE", "42000", []string{"maxFileAge"}},
		{map[string]string{}, "CF_FILE_FORMAT_REQUIRED", "42000", []string{"cloudFiles.format"}},
	} {
		_, err := newLanding(t, c.options).open()
		wantRefusal(t, c.class, err, c.class, c.state, c.names...)
	}
}
