package catalog

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/freshet/freshet/internal/errclass"
)

// Flow is a flow into a streaming table that has no query of its own. Its name
// is one of its schema, apart from those of tables.
type Flow struct {
	Name
	Target    Name
	Text      string // SQL that made the flow
	CreatedAt time.Time
}

// flowDDL ends flows with their targets.
const flowDDL = `
CREATE TABLE IF NOT EXISTS flows (
  catalog TEXT NOT NULL COLLATE NOCASE, schema TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL COLLATE NOCASE,
  target_catalog TEXT NOT NULL COLLATE NOCASE, target_schema TEXT NOT NULL COLLATE NOCASE, target_name TEXT NOT NULL COLLATE NOCASE,
  text TEXT NOT NULL, created_at INTEGER NOT NULL,
  PRIMARY KEY (catalog, schema, name),
  FOREIGN KEY (catalog, schema) REFERENCES schemas(catalog, name) ON DELETE CASCADE,
  FOREIGN KEY (target_catalog, target_schema, target_name) REFERENCES tables(catalog, schema, name) ON DELETE CASCADE ON UPDATE CASCADE
);`

// flowWidth is how many columns the table of flows has.
const flowWidth = 8

const flowColumns = "catalog, schema, name, target_catalog, target_schema, target_name, text, created_at"

func scanFlow(scan func(...any) error) (f Flow, err error) {
	var at int64
	err = scan(&f.Catalog, &f.Schema, &f.Table, &f.Target.Catalog, &f.Target.Schema, &f.Target.Table, &f.Text, &at)
	f.CreatedAt = time.UnixMicro(at).UTC()
	return f, err
}

// CreateFlow adds a flow. Its target must be there. When its name is taken the
// error's class is FLOW_ALREADY_EXISTS.
func (c *Catalog) CreateFlow(ctx context.Context, f Flow) error {
	if _, err := c.Schema(ctx, f.Catalog, f.Schema); err != nil {
		return err
	}
	n, err := c.change(ctx, "INSERT INTO flows ("+flowColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		f.Catalog, f.Schema, f.Table, f.Target.Catalog, f.Target.Schema, f.Target.Table, f.Text, c.now().UnixMicro())
	if err == nil && n == 0 {
		err = FlowExists(f.Name)
	}
	return err
}

// FlowExists is the error for a flow's name that is taken.
func FlowExists(n Name) error {
	return errclass.New("FLOW_ALREADY_EXISTS", "42710", "The flow %s exists already. Choose another name, or drop it with DROP FLOW.", n)
}

// UpdateFlow replaces the text of a flow.
func (c *Catalog) UpdateFlow(ctx context.Context, f Flow) error {
	n, err := c.change(ctx, "UPDATE flows SET text = ? WHERE catalog = ? AND schema = ? AND name = ?", f.Text, f.Catalog, f.Schema, f.Table)
	if err == nil && n == 0 {
		err = flowNotFound(f.Name)
	}
	return err
}

// Flow returns the flow of a name; the error's class is FLOW_NOT_FOUND when
// there is none.
func (c *Catalog) Flow(ctx context.Context, n Name) (Flow, error) {
	f, err := scanFlow(c.db.QueryRowContext(ctx, "SELECT "+flowColumns+" FROM flows WHERE catalog = ? AND schema = ? AND name = ?", n.Catalog, n.Schema, n.Table).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Flow{}, flowNotFound(n)
	}
	return f, c.unusable(err)
}

// Flows returns the flows into a table, the oldest first.
func (c *Catalog) Flows(ctx context.Context, target Name) ([]Flow, error) {
	return collect(ctx, c, func(r *sql.Rows) (Flow, error) { return scanFlow(r.Scan) },
		"SELECT "+flowColumns+" FROM flows WHERE target_catalog = ? AND target_schema = ? AND target_name = ? ORDER BY created_at, rowid",
		target.Catalog, target.Schema, target.Table)
}

// DropFlow removes a flow; its checkpoint is the caller's to delete.
func (c *Catalog) DropFlow(ctx context.Context, n Name) error {
	rows, err := c.change(ctx, "DELETE FROM flows WHERE catalog = ? AND schema = ? AND name = ?", n.Catalog, n.Schema, n.Table)
	if err == nil && rows == 0 {
		err = flowNotFound(n)
	}
	return err
}

func flowNotFound(n Name) error {
	return errclass.New("FLOW_NOT_FOUND", "42704", "The flow %s cannot be found. Verify the spelling; to tolerate the error on drop use DROP FLOW IF EXISTS.", n)
}
