//go:build interop

package interop_test

import (
	"path/filepath"
	"testing"
)

// variantValues is a query that both dialects have: variants of every type, at
// the top, in structs and in arrays, and NULL where a variant null is not.
const variantValues = `
SELECT CAST(id AS INT) AS id, CASE WHEN id > 0 THEN v END AS v,
 CASE WHEN id > 1 THEN named_struct('w', v, 'n', CAST(id AS INT)) END AS s, CASE WHEN id <> 3 THEN array(v, NULL, parse_json('null')) END AS l
FROM (
 SELECT 0 AS id, parse_json('"not read"') AS v
 UNION ALL SELECT 1, parse_json('null')
 UNION ALL SELECT 2, parse_json('{"b":[1,-2.50,1e300,{"deep":{"ä \\"q\\"":true}}],"a":"x","":{}}')
 UNION ALL SELECT 3, parse_json('[]')
 UNION ALL SELECT 4, parse_json('[9223372036854775807,12345678901234567890123456789.123456789,128,-32769,2147483648]')
 UNION ALL SELECT 5, CAST(DATE'2026-02-03' AS VARIANT)
 UNION ALL SELECT 6, CAST(TIMESTAMP'1969-12-31 23:59:59.999999' AS VARIANT)
 UNION ALL SELECT 7, CAST(TIMESTAMP_NTZ'9999-12-31 23:59:59' AS VARIANT)
 UNION ALL SELECT 8, CAST(CAST('ab' AS BINARY) AS VARIANT)
 UNION ALL SELECT 9, CAST(CAST(1.5 AS FLOAT) AS VARIANT)
 UNION ALL SELECT 10, CAST(repeat('long ', 40) AS VARIANT)
 UNION ALL SELECT 11, to_variant_object(named_struct('x', 1, 'y', array(CAST(NULL AS INT), 2)))
)`

// seen is a query of a table of those values that shows all there is to them.
const seen = `SELECT id, to_json(v) AS v, schema_of_variant(v) AS t, v IS NULL AS no, is_variant_null(v) AS n, to_json(s.w) AS w, s.n AS sn, s IS NULL AS ns,
 to_json(l[0]) AS l0, l[1] IS NULL AS l1, to_json(l[2]) AS l2, size(l) AS many, CAST(variant_get(v, '$.b[1]') AS STRING) AS part FROM delta.`

// TestVariantsAreShared has freshet and Spark write variants to one table in
// turn, and both read what Spark says they are.
func TestVariantsAreShared(t *testing.T) {
	dir, theirs := filepath.Join(t.TempDir(), "t"), filepath.Join(t.TempDir(), "theirs")
	f := open(t)
	f.run("CREATE TABLE delta.`%s` AS %s", dir, variantValues)
	spark(t, "CREATE TABLE delta.`%s` USING delta AS %s", theirs, variantValues)
	query := func(dir string) string { return seen + "`" + dir + "`" }
	want := spark(t, "%s", query(theirs))
	same(t, "Spark reads what we wrote", want, spark(t, "%s", query(dir)))
	same(t, "freshet reads what it wrote", want, f.query("%s", query(dir)))
	same(t, "freshet reads what Spark wrote", want, f.query("%s", query(theirs)))

	for _, to := range []string{dir, theirs} {
		f.run("INSERT INTO delta.`%s` (id, v) SELECT 20, parse_json('{\"by\":\"freshet\"}')", to)
		spark(t, "INSERT INTO delta.`%s` SELECT 21, parse_json('{\"by\":\"spark\"}'), named_struct('w', parse_json('1.0'), 'n', 1), NULL", to)
	}
	want = spark(t, "%s", query(theirs))
	if len(want.Rows) != 14 {
		t.Errorf("Spark reads %d rows, want 14", len(want.Rows))
	}
	same(t, "Spark reads what both appended", want, spark(t, "%s", query(dir)))
	same(t, "freshet reads what both appended", want, f.query("%s", query(dir)))
	same(t, "freshet reads what both appended to Spark's", want, f.query("%s", query(theirs)))
}
