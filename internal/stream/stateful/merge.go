package stateful

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/stream/state"
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
)

// shape is the columns of a state, by which the engine's queries are written.
type shape struct {
	keys, parts int
	ends        string // expression of when a group is over, of the table $t; "" for never
	time        string // expression of a row's event time, where that is not when its group is over; "" for none
	merges      []string
	distinct    bool // what is there already is no news
	first       bool // of the batch's rows with equal keys the first counts
	endless     bool // no group is ever over
	// timers is set where the keys of a group do not tell when it is over. Its
	// row then leads with state.First, to be found, and another without keys
	// with the time, to be counted.
	timers bool
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
func (s shape) over(table string, watermark int64) string { return s.passed(s.ends, table, watermark) }

// passed is true for rows of a table whose time a watermark has passed.
func (s shape) passed(time, table string, watermark int64) string {
	if time == "" || s.endless {
		return "FALSE"
	}
	return fmt.Sprintf("coalesce(epoch_us(%s) <= %d, FALSE)", strings.ReplaceAll(time, "$t", table), micros(watermark))
}

// until is when the groups of a table are over.
func (s shape) until(table string) string {
	if s.ends == "" {
		return never
	}
	return fmt.Sprintf("coalesce(epoch_us(%s), %s)", strings.ReplaceAll(s.ends, "$t", table), never)
}

// lead is what the groups of a table are ordered by first.
func (s shape) lead(table string) string {
	if s.timers {
		return first
	}
	return s.until(table)
}

// Leads as the engine writes them.
var (
	first = strconv.FormatInt(state.First, 10)
	never = strconv.FormatInt(state.Never, 10)
)

func micros(watermark int64) int64 { return watermark * 1000 }

// dated reports whether rows may be late.
func (s shape) dated() bool { return !s.endless && (s.ends != "" || s.time != "") }

// takeIncoming keeps the parts of a batch's rows; those of groups that are
// over already are late.
func (s shape) takeIncoming(late int64) string {
	return fmt.Sprintf("SELECT *, %s AS _late, %s AS %s FROM %s AS i",
		s.passed(cmp.Or(s.time, s.ends), "i", late), s.lead("i"), state.LeadColumn, input)
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

// wanted is the keys of the batch's rows that count, in order.
func (s shape) wanted() string {
	return fmt.Sprintf("SELECT DISTINCT %s, %s FROM temp.%s WHERE NOT _late ORDER BY ALL", state.LeadColumn, state.HashColumn, incoming)
}

// takeKept finds the groups that the batch touches, or that a watermark ends,
// among rows of the state that have them.
func (s shape) takeKept(watermark int64) string {
	from := fmt.Sprintf("SELECT t.* FROM %s AS t ", input)
	switch on := fmt.Sprintf("JOIN %s AS b ON %s", s.fresh(), s.equal("t", "b")); {
	case s.timers:
		return from + "SEMI " + on + fmt.Sprintf(" WHERE %s = %s", state.LeadColumn, first)
	case s.ends == "":
		return from + "SEMI " + on
	default:
		return from + "LEFT " + on + " WHERE b._in OR " + s.over("t", watermark)
	}
}

// changes is what the batch changes, in the order of the state: the groups
// merged, and those that end.
func (s shape) changes(watermark int64) string {
	var items []string
	for i := range s.keys {
		items = append(items, fmt.Sprintf("CASE WHEN b._in THEN b.k%d ELSE s.k%[1]d END AS k%[1]d", i))
	}
	for i, m := range s.merges {
		items = append(items, fmt.Sprintf("%s AS p%d", m, i))
	}
	items = append(items, "coalesce(b._in, FALSE) AS "+newColumn, "s._in IS NULL AS "+firstColumn,
		fmt.Sprintf("coalesce(b.%s, s.%[1]s) AS %[1]s", state.HashColumn))
	merged := fmt.Sprintf("SELECT %s FROM %s AS b FULL OUTER JOIN (SELECT *, TRUE AS _in FROM temp.%s) AS s ON %s",
		strings.Join(items, ", "), s.fresh(), kept, s.equal("b", "s"))
	where := ""
	switch { // what is there already is no news
	case s.timers:
		where = " WHERE " + firstColumn
	case s.distinct:
		where = fmt.Sprintf(" WHERE %s OR %s", firstColumn, goneColumn)
	}
	order := strings.Join([]string{state.LeadColumn, state.HashColumn, state.EndsColumn}, ", ")
	changed := fmt.Sprintf("SELECT %s, %s, %s, %s, %s FROM (SELECT *, %s AS %s, %s AS %s, %s AS %s FROM (%s) AS c)%s",
		s.columns(""), goneColumn, newColumn, firstColumn, order,
		s.over("c", watermark), goneColumn, s.lead("c"), state.LeadColumn, s.until("c"), state.EndsColumn, merged, where)
	if s.timers {
		changed = fmt.Sprintf("WITH d AS (%s) FROM d UNION ALL SELECT %s FALSE, FALSE, FALSE, %s AS %s, %s, %[3]s FROM d WHERE NOT %[6]s",
			changed, strings.Repeat("NULL, ", s.keys+s.parts), state.EndsColumn, state.LeadColumn, state.HashColumn, goneColumn)
	}
	return fmt.Sprintf("FROM (%s) ORDER BY %s, %s", changed, state.LeadColumn, state.HashColumn)
}

// every is all groups of rows of the state.
func (s shape) every() string { return fmt.Sprintf("SELECT %s FROM %s AS t", s.columns("t."), input) }

// some is the groups of one delta for which a flag is set.
func (s shape) some(flag string) string {
	return s.every() + " WHERE " + flag
}
