//go:build duckdb_arrow

package duckdb

import (
	"fmt"
	"strings"

	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/freshet/freshet/internal/errclass"
)

// normalised returns the query with its result cast to types that Delta has,
// and whether that changed it.
func normalised(stmt bindings.PreparedStatement, query string) (string, bool) {
	n := bindings.PreparedStatementColumnCount(stmt)
	columns, names := make([]string, n), make([]string, n)
	changed := false
	for i := range n {
		t := bindings.PreparedStatementColumnLogicalType(stmt, i)
		to, differs := resultType(t)
		bindings.DestroyLogicalType(&t)
		alias := fmt.Sprintf("c%d", i)
		names[i], columns[i] = alias, alias
		if differs {
			columns[i] = "CAST(" + alias + " AS " + to + ")"
			changed = true
		}
		columns[i] += " AS " + quoteIdent(bindings.PreparedStatementColumnName(stmt, i))
	}
	if !changed {
		return query, false
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM (" + query + "\n) AS result(" + strings.Join(names, ", ") + ")", true
}

// simpleTypes are the types that a result may have, and how to write them.
var simpleTypes = map[bindings.Type]string{
	bindings.TypeBoolean:     "BOOLEAN",
	bindings.TypeTinyInt:     "TINYINT",
	bindings.TypeSmallInt:    "SMALLINT",
	bindings.TypeInteger:     "INTEGER",
	bindings.TypeBigInt:      "BIGINT",
	bindings.TypeFloat:       "FLOAT",
	bindings.TypeDouble:      "DOUBLE",
	bindings.TypeDate:        "DATE",
	bindings.TypeTimestamp:   "TIMESTAMP",
	bindings.TypeTimestampTZ: "TIMESTAMPTZ",
	bindings.TypeVarchar:     "VARCHAR",
	bindings.TypeBlob:        "BLOB",
	bindings.TypeSQLNull:     `"NULL"`,
	bindings.TypeInvalid:     "VARCHAR",
}

// widenedTypes are those that become another type: the nearest that holds
// every value, except that 128-bit integers, which DuckDB's sum and count_if
// return, become BIGINT as in Spark and overflow. The rest becomes a string.
var widenedTypes = map[bindings.Type]string{
	bindings.TypeUTinyInt:    "SMALLINT",
	bindings.TypeUSmallInt:   "INTEGER",
	bindings.TypeUInteger:    "BIGINT",
	bindings.TypeUBigInt:     "DECIMAL(20,0)",
	bindings.TypeHugeInt:     "BIGINT",
	bindings.TypeUHugeInt:    "BIGINT",
	bindings.TypeTimestampS:  "TIMESTAMP",
	bindings.TypeTimestampMS: "TIMESTAMP",
	bindings.TypeTimestampNS: "TIMESTAMP",
}

// resultType returns the type that a result of type t is cast to, in DuckDB's
// words, and whether it differs from t.
func resultType(t bindings.LogicalType) (to string, differs bool) {
	id := bindings.GetTypeId(t)
	if alias := bindings.LogicalTypeGetAlias(t); alias == "JSON" {
		return "VARCHAR", true
	}
	if name, ok := simpleTypes[id]; ok {
		return name, false
	}
	if name, ok := widenedTypes[id]; ok {
		return name, true
	}
	switch id {
	case bindings.TypeDecimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", bindings.DecimalWidth(t), bindings.DecimalScale(t)), false
	case bindings.TypeList:
		elem, differs := childType(bindings.ListTypeChildType(t))
		return elem + "[]", differs
	case bindings.TypeArray:
		elem, _ := childType(bindings.ArrayTypeChildType(t))
		return elem + "[]", true
	case bindings.TypeMap:
		key, keyDiffers := childType(bindings.MapTypeKeyType(t))
		value, valueDiffers := childType(bindings.MapTypeValueType(t))
		return "MAP(" + key + ", " + value + ")", keyDiffers || valueDiffers
	case bindings.TypeStruct:
		fields := make([]string, bindings.StructTypeChildCount(t))
		for i := range fields {
			field, fieldDiffers := childType(bindings.StructTypeChildType(t, bindings.IdxT(i)))
			differs = differs || fieldDiffers
			fields[i] = quoteIdent(bindings.StructTypeChildName(t, bindings.IdxT(i))) + " " + field
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")", differs
	}
	return "VARCHAR", true
}

func childType(t bindings.LogicalType) (to string, differs bool) {
	defer bindings.DestroyLogicalType(&t)
	return resultType(t)
}

func quoteIdent(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoteString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// refuseIntervals fails for a result with an interval in it: the printer writes
// those as text whose type it knows.
func refuseIntervals(stmt bindings.PreparedStatement) error {
	for i := range bindings.PreparedStatementColumnCount(stmt) {
		if hasInterval(bindings.PreparedStatementColumnLogicalType(stmt, i)) {
			return errclass.New("UNSUPPORTED_FEATURE", "0A000",
				"A column of the result has an interval whose type is known only when the query runs, which is not supported by this engine.")
		}
	}
	return nil
}

// hasInterval destroys t.
func hasInterval(t bindings.LogicalType) bool {
	defer bindings.DestroyLogicalType(&t)
	switch bindings.GetTypeId(t) {
	case bindings.TypeInterval:
		return true
	case bindings.TypeList:
		return hasInterval(bindings.ListTypeChildType(t))
	case bindings.TypeMap:
		return hasInterval(bindings.MapTypeKeyType(t)) || hasInterval(bindings.MapTypeValueType(t))
	case bindings.TypeStruct:
		for i := range bindings.StructTypeChildCount(t) {
			if hasInterval(bindings.StructTypeChildType(t, i)) {
				return true
			}
		}
	}
	return false
}
