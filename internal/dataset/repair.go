package dataset

import (
	"context"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/rescue"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// Repair runs REPAIR TABLE name RESCUED DATA: rescued values go to the
// columns that can hold them by now, as the reader of their files would have
// read them, in one commit and without those files.
func (d *Set) Repair(ctx context.Context, stmt *sql.RepairRescued) (rescue.Result, error) {
	t, base, err := d.planner.Newest(ctx, stmt.Table)
	if err != nil {
		return rescue.Result{}, err
	}
	if err := base.CheckWrite(); err != nil {
		return rescue.Result{}, workspace.Wrap(t.Name, err)
	}
	given, err := query.Options(stmt.Options)
	if err != nil {
		return rescue.Result{}, err
	}
	r := rescue.Repair{
		Table: t.Delta, Storage: t.Store, Base: base, DryRun: stmt.DryRun,
		Writer: delta.WriterConfig{Parallelism: d.ws.Parallelism, Clock: d.ws.Clock, NewID: d.ws.NewID, Evaluator: d.planner.Rules},
	}
	how, err := d.rescuedFrom(ctx, t, base, given)
	if err != nil {
		return rescue.Result{}, err
	}
	r.Source, r.Column, r.Computed = how.source, how.column, how.computed
	for _, c := range stmt.Columns {
		r.Columns = append(r.Columns, strings.Join(c.Parts, "."))
	}
	done, err := r.Run(ctx)
	return done, workspace.Wrap(t.Name, err)
}

// rescuing is how a table came by its rescued data.
type rescuing struct {
	source   rescue.Source
	column   string
	computed []string
}

// rescuedFrom finds out how a table's rescued data was read: for a streaming
// table by its definition as it is now, for another by the names of the files
// it came from. Options given overrule both.
func (d *Set) rescuedFrom(ctx context.Context, t *workspace.Table, base *delta.Snapshot, given map[string]string) (rescuing, error) {
	how := rescuing{source: rescue.Source{Options: map[string]string{}, CaseSensitive: true, TimeZone: d.planner.TimeZone()}, column: ingest.DefaultRescued}
	if t.Entry != nil && t.Entry.Kind == catalog.KindStreamingTable {
		if err := d.rescuedByFlow(ctx, *t.Entry, &how, given["format"] != ""); err != nil {
			return how, err
		}
	}
	for name, value := range given {
		switch strings.ToLower(name) {
		case "format":
			how.source.Format = value
		case "rescueddatacolumn":
			how.column = value
		case "readercasesensitive":
			how.source.CaseSensitive = !strings.EqualFold(value, "false")
		case "header":
			how.source.Positional = strings.EqualFold(value, "false")
		default:
			how.source.Options[name] = value
		}
	}
	at := base.Schema().Index(how.column)
	if at < 0 || base.Schema().Fields[at].Type != schema.String {
		return how, errclass.New("RESCUED_DATA_COLUMN_NOT_FOUND", "42703",
			"%s has no column %s of type STRING, and so no rescued data. If the column has another name, say OPTIONS ('rescuedDataColumn' = 'name').", t.Name, schema.QuoteIdent(how.column))
	}
	how.column = base.Schema().Fields[at].Name
	if how.source.Format == "" {
		var err error
		if how.source.Format, err = rescue.FormatOf(ctx, base, how.column); err != nil {
			return how, workspace.Wrap(t.Name, err)
		}
	}
	return how, nil
}

// rescuedByFlow takes over how the flow of a streaming table reads its files.
// Of a table that flows of their own fill, which may read files in several
// ways, the files' names are to tell.
func (d *Set) rescuedByFlow(ctx context.Context, entry catalog.Table, how *rescuing, formatGiven bool) error {
	def, err := definitionOf(entry)
	if err != nil || def.Query == nil {
		return err
	}
	c, err := d.openCheckpoint(ctx, entry.Checkpoint)
	if err != nil {
		return err
	}
	leave, err := d.planner.EnterViews(entry.Text)
	if err != nil {
		return err
	}
	defer leave()
	var sources []*autoloader.Source
	for i, ref := range query.Streams(def.Query) {
		ref = d.planner.BeneathViews(ref)
		if call, ok := ref.(*sql.TableFunction); !ok || !query.IsReadFiles(call) {
			continue
		}
		src, err := d.openFiles(ctx, ref, c, i)
		if err != nil {
			return err
		}
		sources = append(sources, src)
	}
	how.computed = madeByQuery(def.Query)
	for _, view := range d.planner.ViewsOf(def.Query) {
		how.computed = append(how.computed, madeByQuery(view.Query)...)
		for _, c := range view.Columns {
			how.computed = append(how.computed, c.Name)
		}
	}
	switch {
	case formatGiven || len(sources) == 0:
		return nil
	case len(sources) > 1:
		return errclass.New("RESCUED_DATA_FORMAT_UNKNOWN", "42000",
			"%s has several streams, and which one a row came from cannot be told. Say how its values were read with OPTIONS ('format' = 'csv').", entry.Name)
	}
	set := sources[0].Files()
	how.source.Format = set.Name
	how.source.CaseSensitive = set.Options.Bool("readerCaseSensitive")
	how.source.Positional = set.Name == "csv" && !set.Options.Bool("header")
	if set.Options.Given("rescuedDataColumn") {
		how.column = set.Options.Text("rescuedDataColumn")
	}
	declared, err := ingest.Declared(set.Name, option.Set{})
	if err != nil {
		return err
	}
	for _, o := range declared {
		if set.Options.Given(o.Name) {
			how.source.Options[o.Name] = set.Options.Text(o.Name)
		}
	}
	return nil
}

// madeByQuery returns the columns that a query makes of others: a field of the
// same name in the files is not their value.
func madeByQuery(q *sql.Query) []string {
	sel, ok := q.Body.(*sql.Select)
	if !ok {
		return nil
	}
	var names []string
	for _, item := range sel.Items {
		c, plain := item.Expr.(*sql.Column)
		if item.Alias != "" && (!plain || !strings.EqualFold(c.Parts[len(c.Parts)-1], item.Alias)) {
			names = append(names, item.Alias)
		}
	}
	return names
}
