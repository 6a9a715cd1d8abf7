-- Functions of Spark that DuckDB lacks, or has with another meaning, as macros.
-- internal/sql's function table refers to them; their arguments and results are
-- Spark's. A macro with a type and one without is chosen by the argument's type.

-- Strings.
CREATE MACRO spark_bytes(x BLOB) AS x, (x) AS encode(CAST(x AS VARCHAR));
CREATE MACRO spark_length(x BLOB) AS CAST(octet_length(x) AS INTEGER), (x) AS CAST(length(CAST(x AS VARCHAR)) AS INTEGER);
CREATE MACRO spark_chr(n) AS CASE WHEN n < 0 THEN '' ELSE chr(CAST(n % 256 AS INTEGER)) END;
CREATE MACRO spark_joined(s, x VARCHAR) AS x,
    (s, x VARCHAR[]) AS array_to_string(nullif(list_filter(x, lambda e: e IS NOT NULL), []), s),
    (s, x) AS CAST(x AS VARCHAR);
CREATE MACRO spark_find_in_set(x, list) AS CAST(CASE WHEN x IS NULL OR list IS NULL THEN NULL
    ELSE coalesce(list_position(string_split(list, ','), x), 0) END AS INTEGER);
CREATE MACRO spark_initcap(x) AS array_to_string(list_transform(string_split(lower(x), ' '), lambda w: upper(w[1]) || w[2:]), ' ');
CREATE MACRO spark_levenshtein(a, b, most) AS CAST(CASE WHEN levenshtein(a, b) > most THEN -1 ELSE levenshtein(a, b) END AS INTEGER);
CREATE MACRO spark_locate(sub, x, from_) AS CAST(CASE WHEN from_ < 1 THEN 0 WHEN instr(substr(x, from_), sub) = 0 THEN 0
    ELSE instr(substr(x, from_), sub) + from_ - 1 END AS INTEGER);
CREATE MACRO spark_lpad(x, n, pad) AS CASE WHEN n <= 0 THEN '' WHEN pad = '' THEN left(x, n) ELSE lpad(x, CAST(n AS INTEGER), pad) END;
CREATE MACRO spark_rpad(x, n, pad) AS CASE WHEN n <= 0 THEN '' WHEN pad = '' THEN left(x, n) ELSE rpad(x, CAST(n AS INTEGER), pad) END;
CREATE MACRO spark_mask(x) AS regexp_replace(regexp_replace(regexp_replace(x, '[A-Z]', 'X', 'g'), '[a-z]', 'x', 'g'), '[0-9]', 'n', 'g');
CREATE MACRO spark_overlay(x, y, from_, n) AS left(x, from_ - 1) || y || substr(x, from_ + n);
CREATE MACRO spark_reverse(x VARCHAR) AS reverse(x), (x) AS list_reverse(x);
CREATE MACRO spark_split_part(x, delimiter, n) AS CASE
    WHEN n = 0 THEN error('[INVALID_INDEX_OF_ZERO] The index 0 is invalid. An index shall be either < 0 or > 0 (the first element has index 1). SQLSTATE: 22003')
    WHEN delimiter = '' THEN CASE WHEN n IN (1, -1) THEN x ELSE '' END
    ELSE split_part(x, delimiter, CAST(n AS BIGINT)) END;
CREATE MACRO spark_str_to_map(x, pairs, keys) AS map_from_entries(list_transform(string_split_regex(x, pairs),
    lambda e: {'key': regexp_split_to_array(e, keys)[1], 'value': CASE WHEN regexp_matches(e, keys) THEN regexp_replace(e, '^.*?' || keys, '') END}));
CREATE MACRO spark_slice_text(x, from_, until) AS substr(x, greatest(from_, 0) + 1, greatest(until - greatest(from_, 0), 0));
CREATE MACRO spark_text_start(x, p) AS CASE WHEN p > 0 THEN p - 1 WHEN p < 0 THEN length(x) + p ELSE 0 END;
CREATE MACRO spark_substring(x, p, n) AS CASE WHEN p IS NOT NULL AND n IS NOT NULL
    THEN spark_slice_text(x, spark_text_start(x, p), spark_text_start(x, p) + CAST(n AS BIGINT)) END;
CREATE MACRO spark_substring_index(x, delimiter, n) AS CASE WHEN n > 0 THEN array_to_string(string_split(x, delimiter)[:n], delimiter)
    WHEN n < 0 THEN array_to_string(string_split(x, delimiter)[n:], delimiter) WHEN x IS NOT NULL AND n = 0 THEN '' END;
CREATE MACRO spark_unhex(x) AS CASE WHEN regexp_full_match(x, '[0-9A-Fa-f]*') THEN unhex(CASE WHEN length(x) % 2 = 1 THEN '0' || x ELSE x END) END;

-- Numbers.
CREATE MACRO spark_atanh(x) AS CASE WHEN abs(x) > 1 THEN CAST('NaN' AS DOUBLE) WHEN x = 1 THEN CAST('Infinity' AS DOUBLE)
    WHEN x = -1 THEN CAST('-Infinity' AS DOUBLE) ELSE atanh(x) END;
CREATE MACRO spark_bit_count(x BOOLEAN) AS CAST(x AS INTEGER), (x) AS bit_count(CAST(x AS BIGINT));
CREATE MACRO spark_bround(x DOUBLE, n) AS round_even(x, CAST(n AS INTEGER)),
    (x INTEGER, n) AS CAST(round_even(x, CAST(n AS INTEGER)) AS INTEGER), (x BIGINT, n) AS CAST(round_even(x, CAST(n AS INTEGER)) AS BIGINT);
CREATE MACRO spark_ceil(x, n) AS CASE WHEN n = 0 THEN ceil(x) ELSE ceil(x * pow(10, n)) / pow(10, n) END;
CREATE MACRO spark_floor(x, n) AS CASE WHEN n = 0 THEN floor(x) ELSE floor(x * pow(10, n)) / pow(10, n) END;
CREATE MACRO spark_ln(x) AS CASE WHEN x > 0 THEN ln(x) END;
CREATE MACRO spark_log1p(x) AS CASE WHEN x > -1 THEN CASE WHEN abs(x) < 1e-5 THEN x - x * x / 2 + x * x * x / 3 ELSE ln(1 + x) END END;
CREATE MACRO spark_nonzero(y) AS CASE WHEN y = 0 THEN
    error('[DIVIDE_BY_ZERO] Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead. SQLSTATE: 22012') ELSE y END;
CREATE MACRO spark_pmod(x, y) AS CASE WHEN x % spark_nonzero(y) < 0 THEN (x % y + y) % y ELSE x % y END;
CREATE MACRO spark_shiftrightunsigned(x INTEGER, n) AS CAST(CASE WHEN x < 0 THEN (x + 4294967296) >> n ELSE x >> n END AS INTEGER),
    (x BIGINT, n) AS CAST(CASE WHEN x < 0 AND n > 0 THEN (x + 18446744073709551616::HUGEINT) // (1::HUGEINT << n) ELSE x >> n END AS BIGINT);
CREATE MACRO spark_width_bucket(x, low, high, n) AS CASE WHEN n <= 0 OR low = high THEN NULL
    WHEN low < high THEN CASE WHEN x < low THEN 0 WHEN x >= high THEN n + 1 ELSE CAST(floor((x - low) * n / (high - low)) AS BIGINT) + 1 END
    ELSE CASE WHEN x > low THEN 0 WHEN x <= high THEN n + 1 ELSE CAST(floor((low - x) * n / (low - high)) AS BIGINT) + 1 END END;

-- Dates and times.
CREATE MACRO spark_months_between(a, b, rounded) AS CASE
    WHEN day(a) = day(b) OR (last_day(a) = CAST(a AS DATE) AND last_day(b) = CAST(b AS DATE))
    THEN CAST((year(a) - year(b)) * 12 + month(a) - month(b) AS DOUBLE)
    ELSE round((year(a) - year(b)) * 12 + month(a) - month(b)
        + ((day(a) - day(b)) * 86400 + (epoch(CAST(a AS TIME)) - epoch(CAST(b AS TIME)))) / 2678400, CASE WHEN rounded THEN 8 ELSE 16 END) END;
CREATE MACRO spark_weekday(name) AS CASE lower(left(name, 2)) WHEN 'mo' THEN 1 WHEN 'tu' THEN 2 WHEN 'we' THEN 3 WHEN 'th' THEN 4
    WHEN 'fr' THEN 5 WHEN 'sa' THEN 6 WHEN 'su' THEN 7
    ELSE error('[ILLEGAL_DAY_OF_WEEK] Illegal input for day of week: ' || name || '. SQLSTATE: 22009') END;
CREATE MACRO spark_next_day(d, name) AS d + CAST((spark_weekday(name) - isodow(d) + 6) % 7 + 1 AS INTEGER);
CREATE MACRO spark_trunc(d, unit) AS CASE
    WHEN lower(unit) IN ('year', 'yyyy', 'yy') THEN CAST(date_trunc('year', d) AS DATE)
    WHEN lower(unit) = 'quarter' THEN CAST(date_trunc('quarter', d) AS DATE)
    WHEN lower(unit) IN ('month', 'mon', 'mm') THEN CAST(date_trunc('month', d) AS DATE)
    WHEN lower(unit) = 'week' THEN CAST(date_trunc('week', d) AS DATE) END;
CREATE MACRO spark_offset_minutes(t) AS CAST(date_diff('minute', timezone('UTC', t), CAST(t AS TIMESTAMP)) AS BIGINT);
CREATE MACRO spark_offset(t, letters) AS CASE
    WHEN left(letters, 1) = 'X' AND spark_offset_minutes(t) = 0 THEN 'Z'
    ELSE CASE WHEN spark_offset_minutes(t) < 0 THEN '-' ELSE '+' END
        || lpad(CAST(abs(spark_offset_minutes(t)) // 60 AS VARCHAR), 2, '0')
        || CASE WHEN letters IN ('X', 'x') AND spark_offset_minutes(t) % 60 = 0 THEN '' WHEN letters IN ('XXX', 'xxx', 'ZZZZZ') THEN ':' ELSE '' END
        || CASE WHEN letters IN ('X', 'x') AND spark_offset_minutes(t) % 60 = 0 THEN ''
            ELSE lpad(CAST(abs(spark_offset_minutes(t)) % 60 AS VARCHAR), 2, '0') END END;

-- Arrays and maps.
CREATE MACRO spark_outer(x) AS CASE WHEN x IS NULL OR len(x) = 0 THEN [NULL] ELSE x END;
CREATE MACRO spark_has_null(a) AS list_count(a) < len(a);
CREATE MACRO spark_array_contains(a, v) AS CASE WHEN a IS NULL OR v IS NULL THEN NULL WHEN list_contains(a, v) THEN true
    WHEN spark_has_null(a) THEN NULL ELSE false END;
CREATE MACRO spark_array_distinct(a) AS list_filter(a, lambda e, i: list_position(a, e) = i);
CREATE MACRO spark_array_except(a, b) AS spark_array_distinct(list_filter(a, lambda e: b IS NOT NULL AND list_position(b, e) IS NULL));
CREATE MACRO spark_array_intersect(a, b) AS spark_array_distinct(list_filter(a, lambda e: list_position(b, e) IS NOT NULL));
CREATE MACRO spark_array_insert(a, p, v) AS CASE
    WHEN p > 0 THEN list_concat(list_resize(a[:p - 1], greatest(p - 1, 0)), list_concat([v], a[p:]))
    WHEN p < 0 THEN list_concat(a[:len(a) + p + 1], list_concat([v], CASE WHEN p = -1 THEN a[1:0] ELSE a[len(a) + p + 2:] END))
    WHEN p = 0 THEN error('[INVALID_INDEX_OF_ZERO] The index 0 is invalid. An index shall be either < 0 or > 0 (the first element has index 1). SQLSTATE: 22003') END;
CREATE MACRO spark_array_position(a, v) AS CASE WHEN a IS NULL OR v IS NULL THEN NULL ELSE CAST(coalesce(list_position(a, v), 0) AS BIGINT) END;
CREATE MACRO spark_array_remove(a, v) AS CASE WHEN v IS NULL THEN NULL ELSE list_filter(a, lambda e: e IS NULL OR e <> v) END;
CREATE MACRO spark_arrays_overlap(a, b) AS CASE WHEN list_has_any(a, b) THEN true
    WHEN len(a) > 0 AND len(b) > 0 AND (spark_has_null(a) OR spark_has_null(b)) THEN NULL ELSE len(a) < 0 OR len(b) < 0 END;
CREATE MACRO spark_element_at(a, i) AS CASE
    WHEN typeof(a) LIKE '%[]' AND TRY_CAST(CAST(i AS VARCHAR) AS BIGINT) = 0
    THEN error('[INVALID_INDEX_OF_ZERO] The index 0 is invalid. An index shall be either < 0 or > 0 (the first element has index 1). SQLSTATE: 22003')
    WHEN typeof(a) LIKE '%[]' AND abs(TRY_CAST(CAST(i AS VARCHAR) AS BIGINT)) > spark_size(a)
    THEN error('[INVALID_ARRAY_INDEX_IN_ELEMENT_AT] The index ' || CAST(i AS VARCHAR) || ' is out of bounds. The array has ' || spark_size(a)
        || ' elements. Use `try_element_at` to tolerate accessing element at invalid index and return NULL instead. SQLSTATE: 22003')
    ELSE a[i] END;
CREATE MACRO spark_try_element_at(a, i) AS a[i];
CREATE MACRO spark_element(a, i) AS a[CASE WHEN i < 0 OR i >= len(a)
    THEN error('[INVALID_ARRAY_INDEX] The index ' || i || ' is out of bounds. The array has ' || len(a)
        || ' elements. Use the SQL function `get()` to tolerate accessing element at invalid index and return NULL instead. SQLSTATE: 22003')
    ELSE i + 1 END];
CREATE MACRO spark_item(a, i VARCHAR) AS a[i], (a, i) AS a[i + CASE WHEN typeof(a) LIKE 'MAP(%' THEN 0 ELSE 1 END];
CREATE MACRO spark_sequence(a INTEGER, b INTEGER, step INTEGER) AS CAST(generate_series(a, b, step) AS INTEGER[]), (a, b, step) AS generate_series(a, b, step);
CREATE MACRO spark_exists(l) AS CASE WHEN l IS NULL THEN NULL WHEN list_contains(l, true) THEN true WHEN spark_has_null(l) THEN NULL ELSE false END;
CREATE MACRO spark_forall(l) AS CASE WHEN l IS NULL THEN NULL WHEN list_contains(l, false) THEN false WHEN spark_has_null(l) THEN NULL ELSE true END;
CREATE MACRO spark_flatten(a) AS CASE WHEN spark_has_null(a) THEN NULL ELSE flatten(a) END;
CREATE MACRO spark_slice(a, s, n) AS CASE WHEN s > 0 THEN a[s:s + n - 1] WHEN s < 0 THEN a[len(a) + s + 1:len(a) + s + n]
    ELSE error('[INVALID_PARAMETER_VALUE.START] The value of parameter(s) `start` in `slice` is invalid: Expects a positive or a negative value for `start`, but got 0. SQLSTATE: 22023') END;

-- JSON.
CREATE MACRO spark_json(x) AS CASE WHEN json_valid(x) THEN x END;
CREATE MACRO spark_get_json_object(x, path) AS json_extract_string(spark_json(x), path);
CREATE MACRO spark_get_json_objects(x, path) AS nullif(CAST(to_json(json_extract(spark_json(x), path)) AS VARCHAR), '[]');
CREATE MACRO spark_json_array_length(x) AS CASE WHEN json_type(spark_json(x)) = 'ARRAY' THEN CAST(json_array_length(spark_json(x)) AS INTEGER) END;
CREATE MACRO spark_json_object_keys(x) AS CASE WHEN json_type(spark_json(x)) = 'OBJECT' THEN json_keys(spark_json(x)) END;

-- Types: DuckDB's name of a type in Spark's words.
CREATE MACRO spark_typeof(t) AS list_reduce([
        ['STRUCT\("variant value" BLOB, "variant metadata" BLOB\)', 'variant'],
        ['TIMESTAMP WITH TIME ZONE', 'timestamp_tz'], ['\bTIMESTAMP\b', 'timestamp_ntz'], ['timestamp_tz', 'timestamp'],
        ['HUGEINT', 'bigint'], ['\bTINYINT\b', 'tinyint'], ['\bSMALLINT\b', 'smallint'], ['\bINTEGER\b', 'int'], ['\bBIGINT\b', 'bigint'],
        ['\bVARCHAR\b', 'string'], ['\bBLOB\b', 'binary'], ['\bBOOLEAN\b', 'boolean'], ['\bDOUBLE\b', 'double'], ['\bFLOAT\b', 'float'],
        ['\bDATE\b', 'date'], ['DECIMAL', 'decimal'], ['"NULL"', 'void'], ['(\w+)\[\]', 'array<\1>'],
        ['MAP\((.*), (.*)\)', 'map<\1,\2>'], ['STRUCT\((.*)\)', 'struct<\1>'], ['"?(\w+)"? (\w+)([,>])', '\1:\2\3'], [', ', ',']],
    lambda acc, x: [regexp_replace(acc[1], x[1], x[2], 'g')], [t])[1];

-- Casts: what makes DuckDB's cast to a type mean what Spark's does. Each number
-- type has its own variant, for DuckDB would take an integer or a decimal to be
-- a DOUBLE otherwise, and lose digits.
CREATE MACRO spark_integral(x DOUBLE) AS trunc(x), (x DECIMAL(38,9)) AS trunc(x), (x HUGEINT) AS x, (x BIGINT) AS x, (x INTEGER) AS x,
    (x SMALLINT) AS x, (x TINYINT) AS x, (x BOOLEAN) AS x, (x TIMESTAMPTZ) AS floor(epoch(x)), (x VARCHAR) AS CASE WHEN contains(x, '.')
        THEN error('[CAST_INVALID_INPUT] The value ''' || x || ''' of the type "STRING" cannot be cast to an integer because it is malformed. Use `try_cast` to tolerate malformed input and return NULL instead. SQLSTATE: 22018')
        ELSE trim(x) END, (x) AS x;
-- Text that names a year or a month alone is its first day.
CREATE MACRO spark_day(x VARCHAR) AS CASE WHEN length(x) > 7 THEN x WHEN regexp_full_match(x, '\d{4}') THEN x || '-01-01'
    WHEN regexp_full_match(x, '\d{4}-\d{1,2}') THEN x || '-01' ELSE x END, (x) AS x;
CREATE MACRO spark_instant(x DOUBLE) AS make_timestamptz(CAST(x * 1000000 AS BIGINT)), (x DECIMAL(38,9)) AS make_timestamptz(CAST(x * 1000000 AS BIGINT)),
    (x BIGINT) AS make_timestamptz(x * 1000000), (x VARCHAR) AS spark_day(x), (x) AS x;
CREATE MACRO spark_text(x BLOB) AS decode(x), (x INTERVAL) AS error('[UNSUPPORTED_FEATURE] The text of an interval whose type is known only when the query runs is not supported by this engine. SQLSTATE: 0A000'), (x DATE) AS CAST(x AS VARCHAR), (x TIMESTAMP) AS CAST(x AS VARCHAR),
    (x TIMESTAMPTZ) AS CAST(CAST(x AS TIMESTAMP) AS VARCHAR),
    (x) AS CASE typeof(x) WHEN 'DOUBLE' THEN spark_double_text(CAST(CAST(x AS VARCHAR) AS DOUBLE))
        WHEN 'FLOAT' THEN spark_float_text(CAST(CAST(x AS VARCHAR) AS FLOAT)) ELSE CAST(x AS VARCHAR) END;

-- A date and an interval of days or longer make a date.
CREATE MACRO spark_plus_interval(x DATE, i) AS CAST(x + i AS DATE), (x TIMESTAMP, i) AS x + i, (x TIMESTAMPTZ, i) AS x + i,
    (x INTERVAL, i) AS x + i, (x VARCHAR, i) AS CAST(x AS TIMESTAMPTZ) + i;
-- A date and a shorter interval make a timestamp.
CREATE MACRO spark_plus_time(x DATE, i) AS CAST(x AS TIMESTAMPTZ) + i, (x TIMESTAMP, i) AS x + i, (x TIMESTAMPTZ, i) AS x + i,
    (x INTERVAL, i) AS x + i, (x VARCHAR, i) AS CAST(x AS TIMESTAMPTZ) + i;
-- What spark_integral is to CAST, for TRY_CAST: text with a fraction is NULL.
CREATE MACRO spark_try_integral(x VARCHAR) AS CASE WHEN NOT contains(x, '.') THEN trim(x) END,
    (x DOUBLE) AS trunc(x), (x DECIMAL(38,9)) AS trunc(x), (x HUGEINT) AS x, (x BIGINT) AS x, (x INTEGER) AS x, (x SMALLINT) AS x,
    (x TINYINT) AS x, (x BOOLEAN) AS x, (x TIMESTAMPTZ) AS floor(epoch(x)), (x) AS x;
