//go:build duckdb_arrow

package duckdb

import (
	"fmt"
	"slices"
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// function is a scalar function in Go, for what macros cannot express.
type function struct {
	takes   []bindings.Type
	returns bindings.Type
	scale   int // of a decimal that it returns, of 38 digits
	// nulls says that NULL arguments reach row; otherwise they make NULL.
	nulls bool
	// row computes row i of out from the arguments' row i.
	row rowFunction
	// bind makes row, where that depends on the arguments' types. It sees the
	// columns of one chunk and may refuse them.
	bind func(args []column) (rowFunction, error)
	// trying is bind for rows that may fail.
	trying func(args []column) (tryingRow, error)
}

// rowFunction computes row i of out from the arguments' row i.
type rowFunction func(args []column, i int, out column)

// tryingRow is a rowFunction that may fail, and the query with it.
type tryingRow func(args []column, i int, out column) error

// column is a flat vector of DuckDB's.
type column struct {
	vector   bindings.Vector
	data     unsafe.Pointer
	validity unsafe.Pointer // nil: no NULLs
	parts    []column       // of a variant
}

func newColumn(v bindings.Vector) column {
	return column{vector: v, data: bindings.VectorGetData(v), validity: bindings.VectorGetValidity(v)}
}

func (c column) null(i int) bool {
	return c.validity != nil && *(*uint64)(unsafe.Add(c.validity, i/64*8))>>(i%64)&1 == 0
}

// at returns row i of a column whose rows are laid out as T.
func at[T any](c column, i int) *T {
	var t T
	return (*T)(unsafe.Add(c.data, uintptr(i)*unsafe.Sizeof(t)))
}

// kind returns the type of a column's values.
func (c column) kind() bindings.Type {
	t := bindings.VectorGetColumnType(c.vector)
	defer bindings.DestroyLogicalType(&t)
	return bindings.GetTypeId(t)
}

func (c column) text(i int) string { return bindings.StringTData(at[bindings.StringT](c, i)) }

func (c column) setText(i int, s string) {
	bindings.VectorAssignStringElementLen(c.vector, bindings.IdxT(i), []byte(s))
}

func (c column) setNull(i int) {
	bindings.VectorEnsureValidityWritable(c.vector)
	bindings.ValiditySetRowInvalid(bindings.VectorGetValidity(c.vector), bindings.IdxT(i))
	for _, p := range c.parts {
		p.setNull(i)
	}
}

// apply computes a chunk of rows.
func (f *function) apply(in bindings.DataChunk, out bindings.Vector) error {
	args := make([]column, len(f.takes))
	for i := range args {
		args[i] = newColumn(bindings.DataChunkGetVector(in, bindings.IdxT(i)))
		if f.takes[i] == variantType {
			args[i] = args[i].variant()
		}
	}
	rows := int(bindings.DataChunkGetSize(in))
	if rows == 0 {
		return nil
	}
	row, err := f.prepare(args)
	if err != nil {
		return err
	}
	result := newColumn(out)
	if f.returns == variantType {
		result = result.variant()
	}
	for i := range rows {
		if !f.nulls && slices.ContainsFunc(args, func(c column) bool { return c.null(i) }) {
			result.setNull(i)
			continue
		}
		if err := row(args, i, result); err != nil {
			return err
		}
	}
	return nil
}

// prepare returns what computes the rows of a chunk.
func (f *function) prepare(args []column) (tryingRow, error) {
	if f.trying != nil {
		return f.trying(args)
	}
	row := f.row
	if f.bind != nil {
		var err error
		if row, err = f.bind(args); err != nil {
			return nil, err
		}
	}
	return func(args []column, i int, out column) error {
		row(args, i, out)
		return nil
	}, nil
}

// register makes functions of one name, which differ in what they take, known
// to the whole database.
func register(c *conn, name string, functions []*function, handleOf func(any) *handle) error {
	set := bindings.CreateScalarFunctionSet(name)
	defer bindings.DestroyScalarFunctionSet(&set)
	for _, f := range functions {
		sf := bindings.CreateScalarFunction()
		bindings.ScalarFunctionSetName(sf, name)
		for _, t := range f.takes {
			lt := logicalType(t)
			bindings.ScalarFunctionAddParameter(sf, lt)
			bindings.DestroyLogicalType(&lt)
		}
		lt := f.result()
		bindings.ScalarFunctionSetReturnType(sf, lt)
		bindings.DestroyLogicalType(&lt)
		if f.nulls {
			bindings.ScalarFunctionSetSpecialHandling(sf)
		}
		bindings.ScalarFunctionSetExtraInfo(sf, handleOf(f).pointer(), nil)
		bindings.ScalarFunctionSetFunction(sf, call)
		bindings.AddScalarFunctionToSet(set, sf)
		bindings.DestroyScalarFunction(&sf)
	}
	if bindings.RegisterScalarFunctionSet(c.c, set) == bindings.StateError {
		return fmt.Errorf("register function %s", name)
	}
	return nil
}

// result is the type of what a function returns.
func (f *function) result() bindings.LogicalType {
	if f.returns == bindings.TypeDecimal {
		return bindings.CreateDecimalType(uint8(len(tens)-1), uint8(f.scale))
	}
	return logicalType(f.returns)
}

// logicalType is the type, where LIST means a list of strings and STRUCT a
// variant.
func logicalType(t bindings.Type) bindings.LogicalType {
	switch t {
	case bindings.TypeList:
		text := bindings.CreateLogicalType(bindings.TypeVarchar)
		defer bindings.DestroyLogicalType(&text)
		return bindings.CreateListType(text)
	case variantType:
		bytes := bindings.CreateLogicalType(bindings.TypeBlob)
		defer bindings.DestroyLogicalType(&bytes)
		return bindings.CreateStructType([]bindings.LogicalType{bytes, bytes}, variantFields[:])
	default:
		return bindings.CreateLogicalType(t)
	}
}
