package stateful

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// decomposition says how an aggregate is made of parts, which are computed of
// the rows of a batch, kept as state, and merged batch by batch.
type decomposition struct {
	// parts are Databricks SQL over rows; $A is the arguments, $1 and $2 each
	// of them, and $F the filter.
	parts []string
	// merges are the engine's SQL, one for each part; $s is the part kept and
	// $b that of the batch, either of which may be NULL. $s0 and $b0 are those
	// of the first part of the aggregate, and so on.
	merges []string
	// value is Databricks SQL over the parts $0, $1, ….
	value string
}

const (
	mergeSum   = "CASE WHEN $s IS NULL THEN $b WHEN $b IS NULL THEN $s ELSE $s + $b END"
	mergeMean  = "CASE WHEN coalesce($s0, 0) = 0 THEN $b1 WHEN coalesce($b0, 0) = 0 THEN $s1 ELSE $s1 + ($b1 - $s1) * $b0 / ($s0 + $b0) END"
	mergeRest  = "CASE WHEN coalesce($s0, 0) = 0 THEN $b2 WHEN coalesce($b0, 0) = 0 THEN $s2 ELSE $s2 + $b2 + ($b1 - $s1) * ($b1 - $s1) * $s0 / ($s0 + $b0) * $b0 END"
	mergeFirst = "CASE WHEN s._in THEN $s ELSE $b END"
	mergeLast  = "CASE WHEN b._in THEN $b ELSE $s END"
)

// one is an aggregate that is its own only part.
func one(part, merge string) decomposition {
	return decomposition{parts: []string{part}, merges: []string{merge}, value: "$0"}
}

// moments is an aggregate of number, mean, and sum of squared distances from
// the mean, which merge without loss of digits.
func moments(value string) decomposition {
	return decomposition{
		parts:  []string{"count($1)$F", "avg(CAST($1 AS DOUBLE))$F", "var_pop(CAST($1 AS DOUBLE))$F * count($1)$F"},
		merges: []string{mergeSum, mergeMean, mergeRest},
		value:  value,
	}
}

func extreme(function, sign string) decomposition {
	return decomposition{
		parts: []string{function + "_by($1, $2)$F", function + "($2)$F"},
		merges: []string{
			"CASE WHEN $s1 IS NULL OR $b1 " + sign + " $s1 THEN $b0 ELSE $s0 END",
			"CASE WHEN $s1 IS NULL OR $b1 " + sign + " $s1 THEN $b1 ELSE $s1 END",
		},
		value: "$0",
	}
}

const (
	varPop  = "CASE WHEN $0 > 0 THEN $2 / $0 END"
	varSamp = "CASE WHEN $0 > 1 THEN $2 / ($0 - 1) END"
)

// decompositions are of the aggregates that state is kept for. Others, such as
// median or approx_count_distinct, cannot be made of parts of bounded size.
var decompositions = map[string]decomposition{
	"any":          one("bool_or($1)$F", "coalesce($s OR $b, $s, $b)"),
	"any_value":    one("any_value($A)$F", mergeFirst),
	"array_agg":    one("collect_list($1)$F", "list_concat(coalesce($s, []), coalesce($b, []))"),
	"avg":          {parts: []string{"sum(CAST($1 AS DOUBLE))$F", "count($1)$F"}, merges: []string{mergeSum, mergeSum}, value: "CASE WHEN $1 > 0 THEN $0 / $1 END"},
	"bit_and":      one("bit_and($1)$F", "coalesce($s & $b, $s, $b)"),
	"bit_or":       one("bit_or($1)$F", "coalesce($s | $b, $s, $b)"),
	"bit_xor":      one("bit_xor($1)$F", "coalesce(xor($s, $b), $s, $b)"),
	"bool_and":     one("bool_and($1)$F", "coalesce($s AND $b, $s, $b)"),
	"bool_or":      one("bool_or($1)$F", "coalesce($s OR $b, $s, $b)"),
	"collect_list": one("collect_list($1)$F", "list_concat(coalesce($s, []), coalesce($b, []))"),
	"collect_set":  one("collect_set($1)$F", "list_distinct(list_concat(coalesce($s, []), coalesce($b, [])))"),
	"count":        one("count($A)$F", mergeSum),
	"count_if":     one("count_if($1)$F", mergeSum),
	"every":        one("bool_and($1)$F", "coalesce($s AND $b, $s, $b)"),
	"first":        one("first($A)$F", mergeFirst),
	"first_value":  one("first($A)$F", mergeFirst),
	"last":         one("last($A)$F", mergeLast),
	"last_value":   one("last($A)$F", mergeLast),
	"max":          one("max($1)$F", "greatest($s, $b)"),
	"max_by":       extreme("max", ">"),
	"min":          one("min($1)$F", "least($s, $b)"),
	"min_by":       extreme("min", "<"),
	"some":         one("bool_or($1)$F", "coalesce($s OR $b, $s, $b)"),
	"std":          moments("sqrt(" + varSamp + ")"),
	"stddev":       moments("sqrt(" + varSamp + ")"),
	"stddev_pop":   moments("sqrt(" + varPop + ")"),
	"stddev_samp":  moments("sqrt(" + varSamp + ")"),
	"sum":          one("sum($1)$F", mergeSum),
	"var_pop":      moments(varPop),
	"var_samp":     moments(varSamp),
	"variance":     moments(varSamp),
}

// decompose returns the decomposition of a call, given the type of its first
// argument, nil when that is not known.
func decompose(call *sql.FunctionCall, of schema.Type) (decomposition, bool) {
	name := call.Func()
	if name == "mean" {
		name = "avg"
	}
	d, ok := decompositions[name]
	if call.Distinct && name != "min" && name != "max" && name != "collect_set" || len(call.WithinGroup) > 0 || call.Nulls != "" {
		return d, false
	}
	if t, decimal := of.(schema.Decimal); decimal && name == "avg" {
		// The type that Spark gives the average of decimals.
		scale := min(t.Scale+4, 38)
		result := schema.Decimal{Precision: min(t.Precision+4, 38), Scale: scale}
		d.parts = []string{"sum($1)$F", "count($1)$F"}
		d.value = "CAST(CASE WHEN $1 > 0 THEN $0 / CAST($1 AS DECIMAL(20,0)) END AS " + result.String() + ")"
	}
	return d, ok
}

// expand puts texts in the place of $0, $1, … and of $ and a letter.
func expand(template string, texts map[string]string) string {
	var out strings.Builder
	for i := 0; i < len(template); i++ {
		if template[i] != '$' {
			out.WriteByte(template[i])
			continue
		}
		// The longest name counts: $s1 before $s.
		for n := min(2, len(template)-i-1); n > 0; n-- {
			if text, ok := texts[template[i+1:i+1+n]]; ok {
				out.WriteString(text)
				i += n
				break
			}
		}
	}
	return out.String()
}

func numbered(prefix string, i int) string { return prefix + strconv.Itoa(i) }
