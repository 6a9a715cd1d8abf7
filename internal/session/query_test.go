package session_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
)

// newFactory is a workspace with the tables orders, loaded twice, and machines,
// whose columns are nested.
func newFactory(t *testing.T) *workspace {
	t.Helper()
	w := newWorkspace(t)
	w.file("machines/a.json", `{"id":1,"equipment":{"Line":"L1","Temp":20.5},"tags":[{"name":"x","v":1},{"name":"y","v":2}],"props":{"a":"1"},"payload":"{\"k\":{\"z\":[1,2]}}","at":"2024-01-01T10:00:00Z"}
{"id":2,"equipment":{"Line":"L2","Temp":21.5},"tags":[],"props":{"b":"2"},"payload":"{}","at":"2024-07-01T10:00:00Z"}
`)
	w.file("names.csv", "id,label\n1,one\n2,two\n")
	w.rows(`CREATE TABLE machines AS SELECT * FROM read_files('$IN/machines', format => 'json', schema => 'id BIGINT,
		equipment STRUCT<Line: STRING, Temp: DOUBLE>, tags ARRAY<STRUCT<name: STRING, v: INT>>, props MAP<STRING, STRING>, payload STRING, at TIMESTAMP')`)
	w.rows(`CREATE TABLE orders (id INT, name STRING, price DECIMAL(10,2), day DATE);
		INSERT INTO orders VALUES (1, 'a', 10.50, DATE'2024-01-01'), (2, 'b', 3.25, DATE'2024-02-01');
		INSERT INTO orders VALUES (3, 'a', 7.00, DATE'2024-02-02')`)
	return w
}

func TestQueriesOverTables(t *testing.T) {
	w := newFactory(t)
	w.rows(`CREATE VIEW paid AS SELECT id, name, price FROM orders WHERE price > 5;
		CREATE VIEW totals AS SELECT name, sum(price) AS total FROM paid GROUP BY name;
		CREATE TEMPORARY VIEW recent AS SELECT * FROM orders WHERE day >= '2024-02-01'`)
	for _, c := range []struct {
		query string
		want  []string
	}{
		{`SELECT price / 4, price * 1.5, price + 1 FROM orders WHERE id = 1`, []string{"2.625|15.75|11.5"}},
		{`SELECT name, sum(price), avg(price) FROM orders GROUP BY name`, []string{"a|17.5|8.75", "b|3.25|3.25"}},
		{`SELECT o.name, m.equipment.temp FROM orders o JOIN machines m USING (id)`, []string{"a|20.5", "b|21.5"}},
		{`SELECT new.id FROM orders VERSION AS OF 1 AS old RIGHT JOIN orders AS new ON old.id = new.id WHERE old.id IS NULL`, []string{"3"}},
		{`SELECT count(*) FROM orders@v1`, []string{"2"}},
		{`SELECT label, price FROM orders JOIN read_files('$IN/names.csv', format => 'csv', header => true) USING (id)`, []string{"one|10.5", "two|3.25"}},
		{"SELECT count(*) FROM csv.`$IN/names.csv`", []string{"3"}},
		{`SELECT total FROM totals WHERE name = 'a'`, []string{"17.5"}},
		{`SELECT count(*) FROM recent`, []string{"2"}},
		{`WITH t AS (SELECT name, price FROM orders) SELECT x.name, count(*) FROM t x JOIN t y ON x.name = y.name GROUP BY 1`, []string{"a|4", "b|1"}},
		{`SELECT id FROM orders WHERE id = '2' OR price = '7.00' OR day < '2023-12-31'`, []string{"2", "3"}},
		{`SELECT id FROM orders LEFT ANTI JOIN machines USING (id)`, []string{"3"}},
		{`SELECT id FROM orders QUALIFY row_number() OVER (PARTITION BY name ORDER BY price DESC) = 1`, []string{"1", "2"}},
		{`SELECT version, operation FROM (DESCRIBE HISTORY orders) WHERE version > 1`, []string{"2|WRITE"}},
		{`SELECT h.format, t.tableName FROM (DESCRIBE DETAIL orders) AS h, (SHOW TABLES LIKE 'mach*') AS t`, []string{"delta|machines"}},
		{`SELECT current_catalog(), current_schema()`, []string{"main|default"}},
	} {
		w.want(c.query, c.want...)
	}
}

func TestNestedColumns(t *testing.T) {
	w := newFactory(t)
	for _, c := range []struct {
		query string
		want  []string
	}{
		{`SELECT equipment.line, EQUIPMENT.LINE, m.Equipment.temp FROM machines m WHERE ID = 1`, []string{"L1|L1|20.5"}},
		{`SELECT tags[1].name, tags.name, props['a'], props.a FROM machines WHERE id = 1`, []string{`y|["x","y"]|1|1`}},
		{`SELECT id, t.name, t.V FROM machines LATERAL VIEW explode(tags) x AS t`, []string{"1|x|1", "1|y|2"}},
		{`SELECT id, name FROM machines LATERAL VIEW OUTER inline(tags) x AS name, v`, []string{"1|x", "1|y", "2|NULL"}},
		{`SELECT id, key, value FROM machines LATERAL VIEW explode(props) AS key, value`, []string{"1|a|1", "2|b|2"}},
		{`SELECT id, payload:k.z[0] FROM machines`, []string{"1|1", "2|NULL"}},
		{`SELECT transform(tags, t -> t.name || t.v) FROM machines WHERE id = 1`, []string{`["x1","y2"]`}},
		{`SELECT CAST(tags AS STRING), CAST(props AS STRING) FROM machines`, []string{"[{x, 1}, {y, 2}]|{a -> 1}", "[]|{b -> 2}"}},
	} {
		w.want(c.query, c.want...)
	}
	w.fails(`SELECT tags[0].name FROM machines`, "INVALID_ARRAY_INDEX", "22003")
}

func TestTimeZoneOfTheSession(t *testing.T) {
	w := newFactory(t)
	w.want(`SET TIME ZONE 'Europe/Berlin'; SELECT hour(at), CAST(at AS STRING), at = TIMESTAMP'2024-07-01 12:00:00' FROM machines`,
		"11|2024-01-01 11:00:00|false", "12|2024-07-01 12:00:00|true")
	w.want(`SET TIME ZONE '+02:00'; SELECT hour(at), CAST(at AS STRING), at = TIMESTAMP'2024-07-01 12:00:00' FROM machines`,
		"12|2024-01-01 12:00:00|false", "12|2024-07-01 12:00:00|true")
	w.want(`SET TIME ZONE 'GMT-5'; SELECT CAST(at AS STRING), date_format(at, 'HH:mm XXX'), CAST('2024-01-01 05:00:00' AS TIMESTAMP) = at FROM machines`,
		"2024-01-01 05:00:00|05:00 -05:00|true", "2024-07-01 05:00:00|05:00 -05:00|false")
	w.want(`SET TIME ZONE '+05:30'; SELECT CAST(at AS STRING), date_format(at, 'XXX') FROM machines`, "2024-01-01 15:30:00|+05:30", "2024-07-01 15:30:00|+05:30")
	w.want(`SET TIME ZONE INTERVAL -9 HOURS; SELECT CAST(at AS STRING) FROM machines WHERE id = 1`, "2024-01-01 01:00:00")
	w.want(`SET TIME ZONE INTERVAL '-09:30' HOUR TO MINUTE; SELECT CAST(at AS STRING) FROM machines WHERE id = 1`, "2024-01-01 00:30:00")
	w.want(`SET TIME ZONE LOCAL; SELECT CAST(at AS STRING) FROM machines WHERE id = 1`, "2024-01-01 10:00:00")
	w.fails(`SET TIME ZONE INTERVAL 19 HOURS`, "INVALID_INTERVAL_FORMAT.TIMEZONE_INTERVAL_OUT_OF_RANGE", "22006")
	for _, zone := range []string{"+05:45", "+15:00", "-13:00", "Mars/Olympus"} {
		w.fails("SET TIME ZONE '"+zone+"'", "INVALID_CONF_VALUE.TIME_ZONE", "22022")
	}
	w.want(`SET TIME ZONE 'UTC'; SELECT hour(at) FROM machines WHERE id = 1`, "10")
}

func TestWritesFromQueries(t *testing.T) {
	w := newFactory(t)
	w.rows(`INSERT INTO orders SELECT id + 10, name, price, day FROM orders`)
	w.want(`SELECT count(*), max(id) FROM orders`, "6|13")
	w.rows(`INSERT OVERWRITE orders SELECT * FROM orders WHERE id > 11`)
	w.want(`SELECT id FROM orders`, "12", "13")
	w.rows(`CREATE TABLE shares PARTITIONED BY (name) AS SELECT name, price / 3 AS share FROM orders`)
	w.want(`SELECT * FROM shares`, "a|2.333333", "b|1.083333")
	w.want(`DESCRIBE shares share`, "share|decimal(14,6)|NULL")
}

// TestQueryErrorsHaveAPlace checks class and SQLSTATE of errors that users
// make, and where the message says they are.
func TestQueryErrorsHaveAPlace(t *testing.T) {
	w := newFactory(t)
	for _, c := range []struct{ query, class, state, text string }{
		{"SELECT nme FROM orders", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703", "[`name`, `id`, `day`, `price`]. (line 1, pos 7)"},
		{"SELECT o.id,\n  o.nme FROM orders o", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703", "(line 2, pos 2)"},
		{"SELECT id FROM orders JOIN machines ON true", "AMBIGUOUS_REFERENCE", "42704", "[`orders`.`id`, `machines`.`id`]. (line 1, pos 7)"},
		{"SELECT equipment.nope FROM machines", "FIELD_NOT_FOUND", "42704", "No such struct field `nope` in `Line`, `Temp`."},
		{"SELECT id FROM orders WHERE day > 1", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "42K09", `("DATE" and "INT")`},
		{"SELECT id FROM orders WHERE id", "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", "42K09", "(line 1, pos 28)"},
		{"SELECT name, count(*) FROM orders", "MISSING_GROUP_BY", "42803", "GROUP BY clause for name. Add GROUP BY or turn it into the window functions using OVER clauses. (line 1, pos 7)"},
		{"SELECT day,\n  name, count(*)\nFROM orders GROUP BY day", "MISSING_AGGREGATION", "42803", "(line 2, pos 2)"},
		{"SELECT count(*) FROM orders GROUP BY sum(id)", "GROUP_BY_AGGREGATE", "42903", "(line 1, pos 37)"},
		{"SELECT id, CAST(name AS INT) + 1 FROM orders", "CAST_INVALID_INPUT", "22018", "(line 1, pos 11)"},
		{"SELECT 'größe', max(CAST(trim(name) AS DATE)) FROM orders", "CAST_INVALID_INPUT", "22018", "(line 1, pos 20)"},
		{"SELECT id FROM orders WHERE name::INT > 1", "CAST_INVALID_INPUT", "22018", "(line 1, pos 28)"},
		{"SELECT id FROM orders WHERE name > 1 ORDER BY id", "CAST_INVALID_INPUT", "22018", "(line 1, pos 28)"},
		{"SELECT id, id % (id - id) FROM orders", "DIVIDE_BY_ZERO", "22012", "(line 1, pos 11)"},
		{"SELECT id + 2147483647 FROM orders", "ARITHMETIC_OVERFLOW", "22003", "(line 1, pos 7)"},
		{"SELECT to_date(name, 'yyyy') FROM orders", "CANNOT_PARSE_TIMESTAMP", "22007", "(line 1, pos 7)"},
		{"SELECT id FROM orders WHERE nosuch(id) > 1", "UNRESOLVED_ROUTINE", "42883", "(line 1, pos 28)"},
		{"SELECT uper('a')", "UNRESOLVED_ROUTINE", "42883", "Did you mean upper?"},
		{"SELECT *, input_file_name() FROM orders", "UNRESOLVED_ROUTINE", "42883", "Use _metadata.file_path instead"},
		{"SELECT input_file_block_start() FROM orders", "UNRESOLVED_ROUTINE", "42883", "Use _metadata.file_block_start instead"},
		{"SELECT id FROM orders ORDER BY 9", "ORDER_BY_POS_OUT_OF_RANGE", "42805", "[1, 1]"},
		{"SELECT CAST(name AS INT) FROM orders", "CAST_INVALID_INPUT", "22018", "The value 'a' of the type \"STRING\""},
		{"SELECT CAST(price AS DECIMAL(3,2)) FROM orders", "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "22003", "10.50"},
		{"SELECT length(tags) FROM machines", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09", "(line 1, pos 7)"},
		{"SELECT row_number() FROM orders", "WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE", "42601", "(line 1, pos 7)"},
		{"SELECT sum(count(*)) FROM orders", "NESTED_AGGREGATE_FUNCTION", "42607", "(line 1, pos 11)"},
		{"SELECT id FROM orders WHERE count(*) > 1", "INVALID_WHERE_CONDITION", "42903", "(line 1, pos 28)"},
		{"SELECT id FROM orders UNION SELECT id, name FROM orders", "NUM_COLUMNS_MISMATCH", "42826", ""},
		{"SELECT id / (SELECT 0) FROM orders", "DIVIDE_BY_ZERO", "22012", "(line 1, pos 7)"},
	} {
		err := w.fails(c.query, c.class, c.state)
		if err == nil {
			continue
		}
		text := errclass.Format(err)
		if !strings.Contains(text, c.text) {
			t.Errorf("%s\ngot  %s\nwant %s", c.query, text, c.text)
		}
		for _, own := range []string{"input_0", "spark_", "freshet_"} {
			if strings.Contains(text, own) {
				t.Errorf("%s\nnames %s, which is the engine's own: %s", c.query, own, text)
			}
		}
		var placed interface{ Excerpt() string }
		if strings.Contains(c.text, "(line") && !errors.As(err, &placed) {
			t.Errorf("%s: the error has no place: %v", c.query, err)
		}
	}
}
