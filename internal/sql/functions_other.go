package sql

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/freshet/freshet/schema"
)

var jsonFunctions = functionTable{
	"from_json":         fromJSON,
	"get_json_object":   getJSONObject,
	"json_array_length": expr("spark_json_array_length($1)"),
	"json_object_keys":  expr("spark_json_object_keys($1)"),
	"to_json":           toJSON,
}

// bracketKey is a key between brackets in a path of Hive's, which DuckDB does
// not have.
var bracketKey = regexp.MustCompile(`\['([^'"]*)'\]`)

// getJSONObject is get_json_object(text, path).
func getJSONObject(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 2 {
		return "", wrongArguments(call, "2")
	}
	path, function := p.text(call.Args[1]), "spark_get_json_object("
	if text, ok := constant(call.Args[1]); ok {
		path = stringText(bracketKey.ReplaceAllString(text, `."$1"`))
		if strings.Contains(text, "[*]") {
			function = "spark_get_json_objects("
		}
	}
	return function + p.text(call.Args[0]) + ", " + path + ")", nil
}

// fromJSON is from_json(text, 'schema'), the schema a literal in DDL.
func fromJSON(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 2 && len(call.Args) != 3 {
		return "", wrongArguments(call, countText(2, 3))
	}
	if len(call.Args) == 3 {
		return "", unsupported(call.Args[2], "An option of from_json")
	}
	t, err := fromJSONType(call)
	if err != nil {
		return "", err
	}
	if t == schema.Variant {
		return "spark_try_parse_json(" + p.text(call.Args[0]) + ")", nil
	}
	structure, err := json.Marshal(jsonStructure(p, t, call))
	if err != nil {
		return "", err
	}
	malformed := "NULL"
	if _, ok := t.(*schema.Struct); ok {
		malformed = "'{}'"
	}
	made := "from_json(CASE WHEN json_valid(" + p.text(call.Args[0]) + ") THEN " + p.text(call.Args[0]) +
		" WHEN " + p.operand(call.Args[0]) + " IS NOT NULL THEN " + malformed + " END, " + stringText(string(structure)) + ")"
	return decoder{schema.Variant: "spark_try_parse_json(CAST($1 AS VARCHAR))"}.decoded(made, t, 0), nil
}

// fromJSONType is the type that a call of from_json names.
func fromJSONType(call *FunctionCall) (schema.Type, error) {
	ddl, ok := constant(call.Args[1])
	if !ok {
		return nil, unsupported(call.Args[1], "A schema that is not a literal")
	}
	if t, err := schema.ParseType(ddl); err == nil {
		return t, nil
	}
	s, err := schema.ParseDDL(ddl)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// jsonStructure is a type as DuckDB's from_json describes it: a name, an
// object of fields, or a list of one element.
func jsonStructure(p *printer, t schema.Type, at Node) any {
	switch t := t.(type) {
	case *schema.Struct:
		fields := orderedFields{}
		for _, f := range t.Fields {
			fields = append(fields, orderedField{f.Name, jsonStructure(p, f.Type, at)})
		}
		return fields
	case schema.Array:
		return []any{jsonStructure(p, t.Element, at)}
	case schema.Map:
		if t.Value == schema.Variant {
			return "MAP(" + p.duckType(t.Key, at) + ", JSON)"
		}
		if hasVariant(t.Value) {
			p.fail(unsupported(at, "A VARIANT deep in the values of a map in the schema of from_json"))
		}
	case schema.Primitive:
		if t == schema.Variant {
			return "JSON" // as it stands
		}
	}
	return p.duckType(t, at)
}

// orderedFields is a JSON object that keeps its order.
type orderedFields []orderedField

type orderedField struct {
	name  string
	value any
}

// MarshalJSON implements [json.Marshaler].
func (f orderedFields) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, field := range f {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(field.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(field.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

// castFunctions are types called as functions.
var castFunctions = functionTable{
	"bigint":    castTo(schema.Long),
	"binary":    expr("spark_bytes($1)"),
	"boolean":   castTo(schema.Boolean),
	"date":      castTo(schema.Date),
	"decimal":   castTo(schema.Decimal{Precision: 10}),
	"double":    castTo(schema.Double),
	"float":     castTo(schema.Float),
	"int":       castTo(schema.Integer),
	"smallint":  castTo(schema.Short),
	"string":    castTo(schema.String),
	"timestamp": castTo(schema.Timestamp),
	"tinyint":   castTo(schema.Byte),
}

// castTo is the cast that the printer writes.
func castTo(t schema.Type) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) != 1 {
			return "", wrongArguments(call, "1")
		}
		return p.text(&Cast{Range: call.Range, X: call.Args[0], Type: &TypeName{Range: call.Range, Type: t}}), nil
	}
}

// value is a function whose result the printer's user knows.
func value(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) > 0 {
		return "", wrongArguments(call, "no")
	}
	text, ok := p.given[call.Func()]
	if !ok {
		return "", unsupported(call, "The function "+call.Func()+" outside of a session")
	}
	return stringText(text), nil
}

var otherFunctions = functionTable{
	"current_catalog": value, "current_database": value, "current_schema": value, "current_user": value,
	"session_user": value, "user": value, "version": value,
	"assert_true": expr("CASE WHEN NOT coalesce($1, false) THEN "+failing("USER_RAISED_EXCEPTION", "P0001", "The assertion is not true.")+" END",
		"CASE WHEN NOT coalesce($1, false) THEN error('[USER_RAISED_EXCEPTION] ' || $2 || ' SQLSTATE: P0001') END"),
	"monotonically_increasing_id": expr("(row_number() OVER () - 1)"),
	"raise_error":                 expr("error('[USER_RAISED_EXCEPTION] ' || $1 || ' SQLSTATE: P0001')"),
	"typeof":                      typeOf,
}

// typeOf is the name of its argument's type.
func typeOf(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) == 1 && hasInterval(p.typeOf(call.Args[0])) {
		return stringText(strings.ToLower(p.typeOf(call.Args[0]).String())), nil
	}
	return expr("spark_typeof(typeof($1))")(p, call)
}
