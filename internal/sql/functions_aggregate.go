package sql

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

var aggregateFunctions = functionTable{
	"any":                   named("bool_or", 1, 1),
	"any_value":             firstOrLast("first"),
	"approx_count_distinct": leading(2, "approx_count_distinct($1)$F"),
	"approx_percentile":     leading(3, "quantile_disc($1, $2)$F"),
	"array_agg":             collectList,
	"avg":                   average,
	"bit_and":               named("bit_and", 1, 1),
	"bit_or":                named("bit_or", 1, 1),
	"bit_xor":               named("bit_xor", 1, 1),
	"bool_and":              named("bool_and", 1, 1),
	"bool_or":               named("bool_or", 1, 1),
	"collect_list":          collectList,
	"collect_set":           collectSet,
	"corr":                  named("corr", 2, 2),
	"count":                 count,
	"count_if":              expr("coalesce(count_if($D$1)$F, 0)"),
	"covar_pop":             named("covar_pop", 2, 2),
	"covar_samp":            named("covar_samp", 2, 2),
	"every":                 named("bool_and", 1, 1),
	"first":                 firstOrLast("first"),
	"first_value":           firstOrLast("first"),
	"grouping":              expr("CAST(grouping($1) AS TINYINT)"),
	"grouping_id":           named("grouping_id", 0, -1),
	"kurtosis":              named("kurtosis_pop", 1, 1),
	"last":                  firstOrLast("last"),
	"last_value":            firstOrLast("last"),
	"listagg":               stringAgg,
	"max":                   named("max", 1, 1),
	"max_by":                named("arg_max_null", 2, 2),
	"mean":                  average,
	"median":                expr("median($DCAST($1 AS DOUBLE))$F"),
	"min":                   named("min", 1, 1),
	"min_by":                named("arg_min_null", 2, 2),
	"mode":                  named("mode", 1, 1),
	"percentile":            expr("quantile_cont($DCAST($1 AS DOUBLE), $2)$F"),
	"percentile_approx":     leading(3, "quantile_disc($1, $2)$F"),
	"percentile_cont":       percentileWithin("quantile_cont"),
	"percentile_disc":       percentileWithin("quantile_disc"),
	"regr_avgx":             named("regr_avgx", 2, 2),
	"regr_avgy":             named("regr_avgy", 2, 2),
	"regr_count":            expr("CAST(regr_count($1, $2)$F AS BIGINT)"),
	"regr_intercept":        named("regr_intercept", 2, 2),
	"regr_r2":               named("regr_r2", 2, 2),
	"regr_slope":            named("regr_slope", 2, 2),
	"regr_sxx":              named("regr_sxx", 2, 2),
	"regr_sxy":              named("regr_sxy", 2, 2),
	"regr_syy":              named("regr_syy", 2, 2),
	"skewness":              expr(populationSkewness),
	"some":                  named("bool_or", 1, 1),
	"std":                   named("stddev_samp", 1, 1),
	"stddev":                named("stddev_samp", 1, 1),
	"stddev_pop":            named("stddev_pop", 1, 1),
	"stddev_samp":           named("stddev_samp", 1, 1),
	"string_agg":            stringAgg,
	"sum":                   sum,
	"try_avg":               named("avg", 1, 1),
	"try_sum":               expr("CASE WHEN sum($D$1)$F BETWEEN -9223372036854775808 AND 9223372036854775807 THEN sum($D$1)$F END"),
	"var_pop":               named("var_pop", 1, 1),
	"var_samp":              named("var_samp", 1, 1),
	"variance":              named("var_samp", 1, 1),
}

// populationSkewness undoes the correction for samples of DuckDB's skewness,
// which has none below three values.
const populationSkewness = "CASE WHEN var_pop($1)$F = 0 THEN NULL WHEN count($1)$F = 2 THEN 0.0::DOUBLE " +
	"ELSE skewness($1)$F * (count($1)$F - 2) / sqrt(count($1)$F * (count($1)$F - 1)) END"

// count of several expressions counts the rows in which none is NULL.
func count(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) < 2 {
		return named("count", 1, 1)(p, call)
	}
	conds, items := make([]string, len(call.Args)), make([]string, len(call.Args))
	for i, a := range call.Args {
		conds[i], items[i] = p.operand(a)+" IS NOT NULL", p.text(a)
	}
	value, distinct := "1", ""
	if call.Distinct {
		value, distinct = "("+strings.Join(items, ", ")+")", "DISTINCT "
	}
	return "count(" + distinct + "CASE WHEN " + strings.Join(conds, " AND ") + " THEN " + value + " END)" + p.suffix(call), nil
}

// sum has the type that Spark gives it.
func sum(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 1 {
		return "", wrongArguments(call, "1")
	}
	if p.typeOf(call.Args[0]) == schema.String {
		call = withNumber(call)
	}
	if text, ok := p.totalled("sum", call); ok {
		return text, nil
	}
	text := p.call("sum", call)
	if t, ok := p.typeOf(call).(schema.Decimal); ok {
		text = "CAST(" + text + " AS " + t.String() + ")"
	}
	return text, nil
}

// average of decimals is one, where DuckDB's is a DOUBLE.
func average(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 1 {
		return "", wrongArguments(call, "1")
	}
	if p.typeOf(call.Args[0]) == schema.String {
		call = withNumber(call)
	}
	if text, ok := p.totalled("avg", call); ok {
		return text, nil
	}
	if t, ok := p.typeOf(call).(schema.Decimal); ok {
		return "CAST(spark_decimal_" + strconv.Itoa(t.Scale) + "('/', " + p.call("sum", call) + ", CAST(" + p.call("count", call) +
			" AS DECIMAL(20,0))) AS " + t.String() + ")", nil
	}
	return p.call("avg", call), nil
}

// collectList leaves NULLs out, unlike DuckDB's list, and is never NULL.
func collectList(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 1 {
		return "", wrongArguments(call, "1")
	}
	return "coalesce(list(" + p.arguments(call) + ")" + p.suffix(notNull(call)) + ", [])", nil
}

func collectSet(p *printer, call *FunctionCall) (string, error) {
	set := *call
	set.Distinct = true
	return collectList(p, &set)
}

// notNull returns a call that filters NULLs of its first argument out as well.
func notNull(call *FunctionCall) *FunctionCall {
	with := *call
	with.Filter = &Is{Range: call.Range, X: call.Args[0], Not: true, What: "NULL"}
	if call.Filter != nil {
		with.Filter = &Binary{Range: call.Range, Op: "AND", Left: call.Filter, Right: with.Filter}
	}
	return &with
}

// firstOrLast is first or last, of rows or of values that are not NULL. Over a
// window DuckDB calls it first_value and ignores NULLs itself.
func firstOrLast(name string) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) != 1 && len(call.Args) != 2 {
			return "", wrongArguments(call, countText(1, 2))
		}
		one := *call
		one.Args, one.Nulls = call.Args[:1], ""
		ignore := call.Nulls == "IGNORE"
		if len(call.Args) == 2 {
			l, ok := call.Args[1].(*Literal)
			if !ok || l.Kind != BooleanLiteral {
				return "", unsupported(call.Args[1], "An ignore-nulls flag that is not a literal")
			}
			ignore = l.Value == "true"
		}
		switch {
		case call.Over != nil && ignore:
			one.Nulls = "IGNORE"
			return p.call(name+"_value", &one), nil
		case call.Over != nil:
			return p.call(name+"_value", &one), nil
		case ignore:
			return name + "(" + p.arguments(&one) + ")" + p.suffix(notNull(&one)), nil
		}
		return p.call(name, &one), nil
	}
}

// stringAgg joins with nothing in between where DuckDB has a comma.
func stringAgg(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 1 && len(call.Args) != 2 {
		return "", wrongArguments(call, countText(1, 2))
	}
	two := *call
	if len(call.Args) == 1 {
		two.Args = []Expr{call.Args[0], &Literal{Range: call.Range, Kind: StringLiteral}}
	}
	return p.call("string_agg", &two), nil
}

// percentileWithin is percentile_cont(p) WITHIN GROUP (ORDER BY x).
func percentileWithin(name string) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) != 1 || len(call.WithinGroup) != 1 {
			return "", unsupported(call, "Any form but "+call.Func()+"(p) WITHIN GROUP (ORDER BY x)")
		}
		item, fraction := call.WithinGroup[0], p.operand(call.Args[0])
		if item.Desc {
			fraction = "(1 - " + fraction + ")"
		}
		return name + "(CAST(" + p.text(item.Expr) + " AS DOUBLE), " + fraction + ")" + p.suffix(call), nil
	}
}

var windowFunctions = functionTable{
	"cume_dist":    named("cume_dist", 0, 0),
	"dense_rank":   expr("CAST(dense_rank()$F AS INTEGER)"),
	"lag":          named("lag", 1, 3),
	"lead":         named("lead", 1, 3),
	"nth_value":    named("nth_value", 2, 2),
	"ntile":        expr("CAST(ntile($1)$F AS INTEGER)"),
	"percent_rank": named("percent_rank", 0, 0),
	"rank":         expr("CAST(rank()$F AS INTEGER)"),
	"row_number":   expr("CAST(row_number()$F AS INTEGER)"),
}
