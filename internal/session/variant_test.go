package session_test

import "testing"

func TestVariantColumns(t *testing.T) {
	w := newWorkspace(t)
	w.file("events/a.json", `{"a":1,"b":"x"}
[1,2]
{"a":
"s"
{"a":1,"a":2}
{"c":1.50,"d":1e2}
`)
	w.rows(`CREATE TABLE t (id INT, v VARIANT, s STRUCT<w: VARIANT>, l ARRAY<VARIANT>)`)
	w.rows(`INSERT INTO t SELECT id, parse_json(j), named_struct('w', try_parse_json(j)), array(try_parse_json(j), NULL)
		FROM VALUES (1, '{"a":{"b":[1,2.50]},"k":"x"}'), (2, 'null'), (3, NULL) AS x(id, j)`)
	w.rows(`CREATE TABLE raw AS SELECT * FROM read_files('$IN/events', format => 'json', singleVariantColumn => 'v')`)
	w.rows(`CREATE TABLE loaded (v VARIANT); COPY INTO loaded FROM '$IN/events' FILEFORMAT = JSON FORMAT_OPTIONS ('singleVariantColumn' = 'v')`)
	for _, c := range []struct {
		query string
		want  []string
	}{
		{`SELECT id, to_json(v), to_json(s.w), to_json(l[0]) FROM t`, []string{
			`1|{"a":{"b":[1,2.5]},"k":"x"}|{"a":{"b":[1,2.5]},"k":"x"}|{"a":{"b":[1,2.5]},"k":"x"}`, "2|null|null|null", "3|NULL|NULL|NULL",
		}},
		{`SELECT v:a.b[1]::double, s.w:k::string, is_variant_null(v), typeof(v) FROM t WHERE id = 1`, []string{"2.5|x|false|variant"}},
		{`SELECT to_json(v:a) FROM t WHERE v:k::string = 'x'`, []string{`{"b":[1,2.5]}`}},
		{`SELECT to_json(v) FROM raw`, []string{`"s"`, "NULL", "NULL", `[1,2]`, `{"a":1,"b":"x"}`, `{"c":1.5,"d":100.0}`}},
		{`SELECT count(*), count(v) FROM loaded`, []string{"6|4"}},
		{`SELECT v:a::int FROM read_files('$IN/events', format => 'json', singleVariantColumn => 'v', mode => 'DROPMALFORMED') WHERE v:a IS NOT NULL`, []string{"1"}},
		{`SELECT v IS NULL, bad FROM read_files('$IN/events', format => 'json', singleVariantColumn => 'v', schema => 'v VARIANT, bad STRING',
			columnNameOfCorruptRecord => 'bad') WHERE bad IS NOT NULL`, []string{`true|{"a":`, `true|{"a":1,"a":2}`}},
		{`SELECT key, value::int FROM raw, LATERAL variant_explode(v) WHERE try_variant_get(value, '$', 'int') IS NOT NULL`, []string{"NULL|1", "NULL|2", "a|1", "c|1", "d|100"}},
	} {
		w.want(c.query, c.want...)
	}
}

func TestSingleVariantColumnOfCSV(t *testing.T) {
	w := newWorkspace(t)
	w.file("trips/a.csv", "id,fare,at\n1,2.50,2026-01-02\n2\n3,x,4,5\n")
	const source = `FROM read_files('$IN/trips', format => 'csv', header => true, singleVariantColumn => 'v'`
	w.rows(`CREATE TABLE raw AS SELECT * ` + source + `)`)
	w.rows(`CREATE TABLE loaded (v VARIANT); COPY INTO loaded FROM '$IN/trips' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true', 'singleVariantColumn' = 'v')`)
	for _, c := range []struct {
		query string
		want  []string
	}{
		{`SELECT to_json(v) FROM raw`, []string{`{"at":"2026-01-02","fare":2.5,"id":1}`, `{"at":4,"fare":"x","id":3}`, `{"id":2}`}},
		{`SELECT v:id::int, try_variant_get(v, '$.fare', 'double') FROM loaded`, []string{"1|2.5", "2|NULL", "3|NULL"}},
		// The value too many of line 4 is rescued, so that the record is not malformed.
		{`SELECT v:id::int, _rescued_data:_c3 ` + source + `, mode => 'DROPMALFORMED')`, []string{"1|NULL", "3|5"}},
		{`SELECT v:id::int, bad ` + source + `, schema => 'v VARIANT, bad STRING', columnNameOfCorruptRecord => 'bad') WHERE bad IS NOT NULL`, []string{"2|2", "3|3,x,4,5"}},
		{`SELECT v:_c0::string FROM read_files('$IN/trips', format => 'csv', singleVariantColumn => 'v')`, []string{"1", "2", "3", "id"}},
	} {
		w.want(c.query, c.want...)
	}
}
