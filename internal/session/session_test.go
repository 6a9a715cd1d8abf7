package session_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/session"
)

// workspace is a session over a directory of its own, with a place for source
// files. In SQL, $IN stands for that place.
type workspace struct {
	sample int64 // of session.Config
	t      *testing.T
	s      *session.Session
	root   string
	in     string
}

func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	w := &workspace{t: t, root: t.TempDir()}
	w.in = filepath.Join(w.root, "in")
	if err := os.MkdirAll(w.in, 0o777); err != nil {
		t.Fatal(err)
	}
	w.open()
	return w
}

// open starts a new session of the workspace, as another process would.
func (w *workspace) open() {
	w.t.Helper()
	s, err := session.Open(w.t.Context(), session.Config{Workspace: filepath.Join(w.root, "ws"), Parallelism: 2, Sample: w.sample})
	if err != nil {
		w.t.Fatal(err)
	}
	w.s = s
	w.t.Cleanup(func() { _ = s.Close() })
}

// file writes a source file.
func (w *workspace) file(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.in, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// try runs statements and returns the rows of the last one as text.
func (w *workspace) try(text string) ([]string, error) {
	return w.tryContext(w.t.Context(), text)
}

func (w *workspace) tryContext(ctx context.Context, text string) (rows []string, err error) {
	for r, err := range w.s.Run(ctx, strings.ReplaceAll(text, "$IN", w.in)) {
		if err != nil {
			return nil, err
		}
		rows = nil
		if r.Schema == nil {
			continue
		}
		for rec, err := range r.Rows {
			if err != nil {
				return nil, err
			}
			for i := range int(rec.NumRows()) {
				cells := make([]string, rec.NumCols())
				for j := range cells {
					cells[j] = "NULL"
					if c := rec.Column(j); c.IsValid(i) {
						cells[j] = strings.Clone(c.ValueStr(i))
					}
				}
				rows = append(rows, strings.Join(cells, "|"))
			}
		}
	}
	return rows, nil
}

// rows runs statements that must succeed.
func (w *workspace) rows(text string) []string {
	w.t.Helper()
	rows, err := w.try(text)
	if err != nil {
		w.t.Fatalf("%s\n%s", text, errclass.Format(err))
	}
	return rows
}

// want runs statements and compares the rows of the last, in any order.
func (w *workspace) want(text string, want ...string) {
	w.t.Helper()
	got := w.rows(text)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.t.Errorf("%s\ngot  %s\nwant %s", text, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// fails runs statements whose last must fail with the class and SQLSTATE.
func (w *workspace) fails(text, class, state string) error {
	w.t.Helper()
	_, err := w.try(text)
	var c errclass.Classified
	switch {
	case err == nil:
		w.t.Errorf("%s\nsucceeded, want %s", text, class)
	case !errors.As(err, &c) || !strings.HasPrefix(c.ErrorClass(), class) || c.SQLState() != state:
		w.t.Errorf("%s\ngot  %s\nwant %s SQLSTATE: %s", text, errclass.Format(err), class, state)
	}
	return err
}

// version is the newest version of a table.
func (w *workspace) version(table string) string {
	w.t.Helper()
	rows := w.rows("DESCRIBE HISTORY " + table + " LIMIT 1")
	v, _, _ := strings.Cut(rows[0], "|")
	return v
}

func copyResult(rows, corrupt int) string { return fmt.Sprintf("%d|%d|%d", rows, rows, corrupt) }

const copyCSV = "COPY INTO t FROM '$IN' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true') "

func TestAssertion36_SecondCopyLoadsNothing(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "id,v\n1,a\n2,b\n")
	w.rows("CREATE TABLE t (id INT, v STRING)")
	w.want(copyCSV, copyResult(2, 0))
	w.want(copyCSV, copyResult(0, 0))
	w.want("SELECT * FROM t", "1|a", "2|b")
	if got := w.version("t"); got != "1" {
		t.Errorf("version is %s after a load of nothing, want 1", got)
	}
	w.file("b.csv", "id,v\n3,c\n")
	w.open()
	w.want(copyCSV, copyResult(1, 0))
	w.want("SELECT * FROM t", "1|a", "2|b", "3|c")
}

func TestAssertion37_RewrittenFileIsNotLoadedAgain(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "id\n1\n")
	w.rows("CREATE TABLE t (id INT)")
	w.want(copyCSV, copyResult(1, 0))
	w.file("a.csv", "id\n1\n2\n")
	w.want(copyCSV, copyResult(0, 0))
	w.want(copyCSV+"COPY_OPTIONS ('force' = 'true')", copyResult(2, 0))
	w.want("SELECT * FROM t", "1", "1", "2")
	w.want(copyCSV, copyResult(0, 0))
}

func TestAssertion38_TablesDoNotShareTheirRecords(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "id\n1\n")
	w.rows("CREATE TABLE t (id INT); CREATE TABLE u (id INT)")
	w.want(copyCSV, copyResult(1, 0))
	w.want(strings.Replace(copyCSV, "INTO t", "INTO u", 1), copyResult(1, 0))
	w.want("SELECT * FROM u", "1")
}

func TestAssertion39_FilesAreLimitedAndExcludePattern(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "id\n1\n")
	w.rows("CREATE TABLE t (id INT)")
	names := make([]string, 1001)
	for i := range names {
		names[i] = fmt.Sprintf("'%d.csv'", i)
	}
	w.fails("COPY INTO t FROM '$IN' FILEFORMAT = CSV FILES = ("+strings.Join(names, ",")+")", "COPY_INTO_SYNTAX_ERROR", "42601")
	w.fails("COPY INTO t FROM '$IN' FILEFORMAT = CSV FILES = ('a.csv') PATTERN = '*.csv'", "", "42601")
}

func TestAssertion40_ValidateWritesNothing(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "id,v\n1,a\n2,b\n3,c\n")
	w.rows("CREATE TABLE t (id INT, v STRING)")
	validate := "COPY INTO t FROM '$IN' FILEFORMAT = CSV VALIDATE %s FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true')"
	w.want(fmt.Sprintf(validate, "15 ROWS"), "1|a", "2|b", "3|c")
	w.want(fmt.Sprintf(validate, "2 ROWS"), "1|a", "2|b")
	w.fails(fmt.Sprintf(validate, "0 ROWS"), "COPY_INTO_SYNTAX_ERROR.VALIDATE_INVALID_ROWS", "42601")
	w.rows(fmt.Sprintf(validate, "ALL"))
	if got := w.version("t"); got != "0" {
		t.Errorf("version is %s after VALIDATE, want 0", got)
	}
	w.want(copyCSV, copyResult(3, 0))
}

func TestAssertion41_ExtraColumnNeedsMergeSchema(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "id\n1\n")
	w.rows("CREATE TABLE t (id INT)")
	w.want(copyCSV, copyResult(1, 0))
	w.file("b.csv", "id,extra\n2,x\n")
	w.fails(copyCSV, "COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE", "42KDG")
	w.want("SELECT * FROM t", "1")
	w.want(copyCSV+"COPY_OPTIONS ('mergeSchema' = 'true')", copyResult(1, 0))
	w.want("SELECT * FROM t", "1|NULL", "2|x")
	w.file("c.csv", "id,extra\nnot a number,y\n")
	w.fails(copyCSV+"COPY_OPTIONS ('mergeSchema' = 'true')", "COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE", "42KDG")
}

func TestAssertion42_SchemalessTableTakesItsColumnsFromCopy(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "id,v\n1,a\n")
	w.rows("CREATE TABLE t")
	w.fails("INSERT INTO t VALUES (1, 'a')", "DELTA_INSERT_COLUMN_ARITY_MISMATCH", "42802")
	w.fails("SELECT * FROM t", "DELTA_READ_TABLE_WITHOUT_COLUMNS", "428GU")
	w.fails(copyCSV, "COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE", "42KDG")
	w.want(copyCSV+"COPY_OPTIONS ('mergeSchema' = 'true')", copyResult(1, 0))
	w.want("SELECT * FROM t", "1|a")
	w.want("DESCRIBE t", "id|int|NULL", "v|string|NULL")
}

func TestAssertion43_CorruptFileIsSkippedAndLoadsOnceMended(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "id\n1\n")
	w.file("bad.csv.gz", "this is no gzip")
	w.rows("CREATE TABLE t (id INT)")
	load := "COPY INTO t FROM '$IN' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true', 'ignoreCorruptFiles' = 'true')"
	w.fails(copyCSV, "FAILED_READ_FILE", "KD001")
	w.want("SELECT count(*) FROM t", "0")
	w.want(load, copyResult(1, 1))
	w.want(load, copyResult(0, 1))
	w.file("bad.csv.gz", gzipped(t, "id\n7\n"))
	w.want(load, copyResult(1, 0))
	w.want("SELECT * FROM t", "1", "7")
}

// Rows read from a file before it turns out damaged must not stay, or the
// mended file would bring them again.
func TestCorruptFileLeavesNoRowsBehind(t *testing.T) {
	w := newWorkspace(t)
	var text strings.Builder
	text.WriteString("id\n")
	for i := range 2_000_000 {
		fmt.Fprintln(&text, i)
	}
	whole := gzipped(t, text.String())
	w.file("a.csv", "id\n-1\n")
	w.file("b.csv.gz", whole[:len(whole)-100])
	w.rows("CREATE TABLE t (id INT)")
	load := "COPY INTO t FROM '$IN' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true', 'ignoreCorruptFiles' = 'true')"
	w.want(load, copyResult(1, 1))
	w.want("SELECT * FROM t", "-1")
	w.file("b.csv.gz", whole)
	w.want(load, copyResult(2_000_000, 0))
	w.want("SELECT count(*), count(DISTINCT id), min(id), max(id) FROM t", "2000001|2000001|-1|1999999")
}

func TestAssertion44_HeaderlessCSVByPosition(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "1,a\n2,b\n")
	w.rows("CREATE TABLE t (id BIGINT, v STRING); CREATE TABLE u (id BIGINT, v STRING, w DOUBLE); CREATE TABLE n (id BIGINT NOT NULL, v STRING, w INT)")
	w.want("COPY INTO t BY POSITION FROM '$IN' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'false')", copyResult(2, 0))
	w.want("SELECT * FROM t", "1|a", "2|b")
	w.want("COPY INTO u (w, v) FROM '$IN' FILEFORMAT = CSV", copyResult(2, 0))
	w.want("SELECT * FROM u", "NULL|a|1", "NULL|b|2")
	w.fails("COPY INTO u BY POSITION FROM '$IN' FILEFORMAT = CSV COPY_OPTIONS ('force' = 'true')", "COPY_INTO_COLUMN_ARITY_MISMATCH", "21S01")
	w.fails("COPY INTO t (id) FROM '$IN' FILEFORMAT = CSV COPY_OPTIONS ('force' = 'true')", "COPY_INTO_COLUMN_ARITY_MISMATCH", "21S01")
	w.fails("COPY INTO t (id, id) FROM '$IN' FILEFORMAT = CSV COPY_OPTIONS ('force' = 'true')", "COLUMN_ALREADY_EXISTS", "42711")
	w.fails("COPY INTO n (v, w) FROM '$IN' FILEFORMAT = CSV", "DELTA_", "23502")
	w.fails("COPY INTO t BY POSITION FROM '$IN' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true') COPY_OPTIONS ('force' = 'true')", "COPY_INTO_UNSUPPORTED_FEATURE", "0A000")
}

func TestAssertion45_OverlappingConcurrentCopiesLoadOnce(t *testing.T) {
	w := newWorkspace(t)
	for i := range 20 {
		w.file(fmt.Sprintf("%02d.csv", i), fmt.Sprintf("id\n%d\n", i))
	}
	w.rows("CREATE TABLE t (id INT)")
	const n = 4
	errs := make(chan error, n)
	for range n {
		s, err := session.Open(t.Context(), session.Config{Workspace: filepath.Join(w.root, "ws"), Parallelism: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		go func() {
			for _, err := range s.Run(t.Context(), strings.ReplaceAll(copyCSV, "$IN", w.in)) {
				errs <- err
			}
		}()
	}
	for range n {
		err := <-errs
		var c errclass.Classified
		if err != nil && (!errors.As(err, &c) || c.ErrorClass() != "COPY_INTO_DUPLICATED_FILES_COPY_NOT_ALLOWED" || c.SQLState() != "25000") {
			t.Errorf("unexpected error: %s", errclass.Format(err))
		}
	}
	w.want("SELECT count(*), count(DISTINCT id) FROM t", "20|20")
}

// Disjoint copies of one table may run side by side.
func TestDisjointConcurrentCopiesAllLoad(t *testing.T) {
	w := newWorkspace(t)
	const n = 4
	for i := range n {
		w.file(fmt.Sprintf("p%d/a.csv", i), fmt.Sprintf("id\n%d\n", i))
	}
	w.rows("CREATE TABLE t (id INT)")
	errs := make(chan error, n)
	for i := range n {
		s, err := session.Open(t.Context(), session.Config{Workspace: filepath.Join(w.root, "ws"), Parallelism: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		go func() {
			text := strings.ReplaceAll(copyCSV, "$IN", filepath.Join(w.in, fmt.Sprintf("p%d", i)))
			for _, err := range s.Run(t.Context(), text) {
				errs <- err
			}
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(errclass.Format(err))
		}
	}
	w.want("SELECT * FROM t", "0", "1", "2", "3")
	w.want(copyCSV, copyResult(0, 0))
}

func TestAssertion46_SelectListAndMetadata(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "1,x\n2,y\n")
	w.rows("CREATE TABLE t (k BIGINT, f STRING)")
	w.want("COPY INTO t FROM (SELECT _c0::bigint k, _metadata.file_name f FROM '$IN') FILEFORMAT = CSV", copyResult(2, 0))
	w.want("SELECT * FROM t", "1|a.csv", "2|a.csv")
	w.fails("COPY INTO t FROM (SELECT _c0::bigint k, count(*) f FROM '$IN' GROUP BY _c0) FILEFORMAT = CSV COPY_OPTIONS ('force' = 'true')", "", "42601")
}

func TestAssertion47_ReadFilesTypesCSV(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "i,l,d,s,b,day\n1,3000000000,1.5,x,true,2024-01-31\n2,4,2,y,false,2024-02-01\n")
	w.rows("CREATE TABLE t AS SELECT * FROM read_files('$IN', format => 'csv', header => true)")
	w.want("DESCRIBE t", "i|int|NULL", "l|bigint|NULL", "d|double|NULL", "s|string|NULL", "b|boolean|NULL", "day|date|NULL", "_rescued_data|string|NULL")
	w.want("SELECT i, l, d, s, b, day, _rescued_data FROM t", "1|3000000000|1.5|x|true|2024-01-31|NULL", "2|4|2|y|false|2024-02-01|NULL")
}

func TestAssertion48_FilesOfDifferentColumnsAreUnited(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "id,x\n1,a\n")
	w.file("b.csv", "id,y\n2,b\n")
	w.want("SELECT id, x, y, _rescued_data FROM read_files('$IN', format => 'csv', header => true)", "1|a|NULL|NULL", "2|NULL|b|NULL")
}

func TestAssertion49_ReplacedTableKeepsItsHistory(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.json", `{"id":1}`+"\n"+`{"id":2}`+"\n")
	create := "CREATE OR REPLACE TABLE t AS SELECT id FROM read_files('$IN', format => 'json')"
	w.want(create, "2|2")
	w.want(create, "2|2")
	w.want("SELECT * FROM t", "1", "2")
	w.want("SELECT * FROM t VERSION AS OF 0", "1", "2")
	if got := w.version("t"); got != "1" {
		t.Errorf("version is %s, want 1", got)
	}
}

func TestReplacedTableHasLoadedNothing(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "id\n1\n")
	w.rows("CREATE TABLE t (id INT)")
	w.want(copyCSV, copyResult(1, 0))
	w.rows("CREATE OR REPLACE TABLE t (id INT)")
	w.want(copyCSV, copyResult(1, 0))
	w.want("SELECT * FROM t", "1")
}

// A record that may have expired is not taken for an empty one.
func TestExpiredRecordLoadsNothing(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "id\n1\n")
	w.rows("CREATE TABLE t (id INT) TBLPROPERTIES ('delta.setTransactionRetentionDuration' = 'interval 1 days')")
	w.file("../ws/tables/main/default/t/_copy_into_log/00000000000000000007.json", "{}")
	w.fails(copyCSV, "COPY_INTO_STATE_INTERNAL_ERROR", "55019")
	w.want(copyCSV+"COPY_OPTIONS ('force' = 'true')", copyResult(1, 0))
	w.want(copyCSV, copyResult(0, 0))
}

func TestProgressIsTold(t *testing.T) {
	w := newWorkspace(t)
	var text strings.Builder
	text.WriteString("id\n")
	for i := range 3_000_000 {
		fmt.Fprintln(&text, i)
	}
	w.file("a.csv", text.String())
	var told atomic.Pointer[session.Progress]
	s, err := session.Open(t.Context(), session.Config{Workspace: filepath.Join(w.root, "ws2"), Progress: func(p session.Progress) {
		if p.TotalFiles > 0 {
			told.Store(&p)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	deadline := time.Now().Add(30 * time.Second)
	for i := 0; told.Load() == nil && time.Now().Before(deadline); i++ {
		for _, err := range s.Run(t.Context(), fmt.Sprintf("CREATE TABLE t%d AS SELECT * FROM read_files('%s', format => 'csv', header => true)", i, w.in)) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	p := told.Load()
	if p == nil || p.TotalFiles != 1 || p.TotalBytes != int64(text.Len()) || p.Started.IsZero() {
		t.Errorf("told %+v, want 1 file of %d bytes", p, text.Len())
	}
}
