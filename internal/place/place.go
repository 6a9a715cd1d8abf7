// Package place says where in a statement an error comes from.
package place

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/sql"
)

// placedError is an error about a name in the statement's text.
type placedError struct {
	err   error
	place sql.Error // for its position and excerpt
}

func (e *placedError) Error() string {
	line, pos := sql.Position(e.place.SQL, e.place.Range.Start)
	return fmt.Sprintf("%s (line %d, pos %d)", e.err, line, pos)
}

func (e *placedError) Unwrap() error { return e.err }

// Excerpt returns the line of SQL that the error is about, with carets below
// the place.
func (e *placedError) Excerpt() string { return e.place.Excerpt() }

// Name says where in text the name stands that err is about. The names in a
// view's query have no place there.
func Name(n *sql.Name, text string, err error) error {
	var classified errclass.Classified
	var placed *placedError
	if err == nil || !errors.As(err, &classified) || errors.As(err, &placed) || len(n.Parts) == 0 {
		return err
	}
	at := n.Pos()
	if at.Start < 0 || at.End > len(text) || at.Start >= at.End ||
		!strings.Contains(strings.ToLower(text[at.Start:at.End]), strings.ToLower(n.Parts[len(n.Parts)-1])) {
		return err
	}
	return &placedError{err: err, place: sql.Error{Range: at, SQL: text}}
}

// Engine says which expression of text an error of the engine is about, which
// ran query q as printed: the one that the engine points at, or else the only
// one that can fail like that.
func Engine(q *sql.Query, printed *sql.Printed, text string, err error) error {
	var classified errclass.Classified
	var placed *placedError
	if err == nil || !errors.As(err, &classified) || errors.As(err, &placed) {
		return err
	}
	var at sql.Expr
	if p, ok := errors.AsType[*engine.PlacedError](err); ok {
		at = printed.At(p.Offset)
		err = ungrouped(q, at, err)
	} else {
		at = culprit(q, classified.ErrorClass())
	}
	if at == nil || !standsIn(text, at) {
		return err
	}
	return &placedError{err: err, place: sql.Error{Range: at.Pos(), SQL: text}}
}

// standsIn reports whether an expression stands in text, where it says it does.
// One of a view's query does not.
func standsIn(text string, e sql.Expr) bool {
	at := e.Pos()
	if at.Start < 0 || at.End > len(text) || at.Start >= at.End {
		return false
	}
	there, err := sql.ParseExpr(text[at.Start:at.End])
	return err == nil && there.String() == e.String()
}

// failing are the operators and functions that end in an error of a class
// while rows are computed.
var failing = map[string][]string{
	"DIVIDE_BY_ZERO":                    {"/", "%", "DIV", "div", "mod", "pmod"},
	"ARITHMETIC_OVERFLOW":               {"+", "-", "*", "sum", "abs", "factorial"},
	"CANNOT_PARSE_TIMESTAMP":            {"to_date", "to_timestamp", "to_timestamp_ntz", "to_timestamp_ltz", "unix_timestamp", "to_unix_timestamp"},
	"INVALID_ARRAY_INDEX":               {"[]"},
	"USER_RAISED_EXCEPTION":             {"raise_error", "assert_true"},
	"INVALID_FORMAT.MISMATCH_INPUT":     {"to_number"},
	"SCALAR_SUBQUERY_TOO_MANY_ROWS":     {"(query)"},
	"INVALID_ARRAY_INDEX_IN_ELEMENT_AT": {"element_at"},
}

// culprit returns the one expression of a query that can end in an error of a
// class, or nil when there are more.
func culprit(q *sql.Query, class string) sql.Expr {
	var found []sql.Expr
	sql.Inspect(q, func(n sql.Node) bool {
		if e, ok := n.(sql.Expr); ok && slices.Contains(failing[class], operation(e)) {
			found = append(found, e)
		}
		return len(found) < 2
	})
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

// operation returns the operator or function of an expression.
func operation(e sql.Expr) string {
	switch e := e.(type) {
	case *sql.Binary:
		return e.Op
	case *sql.FunctionCall:
		return e.Func()
	case *sql.Subscript:
		return "[]"
	case *sql.ScalarSubquery:
		return "(query)"
	}
	return ""
}

// ungrouped returns Spark's error for a column beside an aggregate where the
// SELECT around it has no GROUP BY, which the engine does not tell apart.
func ungrouped(q *sql.Query, at sql.Expr, err error) error {
	var classified errclass.Classified
	if at == nil || !errors.As(err, &classified) || classified.ErrorClass() != "MISSING_AGGREGATION" {
		return err
	}
	grouped := false
	sql.Inspect(q, func(n sql.Node) bool {
		if sel, ok := n.(*sql.Select); ok && contains(sel, at) {
			grouped = sel.GroupBy != nil // the innermost is last
		}
		return true
	})
	if grouped {
		return err
	}
	return errclass.New("MISSING_GROUP_BY", "42803",
		"The query does not include a GROUP BY clause for %s. Add GROUP BY or turn it into the window functions using OVER clauses.", at)
}

func contains(n, wanted sql.Node) bool {
	found := false
	sql.Inspect(n, func(n sql.Node) bool {
		found = found || n == wanted
		return !found
	})
	return found
}

// Text gives an error in a statement's tree the text that it is in, and says
// where in it the option stands that is refused.
func Text(text string, stmt sql.Node, err error) error {
	if e, ok := errors.AsType[*sql.Error](err); ok {
		return e.In(text)
	}
	refused, ok := errors.AsType[*option.RefusedError](err)
	if _, placed := errors.AsType[*placedError](err); !ok || placed {
		return err
	}
	if at := argument(stmt, refused.Name); at != nil {
		return &placedError{err: err, place: sql.Error{Range: at.Pos(), SQL: text}}
	}
	return err
}

// argument returns the one argument of a statement's calls, or the one of its
// lists of options, that gives an option; nil when there are more, or none.
func argument(stmt sql.Node, name string) sql.Node {
	plain := func(name string) string { return strings.TrimPrefix(strings.ToLower(name), "cloudfiles.") }
	var found []sql.Node
	sql.Inspect(stmt, func(n sql.Node) bool {
		given := ""
		switch n := n.(type) {
		case *sql.NamedArgument:
			given = n.Name
		case *sql.Property:
			given = n.Key
		}
		if given != "" && plain(given) == plain(name) {
			found = append(found, n)
		}
		return true
	})
	if len(found) != 1 {
		return nil
	}
	return found[0]
}
