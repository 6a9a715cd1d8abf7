package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os/user"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/place"
	"github.com/freshet/freshet/internal/pushdown"
	"github.com/freshet/freshet/internal/source/files"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// Query plans a query. SELECT * of one relation is that relation; anything
// else runs in the engine over the relations it names. Planning changes q.
func (p *Planner) Query(ctx context.Context, q *sql.Query) (*ingest.Relation, error) {
	return p.plan(ctx, q, 0, p.Printer)
}

// PlainQuery plans a query whose batches the engine can take.
func (p *Planner) PlainQuery(ctx context.Context, q *sql.Query) (*ingest.Relation, error) {
	rows, err := p.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	read, layout := rows.Read, schema.ToArrow(rows.Schema)
	rows.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return conform.PlainRows(read(ctx), layout)
	}
	return rows, nil
}

// QueryPinned is query over snapshots of tables that pins chooses.
func (p *Planner) QueryPinned(ctx context.Context, q *sql.Query, pins func(*sql.Table) Pin) (*ingest.Relation, error) {
	p.pinned = pins
	defer func() { p.pinned = nil }()
	return p.Query(ctx, q)
}

// Shown is query for a result that is shown and not stored: its columns may be
// intervals, as text.
func (p *Planner) Shown(ctx context.Context, q *sql.Query) (*ingest.Relation, error) {
	return p.plan(ctx, q, 0, func(relations sql.Relations) *sql.Printer {
		p := p.Printer(relations)
		p.ShowIntervals = true
		return p
	})
}

// plan plans a query. When sample is not 0, schemas of files are inferred from
// so many bytes, and reading may give [ingest.ErrSpeculation]; see there.
func (p *Planner) plan(ctx context.Context, q *sql.Query, sample int64, printer func(sql.Relations) *sql.Printer) (*ingest.Relation, error) {
	views, err := p.expandedViews(ctx, q)
	if err != nil {
		return nil, err
	}
	if ref, ok := sql.PlainScan(q); ok {
		return p.relation(ctx, ref, Scan{Sample: sample})
	}
	b := p.binder(ctx, q)
	b.want.Sample = sample
	if b.want.Metadata {
		p.hideMetadata(ctx, q, b.want.rowMetadata)
	}
	printed, err := printer(b).Print(q)
	var unresolved *sql.Error
	if errors.As(err, &unresolved) && strings.HasPrefix(unresolved.Class, "UNRESOLVED_COLUMN") && b.want.Columns != nil {
		// Once more with all columns, which the error is to suggest.
		b.want.Columns = nil
		_, err = printer(b).Print(q)
	}
	if err != nil {
		return nil, place.InView(q, views, p.Text, err)
	}
	return p.runPrinted(ctx, q, printed, b.inputs)
}

// runPrinted runs a query that is printed. Its errors say where in the running
// text they come from, as far as that is known.
func (p *Planner) runPrinted(ctx context.Context, q *sql.Query, printed *sql.Printed, inputs []engine.Input) (*ingest.Relation, error) {
	rows, err := p.runText(ctx, printed.Text, inputs)
	if err != nil {
		return nil, place.Engine(q, printed, p.Text, err)
	}
	read := rows.Read
	rows.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			for rec, err := range read(ctx) {
				if !yield(rec, place.Engine(q, printed, p.Text, err)) {
					return
				}
			}
		}
	}
	return rows, nil
}

// Printer returns what writes queries over these relations for the engine.
func (p *Planner) Printer(relations sql.Relations) *sql.Printer {
	name := ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return &sql.Printer{Relations: relations, Values: map[string]string{
		"current_catalog": p.Current.Catalog, "current_schema": p.Current.Schema, "current_database": p.Current.Schema,
		"current_user": name, "session_user": name, "user": name, "version": p.Version,
	}}
}

// runText runs a query of the engine's dialect.
func (p *Planner) runText(ctx context.Context, text string, inputs []engine.Input) (*ingest.Relation, error) {
	eng, err := p.Engine()
	if err != nil {
		return nil, err
	}
	reader, err := eng.InZone(p.TimeZone().String()).Query(ctx, text, inputs)
	if err != nil {
		return nil, err
	}
	return ingest.Results(reader)
}

// Binder gives the engine the relations of a query as inputs.
type Binder struct {
	ctx     context.Context // that of the one query being printed
	planner *Planner
	want    Scan
	sites   pushdown.Sites
	inputs  []engine.Input
	scans   []skipping // of Delta tables, in the order of inputs
}

func (p *Planner) binder(ctx context.Context, q *sql.Query) *Binder {
	return &Binder{ctx: ctx, planner: p, want: Wanted(q), sites: pushdown.Find(q)}
}

// Bind puts the queries of views in the place of their names, and returns what
// gives the engine the relations of a query. Planning changes q.
func (p *Planner) Bind(ctx context.Context, q *sql.Query) (*Binder, error) {
	if err := p.ExpandViews(ctx, q); err != nil {
		return nil, err
	}
	return p.binder(ctx, q), nil
}

// Relation implements [sql.Relations].
func (b *Binder) Relation(ref sql.TableRef) (string, *schema.Struct, error) {
	var rows *ingest.Relation
	var err error
	if t, ok := ref.(*sql.StatementTable); ok {
		rows, err = b.planner.Statement(b.ctx, t.Statement)
	} else {
		want := b.want
		want.Site = b.sites[ref]
		want.scanned = func(k skipping) { b.scans = append(b.scans, k) }
		rows, err = b.planner.relation(b.ctx, ref, want)
	}
	if err != nil {
		return "", nil, err
	}
	return b.input(rows), rows.Schema, nil
}

// Inputs returns the relations that were asked for.
func (b *Binder) Inputs() []engine.Input { return b.inputs }

func (b *Binder) input(rows *ingest.Relation) string {
	name := fmt.Sprintf("input_%d", len(b.inputs))
	b.inputs = append(b.inputs, Input(name, rows))
	return name
}

// Input makes rows an input of the engine.
func Input(name string, rows *ingest.Relation) engine.Input {
	layout := schema.ToArrow(rows.Schema)
	return engine.Input{
		Name: name, Schema: layout,
		Open: func(ctx context.Context) (array.RecordReader, error) {
			return engine.NewReader(ctx, layout, func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
				return conform.PlainRows(rows.Read(ctx), layout)
			}), nil
		},
	}
}

// Scan says what a query needs of a relation.
type Scan struct {
	Columns  map[string]bool // lower-case names of columns mentioned; nil is all
	Metadata bool            // _metadata is mentioned
	// rowMetadata is whether it may be that of Delta tables: a query that reads
	// files too means theirs.
	rowMetadata bool
	// Sample is how many bytes of files schemas are inferred from; 0 is all.
	Sample int64
	// Site has the conditions on the rows, nil for none.
	Site *pushdown.Site
	// scanned, when set, is told of the scan of a Delta table.
	scanned func(skipping)
}

// Wanted finds the columns that q mentions anywhere, under any relation's
// name: too many at most.
func Wanted(q *sql.Query) Scan {
	names, all := sql.ColumnNames(q)
	want := Scan{Metadata: names[files.MetadataColumn]}
	want.rowMetadata = want.Metadata && !readsFiles(q)
	if !all {
		want.Columns = names
	}
	return want
}

// readsFiles reports whether a query names files.
func readsFiles(q *sql.Query) bool {
	found := false
	sql.Inspect(q, func(n sql.Node) bool {
		switch n := n.(type) {
		case *sql.TableFunction:
			found = found || IsReadFiles(n)
		case *sql.Table:
			format, _, path := n.Name.Path()
			found = found || path && format != "delta"
		}
		return !found
	})
	return found
}

// Pick returns the columns of s that the query needs, at least one.
func (w Scan) Pick(s *schema.Struct) []string {
	if w.Columns == nil {
		return nil
	}
	var names []string
	for _, f := range s.Fields {
		if w.Columns[strings.ToLower(f.Name)] {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 && len(s.Fields) > 0 {
		names = []string{cheapest(s)}
	}
	return names
}

// cheapest returns the column to read when only rows are counted.
func cheapest(s *schema.Struct) string {
	for _, f := range s.Fields {
		switch f.Type {
		case schema.Boolean, schema.Byte, schema.Short, schema.Integer, schema.Long, schema.Date, schema.Double, schema.Timestamp:
			return f.Name
		}
	}
	return s.Fields[0].Name
}

// hideMetadata keeps the column _metadata out of every * over files, or over
// tables where it may be theirs.
func (p *Planner) hideMetadata(ctx context.Context, q *sql.Query, tables bool) {
	common := map[string]bool{}
	sql.Inspect(q, func(n sql.Node) bool {
		if with, ok := n.(*sql.With); ok {
			for _, t := range with.Tables {
				common[strings.ToLower(t.Name)] = true
			}
		}
		return true
	})
	sql.Inspect(q, func(n sql.Node) bool {
		sel, ok := n.(*sql.Select)
		if !ok {
			return true
		}
		overFiles := false
		for _, ref := range sel.From {
			sql.Inspect(ref, func(n sql.Node) bool {
				switch n := n.(type) {
				case *sql.TableFunction:
					overFiles = overFiles || IsReadFiles(n)
				case *sql.Table:
					format, _, path := n.Name.Path()
					overFiles = overFiles || path && format != "delta" || tables && p.hasMetadata(ctx, n, common)
				case *sql.Subquery:
					return false
				}
				return true
			})
		}
		for _, item := range sel.Items {
			if star, ok := item.Expr.(*sql.Star); ok && overFiles {
				star.Except = append(star.Except, &sql.Column{Parts: []string{files.MetadataColumn}})
			}
		}
		return true
	})
}

// Constant evaluates an expression that names no columns, as text.
func (p *Planner) Constant(ctx context.Context, e sql.Expr) (string, error) {
	if lit, ok := e.(*sql.Literal); ok && lit.Kind != sql.NullLiteral {
		return lit.Value, nil
	}
	text, err := p.Printer(nil).Expr(&sql.Cast{X: e, Type: &sql.TypeName{Type: schema.String}})
	if err != nil {
		return "", err
	}
	rows, err := p.runText(ctx, "SELECT "+text, nil)
	if err != nil {
		return "", err
	}
	value, found := "", false
	for rec, err := range rows.Read(ctx) {
		if err != nil {
			return "", err
		}
		if col, ok := rec.Column(0).(*array.String); ok && rec.NumRows() > 0 && col.IsValid(0) {
			value, found = strings.Clone(col.Value(0)), true
		}
	}
	if !found {
		return "", errclass.New("INVALID_PARAMETER_VALUE.NULL", "22023", "The constant expression %s is NULL.", e)
	}
	return value, nil
}

// Stage writes the rows of a query as data files of a table whose metadata
// lay out gives for the query's columns. Files whose schema has to be found
// are read once, if their first rows tell it.
func (p *Planner) Stage(
	ctx context.Context, t *workspace.Table, q *sql.Query,
	layOut func(rows *ingest.Relation) (delta.Metadata, *ingest.Relation, error),
) (delta.Metadata, *ingest.Staged, error) {
	text := q.String()
	for sample := p.Sample; ; sample = 0 {
		rows, err := p.plan(ctx, q, sample, p.Printer)
		if err != nil {
			return delta.Metadata{}, nil, err
		}
		meta, laidOut, err := layOut(rows)
		if err != nil {
			rows.Close()
			return delta.Metadata{}, nil, err
		}
		staged, err := ingest.Stage(ctx, t.Store, meta, laidOut.Read(ctx), p.LoadEnv())
		if sample > 0 && errors.Is(err, ingest.ErrSpeculation) {
			p.Progress.Restart()
			// Parsed anew, since planning has changed the tree.
			if q, err = sql.ParseQuery(text); err != nil {
				return delta.Metadata{}, nil, err
			}
			continue
		}
		return meta, staged, err
	}
}
