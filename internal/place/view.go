package place

import (
	"errors"
	"strings"

	"github.com/freshet/freshet/internal/sql"
)

// View is a view's query where it stands in a statement.
type View struct {
	Name  string
	Text  string // that the places in the query are of
	Query *sql.Query
}

// InView gives an error about an expression of a view's query the view's text,
// and says its name: its place is none in text, the statement's.
func InView(q *sql.Query, views []View, text string, err error) error {
	var e *sql.Error
	if !errors.As(err, &e) || e.SQL != "" {
		return err
	}
	bodies := map[sql.Node]bool{}
	for _, v := range views {
		bodies[v.Query] = true
	}
	if has(q, e.Range, bodies) && mentionsPlace(e, text) {
		return err
	}
	for _, v := range views {
		delete(bodies, v.Query)
		found := has(v.Query, e.Range, bodies) && mentionsPlace(e, v.Text)
		bodies[v.Query] = true
		if found {
			located := *e
			located.Text += " This is in the query of the view " + v.Name + "."
			located.SQL = v.Text
			return &located
		}
	}
	return err
}

// has reports whether a node of a tree stands at a place; parts are left out.
func has(tree sql.Node, at sql.Range, parts map[sql.Node]bool) bool {
	found := false
	sql.Inspect(tree, func(n sql.Node) bool {
		found = found || n.Pos() == at
		return !found && !parts[n]
	})
	return found
}

// mentionsPlace reports whether an error tells of what stands at its place in
// a text.
func mentionsPlace(e *sql.Error, text string) bool {
	at := e.Range
	if at.Start < 0 || at.End > len(text) || at.Start >= at.End {
		return false
	}
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "`", "")) }
	return strings.Contains(plain(e.Text), plain(text[at.Start:at.End]))
}
