package session_test

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/internal/errclass"
)

// refusal is how a statement must fail: with a class, a SQLSTATE, and a
// message that mentions what the user needs to find the cause.
type refusal struct {
	class, state string
	mentions     []string
}

// The refusals that come up again and again.
var (
	mismatch  = refusal{"COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE", "42KDG", nil}
	malformed = refusal{"MALFORMED_RECORD_IN_PARSING", "22023", nil}
	oversized = refusal{"MALFORMED_CSV_RECORD", "KD000", nil}
	unread    = refusal{"FAILED_READ_FILE", "KD001", nil}
	overflow  = refusal{"CAST_OVERFLOW_IN_TABLE_INSERT", "22003", nil}
)

// mentioning returns r with words that its message must have.
func (r refusal) mentioning(words ...string) *refusal {
	r.mentions = words
	return &r
}

// check reports what about err is not as the refusal says.
func (r refusal) check(t *testing.T, err error) {
	t.Helper()
	var c errclass.Classified
	if !errors.As(err, &c) || !strings.HasPrefix(c.ErrorClass(), r.class) || c.SQLState() != r.state {
		t.Errorf("got  %s\nwant %s SQLSTATE: %s", describe(err), r.class, r.state)
		return
	}
	for _, word := range r.mentions {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s\ndoes not mention %s", err, word)
		}
	}
}

func describe(err error) string {
	if err == nil {
		return "success"
	}
	return errclass.Format(err)
}

// refuses runs a statement that must fail and leave the table alone: its
// version, its rows and its directory.
func (w *workspace) refuses(table, text string, want refusal) {
	w.t.Helper()
	before := w.state(table)
	_, err := w.try(text)
	want.check(w.t, err)
	if diff := cmp.Diff(before, w.state(table)); diff != "" {
		w.t.Errorf("%s\nfailed and changed the table (-before +after):\n%s", text, diff)
	}
}

// tableState is all there is to see of a table.
type tableState struct {
	Version string
	Rows    []string
	Files   []string // of all tables of the workspace
}

func (w *workspace) state(table string) tableState {
	w.t.Helper()
	s := tableState{Version: w.version(table), Files: w.stored()}
	if len(w.rows("DESCRIBE "+table)) > 0 {
		s.Rows = w.rows("SELECT * FROM " + table)
		slices.Sort(s.Rows)
	}
	return s
}

// stored lists the files of all tables, those being written too.
func (w *workspace) stored() []string {
	w.t.Helper()
	var names []string
	root := filepath.Join(w.root, "ws", "tables")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, strings.TrimPrefix(path, root))
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	return names
}

// relative makes the paths of source files in rows independent of where the
// test runs.
func (w *workspace) relative(rows []string) []string {
	for i := range rows {
		rows[i] = strings.ReplaceAll(rows[i], "file://"+w.in, "IN")
	}
	return rows
}

// utf16Text encodes s.
func utf16Text(order binary.AppendByteOrder, s string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

// badText is a text file that is not what it should be.
type badText struct {
	name    string
	file    string // its extension is the format
	text    string
	options string // such as "mode=FAILFAST"
	// read is what read_files gives: the columns, then _rescued_data.
	read        []string
	readRefused *refusal
	// copied is what COPY INTO brings to t (id INT, v STRING).
	copied      []string
	copyRefused *refusal
}

var badTexts = []badText{{
	name: "ragged CSV: short records get NULLs, what is over is rescued",
	file: "a.csv", text: "id,v\n1,a\n2\n3,c,extra\n",
	read:   []string{"1|a|NULL", "2|NULL|NULL", `3|c|{"_c2":"extra","_file_path":"IN/a.csv"}`},
	copied: []string{"1|a", "2|NULL", "3|c"},
}, {
	name: "ragged CSV, DROPMALFORMED: a record that can be rescued stays",
	file: "a.csv", text: "id,v\n1,a\n2\n3,c,extra\n", options: "mode=DROPMALFORMED",
	read:   []string{"1|a|NULL", `3|c|{"_c2":"extra","_file_path":"IN/a.csv"}`},
	copied: []string{"1|a"},
}, {
	name: "ragged CSV, FAILFAST: file and line are told",
	file: "a.csv", text: "id,v\n1,a\n2\n3,c,extra\n", options: "mode=FAILFAST",
	readRefused: malformed.mentioning("IN/a.csv line 3", "1 values, not 2"),
	copyRefused: malformed.mentioning("IN/a.csv line 3", "1 values, not 2"),
}, {
	name: "unterminated quote: ends with its line",
	file: "a.csv", text: "id,v\n1,a\n2,\"open\n3,c\n",
	read:   []string{"1|a|NULL", "2|open|NULL", "3|c|NULL"},
	copied: []string{"1|a", "2|open", "3|c"},
}, {
	name: "unterminated quote, multiLine: takes the rest of the file",
	file: "a.csv", text: "id,v\n1,a\n2,\"open\n3,c\n", options: "multiLine=true",
	read:   []string{"1|a|NULL", "2|open\n3,c\n|NULL"},
	copied: []string{"1|a", "2|open\n3,c\n"},
}, {
	name: "invalid UTF-8 in CSV: a replacement character for each byte",
	file: "a.csv", text: "id,v\n1,\xff\xfe\n2,ok\xc3\n",
	read:   []string{"1|\ufffd\ufffd|NULL", "2|ok\ufffd|NULL"},
	copied: []string{"1|\ufffd\ufffd", "2|ok\ufffd"},
}, {
	name: "invalid UTF-8 in JSON: the record is malformed",
	file: "a.json", text: "{\"id\":1,\"v\":\"\xff\"}\n{\"id\":2,\"v\":\"ok\"}\n",
	read:   []string{`NULL|NULL|{"_corrupt_record":"{\"id\":1,\"v\":\"` + "\ufffd" + `\"}","_file_path":"IN/a.json"}`, "2|ok|NULL"},
	copied: []string{"NULL|NULL", "2|ok"},
}, {
	name: "invalid UTF-8 in JSON, FAILFAST",
	file: "a.json", text: "{\"id\":2,\"v\":\"ok\"}\n{\"id\":1,\"v\":\"\xff\"}\n", options: "mode=FAILFAST",
	readRefused: malformed.mentioning("IN/a.json line 2"),
	copyRefused: malformed.mentioning("IN/a.json line 2"),
}, {
	name: "a UTF-8 byte order mark is no part of the first column's name",
	file: "a.csv", text: "\ufeffid,v\n1,a\n",
	read: []string{"1|a|NULL"}, copied: []string{"1|a"},
}, {
	name: "a UTF-8 byte order mark before JSON",
	file: "a.json", text: "\ufeff{\"id\":1,\"v\":\"a\"}\n",
	read: []string{"1|a|NULL"}, copied: []string{"1|a"},
}, {
	name: "UTF-16, little-endian, by its byte order mark",
	file: "a.csv", text: utf16Text(binary.LittleEndian, "\ufeffid,v\n1,ä😀\n"),
	read: []string{"1|ä😀|NULL"}, copied: []string{"1|ä😀"},
}, {
	name: "UTF-16, big-endian, by its byte order mark",
	file: "a.json", text: utf16Text(binary.BigEndian, "\ufeff{\"id\":1,\"v\":\"ä😀\"}\n"),
	read: []string{"1|ä😀|NULL"}, copied: []string{"1|ä😀"},
}, {
	name: "UTF-16 without a byte order mark, by option",
	file: "a.csv", text: utf16Text(binary.LittleEndian, "id,v\n1,ä😀\n"), options: "encoding=UTF-16LE",
	read: []string{"1|ä😀|NULL"}, copied: []string{"1|ä😀"},
}, {
	name: "UTF-16 cut inside a character",
	file: "a.csv", text: utf16Text(binary.LittleEndian, "\ufeffid,v\n1,a\n") + "x",
	readRefused: unread.mentioning("IN/a.csv", "UTF-16"),
	copyRefused: unread.mentioning("IN/a.csv", "UTF-16"),
}, {
	name: "NUL bytes in CSV are characters like others",
	file: "a.csv", text: "id,v\n1,a\x00b\n2,\x00\n",
	read: []string{"1|a\x00b|NULL", "2|\x00|NULL"}, copied: []string{"1|a\x00b", "2|\x00"},
}, {
	name: "a NUL byte in JSON is malformed, escaped it is a character",
	file: "a.json", text: "{\"id\":1,\"v\":\"a\x00b\"}\n{\"id\":2,\"v\":\"a\\u0000b\"}\n",
	read:   []string{`NULL|NULL|{"_corrupt_record":"{\"id\":1,\"v\":\"a\u0000b\"}","_file_path":"IN/a.json"}`, "2|a\x00b|NULL"},
	copied: []string{"NULL|NULL", "2|a\x00b"},
}, {
	name: "a truncated JSON line",
	file: "a.json", text: "{\"id\":1,\"v\":\"a\"}\n{\"id\":2,\"v\":\"b",
	read:   []string{"1|a|NULL", `NULL|NULL|{"_corrupt_record":"{\"id\":2,\"v\":\"b","_file_path":"IN/a.json"}`},
	copied: []string{"1|a", "NULL|NULL"},
}, {
	name: "a truncated JSON line, FAILFAST",
	file: "a.json", text: "{\"id\":1,\"v\":\"a\"}\n{\"id\":2,\"v\":\"b", options: "mode=FAILFAST",
	readRefused: malformed.mentioning("IN/a.json line 2", "a string is not closed"),
	copyRefused: malformed.mentioning("IN/a.json line 2", "a string is not closed"),
}, {
	name: "a truncated JSON array",
	file: "a.json", text: `[{"id":1,"v":"a"},{"id":2,"v":"b`, options: "multiLine=true",
	read:   []string{"1|a|NULL", `NULL|NULL|{"_corrupt_record":"{\"id\":2,\"v\":\"b","_file_path":"IN/a.json"}`},
	copied: []string{"1|a", "NULL|NULL"},
}, {
	name: "an integer beyond 64 bits is a decimal, which an INT column refuses",
	file: "a.csv", text: "id,v\n9223372036854775808,a\n-1,b\n",
	read:        []string{"9223372036854775808|a|NULL", "-1|b|NULL"},
	copyRefused: overflow.mentioning("column id", "9223372036854775808", "IN/a.csv"),
}, {
	name: "an integer beyond 64 bits in JSON",
	file: "a.json", text: "{\"id\":-9223372036854775809,\"v\":\"a\"}\n{\"id\":1,\"v\":\"b\"}\n",
	read:        []string{"-9223372036854775809|a|NULL", "1|b|NULL"},
	copyRefused: overflow.mentioning("column id", "-9223372036854775809", "IN/a.json"),
}, {
	name: "a number beyond every type is infinite",
	file: "a.json", text: "{\"id\":1e999,\"v\":\"a\"}\n{\"id\":-1e999,\"v\":\"b\"}\n",
	read:        []string{"+Inf|a|NULL", "-Inf|b|NULL"},
	copyRefused: overflow.mentioning("column id", "IN/a.json"),
}, {
	name: "dates that do not exist stay text, which an INT column refuses",
	file: "a.csv", text: "id,v\n2024-02-30,a\n999999999-12-31,b\n",
	read:        []string{"2024-02-30|a|NULL", "999999999-12-31|b|NULL"},
	copyRefused: mismatch.mentioning("column id is INT in the table and STRING in the data"),
}, {
	name: "the same JSON key twice: the last wins",
	file: "a.json", text: "{\"id\":1,\"v\":\"a\",\"v\":\"b\"}\n",
	read: []string{"1|b|NULL"}, copied: []string{"1|b"},
}, {
	name: "JSON keys that differ in case: the exact one is read, the other rescued",
	file: "a.json", text: "{\"id\":1,\"v\":\"a\",\"V\":\"b\"}\n{\"id\":2,\"V\":\"c\",\"v\":\"d\"}\n",
	read: []string{`1|a|{"V":"b","_file_path":"IN/a.json"}`, `2|d|{"V":"c","_file_path":"IN/a.json"}`},
	// Nothing can be rescued here, and the last wins.
	copied: []string{"1|b", "2|d"},
}, {
	name: "CSV headers that are equal are numbered, so that none is lost",
	file: "a.csv", text: "id,v,v\n1,a,b\n",
	read:        []string{"1|a|b|NULL"},
	copyRefused: mismatch.mentioning("no column v1, v2"),
}, {
	name: "CSV headers that differ in case are numbered too",
	file: "a.csv", text: "id,v,V\n1,a,b\n",
	read:        []string{"1|a|b|NULL"},
	copyRefused: mismatch.mentioning("no column v1, V2"),
}, {
	name: "CSV headers without a name are numbered",
	file: "a.csv", text: "id,,\n1,a,b\n",
	read:        []string{"1|a|b|NULL"},
	copyRefused: mismatch.mentioning("no column _c1, _c2"),
}}

// TestBadText loads each file by read_files, by CREATE TABLE AS SELECT, which
// must hold the same rows, and by COPY INTO.
func TestBadText(t *testing.T) {
	t.Parallel()
	for _, c := range badTexts {
		t.Run(c.name, func(t *testing.T) {
			w := newWorkspace(t)
			w.file(c.file, c.text)
			w.rows("CREATE TABLE t (id INT, v STRING); INSERT INTO t VALUES (0, 'old')")
			from, load := c.statements()
			if c.readRefused != nil {
				w.refuses("t", "SELECT * FROM "+from, c.readRefused.at(w))
				w.refuses("t", "CREATE TABLE u AS SELECT * FROM "+from, c.readRefused.at(w))
				w.refuses("t", "INSERT INTO t SELECT id, v FROM "+from, c.readRefused.at(w))
			} else {
				w.wantRelative("SELECT * FROM "+from, c.read)
				w.wantRelative("CREATE TABLE u AS SELECT * FROM "+from+"; SELECT * FROM u", c.read)
			}
			if c.copyRefused != nil {
				w.refuses("t", load, c.copyRefused.at(w))
				return
			}
			w.want(load, copyResult(len(c.copied), 0))
			w.want("SELECT * FROM t", append([]string{"0|old"}, c.copied...)...)
			w.want(load, copyResult(0, 0))
		})
	}
}

// at puts the place of the source files into what must be mentioned.
func (r refusal) at(w *workspace) refusal {
	r.mentions = slices.Clone(r.mentions)
	for i, word := range r.mentions {
		r.mentions[i] = strings.Replace(word, "IN/", "file://"+w.in+"/", 1)
	}
	return r
}

// statements returns the call of read_files and the COPY INTO of the case.
func (c badText) statements() (from, load string) {
	format := strings.TrimPrefix(filepath.Ext(c.file), ".")
	from, load = "read_files('$IN', format => '"+format+"'", "COPY INTO t FROM '$IN' FILEFORMAT = "+format
	options := strings.Fields(c.options)
	if format == "csv" {
		options = append(options, "header=true")
		load += " FORMAT_OPTIONS ('inferSchema' = 'true'"
	} else {
		load += " FORMAT_OPTIONS ('inferTimestamp' = 'false'"
	}
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		from += ", " + name + " => '" + value + "'"
		load += ", '" + name + "' = '" + value + "'"
	}
	return from + ")", load + ")"
}

func (w *workspace) wantRelative(text string, want []string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.relative(w.rows(text))); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", text, diff)
	}
}

// Values that do not fit the type a column was declared with are NULL and
// rescued as they stand.
func TestValuesOutOfRangeAreRescued(t *testing.T) {
	const columns = "schema => 'i INT, l BIGINT, d DATE, t TIMESTAMP, n DECIMAL(5,2), _rescued_data STRING', rescuedDataColumn => '_rescued_data'"
	fields := []struct{ name, value string }{
		{"i", "2147483648"}, {"l", "9223372036854775808"}, {"d", "2024-02-30"}, {"t", "2024-13-01T00:00:00Z"}, {"n", "1000.00"},
	}
	for _, f := range fields {
		t.Run(f.name, func(t *testing.T) {
			w := newWorkspace(t)
			value, cells := f.value, make([]string, len(fields))
			for i := range fields {
				if fields[i].name == f.name {
					cells[i] = f.value
				}
			}
			if f.name == "d" || f.name == "t" {
				value = `"` + value + `"`
			}
			w.file("csv/a.csv", "i,l,d,t,n\n"+strings.Join(cells, ",")+"\n")
			w.file("json/a.json", `{"`+f.name+`":`+value+"}\n")
			w.wantRelative("SELECT * FROM read_files('$IN/csv', format => 'csv', header => true, "+columns+")",
				[]string{`NULL|NULL|NULL|NULL|NULL|{"` + f.name + `":"` + f.value + `","_file_path":"IN/csv/a.csv"}`})
			w.wantRelative("SELECT * FROM read_files('$IN/json', format => 'json', "+columns+")",
				[]string{`NULL|NULL|NULL|NULL|NULL|{"` + f.name + `":` + value + `,"_file_path":"IN/json/a.json"}`})
		})
	}
}

// Without a rescued data column such a value is NULL or, if the statement
// says so, an error that names the place.
func TestValuesOutOfRangeFailFast(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (d DATE)")
	w.file("csv/a.csv", "d\n2024-01-01\n2024-02-30\n")
	w.file("json/a.json", "{\"d\":\"2024-01-01\"}\n{\"d\":\"2024-02-30\"}\n")
	for format, line := range map[string]string{"csv": "3", "json": "2"} {
		from := "read_files('$IN/" + format + "', format => '" + format + "', schema => 'd DATE'"
		if format == "csv" {
			from += ", header => true"
		}
		w.want("SELECT * FROM "+from+")", "2024-01-01", "NULL")
		place := "IN/" + format + "/a." + format + " line " + line + ", column d"
		w.refuses("t", "INSERT INTO t SELECT * FROM "+from+", mode => 'FAILFAST')", malformed.mentioning(place, "2024-02-30").at(w))
	}
}

// A file in which no column is found cannot give a table its columns.
func TestNothingToInfer(t *testing.T) {
	for name, text := range map[string]string{"a.json": strings.Repeat("\x00", 1000), "a.csv": strings.Repeat("\x00", 1000), "b.json": "{\"v\xff\":1}\n"} {
		t.Run(name, func(t *testing.T) {
			w := newWorkspace(t)
			w.file(name, text)
			w.rows("CREATE TABLE t")
			load := "COPY INTO t FROM '$IN' FILEFORMAT = " + strings.TrimPrefix(filepath.Ext(name), ".") + " COPY_OPTIONS ('mergeSchema' = 'true')"
			w.refuses("t", load, refusal{"COPY_INTO_SOURCE_SCHEMA_INFERENCE_FAILED", "42KD9", []string{"no column"}})
		})
	}
}
