// Package materialized decides how a materialized view is brought up to date:
// not at all, by what was added to the tables that it reads, or anew. What it
// chooses always gives the rows that the view's query gives.
package materialized

import (
	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/sql"
)

// DefinitionProperty is the property of a view's table that says which
// definition its rows are of, by [View.Definition].
const DefinitionProperty = "freshet.definition"

// A refresh keeps in its commit which versions of which tables it has read, by
// txn actions as flows do (semantics §10.4).
const (
	sourceApp = "freshet.source/" // and the source's table id; its version
	readApp   = "freshet.read/"   // and the source's table id; the version that the refresh made which read it last
	viewApp   = "freshet.view"    // the version that the last refresh made
)

// View is a materialized view at a moment. It is used by one goroutine.
type View struct {
	// Query gives the rows; the views that it reads are expanded.
	Query *sql.Query
	// Apart are the queries of the views with expectations that Query reads,
	// which stand in it by their names.
	Apart []*sql.Query
	// Definition tells definitions apart that may give other rows.
	Definition string
	// Rows is the table of the view as it is, nil when there is none, and
	// Location where it is.
	Rows     *delta.Snapshot
	Location string
	// Shaped says that the rows are not just those of the query: columns are
	// declared, or rows dropped.
	Shaped bool
	// Sources are the Delta tables that the query reads, by their names in it.
	Sources map[string]*Source
}

// Source is a table that a view reads, at the version that it reads.
type Source struct {
	Table    *delta.Table
	Snapshot *delta.Snapshot

	// was is the version that the view's rows are of, -1 when they are of
	// none.
	was   int64
	added func(delta.AddFile) bool
}

// Read adds a table that the query reads, by its name in it.
func (v *View) Read(name string, table *delta.Table, at *delta.Snapshot) {
	src := &Source{Table: table, Snapshot: at, was: v.lastRead(at.Metadata().ID)}
	if v.Sources == nil {
		v.Sources = map[string]*Source{}
	}
	v.Sources[name] = src
}

// lastRead returns the version of a table, known by its id, that the view's
// rows are of; -1 when they are of none. A table that was read before and then
// replaced has its old id again once it is restored, and rows of it are not in
// the view any more.
func (v *View) lastRead(id string) int64 {
	if v.Rows == nil {
		return -1
	}
	version, ok := v.Rows.TransactionVersion(sourceApp + id)
	by, known := v.Rows.TransactionVersion(readApp + id)
	if made, refreshed := v.Rows.TransactionVersion(viewApp); !ok || !known || !refreshed || by != made {
		return -1
	}
	return version
}

// Steady reports whether the rows depend on nothing but the versions of the
// sources.
func (v *View) Steady() bool { return v.unsteady() == "" }

// unsteady says why the rows may be others without that a source has changed.
func (v *View) unsteady() string {
	for _, q := range append([]*sql.Query{v.Query}, v.Apart...) {
		if why := unsteady(q); why != "" {
			return why
		}
	}
	return ""
}

// Added chooses the files that came since the view's last refresh; nil where
// no plan asks for them alone.
func (s *Source) Added() func(delta.AddFile) bool { return s.added }

// Record keeps in the commit of a refresh, which makes the given version of
// the view's table, what it has read.
func (v *View) Record(version int64, tx *delta.Transaction) {
	tx.SetTransaction(viewApp, version)
	for _, name := range v.names() {
		src := v.Sources[name]
		id := src.Snapshot.Metadata().ID
		tx.SetTransaction(sourceApp+id, src.Snapshot.Version())
		tx.SetTransaction(readApp+id, version)
	}
}
