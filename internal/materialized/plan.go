package materialized

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// The ways to bring a view up to date, by Databricks' names of them.
const (
	Recompute  = "MAINTENANCE_TYPE_COMPLETE_RECOMPUTE"
	NoOp       = "MAINTENANCE_TYPE_NO_OP"
	AppendOnly = "MAINTENANCE_TYPE_APPEND_ONLY"
	Aggregate  = "MAINTENANCE_TYPE_GROUP_AGGREGATE"
)

// Plan is how a view is brought up to date.
type Plan struct {
	Technique string
	// Why says what ruled cheaper ways out; "" for the cheapest.
	Why string
	// Query gives the rows; nil when there is nothing to do.
	Query *sql.Query
	// Added says that of the sources only the added files are read.
	Added bool
	// Append says that the rows join those that are there.
	Append bool
	// Anew says that the table is laid out anew.
	Anew bool
}

// anew is the plan that always works.
func (v *View) anew(why string) *Plan {
	return &Plan{Technique: Recompute, Why: why, Query: v.Query, Anew: true}
}

// Plan chooses the cheapest way that is certain to give the rows that a full
// refresh would, which full asks for.
func (v *View) Plan(ctx context.Context, full bool) (*Plan, error) {
	if why := v.foreign(full); why != "" {
		return v.anew(why), nil
	}
	if !v.changed() {
		return &Plan{Technique: NoOp, Why: "No table that the view reads has changed."}, nil
	}
	if len(v.Apart) > 0 {
		return v.anew("The query reads a view with expectations."), nil
	}
	merged, why := (*sql.Query)(nil), rowWise(v.Query)
	if why != "" {
		text, refused := v.mergeQuery()
		if refused != "" {
			return v.anew("The query " + why + "; " + refused + "."), nil
		}
		var err error
		if merged, err = sql.ParseQuery(text); err != nil {
			return nil, err
		}
	}
	gone, err := v.appended(ctx)
	switch {
	case err != nil:
		return nil, err
	case gone != "":
		return v.anew(gone), nil
	case merged != nil:
		return &Plan{Technique: Aggregate, Query: merged, Added: true}, nil
	}
	return &Plan{Technique: AppendOnly, Query: v.Query, Added: true, Append: true}, nil
}

// foreign says why the rows that are there are of no use, or "".
func (v *View) foreign(full bool) string {
	if v.Rows == nil {
		return "The view is new."
	}
	if full {
		return "A full refresh was asked for."
	}
	if why := v.unsteady(); why != "" {
		return "The query " + why + "."
	}
	if of, _ := v.Rows.Property(DefinitionProperty); of != v.Definition {
		return "The definition has changed."
	}
	if made, ok := v.Rows.TransactionVersion(viewApp); !ok || made != v.Rows.Version() {
		return "The table was changed by something else than a refresh."
	}
	return ""
}

// changed reports whether some source has another version than the view.
func (v *View) changed() bool {
	for _, src := range v.Sources {
		if src.was != src.Snapshot.Version() {
			return true
		}
	}
	return false
}

// names returns the names of the sources, sorted.
func (v *View) names() []string { return slices.Sorted(maps.Keys(v.Sources)) }

// appended finds the files that were added to the sources since the view's
// last refresh. why says why the view cannot do with these alone.
func (v *View) appended(ctx context.Context) (why string, err error) {
	for _, name := range v.names() {
		src := v.Sources[name]
		if src.was < 0 {
			return name + " is another table than before.", nil
		}
		before, err := src.Table.SnapshotAt(ctx, src.was)
		if err != nil {
			if errors.Is(err, context.Canceled) {
				return "", err
			}
			return name + " has forgotten the version that the view was computed from.", nil
		}
		if !schema.Equal(before.Schema(), src.Snapshot.Schema()) {
			return "The columns of " + name + " have changed.", nil
		}
		if why, err := src.compare(ctx, before); why != "" || err != nil {
			return name + why, err
		}
	}
	return "", nil
}

// compare finds out which files came since a version of the table. why says
// that some of its files are there no more, or with fewer rows.
func (s *Source) compare(ctx context.Context, before *delta.Snapshot) (why string, err error) {
	old := map[string]string{} // deletion vectors by path
	for f, err := range before.Files(ctx) {
		if err != nil {
			return "", err
		}
		old[f.Path] = f.DeletionVector.UniqueID()
	}
	kept := 0
	for f, err := range s.Snapshot.Files(ctx) {
		if err != nil {
			return "", err
		}
		vector, ok := old[f.Path]
		if !ok {
			continue
		}
		if vector != f.DeletionVector.UniqueID() {
			return " has lost rows.", nil
		}
		kept++
	}
	if kept < len(old) {
		return " has had rows changed, or files rewritten.", nil
	}
	s.added = func(f delta.AddFile) bool {
		_, known := old[f.Path]
		return !known
	}
	return "", nil
}
