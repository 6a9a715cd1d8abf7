package sql

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// Number formats: 9 and 0 are digits, G and the comma separate thousands, D and
// the point begin the fraction, and signs and $ stand around them.

// numberFormatRules find what is wrong with a format, in the order that Spark
// looks for it, with the subclass of its INVALID_FORMAT.
var numberFormatRules = []struct {
	subclass string
	wrong    *regexp.Regexp
	text     string
}{
	{"EMPTY", regexp.MustCompile(`^$`), "the number format string cannot be empty"},
	{"WRONG_NUM_DIGIT", regexp.MustCompile(`^[^09,G]*$`), "the format string requires at least one number digit"},
	{"CUR_MUST_BEFORE_DIGIT", regexp.MustCompile(`^[^$09,G]*[09,G][^$]*\$`), "the currency character must appear before digits in the number format"},
	{"CUR_MUST_BEFORE_DEC", regexp.MustCompile(`^[^$.D]*[.D][^$]*\$`), "the currency character must appear before any decimal point in the number format"},
	{
		"CONT_THOUSANDS_SEPS", regexp.MustCompile(`^(?:[^.D]*[^09,G.D])?[,G]|^[^.D]*[,G](?:[^09]|$)`),
		"thousands separators (, or G) must have digits in between them in the number format",
	},
	{"THOUSANDS_SEPS_MUST_BEFORE_DEC", regexp.MustCompile(`[.D].*[,G]`), "thousands separators (, or G) may not appear after the decimal point in the number format"},
	{"WRONG_NUM_TOKEN", regexp.MustCompile(`[.D].*[.D]|S.*S|MI.*MI|\$.*\$|PR.*PR`), "the format string may have each of S, MI, PR, $ and the decimal point once"},
}

// numberFormatForm is the form of those that are right.
var numberFormatForm = regexp.MustCompile(`^(?:MI|S)?\$?[09,G]*(?:[.D][09]*)?(?:MI|S|PR)?$`)

// numberFormat returns the format of to_char and to_number, which must be a
// literal, and the type of the numbers that it has room for. The format is "",
// and the type DECIMAL(38, 0), for NULL.
func numberFormat(call *FunctionCall) (format string, t schema.Decimal, err error) {
	e := call.Args[1]
	if l, ok := e.(*Literal); ok && l.Kind == NullLiteral {
		return "", schema.Decimal{Precision: 10}, nil
	}
	format, ok := constant(e)
	if !ok {
		return "", t, mismatch("NON_FOLDABLE_INPUT", e.Pos(), "the format of "+call.Func()+" should be a literal string.")
	}
	invalid := func(subclass, text string) error {
		return &Error{
			Class: "INVALID_FORMAT." + subclass, State: "42601", Range: e.Pos(),
			Text: "The format is invalid: " + stringText(format) + ". " + strings.ToUpper(text[:1]) + text[1:] + ".",
		}
	}
	for _, r := range numberFormatRules {
		if r.wrong.MatchString(format) {
			return "", t, invalid(r.subclass, r.text)
		}
	}
	if !numberFormatForm.MatchString(format) {
		return "", t, invalid("UNEXPECTED_TOKEN", "the number format has the form [MI | S] [$] [0 | 9 | G | ,]… [. | D] [0 | 9]… [PR | MI | S]")
	}
	count := func(s string) int { return strings.Count(s, "0") + strings.Count(s, "9") }
	point := strings.IndexAny(format, ".D")
	t.Precision = count(format)
	if point >= 0 {
		t.Scale = count(format[point:])
	}
	if t.Precision > schema.MaxDecimalPrecision {
		return "", t, invalid("WRONG_NUM_DIGIT", "a number has at most 38 digits")
	}
	return format, t, nil
}

// toNumber is to_number(text, format); function is the engine's, which returns
// the number as text.
func toNumber(function string) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) != 2 {
			return "", wrongArguments(call, "2")
		}
		format, t, err := numberFormat(call)
		if err != nil {
			return "", err
		}
		if format == "" {
			return "CAST(NULL AS " + t.String() + ")", nil
		}
		return "CAST(" + function + "(" + p.cast(call.Args[0], &TypeName{Range: call.Range, Type: schema.String}, false) + ", " + stringText(format) + ") AS " + t.String() + ")", nil
	}
}

// formattedTypes holds the decimals that numbers are formatted as.
var formattedTypes = map[schema.Type]string{
	schema.Byte: "DECIMAL(3,0)", schema.Short: "DECIMAL(5,0)", schema.Integer: "DECIMAL(10,0)", schema.Long: "DECIMAL(20,0)",
	schema.Float: "DECIMAL(14,7)", schema.Double: "DECIMAL(30,15)", schema.String: "DECIMAL(38,18)", schema.Void: "DECIMAL(38,0)",
}

// toChar is to_char(value, format): of numbers by a number format, of dates and
// timestamps by a pattern, of bytes by a name of an encoding.
func toChar(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 2 {
		return "", wrongArguments(call, "2")
	}
	t := p.typeOf(call.Args[0])
	to := formattedTypes[t]
	switch {
	case t == nil:
		return "", unsupported(call.Args[0], call.Func()+" of a value whose type is known only when the query runs")
	case isTime(t):
		return dateFormat(p, call)
	case t == schema.Binary:
		return binaryText(p, call)
	case isDecimal(t):
		to = t.String()
	case to == "":
		return "", mismatch("UNEXPECTED_INPUT_TYPE", call.Range, call.Func()+" takes a number, a date, a timestamp or a BINARY and "+
			strconv.Quote(p.pretty(call.Args[0]))+" has the type "+strconv.Quote(t.String())+".")
	}
	format, _, err := numberFormat(call)
	if err != nil {
		return "", err
	}
	if format == "" {
		return "CAST(NULL AS VARCHAR)", nil
	}
	return "spark_number_text(CAST(CAST(" + p.text(call.Args[0]) + " AS " + to + ") AS VARCHAR), " + stringText(format) + ")", nil
}

// binaryFormats are the encodings of to_char.
var binaryFormats = map[string]string{"hex": "hex($1)", "base64": "base64($1)", "utf-8": "decode($1)"}

func binaryText(p *printer, call *FunctionCall) (string, error) {
	if l, ok := call.Args[1].(*Literal); ok && l.Kind == NullLiteral {
		return "", &Error{Class: "NON_FOLDABLE_ARGUMENT", State: "42K08", Range: l.Range, Text: "The format of " + call.Func() + " must be a literal string that is not NULL."}
	}
	name, ok := constant(call.Args[1])
	if !ok {
		return "", mismatch("NON_FOLDABLE_INPUT", call.Args[1].Pos(), "the format of "+call.Func()+" should be a literal string.")
	}
	template, ok := binaryFormats[strings.ToLower(name)]
	if !ok {
		return "", &Error{
			Class: "INVALID_PARAMETER_VALUE.BINARY_FORMAT", State: "22023", Range: call.Args[1].Pos(),
			Text: "The value of the parameter `format` in `" + call.Func() + "` is invalid: Expects one of binary formats 'base64', 'hex', 'utf-8', but got " + stringText(name) + ".",
		}
	}
	one := *call
	one.Args = call.Args[:1]
	return fill(p, &one, template)
}
