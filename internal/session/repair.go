package session

import (
	"context"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/rescue"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/schema"
)

// repairRescued runs REPAIR TABLE name RESCUED DATA: rescued values go to the
// columns that can hold them by now, as the reader of their files would have
// read them, in one commit and without those files.
func (s *Session) repairRescued(ctx context.Context, stmt *sql.RepairRescued) (*Result, error) {
	t, base, err := s.newest(ctx, stmt.Table)
	if err != nil {
		return nil, err
	}
	if err := base.CheckWrite(); err != nil {
		return nil, wrap(t.name, err)
	}
	given, err := properties(stmt.Options)
	if err != nil {
		return nil, err
	}
	r := rescue.Repair{
		Table: t.table, Storage: t.store, Base: base, DryRun: stmt.DryRun,
		Writer: delta.WriterConfig{Parallelism: s.cfg.Parallelism, Clock: s.cfg.Clock, NewID: s.cfg.NewID, Evaluator: s.rules},
	}
	how, err := s.rescuedFrom(ctx, t, base, given)
	if err != nil {
		return nil, err
	}
	r.Source, r.Column, r.Computed = how.source, how.column, how.computed
	for _, c := range stmt.Columns {
		r.Columns = append(r.Columns, strings.Join(c.Parts, "."))
	}
	done, err := r.Run(ctx)
	if err != nil {
		return nil, wrap(t.name, err)
	}
	out := newTable(schema.Col("num_affected_rows", schema.Long), schema.Col("num_repaired_values", schema.Long), schema.Col("num_remaining", schema.Long))
	out.add(done.Rows, done.Values, done.Remaining)
	return out.result(), nil
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
func (s *Session) rescuedFrom(ctx context.Context, t *target, base *delta.Snapshot, given map[string]string) (rescuing, error) {
	how := rescuing{source: rescue.Source{Options: map[string]string{}, CaseSensitive: true, TimeZone: s.timeZone()}, column: ingest.DefaultRescued}
	if t.entry != nil && t.entry.Kind == catalog.KindStreamingTable {
		if err := s.rescuedByFlow(ctx, *t.entry, &how, given["format"] != ""); err != nil {
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
			"%s has no column %s of type STRING, and so no rescued data. If the column has another name, say OPTIONS ('rescuedDataColumn' = 'name').", t.name, schema.QuoteIdent(how.column))
	}
	how.column = base.Schema().Fields[at].Name
	if how.source.Format == "" {
		var err error
		if how.source.Format, err = rescue.FormatOf(ctx, base, how.column); err != nil {
			return how, wrap(t.name, err)
		}
	}
	return how, nil
}

// rescuedByFlow takes over how the flow of a streaming table reads its files.
func (s *Session) rescuedByFlow(ctx context.Context, entry catalog.Table, how *rescuing, formatGiven bool) error {
	def, err := definition(entry)
	if err != nil {
		return err
	}
	c, err := s.openCheckpoint(ctx, entry.Checkpoint)
	if err != nil {
		return err
	}
	leave, err := s.enter(entry.Text)
	if err != nil {
		return err
	}
	defer leave()
	var sources []*autoloader.Source
	for i, ref := range streams(def.Query) {
		ref = s.beneathViews(ref)
		if call, ok := ref.(*sql.TableFunction); !ok || !isReadFiles(call) {
			continue
		}
		src, err := s.openFiles(ctx, ref, c, i)
		if err != nil {
			return err
		}
		sources = append(sources, src)
	}
	how.computed = madeByQuery(def.Query)
	for _, view := range s.viewsOf(def.Query) {
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
