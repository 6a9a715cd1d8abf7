package delta_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/schema"
)

// formulas is an evaluator of the few expressions that tests use. A formula
// gets the values of the columns a and b, nil for null.
type formulas map[string]func(a, b *int64) any

func (f formulas) Evaluate(_ context.Context, rows arrow.RecordBatch, exprs []string) ([]arrow.Array, error) {
	value := func(name string, row int) *int64 {
		at := rows.Schema().FieldIndices(name)
		if len(at) == 0 || rows.Column(at[0]).IsNull(row) {
			return nil
		}
		v := rows.Column(at[0]).(*array.Int64).Value(row)
		return &v
	}
	var out []arrow.Array
	for _, e := range exprs {
		formula, ok := f[e]
		if !ok {
			return nil, fmt.Errorf("no formula for %q", e)
		}
		longs, truths := array.NewInt64Builder(arrowmemory.DefaultAllocator), array.NewBooleanBuilder(arrowmemory.DefaultAllocator)
		for row := range int(rows.NumRows()) {
			switch v := formula(value("a", row), value("b", row)).(type) {
			case bool:
				truths.Append(v)
			case int64:
				longs.Append(v)
			default:
				truths.AppendNull()
			}
		}
		if longs.Len() > 0 {
			out = append(out, longs.NewArray())
		} else {
			out = append(out, truths.NewArray())
		}
	}
	return out, nil
}

// ruled is a table with one rule of each kind on LONG columns a, b, i and d.
func ruled(t *testing.T) delta.Metadata {
	t.Helper()
	s := parseDDL(t, "a bigint, b bigint, i bigint, d bigint, n bigint not null")
	s.Fields[1].Metadata = map[string]any{"delta.generationExpression": "a + 1"}
	delta.Identity{Start: 10, Step: 5}.Mark(&s.Fields[2])
	s.Fields[3].Metadata = map[string]any{"CURRENT_DEFAULT": "7"}
	return delta.Metadata{ID: "t", Schema: s, Configuration: map[string]string{"delta.constraints.small": "a < 100"}}
}

var ruledFormulas = formulas{
	"a < 100": func(a, _ *int64) any {
		if a == nil {
			return nil
		}
		return *a < 100
	},
	"CAST((a + 1) AS BIGINT)": func(a, _ *int64) any { return *a + 1 },
	"CAST((7) AS BIGINT)":     func(_, _ *int64) any { return int64(7) },
	"b <=> CAST((a + 1) AS BIGINT)": func(a, b *int64) any {
		return a != nil && b != nil && *b == *a+1
	},
}

func TestWriterAppliesRules(t *testing.T) {
	tests := []struct {
		name, columns, row string
		want               string // the stored row, or
		class              string // of the error
	}{
		{"computed", "a bigint, n bigint", `{"a":1,"n":0}`, `{"a":1,"b":2,"i":10,"d":7,"n":0}`, ""},
		{"in any order", "n bigint, a bigint", `{"n":0,"a":1}`, `{"a":1,"b":2,"i":10,"d":7,"n":0}`, ""},
		{"given and right", "a bigint, b bigint, n bigint", `{"a":1,"b":2,"n":0}`, `{"a":1,"b":2,"i":10,"d":7,"n":0}`, ""},
		{"given and wrong", "a bigint, b bigint, n bigint", `{"a":1,"b":3,"n":0}`, "", "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES"},
		{"given as null", "a bigint, b bigint, n bigint", `{"a":1,"b":null,"n":0}`, "", "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES"},
		{"null is no default", "a bigint, d bigint, n bigint", `{"a":1,"d":null,"n":0}`, `{"a":1,"b":2,"i":10,"n":0}`, ""},
		{"false check", "a bigint, n bigint", `{"a":100,"n":0}`, "", "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES"},
		{"null check", "a bigint, b bigint, n bigint", `{"n":0}`, "", "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES"},
		{"missing", "a bigint", `{"a":1}`, "", "DELTA_MISSING_NOT_NULL_COLUMN_VALUE"},
		{"identity given", "a bigint, i bigint, n bigint", `{"a":1,"i":3,"n":0}`, "", "DELTA_IDENTITY_COLUMNS_EXPLICIT_INSERT_NOT_SUPPORTED"},
		{"unknown column", "zz bigint", `{"zz":1}`, "", "?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st, meta := newMemory(), ruled(t)
			w, err := delta.NewWriter(st, delta.WriterConfig{Metadata: meta, Evaluator: ruledFormulas})
			if err != nil {
				t.Fatal(err)
			}
			err = w.Write(t.Context(), jsonRecord(t, parseDDL(t, tt.columns), tt.row))
			if tt.class != "" {
				var classified interface{ ErrorClass() string }
				if !errors.As(err, &classified) && tt.class != "?" || classified != nil && classified.ErrorClass() != tt.class || err == nil {
					t.Fatalf("error is %v, want class %s", err, tt.class)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			files, err := w.Close(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := tableRows(t, newTable(t, st, meta, files)); !slices.Equal(got, []string{canonicalJSON(t, meta.Schema, tt.want)}) {
				t.Errorf("rows are %v, want %s", got, tt.want)
			}
		})
	}
}

// Rows that are updated keep the values of identity columns, and rows that are
// only copied are not judged again.
func TestRowChangeAppliesRules(t *testing.T) {
	st, meta := newMemory(), ruled(t)
	lax := meta.Clone()
	lax.Configuration = nil
	lax.Schema.Fields[1].Metadata, lax.Schema.Fields[2].Metadata = nil, nil
	all := "a bigint, b bigint, i bigint, d bigint, n bigint"
	files := writeFiles(t, st, delta.WriterConfig{Metadata: lax}, jsonRecord(t, parseDDL(t, all),
		`{"a":500,"b":0,"i":1,"d":0,"n":0}`, `{"a":2,"b":3,"i":2,"d":0,"n":0}`))
	base := newTable(t, st, meta, files)
	change, err := delta.NewRowChange(st, base, delta.WriterConfig{Evaluator: ruledFormulas})
	if err != nil {
		t.Fatal(err)
	}
	change.Replace(files[0].Path, 1)
	if err := change.Update(t.Context(), jsonRecord(t, parseDDL(t, "a bigint, i bigint, d bigint, n bigint"), `{"a":5,"i":2,"d":0,"n":0}`)); err != nil {
		t.Fatal(err)
	}
	if err := change.Insert(t.Context(), jsonRecord(t, parseDDL(t, "a bigint, n bigint"), `{"a":7,"n":1}`)); err != nil {
		t.Fatal(err)
	}
	table := delta.NewTable(st, delta.Options{})
	tx := table.Begin(base)
	if _, err := change.Apply(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "MERGE"}); err != nil {
		t.Fatal(err)
	}
	after, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := sortedRows(jsonRecord(t, parseDDL(t, all),
		`{"a":500,"b":0,"i":1,"d":0,"n":0}`, `{"a":5,"b":6,"i":2,"d":0,"n":0}`, `{"a":7,"b":8,"i":10,"d":7,"n":1}`))
	if got := tableRows(t, after); !slices.Equal(got, want) {
		t.Errorf("rows are %v, want %v", got, want)
	}
	if id, _ := delta.IdentityOf(after.Metadata().Schema.Fields[2]); id.HighWaterMark == nil || *id.HighWaterMark != 10 {
		t.Errorf("high-water mark is %v, want 10", id.HighWaterMark)
	}
}

// canonicalJSON is a row as tableRows gives it.
func canonicalJSON(t *testing.T, s *schema.Struct, row string) string {
	t.Helper()
	return sortedRows(jsonRecord(t, s, row))[0]
}

// tableRows returns the rows of a snapshot.
func tableRows(t *testing.T, s *delta.Snapshot) []string {
	t.Helper()
	var records []arrow.RecordBatch
	for rec, err := range s.Scan(t.Context(), delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		rec.Retain()
		records = append(records, rec)
	}
	return sortedRows(records...)
}

func TestConstraintErrorNamesValues(t *testing.T) {
	w, err := delta.NewWriter(newMemory(), delta.WriterConfig{Metadata: ruled(t), Evaluator: ruledFormulas})
	if err != nil {
		t.Fatal(err)
	}
	err = w.Write(t.Context(), jsonRecord(t, parseDDL(t, "a bigint, n bigint"), `{"a":5,"n":0}`, `{"a":100,"n":0}`))
	want := "CHECK constraint small (a < 100) violated by row with values:\n - a : 100"
	if err == nil || err.Error() != want {
		t.Errorf("error is %q, want %q", err, want)
	}
}

func TestWriterFailsClosed(t *testing.T) {
	tests := []struct {
		name, columns, row string
		change             func(*delta.Metadata)
		want               string // the features named, "" for success
	}{
		{"everything lacking", "a bigint, n bigint", `{"a":1,"n":0}`, func(*delta.Metadata) {}, "allowColumnDefaults"},
		{"constraint", "a bigint, b bigint, d bigint, n bigint", `{"a":1,"b":2,"d":1,"n":0}`, func(*delta.Metadata) {}, "checkConstraints, generatedColumns"},
		{"invariant", "a bigint, n bigint", `{"a":1,"n":0}`, func(m *delta.Metadata) {
			m.Configuration = nil
			m.Schema = parseDDL(t, "a bigint, n bigint")
			m.Schema.Fields[0].Metadata = map[string]any{"delta.invariants": `{"expression":{"expression":"a > 3"}}`}
		}, "invariants"},
		{"default not needed", "a bigint, d bigint", `{"a":1,"d":2}`, func(m *delta.Metadata) {
			m.Configuration = nil
			m.Schema = parseDDL(t, "a bigint, d bigint")
			m.Schema.Fields[1].Metadata = map[string]any{"CURRENT_DEFAULT": "7"}
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			meta := ruled(t)
			tt.change(&meta)
			w, err := delta.NewWriter(newMemory(), delta.WriterConfig{Metadata: meta})
			if err != nil {
				t.Fatal(err)
			}
			err = w.Write(t.Context(), jsonRecord(t, parseDDL(t, tt.columns), tt.row))
			var refused *delta.NoEvaluatorError
			if errors.As(err, &refused) != (tt.want != "") || refused != nil && strings.Join(refused.Features, ", ") != tt.want {
				t.Errorf("error is %v, want features %q", err, tt.want)
			}
		})
	}
}

func TestUnreadableInvariantIsRefused(t *testing.T) {
	for _, text := range []any{"a > 3", `{"persisted":1}`, 3, nil} {
		s := parseDDL(t, "a bigint")
		s.Fields[0].Metadata = map[string]any{"delta.invariants": text}
		if _, err := delta.NewWriter(newMemory(), delta.WriterConfig{Metadata: delta.Metadata{Schema: s}, Evaluator: ruledFormulas}); err == nil {
			t.Errorf("invariant %v is accepted", text)
		}
	}
}

func TestIdentityValues(t *testing.T) {
	mark := func(n int64) *int64 { return &n }
	tests := []struct {
		name string
		id   delta.Identity
		rows int
		want []int64 // nil is an overflow
	}{
		{"from the start", delta.Identity{Start: 1, Step: 1}, 3, []int64{1, 2, 3}},
		{"after the mark", delta.Identity{Start: 100, Step: 10, HighWaterMark: mark(110)}, 2, []int64{120, 130}},
		{"a mark off the sequence", delta.Identity{Start: 100, Step: 10, HighWaterMark: mark(115)}, 1, []int64{120}},
		{"a mark before the start", delta.Identity{Start: 100, Step: 10, HighWaterMark: mark(7)}, 1, []int64{100}},
		{"downwards", delta.Identity{Start: -1, Step: -2, HighWaterMark: mark(-3)}, 2, []int64{-5, -7}},
		{"to the last value", delta.Identity{Start: math.MaxInt64 - 1, Step: 1}, 2, []int64{math.MaxInt64 - 1, math.MaxInt64}},
		{"beyond the last value", delta.Identity{Start: math.MaxInt64 - 1, Step: 1}, 3, nil},
		{"at the last value", delta.Identity{Start: 1, Step: 1, HighWaterMark: mark(math.MaxInt64)}, 1, nil},
		{"to the least value", delta.Identity{Start: math.MinInt64 + 1, Step: -1}, 2, []int64{math.MinInt64 + 1, math.MinInt64}},
		{"below the least value", delta.Identity{Start: math.MinInt64 + 1, Step: -1}, 3, nil},
		{"over the whole range", delta.Identity{Start: math.MinInt64, Step: math.MaxInt64}, 3, []int64{math.MinInt64, -1, math.MaxInt64 - 1}},
		{"steps too large", delta.Identity{Start: 0, Step: math.MinInt64}, 2, []int64{0, math.MinInt64}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := parseDDL(t, "v bigint, i bigint")
			tt.id.Mark(&s.Fields[1])
			st, meta := newMemory(), delta.Metadata{ID: "t", Schema: s}
			w, err := delta.NewWriter(st, delta.WriterConfig{Metadata: meta})
			if err != nil {
				t.Fatal(err)
			}
			rows := slices.Repeat([]string{`{"v":1}`}, tt.rows)
			err = w.Write(t.Context(), jsonRecord(t, parseDDL(t, "v bigint"), rows...))
			if tt.want == nil {
				if overflow := new(delta.IdentityOverflowError); !errors.As(err, &overflow) {
					t.Fatalf("error is %v, want an overflow", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			files, err := w.Close(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			moved, ok := w.Metadata()
			id, _ := delta.IdentityOf(moved.Schema.Fields[1])
			if last := tt.want[len(tt.want)-1]; !ok || id.HighWaterMark == nil || *id.HighWaterMark != last {
				t.Errorf("high-water mark is %v, want %d", id.HighWaterMark, last)
			}
			var got []int64
			for rec, err := range newTable(t, st, moved, files).Scan(t.Context(), delta.ScanOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, rec.Column(1).(*array.Int64).Int64Values()...)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("values are %d, want %d", got, tt.want)
			}
		})
	}
}
