package autoloader_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/source/files/filestate"
	"github.com/freshet/freshet/schema"
)

// wantClass checks the class and the SQLSTATE of an error.
func wantClass(t *testing.T, err error, class, state string) {
	t.Helper()
	var known errclass.Classified
	if !errors.As(err, &known) || known.ErrorClass() != class || known.SQLState() != state {
		t.Errorf("got %v, want class %s, SQLSTATE %s", err, class, state)
	}
}

// schemas returns how many versions of the schema are kept.
func (l *landing) schemas() (n int) {
	l.t.Helper()
	for _, err := range l.checkpoint.List(l.t.Context(), "sources/0/_schemas/", "") {
		if err != nil {
			l.t.Fatal(err)
		}
		n++
	}
	return n
}

// TestModes is the table of semantics §3.6, assertions 10 to 16: what a new
// column, and a value that does not fit, come to in each of the five modes,
// how the run fails, what of the schema is kept, and whether the next run goes
// on.
func TestModes(t *testing.T) {
	const (
		newField = `{"id":2,"b":"x"}`
		misfit   = `{"id":"abc"}`
		wider    = `{"id":2147483648}`
		rescued  = `|{"%s":%s,"_file_path":"s3://bucket/in/2.json"}`
	)
	rescue := func(null, field, value string) []string {
		return []string{null + fmt.Sprintf(rescued, field, value), "1|(null)"}
	}
	for _, c := range []struct {
		mode, second string
		fails        string   // what the second run says, "" for nothing
		stays        bool     // each later run fails too
		schemas      int      // versions at the end
		want         []string // rows after the run after that
	}{
		{"addNewColumns", newField, "b STRING", false, 2, []string{"1|(null)", "2|x|(null)"}},
		{"addNewColumns", misfit, "", false, 1, rescue("(null)", "id", `"abc"`)},
		{"addNewColumns", wider, "", false, 1, rescue("(null)", "id", "2147483648")},
		{"addNewColumnsWithTypeWidening", newField, "b STRING", false, 2, []string{"1|(null)", "2|x|(null)"}},
		{"addNewColumnsWithTypeWidening", misfit, "", false, 1, rescue("(null)", "id", `"abc"`)},
		{"addNewColumnsWithTypeWidening", wider, "id BIGINT", false, 2, []string{"1|(null)", "2147483648|(null)"}},
		{"rescue", newField, "", false, 1, []string{"1|(null)", `2|{"b":"x","_file_path":"s3://bucket/in/2.json"}`}},
		{"rescue", misfit, "", false, 1, rescue("(null)", "id", `"abc"`)},
		{"rescue", wider, "", false, 1, rescue("(null)", "id", "2147483648")},
		{"failOnNewColumns", newField, "b STRING", true, 1, []string{"1|(null)"}},
		{"failOnNewColumns", misfit, "", false, 1, rescue("(null)", "id", `"abc"`)},
		{"failOnNewColumns", wider, "", false, 1, rescue("(null)", "id", "2147483648")},
		{"none", newField, "", false, 1, []string{"1", "2"}},
		{"none", misfit, "", false, 1, []string{"(null)", "1"}},
		{"none", wider, "", false, 1, []string{"(null)", "1"}},
	} {
		t.Run(c.mode+" "+c.second, func(t *testing.T) {
			l := newLanding(t, json("schemaEvolutionMode", c.mode, "inferColumnTypes", "true", "schemaHints", "id INT", "ignoreMissingFiles", "true"))
			l.put("1.json", `{"id":1}`)
			l.mustRun()
			delete(l.options, "schemaHints") // what is kept counts
			l.put("2.json", c.second)
			err := l.run()
			if c.fails == "" {
				if err != nil {
					t.Fatal(err)
				}
			} else {
				wantClass(t, err, "UNKNOWN_FIELD_EXCEPTION.NEW_FIELDS_IN_RECORD_WITH_FILE_PATH", "KD003")
				if !strings.HasPrefix(unknownField(t, err).Error(), "Encountered unknown field(s) during parsing: "+c.fails) {
					t.Errorf("got %v, want it to name %s", err, c.fails)
				}
				l.expect("after the failure", "1|(null)")
			}
			err = l.run()
			if c.stays {
				unknownField(t, err)
				unknownField(t, l.run())
			} else if err != nil {
				t.Errorf("the next run: %v", err)
			}
			l.expect("at the end", c.want...)
			if got := l.schemas(); got != c.schemas {
				t.Errorf("got %d versions of the schema, want %d", got, c.schemas)
			}
			if c.stays { // until the file goes, or a hint has its column
				l.options["schemaHints"] = "id INT, b STRING"
				l.mustRun()
				l.expect("with a hint", "1|(null)", "2|x|(null)")
			}
		})
	}
}

// TestAssertion17_TruncatedLineInEachMode: a record that is cut short is a row
// of NULLs, with its text where _corrupt_record is hinted; no row; or an error,
// and nothing of its batch is written.
func TestAssertion17_TruncatedLineInEachMode(t *testing.T) {
	for _, c := range []struct {
		mode, hints string
		want        []string
	}{
		{"PERMISSIVE", "a INT", []string{"(null)", "1"}},
		{"PERMISSIVE", "a INT, _corrupt_record STRING", []string{`(null)|{"a":`, "1|(null)"}},
		{"DROPMALFORMED", "a INT", []string{"1"}},
		{"FAILFAST", "a INT", nil},
	} {
		l := newLanding(t, json("mode", c.mode, "schemaHints", c.hints, "schemaEvolutionMode", "none"))
		l.put("1.json", `{"a":1}`+"\n"+`{"a":`)
		err := l.run()
		if c.mode == "FAILFAST" {
			wantClass(t, err, "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", "22023")
			wantClass(t, l.run(), "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", "22023")
		} else if err != nil {
			t.Errorf("%s: %v", c.mode, err)
		}
		l.expect(c.mode+" with "+c.hints, c.want...)
	}
}

// TestAssertion22And23_ColumnsOfAStream: by default all are STRING, with the
// text of objects; inferred types and hints change what is read.
func TestAssertion22And23_ColumnsOfAStream(t *testing.T) {
	for _, c := range []struct {
		options map[string]string
		ddl     string
		want    string
	}{
		{json(), "a STRING, b STRING, _rescued_data STRING", `1|{"c":2}|(null)`},
		{json("inferColumnTypes", "true"), "a BIGINT, b STRUCT<c: BIGINT>, _rescued_data STRING", `1|{"c":2}|(null)`},
		{json("schemaHints", "a DATE, b.c DOUBLE, time TIMESTAMP"), "a DATE, b STRUCT<c: DOUBLE>, time TIMESTAMP, _rescued_data STRING", `(null)|{"c":2}|(null)|{"a":1,"_file_path":"s3://bucket/in/1.json"}`},
		{json("inferColumnTypes", "true", "schemaHints", "b MAP<STRING,STRING>"), "a BIGINT, b MAP<STRING, STRING>, _rescued_data STRING", `1|[{"key":"c","value":"2"}]|(null)`},
	} {
		l := newLanding(t, c.options)
		l.put("1.json", `{"a":1,"b":{"c":2}}`)
		source, err := l.open()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := source.Schema(t.Context()); err != nil || got.DDL() != c.ddl {
			t.Errorf("%v: got columns %v, %v, want %s", c.options, got, err, c.ddl)
		}
		l.mustRun()
		l.expect(fmt.Sprint(c.options), c.want)
	}
}

// TestOptionsHaveAnEffect: each option that says which files are loaded, and
// how they are read, changes what comes of the same folder.
func TestOptionsHaveAnEffect(t *testing.T) {
	all := []string{"2022/1|2022|1", "a.json|(null)|(null)", "b.txt|(null)|(null)", "deep/x.json|(null)|(null)"}
	without := func(name string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(r string) bool { return strings.HasPrefix(r, name) })
	}
	for _, c := range []struct {
		option, value string
		want          []string
	}{
		{"mode", "PERMISSIVE", all},
		{"pathGlobFilter", "*.json", without("b.txt")},
		{"fileNamePattern", "[ab].*", []string{"a.json|(null)|(null)", "b.txt|(null)|(null)"}},
		{"modifiedAfter", time.Unix(1_700_000_001, 0).UTC().Format("2006-01-02T15:04:05"), without("2022")},
		{"modifiedBefore", time.Unix(1_700_000_002, 0).UTC().Format("2006-01-02T15:04:05"), all[:1]},
		{"ignoredPathSegmentRegex", "^deep$", append(without("deep"), "hidden|(null)|(null)")},
		{"partitionColumns", "", []string{"2022/1|(null)|(null)", all[1], all[2], all[3]}},
		{"includeExistingFiles", "false", nil},
		{"useStrictGlobber", "true", all},
	} {
		l := newLanding(t, json("partitionColumns", "year,week", "schemaHints", "a STRING, year STRING, week STRING", "schemaEvolutionMode", "none", c.option, c.value))
		for _, f := range [][2]string{{"year=2022/week=1/p.json", "2022/1"}, {"a.json", "a.json"}, {"b.txt", "b.txt"}, {"deep/x.json", "deep/x.json"}, {"_hidden.json", "hidden"}} {
			l.put(f[0], `{"a":"`+f[1]+`"}`)
		}
		err := l.run()
		if err != nil {
			t.Errorf("%s => %s: %v", c.option, c.value, err)
		}
		l.expect(c.option+" => "+c.value, c.want...)
	}
}

// TestDirectoriesAsTheyCome: recursiveFileLookup makes no columns of folders.
func TestDirectoriesAsTheyCome(t *testing.T) {
	for value, want := range map[string]string{"false": "1|2022", "true": "1"} {
		l := newLanding(t, json("recursiveFileLookup", value, "schemaEvolutionMode", "none"))
		l.put("year=2022/deep/a.json", `{"a":1}`)
		l.mustRun()
		l.expect("recursiveFileLookup "+value, want)
	}
}

// TestStrictGlobber: with useStrictGlobber a * ends at a slash, and without it
// does not.
func TestStrictGlobber(t *testing.T) {
	for value, want := range map[string][]string{"false": {"1", "2"}, "true": {"1"}} {
		l := newLanding(t, json("useStrictGlobber", value, "schemaEvolutionMode", "none", "recursiveFileLookup", "true"))
		l.path = "s3://bucket/in/*.json"
		l.put("a.json", `{"a":1}`)
		l.put("deep/b.json", `{"a":2}`)
		l.mustRun()
		l.expect("useStrictGlobber "+value, want...)
	}
}

// TestAssertion19_CaseOfNames: a field whose name differs in case alone is
// rescued, and read with readerCaseSensitive=false; it is no new column.
func TestAssertion19_CaseOfNames(t *testing.T) {
	for sensitive, want := range map[string][]string{
		"true":  {`(null)|{"ID":2,"_file_path":"s3://bucket/in/2.json"}`, "1|(null)"},
		"false": {"1|(null)", "2|(null)"},
	} {
		l := newLanding(t, json("readerCaseSensitive", sensitive, "schemaHints", "id INT"))
		l.put("1.json", `{"id":1}`)
		l.mustRun()
		l.put("2.json", `{"ID":2}`)
		l.mustRun()
		l.expect("readerCaseSensitive "+sensitive, want...)
	}
}

// TestMaxFileAgeForgets: a file that was discovered longer ago than that, and
// is still there, is loaded again.
func TestMaxFileAgeForgets(t *testing.T) {
	l := newLanding(t, json("maxFileAge", "14 days"))
	l.put("1.json", `{"a":1}`)
	l.mustRun()
	l.now = l.now.Add(13 * day)
	l.mustRun()
	l.expect("within the age", "1|(null)")
	l.now = l.now.Add(2 * day)
	l.mustRun()
	l.expect("past it", "1|(null)", "1|(null)")
}

// TestSchemaLocation: the versions of the schema are in its directory
// _schemas, as numbered files that begin with v1, and another flow with the same
// location begins with the last of them.
func TestSchemaLocation(t *testing.T) {
	l := newLanding(t, json("schemaLocation", "s3://bucket/schema"))
	l.put("1.json", `{"a":1}`)
	l.mustRun()
	l.put("2.json", `{"a":2,"b":3}`)
	unknownField(t, l.run())
	l.mustRun()
	for name, column := range map[string]string{"schema/_schemas/0": `\"a\"`, "schema/_schemas/1": `\"b\"`} {
		if body := l.all()[name]; !strings.HasPrefix(body, "v1\n") || !strings.Contains(body, column) {
			t.Errorf("%s has %q, want v1 and column %s", name, body, column)
		}
	}
	if got := l.schemas(); got != 0 {
		t.Errorf("got %d schemas in the checkpoint, want none", got)
	}
	other := newLanding(t, l.options)
	other.files = l.files
	if err := l.files.Delete(t.Context(), "in/2.json"); err != nil {
		t.Fatal(err)
	}
	other.mustRun()
	other.expect("a flow that begins with it", "1|(null)|(null)")
}

// TestAssertion30_MissingFileClasses: the error of a missing file, its state
// when it is left out, and that the flow goes on.
func TestAssertion30_MissingFileClasses(t *testing.T) {
	for _, ignore := range []string{"false", "true"} {
		l := newLanding(t, json("ignoreMissingFiles", ignore))
		l.schema = schema.New(schema.Col("a", schema.Integer))
		l.put("1.json", `{"a":1}`)
		source, err := l.open()
		if err == nil {
			err = source.Discover(t.Context())
		}
		if err == nil {
			err = l.files.Delete(t.Context(), "in/1.json")
		}
		if err != nil {
			t.Fatal(err)
		}
		err = l.run()
		if ignore == "false" {
			wantClass(t, err, "FAILED_READ_FILE.DBR_FILE_NOT_EXIST", "KD001")
			wantClass(t, l.run(), "FAILED_READ_FILE.DBR_FILE_NOT_EXIST", "KD001")
			continue
		}
		if e := l.states()["1.json"]; err != nil || e.State != filestate.SkippedMissing {
			t.Errorf("got %v and state %d, want the file skipped as missing", err, e.State)
		}
		l.put("2.json", `{"a":2}`)
		l.mustRun()
		l.expect("the next run", "2")
	}
}

// TestHintsOfAKeptSchema: a hint that comes later has its column read as it
// says, and takes nothing back that has become wider.
func TestHintsOfAKeptSchema(t *testing.T) {
	l := newLanding(t, json("schemaEvolutionMode", "addNewColumnsWithTypeWidening", "inferColumnTypes", "true", "schemaHints", "id INT, s.n INT"))
	l.put("1.json", `{"id":1,"s":{"n":1}}`)
	l.mustRun()
	delete(l.options, "schemaHints")
	l.put("2.json", `{"id":2147483648,"s":{"n":2147483648}}`)
	unknownField(t, l.run())
	l.mustRun()
	l.options["schemaHints"] = "id INT, s.n INT, s.m DATE, later DATE"
	l.put("3.json", `{"id":2147483649,"s":{"m":"2024-01-31"},"later":"2024-01-31"}`)
	l.mustRun()
	l.expect("rows", `1|{"n":1}|(null)`, `2147483648|{"n":2147483648}|(null)`, `2147483649|{"m":"2024-01-31","n":null}|2024-01-31|(null)`)
}
