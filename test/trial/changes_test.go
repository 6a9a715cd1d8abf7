package trial_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// change is an event of a source of changes. Values are as JSON writes them,
// "" where they are NULL.
type change struct {
	key, op string
	// The first part of the sequence, and the second one, which counts with
	// pairs alone.
	major, minor  string
	a, x, y, list string
	pair          bool // x and y are in a struct that is there
}

// columnsOfChanges is what a flow reads of its files.
const columnsOfChanges = "k %s, op STRING, major %s, minor INT, a STRING, s STRUCT<x: INT, y: INT>, list ARRAY<INT>"

// json writes the event.
func (c change) json() string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", name, value))
		}
	}
	add("k", c.key)
	add("op", `"`+c.op+`"`)
	add("major", c.major)
	add("minor", c.minor)
	add("a", c.a)
	add("list", c.list)
	if c.pair {
		add("s", strings.NewReplacer(`:,`, `:null,`, `:}`, `:null}`).Replace(`{"x":`+c.x+`,"y":`+c.y+`}`))
	}
	return "{" + strings.Join(parts, ",") + "}\n"
}

// compareChanges compares sequences. NULL is the least second part.
func compareChanges(x, y change) int {
	// Digits of one length, in whatever type.
	return cmp.Or(cmp.Compare(x.major, y.major), cmp.Compare(len(x.minor), len(y.minor)), cmp.Compare(x.minor, y.minor))
}

// changeFlow is a flow of changes, and what it makes of them.
type changeFlow struct {
	history, paired bool
	ignoring        map[string]bool // columns
	tracked         map[string]bool
}

// image is a row: the values of a, x, y and list, and whether x and y are
// there.
type image struct {
	a, x, y, list string
	pair          bool
}

// after is the row after an update of one that was there, or was not.
func (f changeFlow) after(was *image, c change) image {
	next := image{a: c.a, x: c.x, y: c.y, list: c.list, pair: c.pair}
	if was == nil {
		return next
	}
	keep := func(column string, to *string, value string) {
		if f.ignoring[column] && *to == "" {
			*to = value
		}
	}
	keep("a", &next.a, was.a)
	keep("list", &next.list, was.list)
	keep("s", &next.x, was.x)
	keep("s", &next.y, was.y)
	next.pair = next.pair || f.ignoring["s"] && was.pair
	return next
}

// same reports whether tracked columns of two rows are.
func (f changeFlow) same(x, y image) bool {
	return (!f.tracked["a"] || x.a == y.a) && (!f.tracked["list"] || x.list == y.list) &&
		(!f.tracked["s"] || x.x == y.x && x.y == y.y && x.pair == y.pair)
}

// table is what the flow makes of changes, all at once and in order.
func (f changeFlow) table(changes []change) []string {
	truncated, of := change{}, map[string][]change{}
	for _, c := range changes {
		switch {
		case c.op != "TRUNCATE":
			of[c.key] = append(of[c.key], c)
		case truncated.op == "" || compareChanges(c, truncated) > 0:
			truncated = c
		}
	}
	var rows []string
	for key, list := range of {
		list = slices.DeleteFunc(list, func(c change) bool { return truncated.op != "" && compareChanges(c, truncated) < 0 })
		// Of several with one sequence a delete counts.
		slices.SortStableFunc(list, func(x, y change) int {
			return cmp.Or(compareChanges(x, y), cmp.Compare(x.op, y.op)) // DELETE, UPDATE
		})
		list = slices.CompactFunc(list, func(x, y change) bool { return compareChanges(x, y) == 0 })
		rows = append(rows, f.versions(strings.Trim(key, `"`), list)...)
	}
	slices.Sort(rows)
	return rows
}

// versions are the rows of a key.
func (f changeFlow) versions(key string, changes []change) (rows []string) {
	var now *image
	var since change
	end := func(until string) {
		if now == nil {
			return
		}
		cells := []string{key, now.a, now.x, now.y, strconv.FormatBool(now.pair), now.list}
		if f.history {
			cells = append(cells, f.bound(since), until)
		}
		rows = append(rows, cellsText(cells))
	}
	for _, c := range changes {
		if c.op == "DELETE" {
			if f.history {
				end(f.bound(c))
			}
			now = nil
			continue
		}
		next := f.after(now, c)
		if now == nil || !f.same(*now, next) {
			if f.history {
				end(f.bound(c))
			}
			since = c
		}
		now = &next
	}
	end("")
	return rows
}

// bound is how a sequence is shown.
func (f changeFlow) bound(c change) string {
	if !f.paired {
		return strings.Trim(c.major, `"`)
	}
	return cellsText([]string{strings.Trim(c.major, `"`), c.minor})
}

// cellsText is how cells of rows are compared; NULL is "".
func cellsText(cells []string) string {
	for i, c := range cells {
		if cells[i] = strings.Trim(c, `"`); cells[i] == "" {
			cells[i] = "NULL"
		}
	}
	return strings.Join(cells, "|")
}

// changeWorld is a table that a flow of changes writes to, and what has come.
type changeWorld struct {
	*workspace
	flow  changeFlow
	keys  []string
	major func(n int) string
	all   []change
}

// TestChanges: in whatever order and batches changes come, late ones among
// them, and however often a refresh is interrupted, a table of AUTO CDC has the
// rows that all of them make in the order of their sequences.
func TestChanges(t *testing.T) {
	t.Parallel()
	eachSeed(t, 8, func(t *testing.T, seed uint64) {
		t.Helper()
		w := &changeWorld{workspace: newWorkspace(t, seed)}
		text, read := w.define()
		pending := w.changes(24)
		w.Shuffle(len(pending), func(i, j int) { pending[i], pending[j] = pending[j], pending[i] })
		for len(pending) > 0 {
			for range 1 + w.IntN(4) {
				size := min(1+w.IntN(6), len(pending))
				w.arrive(pending[:size])
				pending = pending[size:]
			}
			if w.chance(3) {
				w.interrupted(text)
			}
			if _, _, err := w.try(text); err != nil && !strings.Contains(err.Error(), "exists already") {
				t.Fatalf("%s\n%v", text, err)
			}
			text = "REFRESH TABLE result"
			w.run(text)
			_, got := w.run(read)
			if want := w.flow.table(w.all); !slices.Equal(got, want) {
				t.Fatalf("%+v, after %d changes: has\n     %s\nwant\n     %s", w.flow, len(w.all), strings.Join(got, "\n     "), strings.Join(want, "\n     "))
			}
		}
	})
}

// arrive brings a file of changes.
func (w *changeWorld) arrive(changes []change) {
	w.t.Helper()
	if len(changes) == 0 {
		return
	}
	text := ""
	for _, c := range changes {
		text += c.json()
	}
	name := fmt.Sprintf("%03d.json", len(w.all))
	if err := os.WriteFile(filepath.Join(w.in, name), []byte(text), 0o666); err != nil {
		w.t.Fatal(err)
	}
	w.text = append(w.text, "-- "+name+":\n"+text)
	w.all = append(w.all, changes...)
}

// define makes the target and returns the statement that loads it, and the
// query for its rows.
func (w *changeWorld) define() (load, read string) {
	keyType, majorType := w.types()
	f := changeFlow{history: w.chance(2), paired: w.chance(2), ignoring: map[string]bool{}, tracked: map[string]bool{"a": true, "s": true, "list": true}}
	clauses := " APPLY AS DELETE WHEN op = 'DELETE'"
	switch columns := oneOf(w.Rand, "", "a", "s", "a, list"); {
	case w.chance(3):
	case columns == "":
		f.ignoring = map[string]bool{"a": true, "s": true, "list": true}
		clauses = " IGNORE NULL UPDATES" + clauses
	default:
		for c := range strings.SplitSeq(columns, ", ") {
			f.ignoring[c] = true
		}
		clauses = " IGNORE NULL UPDATES ON (" + columns + ")" + clauses
	}
	if !f.history {
		clauses += " APPLY AS TRUNCATE WHEN op = 'TRUNCATE'"
	}
	clauses += " SEQUENCE BY " + map[bool]string{false: "major", true: "struct(major, minor)"}[f.paired] + " COLUMNS k, a, s, list"
	read = "SELECT k, a, s.x, s.y, s IS NOT NULL, to_json(list)"
	if f.history {
		clauses += " STORED AS SCD TYPE 2"
		if column := oneOf(w.Rand, "", "a", "s"); column != "" {
			f.tracked = map[string]bool{column: true}
			clauses += " TRACK HISTORY ON (" + column + ")"
		}
		read += map[bool]string{false: ", string(__START_AT), string(__END_AT)", true: ", string(__START_AT.major), __START_AT.minor, " +
			"CASE WHEN __END_AT IS NULL THEN 'NULL' ELSE coalesce(string(__END_AT.major), 'NULL') || '|' || coalesce(string(__END_AT.minor), 'NULL') END"}[f.paired]
	}
	w.flow = f
	w.run("CREATE STREAMING TABLE result")
	return fmt.Sprintf("CREATE FLOW f AS AUTO CDC INTO result FROM STREAM read_files('$IN', format => 'json', schema => '"+columnsOfChanges+"', maxFilesPerTrigger => %d) KEYS (k)%s",
		keyType, majorType, 1+w.IntN(3), clauses), read + " FROM result"
}

// types chooses those of keys and sequences.
func (w *changeWorld) types() (key, major string) {
	key = oneOf(w.Rand, "INT", "STRING", "DATE")
	w.keys = map[string][]string{
		"INT": {"1", "2", "-3"}, "STRING": {`"` + strings.Repeat("x", 40) + `1"`, `"` + strings.Repeat("x", 40) + `2"`, `"Zoë"`},
		"DATE": {`"2026-01-01"`, `"2026-01-02"`, `"1969-12-31"`},
	}[key]
	major = oneOf(w.Rand, "BIGINT", "STRING", "TIMESTAMP", "DECIMAL(4,1)")
	w.major = map[string]func(int) string{
		"BIGINT": func(n int) string { return fmt.Sprint(100 + n) }, "STRING": func(n int) string { return fmt.Sprintf(`"n%03d"`, n) },
		"TIMESTAMP":    func(n int) string { return fmt.Sprintf(`"2026-01-01 00:%02d:%02d"`, n/60, n%60) },
		"DECIMAL(4,1)": func(n int) string { return fmt.Sprintf("%d.5", 100+n) },
	}[major]
	return key, major
}

// changes returns random ones. Those that share a sequence are either equal or
// an update and a delete, for which it is known what counts.
func (w *changeWorld) changes(n int) []change {
	var list []change
	value := func(values ...string) string { return oneOf(w.Rand, append(values, "", "")...) }
	for i := range n {
		c := change{
			key: oneOf(w.Rand, w.keys...), op: oneOf(w.Rand, "UPDATE", "UPDATE", "UPDATE", "DELETE"), major: w.major(i),
			a: value(`"p"`, `"q"`, `"r"`), x: value("1", "2"), y: value("1", "2"), list: value("[1]", "[1,2]", "[]"), pair: !w.chance(3),
		}
		if w.flow.paired {
			c.major, c.minor = w.major(i/4), []string{"", "1", "2", "3"}[i%4]
		}
		if !c.pair {
			c.x, c.y = "", ""
		}
		switch {
		case !w.flow.history && w.chance(25):
			c = change{op: "TRUNCATE", major: c.major, minor: c.minor}
		case w.chance(8): // once more
			list = append(list, c)
		case c.op == "UPDATE" && w.chance(10):
			list = append(list, change{key: c.key, op: "DELETE", major: c.major, minor: c.minor})
		}
		list = append(list, c)
	}
	return list
}
