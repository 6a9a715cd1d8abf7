package session

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// The ways to bring a view up to date, by Databricks' names of them.
const (
	recompute  = "MAINTENANCE_TYPE_COMPLETE_RECOMPUTE"
	noOp       = "MAINTENANCE_TYPE_NO_OP"
	appendOnly = "MAINTENANCE_TYPE_APPEND_ONLY"
	aggregate  = "MAINTENANCE_TYPE_GROUP_AGGREGATE"
)

// viewPlan is how a view is brought up to date.
type viewPlan struct {
	eventlog.Plan
	query  *sql.Query // that gives the rows; nil when there is nothing to do
	added  bool       // of the sources only the added files are read
	append bool       // the rows join those that are there
	anew   bool       // the table is laid out anew
}

// plan chooses the cheapest way that is certain to give the rows that a full
// refresh would.
func (v *viewRefresh) plan(ctx context.Context, full bool) (*viewPlan, error) {
	anew := func(why string) (*viewPlan, error) {
		return &viewPlan{Plan: eventlog.Plan{Technique: recompute, Why: why}, query: v.query, anew: true}, nil
	}
	switch {
	case v.base == nil:
		return anew("The view is new.")
	case full:
		return anew("A full refresh was asked for.")
	case v.unsteady != "":
		return anew("The query " + v.unsteady + ".")
	}
	if hash, _ := v.base.Property(definitionProperty); hash != v.hash {
		return anew("The definition has changed.")
	}
	if made, ok := v.base.TransactionVersion(viewApp); !ok || made != v.base.Version() {
		return anew("The table was changed by something else than a refresh.")
	}
	if !v.changed {
		return &viewPlan{Plan: eventlog.Plan{Technique: noOp, Why: "No table that the view reads has changed."}}, nil
	}
	if why := rowWise(v.query); why != "" {
		return v.planAggregate(ctx, why, anew)
	}
	why, err := v.appended(ctx)
	if err != nil {
		return nil, err
	}
	if why != "" {
		return anew(why)
	}
	return &viewPlan{Plan: eventlog.Plan{Technique: appendOnly}, query: v.query, added: true, append: true}, nil
}

// planAggregate plans the refresh of a view that is not computed row by row;
// why says what makes it so.
func (v *viewRefresh) planAggregate(ctx context.Context, why string, anew func(string) (*viewPlan, error)) (*viewPlan, error) {
	merged, refused := v.mergeQuery()
	if refused != "" {
		return anew("The query " + why + "; " + refused + ".")
	}
	gone, err := v.appended(ctx)
	if err != nil {
		return nil, err
	}
	if gone != "" {
		return anew(gone)
	}
	q, err := sql.ParseQuery(merged)
	if err != nil {
		return nil, err
	}
	return &viewPlan{Plan: eventlog.Plan{Technique: aggregate}, query: q, added: true}, nil
}

// appended finds the files that were added to the sources since the view's
// last refresh. why says why the view cannot do with these alone.
func (v *viewRefresh) appended(ctx context.Context) (why string, err error) {
	for _, name := range sortedKeys(v.sources) {
		src := v.sources[name]
		if src.old < 0 {
			return name + " is another table than before.", nil
		}
		before, err := src.target.table.SnapshotAt(ctx, src.old)
		if err != nil {
			if errors.Is(err, context.Canceled) {
				return "", err
			}
			return name + " has forgotten the version that the view was computed from.", nil
		}
		if !schema.Equal(before.Schema(), src.snap.Schema()) {
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
func (src *viewSource) compare(ctx context.Context, before *delta.Snapshot) (why string, err error) {
	old := map[string]string{} // deletion vectors by path
	for f, err := range before.Files(ctx) {
		if err != nil {
			return "", err
		}
		old[f.Path] = f.DeletionVector.UniqueID()
	}
	kept := 0
	for f, err := range src.snap.Files(ctx) {
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
	src.added = func(f delta.AddFile) bool {
		_, known := old[f.Path]
		return !known
	}
	return "", nil
}

// unsteady says why a query may give other rows from the same tables, or "".
func unsteady(q *sql.Query) string {
	why := ""
	sql.Inspect(q, func(n sql.Node) bool {
		switch n := n.(type) {
		case *sql.TableFunction:
			if !steadyTables[strings.ToLower(n.Name.Parts[len(n.Name.Parts)-1])] {
				why = "reads " + n.Name.String()
			}
		case *sql.Table:
			if format, _, path := n.Name.Path(); path && format != "delta" {
				why = "reads files"
			}
		case *sql.StatementTable:
			why = "reads the result of a statement"
		case *sql.Sample:
			why = "takes a sample"
		case *sql.FunctionCall:
			if unsteadyCalls[n.Func()] || slices.Contains(unsteadyFunctions, n.Func()) {
				why = "calls " + n.Func() + ", which gives another value each time"
			}
		case *sql.Column:
			if name := strings.ToLower(n.Parts[0]); len(n.Parts) == 1 && (unsteadyCalls[name] || slices.Contains(unsteadyFunctions, name)) {
				why = "may call " + name + ", which gives another value each time"
			}
		}
		return why == ""
	})
	return why
}

// steadyTables are the table functions whose rows depend on nothing but their
// arguments.
var steadyTables = map[string]bool{
	"range": true, "explode": true, "explode_outer": true, "posexplode": true, "posexplode_outer": true,
	"inline": true, "inline_outer": true, "stack": true, "json_tuple": true, "variant_explode": true, "variant_explode_outer": true,
}

// unsteadyCalls are the functions besides unsteadyFunctions whose value
// depends on more than their arguments.
var unsteadyCalls = map[string]bool{
	"curdate": true, "localtimestamp": true, "current_time": true, "unix_timestamp": true, "to_unix_timestamp": true,
	"session_user": true, "user": true, "current_catalog": true, "current_schema": true, "current_database": true, "version": true,
	"input_file_name": true, "spark_partition_id": true, "current_timezone": true,
}

// rowWise says why the rows of a query are not those of its tables, each
// computed by itself; "" is that they are, so that rows added to a table are
// rows added to the result.
func rowWise(q *sql.Query) string {
	switch {
	case q.With != nil:
		return "has common table expressions"
	case len(q.OrderBy)+len(q.SortBy)+len(q.DistributeBy)+len(q.ClusterBy) > 0, q.OrderByAll, q.Limit != nil, q.Offset != nil:
		return "orders or limits its rows"
	}
	return rowWiseBody(q.Body)
}

func rowWiseBody(body sql.QueryBody) string {
	switch body := body.(type) {
	case *sql.Query:
		return rowWise(body)
	case *sql.SetOperation:
		if body.Kind != "UNION" || !body.All {
			return "has a " + body.Kind + " other than UNION ALL"
		}
		if why := rowWiseBody(body.Left); why != "" {
			return why
		}
		return rowWiseBody(body.Right)
	case *sql.Select:
		switch {
		case body.GroupBy != nil || body.Having != nil:
			return "groups rows"
		case body.Distinct:
			return "is DISTINCT"
		case body.Qualify != nil || len(body.Windows) > 0:
			return "has window functions"
		}
		return rowWiseSelect(body)
	}
	return "has rows of its own"
}

// rowWiseSelect looks at what a SELECT reads and computes.
func rowWiseSelect(sel *sql.Select) string {
	if why := oneRelation(sel); why != "" {
		return why
	}
	for _, item := range sel.Items {
		if why := rowExpression(item.Expr, false); why != "" {
			return why
		}
	}
	return ""
}

// oneRelation says why a SELECT reads other things than the rows of one table,
// filtered.
func oneRelation(sel *sql.Select) string {
	if len(sel.From) != 1 || len(sel.LateralViews) > 0 {
		return "reads other than one table"
	}
	if sel.Where != nil {
		if why := rowExpression(sel.Where, false); why != "" {
			return why
		}
	}
	switch from := sel.From[0].(type) {
	case *sql.Table:
		if from.TimeTravel != nil {
			return "reads a table of another time"
		}
		return ""
	case *sql.Subquery:
		if from.Lateral {
			return "has a lateral subquery"
		}
		return rowWise(from.Query)
	}
	return "joins tables"
}

// rowExpression says why an expression depends on more than one row.
// Aggregates are allowed when grouped is set.
func rowExpression(e sql.Expr, grouped bool) string {
	why := ""
	sql.Inspect(e, func(n sql.Node) bool {
		switch n := n.(type) {
		case *sql.Query:
			why = "has subqueries"
		case *sql.FunctionCall:
			switch {
			case n.Over != nil:
				why = "has window functions"
			case !grouped && sql.IsAggregate(n):
				why = "aggregates rows"
			}
		}
		return why == ""
	})
	return why
}

// merges are the aggregates of which that of all rows follows from those of
// some and of the others, and by which aggregate it does.
var merges = map[string]string{"count": "sum", "count_if": "sum", "sum": "sum", "min": "min", "max": "max"}

// mergeQuery returns the query that brings aggregates up to date: those of the
// added rows and those that are there, aggregated again. why says that the
// aggregates do not allow it.
func (v *viewRefresh) mergeQuery() (text, why string) {
	sel, ok := v.query.Body.(*sql.Select)
	if !ok || v.query.With != nil || len(v.query.OrderBy) > 0 || v.query.OrderByAll || v.query.Limit != nil || v.query.Offset != nil ||
		sel.Having != nil || sel.Distinct || sel.Qualify != nil || len(sel.Windows) > 0 {
		return "", "only aggregates with GROUP BY alone are merged"
	}
	if why := oneRelation(sel); why != "" {
		return "", "it " + why
	}
	if len(v.def.Columns) > 0 || slices.ContainsFunc(v.expect.rules, func(e expectation) bool { return e.drop }) {
		return "", "columns that are declared, and rows that are dropped, are not merged"
	}
	fields := v.base.Schema().Fields
	if len(fields) != len(sel.Items) {
		return "", "its columns are not those of its select list"
	}
	keys, why := v.groupKeys(sel)
	if why != "" {
		return "", why
	}
	items := make([]string, len(sel.Items))
	var groups []string
	for i, item := range sel.Items {
		column := schema.QuoteIdent(fields[i].Name)
		if keys[i] {
			items[i] = column
			groups = append(groups, column)
			continue
		}
		call, ok := item.Expr.(*sql.FunctionCall)
		if !ok || call.Distinct || call.Over != nil || merges[call.Func()] == "" || !sql.IsAggregate(call) {
			return "", item.Expr.String() + " is neither a key nor a count, sum, min or max"
		}
		if why := rowExpression(call, true); why != "" {
			return "", "it " + why
		}
		if t := fields[i].Type; call.Func() == "sum" && (t == schema.Double || t == schema.Float) {
			return "", "sums of floating point numbers depend on the order of rows"
		}
		items[i] = "CAST(" + merges[call.Func()] + "(" + column + ") AS " + fields[i].Type.String() + ") AS " + column
	}
	there := (&sql.Name{Parts: []string{"delta", v.target.location}, Quoted: true}).String() + " VERSION AS OF " + strconv.FormatInt(v.base.Version(), 10)
	text = "SELECT " + strings.Join(items, ", ") + " FROM (SELECT * FROM " + there + " UNION ALL (" + v.query.String() + "))"
	if len(groups) > 0 {
		text += " GROUP BY " + strings.Join(groups, ", ")
	}
	return text, ""
}

// groupKeys returns which items of a select list are keys of its groups. All
// keys must be there, as groups could not be told apart without.
func (v *viewRefresh) groupKeys(sel *sql.Select) (keys []bool, why string) {
	keys = make([]bool, len(sel.Items))
	if sel.GroupBy == nil {
		return keys, ""
	}
	if sel.GroupBy.All {
		for i, item := range sel.Items {
			call, ok := item.Expr.(*sql.FunctionCall)
			keys[i] = !ok || !sql.IsAggregate(call)
			if keys[i] && rowExpression(item.Expr, false) != "" {
				return nil, item.Expr.String() + " is neither a key nor an aggregate"
			}
		}
		return keys, ""
	}
	for _, g := range sel.GroupBy.Items {
		i := v.itemOf(sel, g)
		if i < 0 {
			return nil, "the key " + g.String() + " is not among its columns"
		}
		keys[i] = true
	}
	return keys, ""
}

// itemOf returns the item of a select list that a key of GROUP BY is, or -1.
func (v *viewRefresh) itemOf(sel *sql.Select, g sql.Expr) int {
	if l, ok := g.(*sql.Literal); ok {
		if n, err := strconv.Atoi(l.Value); err == nil && l.Kind == sql.IntegerLiteral && n >= 1 && n <= len(sel.Items) {
			return n - 1
		}
		return -1
	}
	c, isColumn := g.(*sql.Column)
	for i, item := range sel.Items {
		if item.Expr.String() == g.String() {
			return i
		}
		// A name is that of a column before it is that of an item.
		if isColumn && len(c.Parts) == 1 && strings.EqualFold(item.Alias, c.Parts[0]) && v.hasNoColumn(sel, c.Parts[0]) {
			return i
		}
	}
	return -1
}

// hasNoColumn reports whether the table that sel reads is known to have no
// column of a name.
func (v *viewRefresh) hasNoColumn(sel *sql.Select, name string) bool {
	t, ok := sel.From[0].(*sql.Table)
	if !ok {
		return false
	}
	src, ok := v.sources[t.Name.String()]
	return ok && src.snap.Schema().Index(name) < 0
}
