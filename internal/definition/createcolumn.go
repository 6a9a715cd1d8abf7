package definition

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// declaredColumns returns the columns listed in a CREATE TABLE, those that
// PARTITIONED BY declares with a type included.
func (e *Editor) declaredColumns(ctx context.Context, stmt *sql.CreateTable) (*schema.Struct, error) {
	out := schema.New()
	defs := stmt.Columns
	for _, p := range stmt.PartitionedBy {
		if p.Type != nil {
			defs = append(slices.Clip(defs), p)
		}
	}
	for _, c := range defs {
		f, err := e.declaredColumn(ctx, c)
		if err != nil {
			return nil, err
		}
		partition := slices.ContainsFunc(stmt.PartitionedBy, func(p *sql.ColumnDef) bool { return p.Name == c.Name })
		if c.Identity != nil && partition {
			return nil, errclass.New("DELTA_IDENTITY_COLUMNS_PARTITION_NOT_SUPPORTED", "42601", "PARTITIONED BY IDENTITY column %s is not supported.", c.Name)
		}
		out.Fields = append(out.Fields, f)
	}
	return out, nil
}

func (e *Editor) declaredColumn(ctx context.Context, c *sql.ColumnDef) (schema.Field, error) {
	f := schema.Field{Name: c.Name, Type: c.Type.Type, Nullable: !c.NotNull, Metadata: map[string]any{}}
	if c.Comment != "" {
		f.Metadata["comment"] = c.Comment
	}
	if c.Default != nil && (c.Generated != nil || c.Identity != nil) {
		return f, errclass.New("GENERATED_COLUMN_WITH_DEFAULT_VALUE", "42623",
			"A column cannot have both a default value and generated values, but column %s has default value %s.", c.Name, c.Default)
	}
	if c.Default != nil {
		delta.SetDefault(&f, c.Default.String())
	}
	if c.Generated != nil {
		delta.SetGeneration(&f, c.Generated.String())
	}
	if c.Identity == nil {
		return f, nil
	}
	id, err := e.identity(ctx, c)
	if err == nil {
		id.Mark(&f)
	}
	return f, err
}

// identity returns the numbers of an identity column.
func (e *Editor) identity(ctx context.Context, c *sql.ColumnDef) (delta.Identity, error) {
	id := delta.Identity{Start: 1, Step: 1, Explicit: !c.Identity.Always}
	if c.Type.Type != schema.Long {
		return id, errclass.New("DELTA_IDENTITY_COLUMNS_UNSUPPORTED_DATA_TYPE", "428H2",
			"DataType %s is not supported for IDENTITY columns; column %s must be BIGINT.", c.Type.Type, c.Name)
	}
	for _, number := range []struct {
		expr sql.Expr
		into *int64
	}{{c.Identity.Start, &id.Start}, {c.Identity.Increment, &id.Step}} {
		if number.expr == nil {
			continue
		}
		text, err := e.planner.Constant(ctx, number.expr)
		if err != nil {
			return id, err
		}
		if *number.into, err = strconv.ParseInt(text, 10, 64); err != nil {
			return id, errclass.New("IDENTITY_COLUMNS_ILLEGAL_NUMBER", "42601", "The numbers of IDENTITY column %s are of type BIGINT, and %s is not.", c.Name, text)
		}
	}
	if id.Step == 0 {
		return id, errclass.New("IDENTITY_COLUMNS_ILLEGAL_STEP", "42611", "IDENTITY column step cannot be 0.")
	}
	return id, nil
}

// declareConstraints adds the CHECK constraints of a CREATE TABLE.
func (e *Editor) declareConstraints(meta *delta.Metadata, constraints []*sql.Constraint) error {
	for i, c := range constraints {
		if c.Kind != "CHECK" {
			return errclass.Unsupported(c.Kind+" constraints", c.String())
		}
		name := c.Name
		if name == "" {
			name = fmt.Sprintf("constraint_%d", i+1)
		}
		if err := meta.AddConstraint(delta.Constraint{Name: name, Expr: c.Check.String()}); err != nil {
			return err
		}
	}
	return nil
}

// checkRules checks the expressions of a new table's rules against its
// columns.
func (e *Editor) checkRules(ctx context.Context, meta delta.Metadata) error {
	base := schema.New()
	for _, f := range meta.Schema.Fields {
		if _, generated := delta.GenerationExpression(f); !generated {
			base.Fields = append(base.Fields, f)
		}
	}
	for _, f := range meta.Schema.Fields {
		if expr, ok := delta.DefaultExpression(f); ok {
			if err := e.checkDefault(ctx, f, expr); err != nil {
				return err
			}
		}
		if expr, ok := delta.GenerationExpression(f); ok {
			if err := e.checkGenerated(ctx, meta.Schema, base, f, expr); err != nil {
				return err
			}
		}
	}
	for _, c := range meta.Constraints() {
		if err := e.checkConstraint(ctx, meta.Schema, c); err != nil {
			return err
		}
	}
	return nil
}

// checkDefault checks that a default is a value of the column's type.
func (e *Editor) checkDefault(ctx context.Context, f schema.Field, expr string) error {
	t, err := e.planner.Rules.Type(ctx, schema.New(), expr)
	if err != nil {
		return errclass.New("INVALID_DEFAULT_VALUE.UNRESOLVED_EXPRESSION", "42623",
			"Column %s cannot have the DEFAULT value %s: it must be an expression without columns: %v", schema.QuoteIdent(f.Name), expr, err)
	}
	if !conform.Assignable(t, f.Type) {
		return errclass.New("INVALID_DEFAULT_VALUE.DATA_TYPE", "42623",
			"Column %s of type %s cannot have the DEFAULT value %s, which is of type %s.", schema.QuoteIdent(f.Name), f.Type, expr, t)
	}
	return nil
}

// checkGenerated checks the expression of a generated column, which may only
// name columns that are not generated, and always give the same value.
func (e *Editor) checkGenerated(ctx context.Context, all, base *schema.Struct, f schema.Field, expr string) error {
	refuse := func(why string) error {
		return errclass.New("UNSUPPORTED_EXPRESSION_GENERATED_COLUMN", "42621",
			"Cannot create generated column %s with generation expression %s because %s.", f.Name, expr, why)
	}
	parsed, err := sql.ParseExpr(expr)
	if err != nil {
		return err
	}
	var found error
	sql.Inspect(parsed, func(n sql.Node) bool {
		switch n := n.(type) {
		case *sql.FunctionCall:
			if sql.IsVolatile(n.Func()) {
				found = refuse("generation expression is not deterministic")
			}
		case *sql.Column:
			if i := all.Index(n.Parts[0]); i >= 0 && base.Index(n.Parts[0]) < 0 {
				found = refuse("generation expression cannot reference another generated column")
			}
		}
		return found == nil
	})
	if found != nil {
		return found
	}
	t, err := e.planner.Rules.Type(ctx, base, expr)
	if err != nil {
		return err
	}
	if !conform.Assignable(t, f.Type) {
		return errclass.New("DELTA_GENERATED_COLUMNS_EXPR_TYPE_MISMATCH", "42K09",
			"The expression type of the generated column %s is %s, but the column type is %s.", f.Name, t, f.Type)
	}
	return nil
}

// checkConstraint checks that a constraint is a condition on the columns.
func (e *Editor) checkConstraint(ctx context.Context, columns *schema.Struct, c delta.Constraint) error {
	t, err := e.planner.Rules.Type(ctx, columns, c.Expr)
	if err == nil && t != schema.Boolean {
		err = errclass.New("DELTA_NON_BOOLEAN_CHECK_CONSTRAINT", "42621", "CHECK constraint '%s' (%s) should be a boolean expression.", c.Name, c.Expr)
	}
	return err
}
