//go:build duckdb_arrow

package expectation_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/engine/duckdb"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/expectation"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/rule"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

var columns = schema.New(schema.Col("n", schema.Long), schema.Col("s", schema.String))

// open returns the expectations that a definition states.
func open(t *testing.T, constraints string) *expectation.Set {
	t.Helper()
	eng, err := duckdb.Open(duckdb.Config{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	evaluator := &rule.Evaluator{
		Engine:   func() (engine.Engine, error) { return eng, nil },
		TimeZone: func() *time.Location { return time.UTC },
		Printer:  func(r sql.Relations) *sql.Printer { return &sql.Printer{Relations: r} },
	}
	t.Cleanup(func() {
		evaluator.Close()
		if err := eng.Close(); err != nil {
			t.Error(err)
		}
	})
	return expectation.New(evaluator, "the flow", "the table", parse(t, constraints))
}

func parse(t *testing.T, constraints string) []*sql.Constraint {
	t.Helper()
	if constraints == "" {
		return nil
	}
	statements, err := sql.Parse("CREATE STREAMING TABLE t (" + constraints + ") AS SELECT * FROM STREAM s")
	if err != nil {
		t.Fatal(err)
	}
	return statements[0].(*sql.CreateStreamingTable).Constraints
}

// row has NULL where it has no value.
type row struct {
	n *int64
	s string
}

func at(n int64, s string) row { return row{&n, s} }

// relation returns batches of rows.
func relation(batches ...[]row) *ingest.Relation {
	read := func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			for _, rows := range batches {
				b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(columns))
				for _, r := range rows {
					if r.n == nil {
						b.Field(0).AppendNull()
					} else {
						b.Field(0).(*array.Int64Builder).Append(*r.n)
					}
					b.Field(1).(*array.StringBuilder).Append(r.s)
				}
				rec := b.NewRecordBatch()
				b.Release()
				ok := yield(rec, nil)
				rec.Release()
				if !ok {
					return
				}
			}
		}
	}
	return &ingest.Relation{Schema: columns, Read: read}
}

// written returns column s of the rows that come through.
func written(t *testing.T, e *expectation.Set, rows *ingest.Relation) ([]string, error) {
	t.Helper()
	out, err := e.Filter(rows)
	if err != nil {
		return nil, err
	}
	var got []string
	for rec, err := range out.Read(t.Context()) {
		if err != nil {
			return got, err
		}
		for i := range int(rec.NumRows()) {
			got = append(got, rec.Column(1).ValueStr(i))
		}
	}
	return got, nil
}

// TestFilter: a row meets an expectation whose condition is TRUE, and NULL is
// not; what it does not meet is counted, and what is dropped counts for the
// other expectations, too (semantics §12).
func TestFilter(t *testing.T) {
	rows := [][]row{{at(1, "a"), at(-1, "b"), {s: "c"}}, {at(-2, "x")}, {at(5, "d")}}
	for name, tt := range map[string]struct {
		constraints, only string
		want              []string
		counts            eventlog.Quality
	}{
		"none": {want: []string{"a", "b", "c", "x", "d"}},
		"kept": {
			constraints: "CONSTRAINT positive EXPECT (n > 0)",
			want:        []string{"a", "b", "c", "x", "d"},
			counts:      eventlog.Quality{Expectations: []eventlog.Expectation{{Name: "positive", Passed: 2, Failed: 3}}},
		},
		"dropped": {
			constraints: "CONSTRAINT positive EXPECT (n > 0) ON VIOLATION DROP ROW",
			want:        []string{"a", "d"},
			counts:      eventlog.Quality{Dropped: 3, Expectations: []eventlog.Expectation{{Name: "positive", Passed: 2, Failed: 3}}},
		},
		"dropped by several": {
			constraints: "CONSTRAINT positive EXPECT (n > 0) ON VIOLATION DROP ROW, CONSTRAINT early EXPECT (s < 'd') ON VIOLATION DROP ROW, CONSTRAINT known EXPECT (n IS NOT NULL)",
			want:        []string{"a"},
			counts: eventlog.Quality{Dropped: 4, Expectations: []eventlog.Expectation{
				{Name: "positive", Passed: 2, Failed: 3}, {Name: "early", Passed: 3, Failed: 2}, {Name: "known", Passed: 4, Failed: 1},
			}},
		},
		"met by all": {
			constraints: "CONSTRAINT short EXPECT (length(s) = 1) ON VIOLATION FAIL UPDATE",
			want:        []string{"a", "b", "c", "x", "d"},
			counts:      eventlog.Quality{Expectations: []eventlog.Expectation{{Name: "short", Passed: 5}}},
		},
		"some rows only": {
			constraints: "CONSTRAINT positive EXPECT (n > 0) ON VIOLATION DROP ROW", only: "s <> 'x'",
			want:   []string{"a", "x", "d"},
			counts: eventlog.Quality{Dropped: 2, Expectations: []eventlog.Expectation{{Name: "positive", Passed: 2, Failed: 2}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := open(t, tt.constraints)
			e.Limit(tt.only)
			for i := range tt.counts.Expectations {
				tt.counts.Expectations[i].Dataset = "the table"
			}
			for range 2 { // a batch that is read again is counted anew
				got, err := written(t, e, relation(rows...))
				if err != nil || !slices.Equal(got, tt.want) {
					t.Errorf("got rows %q, %v, want %q", got, err, tt.want)
				}
				if diff := cmp.Diff(tt.counts, e.Counts()); diff != "" {
					t.Errorf("counts (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestFail: a row that fails the update says all that it violates, and itself.
func TestFail(t *testing.T) {
	e := open(t, "CONSTRAINT early EXPECT (s < 'd') ON VIOLATION FAIL UPDATE, CONSTRAINT kept EXPECT (n > 5), CONSTRAINT small EXPECT (n < 3) ON VIOLATION FAIL UPDATE")
	got, err := written(t, e, relation([]row{at(1, "a")}, []row{at(2, "b"), at(7, "z")}))
	if !slices.Equal(got, []string{"a"}) {
		t.Errorf("got rows %q, want none of the batch that fails", got)
	}
	var classified errclass.Classified
	if !errors.As(err, &classified) || classified.ErrorClass() != "EXPECTATION_VIOLATION.VERBOSITY_ALL" {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"'the flow'", "'early', 'small'.", `{"n":7,"s":"z"}`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
}

// TestCheck: what an expectation cannot be is said when it is defined.
func TestCheck(t *testing.T) {
	table := &sql.Name{Parts: []string{"t"}}
	for name, tt := range map[string]struct{ constraints, want string }{
		"fine":               {"CONSTRAINT a EXPECT (n > 0), CONSTRAINT b EXPECT (s LIKE '%x') ON VIOLATION DROP ROW", ""},
		"two of a name":      {"CONSTRAINT a EXPECT (n > 0), CONSTRAINT A EXPECT (n < 9)", "has the name of another one"},
		"a subquery":         {"CONSTRAINT a EXPECT (n IN (SELECT 1))", "join them in the query"},
		"an aggregate":       {"CONSTRAINT a EXPECT (sum(n) > 0)", "aggregate in the query"},
		"a window function":  {"CONSTRAINT a EXPECT (row_number() OVER (ORDER BY n) = 1)", "aggregate in the query"},
		"another constraint": {"CONSTRAINT a CHECK (n > 0)", "CHECK constraints"},
	} {
		t.Run(name, func(t *testing.T) {
			err := expectation.Check(table, parse(t, tt.constraints))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestPlan: conditions are on columns that the rows have.
func TestPlan(t *testing.T) {
	for name, tt := range map[string]struct{ constraints, class, want string }{
		"fine":         {"CONSTRAINT a EXPECT (n > 0 AND s IS NOT NULL)", "", ""},
		"no condition": {"CONSTRAINT a EXPECT (n + 1)", "INVALID_EXPECTATION", "its type is BIGINT"},
		"no column":    {"CONSTRAINT a EXPECT (m > 0)", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "The expectation a of the flow: "},
	} {
		t.Run(name, func(t *testing.T) {
			err := open(t, tt.constraints).Plan(t.Context(), columns)
			var classified errclass.Classified
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (!errors.As(err, &classified) || classified.ErrorClass() != tt.class || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %s: %q", err, tt.class, tt.want)
			}
		})
	}
}
