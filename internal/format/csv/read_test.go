package csv_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/csv"
)

type options = map[string]string

// null is NULL in wanted rows.
var null any

func rows(r ...[]any) [][]any { return r }

func row(values ...any) []any { return values }

func (a answer) check(t *testing.T, want [][]any) {
	t.Helper()
	if a.err != nil {
		t.Fatalf("error: %v", a.err)
	}
	if diff := cmp.Diff(want, a.rows, cmpopts.EquateEmpty(), sameNumber); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

const mixed = "1,x,1.5\nz,y,2.5\n2,only\n3,w,3.5,extra\n4,q,bad\n5,end,5.5\n"

func TestReadModes(t *testing.T) {
	const ddl = "a INT, b STRING, c DOUBLE"
	path := "\"_file_path\":\"mem:/f0.csv\"}"
	tests := []struct {
		name       string
		q          query
		want       [][]any
		mismatches int64
	}{
		{"permissive", query{ddl: ddl}, rows(row(1, "x", 1.5), row(null, "y", 2.5), row(2, "only", null),
			row(3, "w", 3.5), row(4, "q", null), row(5, "end", 5.5)), 4},
		{"permissive with corrupt column", query{ddl: ddl + ", _corrupt_record STRING"}, rows(row(1, "x", 1.5, null),
			row(null, "y", 2.5, "z,y,2.5"), row(2, "only", null, "2,only"), row(3, "w", 3.5, "3,w,3.5,extra"),
			row(4, "q", null, "4,q,bad"), row(5, "end", 5.5, null)), 4},
		{
			"corrupt column elsewhere",
			query{ddl: "a INT, bad STRING, b STRING, c DOUBLE", options: options{"columnNameOfCorruptRecord": "bad"}},
			rows(row(1, null, "x", 1.5), row(null, "z,y,2.5", "y", 2.5), row(2, "2,only", "only", null),
				row(3, "3,w,3.5,extra", "w", 3.5), row(4, "4,q,bad", "q", null), row(5, null, "end", 5.5)), 4,
		},
		{"drop malformed", query{ddl: ddl, options: options{"mode": "dropmalformed"}}, rows(row(1, "x", 1.5), row(5, "end", 5.5)), 4},
		{
			"drop malformed with corrupt column",
			query{ddl: ddl + ", _corrupt_record STRING", options: options{"mode": "DROPMALFORMED"}},
			rows(row(1, "x", 1.5, null), row(5, "end", 5.5, null)), 4,
		},
		{"rescue", query{ddl: ddl, rescue: "_rescued_data"}, rows(row(1, "x", 1.5, null),
			row(null, "y", 2.5, `{"_c0":"z",`+path), row(2, "only", null, null),
			row(3, "w", 3.5, `{"_c3":"extra",`+path), row(4, "q", null, `{"_c2":"bad",`+path), row(5, "end", 5.5, null)), 4},
		{"rescue with corrupt column", query{ddl: ddl + ", _corrupt_record STRING", rescue: "r"}, rows(row(1, "x", 1.5, null, null),
			row(null, "y", 2.5, null, `{"_c0":"z",`+path), row(2, "only", null, "2,only", null),
			row(3, "w", 3.5, null, `{"_c3":"extra",`+path), row(4, "q", null, null, `{"_c2":"bad",`+path), row(5, "end", 5.5, null, null)), 4},
		{
			"rescue, drop malformed drops only incomplete rows",
			query{ddl: ddl, rescue: "r", options: options{"mode": "DROPMALFORMED"}},
			rows(row(1, "x", 1.5, null), row(null, "y", 2.5, `{"_c0":"z",`+path),
				row(3, "w", 3.5, `{"_c3":"extra",`+path), row(4, "q", null, `{"_c2":"bad",`+path), row(5, "end", 5.5, null)), 4,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{0, 1, 9, 30} {
				tt.q.size = size
				got := tt.q.run(t, files(mixed))
				got.check(t, tt.want)
				if got.mismatches != tt.mismatches {
					t.Errorf("block size %d: %d mismatches, want %d", size, got.mismatches, tt.mismatches)
				}
			}
		})
	}
}

func TestReadFailFast(t *testing.T) {
	tests := []struct {
		name, text, ddl string
		q               query
		want            format.RecordError
	}{
		{"cell", "1\n2\nx\n", "a INT", query{}, format.RecordError{Line: 3, Column: "a", Record: "x", Reason: `the value "x" is not a INT`}},
		{"first of a row", "1,2\n\n\"x\",y\nz,1\n", "a INT, b INT", query{}, format.RecordError{Line: 3, Column: "a", Record: `"x",y`, Reason: `the value "x" is not a INT`}},
		{"tokens", "1,2\n1\n", "a INT, b INT", query{}, format.RecordError{Line: 2, Record: "1", Reason: "the record has 1 values, not 2"}},
		{
			"with header", "# c\na\n1\n# d\nx\n", "a INT",
			query{options: options{"header": "true", "comment": "#"}},
			format.RecordError{Line: 5, Column: "a", Record: "x", Reason: `the value "x" is not a INT`},
		},
		{
			"line breaks in quotes", "\"1\n\n2\",1\n\"3\n4\",x\n", "a STRING, b INT",
			query{options: options{"multiLine": "true"}},
			format.RecordError{Line: 4, Column: "b", Record: "\"3\n4\",x", Reason: `the value "x" is not a INT`},
		},
		{
			"skipped rows", "s\ns\n1\nx\n", "a INT",
			query{options: options{"skipRows": "2"}},
			format.RecordError{Line: 4, Column: "a", Record: "x", Reason: `the value "x" is not a INT`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{0, 1, 4} {
				opts := options{"mode": "FAILFAST"}
				maps.Copy(opts, tt.q.options)
				got := query{ddl: tt.ddl, options: opts, size: size}.run(t, files(tt.text))
				var e *format.RecordError
				if !errors.As(got.err, &e) {
					t.Fatalf("error is %v", got.err)
				}
				tt.want.Path = "mem:/f0.csv"
				if *e != tt.want {
					t.Errorf("block size %d: error is %+v, want %+v", size, *e, tt.want)
				}
			}
		})
	}
	t.Run("rescued values do not fail", func(t *testing.T) {
		query{ddl: "a INT", rescue: "r", options: options{"mode": "FAILFAST"}}.run(t, files("x\n1,y\n")).
			check(t, rows(row(null, `{"_c0":"x","_file_path":"mem:/f0.csv"}`), row(1, `{"_c1":"y","_file_path":"mem:/f0.csv"}`)))
	})
}

func TestAssertion16_MisfitIsRescuedInEveryMode(t *testing.T) {
	for _, mode := range []string{"PERMISSIVE", "DROPMALFORMED", "FAILFAST"} {
		query{ddl: "c INT, d STRING", rescue: "_rescued_data", options: options{"header": "true", "mode": mode}}.
			run(t, files("c,d\nabc,x\n")).
			check(t, rows(row(null, "x", `{"c":"abc","_file_path":"mem:/f0.csv"}`)))
	}
}

func TestAssertion18_ExtraCell(t *testing.T) {
	text := "a,b\n1,2\n3,4,5\n"
	query{ddl: "a INT, b INT", rescue: "_rescued_data", options: options{"header": "true"}}.run(t, files(text)).
		check(t, rows(row(1, 2, null), row(3, 4, `{"_c2":"5","_file_path":"mem:/f0.csv"}`)))
	query{ddl: "a INT, b INT", options: options{"header": "true"}}.run(t, files(text)).check(t, rows(row(1, 2), row(3, 4)))
	query{ddl: "a INT, b INT", options: options{"header": "true", "mode": "DROPMALFORMED"}}.run(t, files(text)).check(t, rows(row(1, 2)))
}

func TestAssertion19_CaseOfHeader(t *testing.T) {
	q := query{ddl: "id INT", rescue: "r", exact: true, options: options{"header": "true"}}
	got := q.run(t, files("ID\n1\n"))
	got.check(t, rows(row(null, `{"ID":"1","_file_path":"mem:/f0.csv"}`)))
	if got.unknown != "" {
		t.Errorf("unknown columns are %s; one that differs in case is not new", got.unknown)
	}
	q.exact = false
	q.run(t, files("ID\n1\n")).check(t, rows(row(1, null)))
}

func TestReadBadRecords(t *testing.T) {
	var mu sync.Mutex
	var bad []format.BadRecord
	q := query{ddl: "a INT, b STRING, c DOUBLE", options: options{"mode": "FAILFAST"}, bad: func(b format.BadRecord) {
		mu.Lock()
		defer mu.Unlock()
		bad = append(bad, b)
	}}
	q.run(t, files(mixed)).check(t, rows(row(1, "x", 1.5), row(5, "end", 5.5)))
	want := []format.BadRecord{
		{Path: "mem:/f0.csv", Record: "z,y,2.5", Reason: `the value "z" is not a INT`},
		{Path: "mem:/f0.csv", Record: "2,only", Reason: "the record has 2 values, not 3"},
		{Path: "mem:/f0.csv", Record: "3,w,3.5,extra", Reason: "the record has 4 values, not 3"},
		{Path: "mem:/f0.csv", Record: "4,q,bad", Reason: `the value "bad" is not a DOUBLE`},
	}
	if diff := cmp.Diff(want, bad); diff != "" {
		t.Errorf("bad records (-want +got):\n%s", diff)
	}
	bad = nil
	q.rescue = "r"
	q.run(t, files("x,y,1\n1\n"))
	if len(bad) != 1 || bad[0].Record != "1" {
		t.Errorf("with rescued data, bad records are %v, want only the incomplete one", bad)
	}
}

func TestReadAlignsByName(t *testing.T) {
	header := options{"header": "true"}
	path := `"_file_path":"mem:/f0.csv"}`
	tests := []struct {
		name    string
		q       query
		text    string
		want    [][]any
		unknown string
	}{
		{"order", query{ddl: "a INT, b STRING"}, "b,a\nx,1\n", rows(row(1, "x")), ""},
		{"missing column", query{ddl: "a INT, b STRING, c DOUBLE"}, "a,c\n1,2\n", rows(row(1, null, 2)), ""},
		{"unknown column without rescue", query{ddl: "b INT"}, "a,b,c\nx,1,2.5\n", rows(row(1)), "a STRING, c DOUBLE"},
		{
			"unknown columns rescued in the file's order",
			query{ddl: "b INT", rescue: "r"},
			"z,b,c,a\n\"q\"\"\",no,,\t1\n",
			rows(row(null, `{"z":"q\"","b":"no","a":"\t1",`+path)), "z STRING, c STRING, a DOUBLE",
		},
		{"nothing to rescue", query{ddl: "b INT", rescue: "r"}, "a,b\n,1\n", rows(row(1, null)), "a STRING"},
		{"empty and repeated names", query{ddl: "_c1 STRING, x0 INT, x2 INT"}, "x,,X\n1,m,2\n", rows(row("m", 1, 2)), ""},
		{"case-clashing names, exact", query{ddl: "id INT", rescue: "r", exact: true}, "ID,id\n1,2\n", rows(row(2, `{"ID":"1",`+path)), ""},
		{
			"names that the reader uses",
			query{ddl: "a INT, _corrupt_record STRING", rescue: "r"},
			"a,_Corrupt_record,R\n1,2,3\n",
			rows(row(1, null, `{"_Corrupt_record":"2","R":"3",`+path)), "",
		},
		{"inferred names of case-clashing names", query{ddl: "a0 INT, A1 INT", rescue: "r", exact: true}, "a,A\n1,2\n", rows(row(1, 2, null)), ""},
		{"ragged", query{ddl: "a INT, b INT, c INT"}, "a,b,c\n1\n1,2\n1,2,3\n1,2,3,4\n", rows(row(1, null, null), row(1, 2, null), row(1, 2, 3), row(1, 2, 3)), ""},
		{"header only", query{ddl: "a INT"}, "a,b\n", nil, ""},
		{"empty file", query{ddl: "a INT"}, "", nil, ""},
		{"void column", query{ddl: "a VOID, b INT", rescue: "r"}, "a,b\n,1\nx,2\n", rows(row(null, 1, null), row(null, 2, `{"a":"x",`+path)), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.q.options = options{"escape": `"`}
			maps.Copy(tt.q.options, header)
			got := tt.q.run(t, files(tt.text))
			got.check(t, tt.want)
			if got.unknown != tt.unknown {
				t.Errorf("unknown columns are %q, want %q", got.unknown, tt.unknown)
			}
		})
	}
	t.Run("each file has its own header", func(t *testing.T) {
		query{ddl: "a INT, b INT", options: header}.run(t, files("a,b\n1,2\n", "b,a\n3,4\n", "", "b\n5\n")).
			check(t, rows(row(1, 2), row(4, 3), row(null, 5)))
	})
	t.Run("numbered columns without header", func(t *testing.T) {
		query{ddl: "_c0 INT, _c2 INT"}.run(t, files("1,2,3\n")).check(t, rows(row(1, 3)))
		query{ddl: "_c0 INT, b INT"}.run(t, files("1,2,3\n")).check(t, rows(row(1, 2)))
	})
}

func TestReadOptions(t *testing.T) {
	tests := []struct {
		name, text, ddl string
		options         options
		want            [][]any
	}{
		{"comment and blank lines", "#x\n1\n \n\n #2\n", "a STRING", options{"comment": "#"}, rows(row("1"), row(" #2"))},
		{"skipRows counts every line", "#x\n\nskip\na\n1\n", "a INT", options{"skipRows": "3", "header": "true", "comment": "#"}, rows(row(1))},
		{"skipRows beyond the end", "1\n2\n", "a INT", options{"skipRows": "5"}, nil},
		{"sep with backslash", "1\t2\n", "a INT, b INT", options{"sep": `\t`}, rows(row(1, 2))},
		{"long sep", "1<|>2<|>3<|\n", "a INT, b INT, c STRING", options{"delimiter": "<|>"}, rows(row(1, 2, "3<|"))},
		{"NUL bytes are kept", "\x00a,b\x00\n", "a STRING, b STRING", nil, rows(row("\x00a", "b\x00"))},
		{"quote off", "\"1,2\"\n", "a STRING, b STRING", options{"quote": ""}, rows(row(`"1`, `2"`))},
		{
			"nan and infinities", "N,P,M\nNaN,Inf,1\n", "a DOUBLE, b FLOAT, c DOUBLE",
			options{"nanValue": "N", "positiveInf": "P", "negativeInf": "M"},
			rows(row("nan", "+inf", "-inf"), row("nan", null, 1)),
		},
		{"specials that end in a digit", "-1,5\n", "a DOUBLE, b DOUBLE", options{"nanValue": "-1"}, rows(row("nan", 5))},
		{"time zone", "2026-07-01 12:00:00\n", "a TIMESTAMP", options{"timeZone": "Europe/Berlin"}, rows(row("2026-07-01 10:00:00"))},
		{
			"formats", "31.12.2025,31/12/2025 23-59,7.1.2026\n", "a DATE, b TIMESTAMP, c DATE",
			options{"dateFormat": "d.M.yyyy", "timestampFormat": "dd/MM/yyyy HH-mm"},
			rows(row("2025-12-31", "2025-12-31 23:59:00", "2026-01-07")),
		},
		{"decimals", "1.005,-0.1,1e2\n", "a DECIMAL(10,2), b DECIMAL(3,1), c DECIMAL(5,0)", nil, rows(row("1.01", "-0.1", "100"))},
		{
			"all types", "1,2,3,4,5.5,6.5,true,x,y,2026-01-02,2026-01-02 03:04:05,2026-01-02 03:04:05.5\n",
			"a TINYINT, b SMALLINT, c INT, d BIGINT, e FLOAT, f DOUBLE, g BOOLEAN, h STRING, i BINARY, j DATE, k TIMESTAMP, l TIMESTAMP_NTZ", nil,
			rows(row(1, 2, 3, 4, 5.5, 6.5, true, "x", "y", "2026-01-02", "2026-01-02 03:04:05", "2026-01-02 03:04:05.5")),
		},
		{"invalid UTF-8", "a\xff\xe2\x82b,\xf0\x9f\x98\n", "a STRING, b BINARY", nil, rows(row("a\uFFFD\uFFFDb", "\xf0\x9f\x98"))},
		{"UTF-8 mark", "\xef\xbb\xbfa\n1\n", "a INT", options{"header": "true"}, rows(row(1))},
		{"UTF-16 mark", "\xff\xfea\x00\n\x001\x00\n\x00", "a INT", options{"header": "true"}, rows(row(1))},
		{"UTF-16BE", "\x00a\x00\n\x001\x00\r\x00\n", "a INT", options{"header": "true", "charset": "utf-16be"}, rows(row(1))},
		{"windows-1252", "\x80\xe9\n", "a STRING", options{"encoding": "windows-1252"}, rows(row("€é"))},
		{"ISO-8859-1 lineSep", "a\xa7b\xa7", "a STRING", options{"encoding": "ISO-8859-1", "lineSep": "§"}, rows(row("a"), row("b"))},
		{"multi-character lineSep", "1,2||\n3,4||\n", "a INT, b INT", options{"lineSep": "||"}, rows(row(1, 2), row(null, 4))},
		{"quoted line breaks become \\n as the file has them", "\"a\r\nb\",\"c\nd\"\r\n", "a STRING, b STRING", options{"multiLine": "true"}, rows(row("a\nb", "c\nd"))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			query{ddl: tt.ddl, options: tt.options}.run(t, files(tt.text)).check(t, tt.want)
		})
	}
}

// Workers parse timestamps of different offsets at the same time, and each
// finds its own.
func TestParallelTimestampsInAZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	var want [][]any
	for i := range 20_000 {
		local := time.Date(2026, time.Month(1+i%2*6), 2, 3, 4, i%60, 0, berlin)
		text.WriteString(local.Format("2006-01-02 15:04:05\n"))
		want = append(want, row(local.UTC().Format("2006-01-02 15:04:05")))
	}
	q := query{ddl: "a TIMESTAMP", options: options{"timeZone": "Europe/Berlin"}, size: 256}
	q.run(t, files(text.String())).check(t, want)
	q.ddl, q.options = "", options{"timeZone": "Europe/Berlin", "inferSchema": "true"}
	if got := q.run(t, files(text.String())).ddl; got != "_c0 TIMESTAMP" {
		t.Errorf("inferred %s", got)
	}
}

func TestReadRefuses(t *testing.T) {
	tests := []struct {
		name, text, ddl string
		options         options
		class, state    string
		text2           string
	}{
		{"nested type", "1\n", "a ARRAY<INT>", nil, "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", "0A000", "ARRAY<INT>"},
		{"singleVariantColumn of another type", "1\n", "v INT", options{"singleVariantColumn": "v"}, "INVALID_SINGLE_VARIANT_COLUMN", "42613", "singleVariantColumn"},
		{"singleVariantColumn of another name", "1\n", "w VARIANT", options{"singleVariantColumn": "v"}, "INVALID_SINGLE_VARIANT_COLUMN", "42613", "w VARIANT"},
		{"singleVariantColumn beside others", "1\n", "v VARIANT, w INT", options{"singleVariantColumn": "v"}, "INVALID_SINGLE_VARIANT_COLUMN", "42613", "w INT"},
		{"corrupt column not text", "1\n", "a INT, _corrupt_record INT", nil, "INVALID_CORRUPT_RECORD_TYPE", "42804", "_corrupt_record"},
		{"charset", "1\n", "a INT", options{"encoding": "klingon"}, "INVALID_PARAMETER_VALUE.CHARSET", "22023", "klingon"},
		{"sep", "1\n", "a INT", options{"sep": `\q`}, "INVALID_DELIMITER_VALUE", "42602", `\q`},
		{"lineSep", "1\n", "a INT", options{"lineSep": "abc"}, "INVALID_DELIMITER_VALUE", "42602", "lineSep"},
		{"time zone", "1\n", "a INT", options{"timeZone": "Mars/Base"}, "INVALID_TIMEZONE", "22009", "Mars/Base"},
		{"unescaped quote", "1\n\"a\"b\n", "a STRING", options{"unescapedQuoteHandling": "RAISE_ERROR"}, "MALFORMED_CSV_RECORD", "KD000", "f0.csv: line 2"},
		{"maxColumns", "1,2\n1,2,3\n", "a INT", options{"maxColumns": "2"}, "MALFORMED_CSV_RECORD", "KD000", "line 2"},
		{"maxCharsPerColumn", "12\n123\n", "a INT", options{"maxCharsPerColumn": "2"}, "MALFORMED_CSV_RECORD", "KD000", "line 2"},
		{"unknown fields", "a,b\n1,2\n", "a INT", options{"failOnUnknownFields": "true", "header": "true"}, "UNKNOWN_FIELD_EXCEPTION.NEW_FIELDS_IN_FILE", "KD003", "b"},
		{"widened field", "1\nx\n3000000000\n", "a INT", options{"failOnWidenedFields": "true"}, "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", "22023", "line 3"},
		{"mode", "1\n", "a INT", options{"mode": "LAX"}, "INVALID_OPTION_VALUE", "42K06", "PERMISSIVE"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := query{ddl: tt.ddl, options: tt.options}.run(t, files(tt.text))
			var c errclass.Classified
			if !errors.As(got.err, &c) || c.ErrorClass() != tt.class || c.SQLState() != tt.state || !strings.Contains(got.err.Error(), tt.text2) {
				t.Errorf("error is %v, want %s %s with %q", got.err, tt.class, tt.state, tt.text2)
			}
		})
	}
}

func TestReadCompressed(t *testing.T) {
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	fmt.Fprint(w, "a\n", strings.Repeat("123\n", 5000))
	w.Close()
	in := files(gz.String(), gz.String()[:gz.Len()-3])
	st := in[0].Store.(fakeStore)
	for i := range in {
		st.objects[in[i].Key+".gz"] = st.objects[in[i].Key]
		in[i].Key += ".gz"
		in[i].Path += ".gz"
	}
	got := query{ddl: "a INT", options: options{"header": "true"}, size: 1000}.run(t, in[:1])
	if len(got.rows) != 5000 || got.err != nil {
		t.Errorf("%d rows, error %v", len(got.rows), got.err)
	}
	var e *format.FileError
	got = query{ddl: "a INT", options: options{"header": "true"}, size: 1000}.run(t, in[1:])
	if !errors.As(got.err, &e) || e.Path != "mem:/f1.csv.gz" {
		t.Errorf("truncated file: error is %v", got.err)
	}
}

func TestReadWideAndLong(t *testing.T) {
	const columns = 20_000
	names := make([]string, columns)
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
	}
	line := strings.TrimSuffix(strings.Repeat("7,", columns), ",")
	got := query{ddl: strings.Join(names, " INT, ") + " INT", options: options{"header": "true"}}.
		run(t, files(strings.Join(names, ",")+"\n"+line+"\n"+line+"\n"))
	if got.err != nil || len(got.rows) != 2 || got.rows[1][columns-1] == nil {
		t.Errorf("%d rows of %d columns: error %v", len(got.rows), columns, got.err)
	}

	long := strings.Repeat("x", 20<<20)
	got = query{ddl: "a STRING, b INT"}.run(t, files("s,1\n"+long+",2\nt,3\n"))
	if got.err != nil || len(got.rows) != 3 || got.rows[1][0] != long {
		t.Errorf("%d rows with a long line: error %v", len(got.rows), got.err)
	}
}

func TestReadBatchRows(t *testing.T) {
	text := strings.Repeat("1,a\nx,b\n", 500)
	want := query{ddl: "a INT, b STRING"}.run(t, files(text))
	for _, n := range []int{1, 7, 1000} {
		query{ddl: "a INT, b STRING", rows: n}.run(t, files(text)).check(t, want.rows)
	}
}

// tricky are files whose cutting into blocks is easily wrong.
var tricky = []string{
	"", "\n", "\r", "\r\n", "a", "a,b\r\nc,d\r\n", "a\rb\rc", "a\r\n\r\n\rb\n\r\n", "a,\"b\nc\",d\ne,\"f\r\n\r\ng\"\"h\",i\n",
	"\"unterminated\na,b\nc", "a,b\n\"x\"y\",z\n\"p\nq\" r,s\n1,2\n", "#c \"x\na,#\n\"#\n\",b\n#\n", "\"a\\\"\n\",b\n\"\\\\\",c\n",
	"h1,h2\r\n1,2\r\n3,\"4\r\n5\"\r\n", "  \n a , \"b\" \n\t\n", ",,\n,\"\"\n\"\",\n", "a\x00b,\xff\xfe\n\xe2\x82,\xac\n", "é,ü\n\"ß\nß\",ñ\n",
	"a||b\n\"c||d\"||e\n|\"f||\n\"||g\n", "x\";y\"\n;\"z;\n;\";\n",
}

func TestReadDoesNotDependOnBlocks(t *testing.T) {
	variants := []options{
		{},
		{"multiLine": "true"},
		{"multiLine": "true", "escape": `"`},
		{"header": "true"},
		{"header": "true", "multiLine": "true"},
		{"comment": "#", "multiLine": "true"},
		{"lineSep": ";", "multiLine": "true"},
		{"lineSep": "\r\n"},
		{"sep": "||", "multiLine": "true"},
		{"ignoreLeadingWhiteSpace": "true", "ignoreTrailingWhiteSpace": "true", "multiLine": "true"},
		{"skipRows": "1"},
		{"unescapedQuoteHandling": "STOP_AT_CLOSING_QUOTE", "multiLine": "true"},
		{"unescapedQuoteHandling": "BACK_TO_DELIMITER", "multiLine": "true"},
		{"unescapedQuoteHandling": "SKIP_VALUE", "multiLine": "true"},
		{"quote": "", "multiLine": "true"},
		{"quote": "ß", "multiLine": "true"},
	}
	for _, opts := range variants {
		for _, text := range tricky {
			q := query{ddl: "a STRING, b STRING, _corrupt_record STRING", rescue: "r", options: opts}
			want := q.run(t, files(text))
			for q.size = 1; q.size <= len(text)+1; q.size++ {
				got := q.run(t, files(text))
				if diff := cmp.Diff(want.rows, got.rows, cmpopts.EquateEmpty()); diff != "" || (got.err == nil) != (want.err == nil) {
					t.Errorf("%v %q in blocks of %d: %v, not %v\n%s", opts, text, q.size, got.err, want.err, diff)
				}
			}
		}
	}
}

func TestReadOrderOfManyFiles(t *testing.T) {
	var texts []string
	var want [][]any
	for i := range 300 {
		texts = append(texts, fmt.Sprintf("v\n%d\n", i))
		want = append(want, row(i))
	}
	query{ddl: "v INT", options: options{"header": "true"}}.run(t, files(texts...)).check(t, want)
	gone := files(texts...)
	gone[5].Key = "gone"
	var n int
	var missing *format.FileError
	f := csv.Format{}
	values, _ := f.Options().Parse(options{"header": "true"})
	for b, err := range f.Read(t.Context(), slices.Values(gone), format.Request{Schema: mustSchema(t, "v INT"), Options: values}) {
		if err != nil {
			if !errors.As(err, &missing) {
				t.Fatal(err)
			}
			continue
		}
		n += int(b.NumRows())
		b.Release()
	}
	if n != 299 || missing == nil || !missing.Missing {
		t.Errorf("%d rows, error %v", n, missing)
	}
}

// Values that can be read as their column's type are counted all the same when
// inference would have made another one of them.
func TestReadCountsWhatInferenceTypesOtherwise(t *testing.T) {
	for _, tc := range []struct {
		ddl, text string
		options   options
		want      int64
	}{
		{"a DATE", "2026-01-02\n2026-01-03\n", nil, 0},
		{"a DATE", "2026-01-02\n2026-01-03 04:05:06\n2026\n2026-1-2\n", nil, 3},
		{"a TIMESTAMP", "2026-01-02\n2026-01-03 04:05:06\n2026-01-03T04:05:06.7Z\n", nil, 0},
		{"a TIMESTAMP", "2026\n2026-01-03 04:05:06\n", nil, 1},
		{"a TIMESTAMP, b DATE", "2026,2026\n2027,2026-01-02\n", nil, 2},
		{"a TIMESTAMP", "2026-01-02\n2026-01-03 04:05:06\n", options{"dateFormat": "yyyy-M-d"}, 1},
		{"a TIMESTAMP", "2026-01-02\n2026-01-03 04:05:06\n", options{"dateFormat": "yyyy-M-d", "preferDate": "false"}, 0},
	} {
		got := query{ddl: tc.ddl, options: tc.options}.run(t, files(tc.text))
		if got.err != nil || got.mismatches != tc.want {
			t.Errorf("%s of %q, %v: %d mismatches (%v), want %d", tc.ddl, tc.text, tc.options, got.mismatches, got.err, tc.want)
		}
	}
}
