package drift_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/schema"
)

// try runs statements and returns the rows of the last, each as an object.
func (r *trial) try(ctx context.Context, statements string) (columns *schema.Struct, rows []value, err error) {
	for result, err := range r.s.Run(ctx, statements) {
		if err != nil {
			return nil, nil, err
		}
		columns, rows = result.Schema, nil
		if columns == nil {
			continue
		}
		for rec, err := range result.Rows {
			if err != nil {
				return nil, nil, err
			}
			text, err := rec.MarshalJSON()
			if err != nil {
				return nil, nil, err
			}
			part, err := parse(string(text))
			if err != nil {
				return nil, nil, err
			}
			rows = append(rows, part.items...)
		}
	}
	return columns, rows, nil
}

// must runs statements that succeed.
func (r *trial) must(statements string) []value {
	r.t.Helper()
	r.step("%s", statements)
	_, rows, err := r.try(r.t.Context(), statements)
	if err != nil {
		r.t.Fatalf("%s\n%s", statements, errclass.Format(err))
	}
	return rows
}

// load has a statement load the files that wait, now and then after a run that
// is cancelled.
func (r *trial) load(statement string) {
	r.t.Helper()
	if r.rng.IntN(3) == 0 {
		r.cancelled = true
		ctx, cancel := context.WithCancel(r.t.Context())
		r.trip.cancel = cancel
		r.trip.left.Store(int64(1 + r.rng.IntN(60)))
		_, _, err := r.try(ctx, statement)
		r.trip.left.Store(0)
		cancel()
		r.step("%s cancelled: %v", statement, err)
		if err != nil && !errors.Is(err, context.Canceled) && !isUnknownField(err) {
			r.t.Fatalf("a cancelled run gave %v", err)
		}
	}
	_, rows, err := r.try(r.t.Context(), statement)
	r.step("%s: %v %v", statement, rows, err)
	if isUnknownField(err) && r.mode == "failOnNewColumns" {
		r.refused(err)
		_, _, err = r.try(r.t.Context(), statement)
		r.step("%s: %v", statement, err)
	}
	if err != nil {
		r.t.Fatal(errclass.Format(err))
	}
	for path, f := range r.pending {
		r.loaded = append(r.loaded, occurrence{path, f})
		delete(r.pending, path)
	}
	r.check()
}

func isUnknownField(err error) bool {
	var c errclass.Classified
	return errors.As(err, &c) && strings.HasPrefix(c.ErrorClass(), "UNKNOWN_FIELD_EXCEPTION")
}

// refused takes away the files that a refresh did not take for their new
// fields, and checks that none of them is in the table in part.
func (r *trial) refused(cause error) {
	r.t.Helper()
	columns, rows, err := r.try(r.t.Context(), "SELECT * FROM s")
	if err != nil {
		columns, rows = schema.New(), nil // it was not even made
	}
	there := map[string]bool{}
	for _, row := range rows {
		id, _ := row.get("id")
		there[id.text] = true
	}
	known := r.explicit && len(columns.Fields) == 0
	for path, f := range r.pending {
		in := 0
		for _, v := range f.records {
			known = known || unknown(columns, v)
			if there[v.items[0].text] {
				in++
			}
		}
		switch in {
		case 0:
			r.remove(path)
		case len(f.records):
		default:
			r.t.Errorf("%s is in the table with %d of its %d records", path, in, len(f.records))
		}
	}
	if !known {
		r.t.Errorf("nothing is unknown, and a refresh failed with %v", cause)
	}
}

// unknown reports whether an object has fields that columns lack.
func unknown(columns *schema.Struct, v value) bool {
	for i, n := range v.names {
		at := columns.Index(n)
		if at < 0 {
			return true
		}
		if s, ok := columns.Fields[at].Type.(*schema.Struct); ok && v.items[i].kind == isObject && unknown(s, v.items[i]) {
			return true
		}
		if a, ok := columns.Fields[at].Type.(schema.Array); ok {
			s, ok := a.Element.(*schema.Struct)
			if ok && slices.ContainsFunc(v.items[i].items, func(item value) bool { return item.kind == isObject && unknown(s, item) }) {
				return true
			}
		}
	}
	return false
}

// check compares the table with the files that were loaded.
func (r *trial) check() {
	r.t.Helper()
	columns, rows, err := r.try(r.t.Context(), "SELECT * FROM s")
	r.noError(err)
	if r.started == nil {
		r.started = columns
		if r.dirs && !r.explicit {
			r.oracle.partition = "p"
		}
	}
	if !strings.HasPrefix(r.mode, "addNew") && !schema.Equal(columns, r.started) {
		r.t.Errorf("mode %s has the columns %s, they were %s", r.mode, columns.DDL(), r.started.DDL())
	}
	r.oracle.columns = columns
	byID, corrupt := map[string][]value{}, map[string]int{}
	for _, row := range rows {
		id, _ := row.get("id")
		if id.kind == isNull {
			corrupt[r.unread(row)]++
			continue
		}
		byID[id.text] = append(byID[id.text], row)
	}
	bad := r.badRecords()
	for id, want := range r.expected() {
		if want.ragged != "" && r.bad != "column" {
			r.isBad(want.ragged, want.times, bad)
			continue
		}
		if len(byID[id]) != want.times {
			r.t.Errorf("record %s is in the table %d times, want %d: %s", id, len(byID[id]), want.times, want.record.json())
			continue
		}
		for _, row := range byID[id] {
			r.compare(row, want)
		}
		delete(byID, id)
	}
	for id, rows := range byID {
		r.t.Errorf("record %s is in no file: %s", id, rows[0].json())
	}
	for text, times := range r.corrupted() {
		if r.bad != "column" {
			r.isBad(text, times, bad)
		} else if corrupt[text] != times {
			r.t.Errorf("the corrupt record %s is in the table %d times, want %d", text, corrupt[text], times)
		}
		delete(corrupt, text)
	}
	for text, times := range corrupt {
		r.t.Errorf("%d rows without id have %q as corrupt records", times, text)
	}
	for text := range bad {
		if r.mode == "failOnNewColumns" {
			break // of batches that were refused: they are not transactional
		}
		r.t.Errorf("%q is with the bad records, and is none", text)
	}
}

func (r *trial) compare(row value, want expectation) {
	r.t.Helper()
	for _, problem := range r.oracle.compare(row, want.record, want.numbered, want.paths) {
		r.t.Errorf("%s\nrecord  %s\nrow     %s\ncolumns %s", problem, want.record.json(), row.json(), r.oracle.columns.DDL())
	}
	if text, _ := row.get(r.oracle.corrupt); r.oracle.rescue != "" && text.text != want.ragged {
		r.t.Errorf("record %s has the corrupt record %s, want %q", want.record.json(), text.json(), want.ragged)
	}
}

// unread returns the text of a record that could not be read.
func (r *trial) unread(row value) string {
	text := ""
	for i, n := range row.names {
		switch item := row.items[i]; {
		case n == r.oracle.corrupt:
			text = item.text
		case item.kind != isNull && n != r.oracle.partition:
			r.t.Errorf("a row without id has %s: %s", n, row.json())
		}
	}
	return text
}

// expectation is a record with how often it is in the table, and from where.
type expectation struct {
	record   value
	times    int
	paths    map[string]string // URI of the file: value of the column of its path
	ragged   string            // its text, when it lacks values
	numbered map[string]string // of its file
}

// expected returns the records that the table is to have, by id.
func (r *trial) expected() map[string]expectation {
	all := map[string]expectation{}
	for _, o := range r.loaded {
		for _, v := range o.file.records {
			id := v.items[0].text
			e, ok := all[id]
			if !ok {
				e = expectation{record: v, paths: map[string]string{}, ragged: o.file.ragged[id], numbered: o.file.numbered}
			}
			e.times++
			_, of, _ := strings.Cut(filepath.Base(filepath.Dir(o.path)), "=")
			e.paths[location.Escape("file://"+o.path)] = of
			all[id] = e
		}
	}
	return all
}

// corrupted returns the corrupt records that were loaded, and how often.
func (r *trial) corrupted() map[string]int {
	all := map[string]int{}
	for _, o := range r.loaded {
		for _, text := range o.file.corrupt {
			all[text]++
		}
	}
	return all
}

// badRecords returns the records at badRecordsPath, and how often they are
// there.
func (r *trial) badRecords() map[string]int {
	all := map[string]int{}
	for _, root := range []string{"bad", "in/bad"} {
		_ = filepath.WalkDir(filepath.Join(r.root, root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil //nolint:nilerr // there may be none
			}
			body, err := os.ReadFile(path)
			r.noError(err)
			for line := range strings.Lines(string(body)) {
				v, err := parse(line)
				r.noError(err)
				record, _ := v.get("record")
				all[record.text]++
			}
			return nil
		})
	}
	return all
}

// isBad checks that a record is with the bad ones, more than once at most when
// a run that was cancelled had read it.
func (r *trial) isBad(text string, times int, bad map[string]int) {
	r.t.Helper()
	if got := bad[text]; r.bad == "path" && (got < times || got > times && !r.cancelled && r.mode == "rescue") {
		r.t.Errorf("%q is with the bad records %d times, want %d", text, got, times)
	}
	delete(bad, text)
}

// repair gives the table what it lacks, and has the rescued data go there.
func (r *trial) repair() {
	r.t.Helper()
	columns, rows, err := r.try(r.t.Context(), "SELECT * FROM s")
	r.noError(err)
	names := columns.Names()
	for _, row := range rows {
		for _, n := range r.rescuedNames(row) {
			if !slices.ContainsFunc(names, func(have string) bool { return strings.EqualFold(have, n) }) {
				names = append(names, n)
				r.must("ALTER TABLE s ADD COLUMN " + schema.QuoteIdent(n) + " STRING")
			}
		}
	}
	for _, f := range columns.Fields {
		if f.Type == schema.Integer || f.Type == schema.Short || f.Type == schema.Byte {
			r.must(fmt.Sprintf("ALTER TABLE s ALTER COLUMN %s TYPE BIGINT", schema.QuoteIdent(f.Name)))
		}
	}
	r.must("REPAIR TABLE s RESCUED DATA")
	r.started, r.oracle.grown = nil, false
	r.check()
	_, rows, err = r.try(r.t.Context(), "SELECT * FROM s")
	r.noError(err)
	for _, row := range rows {
		for _, n := range r.rescuedNames(row) {
			if v, _ := row.get(n); r.oracle.typed && v.kind == isNull && columns.Index(n) < 0 && slices.Contains(names, n) {
				r.t.Errorf("%s is rescued, and has the column with %s: %s", n, v.json(), row.json())
			}
		}
	}
}

// rescuedNames returns the names of the fields that a row has in its rescued
// data.
func (r *trial) rescuedNames(row value) []string {
	text, _ := row.get(r.oracle.rescue)
	if text.kind == isNull {
		return nil
	}
	v, err := parse(text.text)
	r.noError(err)
	return slices.DeleteFunc(v.names, func(n string) bool { return n == "_file_path" })
}
