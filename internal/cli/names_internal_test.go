package cli

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/cli/shell"
	"github.com/freshet/freshet/internal/session"
	"github.com/freshet/freshet/schema"
)

// fakeSession answers statements with rows of text, fields separated by
// blanks, and counts them.
type fakeSession struct {
	answers map[string][]string
	runs    int
}

func (f *fakeSession) Run(_ context.Context, text string) iter.Seq2[*session.Result, error] {
	return func(yield func(*session.Result, error) bool) {
		f.runs++
		rows, ok := f.answers[text]
		if !ok {
			yield(nil, errors.New("no such statement: "+text))
			return
		}
		columns := schema.New(schema.Col("a", schema.String), schema.Col("b", schema.String))
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(columns))
		for _, row := range rows {
			for i, field := range strings.Fields(row) {
				if s, ok := b.Field(i).(*array.StringBuilder); ok {
					s.Append(field)
				}
			}
		}
		yield(&session.Result{Schema: columns, Rows: func(yield func(arrow.RecordBatch, error) bool) {
			yield(b.NewRecordBatch(), nil)
		}}, nil)
	}
}

func TestNamesComplete(t *testing.T) {
	fake := &fakeSession{answers: map[string][]string{
		"SHOW SCHEMAS":                {"default x", "bronze x"},
		"SHOW TABLES":                 {"default events"},
		"SHOW TABLES IN default":      {"default events"},
		"SHOW TABLES IN bronze":       {"bronze raw"},
		"DESCRIBE TABLE events":       {"event_id STRING", "level STRING"},
		"DESCRIBE TABLE bronze.raw":   {"payload STRING"},
		"DESCRIBE TABLE nothing.here": {"wrong STRING"},
	}}
	n := &names{session: fake}
	got := n.complete(t.Context(), "SELECT l FROM events JOIN bronze.raw, nothing.here WHERE ")
	for _, want := range []shell.Candidate{
		{Text: "SELECT", Kind: "keyword"},
		{Text: "upper", Kind: "function"},
		{Text: "multiLine", Kind: "option"},
		{Text: "bronze", Kind: "schema"},
		{Text: "events", Kind: "table"},
		{Text: "bronze.raw", Kind: "table"},
		{Text: "level", Kind: "column"},
		{Text: "payload", Kind: "column"},
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%+v is not offered", want)
		}
	}
	if slices.Contains(got, shell.Candidate{Text: "wrong", Kind: "column"}) {
		t.Error("columns of what is no table are offered")
	}
	runs := fake.runs
	n.complete(t.Context(), "SELECT ")
	if fake.runs != runs {
		t.Error("the catalog is asked again although no statement has run")
	}
	n.forget()
	n.complete(t.Context(), "SELECT ")
	if fake.runs == runs {
		t.Error("the catalog is not asked again after a statement")
	}
}
