package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/definition"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/expectation"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/materialized"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/setting"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// checkView refuses what a definition may not have.
func (d *Set) checkView(stmt *sql.CreateMaterializedView) error {
	refuse := func(why string) error {
		return errclass.New("MATERIALIZED_VIEW_QUERY_INVALID", "42000", "%s: %s", stmt.Name, why)
	}
	switch {
	case stmt.Location != "":
		return refuse("a materialized view is managed and takes no LOCATION.")
	case len(query.Streams(stmt.Query)) > 0:
		return refuse("its query reads a stream; leave STREAM out, or create a streaming table.")
	}
	return d.checkDataset(&stmt.Dataset)
}

// viewRefresh is a refresh of a materialized view: its definition, what it
// reads, and what there is.
type viewRefresh struct {
	datasets *Set
	entry    catalog.Table
	def      *sql.CreateMaterializedView
	target   *workspace.Table
	expect   *expectation.Set
	checked  []*sql.CreateView        // with expectations, which the query reads
	cluster  func(*delta.Transaction) // tells by which columns rows laid out anew are clustered
	logs     []string                 // where the tables that the query reads have their logs
	materialized.View
}

// maxReplans bounds how often a refresh is planned again because another one
// got in first.
const maxReplans = 5

// refreshView brings a materialized view up to date, in one commit. keep
// stores its entry once that is done; nil is for an entry that is stored.
func (d *Set) refreshView(ctx context.Context, entry catalog.Table, how Refreshing, keep func() error) (*Outcome, error) {
	return d.refreshed(ctx, entry, how, func(r *refreshing) error {
		for try := 0; ; try++ {
			err := d.recompute(ctx, entry, r)
			if _, lost := errors.AsType[*delta.ConflictError](err); lost && try < maxReplans {
				continue
			}
			if err != nil || keep == nil {
				return err
			}
			return keep()
		}
	})
}

// recompute brings a view up to date as a plan says.
func (d *Set) recompute(ctx context.Context, entry catalog.Table, r *refreshing) error {
	v, err := d.openView(ctx, entry)
	if err != nil {
		return err
	}
	r.flow.Enter(eventlog.FlowPlanning)
	def := eventlog.Definition{Type: "MATERIALIZED_VIEW", Inputs: slices.Sorted(maps.Keys(v.Sources))}
	if v.Rows != nil { // of a new view, the columns are known once it has rows
		def.Schema = v.Rows.Schema()
	}
	r.flow.Defined(def)
	way, err := v.Plan(ctx, r.Full)
	if err != nil {
		return err
	}
	r.outcome.Plan = eventlog.Plan{Technique: way.Technique, Why: way.Why}
	r.flow.Planned(r.outcome.Plan)
	if way.Query == nil {
		return nil
	}
	r.flow.Enter(eventlog.FlowRunning)
	return v.run(ctx, way, r)
}

// openView reads the definition of a view, and fixes the versions of what it
// reads.
func (d *Set) openView(ctx context.Context, entry catalog.Table) (*viewRefresh, error) {
	statements, err := sql.Parse(entry.Text)
	if err != nil {
		return nil, err
	}
	def, ok := statements[0].(*sql.CreateMaterializedView)
	if !ok {
		return nil, errclass.New("INTERNAL_ERROR", "XX000", "The definition of %s is no materialized view: %s", entry.Name, entry.Text)
	}
	v := &viewRefresh{datasets: d, entry: entry, def: def, expect: expectation.New(d.planner.Rules, entry.Name.String(), entry.Name.Plain(), def.Constraints)}
	v.Query, v.Location = def.Query, entry.Location
	v.Shaped = len(def.Columns) > 0 || v.expect.Drops()
	if v.target, err = d.ws.Table(ctx, entry.Name.String(), &entry, entry.Location); err != nil {
		return nil, err
	}
	if v.Rows, err = v.target.Exists(ctx); err != nil {
		return nil, err
	}
	if err := d.planner.ExpandViews(ctx, v.Query); err != nil {
		return nil, err
	}
	for _, view := range d.planner.ViewsOf(v.Query) { // others are expanded
		v.checked = append(v.checked, view)
		body, err := sql.ParseQuery(view.Query.String())
		if err != nil {
			return nil, err
		}
		if err := d.planner.ExpandViews(ctx, body); err != nil {
			return nil, err
		}
		v.Apart = append(v.Apart, body)
	}
	v.Definition = v.identity()
	return v, v.open(ctx)
}

// identity tells definitions apart that may give other rows.
func (v *viewRefresh) identity() string {
	parts := []string{v.Query.String(), v.datasets.planner.TimeZone().String(), v.datasets.planner.Settings[setting.ANSI]}
	for _, view := range v.checked {
		parts = append(parts, view.String())
	}
	for _, c := range v.def.Columns {
		parts = append(parts, c.String())
	}
	for _, c := range v.def.Constraints {
		parts = append(parts, c.String())
	}
	for _, c := range v.def.PartitionedBy {
		parts = append(parts, c.String())
	}
	for _, c := range v.def.ClusterBy {
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
	var refs []*sql.Table
	for _, q := range append([]*sql.Query{v.Query}, v.Apart...) {
		refs = append(refs, tablesOf(q)...)
	}
	for _, ref := range refs {
		if _, known := v.Sources[ref.Name.String()]; known || v.datasets.planner.CheckedView(ref) != nil {
			continue
		}
		t, err := v.datasets.planner.Target(ctx, ref.Name)
		if err != nil {
			return err
		}
		if t.Location == v.target.Location {
			return errclass.New("RECURSIVE_VIEW", "42K0H", "Recursive view %s detected: its query reads the view itself.", v.entry.Name)
		}
		snap, err := t.Snapshot(ctx)
		if err != nil {
			return err
		}
		v.Read(ref.Name.String(), t.Delta, snap)
		v.logs = append(v.logs, logOf(t.Location))
	}
	return nil
}

// tablesOf returns the Delta tables that a query reads as they are now.
func tablesOf(q *sql.Query) []*sql.Table {
	local := query.CommonTables(q)
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
func (v *viewRefresh) run(ctx context.Context, way *materialized.Plan, r *refreshing) error {
	d := v.datasets
	pins := func(ref *sql.Table) query.Pin {
		src, ok := v.Sources[ref.Name.String()]
		if !ok || ref.TimeTravel != nil {
			return query.Pin{}
		}
		p := query.Pin{Snap: src.Snapshot}
		if way.Added {
			p.Files = src.Added()
		}
		return p
	}
	d.planner.Checked() // of what was tried before
	rows, err := d.planner.QueryPinned(ctx, way.Query, pins)
	if err != nil {
		return err
	}
	meta, rows, err := v.layOut(ctx, way, rows)
	if err != nil {
		return err
	}
	staged, err := ingest.Stage(ctx, v.target.Store, meta, rows.Read(ctx), d.planner.LoadEnv())
	if err != nil {
		return err
	}
	if _, err := v.commit(way, meta).Apply(ctx, staged); err != nil {
		return workspace.Wrap(v.target.Name, err)
	}
	counts := v.expect.Counts()
	counts.Add(d.planner.Checked())
	r.wrote(nil, eventlog.Counts{OutputRows: staged.Rows}, counts)
	d.ws.Compact(ctx, v.target)
	return nil
}

// layOut fits rows to the table, which is that of before when rows are added
// to it.
func (v *viewRefresh) layOut(ctx context.Context, way *materialized.Plan, rows *ingest.Relation) (meta delta.Metadata, fitting *ingest.Relation, err error) {
	defer func() {
		if err != nil {
			rows.Close()
		}
	}()
	if way.Anew {
		if meta, err = v.metadata(ctx, rows); err == nil {
			err = v.expect.Plan(ctx, meta.Schema)
		}
		if err == nil {
			v.cluster, err = definition.Cluster(v.def.ClusterBy, v.Rows, &meta)
		}
		if err != nil {
			return meta, nil, workspace.Wrap(v.target.Name, err)
		}
	} else {
		meta = v.Rows.Metadata()
	}
	if have, want := len(rows.Schema.Fields), len(meta.Schema.Fields); have != want {
		return meta, nil, errclass.New("MATERIALIZED_VIEW_COLUMN_ARITY_MISMATCH", "21S01",
			"The materialized view %s lists %d columns and its query has %d.", v.entry.Name, want, have)
	}
	rows = rows.Rename(meta.Schema.Names())
	if fitting, err = rows.Conform(meta.Schema, v.datasets.planner.TimeZone()); err != nil {
		return meta, nil, err
	}
	fitting, err = v.expect.Filter(fitting)
	return meta, fitting, err
}

// metadata is that of the view's table when its rows are computed anew.
func (v *viewRefresh) metadata(ctx context.Context, rows *ingest.Relation) (delta.Metadata, error) {
	create := &sql.CreateTable{Range: v.def.Range, Name: v.def.Name, Columns: v.def.Columns, TableOptions: v.def.TableOptions}
	if len(v.def.Columns) > 0 {
		rows = nil
	}
	meta, err := v.datasets.definitions.Metadata(ctx, create, rows)
	if err != nil {
		return meta, err
	}
	if v.Rows != nil {
		was := v.Rows.Metadata()
		meta.ID, meta.CreatedTime = was.ID, was.CreatedTime
	}
	if meta.Configuration == nil {
		meta.Configuration = map[string]string{}
	}
	meta.Configuration[materialized.DefinitionProperty] = v.Definition
	return meta, nil
}

// commit is the commit of a refresh. Whoever else has written to the table in
// the meantime makes it fail.
func (v *viewRefresh) commit(way *materialized.Plan, meta delta.Metadata) ingest.Commit {
	c := ingest.Commit{
		Table: v.target.Delta, Store: v.target.Store, Base: v.Rows, Now: v.datasets.ws.Clock,
		Reads: true, Overwrite: !way.Append,
		Operation: "REFRESH MATERIALIZED VIEW", Parameters: map[string]any{"technique": way.Technique},
		Also: func(_ context.Context, base *delta.Snapshot, tx *delta.Transaction) error {
			version := int64(0)
			if base != nil {
				version = base.Version() + 1
			}
			v.Record(version, tx)
			if v.cluster != nil {
				v.cluster(tx)
			}
			return nil
		},
	}
	if v.Rows == nil || way.Anew && !sameMetadata(v.Rows.Metadata(), meta) {
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
