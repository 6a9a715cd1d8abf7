package session_test

import "testing"

// TestAutoCDCGrows: what is remembered of rows takes columns and fields that
// their source gets later, and types that become wider.
func TestAutoCDCGrows(t *testing.T) {
	t.Parallel()
	for name, clauses := range map[string]string{
		"current":       "SEQUENCE BY n",
		"ignoring":      "IGNORE NULL UPDATES SEQUENCE BY n",
		"history":       "SEQUENCE BY n STORED AS SCD TYPE 2",
		"both":          "IGNORE NULL UPDATES SEQUENCE BY n STORED AS SCD TYPE 2",
		"some tracked":  "SEQUENCE BY n STORED AS SCD TYPE 2 TRACK HISTORY ON v",
		"with deletes":  "APPLY AS DELETE WHEN v = 'gone' SEQUENCE BY n",
		"with truncate": "IGNORE NULL UPDATES APPLY AS TRUNCATE WHEN v = 'all' SEQUENCE BY n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t)
			w.rows("CREATE TABLE src (id INT, v STRING, st STRUCT<a: INT>, l ARRAY<STRUCT<a: INT>>, w INT, n INT) TBLPROPERTIES ('delta.enableTypeWidening' = 'true')")
			w.rows("INSERT INTO src VALUES (1, 'a', named_struct('a', 1), array(named_struct('a', 1)), 1, 1), (2, 'b', NULL, NULL, 2, 1)")
			w.rows("CREATE STREAMING TABLE t TBLPROPERTIES ('delta.enableTypeWidening' = 'true') FLOW AUTO CDC FROM STREAM src KEYS (id) " + clauses)
			w.rows("ALTER TABLE src ADD COLUMN x INT; INSERT INTO src VALUES (1, 'c', named_struct('a', 2), NULL, 1, 2, 5); REFRESH TABLE t")
			w.rows("ALTER TABLE src ADD COLUMN st.b STRING; INSERT INTO src VALUES (1, 'd', named_struct('a', 3, 'b', 'z'), NULL, 1, 3, 6); REFRESH TABLE t")
			w.rows("ALTER TABLE src ADD COLUMN l.element.b INT; INSERT INTO src VALUES (1, 'e', NULL, array(named_struct('a', 3, 'b', 4)), 1, 4, 6); REFRESH TABLE t")
			w.rows("ALTER TABLE src ALTER COLUMN w TYPE BIGINT; INSERT INTO src VALUES (1, 'f', NULL, NULL, 3000000000, 5, 6); REFRESH TABLE t")
			w.rows("INSERT INTO src VALUES (1, 'late', named_struct('a', 9, 'b', 'y'), NULL, 4, 0, 8); REFRESH TABLE t")
			got := w.rows("SELECT id, v, st, l, w, n, x FROM t")
			w.rows("REFRESH TABLE t FULL")
			w.want("SELECT id, v, st, l, w, n, x FROM t", got...)
		})
	}
}
