package cdc

import (
	"context"
	"fmt"
	"strings"

	"github.com/freshet/freshet/delta"
)

// Tables of a batch that is a snapshot.
const (
	snapshot = "temp.snapshot" // its rows
	current  = "temp.current"  // the rows that the table has for valid ones
)

// numberedRows are the rows of a snapshot, with its number for a sequence.
func (b *batch) numberedRows() string {
	return fmt.Sprintf("SELECT %s, CAST(%d AS BIGINT) AS s, kind FROM %s", list(b.values()), b.id.ID, input)
}

// compare makes events of a snapshot: an update of each row that the table has
// not or has otherwise, and a delete of each key that the snapshot lacks
// (semantics §13.4).
func (a *application) compare(ctx context.Context, base *delta.Snapshot) error {
	var columns, names []string
	for i, f := range a.layout.columns.Fields {
		if base.Schema().Index(f.Name) >= 0 {
			columns, names = append(columns, f.Name), append(names, numbered(i))
		}
	}
	for _, k := range a.layout.keys {
		if base.Schema().Index(a.layout.columns.Fields[k].Name) < 0 {
			_, err := a.create(ctx, "incoming", "SELECT * FROM "+snapshot)
			return err
		}
	}
	valid := "TRUE"
	if a.Flow.History {
		columns, names, valid = append(columns, EndColumn), append(names, "u"), "u IS NULL"
	}
	every, err := open(ctx, base, nil)
	if err != nil {
		return err
	}
	in, err := every.input(a.Sink, input, columns, names)
	if err != nil {
		return err
	}
	if _, err := a.create(ctx, "current", "SELECT * FROM "+input+" WHERE "+valid, in); err != nil {
		return err
	}
	_, err = a.create(ctx, "incoming", a.differences(base))
	return err
}

// differences are the events that make the current rows those of the snapshot.
func (a *application) differences(base *delta.Snapshot) string {
	var same, gone []string
	for i, f := range a.layout.columns.Fields {
		have := "NULL"
		if base.Schema().Index(f.Name) >= 0 {
			have = "c." + numbered(i)
		}
		same = append(same, fmt.Sprintf("i.%s IS NOT DISTINCT FROM %s", numbered(i), have))
		gone = append(gone, "NULL")
	}
	for _, k := range a.layout.keys {
		gone[k] = "c." + numbered(k)
	}
	return fmt.Sprintf("SELECT i.* FROM %s AS i ANTI JOIN %s AS c ON %s UNION ALL SELECT %s, CAST(%d AS BIGINT), 1 FROM %s AS c ANTI JOIN %s AS i ON %s",
		snapshot, current, strings.Join(same, " AND "), list(gone), a.id.ID, current, snapshot, a.join("c", "i"))
}
