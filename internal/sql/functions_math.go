package sql

import "github.com/freshet/freshet/schema"

var mathFunctions = functionTable{
	"abs":                rounded(expr("abs($1)")),
	"acos":               expr("CASE WHEN abs($1) > 1 THEN CAST('NaN' AS DOUBLE) ELSE acos($1) END"),
	"acosh":              expr("CASE WHEN $1 < 1 THEN CAST('NaN' AS DOUBLE) ELSE acosh($1) END"),
	"asin":               expr("CASE WHEN abs($1) > 1 THEN CAST('NaN' AS DOUBLE) ELSE asin($1) END"),
	"asinh":              expr("asinh($1)"),
	"atan":               expr("atan($1)"),
	"atan2":              expr("atan2($1, $2)"),
	"atanh":              expr("spark_atanh($1)"),
	"bin":                expr("bin(CAST(trunc($1) AS BIGINT))"),
	"bit_count":          expr("CAST(spark_bit_count($1) AS INTEGER)"),
	"bit_get":            expr("CAST(($1 >> $2) & 1 AS TINYINT)"),
	"bround":             rounded(expr("spark_bround($1, 0)", "spark_bround($1, $2)")),
	"cbrt":               expr("cbrt($1)"),
	"ceil":               rounded(expr("ceil($1)", "spark_ceil($1, $2)")),
	"ceiling":            rounded(expr("ceil($1)", "spark_ceil($1, $2)")),
	"conv":               expr("spark_conv(CAST($1 AS VARCHAR), CAST($2 AS INTEGER), CAST($3 AS INTEGER))"),
	"cos":                expr("cos($1)"),
	"cosh":               expr("cosh($1)"),
	"cot":                expr("cot($1)"),
	"csc":                expr("(1 / sin($1))"),
	"degrees":            expr("degrees($1)"),
	"div":                expr("CAST($1 // spark_nonzero($2) AS BIGINT)"),
	"e":                  expr("exp(1)"),
	"exp":                expr("exp($1)"),
	"expm1":              expr("(2 * sinh($1 / 2) * exp($1 / 2))"),
	"factorial":          expr("CASE WHEN $1 BETWEEN 0 AND 20 THEN CAST(factorial(CAST($1 AS INTEGER)) AS BIGINT) END"),
	"floor":              rounded(expr("floor($1)", "spark_floor($1, $2)")),
	"getbit":             expr("CAST(($1 >> $2) & 1 AS TINYINT)"),
	"greatest":           alike("greatest", 2, -1),
	"hypot":              expr("sqrt(pow($1, 2) + pow($2, 2))"),
	"least":              alike("least", 2, -1),
	"ln":                 expr("spark_ln($1)"),
	"log":                expr("spark_ln($1)", "(spark_ln($2) / spark_ln($1))"),
	"log10":              expr("CASE WHEN $1 > 0 THEN log10($1) END"),
	"log1p":              expr("spark_log1p(CAST($1 AS DOUBLE))"),
	"log2":               expr("CASE WHEN $1 > 0 THEN log2($1) END"),
	"mod":                operator("%"),
	"negative":           expr("(-$1)"),
	"pi":                 expr("pi()"),
	"pmod":               expr("spark_pmod($1, $2)"),
	"positive":           expr("$1"),
	"pow":                expr("pow($1, $2)"),
	"power":              expr("pow($1, $2)"),
	"radians":            expr("radians($1)"),
	"rand":               random,
	"randn":              expr("(sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))"),
	"random":             random,
	"rint":               expr("round_even(CAST($1 AS DOUBLE), 0)"),
	"round":              rounded(round),
	"sec":                expr("(1 / cos($1))"),
	"shiftleft":          expr("($1 << $2)"),
	"shiftright":         expr("($1 >> $2)"),
	"shiftrightunsigned": expr("spark_shiftrightunsigned($1, $2)"),
	"sign":               expr("CAST(sign($1) AS DOUBLE)"),
	"signum":             expr("CAST(sign($1) AS DOUBLE)"),
	"sin":                expr("sin($1)"),
	"sinh":               expr("sinh($1)"),
	"sqrt":               expr("CASE WHEN $1 < 0 THEN CAST('NaN' AS DOUBLE) ELSE sqrt($1) END"),
	"tan":                expr("tan($1)"),
	"tanh":               expr("tanh($1)"),
	"try_add":            expr("TRY($1 + $2)"),
	"try_divide":         tryDivide,
	"try_mod":            expr("CASE WHEN $2 <> 0 THEN $1 % $2 END"),
	"try_multiply":       expr("TRY($1 * $2)"),
	"try_subtract":       expr("TRY($1 - $2)"),
	"width_bucket":       expr("spark_width_bucket(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE), CAST($3 AS DOUBLE), $4)"),
}

// operator maps a function of two arguments to an operator, which the printer
// gives Spark's meaning.
func operator(op string) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) != 2 {
			return "", wrongArguments(call, "2")
		}
		return "(" + p.text(&Binary{Range: call.Range, Op: op, Left: call.Args[0], Right: call.Args[1]}) + ")", nil
	}
}

// rounded maps a function of a number to expressions whose result is cast to
// the type that it has in Spark. A string is read as a DOUBLE.
func rounded(mapping functionMapping) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) > 0 && p.typeOf(call.Args[0]) == schema.String {
			call = withNumber(call)
		}
		text, err := mapping(p, call)
		t := p.typeOf(call)
		if t == nil && len(call.Args) == 1 && (call.Func() == "ceil" || call.Func() == "ceiling" || call.Func() == "floor") {
			t = schema.Long
		}
		if err != nil || t == nil {
			return text, err
		}
		return "CAST(" + text + " AS " + p.duckType(t, call) + ")", nil
	}
}

// round rounds half up, a floating-point number by the digits it is written
// with.
func round(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) > 0 && isFloating(p.typeOf(call.Args[0])) {
		return expr("spark_round_double($1, 0)", "spark_round_double($1, CAST($2 AS INTEGER))")(p, call)
	}
	return expr("round($1)", "round($1, $2)")(p, call)
}

// withNumber returns a call whose first argument, a string, is read as a number.
func withNumber(call *FunctionCall) *FunctionCall {
	number := *call
	number.Args = append([]Expr{}, call.Args...)
	number.Args[0] = &Cast{Range: call.Range, X: call.Args[0], Type: &TypeName{Range: call.Range, Type: schema.Double}}
	return &number
}

// random drops the seed: another engine could not repeat Spark's numbers.
func random(_ *printer, call *FunctionCall) (string, error) {
	if len(call.Args) > 1 {
		return "", wrongArguments(call, countText(0, 1))
	}
	return "random()", nil
}

// tryDivide divides, and is NULL where the divisor is zero.
func tryDivide(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 2 {
		return "", wrongArguments(call, "2")
	}
	quotient, err := operator("/")(p, call)
	return "CASE WHEN " + p.operand(call.Args[1]) + " <> 0 THEN " + quotient + " END", err
}

// choice is if(condition, then, otherwise).
func choice(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 3 {
		return "", wrongArguments(call, "3")
	}
	when := &When{Range: call.Range, Cond: call.Args[0], Then: call.Args[1]}
	return "(" + p.text(&Case{Range: call.Range, Whens: []*When{when}, Else: call.Args[2]}) + ")", nil
}

// alike is [named] for a function whose arguments are brought to one type.
func alike(name string, low, high int) functionMapping {
	plain := named(name, low, high)
	return func(p *printer, call *FunctionCall) (string, error) {
		t := p.commonTypeOf(call.Args)
		same := *call
		same.Args = append([]Expr{}, call.Args...)
		for i, a := range same.Args {
			if needsCast(p.typeOf(a), t) {
				same.Args[i] = &Cast{Range: a.Pos(), X: a, Type: &TypeName{Range: a.Pos(), Type: t}}
			}
		}
		return plain(p, &same)
	}
}

var conditionalFunctions = functionTable{
	"coalesce":   alike("coalesce", 1, -1),
	"equal_null": expr("($1 IS NOT DISTINCT FROM $2)"),
	"if":         choice,
	"iff":        choice,
	"ifnull":     alike("coalesce", 2, 2),
	"isnan":      expr("coalesce(isnan(CAST($1 AS DOUBLE)), false)"),
	"isnotnull":  expr("($1 IS NOT NULL)"),
	"isnull":     expr("($1 IS NULL)"),
	"nanvl":      expr("CASE WHEN isnan($1) THEN $2 ELSE $1 END"),
	"nullif":     alike("nullif", 2, 2),
	"nullifzero": expr("nullif($1, 0)"),
	"nvl":        alike("coalesce", 2, 2),
	"nvl2":       expr("CASE WHEN $1 IS NOT NULL THEN $2 ELSE $3 END"),
	"zeroifnull": expr("coalesce($1, 0)"),
}
