package sql

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// resultTypes holds the functions whose result always has one type.
var resultTypes = map[string]schema.Type{}

func init() {
	for t, names := range map[schema.Type]string{
		schema.String: "base64 btrim char chr concat_ws conv current_catalog current_database current_schema current_timezone current_user " +
			"date_format dayname elt format_number format_string from_unixtime get_json_object hex initcap lcase left lower lpad ltrim mask " +
			"md5 monthname overlay parse_url printf regexp_extract regexp_replace regexp_substr repeat replace right rpad rtrim session_user " +
			"sha sha1 sha2 soundex space split_part string string_agg listagg substring_index to_char to_json to_varchar translate trim " +
			"schema_of_csv schema_of_json schema_of_variant schema_of_variant_agg typeof ucase upper url_decode url_encode user uuid version",
		schema.Integer: "array_size ascii bit_count bit_length cardinality char_length character_length datediff day dayofmonth dayofweek " +
			"dayofyear dense_rank find_in_set hash hour instr int json_array_length len length levenshtein locate minute month ntile " +
			"octet_length position quarter rank regexp_count regexp_instr row_number second size unix_date weekday weekofyear year",
		schema.Long: "approx_count_distinct array_position bigint count count_if crc32 factorial monotonically_increasing_id regr_count " +
			"to_unix_timestamp unix_micros unix_millis unix_seconds unix_timestamp xxhash64",
		schema.Double: "acos acosh asin asinh atan atan2 atanh cbrt corr cos cosh cot covar_pop covar_samp csc cume_dist degrees double e exp " +
			"expm1 hypot kurtosis ln log log10 log1p log2 months_between percent_rank percentile percentile_cont pi pow power radians rand " +
			"randn random rint sec sign signum sin sinh skewness sqrt std stddev stddev_pop stddev_samp tan tanh var_pop var_samp variance",
		schema.Boolean: "any array_contains arrays_overlap bool_and bool_or boolean contains endswith equal_null every exists forall ilike " +
			"is_variant_null isnan isnotnull isnull like luhn_check map_contains_key regexp regexp_like rlike some startswith",
		schema.Date: "add_months curdate current_date date date_from_unix_date date_sub last_day make_date next_day to_date trunc try_to_date",
		schema.Timestamp: "current_timestamp date_trunc from_utc_timestamp make_timestamp now timestamp timestamp_micros timestamp_millis " +
			"timestamp_seconds to_timestamp to_timestamp_ltz to_utc_timestamp try_to_timestamp",
		schema.Variant:      "parse_json to_variant_object try_parse_json",
		schema.TimestampNTZ: "localtimestamp make_timestamp_ntz to_timestamp_ntz",
		schema.Float:        "float", schema.Short: "smallint", schema.Byte: "tinyint", schema.Binary: "binary unbase64 unhex",
	} {
		for name := range strings.FieldsSeq(names) {
			resultTypes[name] = t
		}
	}
}

// functionType returns the type of a call's result, or nil.
func (p *printer) functionType(e *FunctionCall) schema.Type {
	name := e.Func()
	if t, ok := resultTypes[name]; ok {
		return t
	}
	switch name {
	case "make_interval":
		return calendarInterval
	case "make_dt_interval":
		return dayTime.typ()
	case "make_ym_interval":
		return yearMonth.typ()
	}
	if len(e.Args) == 0 {
		if name == "array" {
			return schema.Array{Element: schema.Void}
		}
		return nil
	}
	switch name {
	case "any_value", "first", "first_value", "last", "last_value", "max", "max_by", "min", "min_by", "mode", "lag", "lead", "nth_value",
		"array_append", "array_compact", "array_distinct", "array_except", "array_insert", "array_intersect", "array_prepend",
		"array_remove", "array_sort", "filter", "map_filter", "negative", "positive", "reverse", "slice", "sort_array", "nullif", "try_sum":
		return p.typeOf(e.Args[0])
	case "coalesce", "greatest", "ifnull", "least", "nvl":
		return p.commonTypeOf(e.Args)
	case "if", "iff", "nvl2":
		return p.commonTypeOf(e.Args[1:])
	case "abs", "avg", "mean", "sum", "round", "bround", "ceil", "ceiling", "floor", "mod":
		return p.numericFunctionType(name, e)
	case "date_add", "dateadd", "timestampadd":
		if len(e.Args) == 2 {
			return schema.Date
		}
		return schema.Timestamp
	case "substr", "substring":
		if t := p.typeOf(e.Args[0]); t == schema.Binary {
			return t
		}
		return schema.String
	case "concat":
		return p.concatType(e.Args)
	case "to_number", "try_to_number":
		if len(e.Args) == 2 {
			if _, t, err := numberFormat(e); err == nil {
				return t
			}
		}
		return nil
	case "from_json":
		if len(e.Args) > 1 {
			if t, err := fromJSONType(e); err == nil && hasVariant(t) {
				return t
			}
		}
		return nil
	case "variant_get", "try_variant_get":
		return variantGetType(e)
	}
	return p.nestedFunctionType(name, e)
}

// nestedFunctionType returns the type of a function of arrays, maps and
// structs.
func (p *printer) nestedFunctionType(name string, e *FunctionCall) schema.Type {
	first := p.typeOf(e.Args[0])
	switch name {
	case "array":
		if t := p.commonTypeOf(e.Args); t != nil {
			return schema.Array{Element: t, ContainsNull: true}
		}
	case "array_agg", "collect_list", "collect_set":
		if first != nil {
			return schema.Array{Element: first}
		}
	case "split":
		return schema.Array{Element: schema.String}
	case "named_struct":
		return p.namedStructType(e)
	case "struct":
		s := &schema.Struct{}
		for i, a := range e.Args {
			t := p.typeOf(a)
			if t == nil {
				return nil
			}
			s.Fields = append(s.Fields, schema.Col(columnName(a, "col"+strconv.Itoa(i+1)), t))
		}
		return s
	}
	switch t := first.(type) {
	case schema.Array:
		switch name {
		case "array_max", "array_min", "element_at", "get", "try_element_at":
			return t.Element
		case "flatten":
			return t.Element
		}
	case schema.Map:
		switch name {
		case "element_at", "try_element_at":
			return t.Value
		case "map_keys":
			return schema.Array{Element: t.Key}
		case "map_values":
			return schema.Array{Element: t.Value, ContainsNull: true}
		case "map_concat":
			return t
		}
	}
	if name == "map" {
		return p.mapType(e)
	}
	return nil
}

// mapType is the type of map(key, value, …).
func (p *printer) mapType(e *FunctionCall) schema.Type {
	var sides [2][]Expr
	for i, a := range e.Args {
		sides[i%2] = append(sides[i%2], a)
	}
	key, value := p.commonTypeOf(sides[0]), p.commonTypeOf(sides[1])
	if key == nil || value == nil {
		return nil
	}
	return schema.Map{Key: key, Value: value, ValueContainsNull: true}
}

func (p *printer) namedStructType(e *FunctionCall) schema.Type {
	s := &schema.Struct{}
	for i := 0; i+1 < len(e.Args); i += 2 {
		name, ok := constant(e.Args[i])
		t := p.typeOf(e.Args[i+1])
		if !ok || t == nil {
			return nil
		}
		s.Fields = append(s.Fields, schema.Col(name, t))
	}
	return s
}

// numericFunctionType returns the type of a function that keeps decimals
// exact.
func (p *printer) numericFunctionType(name string, e *FunctionCall) schema.Type {
	t := p.typeOf(e.Args[0])
	d, exact := t.(schema.Decimal)
	if units, ok := intervalOf(t); ok && (name == "avg" || name == "mean") {
		return units.full().typ()
	} else if ok {
		return t
	}
	switch name {
	case "abs":
		if t == schema.String {
			return schema.Double
		}
		return t
	case "mod":
		if len(e.Args) == 2 {
			return p.binaryType(&Binary{Op: "%", Left: e.Args[0], Right: e.Args[1]})
		}
	case "sum":
		switch {
		case exact:
			return schema.Decimal{Precision: min(d.Precision+10, schema.MaxDecimalPrecision), Scale: d.Scale}
		case isIntegral(t):
			return schema.Long
		case isFloating(t), t == schema.String:
			return schema.Double
		}
	case "avg", "mean":
		switch {
		case exact:
			return schema.Decimal{Precision: min(d.Precision+4, schema.MaxDecimalPrecision), Scale: min(d.Scale+4, schema.MaxDecimalPrecision)}
		case isNumeric(t), t == schema.String:
			return schema.Double
		}
	case "ceil", "ceiling", "floor", "round", "bround":
		return p.roundingType(name, t, e)
	}
	return nil
}

// roundingType returns the type of a number of type t rounded.
func (p *printer) roundingType(name string, t schema.Type, e *FunctionCall) schema.Type {
	places := 0
	if len(e.Args) > 1 {
		n, ok := integer(e.Args[1])
		if !ok {
			return nil
		}
		places = n
	}
	d, exact := t.(schema.Decimal)
	upDown := name != "round" && name != "bround"
	switch {
	case exact:
		return roundedDecimal(d, places)
	case upDown && len(e.Args) == 1 && (isNumeric(t) || t == schema.String):
		return schema.Long
	case !upDown && isNumeric(t):
		return t
	case !upDown && t == schema.String:
		return schema.Double
	}
	return nil
}
