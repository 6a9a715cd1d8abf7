//go:build duckdb_arrow

package duckdb

import (
	"fmt"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// function is a scalar function in Go.
type function struct {
	name    string
	takes   []bindings.Type
	returns bindings.Type
	apply   func(args bindings.DataChunk, out bindings.Vector) error
}

// functions are those of Spark's that DuckDB's cannot express.
var functions = []*function{}

// register makes f known to the whole database.
func (f *function) register(c *conn, h *handle) error {
	sf := bindings.CreateScalarFunction()
	defer bindings.DestroyScalarFunction(&sf)
	bindings.ScalarFunctionSetName(sf, f.name)
	for _, t := range f.takes {
		lt := bindings.CreateLogicalType(t)
		bindings.ScalarFunctionAddParameter(sf, lt)
		bindings.DestroyLogicalType(&lt)
	}
	lt := bindings.CreateLogicalType(f.returns)
	bindings.ScalarFunctionSetReturnType(sf, lt)
	bindings.DestroyLogicalType(&lt)
	bindings.ScalarFunctionSetExtraInfo(sf, h.pointer(), nil)
	bindings.ScalarFunctionSetFunction(sf, call)
	if bindings.RegisterScalarFunction(c.c, sf) == bindings.StateError {
		return fmt.Errorf("register function %s", f.name)
	}
	return nil
}
