package definition

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

func (c *change) addColumns(action *sql.AddColumns) error {
	type added struct {
		Column   any    `json:"column"`
		Position string `json:"position,omitempty"`
	}
	var list []added
	for _, column := range action.Columns {
		def := column.Def
		if def.Default != nil {
			return errclass.New("WRONG_COLUMN_DEFAULTS_FOR_DELTA_ALTER_TABLE_ADD_COLUMN_NOT_SUPPORTED", "0AKDC",
				"Column %s cannot be added with a DEFAULT, which rows of the table would not have: add it first, then ALTER COLUMN %s SET DEFAULT.", def.Name, def.Name)
		}
		if def.Generated != nil || def.Identity != nil {
			return errclass.Unsupported("adding generated columns to a table", def.Name)
		}
		f := schema.Field{Name: def.Name, Type: def.Type.Type, Nullable: !def.NotNull}
		if def.Comment != "" {
			f.Metadata = map[string]any{"comment": def.Comment}
		}
		at, text := position(column.Place)
		if err := c.AddColumn(column.Within, f, at); err != nil {
			return err
		}
		list = append(list, added{historyColumn(append(slices.Clone(column.Within), def.Name), f), text})
	}
	c.operation, c.parameters = "ADD COLUMNS", map[string]any{"columns": list}
	return nil
}

func (c *change) dropColumns(action *sql.DropColumns) error {
	var names []string
	for _, column := range action.Columns {
		if _, err := c.Column(column.Parts); err != nil && action.IfExists {
			continue
		}
		if err := c.DropColumn(column.Parts); err != nil {
			return err
		}
		names = append(names, strings.Join(column.Parts, "."))
	}
	c.none = len(names) == 0
	c.operation, c.parameters = "DROP COLUMNS", map[string]any{"columns": names}
	return nil
}

// replaceColumns makes the columns those listed: columns that are there keep
// what is known of them, new ones are added, others dropped.
func (c *change) replaceColumns(action *sql.ReplaceColumns) error {
	wanted := schema.New()
	for _, column := range action.Columns {
		f := schema.Field{Name: column.Def.Name, Type: column.Def.Type.Type, Nullable: !column.Def.NotNull}
		if column.Def.Comment != "" {
			f.Metadata = map[string]any{"comment": column.Def.Comment}
		}
		wanted.Fields = append(wanted.Fields, f)
	}
	c.operation, c.parameters = "REPLACE COLUMNS", map[string]any{"columns": fieldList(wanted)}
	return c.ReplaceColumns(wanted)
}

func fieldList(s *schema.Struct) []any {
	list := make([]any, len(s.Fields))
	for i, f := range s.Fields {
		list[i] = rawField(f)
	}
	return list
}

// rawField is a field as the schema's JSON has it.
func rawField(f schema.Field) json.RawMessage {
	var s struct {
		Fields []json.RawMessage `json:"fields"`
	}
	if json.Unmarshal(schema.New(f).JSON(), &s) != nil || len(s.Fields) != 1 {
		return nil
	}
	return s.Fields[0]
}

// alterColumns runs ALTER COLUMN with one change or more, in one commit.
func (e *Editor) alterColumns(ctx context.Context, t *workspace.Table, base *delta.Snapshot, c *change, action *sql.AlterColumns) error {
	c.operation = "CHANGE COLUMN"
	for _, one := range action.Changes {
		path := one.Column.Parts
		before, err := c.Column(path)
		if err != nil && one.Kind != sql.ChangeType {
			return err
		}
		if _, identity := delta.IdentityOf(before); identity && one.Kind != sql.SyncIdentity && one.Kind != sql.SetComment && one.Kind != sql.MoveColumn {
			return errclass.New("DELTA_IDENTITY_COLUMNS_ALTER_COLUMN_NOT_SUPPORTED", "429BQ", "ALTER TABLE ALTER COLUMN is not supported for IDENTITY columns.")
		}
		if err := e.alterColumn(ctx, t, base, c, one); err != nil {
			return err
		}
		after, err := c.Column(path)
		if err != nil { // an element, key or value
			after = schema.Col(path[len(path)-1], one.Type.Type)
		}
		c.parameters["column"] = historyColumn(path, after)
	}
	return nil
}

func (e *Editor) alterColumn(ctx context.Context, t *workspace.Table, base *delta.Snapshot, c *change, one *sql.ColumnChange) error {
	path := one.Column.Parts
	switch one.Kind {
	case sql.ChangeType:
		return c.ChangeType(path, one.Type.Type)
	case sql.SetNotNull:
		return e.setNotNull(ctx, t, base, c, path)
	case sql.DropNotNull:
		return c.SetNullable(path, true)
	case sql.SetDefault:
		f, err := c.Column(path)
		if err != nil {
			return err
		}
		if err := e.checkDefault(ctx, f, one.Default.String()); err != nil {
			return err
		}
		return c.SetDefault(path, one.Default.String())
	case sql.DropDefault:
		return c.SetDefault(path, "")
	case sql.SetComment:
		return c.SetComment(path, one.Comment)
	case sql.MoveColumn:
		at, text := position(one.Place)
		c.parameters["position"] = text
		return c.MoveColumn(path, at)
	case sql.SyncIdentity:
		return e.syncIdentity(ctx, base, c, path)
	}
	return errclass.Unsupported("this change of a column", one.Column.String())
}

// setNotNull declares a column NOT NULL, of which no row may be null.
func (e *Editor) setNotNull(ctx context.Context, t *workspace.Table, base *delta.Snapshot, c *change, path []string) error {
	if err := c.SetNullable(path, false); err != nil {
		return err
	}
	c.rows = true
	column := &sql.Column{Parts: path}
	n, err := e.countViolations(ctx, base, column.String()+" IS NOT NULL")
	if err == nil && n > 0 {
		err = errclass.New("DELTA_NEW_NOT_NULL_VIOLATION", "23512", "%d rows in %s violate the new NOT NULL constraint on %s.", n, t.Name, column)
	}
	return err
}

func countTrue(arr arrow.Array) int64 {
	truth, ok := arr.(*array.Boolean)
	if !ok {
		return 0
	}
	n := int64(0)
	for i := range truth.Len() {
		if truth.IsValid(i) && truth.Value(i) {
			n++
		}
	}
	return n
}
