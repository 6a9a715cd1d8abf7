package cdc

import (
	"fmt"
	"strings"

	"github.com/freshet/freshet/schema"
)

// Names of tables and inputs of the engine's queries. The columns of rows are
// v0, v1, …; s is the sequence, kind what an event is, since when it is stored,
// a an address, and f and u from when and until when a version is valid.
const (
	input    = "input_0"
	incoming = "temp.incoming" // the batch's events
	mark     = "temp.mark"     // up to where rows are truncated, if they are
	touched  = "temp.touched"  // the keys of the batch
	stored   = "temp.stored"   // the events of these keys that are kept
	shown    = "temp.shown"    // the rows of these keys that the table has
	expired  = "temp.expired"  // old tombstones of other keys

	// maxListed is how many different keys are looked for one by one.
	maxListed = 1000
)

func numbered(i int) string { return fmt.Sprintf("v%d", i) }

// values returns the names of all columns of rows.
func (b *batch) values() []string {
	names := make([]string, len(b.layout.columns.Fields))
	for i := range names {
		names[i] = numbered(i)
	}
	return names
}

// keys returns the names of the key columns, of a table.
func (b *batch) keys(table string) []string {
	var names []string
	for _, k := range b.layout.keys {
		names = append(names, table+numbered(k))
	}
	return names
}

// join is true for rows of two tables with equal keys; NULL is a key too.
func (b *batch) join(left, right string) string {
	var all []string
	for i, k := range b.keys(left + ".") {
		all = append(all, k+" IS NOT DISTINCT FROM "+b.keys(right + ".")[i])
	}
	return strings.Join(all, " AND ")
}

func list(names []string) string { return strings.Join(names, ", ") }

// rank is what orders the sequence s.
func (b *batch) rank(s string) string { return rank(b.sequence, s) }

// latestTruncate is the sequence up to which the batch and those before it
// have truncated the table; its address is NULL when the batch has.
func (b *batch) latestTruncate() string {
	return fmt.Sprintf("SELECT s, a FROM (SELECT s, NULL AS a FROM %[1]s WHERE kind = %[3]d UNION ALL SELECT s, a FROM %[2]s WHERE kind = %[3]d) ORDER BY %[4]s DESC, a NULLS LAST LIMIT 1",
		incoming, input, truncate, b.rank("s"))
}

// touchedKeys are the keys of the batch and, when it truncates the table,
// those of rows that go.
func (b *batch) touchedKeys(truncates bool) string {
	q := fmt.Sprintf("SELECT DISTINCT %s FROM %s WHERE kind < %d", list(b.keys("")), incoming, truncate)
	if truncates {
		q += fmt.Sprintf(" UNION SELECT %s FROM %s WHERE kind < %d AND %s < (SELECT %s FROM %s)", list(b.keys("")), input, truncate, b.rank("s"), b.rank("s"), mark)
	}
	return q
}

func (b *batch) listKeys(k int) string {
	return fmt.Sprintf("SELECT DISTINCT %s FROM %s LIMIT %d", numbered(k), touched, maxListed+1)
}

// rangeOfKeys is the least and the greatest key; the third column is not NULL
// when a key is.
func (b *batch) rangeOfKeys(k int) string {
	return fmt.Sprintf("SELECT min(%[1]s), max(%[1]s), CASE WHEN count(*) > count(%[1]s) THEN 1 END FROM %[2]s", numbered(k), touched)
}

// storedEvents are the kept events of the batch's keys.
func (b *batch) storedEvents() string {
	return fmt.Sprintf("SELECT b.* FROM %s AS b SEMI JOIN %s AS t ON %s WHERE b.kind < %d", input, touched, b.join("b", "t"), truncate)
}

// expiredEvents are tombstones of keys that the batch does not touch, kept no
// later than a time.
func (b *batch) expiredEvents(until int64) string {
	return fmt.Sprintf("SELECT b.a FROM %s AS b ANTI JOIN %s AS t ON %s WHERE b.kind = 1 AND b.since <= %d LIMIT %d",
		input, touched, b.join("b", "t"), until, maxExpired)
}

// shownRows are the rows that the table has for the batch's keys.
func (b *batch) shownRows() string {
	version := ""
	if b.Flow.History {
		version = ", f"
	}
	until := "NULL"
	if b.Flow.History {
		until = "any_value(u)"
	}
	return fmt.Sprintf("SELECT %[1]s%[2]s, %[3]s AS u, min(a) AS a FROM %[4]s AS r SEMI JOIN %[5]s AS t ON %[6]s GROUP BY %[1]s%[2]s",
		list(b.keys("r.")), version, until, input, touched, b.join("r", "t"))
}

// noRows are the rows of a table that lacks columns of the keys.
func (b *batch) noRows() string {
	version := ""
	if b.Flow.History {
		version = ", s AS f"
	}
	return fmt.Sprintf("SELECT %s%s, s AS u, 0 AS a FROM %s WHERE FALSE", list(b.keys("")), version, incoming)
}

// events are all events of the batch's keys, in the order of sequences.
func (b *batch) events(truncated bool) string {
	kept := make([]string, len(b.layout.columns.Fields))
	for i, f := range b.layout.columns.Fields {
		if kept[i] = "NULL"; b.backed.Index(f.Name) >= 0 {
			kept[i] = numbered(i)
		}
	}
	void, version, until := "FALSE", "", ""
	if truncated {
		void = fmt.Sprintf("coalesce(%s < (SELECT %s FROM %s), FALSE)", b.rank("e.s"), b.rank("s"), mark)
	}
	if b.Flow.History {
		version, until = " AND e.s IS NOT DISTINCT FROM o.f", ", o.u AS u"
	}
	order := append(b.keys("e."), b.rank("e.s"), "e.a IS NULL", "e.kind")
	for i, f := range b.layout.columns.Fields {
		order = append(order, ordering(f.Type, "e."+numbered(i)))
	}
	return fmt.Sprintf("SELECT e.*, o.a AS t, %s AS void%s FROM "+
		"(SELECT %s, s, kind, NULL AS since, NULL AS a FROM %s WHERE kind < %d UNION ALL SELECT %s, s, kind, since, a FROM %s) AS e "+
		"LEFT JOIN %s AS o ON %s%s ORDER BY %s",
		void, until, list(b.values()), incoming, truncate, list(kept), stored, shown, b.join("e", "o"), version, list(order))
}

// ordering is what rows are ordered by that have a sequence in common, so
// that it is the same order each time.
func ordering(t schema.Type, column string) string {
	switch t.(type) {
	case *schema.Struct, schema.Array, schema.Map:
		return "hash(" + column + ")"
	}
	if t == schema.Variant {
		return "hash(" + column + ")"
	}
	return column
}
