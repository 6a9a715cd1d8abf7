package state

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/uuid"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/schema"
)

// FuzzParts reads a file whose checksums fit, and whose block of rows, page of
// the index and footer are what somebody made of them: an error or rows, no
// panic, and no more memory than a block may take.
func FuzzParts(f *testing.F) {
	columns := schema.New(schema.Col("k", schema.String), schema.Col("l", schema.Array{Element: schema.Long, ContainsNull: true}))
	open := func(tb testing.TB) (*Store, *mem.Store) {
		tb.Helper()
		disk := mem.New(time.Now)
		s, err := Open(tb.Context(), Config{Checkpoint: disk, Columns: columns, Keys: 1, Query: "q", Fresh: true, NewID: uuid.NewString})
		if err != nil {
			tb.Fatal(err)
		}
		return s, disk
	}
	run := Run{File: "0-x.run", Rows: 2, Ends: Never, Over: math.MinInt64}
	rows, index := parts(f, columns)
	end, err := json.Marshal(footer{
		Pages: []page{{Lead: Never, Hash: 1, Ends: Never, At: -1, Length: -1}}, // the place is put in
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(rows, index, end)
	f.Fuzz(func(t *testing.T, rows, index, end []byte) {
		s, disk := open(t)
		up, err := disk.Create(t.Context(), s.prefix+run.File)
		if err != nil {
			t.Fatal(err)
		}
		w, err := newBlockWriter(up)
		if err != nil {
			t.Fatal(err)
		}
		first, err1 := w.block(rows)
		if len(index) >= entryBytes {
			index = append([]byte(nil), index...)
			binary.LittleEndian.PutUint32(index[entryBytes-4:], uint32(first))
		}
		second, err2 := w.block(index)
		var known footer
		if json.Unmarshal(end, &known) == nil && len(known.Pages) == 1 && known.Pages[0].Length < 0 {
			known.Pages[0].At, known.Pages[0].Length = first, second
		}
		if err := w.end(known); err != nil || err1 != nil || err2 != nil {
			t.Fatal(err, err1, err2)
		}
		if err := up.Close(); err != nil {
			t.Fatal(err)
		}
		v := View{store: s, runs: []Run{run}}
		for rec, err := range v.All(t.Context()) {
			if err != nil {
				return
			}
			_ = rec.NumRows()
		}
	})
}

// parts returns a block of two rows and its index.
func parts(tb testing.TB, columns *schema.Struct) (rows, index []byte) {
	tb.Helper()
	layout := schema.New(append(columns.Fields, schema.Col(LeadColumn, schema.Long), schema.Col(HashColumn, schema.Long), schema.Col(EndsColumn, schema.Long))...)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(layout))
	defer b.Release()
	for i := range int64(2) {
		b.Field(0).(*array.StringBuilder).Append("key")
		list := b.Field(1).(*array.ListBuilder)
		list.Append(true)
		list.ValueBuilder().(*array.Int64Builder).Append(i)
		for j, n := range []int64{Never, i + 1, Never} {
			b.Field(2 + j).(*array.Int64Builder).Append(n)
		}
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	rows, err := encode(schema.ToArrow(layout), rec)
	if err != nil {
		tb.Fatal(err)
	}
	for _, n := range []int64{Never, 1, Never} {
		index = binary.LittleEndian.AppendUint64(index, uint64(n))
	}
	return rows, binary.LittleEndian.AppendUint32(index, 0)
}

// TestVersionsOfOthers: numbers and names in the list of a version are not
// trusted, be they as large as they like; the error names the file.
func TestVersionsOfOthers(t *testing.T) {
	good := Run{File: "3-x.run", Rows: 1, Ends: Never, Over: math.MinInt64}
	run := func(change func(*Run)) Run {
		r := good
		change(&r)
		return r
	}
	for name, v := range map[string]version{
		"rows below none":      {Delta: run(func(r *Run) { r.Rows = -1 })},
		"more rows than count": {Delta: run(func(r *Run) { r.Rows = math.MaxInt64 }), Runs: []Run{good}},
		"a run of later":       {Delta: run(func(r *Run) { r.File = "4-x.run" })},
		"a number too large":   {Delta: run(func(r *Run) { r.File = "99999999999999999999-x.run" })},
		"no run":               {Delta: run(func(r *Run) { r.File = "3-x.rows" })},
		"another folder":       {Delta: good, Runs: []Run{run(func(r *Run) { r.File = "3-/../../../offsets/1.run" })}},
		"very many runs":       {Delta: good, Runs: slices.Repeat([]Run{good}, maxRuns+1)},
		"rows of another":      {Delta: good, Brings: "2-x.rows"},
	} {
		t.Run(name, func(t *testing.T) {
			disk := mem.New(time.Now)
			s, err := Open(t.Context(), Config{Checkpoint: disk, Columns: schema.New(schema.Col("k", schema.String)), Keys: 1, Query: "q", Fresh: true, NewID: uuid.NewString})
			if err != nil {
				t.Fatal(err)
			}
			v.number, v.Schema = 3, s.digest
			if err := s.publish(t.Context(), &v, deltaSuffix); err != nil {
				t.Fatal(err)
			}
			s.last = nil
			_, err = s.At(t.Context(), 3)
			c, ok := errors.AsType[errclass.Classified](err)
			if !ok || c.ErrorClass() != "CANNOT_LOAD_STATE_STORE.UNCATEGORIZED" || !strings.Contains(err.Error(), "state/0/0/3.delta") {
				t.Errorf("got %v", err)
			}
		})
	}
}
