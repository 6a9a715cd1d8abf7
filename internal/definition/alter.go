package definition

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// change is what an ALTER TABLE makes of a table's metadata, and how the
// history tells of it (protocol: commitInfo).
type change struct {
	*delta.Alteration
	operation  string
	parameters map[string]any
	// rows says that the change rests on what the rows of the table are.
	rows bool
	// domain, when set, is the new configuration of delta.clustering.
	domain string
	// none says that there is nothing to do.
	none bool
}

// Alter runs ALTER TABLE. Against other writers it is planned again, as
// it depends on the metadata alone or reads the rows anew.
func (e *Editor) Alter(ctx context.Context, stmt *sql.AlterTable) error {
	switch action := stmt.Action.(type) {
	case *sql.RenameTable:
		return e.renameTable(ctx, stmt.Table, action.To)
	case *sql.DropFeature:
		return e.dropFeature(ctx, stmt.Table, action)
	case *sql.SetLocation:
		return e.setLocation(ctx, stmt.Table, action)
	}
	for {
		t, base, err := e.planner.Newest(ctx, stmt.Table)
		if err != nil {
			return err
		}
		if err := base.CheckWrite(); err != nil {
			return workspace.Wrap(t.Name, err)
		}
		if tracksRows(stmt.Action) && !base.KeepsRowIDs() {
			if err = t.Delta.BackfillRowIDs(ctx); err == nil {
				base, err = t.Delta.Snapshot(ctx)
			}
			if err != nil {
				return workspace.Wrap(t.Name, err)
			}
		}
		err = e.Apply(ctx, t, base, stmt.Action)
		if _, lost := errors.AsType[*delta.ConflictError](err); !lost || ctx.Err() != nil {
			return workspace.Wrap(t.Name, err)
		}
	}
}

// Apply commits one change of a table to its version base. A writer that was
// faster makes it fail with a [*delta.ConflictError].
func (e *Editor) Apply(ctx context.Context, t *workspace.Table, base *delta.Snapshot, action sql.AlterAction) error {
	a, err := base.Alter()
	if err != nil {
		return err
	}
	c := &change{Alteration: a, parameters: map[string]any{}}
	if err := e.plan(ctx, t, base, c, action); err != nil || c.none {
		return err
	}
	tx, meta := t.Delta.Begin(base), c.Metadata()
	if c.rows {
		tx.ReadTable()
	}
	if c.domain != "" {
		meta.Configuration[delta.FeaturePrefix+"clustering"] = "supported"
		tx.SetDomainMetadata("delta.clustering", c.domain, false)
	}
	tx.SetMetadata(meta)
	_, err = tx.Commit(ctx, delta.CommitInfo{Operation: c.operation, Parameters: c.parameters})
	return err
}

// plan applies one action to c.
func (e *Editor) plan(ctx context.Context, t *workspace.Table, base *delta.Snapshot, c *change, action sql.AlterAction) error {
	switch action := action.(type) {
	case *sql.AddColumns:
		return c.addColumns(action)
	case *sql.DropColumns:
		return c.dropColumns(action)
	case *sql.RenameColumn:
		path := action.Column.Parts
		renamed := append(slices.Clone(path[:len(path)-1]), action.To)
		c.operation, c.parameters = "RENAME COLUMN", map[string]any{"oldColumnPath": strings.Join(path, "."), "newColumnPath": strings.Join(renamed, ".")}
		return c.RenameColumn(path, action.To)
	case *sql.AlterColumns:
		return e.alterColumns(ctx, t, base, c, action)
	case *sql.ReplaceColumns:
		return c.replaceColumns(action)
	case *sql.SetProperties:
		return c.setProperties(action)
	case *sql.UnsetProperties:
		return c.unsetProperties(action)
	case *sql.AddConstraint:
		return e.addConstraint(ctx, t, base, c, action)
	case *sql.DropConstraint:
		return c.dropConstraint(t, action)
	case *sql.SetClustering:
		return c.setClustering(base, action)
	}
	return errclass.New("UNSUPPORTED_STATEMENT", "0A000", "This version of freshet does not run %s.", action)
}

// tracksRows reports whether an action begins row tracking, which needs ids of
// all rows that are there.
func tracksRows(action sql.AlterAction) bool {
	set, ok := action.(*sql.SetProperties)
	if !ok {
		return false
	}
	properties, err := Properties(set.Properties)
	return err == nil && strings.EqualFold(properties["delta.enableRowTracking"], "true")
}

// setProperties sets TBLPROPERTIES.
func (c *change) setProperties(action *sql.SetProperties) error {
	set, err := Properties(action.Properties)
	if err != nil {
		return err
	}
	c.operation, c.parameters = "SET TBLPROPERTIES", map[string]any{"properties": set}
	return c.SetProperties(set)
}

func (c *change) unsetProperties(action *sql.UnsetProperties) error {
	keys := make([]string, len(action.Keys))
	for i, key := range action.Keys {
		keys[i] = key
		if name, err := delta.PropertyName(key); err == nil {
			keys[i] = name
		}
	}
	c.operation, c.parameters = "UNSET TBLPROPERTIES", map[string]any{"properties": keys, "ifExists": action.IfExists}
	return c.UnsetProperties(keys...)
}

func (e *Editor) addConstraint(ctx context.Context, t *workspace.Table, base *delta.Snapshot, c *change, action *sql.AddConstraint) error {
	if action.Constraint.Kind != "CHECK" {
		return errclass.Unsupported(action.Constraint.Kind+" constraints", t.Name)
	}
	added := delta.Constraint{Name: action.Constraint.Name, Expr: action.Constraint.Check.String()}
	c.operation, c.parameters, c.rows = "ADD CONSTRAINT", map[string]any{"name": added.Name, "expr": added.Expr}, true
	if err := c.AddConstraint(added); err != nil {
		return err
	}
	if err := e.checkConstraint(ctx, base.Schema(), added); err != nil {
		return err
	}
	n, err := e.countViolations(ctx, base, added.Expr)
	if err == nil && n > 0 {
		err = errclass.New("DELTA_NEW_CHECK_CONSTRAINT_VIOLATION", "23512", "%d rows in %s violate the new CHECK constraint (%s).", n, t.Name, added.Expr)
	}
	return err
}

func (c *change) dropConstraint(t *workspace.Table, action *sql.DropConstraint) error {
	expr, existed := c.DropConstraint(action.Name)
	if !existed && !action.IfExists {
		return errclass.New("DELTA_CONSTRAINT_DOES_NOT_EXIST", "42704", "Cannot drop nonexistent constraint %s from table %s. Use IF EXISTS to drop one that may not exist.", action.Name, t.Name)
	}
	c.none = !existed
	c.operation, c.parameters = "DROP CONSTRAINT", map[string]any{"name": action.Name, "expr": expr, "existed": "true"}
	return nil
}

// countViolations counts the rows of a snapshot of which a condition is not
// true.
func (e *Editor) countViolations(ctx context.Context, base *delta.Snapshot, condition string) (int64, error) {
	expr, err := sql.ParseExpr(condition)
	if err != nil {
		return 0, err
	}
	mentioned, _ := sql.ColumnNames(&sql.Query{Body: &sql.Select{Items: []*sql.SelectItem{{Expr: expr}}}})
	names := query.Scan{Columns: mentioned}.Pick(base.Schema())
	bad := int64(0)
	for rows, err := range base.Scan(ctx, delta.ScanOptions{Columns: names, Parallelism: e.planner.Parallelism}) {
		if err != nil {
			return 0, err
		}
		if rows.NumRows() == 0 {
			continue
		}
		results, err := e.planner.Rules.Evaluate(ctx, rows, []string{"NOT coalesce((" + condition + "), false)"})
		if err != nil {
			return 0, err
		}
		bad += countTrue(results[0])
		results[0].Release()
	}
	return bad, nil
}

// renameTable runs ALTER TABLE … RENAME TO, which concerns the catalog alone.
func (e *Editor) renameTable(ctx context.Context, from, to *sql.Name) error {
	t, err := e.planner.Target(ctx, from)
	if err != nil {
		return err
	}
	if t.Entry == nil {
		return errclass.New("UNSUPPORTED_FEATURE.TABLE_OPERATION", "0A000", "%s is a path, not a table of the catalog; it has no name to change.", from)
	}
	name, err := e.planner.TableName(ctx, to)
	if err != nil {
		return err
	}
	entry := *t.Entry
	entry.Name = name
	if err := e.planner.Catalog.Create(ctx, entry); err != nil {
		return err
	}
	return e.planner.Catalog.Drop(ctx, t.Entry.Name)
}

// Comment runs COMMENT ON.
func (e *Editor) Comment(ctx context.Context, stmt *sql.CommentOn) error {
	switch stmt.Kind {
	case "COLUMN":
		change := &sql.ColumnChange{Column: &sql.Column{Parts: []string{stmt.Column}}, Kind: sql.SetComment, Comment: stmt.Comment}
		return e.Alter(ctx, &sql.AlterTable{Table: stmt.Name, Action: &sql.AlterColumns{Changes: []*sql.ColumnChange{change}}})
	case "TABLE":
	default:
		return errclass.Unsupported("COMMENT ON "+stmt.Kind, stmt.Name.String())
	}
	for {
		t, base, err := e.planner.Newest(ctx, stmt.Name)
		if err != nil {
			return err
		}
		meta := base.Metadata().Clone()
		meta.Description = stmt.Comment
		tx := t.Delta.Begin(base)
		tx.SetMetadata(meta)
		_, err = tx.Commit(ctx, delta.CommitInfo{Operation: "SET TBLPROPERTIES", Parameters: map[string]any{"properties": map[string]string{"comment": stmt.Comment}}})
		if _, lost := errors.AsType[*delta.ConflictError](err); lost && ctx.Err() == nil {
			continue
		}
		if err != nil || t.Entry == nil {
			return workspace.Wrap(t.Name, err)
		}
		entry := *t.Entry
		entry.Comment = stmt.Comment
		return e.planner.Catalog.Update(ctx, entry)
	}
}

// setClustering changes the columns by which the table is clustered.
func (c *change) setClustering(base *delta.Snapshot, action *sql.SetClustering) error {
	if action.Auto {
		return errclass.Unsupported("CLUSTER BY AUTO", "name the columns")
	}
	old, _, err := base.ClusteringColumns()
	if err != nil {
		return err
	}
	paths := make([][]string, len(action.Columns))
	for i, column := range action.Columns {
		paths[i] = column.Parts
	}
	c.operation = "CLUSTER BY"
	c.parameters = map[string]any{"oldClusteringColumns": dotted(old), "newClusteringColumns": dotted(paths)}
	c.domain, err = delta.ClusterBy(c.Metadata(), paths)
	return err
}

func dotted(paths [][]string) string {
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = strings.Join(p, ".")
	}
	return strings.Join(names, ",")
}

// position returns where a column goes.
func position(p *sql.Place) (at delta.Position, text string) {
	switch {
	case p == nil:
		return at, ""
	case p.After == "":
		return delta.Position{First: true}, "FIRST"
	}
	return delta.Position{After: p.After}, "AFTER " + p.After
}

// historyColumn is a column as the history tells of it.
func historyColumn(path []string, f schema.Field) any {
	f.Name = strings.Join(path, ".")
	return rawField(f)
}
