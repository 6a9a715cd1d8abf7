package sql

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// duckTypes holds DuckDB's names of the primitive types.
var duckTypes = map[schema.Primitive]string{
	schema.String: "VARCHAR", schema.Long: "BIGINT", schema.Integer: "INTEGER", schema.Short: "SMALLINT",
	schema.Byte: "TINYINT", schema.Float: "FLOAT", schema.Double: "DOUBLE", schema.Boolean: "BOOLEAN",
	schema.Binary: "BLOB", schema.Date: "DATE", schema.Timestamp: "TIMESTAMPTZ", schema.TimestampNTZ: "TIMESTAMP",
	schema.Void: `"NULL"`, schema.Variant: `STRUCT("variant value" BLOB, "variant metadata" BLOB)`, // see engine/duckdb
}

// duckType returns DuckDB's name of a type.
func (p *printer) duckType(t schema.Type, at Node) string {
	switch t := t.(type) {
	case schema.Decimal:
		return t.String()
	case schema.Array:
		return p.duckType(t.Element, at) + "[]"
	case schema.Map:
		return "MAP(" + p.duckType(t.Key, at) + ", " + p.duckType(t.Value, at) + ")"
	case *schema.Struct:
		if len(t.Fields) == 0 {
			p.fail(unsupported(at, "The type STRUCT<>"))
		}
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = ident(f.Name) + " " + p.duckType(f.Type, at)
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")"
	case schema.Primitive:
		if name, ok := duckTypes[t]; ok {
			return name
		}
	}
	p.fail(unsupported(at, "The type "+t.String()))
	return ""
}

// castPreparations are the functions of engine/duckdb's prelude.sql that give a
// value the form in which DuckDB's cast to a type has Spark's meaning: a
// fraction is cut off, not rounded, on the way to an integer; a timestamp is
// written in the session's zone without naming it; text becomes its UTF-8
// bytes.
var castPreparations = map[schema.Type]string{
	schema.Byte: "spark_integral", schema.Short: "spark_integral", schema.Integer: "spark_integral", schema.Long: "spark_integral",
	schema.String: "spark_text", schema.Binary: "spark_bytes", schema.Timestamp: "spark_instant", schema.Date: "spark_day",
}

// cast returns a cast of x. CAST fails where a value does not fit, TRY_CAST
// gives NULL.
func (p *printer) cast(x Expr, t *TypeName, try bool) string {
	if p.typeOf(x) == schema.Variant {
		return p.variantCast(p.text(x), t.Type, t, try)
	}
	if t.Type == schema.Variant {
		return p.toVariant(x, t)
	}
	switch from := p.typeOf(x); {
	case isInterval(t.Type):
		return p.toInterval(x, t, try)
	case isInterval(from) && t.Type == schema.String:
		return intervalText(p.text(x), from)
	case isInterval(from):
		return p.fromInterval(x, t, try)
	}
	text := p.text(x)
	to := p.duckType(t.Type, t)
	primitive, _ := t.Type.(schema.Primitive)
	prepare := castPreparations[primitive]
	if prepare == "spark_integral" && try {
		prepare = "spark_try_integral" // which does not fail
	}
	switch from := p.typeOf(x); {
	case from == schema.Timestamp && (isFloating(t.Type) || isDecimal(t.Type)):
		text = "epoch(" + text + ")"
	case t.Type == schema.String && isNested(from):
		return "spark_nested_text(" + intervalsAsText(text, from, 0) + ")"
	case from == schema.Boolean && isTime(t.Type), t.Type == schema.Date && isNumeric(from):
		p.fail(mismatch("CAST_WITHOUT_SUGGESTION", x.Pos(), "cannot cast "+strconv.Quote(from.String())+" to "+strconv.Quote(t.Type.String())+"."))
	}
	if prepare != "" && !castsPlainly(x, primitive) {
		text = p.typed(x, func(t string) string { return prepare + "(" + t + ")" })
	}
	if try {
		return "TRY_CAST(" + text + " AS " + to + ")"
	}
	return "CAST(" + text + " AS " + to + ")"
}

// isNested reports whether values of a type are made of others.
func isNested(t schema.Type) bool {
	switch t.(type) {
	case schema.Array, schema.Map, *schema.Struct:
		return true
	}
	return false
}

// mismatch is the error of an expression whose operands have the wrong types.
func mismatch(subclass string, at Range, text string) error {
	return &Error{Class: "DATATYPE_MISMATCH." + subclass, State: "42K09", Range: at, Text: "Data type mismatch: " + text}
}

// castsPlainly reports whether x is a literal whose cast needs no preparation.
func castsPlainly(x Expr, to schema.Primitive) bool {
	l, ok := x.(*Literal)
	if !ok {
		return false
	}
	switch l.Kind {
	case NullLiteral, BooleanLiteral, ByteLiteral, ShortLiteral, IntegerLiteral, LongLiteral:
		return to != schema.Timestamp && to != schema.Binary
	case StringLiteral:
		if to == schema.Date || to == schema.Timestamp {
			return len(l.Value) > len("2024-01")
		}
		return to != schema.Binary && !strings.Contains(l.Value, ".")
	case BinaryLiteral, DecimalLiteral, FloatLiteral, DoubleLiteral, DateLiteral, TimestampLiteral, TimestampNTZLiteral:
	}
	return false
}
