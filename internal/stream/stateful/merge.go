package stateful

import (
	"cmp"
	"fmt"
	"strings"
)

// What the engine's queries call the tables of a batch, and the columns that
// the state has besides keys and parts.
const (
	input    = "input_0"
	incoming = "incoming" // keys and parts of the batch's rows
	kept     = "kept"     // of the groups that the batch touches or ends

	goneColumn  = "_gone"  // the group is over, and its row the last
	newColumn   = "_new"   // the batch brought rows of the group
	firstColumn = "_first" // the group was not there before
	versionName = "_version"
)

// shape is the columns of a state, by which the engine's queries are written.
type shape struct {
	keys, parts int
	ends        string // expression of when a group is over, of the table $t; "" for never
	time        string // expression of a row's event time, where that is not when its group is over; "" for none
	merges      []string
	distinct    bool // what is there already is no news
	first       bool // of the batch's rows with equal keys the first counts
}

// list returns the names of keys and parts, of a table.
func (s shape) list(table string) []string {
	var names []string
	for i := range s.keys {
		names = append(names, table+numbered("k", i))
	}
	for i := range s.parts {
		names = append(names, table+numbered("p", i))
	}
	return names
}

func (s shape) columns(table string) string { return strings.Join(s.list(table), ", ") }

// equal is true for rows of two tables with equal keys; NULL is a key too.
func (s shape) equal(a, b string) string {
	var conds []string
	for i := range s.keys {
		conds = append(conds, fmt.Sprintf("%s.k%d IS NOT DISTINCT FROM %s.k%d", a, i, b, i))
	}
	return strings.Join(conds, " AND ")
}

// over is true for groups of a table that a watermark, in ms, has passed.
func (s shape) over(table string, watermark int64) string { return passed(s.ends, table, watermark) }

// passed is true for rows of a table whose time a watermark has passed.
func passed(time, table string, watermark int64) string {
	if time == "" {
		return "FALSE"
	}
	return fmt.Sprintf("coalesce(epoch_us(%s) <= %d, FALSE)", strings.ReplaceAll(time, "$t", table), watermark*1000)
}

// dated reports whether rows may be late.
func (s shape) dated() bool { return s.ends != "" || s.time != "" }

// takeIncoming keeps the parts of a batch's rows; those of groups that are
// over already are late.
func (s shape) takeIncoming(late int64) string {
	return fmt.Sprintf("SELECT *, %s AS _late FROM %s AS i", passed(cmp.Or(s.time, s.ends), "i", late), input)
}

// fresh is the rows of a batch that count, one for each group.
func (s shape) fresh() string {
	text := fmt.Sprintf("SELECT *, TRUE AS _in FROM temp.%s WHERE NOT _late", incoming)
	if s.first {
		text += fmt.Sprintf(" QUALIFY row_number() OVER (PARTITION BY %s ORDER BY %s) = 1", strings.Join(s.list("")[:s.keys], ", "), orderOfRow)
	}
	return "(" + text + ")"
}

// firstRows is what is selected of the rows that are new, so many columns.
func (s shape) firstRows(columns int) string {
	var items []string
	for i := range columns {
		items = append(items, numbered("b.r", i))
	}
	return fmt.Sprintf("SELECT %s FROM %s AS b ANTI JOIN temp.%s AS s ON %s", strings.Join(items, ", "), s.fresh(), kept, s.equal("b", "s"))
}

func (s shape) countLate() string {
	return fmt.Sprintf("SELECT count(*) FROM temp.%s WHERE _late", incoming)
}

// newest is the last row of each group, of the state's files.
func (s shape) newest(where string) string {
	var keys []string
	for i := range s.keys {
		keys = append(keys, numbered("t.k", i))
	}
	return fmt.Sprintf("SELECT %s FROM (SELECT * FROM %s AS t %s QUALIFY row_number() OVER (PARTITION BY %s ORDER BY %s DESC) = 1) AS t WHERE NOT %s",
		s.columns("t."), input, where, strings.Join(keys, ", "), versionName, goneColumn)
}

// takeKept finds the groups in the state that the batch touches, or that a
// watermark ends.
func (s shape) takeKept(watermark int64) string {
	if s.ends == "" {
		return s.newest("SEMI JOIN " + s.fresh() + " AS b ON " + s.equal("t", "b"))
	}
	touched := fmt.Sprintf("LEFT JOIN %s AS b ON %s", s.fresh(), s.equal("t", "b"))
	inner := fmt.Sprintf("(SELECT t.* FROM %s AS t %s WHERE b._in OR %s)", input, touched, s.over("t", watermark))
	return strings.Replace(s.newest(""), input, inner, 1)
}

// changes is what the batch changes: the groups merged, and those that end.
func (s shape) changes(watermark int64) string {
	var items []string
	for i := range s.keys {
		items = append(items, fmt.Sprintf("CASE WHEN b._in THEN b.k%d ELSE s.k%[1]d END AS k%[1]d", i))
	}
	for i, m := range s.merges {
		items = append(items, fmt.Sprintf("%s AS p%d", m, i))
	}
	items = append(items, "coalesce(b._in, FALSE) AS "+newColumn, "s._in IS NULL AS "+firstColumn)
	where := ""
	if s.distinct { // what is there already is no news
		where = fmt.Sprintf(" WHERE %s OR %s", firstColumn, goneColumn)
	}
	return fmt.Sprintf("SELECT %s, %s, %s, %s FROM (SELECT *, %s AS %s FROM (SELECT %s FROM %s AS b "+
		"FULL OUTER JOIN (SELECT *, TRUE AS _in FROM temp.%s) AS s ON %s) AS c)%s",
		s.columns(""), goneColumn, newColumn, firstColumn, s.over("c", watermark), goneColumn, strings.Join(items, ", "), s.fresh(), kept, s.equal("b", "s"), where)
}

// all is every group of the state's files, as a snapshot keeps them.
func (s shape) all() string {
	return fmt.Sprintf("SELECT *, FALSE AS %s, FALSE AS %s, FALSE AS %s FROM (%s)", goneColumn, newColumn, firstColumn, s.newest(""))
}

// some is the groups of one delta for which a flag is set.
func (s shape) some(flag string) string {
	return fmt.Sprintf("SELECT %s FROM %s AS t WHERE %s", s.columns("t."), input, flag)
}
