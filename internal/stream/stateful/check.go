package stateful

import (
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
)

// unsupported refuses what a query over streams may not have.
func unsupported(format string, args ...any) error {
	return errclass.New("UNSUPPORTED_STREAMING_OPERATION", "0A000", format, args...)
}

// checker knows which parts of a query read streams.
type checker struct {
	common map[string]bool // lower-case names of common tables that do
	err    error
}

func newChecker(q *sql.Query) *checker {
	c := &checker{common: map[string]bool{}}
	// Tables may name earlier ones, in any order of nesting.
	for before := -1; before != len(c.common); {
		before = len(c.common)
		sql.Inspect(q, func(n sql.Node) bool {
			if t, ok := n.(*sql.CommonTable); ok && c.streams(t.Query) {
				c.common[strings.ToLower(t.Name)] = true
			}
			return true
		})
	}
	return c
}

// streams reports whether some part of a query reads a stream.
func (c *checker) streams(n sql.Node) bool {
	found := false
	sql.Inspect(n, func(n sql.Node) bool {
		switch n := n.(type) {
		case *sql.Table:
			named := len(n.Name.Parts) == 1 && c.common[strings.ToLower(n.Name.Parts[0])]
			found = found || n.Stream || named
		case *sql.TableFunction:
			found = found || n.Stream
		}
		return !found
	})
	return found
}

func (c *checker) refuse(what string) {
	if c.err == nil {
		c.err = unsupported("%s over a stream need state that this version does not keep. Load the rows as they are, and compute that in a view over the table.", what)
	}
}

// check refuses what, run batch by batch, would give other rows than it says.
// top is the SELECT whose state is kept; nil when there is none.
func (c *checker) check(n sql.Node, top *sql.Select) error {
	sql.Inspect(n, func(n sql.Node) bool {
		switch n := n.(type) {
		case *sql.Query:
			if !c.streams(n) {
				return false
			}
			if len(n.OrderBy)+len(n.SortBy) > 0 || n.Limit != nil || n.Offset != nil {
				c.refuse("ORDER BY, LIMIT and OFFSET")
			}
		case *sql.Select:
			c.selection(n, top)
		case *sql.SetOperation:
			if n.Kind != "UNION" || !n.All {
				c.refuse(n.Kind + " other than UNION ALL")
			}
		case *sql.FunctionCall:
			if n.Over != nil {
				c.refuse("window functions")
			} else if sql.IsAggregate(n) && top == nil {
				c.refuse("aggregates")
			}
		case *sql.Join:
			c.join(n)
		case *sql.Pivot:
			c.refuse("PIVOT")
		case *sql.In:
			c.subquery(n.Query)
		case *sql.Exists:
			c.subquery(n.Query)
		case *sql.ScalarSubquery:
			c.subquery(n.Query)
		}
		return c.err == nil
	})
	return c.err
}

func (c *checker) selection(n, top *sql.Select) {
	switch {
	case n.Qualify != nil || len(n.Windows) > 0:
		c.refuse("window functions")
	case n == top:
	case n.GroupBy != nil || n.Having != nil:
		c.refuse("GROUP BY in a subquery")
	case n.Distinct:
		c.refuse("DISTINCT in a subquery")
	case aggregates(n):
		c.refuse("aggregates in a subquery")
	}
	reading := 0
	for _, ref := range n.From {
		if c.streams(ref) {
			reading++
		}
	}
	if reading > 1 {
		c.refuse("joins of two streams")
	}
}

// aggregates reports whether a SELECT computes aggregates of its rows.
func aggregates(n *sql.Select) bool {
	found := false
	for _, item := range n.Items {
		sql.Inspect(item, func(n sql.Node) bool {
			switch n := n.(type) {
			case *sql.Query:
				return false
			case *sql.FunctionCall:
				found = found || sql.IsAggregate(n)
			}
			return !found
		})
	}
	return found
}

// join refuses joins whose rows may depend on rows of a stream yet to come.
func (c *checker) join(n *sql.Join) {
	left, right := c.streams(n.Left), c.streams(n.Right)
	switch {
	case left && right:
		c.refuse("joins of two streams")
	case right && (n.Kind == "LEFT" || n.Kind == "LEFT SEMI" || n.Kind == "LEFT ANTI"), left && n.Kind == "RIGHT", (left || right) && n.Kind == "FULL":
		c.refuse("a " + n.Kind + " JOIN with the stream on the side that is matched")
	}
}

func (c *checker) subquery(q *sql.Query) {
	if q != nil && c.streams(q) {
		c.refuse("subqueries in expressions")
	}
}

// missingAggregation is Spark's error of a column that is neither a group's
// key nor aggregated.
func missingAggregation(column string) error {
	return errclass.New("MISSING_AGGREGATION", "42803",
		"The non-aggregating expression %s is based on columns which are not participating in the GROUP BY clause. Add it to GROUP BY, or aggregate it, as in any_value(%[1]s).", column)
}
