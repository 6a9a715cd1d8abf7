package sql

import (
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// formatFunctions are those of number formats and of schemas found in a text.
var formatFunctions = functionTable{
	"schema_of_csv":  schemaOf(csvSchema, map[string]string{"sep": ",", "delimiter": "", "quote": `"`, "inferschema": "true", "header": "false"}),
	"schema_of_json": schemaOf(jsonSchema, map[string]string{"primitivesasstring": "false"}),
	"to_char":        toChar,
	"to_number":      toNumber("spark_number"),
	"to_varchar":     toChar,
	"try_to_number":  toNumber("spark_try_number"),
}

// schemaOf is a function of a literal text, and of options among those known,
// whose result is found at once.
func schemaOf(find func(text string, options map[string]string) (schema.Type, error), known map[string]string) functionMapping {
	return func(_ *printer, call *FunctionCall) (string, error) {
		if len(call.Args) != 1 && len(call.Args) != 2 {
			return "", wrongArguments(call, countText(1, 2))
		}
		text, ok := constant(call.Args[0])
		if _, literal := call.Args[0].(*Literal); literal && !ok {
			return "", mismatch("UNEXPECTED_INPUT_TYPE", call.Range, call.Func()+" takes a STRING that is not NULL.")
		}
		if !ok {
			return "", mismatch("NON_FOLDABLE_INPUT", call.Args[0].Pos(), "the text of "+call.Func()+" should be a literal string.")
		}
		options := maps.Clone(known)
		if len(call.Args) == 2 {
			if err := readOptions(call, options); err != nil {
				return "", err
			}
		}
		t, err := find(text, options)
		if err != nil {
			return "", &Error{
				Class: "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", State: "22023", Range: call.Args[0].Pos(),
				Text: "Malformed records are detected in record parsing: " + stringText(text) + ": " + err.Error() + ".",
			}
		}
		return stringText(t.String()), nil
	}
}

// readOptions sets the options that a call's map of literals gives.
func readOptions(call *FunctionCall, options map[string]string) error {
	given, ok := call.Args[1].(*FunctionCall)
	if !ok || given.Func() != "map" || len(given.Args)%2 != 0 {
		return unsupported(call.Args[1], "Options of "+call.Func()+" that are not a map of literals")
	}
	for pair := range slices.Chunk(given.Args, 2) {
		name, isName := constant(pair[0])
		value, isValue := constant(pair[1])
		if _, known := options[strings.ToLower(name)]; !isName || !isValue || !known {
			return unsupported(pair[0], "The option "+pair[0].String()+" of "+call.Func())
		}
		options[strings.ToLower(name)] = value
	}
	return nil
}

// jsonSchema returns the type of the first value in a JSON text. Fields are
// sorted, empty structs within are left out, and what is null everywhere is a
// STRING.
func jsonSchema(text string, options map[string]string) (schema.Type, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, errors.New("the text is not JSON")
	}
	t := jsonType(value, strings.EqualFold(options["primitivesasstring"], "true"))
	if s, ok := t.(*schema.Struct); ok && len(s.Fields) == 0 {
		return s, nil
	}
	if t = canonical(t); t == nil {
		return schema.String, nil
	}
	return t, nil
}

func jsonType(value any, texts bool) schema.Type {
	switch v := value.(type) {
	case nil:
		return schema.Void
	case []any:
		var element schema.Type = schema.Void
		for _, item := range v {
			element = mergedType(element, jsonType(item, texts))
		}
		return schema.Array{Element: element, ContainsNull: true}
	case map[string]any:
		s := &schema.Struct{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			s.Fields = append(s.Fields, schema.Col(name, jsonType(v[name], texts)))
		}
		return s
	case bool:
		if !texts {
			return schema.Boolean
		}
	case json.Number:
		if !texts {
			return jsonNumber(string(v))
		}
	}
	return schema.String
}

// jsonNumber is BIGINT or, with more digits, a decimal, where there is no
// fraction and no exponent.
func jsonNumber(text string) schema.Type {
	if strings.ContainsAny(text, ".eE") {
		return schema.Double
	}
	n, ok := new(big.Int).SetString(text, 10)
	digits := len(strings.TrimPrefix(text, "-"))
	switch {
	case ok && n.IsInt64():
		return schema.Long
	case ok && digits <= schema.MaxDecimalPrecision:
		return schema.Decimal{Precision: digits}
	}
	return schema.Double
}

// mergedType returns the type of values of both types.
func mergedType(a, b schema.Type) schema.Type {
	x, xOK := a.(*schema.Struct)
	y, yOK := b.(*schema.Struct)
	if xOK && yOK {
		return mergedStruct(x, y)
	}
	i, iOK := a.(schema.Array)
	j, jOK := b.(schema.Array)
	if iOK && jOK {
		return schema.Array{Element: mergedType(i.Element, j.Element), ContainsNull: true}
	}
	switch {
	case a == schema.Void || schema.EqualIgnoringNulls(a, b):
		return b
	case b == schema.Void:
		return a
	case isNumeric(a) && isNumeric(b):
		return commonNumber(a, b)
	}
	return schema.String
}

func mergedStruct(x, y *schema.Struct) *schema.Struct {
	types := map[string]schema.Type{}
	for _, f := range slices.Concat(x.Fields, y.Fields) {
		if t, ok := types[f.Name]; ok {
			types[f.Name] = mergedType(t, f.Type)
			continue
		}
		types[f.Name] = f.Type
	}
	s := &schema.Struct{}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		s.Fields = append(s.Fields, schema.Col(name, types[name]))
	}
	return s
}

// canonical returns t without empty structs and with STRING for what is always
// null, or nil when nothing is left.
func canonical(t schema.Type) schema.Type {
	switch t := t.(type) {
	case schema.Array:
		if element := canonical(t.Element); element != nil {
			return schema.Array{Element: element, ContainsNull: true}
		}
		return nil
	case *schema.Struct:
		s := &schema.Struct{}
		for _, f := range t.Fields {
			if inner := canonical(f.Type); inner != nil {
				s.Fields = append(s.Fields, schema.Col(f.Name, inner))
			}
		}
		if len(s.Fields) == 0 {
			return nil
		}
		return s
	}
	if t == schema.Void {
		return schema.String
	}
	return t
}

// csvSchema returns the struct of a CSV record's fields.
func csvSchema(text string, options map[string]string) (schema.Type, error) {
	if text == "" {
		return nil, errors.New("the text is empty")
	}
	separator := options["sep"]
	if options["delimiter"] != "" {
		separator = options["delimiter"]
	}
	if separator == "" {
		return nil, errors.New("the separator is empty")
	}
	s := &schema.Struct{}
	for i, field := range csvFields(text, separator, options["quote"]) {
		var t schema.Type = schema.String
		if !strings.EqualFold(options["inferschema"], "false") {
			t = csvType(field)
		}
		s.Fields = append(s.Fields, schema.Col("_c"+strconv.Itoa(i), t))
	}
	return s, nil
}

// csvFields cuts the first record of a CSV text into its fields.
func csvFields(text, separator, quote string) []string {
	var fields []string
	for {
		var field, rest string
		var more bool
		if quote != "" && strings.HasPrefix(text, quote) {
			field, rest, _ = strings.Cut(text[len(quote):], quote)
			_, rest, more = strings.Cut(rest, separator)
		} else {
			field, rest, more = strings.Cut(text, separator)
		}
		fields = append(fields, field)
		if !more {
			return fields
		}
		text = rest
	}
}

// csvTypes are the forms of the fields of a CSV record but numbers, in the
// order in which they are tried.
var csvTypes = []struct {
	form *regexp.Regexp
	t    schema.Type
}{
	{regexp.MustCompile(`^\s*(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?|[+-]?(?:NaN|Infinity))\s*$`), schema.Double},
	{regexp.MustCompile(`^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$`), schema.Date},
	{
		regexp.MustCompile(`^\s*(?:[+-]?\d{4,6}-(?:0?[1-9]|1[0-2])(?:-(?:0?[1-9]|[12]\d|3[01]))?(?:[ T](?:[01]?\d|2[0-3]):[0-5]?\d(?::[0-5]?\d(?:\.\d*)?)?)?` +
			`|T?(?:[01]?\d|2[0-3]):[0-5]?\d(?::[0-5]?\d(?:\.\d*)?)?)\s*(?:Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2})?)?\s*$`), schema.Timestamp,
	},
	{regexp.MustCompile(`^(?i:true|false)$`), schema.Boolean},
}

var wholeNumber = regexp.MustCompile(`^[+-]?(\d+)\.?$`)

func csvType(field string) schema.Type {
	if m := wholeNumber.FindStringSubmatch(field); m != nil {
		digits := max(len(strings.TrimLeft(m[1], "0")), 1)
		if _, err := strconv.ParseInt(field, 10, 32); err == nil {
			return schema.Integer
		}
		if _, err := strconv.ParseInt(field, 10, 64); err == nil {
			return schema.Long
		}
		if digits <= schema.MaxDecimalPrecision {
			return schema.Decimal{Precision: digits}
		}
	}
	for _, c := range csvTypes {
		if c.form.MatchString(field) {
			return c.t
		}
	}
	return schema.String
}
