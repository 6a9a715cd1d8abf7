package dataset

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream/cdc"
	"github.com/freshet/freshet/internal/workspace"
)

// tombstoneProperty is the table property that says for how many seconds a
// tombstone is kept (semantics §13.2).
const tombstoneProperty = "pipelines.cdc.tombstoneGCThresholdInSeconds"

// qualifySource gives the source of changes its full name.
func (d *Set) qualifySource(ctx context.Context, c *sql.AutoCDC) error {
	if err := d.planner.Qualify(ctx, (&sql.CreateFlow{CDC: c}).Reads()); err != nil {
		return err
	}
	if t, ok := c.Source.(*sql.Table); ok {
		t.Alias = nil
	}
	return nil
}

// checkCDC refuses flows of changes that cannot run.
func checkCDC(c *sql.AutoCDC, def *sql.CreateStreamingTable) error {
	streamed := false
	switch source := c.Source.(type) {
	case *sql.Table:
		streamed = source.Stream
	case *sql.TableFunction:
		streamed = source.Stream
	}
	for _, k := range c.Keys {
		if len(k.Parts) > 1 {
			return errclass.Unsupported("a key that is a field of a column; make it a column in a view", k.String())
		}
		if c.Columns != nil && !selects(c.Columns, k.Parts[0]) {
			return errclass.New("APPLY_CHANGES_KEY_NOT_STORED", "42000", "The key %s is not among COLUMNS; the table needs all keys.", k)
		}
	}
	_, table := c.Source.(*sql.Table)
	switch {
	case c.Snapshot && !table:
		return errclass.Unsupported("snapshots of anything but a table", c.Source.String())
	case !c.Snapshot && !streamed:
		return errclass.New("APPLY_CHANGES_SOURCE_NOT_STREAM", "42000", "AUTO CDC reads a stream: write FROM STREAM %s.", c.Source)
	case c.Snapshot && streamed:
		return errclass.New("APPLY_CHANGES_SOURCE_IS_STREAM", "42000", "AUTO CDC FROM SNAPSHOT reads a table as it is, and no stream: write FROM SNAPSHOT before the table's name alone.")
	}
	if c.History && len(def.Columns) > 0 {
		declared := map[string]bool{}
		for _, column := range def.Columns {
			declared[strings.ToUpper(column.Name)] = true
		}
		if !declared[cdc.StartColumn] || !declared[cdc.EndColumn] {
			return errclass.New("APPLY_CHANGES_HISTORY_COLUMNS", "42000",
				"%s declares its columns, and so has to declare %s and %s too, with the type of SEQUENCE BY.", def.Name, cdc.StartColumn, cdc.EndColumn)
		}
	}
	return nil
}

// selects reports whether a set of columns has one.
func selects(set *sql.ColumnSet, column string) bool {
	for _, c := range set.Columns {
		if strings.EqualFold(strings.Join(c.Parts, "."), column) {
			return !set.Except
		}
	}
	return set.Except
}

// changeQuery is the query for the events of a flow of changes: the columns of
// the table, the sequence and the kind.
func changeQuery(c *sql.AutoCDC) (*sql.Query, error) {
	number := func(n int) sql.Expr { return &sql.Literal{Kind: sql.IntegerLiteral, Value: strconv.Itoa(n)} }
	kind := &sql.Case{Else: number(0)}
	for _, w := range []struct {
		cond sql.Expr
		kind int
	}{{c.Truncate, 2}, {c.Delete, 1}} {
		if w.cond != nil {
			kind.Whens = append(kind.Whens, &sql.When{Cond: w.cond, Then: number(w.kind)})
		}
	}
	var of sql.Expr = kind
	if len(kind.Whens) == 0 {
		of = number(0)
	}
	sequence := c.Sequence
	if c.Snapshot { // the sink numbers snapshots
		sequence = &sql.Literal{Kind: sql.LongLiteral, Value: "0"}
	}
	items := []*sql.SelectItem{}
	switch set := c.Columns; {
	case set == nil:
		items = append(items, &sql.SelectItem{Expr: &sql.Star{}})
	case set.Except:
		items = append(items, &sql.SelectItem{Expr: &sql.Star{Except: set.Columns}})
	default:
		for _, column := range set.Columns {
			items = append(items, &sql.SelectItem{Expr: column})
		}
	}
	items = append(items, &sql.SelectItem{Expr: sequence, Alias: cdc.SequenceColumn}, &sql.SelectItem{Expr: of, Alias: cdc.KindColumn})
	if t, ok := c.Source.(*sql.Table); ok {
		t.Stream = true
		if _, _, path := t.Name.Path(); !path {
			t.Alias = &sql.Alias{Name: t.Name.Parts[len(t.Name.Parts)-1]}
		}
	}
	// Parsed anew, as the parts of the tree come from several places.
	return sql.ParseQuery((&sql.Query{Body: &sql.Select{Items: items, From: []sql.TableRef{c.Source}}}).String())
}

// cdcSink is the sink of a flow of changes.
func (d *Set) cdcSink(ctx context.Context, whole *streamingFlow, c *sql.AutoCDC) (*cdc.Sink, error) {
	t := whole.target
	age, err := d.tombstoneAge(ctx, t)
	if err != nil {
		return nil, err
	}
	eng, err := d.planner.Engine()
	if err != nil {
		return nil, err
	}
	backing, err := d.ws.Table(ctx, t.Name, nil, whole.entry.Checkpoint+"/cdc")
	if err != nil {
		return nil, err
	}
	flow := cdc.Flow{History: c.History, Snapshot: c.Snapshot, Truncates: c.Truncate != nil, TombstoneAge: age, Tracked: func(string) bool { return true }}
	for _, k := range c.Keys {
		flow.Keys = append(flow.Keys, k.Parts[0])
	}
	for _, set := range []*sql.ColumnSet{c.IgnoreNulls, c.Tracked} {
		if set == nil || set.Except { // what COLUMNS leaves out may be left out twice
			continue
		}
		for _, column := range set.Columns {
			flow.Named = append(flow.Named, strings.Join(column.Parts, "."))
		}
	}
	if c.IgnoreNulls != nil {
		flow.Ignoring = func(column string) bool { return selects(c.IgnoreNulls, column) }
	}
	if c.Tracked != nil {
		flow.Tracked = func(column string) bool { return selects(c.Tracked, column) }
	}
	return &cdc.Sink{
		Name: t.Name, Table: t.Delta, Store: t.Store, Backing: backing.Delta, BackingStore: backing.Store, Flow: flow,
		Engine: eng.InZone(d.planner.TimeZone().String()), Input: query.Input, TimeZone: d.planner.TimeZone(), Env: d.planner.LoadEnv(),
		Committed: func(ctx context.Context) { d.ws.Compact(ctx, t) },
	}, nil
}

// tombstoneAge is how long a table wants it to be known of rows that they were
// deleted.
func (d *Set) tombstoneAge(ctx context.Context, t *workspace.Table) (time.Duration, error) {
	snap, err := t.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	text, ok := snap.Property(tombstoneProperty)
	if !ok {
		return cdc.DefaultTombstoneAge, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 32)
	if err != nil || seconds < 0 {
		return 0, errclass.New("INVALID_PROPERTY_VALUE", "22023", "The property %s of %s is a number of seconds, not %q.", tombstoneProperty, t.Name, text)
	}
	return time.Duration(seconds) * time.Second, nil
}
