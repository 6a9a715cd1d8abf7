//go:build duckdb_arrow

package duckdb

import (
	"regexp"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
)

// rule turns one kind of DuckDB's messages into a classified error.
type rule struct {
	pattern *regexp.Regexp // on DuckDB's text without its "LINE 1:" excerpt
	class   string         // may refer to groups
	state   string
	text    string // in the words of Spark; may refer to groups
}

// rules are tried in order. Classes, states and texts are Spark's.
var rules = []rule{
	{
		regexp.MustCompile(`(?s)^[\w ]+: \[([A-Z0-9_.]+)\] (.*) SQLSTATE: (\w{5})$`),
		"${1}", "${3}", "${2}",
	},
	{
		regexp.MustCompile(`(?i)^.*(division by zero|divide by zero)`),
		"DIVIDE_BY_ZERO", "22012",
		"Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead.",
	},
	{
		regexp.MustCompile(`^Conversion Error: (?s:.*)INT128 (?s:.*)out of range`),
		"ARITHMETIC_OVERFLOW", "22003",
		"integer overflow. Use 'try_sum' to tolerate overflow and return NULL instead.",
	},
	{
		regexp.MustCompile(`^Conversion Error: Type (\w+) with value (\S+) can't be cast because the value is out of range for the destination type ([^\n]+)`),
		"CAST_OVERFLOW", "22003",
		`The value ${2} of the type "${1}" cannot be cast to "${3}" due to an overflow. Use ` + "`try_cast`" + ` to tolerate overflow and return NULL instead.`,
	},
	{
		regexp.MustCompile(`^Conversion Error: Could not convert string '((?s:.*))' to ([^\n]+)`),
		"CAST_INVALID_INPUT", "22018",
		`The value '${1}' of the type "STRING" cannot be cast to "${2}" because it is malformed. Correct the value as per the syntax, or change its target type. Use ` + "`try_cast`" + ` to tolerate malformed input and return NULL instead.`,
	},
	{
		regexp.MustCompile(`(?s)^Conversion Error: (Date out of range.*|Time out of range.*)`),
		"DATETIME_FIELD_OUT_OF_BOUNDS", "22023", "${1}",
	},
	{
		regexp.MustCompile(`(?s)^Invalid Input Error: Could not parse string "(.*?)" according to format specifier "(.*?)"`),
		"CANNOT_PARSE_TIMESTAMP", "22007",
		"Text '${1}' could not be parsed as ${2}. Use `try_to_timestamp` to tolerate invalid input string and return NULL instead.",
	},
	{
		regexp.MustCompile(`(?s)^Conversion Error: invalid (\w+) field format: "(.*?)", expected`),
		"CAST_INVALID_INPUT", "22018",
		"The value '${2}' of the type \"STRING\" cannot be read as a ${1} because it is malformed. Correct the value as per the syntax, or change its target type. Use `try_cast` to tolerate malformed input and return NULL instead.",
	},
	{
		regexp.MustCompile(`^Conversion Error: Unimplemented type for cast \((\S+) -> (\S+)\)`),
		"DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", "42K09", `A value of the type "${1}" cannot be cast to "${2}".`,
	},
	{
		regexp.MustCompile(`(?s)^Conversion Error: (?:Casting value "(.*?)" to type (DECIMAL\S+) failed|Could not convert string "(.*?)" to (DECIMAL\S+))`),
		"NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "22003",
		"The value ${1}${3} cannot be represented as ${2}${4}. Use `try_cast` to tolerate it and return NULL instead.",
	},
	{
		regexp.MustCompile(`(?s)^Conversion Error: Could not cast value (.*) to (DECIMAL.*)`),
		"NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "22003",
		"The value ${1} cannot be represented as ${2}. Use `try_cast` to tolerate it and return NULL instead.",
	},
	{
		regexp.MustCompile(`(?s)^Conversion Error: (.*)`),
		"CAST_INVALID_INPUT", "22018",
		"${1}. Use `try_cast` to tolerate malformed input and return NULL instead.",
	},
	{
		regexp.MustCompile(`(?s)^Out of Range Error: (.*)`),
		"ARITHMETIC_OVERFLOW", "22003", "${1}",
	},
	{
		regexp.MustCompile(`^Catalog Error: (?:\w+ )*Function with name "?([^"\s]+)"? does not exist`),
		"UNRESOLVED_ROUTINE", "42883", "Cannot resolve routine `${1}`.",
	},
	{
		regexp.MustCompile(`^Catalog Error: Table with name "?([^"\s]+)"? does not exist`),
		"TABLE_OR_VIEW_NOT_FOUND", "42P01",
		"The table or view `${1}` cannot be found. Verify the spelling and correctness of the schema and catalog.",
	},
	{
		regexp.MustCompile(`^Binder Error: Ambiguous reference to column name "([^"]+)" \(use: (.*)\)`),
		"AMBIGUOUS_REFERENCE", "42704", "Reference `${1}` is ambiguous, could be: ${2}.",
	},
	{
		regexp.MustCompile(`^Binder Error: column "?([^"\s]+)"? must appear in the GROUP BY`),
		"MISSING_AGGREGATION", "42803",
		"The non-aggregating expression `${1}` is based on columns which are not participating in the GROUP BY clause.",
	},
	{
		regexp.MustCompile(`(?s)^Binder Error: ((?:No function matches|Could not choose a best candidate|Cannot mix|Cannot compare|Cannot combine|Set operations).*)`),
		"DATATYPE_MISMATCH", "42K09", "${1}",
	},
	{
		regexp.MustCompile(`^Binder Error: ORDER term out of range - should be between 1 and (\d+)`),
		"ORDER_BY_POS_OUT_OF_RANGE", "42805", "The position in ORDER BY is not in the select list: the valid range is [1, ${1}].",
	},
	{
		regexp.MustCompile(`^Binder Error: GROUP BY term out of range - should be between 1 and (\d+)`),
		"GROUP_BY_POS_OUT_OF_RANGE", "42805", "The position in GROUP BY is not in the select list: the valid range is [1, ${1}].",
	},
	{
		regexp.MustCompile(`^Binder Error: aggregate function calls cannot be nested`),
		"NESTED_AGGREGATE_FUNCTION", "42607", "It is not allowed to use an aggregate function in the argument of another aggregate function.",
	},
	{
		regexp.MustCompile(`^Binder Error: GROUP BY clause cannot contain aggregates`),
		"GROUP_BY_AGGREGATE", "42903", "Aggregate functions are not allowed in GROUP BY.",
	},
	{
		regexp.MustCompile(`^Binder Error: WHERE clause cannot contain (aggregates|window functions)`),
		"INVALID_WHERE_CONDITION", "42903", "The WHERE condition contains ${1}, which it may not.",
	},
	{
		regexp.MustCompile(`^Binder Error: UNNEST\(\) can only be applied to lists, structs and NULL, not (\S+)`),
		"DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09", "A generator takes an array or a map, not ${1}.",
	},
	{
		regexp.MustCompile(`^Binder Error: Column "([^"]+)" does not exist on (left|right) side of join`),
		"UNRESOLVED_USING_COLUMN_FOR_JOIN", "42703", "USING column `${1}` cannot be resolved on the ${2} side of the join.",
	},
	{
		regexp.MustCompile(`^Binder Error: Column "([^"]+)" in EXCLUDE list not found`),
		"UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703", "The column `${1}` of EXCEPT cannot be resolved.",
	},
	{
		regexp.MustCompile(`^Binder Error: Referenced table "([^"]+)" not found`),
		"UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703", "The table `${1}`, which a column is qualified with, cannot be resolved.",
	},
	{
		regexp.MustCompile(`More than one row returned by a subquery`),
		"SCALAR_SUBQUERY_TOO_MANY_ROWS", "21000",
		"More than one row returned by a subquery used as an expression.",
	},
	{
		regexp.MustCompile(`(?s)^(?:Out of Memory Error: .*max_temp_directory_size|IO Error: .*No space left on device)`),
		"UNABLE_TO_SPILL", "53100", "What exceeds the memory finds no room in the directory tmp of the workspace: no space left on device. Make room there, or raise --memory-limit.",
	},
	{
		regexp.MustCompile(`(?s)^Out of Memory Error: (.*)`),
		"UNABLE_TO_ACQUIRE_MEMORY", "53200", "The engine ran out of memory: ${1}",
	},
	{
		regexp.MustCompile(`(?s)^Parser Error: (.*)`),
		"PARSE_SYNTAX_ERROR", "42601", "${1}",
	},
	{
		regexp.MustCompile(`(?s)^(?:Binder|Catalog|Not implemented) Error: (.*)`),
		"UNSUPPORTED_FEATURE", "0A000", "The engine cannot run the query: ${1}",
	},
	{
		regexp.MustCompile(`(?s)^Invalid Input Error: (.*)`),
		"INVALID_PARAMETER_VALUE", "22023", "${1}",
	},
	{
		regexp.MustCompile(`(?s)(.*)`),
		"INTERNAL_ERROR", "XX000", "The engine failed: ${1}",
	},
}

var (
	excerpt    = regexp.MustCompile(`(?s)\n+LINE \d+: .*$`)
	overloads  = regexp.MustCompile(`(?s)\s*(?:You might need to|In order to select one, please) add explicit type casts\.\s*Candidate (?:functions|macros):.*$`)
	source     = regexp.MustCompile(` when casting from source column [^\n]*$`)
	ownName    = regexp.MustCompile(`\bspark_(\w+)`)
	unresolved = regexp.MustCompile(`^Binder Error: (?:Referenced column "((?:[^"]|"")+)" not found|Table "[^"]*" does not have a column named "((?:[^"]|"")+)"|Values list "[^"]*" does not have a column named "((?:[^"]|"")+)")`)
	candidates = regexp.MustCompile(`(?s)Candidate (?:bindings|functions)?: ?(.*)$`)
	quoted     = regexp.MustCompile(`"((?:[^"]|"")+)"`)
	engineType = regexp.MustCompile(`\b(INT8|INT16|INT32|INT64|INT128|HUGEINT|INTEGER_LITERAL|STRING_LITERAL|VARCHAR|BLOB|BOOL|TIMESTAMP WITH TIME ZONE)\b`)
)

// sparkTypes are the names that DuckDB's messages have others for.
var sparkTypes = map[string]string{
	"INT8": "TINYINT", "INT16": "SMALLINT", "INT32": "INT", "INT64": "BIGINT", "INT128": "DECIMAL(38,0)",
	"HUGEINT": "DECIMAL(38,0)", "INTEGER_LITERAL": "INT", "STRING_LITERAL": "STRING", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
	"VARCHAR": "STRING", "BLOB": "BINARY", "BOOL": "BOOLEAN",
}

// newError classifies a message of DuckDB's.
func newError(message string) error {
	return &failure{classified(message), message}
}

func classified(text string) error {
	text = strings.TrimSpace(excerpt.ReplaceAllString(text, ""))
	text = source.ReplaceAllString(text, "")
	text = ownName.ReplaceAllString(overloads.ReplaceAllString(text, ""), "$1")
	if m := unresolved.FindStringSubmatch(text); m != nil {
		return unresolvedColumn(m[1]+m[2]+m[3], text)
	}
	for _, r := range rules {
		m := r.pattern.FindStringSubmatchIndex(text)
		if m == nil {
			continue
		}
		expand := func(template string) string {
			return string(r.pattern.ExpandString(nil, template, text, m))
		}
		message := engineType.ReplaceAllStringFunc(expand(r.text), func(t string) string { return sparkTypes[t] })
		return &errclass.Error{Class: expand(r.class), State: expand(r.state), Text: message}
	}
	return &errclass.Error{Class: "INTERNAL_ERROR", State: "XX000", Text: text}
}

func unresolvedColumn(name, text string) error {
	message := "A column, variable, or function parameter with name `" + name + "` cannot be resolved."
	var names []string
	if m := candidates.FindStringSubmatch(text); m != nil {
		for _, q := range quoted.FindAllStringSubmatch(m[1], -1) {
			names = append(names, "`"+strings.ReplaceAll(q[1], ".", "`.`")+"`")
		}
	}
	if len(names) == 0 {
		return errclass.New("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703", "%s", message)
	}
	return errclass.New("UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703", "%s Did you mean one of the following? [%s].",
		message, strings.Join(names, ", "))
}
