package deltalog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/uuid"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/stream/deltalog"
	"github.com/freshet/freshet/schema"
)

// world is a table of numbers, whose versions are an hour apart, and the
// checkpoint of a stream of it.
type world struct {
	*testing.T
	now        time.Time
	store      *mem.Store
	table      *delta.Table
	checkpoint *mem.Store
	at         json.RawMessage // where the stream is
	source     *deltalog.Source
	options    map[string]string
	fileSize   int64
}

// dawn is when the first version is committed.
var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// newWorld makes an empty table, version 0.
func newWorld(t *testing.T, properties map[string]string) *world {
	t.Helper()
	w := &world{T: t, now: dawn}
	w.store, w.checkpoint = mem.New(w.clock), mem.New(w.clock)
	w.table = delta.NewTable(w.store, delta.Options{Clock: w.clock, NewID: uuid.NewString})
	w.describe(nil, properties, schema.Col("n", schema.Long))
	return w
}

func (w *world) clock() time.Time { return w.now }

func (w *world) snapshot() *delta.Snapshot {
	w.Helper()
	snap, err := w.table.Snapshot(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return snap
}

// commit commits what fill adds to a transaction.
func (w *world) commit(base *delta.Snapshot, fill func(*delta.Transaction) error) {
	w.Helper()
	tx := w.table.Begin(base)
	err := fill(tx)
	if err == nil {
		_, err = tx.Commit(w.Context(), delta.CommitInfo{Operation: "WRITE"})
	}
	if err != nil {
		w.Fatal(err)
	}
	w.now = w.now.Add(time.Hour)
}

// describe commits metadata, under a new id when there is no base.
func (w *world) describe(base *delta.Snapshot, properties map[string]string, columns ...schema.Field) {
	w.Helper()
	meta := delta.Metadata{ID: uuid.NewString(), Schema: schema.New(columns...), Configuration: properties}
	if base != nil {
		meta = base.Metadata().Clone()
		meta.Schema = schema.New(columns...)
	}
	w.commit(base, func(tx *delta.Transaction) error { tx.SetMetadata(meta); return nil })
}

// record is rows of numbers, with NULL in all columns but n.
func record(columns *schema.Struct, numbers ...int64) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(columns))
	defer b.Release()
	for i, f := range columns.Fields {
		for _, n := range numbers {
			if f.Name != "n" {
				b.Field(i).AppendNull()
				continue
			}
			switch column := b.Field(i).(type) {
			case *array.Int64Builder:
				column.Append(n)
			case *array.Int32Builder:
				column.Append(int32(n))
			}
		}
	}
	return b.NewRecordBatch()
}

// put commits a file for each list of numbers.
func (w *world) put(files ...[]int64) {
	w.Helper()
	base := w.snapshot()
	w.commit(base, func(tx *delta.Transaction) error {
		for _, numbers := range files {
			writer, err := delta.NewWriter(w.store, delta.WriterConfig{Metadata: base.Metadata(), Clock: w.clock, NewID: uuid.NewString})
			if err != nil {
				return err
			}
			if err := writer.Write(w.Context(), record(base.Schema(), numbers...)); err != nil {
				return err
			}
			written, err := writer.Close(w.Context())
			if err != nil {
				return err
			}
			for _, f := range written {
				tx.Add(f)
				w.fileSize = f.Size
			}
		}
		return nil
	})
}

// one commits a file of one number.
func (w *world) one(n int64) { w.Helper(); w.put([]int64{n}) }

// change deletes a number, or puts another one in its place.
func (w *world) change(from int64, to ...int64) {
	w.Helper()
	base := w.snapshot()
	w.commit(base, func(tx *delta.Transaction) error {
		tx.ReadTable()
		c, err := delta.NewRowChange(w.store, base, delta.WriterConfig{Metadata: base.Metadata(), Clock: w.clock, NewID: uuid.NewString})
		if err != nil {
			return err
		}
		for rec, err := range base.Scan(w.Context(), delta.ScanOptions{FilePath: "path", RowIndex: "row"}) {
			if err != nil {
				return err
			}
			for i := range int(rec.NumRows()) {
				if cell(rec, "n", i) != fmt.Sprint(from) {
					continue
				}
				path, at := cell(rec, "path", i), rec.Column(rec.Schema().FieldIndices("row")[0]).(*array.Int64).Value(i)
				if len(to) == 0 {
					c.Delete(path, at)
				} else {
					c.Replace(path, at)
				}
			}
			rec.Release()
		}
		if len(to) > 0 {
			if err := c.Update(w.Context(), record(base.Schema(), to...)); err != nil {
				return err
			}
		}
		_, err = c.Apply(w.Context(), tx)
		return err
	})
}

func cell(rec arrow.RecordBatch, column string, row int) string {
	return rec.Column(rec.Schema().FieldIndices(column)[0]).ValueStr(row)
}

// pack does what OPTIMIZE does.
func (w *world) pack() {
	w.Helper()
	if _, err := w.table.Optimize(w.Context(), delta.OptimizeOptions{}); err != nil {
		w.Fatal(err)
	}
	w.now = w.now.Add(time.Hour)
}

// forget cleans the log up to a version, which a checkpoint holds.
func (w *world) forget(version int64) {
	w.Helper()
	if err := w.table.Checkpoint(w.Context()); err != nil {
		w.Fatal(err)
	}
	for v := range version {
		if err := w.store.Delete(w.Context(), fmt.Sprintf("_delta_log/%020d.json", v)); err != nil {
			w.Fatal(err)
		}
	}
}

// open starts the stream, as another process does.
func (w *world) open(options map[string]string) error {
	table := delta.NewTable(w.store, delta.Options{Clock: w.clock, NewID: uuid.NewString})
	s, err := deltalog.Open(w.Context(), deltalog.Config{
		Name: "t", Table: table, Options: options, Checkpoint: w.checkpoint, State: "sources/0/", Parallelism: 1,
	})
	w.source, w.options = s, options
	return err
}

// batches reads so many batches, or all, and tells their numbers: those of a
// batch sorted, as files of one are read side by side. What went wrong is told
// by its class.
func (w *world) batches(most int, unlimited bool) string {
	w.Helper()
	var told []string
	if err := w.source.Discover(w.Context()); err != nil {
		return "!" + class(err)
	}
	for len(told) < most {
		end, err := w.source.Next(w.Context(), w.at, unlimited)
		if err != nil {
			told = append(told, "!"+class(err))
			break
		}
		if end == nil {
			break
		}
		numbers, err := w.read(w.source, w.at, end)
		if err != nil {
			told = append(told, "!"+class(err))
			break
		}
		w.again(w.at, end, numbers)
		told, w.at = append(told, numbers), end
	}
	return strings.Join(told, " | ")
}

// again reads a batch as a process does that finds it planned and not done.
func (w *world) again(from, to json.RawMessage, want string) {
	w.Helper()
	running := w.source
	defer func() { w.source = running }()
	if err := w.open(w.options); err != nil {
		w.Fatal(err)
	}
	if got, err := w.read(w.source, from, to); err != nil || got != want {
		w.Errorf("read again, the batch from %s to %s has %q (%v), and had %q", from, to, got, err, want)
	}
}

// read returns the rows between two places.
func (w *world) read(s *deltalog.Source, from, to json.RawMessage) (string, error) {
	w.Helper()
	rows, err := s.Read(w.Context(), from, to)
	if err != nil {
		return "", err
	}
	var numbers []string
	for rec, err := range rows.Read(w.Context()) {
		if err != nil {
			return "", err
		}
		for i := range int(rec.NumRows()) {
			text := cell(rec, "n", i)
			if len(rec.Schema().FieldIndices("_change_type")) > 0 {
				text = cell(rec, "_commit_version", i) + ":" + cell(rec, "_change_type", i) + ":" + text
			}
			numbers = append(numbers, text)
		}
		rec.Release()
	}
	slices.Sort(numbers)
	if told := s.Progress().NumInputRows; told != int64(len(numbers)) {
		w.Errorf("a batch of %d rows is told of as %d", len(numbers), told)
	}
	return strings.Join(numbers, " "), nil
}

// class is that of an error of a user; any other is told whole.
func class(err error) string {
	if c, ok := errors.AsType[errclass.Classified](err); ok {
		return c.ErrorClass()
	}
	return err.Error()
}
