package delta

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/schema"
)

// origin says where rows come from, which decides the rules that apply.
type origin int

const (
	inserted origin = iota // new rows: every rule applies
	updated                // new images of rows: identity columns keep their values
)

// Supplied reports whether a [Writer] computes the column f for rows that
// lack it, other than as NULL: generated and identity columns, and those with
// a default.
func Supplied(f schema.Field) bool {
	_, generated := GenerationExpression(f)
	_, identity := IdentityOf(f)
	_, defaulted := DefaultExpression(f)
	return generated || identity || defaulted
}

// MissingColumnError says that rows lack a column that is NOT NULL and that
// nothing gives a value.
type MissingColumnError struct{ Column string }

func (e *MissingColumnError) Error() string {
	return fmt.Sprintf("column %s, which has a NOT NULL constraint, is missing from the data being written into the table", schema.QuoteIdent(e.Column))
}

// ErrorClass returns Delta's class of the error.
func (*MissingColumnError) ErrorClass() string { return "DELTA_MISSING_NOT_NULL_COLUMN_VALUE" }

// SQLState returns the error's SQLSTATE.
func (*MissingColumnError) SQLState() string { return "23502" }

// rules are what a table demands of rows, and how it completes them.
type rules struct {
	columns    *schema.Struct
	layout     []arrow.Field // of columns
	evaluator  Evaluator
	checks     []check
	identities map[int]*allocator // by column
}

func newRules(m *Metadata, e Evaluator) (*rules, error) {
	r := &rules{columns: m.Schema, layout: schema.ToArrow(m.Schema).Fields(), evaluator: e, identities: map[int]*allocator{}}
	var err error
	if r.checks, err = constraintChecks(m); err != nil {
		return nil, err
	}
	r.checks = append(r.checks, generatedChecks(m)...)
	for i, f := range m.Schema.Fields {
		if id, ok := IdentityOf(f); ok {
			r.identities[i] = &allocator{column: f.Name, Identity: id}
		}
	}
	return r, nil
}

// apply returns the rows with all columns of the table, after every rule that
// concerns rows of their origin; the caller releases it.
func (r *rules) apply(ctx context.Context, from origin, rows arrow.RecordBatch) (arrow.RecordBatch, error) {
	given, err := r.match(rows)
	if err != nil {
		return nil, err
	}
	if from == inserted {
		if err := r.refuseIdentities(given); err != nil {
			return nil, err
		}
	}
	full, err := r.complete(ctx, rows, given)
	if err != nil {
		return nil, err
	}
	err = r.refuseNullParents(full)
	if err == nil {
		err = r.verify(ctx, full, given)
	}
	if err != nil {
		full.Release()
		return nil, err
	}
	return full, nil
}

// match returns which column of the rows is which of the table's, -1 for
// those that are missing. Rows with as many columns as the table have them in
// its order; others have them by name.
func (r *rules) match(rows arrow.RecordBatch) ([]int, error) {
	given := make([]int, len(r.columns.Fields))
	if int(rows.NumCols()) == len(given) {
		for i := range given {
			given[i] = i
		}
		return given, nil
	}
	for i := range given {
		given[i] = -1
	}
	for c, f := range rows.Schema().Fields() {
		i := r.columns.Index(f.Name)
		if i < 0 || given[i] >= 0 {
			return nil, fmt.Errorf("write rows: record has %d columns, the table %d, and column %s is not one of them or comes twice",
				rows.NumCols(), len(given), schema.QuoteIdent(f.Name))
		}
		given[i] = c
	}
	return given, nil
}

func (r *rules) refuseIdentities(given []int) error {
	for i, id := range r.identities {
		if given[i] >= 0 && !id.Explicit {
			return &IdentityInsertError{Column: id.column}
		}
	}
	return nil
}

// refuseNullParents refuses null structs that have a NOT NULL field, at any
// depth of structs: to the table's rules the field is null too. Fields of
// structs that are there, files judge when they are encoded.
func (r *rules) refuseNullParents(rows arrow.RecordBatch) error {
	for i, f := range r.columns.Fields {
		if err := nullParent(f, f.Name, rows.Column(i)); err != nil {
			return err
		}
	}
	return nil
}

func nullParent(f schema.Field, path string, arr arrow.Array) error {
	typ, ok := f.Type.(*schema.Struct)
	rows, isStruct := arr.(*array.Struct)
	if !ok || !isStruct {
		return nil
	}
	for i, child := range typ.Fields {
		name := path + "." + child.Name
		if !child.Nullable && rows.NullN() > 0 {
			return &NotNullError{Column: name}
		}
		if err := nullParent(child, name, rows.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

// complete returns the rows with the columns that they lack: identities and
// defaults first, as generated columns are computed from them.
func (r *rules) complete(ctx context.Context, rows arrow.RecordBatch, given []int) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, len(given))
	defer releaseAll(columns)
	lacking := false
	for i, c := range given {
		if c < 0 {
			lacking = true
			continue
		}
		columns[i] = rows.Column(c)
		columns[i].Retain()
	}
	if !lacking {
		return batchOf(r.fields(columns), columns, rows.NumRows()), nil
	}
	for _, kind := range []func(schema.Field) (expression, bool){defaulting, generation} {
		if err := r.compute(ctx, columns, rows.NumRows(), kind); err != nil {
			return nil, err
		}
	}
	for i, f := range r.columns.Fields {
		if columns[i] != nil {
			continue
		}
		if !f.Nullable {
			return nil, &MissingColumnError{Column: f.Name}
		}
		columns[i] = array.MakeArrayOfNull(memory.DefaultAllocator, r.layout[i].Type, int(rows.NumRows()))
	}
	return batchOf(r.fields(columns), columns, rows.NumRows()), nil
}

// compute fills in the missing columns for which kind gives an expression;
// identity columns, which have none, along the way.
func (r *rules) compute(ctx context.Context, columns []arrow.Array, n int64, kind func(schema.Field) (expression, bool)) error {
	var places []int
	var exprs []expression
	var types []arrow.DataType
	for i, f := range r.columns.Fields {
		if columns[i] != nil {
			continue
		}
		if id := r.identities[i]; id != nil {
			values, err := id.take(n)
			if err != nil {
				return err
			}
			columns[i] = values
			continue
		}
		if x, ok := kind(f); ok {
			places, exprs, types = append(places, i), append(exprs, x), append(types, r.layout[i].Type)
		}
	}
	base := r.present(columns, n)
	defer base.Release()
	arrays, err := evaluate(ctx, r.evaluator, base, exprs, types)
	for i, arr := range arrays {
		columns[places[i]] = arr
	}
	return err
}

// present returns the batch of the columns that are there; those that are
// neither there nor to be computed are null.
func (r *rules) present(columns []arrow.Array, n int64) arrow.RecordBatch {
	var fields []arrow.Field
	var arrays []arrow.Array
	for i, c := range columns {
		switch {
		case c != nil:
			c.Retain()
		case Supplied(r.columns.Fields[i]):
			continue
		default:
			c = array.MakeArrayOfNull(memory.DefaultAllocator, r.layout[i].Type, int(n))
		}
		fields = append(fields, arrow.Field{Name: r.layout[i].Name, Type: c.DataType(), Nullable: true})
		arrays = append(arrays, c)
	}
	defer releaseAll(arrays)
	return batchOf(fields, arrays, n)
}

// fields describes columns, which may be dictionaries.
func (r *rules) fields(columns []arrow.Array) []arrow.Field {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: r.layout[i].Name, Type: c.DataType(), Nullable: true}
	}
	return fields
}

// verify evaluates the checks on complete rows. Generated columns that were
// missing have just been computed.
func (r *rules) verify(ctx context.Context, rows arrow.RecordBatch, given []int) error {
	var checks []*check
	var exprs []expression
	var types []arrow.DataType
	for i := range r.checks {
		c := &r.checks[i]
		if c.column != "" && given[r.columns.Index(c.column)] < 0 {
			continue
		}
		checks, exprs, types = append(checks, c), append(exprs, c.expression), append(types, arrow.FixedWidthTypes.Boolean)
	}
	results, err := evaluate(ctx, r.evaluator, rows, exprs, types)
	defer releaseAll(results)
	for i, result := range results {
		if err := checks[i].verify(result, rows); err != nil {
			return err
		}
	}
	return err
}

// metadata returns m with the high-water marks of identity columns moved, and
// whether any moved.
func (r *rules) metadata(m Metadata) (Metadata, bool) {
	moved := false
	for i, id := range r.identities {
		was, _ := IdentityOf(m.Schema.Fields[i])
		if id.HighWaterMark == nil || was.HighWaterMark != nil && *was.HighWaterMark == *id.HighWaterMark {
			continue
		}
		if !moved {
			m, moved = m.Clone(), true
		}
		id.Mark(&m.Schema.Fields[i])
	}
	return m, moved
}
