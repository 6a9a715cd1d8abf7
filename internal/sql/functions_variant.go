package sql

import (
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

var variantFunctions = functionTable{
	"is_variant_null":       ofVariant("spark_is_variant_null($1)"),
	"parse_json":            parseJSON("spark_parse_json"),
	"schema_of_variant":     ofVariant("spark_schema_of_variant($1)"),
	"schema_of_variant_agg": expr("regexp_extract(spark_schema_of_variant(spark_to_variant(coalesce(list($1)$F, []))), '^ARRAY<(.*)>$', 1)"),
	"to_variant_object":     toVariantObject,
	"try_parse_json":        parseJSON("spark_try_parse_json"),
	"try_variant_get":       variantGet(true),
	"variant_get":           variantGet(false),
}

// sessionZone is the session's time zone in DuckDB.
const sessionZone = "current_setting('TimeZone')"

// parseJSON is parse_json(text) by a function of the engine.
func parseJSON(function string) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) != 1 {
			return "", wrongArguments(call, "1")
		}
		if t := p.typeOf(call.Args[0]); t != nil && t != schema.String && t != schema.Void {
			return "", wrongInput(p, call.Args[0], "STRING", t)
		}
		return function + "(CAST(" + p.text(call.Args[0]) + " AS VARCHAR))", nil
	}
}

// ofVariant is a function of a variant alone.
func ofVariant(template string) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) != 1 {
			return "", wrongArguments(call, "1")
		}
		x, err := p.variantArgument(call.Args[0])
		return strings.ReplaceAll(template, "$1", x), err
	}
}

// variantArgument returns the text of an argument that must be a variant; a
// constant NULL is one.
func (p *printer) variantArgument(e Expr) (string, error) {
	switch t := p.typeOf(e); t {
	case nil, schema.Variant:
		return p.text(e), nil
	case schema.Void:
		return "CAST(NULL AS " + duckTypes[schema.Variant] + ")", nil
	default:
		return "", wrongInput(p, e, "VARIANT", t)
	}
}

func wrongInput(p *printer, e Expr, want string, have schema.Type) error {
	return mismatch("UNEXPECTED_INPUT_TYPE", e.Pos(), "the parameter requires the \""+want+"\" type, however "+
		strconv.Quote(p.pretty(e))+" has the type "+strconv.Quote(have.String())+".")
}

// variantGet is variant_get(variant, path[, 'type']), or try_variant_get.
func variantGet(try bool) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) != 2 && len(call.Args) != 3 {
			return "", wrongArguments(call, countText(2, 3))
		}
		x, err := p.variantArgument(call.Args[0])
		if err != nil {
			return "", err
		}
		part := "spark_variant_get(" + x + ", CAST(" + p.text(call.Args[1]) + " AS VARCHAR))"
		if len(call.Args) == 2 {
			return part, nil
		}
		ddl, ok := constant(call.Args[2])
		if !ok {
			return "", unsupported(call.Args[2], "A type of "+call.Func()+" that is not a literal")
		}
		t, err := schema.ParseType(ddl)
		if err != nil {
			return "", &Error{
				Class: "UNSUPPORTED_DATATYPE", State: "0A000", Range: call.Args[2].Pos(),
				Text: "Unsupported data type " + strconv.Quote(strings.ToUpper(ddl)) + ".",
			}
		}
		return p.variantCast(part, t, call, try), nil
	}
}

// variantGetType is the type of a call of variant_get, nil when it has none.
func variantGetType(call *FunctionCall) schema.Type {
	if len(call.Args) < 3 {
		return schema.Variant
	}
	ddl, _ := constant(call.Args[2])
	t, err := schema.ParseType(ddl)
	if err != nil {
		return nil
	}
	return t
}

// variantPath prints v:path.
func (p *printer) variantPath(e *JSONPath) {
	var path strings.Builder
	path.WriteString("$")
	for _, s := range e.Steps {
		switch s.Kind {
		case KeyStep:
			quote := `"`
			if strings.Contains(s.Key, `"`) {
				quote = "'"
			}
			path.WriteString("[" + quote + s.Key + quote + "]")
		case IndexStep:
			path.WriteString("[" + formatInt(int64(s.Index)) + "]")
		case WildcardStep:
			p.fail(unsupported(e, "A path through every element of a VARIANT"))
		}
	}
	p.put("spark_variant_get(", p.text(e.X), ", ", stringText(path.String()), ")")
}

// variantCast returns the cast of a variant, whose text x is, to t.
func (p *printer) variantCast(x string, t schema.Type, at Node, try bool) string {
	if t == schema.Variant {
		return x
	}
	if !castsFromVariant(t) {
		p.fail(mismatch("CAST_WITHOUT_SUGGESTION", at.Pos(), `cannot cast "VARIANT" to `+strconv.Quote(t.String())+"."))
		return ""
	}
	text := "spark_variant_cast(" + x + ", " + stringText(t.String()) + ", " + sessionZone + ", " + strconv.FormatBool(try) + ")"
	switch {
	case t == schema.String:
		return text
	case t == schema.Binary:
		return "unhex(" + text + ")"
	case !isNested(t):
		return "CAST(" + text + " AS " + p.duckType(t, at) + ")"
	}
	json := "CAST(CAST(" + text + " AS JSON) AS " + p.duckType(textual(t), at) + ")"
	return ofVariantText.decoded(json, t, 0)
}

// castsFromVariant reports whether a variant can become a t.
func castsFromVariant(t schema.Type) bool {
	switch t := t.(type) {
	case schema.Array:
		return castsFromVariant(t.Element)
	case schema.Map:
		return t.Key == schema.String && castsFromVariant(t.Value)
	case *schema.Struct:
		for _, f := range t.Fields {
			if !castsFromVariant(f.Type) {
				return false
			}
		}
	}
	return t != schema.Void
}

// textual is a type with text in the place of what JSON has in hexadecimal
// digits: BINARY and VARIANT.
func textual(t schema.Type) schema.Type {
	switch t := t.(type) {
	case schema.Array:
		return schema.Array{Element: textual(t.Element)}
	case schema.Map:
		return schema.Map{Key: t.Key, Value: textual(t.Value)}
	case *schema.Struct:
		out := &schema.Struct{}
		for _, f := range t.Fields {
			out.Fields = append(out.Fields, schema.Col(f.Name, textual(f.Type)))
		}
		return out
	}
	if t == schema.Binary || t == schema.Variant {
		return schema.String
	}
	return t
}

// decoder has the types that stand as text in nested values, and what makes
// them of $1.
type decoder map[schema.Type]string

// ofVariantText is what a variant's cast to a nested type needs; see [textual].
var ofVariantText = decoder{schema.Binary: "unhex($1)", schema.Variant: "spark_variant_decode($1)"}

// decoded turns x, nested as t is, into one of t; depth numbers the parameters
// of lambdas.
func (d decoder) decoded(x string, t schema.Type, depth int) string {
	item := "freshet_item_" + strconv.Itoa(depth)
	switch t := t.(type) {
	case schema.Array:
		if inner := d.decoded(item, t.Element, depth+1); inner != item {
			return "list_transform(" + x + ", lambda " + item + ": " + inner + ")"
		}
	case schema.Map:
		value := item + ".value"
		if inner := d.decoded(value, t.Value, depth+1); inner != value {
			return "map_from_entries(list_transform(map_entries(" + x + "), lambda " + item + ": {'key': " + item + ".key, 'value': " + inner + "}))"
		}
	case *schema.Struct:
		return d.decodedStruct(x, t, item, depth)
	}
	if t, ok := t.(schema.Primitive); ok && d[t] != "" {
		return strings.ReplaceAll(d[t], "$1", x)
	}
	return x
}

func (d decoder) decodedStruct(x string, t *schema.Struct, item string, depth int) string {
	changed := false
	fields := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		field := item + "." + ident(f.Name)
		inner := d.decoded(field, f.Type, depth+1)
		changed = changed || inner != field
		fields[i] = ident(f.Name) + " := " + inner
	}
	if !changed {
		return x
	}
	return let(item, x, "CASE WHEN "+item+" IS NOT NULL THEN struct_pack("+strings.Join(fields, ", ")+") END")
}

// toVariant returns the cast of x to a variant, which structs, maps and
// intervals do not have.
func (p *printer) toVariant(x Expr, at Node) string {
	t := p.typeOf(x)
	if t == schema.Void {
		return "CAST(NULL AS " + duckTypes[schema.Variant] + ")"
	}
	if !castsToVariant(t) {
		p.fail(mismatch("CAST_WITHOUT_SUGGESTION", at.Pos(), "cannot cast "+strconv.Quote(t.String())+` to "VARIANT". Use to_variant_object.`))
		return ""
	}
	return "spark_to_variant(" + p.text(x) + ")"
}

func castsToVariant(t schema.Type) bool {
	switch t := t.(type) {
	case schema.Array:
		return castsToVariant(t.Element)
	case schema.Map, *schema.Struct:
		return false
	}
	return true
}

// toVariantObject is to_variant_object(x) of an array, a map by strings or a
// struct.
func toVariantObject(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 1 {
		return "", wrongArguments(call, "1")
	}
	t := p.typeOf(call.Args[0])
	if m, ok := t.(schema.Map); t != nil && (!isNested(t) || ok && m.Key != schema.String) {
		return "", mismatch("CAST_WITHOUT_SUGGESTION", call.Range, "cannot cast "+strconv.Quote(t.String())+` to "VARIANT" as an object.`)
	}
	return "spark_to_variant(" + p.text(call.Args[0]) + ")", nil
}

// toJSON is to_json(x[, options]). A value with variants in it is written as
// one.
func toJSON(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 1 && len(call.Args) != 2 {
		return "", wrongArguments(call, countText(1, 2))
	}
	x := call.Args[0]
	nulls, err := keepsNulls(call)
	if err != nil {
		return "", err
	}
	switch t := p.typeOf(x); {
	case t == schema.Variant:
		return "spark_variant_json(" + p.text(x) + ", " + sessionZone + ")", nil
	case hasVariant(t):
		return "spark_variant_json(spark_to_variant(" + p.text(x) + "), " + sessionZone + ")", nil
	}
	if nulls {
		return fill(p, call, "CAST(to_json($1) AS VARCHAR)")
	}
	return fill(p, call, "spark_json_fields($1, CAST(to_json($1) AS VARCHAR))")
}

// keepsNulls reads the options of to_json, a map of literals: ignoreNullFields
// alone is known.
func keepsNulls(call *FunctionCall) (bool, error) {
	if len(call.Args) < 2 {
		return false, nil
	}
	options, ok := call.Args[1].(*FunctionCall)
	if !ok || !strings.EqualFold(options.Func(), "map") || len(options.Args)%2 != 0 {
		return false, unsupported(call.Args[1], "Options of to_json other than a map of literals")
	}
	keep := false
	for pair := range slices.Chunk(options.Args, 2) {
		name, named := constant(pair[0])
		value, given := constant(pair[1])
		if !named || !given || !strings.EqualFold(name, "ignoreNullFields") {
			return false, unsupported(pair[0], "An option of to_json other than ignoreNullFields")
		}
		ignores, err := strconv.ParseBool(strings.ToLower(value))
		if err != nil {
			return false, &Error{
				Class: "INVALID_PARAMETER_VALUE", State: "22023", Range: pair[1].Pos(),
				Text: "Option ignoreNullFields of to_json is true or false, not " + strconv.Quote(value) + ".",
			}
		}
		keep = !ignores
	}
	return keep, nil
}

func hasVariant(t schema.Type) bool {
	switch t := t.(type) {
	case schema.Array:
		return hasVariant(t.Element)
	case schema.Map:
		return hasVariant(t.Value)
	case *schema.Struct:
		for _, f := range t.Fields {
			if hasVariant(f.Type) {
				return true
			}
		}
	}
	return t == schema.Variant
}
