package session

import (
	"context"
	"encoding/json"
	"maps"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/checkpoint"
	"github.com/freshet/freshet/schema"
)

// viewSource is a temporary view over one stream that is read as a stream: the
// rows of each batch are those that the view makes of it, checked by the
// view's expectations.
type viewSource struct {
	sourceWithSchema // that the view reads
	session          *Session
	view             *sql.CreateView
}

var (
	_ stream.Watcher = (*viewSource)(nil)
	_ stream.Settler = (*viewSource)(nil)
)

// openViewSource opens the source of STREAM view.
func (s *Session) openViewSource(ctx context.Context, ref *sql.Table, view *sql.CreateView, c *checkpoint.Checkpoint, number int, want scan) (sourceWithSchema, error) {
	refs := streams(view.Query)
	switch {
	case ref.TimeTravel != nil || ref.Sample != nil || len(ref.Options) > 0:
		return nil, unsupported("options of a stream of a view; give them to the stream in the view", ref.String())
	case len(refs) == 0:
		return nil, errclass.New("UNSUPPORTED_STREAMING_OPERATION", "0A000",
			"%s: the query of the view reads no stream; write STREAM before a relation in it, or leave STREAM out here.", ref)
	case len(refs) > 1:
		return nil, unsupported("a stream of a view over several streams; give the table a flow for each", ref.String())
	}
	inner := wanted(view.Query)
	inner.sample = want.sample
	src, err := s.openSource(ctx, refs[0], c, number, inner)
	if err != nil {
		return nil, err
	}
	return &viewSource{sourceWithSchema: src, session: s, view: view}, nil
}

// Schema implements [sourceWithSchema].
func (v *viewSource) Schema(ctx context.Context) (*schema.Struct, error) {
	return resultColumns(ctx, []sourceWithSchema{v.sourceWithSchema}, func(none []*ingest.Relation) (*ingest.Relation, error) {
		return v.rows(ctx, none[0])
	})
}

// Read implements [stream.Source].
func (v *viewSource) Read(ctx context.Context, start, end json.RawMessage) (*ingest.Relation, error) {
	rows, err := v.sourceWithSchema.Read(ctx, start, end)
	if err != nil {
		return nil, err
	}
	return v.rows(ctx, rows)
}

// rows runs the view's query over rows of its stream.
func (v *viewSource) rows(ctx context.Context, rows *ingest.Relation) (*ingest.Relation, error) {
	out, err := v.session.queryStreamsText(ctx, v.view.Query.String(), []*ingest.Relation{rows})
	if err != nil {
		return nil, err
	}
	return v.session.checked(v.view, out)
}

// Watch implements [stream.Watcher].
func (v *viewSource) Watch(ctx context.Context) (stop func() error, err error) {
	if w, ok := v.sourceWithSchema.(stream.Watcher); ok {
		return w.Watch(ctx)
	}
	return func() error { return nil }, nil
}

// Ready implements [stream.Watcher].
func (v *viewSource) Ready() <-chan struct{} {
	if w, ok := v.sourceWithSchema.(stream.Watcher); ok {
		return w.Ready()
	}
	return nil
}

// Unwatched implements [stream.Watcher].
func (v *viewSource) Unwatched() error {
	if w, ok := v.sourceWithSchema.(stream.Watcher); ok {
		return w.Unwatched()
	}
	return nil
}

// Settle implements [stream.Settler].
func (v *viewSource) Settle(ctx context.Context) error {
	if settler, ok := v.sourceWithSchema.(stream.Settler); ok {
		return settler.Settle(ctx)
	}
	return nil
}

// beneath returns the source below the views over it.
func beneath(src sourceWithSchema) sourceWithSchema {
	for {
		v, ok := src.(*viewSource)
		if !ok {
			return src
		}
		src = v.sourceWithSchema
	}
}

// beneathViews returns the stream below the temporary views over it.
func (s *Session) beneathViews(ref sql.TableRef) sql.TableRef {
	for range maxViewDepth {
		t, ok := ref.(*sql.Table)
		if !ok {
			return ref
		}
		view := s.temporaryView(t.Name)
		if view == nil {
			return ref
		}
		refs := streams(view.Query)
		if len(refs) != 1 {
			return ref
		}
		ref = refs[0]
	}
	return ref
}

// temporaryView returns the temporary view that a name is of, nil for none.
func (s *Session) temporaryView(n *sql.Name) *sql.CreateView {
	if len(n.Parts) != 1 {
		return nil
	}
	return s.tempView[strings.ToLower(n.Parts[0])]
}

// checkedView returns the temporary view with expectations that a table of a
// query is, nil for none. Such a view is not part of the query that reads it:
// its rows are made, and checked, before.
func (s *Session) checkedView(t *sql.Table) *sql.CreateView {
	if t.TimeTravel != nil {
		return nil
	}
	if view := s.temporaryView(t.Name); view != nil && len(view.Constraints) > 0 {
		return view
	}
	return nil
}

// viewRows returns the rows of a view with expectations, checked.
func (s *Session) viewRows(ctx context.Context, view *sql.CreateView) (*ingest.Relation, error) {
	// Parsed anew, since planning changes the tree.
	q, err := sql.ParseQuery(view.Query.String())
	if err != nil {
		return nil, err
	}
	rows, err := s.query(ctx, q)
	if err != nil {
		return nil, err
	}
	return s.checked(view, rows)
}

// checked gives rows the names of a view's columns, and has its expectations
// check them. A refresh counts what they find.
func (s *Session) checked(view *sql.CreateView, rows *ingest.Relation) (*ingest.Relation, error) {
	if len(view.Columns) > 0 {
		names := make([]string, len(view.Columns))
		for i, c := range view.Columns {
			names[i] = c.Name
		}
		if len(names) != len(rows.Schema.Fields) {
			rows.Close()
			return nil, viewArity(view, len(rows.Schema.Fields))
		}
		rows = rows.Rename(names)
	}
	name := view.Name.Parts[len(view.Name.Parts)-1]
	e := s.expectations(name, name, view.Constraints)
	if s.viewChecks != nil {
		s.viewChecks.of = append(s.viewChecks.of, e)
	}
	return e.check(rows)
}

// viewChecks are the expectations of views that have checked rows since they
// were asked last.
type viewChecks struct {
	of []*expectations
}

// counts returns what became of the rows, and begins anew.
func (c *viewChecks) counts() eventlog.Quality {
	var all eventlog.Quality
	for _, e := range c.of {
		all.Add(e.counts())
	}
	c.of = nil
	return all
}

// viewsOf returns the temporary views that a query reads, each once and after
// those that it reads itself.
func (s *Session) viewsOf(q *sql.Query) []*sql.CreateView {
	var views []*sql.CreateView
	seen := map[*sql.CreateView]bool{}
	var visit func(q *sql.Query)
	visit = func(q *sql.Query) {
		local := commonTables(q)
		sql.Inspect(q, func(n sql.Node) bool {
			t, ok := n.(*sql.Table)
			if !ok || len(t.Name.Parts) == 1 && local[strings.ToLower(t.Name.Parts[0])] {
				return true
			}
			if view := s.temporaryView(t.Name); view != nil && !seen[view] {
				seen[view] = true
				visit(view.Query)
				views = append(views, view)
			}
			return true
		})
	}
	if q != nil {
		visit(q)
	}
	return views
}

// withViews returns the text of a definition followed by the temporary views
// that its query reads, so that it can be refreshed wherever they are not.
func (s *Session) withViews(text string, q *sql.Query) string {
	for _, view := range s.viewsOf(q) {
		v := *view
		v.OrReplace, v.IfNotExists = true, false
		text += ";\n" + v.String()
	}
	return text
}

// viewsFirst puts the temporary views of a definition's text before it, so that
// it can be run as it stands.
func viewsFirst(text string) string {
	statements, err := sql.Parse(text)
	if err != nil || len(statements) < 2 {
		return text
	}
	var all strings.Builder
	for _, view := range statements[1:] {
		all.WriteString(view.String() + ";\n")
	}
	return all.String() + statements[0].String()
}

// enter lets the temporary views that are part of a definition's text be those
// of the session, until leave is called.
func (s *Session) enter(text string) (leave func(), err error) {
	statements, err := sql.Parse(text)
	if err != nil {
		return nil, err
	}
	outer := s.tempView
	inner := maps.Clone(outer)
	for _, stmt := range statements[1:] {
		if view, ok := stmt.(*sql.CreateView); ok {
			inner[strings.ToLower(view.Name.Parts[0])] = view
		}
	}
	s.tempView = inner
	return func() { s.tempView = outer }, nil
}
