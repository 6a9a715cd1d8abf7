package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// What a materialized view's table keeps: which definition its rows are of,
// as a property, and which versions of which tables they were computed from,
// as txn actions of the same commit (semantics §10.4 has flows do so).
const (
	definitionProperty = "freshet.definition"
	sourceApp          = "freshet.source/" // and the source's table id; its version
	viewApp            = "freshet.view"    // the version that the last refresh made
)

// createMaterializedView runs CREATE [OR REPLACE | OR REFRESH] MATERIALIZED
// VIEW: it computes the rows, and keeps the definition.
func (s *Session) createMaterializedView(ctx context.Context, stmt *sql.CreateMaterializedView, how Refreshing) (*Outcome, error) {
	if err := s.checkView(stmt); err != nil {
		return nil, err
	}
	if err := s.qualify(ctx, stmt.Query); err != nil {
		return nil, err
	}
	name, err := s.tableName(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	entry, err := s.catalog.Table(ctx, name)
	switch {
	case err == nil && stmt.IfNotExists:
		return &Outcome{}, nil
	case err == nil && entry.Kind != catalog.KindMaterializedView:
		return nil, noView(entry)
	case err == nil && !stmt.OrRefresh && !stmt.OrReplace:
		return nil, catalog.AlreadyExists(name)
	case err == nil:
		entry.Text, entry.Comment = stmt.String(), stmt.Comment
		return s.refreshView(ctx, entry, how, func() error { return s.catalog.Update(ctx, entry) })
	case ignore(err, "TABLE_OR_VIEW_NOT_FOUND") != nil:
		return nil, err
	}
	entry = catalog.Table{Name: name, Kind: catalog.KindMaterializedView, Managed: true, Text: stmt.String(), Comment: stmt.Comment}
	if entry.Location, err = s.managedLocation(ctx, name); err != nil {
		return nil, err
	}
	return s.refreshView(ctx, entry, how, func() error { return s.catalog.Create(ctx, entry) })
}

func noView(entry catalog.Table) error {
	return errclass.New("EXPECT_MATERIALIZED_VIEW", "42809", "%s exists and is no materialized view; drop it, or choose another name.", entry.Name)
}

// checkView refuses what a definition may not have.
func (s *Session) checkView(stmt *sql.CreateMaterializedView) error {
	refuse := func(why string) error {
		return errclass.New("MATERIALIZED_VIEW_QUERY_INVALID", "42000", "%s: %s", stmt.Name, why)
	}
	switch {
	case stmt.Location != "":
		return refuse("a materialized view is managed and takes no LOCATION.")
	case len(streams(stmt.Query)) > 0:
		return refuse("its query reads a stream; leave STREAM out, or create a streaming table.")
	}
	return s.checkDataset(&stmt.Dataset)
}

// viewRefresh is a refresh of a materialized view: its definition, what it
// reads, and what there is.
type viewRefresh struct {
	session *Session
	entry   catalog.Table
	def     *sql.CreateMaterializedView
	target  *target
	base    *delta.Snapshot // nil where no table is
	query   *sql.Query      // without views
	hash    string          // of the definition
	sources map[string]*viewSource
	// unsteady says why the query may give other rows from the same tables;
	// "" is that it cannot.
	unsteady string
	expect   *expectations
	changed  bool // some source has another version than the view
}

// viewSource is a table that a view reads, at the version that it reads.
type viewSource struct {
	target *target
	snap   *delta.Snapshot
	// old is the version that the view's rows are of, -1 when they are of
	// none; added chooses the files that have come since, where no other file
	// has gone.
	old   int64
	added func(delta.AddFile) bool
}

// refreshView brings a materialized view up to date, in one commit. keep
// stores its entry once that is done.
func (s *Session) refreshView(ctx context.Context, entry catalog.Table, how Refreshing, keep func() error) (*Outcome, error) {
	return s.refreshed(ctx, entry, how, func(r *refreshing) error {
		v, err := s.openView(ctx, entry)
		if err != nil {
			return err
		}
		r.flow.Enter(eventlog.FlowPlanning)
		r.flow.Defined(eventlog.Definition{Type: "MATERIALIZED_VIEW", Inputs: sortedKeys(v.sources)})
		way, err := v.plan(ctx, r.Full)
		if err != nil {
			return err
		}
		r.outcome.Plan = way.Plan
		r.flow.Planned(way.Plan)
		if way.query != nil {
			r.flow.Enter(eventlog.FlowRunning)
			if err := v.run(ctx, way, r); err != nil {
				return err
			}
		}
		return keep()
	})
}

// openView reads the definition of a view, and fixes the versions of what it
// reads.
func (s *Session) openView(ctx context.Context, entry catalog.Table) (*viewRefresh, error) {
	statements, err := sql.Parse(entry.Text)
	if err != nil {
		return nil, err
	}
	def, ok := statements[0].(*sql.CreateMaterializedView)
	if !ok {
		return nil, errclass.New("INTERNAL_ERROR", "XX000", "The definition of %s is no materialized view: %s", entry.Name, entry.Text)
	}
	v := &viewRefresh{session: s, entry: entry, def: def, query: def.Query, sources: map[string]*viewSource{}, expect: s.expectations(entry, def.Constraints)}
	if v.target, err = s.at(ctx, entry.Name.String(), &entry, entry.Location); err != nil {
		return nil, err
	}
	if v.base, err = v.target.exists(ctx); err != nil {
		return nil, err
	}
	if err := s.expandViews(ctx, v.query); err != nil {
		return nil, err
	}
	v.hash = v.identity()
	return v, v.open(ctx)
}

// identity tells definitions apart that may give other rows.
func (v *viewRefresh) identity() string {
	parts := []string{v.query.String(), v.session.timeZone().String(), v.session.settings[settingANSI]}
	for _, c := range v.def.Columns {
		parts = append(parts, c.String())
	}
	for _, c := range v.def.Constraints {
		parts = append(parts, c.String())
	}
	for _, c := range v.def.PartitionedBy {
		parts = append(parts, c.String())
	}
	for _, p := range v.def.Properties {
		parts = append(parts, p.String())
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// open opens the tables that the query reads.
func (v *viewRefresh) open(ctx context.Context) error {
	v.unsteady = unsteady(v.query)
	for _, ref := range tablesOf(v.query) {
		if _, known := v.sources[ref.Name.String()]; known {
			continue
		}
		t, err := v.session.target(ctx, ref.Name)
		if err != nil {
			return err
		}
		if t.location == v.target.location {
			return errclass.New("RECURSIVE_VIEW", "42K0H", "Recursive view %s detected: its query reads the view itself.", v.entry.Name)
		}
		src := &viewSource{target: t, old: -1}
		if src.snap, err = t.snapshot(ctx); err != nil {
			return err
		}
		if v.base != nil {
			if version, ok := v.base.TransactionVersion(sourceApp + src.snap.Metadata().ID); ok {
				src.old = version
			}
		}
		v.changed = v.changed || src.old != src.snap.Version()
		v.sources[ref.Name.String()] = src
	}
	return nil
}

// tablesOf returns the Delta tables that a query reads as they are now.
func tablesOf(q *sql.Query) []*sql.Table {
	local := commonTables(q)
	var refs []*sql.Table
	sql.Inspect(q, func(n sql.Node) bool {
		t, ok := n.(*sql.Table)
		if !ok || t.TimeTravel != nil || len(t.Name.Parts) == 1 && local[strings.ToLower(t.Name.Parts[0])] {
			return true
		}
		if format, _, path := t.Name.Path(); !path || format == "delta" {
			refs = append(refs, t)
		}
		return true
	})
	return refs
}

// run computes the rows that the plan says, and commits them.
func (v *viewRefresh) run(ctx context.Context, way *viewPlan, r *refreshing) error {
	s := v.session
	s.pins = map[*sql.Table]pin{}
	for _, ref := range tablesOf(way.query) {
		if src, ok := v.sources[ref.Name.String()]; ok {
			p := pin{snap: src.snap}
			if way.added {
				p.files = src.added
			}
			s.pins[ref] = p
		}
	}
	rows, err := s.query(ctx, way.query)
	s.pins = nil
	if err != nil {
		return err
	}
	meta, rows, err := v.layOut(ctx, way, rows)
	if err != nil {
		return err
	}
	staged, err := ingest.Stage(ctx, v.target.store, meta, rows.Read(ctx), s.env())
	if err != nil {
		return err
	}
	if _, err := v.commit(way, meta).Apply(ctx, staged); err != nil {
		return wrap(v.target.name, err)
	}
	r.wrote(nil, eventlog.Counts{OutputRows: staged.Rows}, v.expect.counts())
	s.compact(ctx, v.target)
	return nil
}

// layOut fits rows to the table, which is that of before when rows are added
// to it.
func (v *viewRefresh) layOut(ctx context.Context, way *viewPlan, rows *ingest.Relation) (meta delta.Metadata, fitting *ingest.Relation, err error) {
	defer func() {
		if err != nil {
			rows.Close()
		}
	}()
	s := v.session
	if way.anew {
		if meta, err = v.metadata(ctx, rows); err != nil {
			return meta, nil, err
		}
	} else {
		meta = v.base.Metadata()
	}
	if have, want := len(rows.Schema.Fields), len(meta.Schema.Fields); have != want {
		return meta, nil, errclass.New("MATERIALIZED_VIEW_COLUMN_ARITY_MISMATCH", "21S01",
			"The materialized view %s lists %d columns and its query has %d.", v.entry.Name, want, have)
	}
	rows = rows.Rename(meta.Schema.Names())
	if fitting, err = rows.Conform(meta.Schema, s.timeZone()); err != nil {
		return meta, nil, err
	}
	fitting, err = v.expect.check(fitting)
	return meta, fitting, err
}

// metadata is that of the view's table when its rows are computed anew.
func (v *viewRefresh) metadata(ctx context.Context, rows *ingest.Relation) (delta.Metadata, error) {
	create := &sql.CreateTable{Range: v.def.Range, Name: v.def.Name, Columns: v.def.Columns, TableOptions: v.def.TableOptions}
	if len(v.def.Columns) > 0 {
		rows = nil
	}
	meta, err := v.session.newMetadata(ctx, create, rows)
	if err != nil {
		return meta, err
	}
	if v.base != nil {
		was := v.base.Metadata()
		meta.ID, meta.CreatedTime = was.ID, was.CreatedTime
	}
	if meta.Configuration == nil {
		meta.Configuration = map[string]string{}
	}
	meta.Configuration[definitionProperty] = v.hash
	return meta, nil
}

// commit is the commit of a refresh. Whoever else has written to the table in
// the meantime makes it fail.
func (v *viewRefresh) commit(way *viewPlan, meta delta.Metadata) ingest.Commit {
	c := ingest.Commit{
		Table: v.target.table, Store: v.target.store, Base: v.base, Now: v.session.cfg.Clock,
		Reads: true, Overwrite: !way.append,
		Operation: "REFRESH MATERIALIZED VIEW", Parameters: map[string]any{"technique": way.Technique},
		Also: func(_ context.Context, base *delta.Snapshot, tx *delta.Transaction) error {
			version := int64(0)
			if base != nil {
				version = base.Version() + 1
			}
			tx.SetTransaction(viewApp, version)
			for _, name := range sortedKeys(v.sources) {
				src := v.sources[name]
				tx.SetTransaction(sourceApp+src.snap.Metadata().ID, src.snap.Version())
			}
			return nil
		},
	}
	if v.base == nil || way.anew && !sameMetadata(v.base.Metadata(), meta) {
		c.Metadata = &meta
	}
	return c
}

// sameMetadata reports whether a table laid out like a would be like b.
func sameMetadata(a, b delta.Metadata) bool {
	if len(a.Configuration) != len(b.Configuration) {
		return false
	}
	for k, value := range a.Configuration {
		if b.Configuration[k] != value {
			return false
		}
	}
	return schema.Equal(a.Schema, b.Schema) && slices.Equal(a.PartitionColumns, b.PartitionColumns) && a.Description == b.Description
}
