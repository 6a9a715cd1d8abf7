package session_test

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
)

// damages yields copies of data: cut at about n places, and with one bit
// flipped at as many.
func damages(data string, n int) iter.Seq2[string, string] {
	return func(yield func(kind, damaged string) bool) {
		step := max(1, len(data)/n)
		for i := 0; i < len(data); i += step {
			flipped := []byte(data)
			flipped[i] ^= 1 << (i / step % 8)
			if !yield(fmt.Sprintf("flip-%d", i), string(flipped)) {
				return
			}
			// Nothing at all is a file without rows, not a damaged one.
			if i > 0 && !yield(fmt.Sprintf("cut-%d", i), data[:i]) {
				return
			}
		}
	}
}

// dataFiles returns the data files of a table.
func (w *workspace) dataFiles(table string) []string {
	w.t.Helper()
	names, err := filepath.Glob(filepath.Join(w.root, "ws", "tables", "*", "*", table, "*.parquet"))
	if err != nil {
		w.t.Fatal(err)
	}
	return names
}

// damagedRows is how many rows the files have that tests damage.
const damagedRows = 300

// parquetTable makes a table with a data file of columns of every layout:
// plain, dictionary, nullable, nested.
func (w *workspace) parquetTable() (path, content string) {
	w.t.Helper()
	w.rows(fmt.Sprintf(`CREATE TABLE made AS SELECT id, 'x' || (id %% 7) AS v, id / 3.0 AS d,
		CASE WHEN id %% 2 = 0 THEN array(id, id + 1) END AS l FROM range(%d)`, damagedRows))
	names := w.dataFiles("made")
	if len(names) != 1 {
		w.t.Fatalf("the table has the data files %q, want one", names)
	}
	data, err := os.ReadFile(names[0])
	if err != nil {
		w.t.Fatal(err)
	}
	return names[0], string(data)
}

// Gzip has a checksum: a damaged file is refused wherever the damage is,
// except in the header's time stamp and the like, where it changes nothing.
// Those refused by one COPY INTO are loaded by the next once they are whole.
func TestDamagedGzip(t *testing.T) {
	var text strings.Builder
	text.WriteString("id,v\n")
	for i := range damagedRows {
		fmt.Fprintf(&text, "%d,value %d\n", i, i*i)
	}
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (id INT, v STRING)")
	w.testDamaged("csv", gzipped(t, text.String()), ".csv.gz", true)
}

// Parquet pages need not have checksums, so that a flipped bit may only make
// another value of a value; structure is checked. No damage loses or adds
// rows, or stops the program.
func TestDamagedParquet(t *testing.T) {
	w := newWorkspace(t)
	_, content := w.parquetTable()
	w.rows("CREATE TABLE t (id BIGINT, v STRING)")
	w.testDamaged("parquet", content, ".parquet", false)
}

// testDamaged loads damaged copies of a file, first one by one, then those
// that were refused together with one that is whole.
func (w *workspace) testDamaged(format, whole, ext string, checked bool) {
	w.t.Helper()
	load := "COPY INTO t FROM (SELECT id, v FROM '$IN') FILEFORMAT = " + format + " %s FORMAT_OPTIONS ('ignoreCorruptFiles' = '%t'"
	if format == "csv" {
		load += ", 'header' = 'true', 'inferSchema' = 'true'"
	}
	load += ")"
	var refused, accepted []string
	for kind, damaged := range damages(whole, 60) {
		name := kind + ext
		w.file(name, damaged)
		_, err := w.try(fmt.Sprintf(load, "FILES = ('"+name+"')", false))
		if err == nil {
			accepted = append(accepted, name)
			continue
		}
		refused = append(refused, name)
		if !isDamage(err, name) {
			w.t.Errorf("%s: %s", name, describe(err))
		}
	}
	if len(refused) < 60 || checked && len(accepted) > 10 {
		w.t.Errorf("%d damaged files are refused and %d accepted", len(refused), len(accepted))
	}
	w.wantLoaded(len(accepted), checked)
	if got, want := w.version("t"), strconv.Itoa(len(accepted)); got != want {
		w.t.Errorf("version is %s, want one for each file accepted: %s", got, want)
	}
	w.wantNoStrays("t")

	w.file("whole"+ext, whole)
	w.want(fmt.Sprintf(load, "", true), copyResult(damagedRows, len(refused)))
	for _, name := range refused {
		w.file(name, whole)
	}
	w.want(fmt.Sprintf(load, "", true), copyResult(len(refused)*damagedRows, 0))
	w.wantLoaded(len(accepted)+1+len(refused), checked)
	w.wantNoStrays("t")
}

// isDamage reports whether err says that the file cannot be read or, where
// the damage is in a column's name, that the column is not there.
func isDamage(err error, name string) bool {
	var c errclass.Classified
	switch {
	case !errors.As(err, &c):
		return false
	case strings.HasPrefix(c.ErrorClass(), unread.class) && c.SQLState() == unread.state:
		return strings.Contains(err.Error(), name)
	}
	return strings.HasPrefix(c.ErrorClass(), "UNRESOLVED_COLUMN")
}

// wantLoaded checks that t holds the rows of n files.
func (w *workspace) wantLoaded(n int, exactly bool) {
	w.t.Helper()
	if exactly {
		w.want("SELECT count(*), coalesce(sum(id), 0) FROM t", fmt.Sprintf("%d|%d", n*damagedRows, n*damagedRows*(damagedRows-1)/2))
		return
	}
	w.want("SELECT count(*) FROM t", strconv.Itoa(n*damagedRows))
}

// wantNoStrays checks that every data file of a table that was only appended
// to belongs to it, and that no file is still being written.
func (w *workspace) wantNoStrays(table string) {
	w.t.Helper()
	const numFiles = 9
	detail := strings.Split(w.rows("DESCRIBE DETAIL " + table)[0], "|")
	if stored := len(w.dataFiles(table)); detail[numFiles] != strconv.Itoa(stored) {
		w.t.Errorf("table %s has %s files, and %d are stored", table, detail[numFiles], stored)
	}
	for _, name := range w.stored() {
		if strings.HasSuffix(name, ".tmp") {
			w.t.Errorf("a temporary file is left: %s", name)
		}
	}
}

// A table's own data file that is damaged is an error of the query, never a
// crash or other rows; whole again, it is read again.
func TestDamagedTable(t *testing.T) {
	w := newWorkspace(t)
	path, content := w.parquetTable()
	const all = "SELECT id, v, d, l FROM made"
	want := w.rows(all)
	refused := 0
	for kind, damaged := range damages(content, 200) {
		if err := os.WriteFile(path, []byte(damaged), 0o666); err != nil {
			t.Fatal(err)
		}
		rows, err := w.try(all)
		if err == nil {
			if len(rows) != damagedRows {
				t.Errorf("%s: %d rows, want %d", kind, len(rows), damagedRows)
			}
			continue
		}
		refused++
		unread.mentioning(filepath.Base(path)).check(t, err)
	}
	if refused < 200 {
		t.Errorf("%d damaged files are refused, want 200 at least", refused)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	w.want(all, want...)
}
