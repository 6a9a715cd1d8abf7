package session

import (
	"slices"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// resolveDefaults replaces the word DEFAULT among the values of an INSERT by
// the default of its column, and types those that are NULL alone. A column that is generated has none: where every
// row says DEFAULT it is left out of the INSERT, so that it is generated.
func resolveDefaults(stmt *sql.Insert, table *schema.Struct) error {
	rows := insertedRows(stmt.Query)
	typeNulls(stmt, rows, table)
	if !slices.ContainsFunc(rows, func(row *[]sql.Expr) bool { return slices.ContainsFunc(*row, sql.IsDefault) }) {
		return nil
	}
	names := stmt.Columns
	if len(names) == 0 {
		names = table.Names()
	}
	var kept []string
	var drop []int
	for i, name := range names {
		at := table.Index(name)
		if at < 0 || slices.ContainsFunc(rows, func(row *[]sql.Expr) bool { return len(*row) != len(names) }) {
			return nil // an error that is told better later
		}
		f := table.Fields[at]
		if computed(f) && everyDefault(rows, i) {
			drop = append(drop, i)
			continue
		}
		kept = append(kept, name)
		if err := fillDefault(rows, i, f); err != nil {
			return err
		}
	}
	for _, row := range rows {
		for _, i := range slices.Backward(drop) {
			*row = slices.Delete(*row, i, i+1)
		}
	}
	if len(drop) > 0 {
		stmt.Columns = kept
	}
	return nil
}

// typeNulls gives columns of VALUES that are NULL in every row the type of the
// table's column: by themselves they have one that may not fit it.
func typeNulls(stmt *sql.Insert, rows []*[]sql.Expr, table *schema.Struct) {
	names := stmt.Columns
	if len(names) == 0 {
		names = table.Names()
	}
	for i, name := range names {
		at := table.Index(name)
		if at < 0 || slices.ContainsFunc(rows, func(row *[]sql.Expr) bool { return i >= len(*row) || !isNull((*row)[i]) }) {
			continue
		}
		for _, row := range rows {
			(*row)[i] = &sql.Cast{X: (*row)[i], Type: &sql.TypeName{Type: table.Fields[at].Type}}
		}
	}
}

func isNull(e sql.Expr) bool {
	l, ok := e.(*sql.Literal)
	return ok && l.Kind == sql.NullLiteral
}

// computed reports whether values of a column are generated.
func computed(f schema.Field) bool {
	_, defaulted := delta.DefaultExpression(f)
	return delta.Supplied(f) && !defaulted
}

func everyDefault(rows []*[]sql.Expr, i int) bool {
	return !slices.ContainsFunc(rows, func(row *[]sql.Expr) bool { return !sql.IsDefault((*row)[i]) })
}

// fillDefault puts the default of a column in place of the word.
func fillDefault(rows []*[]sql.Expr, i int, f schema.Field) error {
	text, ok := delta.DefaultExpression(f)
	if !ok {
		text = "NULL"
	}
	for _, row := range rows {
		if !sql.IsDefault((*row)[i]) {
			continue
		}
		if computed(f) {
			return errclass.New("DEFAULT_PLACEMENT_INVALID", "42608",
				"Column %s is generated: give it DEFAULT in every row, or leave it out of the column list.", schema.QuoteIdent(f.Name))
		}
		value, err := sql.ParseExpr("CAST((" + text + ") AS " + f.Type.String() + ")")
		if err != nil {
			return err
		}
		(*row)[i] = value
	}
	return nil
}

// insertedRows returns the rows of VALUES, to be changed in place.
func insertedRows(q *sql.Query) []*[]sql.Expr {
	var rows []*[]sql.Expr
	if values, ok := q.Body.(*sql.Values); ok {
		for i, row := range values.Rows {
			tuple, ok := row.(*sql.Tuple)
			if !ok {
				tuple = &sql.Tuple{Range: row.Pos(), Items: []sql.Expr{row}}
				values.Rows[i] = tuple
			}
			rows = append(rows, &tuple.Items)
		}
	}
	return rows
}
