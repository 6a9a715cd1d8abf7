package materialized

import (
	"strings"

	"github.com/freshet/freshet/internal/sql"
)

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
			if volatile(n.Func()) {
				why = "calls " + n.Func() + ", which gives another value each time"
			}
		case *sql.Column:
			if name := strings.ToLower(n.Parts[0]); len(n.Parts) == 1 && volatile(name) {
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

// volatile reports whether the value of a function depends on more than its
// arguments.
func volatile(name string) bool { return sql.IsVolatile(name) || ofSession[name] }

// ofSession are the functions whose value depends on the session, or on where
// a row is read.
var ofSession = map[string]bool{
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
