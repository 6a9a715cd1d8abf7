package session_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
)

// TestRefusedOptionsHaveAPlace: the error for an option of files says where in
// the statement it stands, whoever refuses it. A refresh has no such place.
func TestRefusedOptionsHaveAPlace(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.json", `{"id":1}`)
	const batch, create = "SELECT 1; SELECT *\nFROM read_files('$IN', format => 'json',\n ", "CREATE STREAMING TABLE t AS SELECT *\nFROM STREAM read_files('$IN', format => 'json',\n "
	for _, c := range []struct{ from, option, class, state, want string }{
		{batch, "mode => 3)", "INVALID_OPTION_VALUE", "42K06", "(line 3, pos 1)"},
		{batch, "rescuedDataColumn => 'r', header => true)", "UNKNOWN_OPTION", "42K06", "(line 3, pos 27)"},
		{batch, "fileNamePattern => '[')", "INVALID_GLOB", "42K05", ""}, // an alias: the error names the option
		{batch, "pathGlobFilter => '[')", "INVALID_GLOB", "42K05", "(line 3, pos 1)"},
		{batch, "ignoredPathSegmentRegex => '(')", "INVALID_OPTION_VALUE", "42K06", "(line 3, pos 1)"},
		{batch, "timeZone => 'Mars')", "INVALID_OPTION_VALUE", "42K06", "(line 3, pos 1)"},
		{create, "`cloudFiles.maxFilesPerTrigger` => 0)", "CF_MAX_MUST_BE_POSITIVE", "42000", "(line 3, pos 1)"},
		{create, "maxFilePerTrigger => 1)", "CF_UNKNOWN_OPTION_KEYS_ERROR", "42000", "(line 3, pos 1)"},
		{create, "schemaHints => 'id nosuch')", "PARSE_SYNTAX_ERROR", "42601", "(line 3, pos 1)"},
		{create, "cleanSource => 'MOVE', `cleanSource.moveDestination` => '$IN/x')", "CF_INVALID_OPTION", "42000", "(line 3, pos 24)"},
		{create, "schema => 'id INT', schemaEvolutionMode => 'addNewColumns')", "CF_ADD_NEW_NOT_SUPPORTED", "0A000", "(line 3, pos 21)"},
		{batch, "rescuedDataColumn => 'id')", "INVALID_OPTION_VALUE", "42K06", "(line 3, pos 1)"},
		{create, "rescuedDataColumn => 'ID')", "INVALID_OPTION_VALUE", "42K06", "(line 3, pos 1)"},
		{create, "schema => 'id INT, r INT', rescuedDataColumn => 'r')", "INVALID_OPTION_VALUE", "42K06", "(line 3, pos 28)"},
		{create, "maxFilesPerTrigger => 1, MAXFILESPERTRIGGER => 2)", "CF_INVALID_OPTION", "42000", ""}, // which of them is not said
	} {
		text := errclass.Format(w.fails(c.from+c.option, c.class, c.state))
		if !strings.Contains(text, c.want) || c.want == "" && strings.Contains(text, "(line") {
			t.Errorf("%s\ngot  %s\nwant %s", c.option, text, c.want)
		}
	}
}

// TestRefusedOptionsOfListsHaveAPlace: so do those of COPY INTO, of REPAIR and
// of streams of tables, and those that a format refuses.
func TestRefusedOptionsOfListsHaveAPlace(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.json", `{"id":1}`)
	w.rows("CREATE TABLE t (id INT, _rescued_data STRING); CREATE TABLE lines (value STRING)")
	const load = "COPY INTO t FROM '$IN' FILEFORMAT = %s FORMAT_OPTIONS (\n  %s)"
	for _, c := range []struct{ text, class, state string }{
		{fmt.Sprintf(load, "JSON", "'multiline' = 'maybe'"), "INVALID_OPTION_VALUE", "42K06"},
		{fmt.Sprintf(load, "JSON", "'header' = 'true'"), "UNKNOWN_OPTION", "42K06"},
		{fmt.Sprintf(load, "JSON", "'schemaHints' = 'id nosuch'"), "PARSE_SYNTAX_ERROR", "42601"},
		{fmt.Sprintf(load, "JSON", "'samplingRatio' = '2'"), "INVALID_OPTION_VALUE", "42K06"},
		{fmt.Sprintf(load, "JSON", "'dateFormat' = 'bbb'"), "INVALID_DATETIME_PATTERN.ILLEGAL_CHARACTER", "22007"},
		{fmt.Sprintf(load, "JSON", "'encoding' = 'morse'"), "INVALID_PARAMETER_VALUE.CHARSET", "22023"},
		{"COPY INTO lines FROM '$IN' FILEFORMAT = TEXT FORMAT_OPTIONS (\n  'encoding' = 'morse')", "INVALID_PARAMETER_VALUE.CHARSET", "22023"},
		{fmt.Sprintf(load, "CSV", "'encoding' = 'morse'"), "INVALID_PARAMETER_VALUE.CHARSET", "22023"},
		{fmt.Sprintf(load, "CSV", "'sep' = ''"), "INVALID_DELIMITER_VALUE", "42602"},
		{fmt.Sprintf(load, "CSV", "'timestampFormat' = 'bbb'"), "INVALID_DATETIME_PATTERN.ILLEGAL_CHARACTER", "22007"},
		{fmt.Sprintf(load, "CSV", "'timeZone' = 'Mars'"), "INVALID_OPTION_VALUE", "42K06"},
		{fmt.Sprintf(load, "CSV", "'header' = 'true')\n COPY_OPTIONS ( 'forced' = 'true'"), "UNKNOWN_OPTION", "42K06"},
		{"SELECT * FROM read_files('$IN', format => 'json',\n  maxFilesPerTrigger => 1)", "STREAMING_ONLY_OPTION", "42K06"},
		{"CREATE STREAMING TABLE s AS SELECT * FROM STREAM t WITH (\n  maxFilesPerTriger = 1)", "UNKNOWN_OPTION", "42K06"},
		{"CREATE STREAMING TABLE s AS SELECT * FROM STREAM t WITH (\n  maxFilesPerTrigger = 0)", "DELTA_ILLEGAL_OPTION", "42616"},
	} {
		line := 1 + strings.Count(c.text, "\n")
		if text := errclass.Format(w.fails(c.text, c.class, c.state)); !strings.Contains(text, fmt.Sprintf("(line %d, pos ", line)) {
			t.Errorf("%s\n%s has no place on line %d", c.text, text, line)
		}
	}
}

// TestCloudFiles: cloud_files('path', 'format', map(…)), as pipelines have
// called Auto Loader, is STREAM read_files with strings for columns unless the
// map says otherwise.
func TestCloudFiles(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.json", `{"id":1}`)
	w.want("CREATE STREAMING LIVE TABLE s AS SELECT *, _metadata.file_name AS f FROM cloud_files('$IN', 'json')", "1|1")
	w.want("CREATE OR REFRESH STREAMING TABLE t AS SELECT c.id FROM STREAM(cloud_files('$IN', \"json\", map('cloudFiles.inferColumnTypes', 'true', 'cloudFiles.maxFilesPerTrigger', '1', 'multiLine', 'true'))) c WHERE id > 0", "1|1")
	w.file("b.json", `{"id":2}`)
	w.want("REFRESH STREAMING TABLE s; SELECT typeof(id), id, f FROM s", "string|1|a.json", "string|2|b.json")
	w.want("REFRESH STREAMING TABLE t; SELECT typeof(id), id FROM t", "bigint|1", "bigint|2")
	w.want("SELECT count(*) FROM cloud_files_state(TABLE(t))", "2")
	w.fails("SELECT * FROM cloud_files('$IN', 'json')", "UNSUPPORTED_FEATURE.STREAM", "0A000")
	w.fails("CREATE STREAMING TABLE u AS SELECT * FROM cloud_files('$IN', 'json', map('cloudFiles.maxFilePerTrigger', '1'))", "CF_UNKNOWN_OPTION_KEYS_ERROR", "42000")
	for _, call := range []string{
		"cloud_files('$IN')", "cloud_files('$IN', format => 'json')", "cloud_files('$IN', 'json', 'header')",
		"cloud_files('$IN', 'json', map('header'))", "cloud_files('$IN', 'json', map(1, 2))",
	} {
		if err := w.fails("CREATE STREAMING TABLE u AS SELECT * FROM "+call, "PARSE_SYNTAX_ERROR", "42601"); !strings.Contains(err.Error(), "STREAM read_files('path', format => 'csv', header => true)") {
			t.Errorf("%s: %v", call, err)
		}
	}
}

// TestColumnsThatNeedMapping: a column comes whose name a table without column
// mapping cannot have. The stream says what to do, and goes on when that is
// done, also through a full refresh.
func TestColumnsThatNeedMapping(t *testing.T) {
	w := newWorkspace(t)
	const create = "CREATE OR REFRESH STREAMING TABLE %s AS SELECT * FROM STREAM read_files('$IN', format => 'csv', schemaEvolutionMode => 'addNewColumns')"
	w.file("a.csv", "id\n1\n")
	w.rows(strings.Replace(create, "%s", "t", 1))
	w.file("b.csv", "id,a b,\"x;y\"\n2,3,4\n")
	for range 2 {
		err := w.fails("REFRESH STREAMING TABLE t", "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES", "42K05")
		if !strings.Contains(err.Error(), "delta.columnMapping.mode") {
			t.Errorf("%v: does not say what to do", err)
		}
	}
	w.want("ALTER TABLE t SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name'); REFRESH STREAMING TABLE t", "1|1")
	w.want("SELECT id, `a b`, `x;y` FROM t", "1|NULL|NULL", "2|3|4")
	w.want("REFRESH STREAMING TABLE t FULL", "2|2")
	w.file("c.csv", "id,(c)\n3,5\n")
	w.want("REFRESH STREAMING TABLE t; SELECT id, `a b`, `x;y`, `(c)` FROM t", "1|NULL|NULL|NULL", "2|3|4|NULL", "3|NULL|NULL|5")
	w.fails(strings.Replace(create, "%s", "u", 1), "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES", "42K05")
	w.want(strings.Replace(create, "%s", "u TBLPROPERTIES ('delta.columnMapping.mode' = 'name')", 1), "3|3")
}
