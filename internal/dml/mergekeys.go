package dml

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/pushdown"
	"github.com/freshet/freshet/internal/sql"
)

const (
	// maxListed is how many different keys are looked for in files one by one.
	maxListed = 1000
	// keyRanges is how many ranges more keys are put into.
	keyRanges = 128
)

// candidates returns what tells the files that the join must read: those that
// may hold a row for which ON is true, and those that may hold one to which a
// clause for rows without match applies. Nil is all files.
func (m *merge) candidates(ctx context.Context) (delta.Predicate, error) {
	var bySource delta.Or
	for _, c := range m.of(notMatchedBySource) {
		p := m.filter(c.Cond)
		if p == nil {
			return nil, nil // every row counts
		}
		bySource = append(bySource, p)
	}
	on := delta.And{}
	if p := m.filter(m.stmt.On); p != nil {
		on = append(on, p)
	}
	for _, key := range m.keys(m.stmt.On) {
		p, err := m.among(ctx, key)
		if err != nil {
			return nil, err
		}
		if p != nil {
			on = append(on, p)
		}
	}
	if len(on) == 0 {
		return nil, nil
	}
	return append(bySource, on), nil
}

// key is an equality that ON demands, between a column of the table and an
// expression of the source.
type key struct {
	path  []string
	value sql.Expr
}

func (m *merge) keys(on sql.Expr) []key {
	b, ok := on.(*sql.Binary)
	switch {
	case !ok:
		return nil
	case b.Op == "AND":
		return append(m.keys(b.Left), m.keys(b.Right)...)
	case b.Op != "=":
		return nil
	}
	for _, sides := range [][2]sql.Expr{{b.Left, b.Right}, {b.Right, b.Left}} {
		c, ok := sides[0].(*sql.Column)
		if !ok || m.isSource(c) || !m.ofSource(sides[1]) {
			continue
		}
		if path := m.resolve(c.Parts); path != nil {
			return []key{{path, sides[1]}}
		}
	}
	return nil
}

// isSource reports whether a name is, or may be, a column of the source.
func (m *merge) isSource(c *sql.Column) bool {
	if len(c.Parts) > 1 && strings.EqualFold(c.Parts[0], m.source.Alias.Name) && m.sourceTable.columns.Index(c.Parts[1]) >= 0 {
		return true
	}
	return m.sourceTable.columns.Index(c.Parts[0]) >= 0 && !(len(c.Parts) > 1 && strings.EqualFold(c.Parts[0], m.alias))
}

// named is [statement.named] but for names that the source's alias qualifies,
// which spares reading the columns of the table that are called the same.
func (m *merge) named(exprs ...sql.Expr) []string {
	source := m.source.Alias.Name
	shadowed := strings.EqualFold(source, m.alias) || m.columns.Index(source) >= 0
	return m.namedBy(func(c *sql.Column) bool {
		return shadowed || len(c.Parts) < 2 || !strings.EqualFold(c.Parts[0], source)
	}, exprs...)
}

// ofSource reports whether an expression has columns, all of the source, and
// no query.
func (m *merge) ofSource(e sql.Expr) bool {
	found, all := false, true
	sql.Inspect(e, func(n sql.Node) bool {
		switch n := n.(type) {
		case *sql.Column:
			found, all = true, all && m.isSource(n)
		case *sql.Query, *sql.Lambda:
			all = false
		}
		return all
	})
	return found && all
}

// among says that a column has one of the source's keys: each by itself when
// they are few, else by ranges that they lie in.
func (m *merge) among(ctx context.Context, k key) (delta.Predicate, error) {
	q := selection([]*sql.SelectItem{item(k.value, "k")}, m.source, nil)
	b, err := m.bind(ctx, q, map[*sql.Table]table{m.source: m.sourceTable})
	if err != nil {
		return nil, err
	}
	keys := "(SELECT DISTINCT k FROM (" + b.text + ") WHERE k IS NOT NULL)"
	var listed delta.Or
	known, more := true, false
	for rec, err := range m.query(ctx, bound{fmt.Sprintf("SELECT k FROM %s LIMIT %d", keys, maxListed+1), b.inputs}) {
		if err != nil {
			return nil, err
		}
		for p, ok := range m.comparisons(k, rec, delta.Equal) {
			known = known && ok
			listed = append(listed, p)
		}
		more = len(listed) > maxListed
	}
	switch {
	case !known:
		return nil, nil
	case !more:
		return listed, nil
	}
	var ranges delta.Or
	query := fmt.Sprintf("SELECT min(k), max(k) FROM (SELECT k, ntile(%d) OVER (ORDER BY k) AS n FROM %s) GROUP BY n", keyRanges, keys)
	for rec, err := range m.query(ctx, bound{query, b.inputs}) {
		if err != nil {
			return nil, err
		}
		for p, ok := range m.comparisons(k, rec, delta.GreaterOrEqual, delta.LessOrEqual) {
			if !ok {
				return nil, nil
			}
			ranges = append(ranges, p)
		}
	}
	return ranges, nil
}

// comparisons yields, for each row, what it says of the key's column that it is
// compared with the row's values.
func (m *merge) comparisons(k key, rec arrow.RecordBatch, ops ...delta.Op) iter.Seq2[delta.Predicate, bool] {
	t := pushdown.Table{Schema: m.columns}
	return func(yield func(delta.Predicate, bool) bool) {
		for row := range int(rec.NumRows()) {
			all, ok := delta.And{}, true
			for i, op := range ops {
				c, known := pushdown.ValueAt(rec.Column(i), row)
				p := t.Compare(k.path, op, c)
				ok = ok && known && p != nil
				all = append(all, p)
			}
			if !yield(all, ok) || !ok {
				return
			}
		}
	}
}
