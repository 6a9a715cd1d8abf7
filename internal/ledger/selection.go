package ledger

import (
	"slices"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/source/files/filestate"
)

// selection is what a condition leaves of a source's files.
type selection struct {
	ranges []filestate.Range // of paths, ascending
	// loaded and unknown say whether files that are loaded, and files that are
	// only listed, may meet the condition.
	loaded, unknown bool
}

// selectBy returns what a condition leaves of the files of a source; nil
// leaves all. Files that cannot meet it may be left in.
func (s *Source) selectBy(p delta.Predicate) selection {
	if p == nil {
		return selection{ranges: everywhere(), loaded: true, unknown: true}
	}
	of := selection{ranges: keysOf(filestate.Unite(paths(p)))}
	of.loaded, _ = s.factsOf("committed", "INGESTED").may(p)
	if of.unknown, _ = s.unknownFacts().may(p); of.unknown {
		of.ranges = listedOnce(of.ranges)
	}
	return of
}

// listedOnce joins neighbours that the same listing would be made for.
func listedOnce(ranges []filestate.Range) []filestate.Range {
	var out []filestate.Range
	for _, r := range ranges {
		last := len(out) - 1
		if last >= 0 && !r.Single() && !out[last].Single() && (strings.HasPrefix(r.Prefix(), out[last].Prefix()) || strings.HasPrefix(out[last].Prefix(), r.Prefix())) {
			out[last].High = r.High
			continue
		}
		out = append(out, r)
	}
	return out
}

func everywhere() []filestate.Range { return []filestate.Range{{}} }

// paths returns the ranges that hold all paths for which a condition may be
// true.
func paths(p delta.Predicate) []filestate.Range {
	switch p := p.(type) {
	case delta.And:
		out := everywhere()
		for _, q := range p {
			var both []filestate.Range
			for _, a := range out {
				for _, b := range paths(q) {
					if r, some := a.Intersect(b); some {
						both = append(both, r)
					}
				}
			}
			out = filestate.Unite(both)
		}
		return out
	case delta.Or:
		var out []filestate.Range
		for _, q := range p {
			out = append(out, paths(q)...)
		}
		return filestate.Unite(out)
	case delta.Comparison:
		if path, ok := p.Value.(string); ok && isColumn(p.Column, "path") {
			return compared(p.Op, path)
		}
	}
	return everywhere()
}

func isColumn(column []string, name string) bool {
	return len(column) == 1 && strings.EqualFold(column[0], name)
}

// compared returns the range of the paths that compare so with one.
func compared(op delta.Op, path string) []filestate.Range {
	next := path + "\x00" // nothing is between
	switch op {
	case delta.Equal:
		return []filestate.Range{filestate.At(path)}
	case delta.Less:
		if path == "" {
			return nil
		}
		return []filestate.Range{{High: path}}
	case delta.LessOrEqual:
		return []filestate.Range{{High: next}}
	case delta.Greater:
		return []filestate.Range{{Low: next}}
	case delta.GreaterOrEqual:
		return []filestate.Range{{Low: path}}
	case delta.NotEqual:
	}
	return everywhere()
}

// facts are the values that rows may have in some columns, nil for NULL; in
// the others they may have any.
type facts map[string][]any

// factsOf are those of rows of a state.
func (s *Source) factsOf(state, ingestion string) facts {
	f := facts{"state": {state}, "ingestion_state": {ingestion}, "source_id": {s.ID}, "flow_name": {nil}}
	if s.Flow != "" {
		f["flow_name"] = []any{s.Flow}
	}
	return f
}

// unknownFacts are those of rows of files that are only listed.
func (s *Source) unknownFacts() facts {
	f := s.factsOf("new", "")
	f["state"] = []any{"new", "skipped"}
	for _, never := range []string{"discovery_time", "processed_time", "commit_time", "archive_time", "archive_mode", "move_location", "ingestion_state"} {
		f[never] = []any{nil}
	}
	return f
}

// may reports whether a condition may be true for some of the rows, and
// whether it may be false for some. With NULL it is neither.
func (f facts) may(p delta.Predicate) (beTrue, beFalse bool) {
	switch p := p.(type) {
	case delta.And:
		beTrue = true
		for _, q := range p {
			t, n := f.may(q)
			beTrue, beFalse = beTrue && t, beFalse || n
		}
		return beTrue, beFalse
	case delta.Or:
		beFalse = true
		for _, q := range p {
			t, n := f.may(q)
			beTrue, beFalse = beTrue || t, beFalse && n
		}
		return beTrue, beFalse
	case delta.Not:
		beFalse, beTrue = f.may(p.Of)
		return beTrue, beFalse
	case delta.IsNull:
		return f.some(p.Column, func(v any) bool { return v == nil }), f.some(p.Column, func(v any) bool { return v != nil })
	case delta.Comparison:
		with, text := p.Value.(string)
		holds := func(value bool) func(v any) bool {
			return func(v any) bool {
				known, is := v.(string)
				return v != nil && (!text || !is || compares(known, p.Op, with) == value)
			}
		}
		return f.some(p.Column, holds(true)), f.some(p.Column, holds(false))
	}
	return true, true
}

// some reports whether a value that a column may have is one of those.
func (f facts) some(column []string, of func(v any) bool) bool {
	if len(column) != 1 {
		return true
	}
	values, known := f[strings.ToLower(column[0])]
	return !known || slices.ContainsFunc(values, of)
}

// compares reports whether a text compares so with another.
func compares(text string, op delta.Op, with string) bool {
	c := strings.Compare(text, with)
	switch op {
	case delta.Equal:
		return c == 0
	case delta.NotEqual:
		return c != 0
	case delta.Less:
		return c < 0
	case delta.LessOrEqual:
		return c <= 0
	case delta.Greater:
		return c > 0
	case delta.GreaterOrEqual:
		return c >= 0
	}
	return false
}
