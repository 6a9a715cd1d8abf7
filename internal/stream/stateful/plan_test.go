package stateful_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/stream/stateful"
)

// TestModes: what a batch's rows are to the table follows from the query
// (semantics §10.7); no plan is needed where rows stay what they are.
func TestModes(t *testing.T) {
	const w = " WATERMARK ts DELAY OF INTERVAL 1 HOUR"
	for query, want := range map[string]string{
		"SELECT a, b + 1 FROM STREAM s WHERE a > 0":                                                    "none",
		"SELECT * FROM STREAM s JOIN t USING (a)":                                                      "none",
		"SELECT * FROM STREAM s LEFT JOIN (SELECT a, max(b) AS m FROM t GROUP BY a) USING (a)":         "none",
		"SELECT * FROM STREAM s WHERE a IN (SELECT a FROM t LIMIT 3)":                                  "none",
		"SELECT a FROM STREAM s UNION ALL SELECT b FROM STREAM t":                                      "none",
		"SELECT a, count(*) FROM STREAM s GROUP BY a":                                                  "update 0",
		"SELECT count(*), upper(a) FROM STREAM s GROUP BY 2":                                           "update 1",
		"SELECT a AS x, count(*) FROM STREAM s GROUP BY x":                                             "update 0",
		"SELECT a, b, count(*) FROM STREAM s GROUP BY ALL":                                             "update 0 1",
		"SELECT count(*) FROM STREAM s GROUP BY a":                                                     "complete",
		"SELECT count(*) FROM STREAM s":                                                                "complete",
		"SELECT a, count(*) FROM STREAM s GROUP BY a HAVING count(*) > 1":                              "complete",
		"SELECT DISTINCT a FROM STREAM s":                                                              "append",
		"SELECT window, count(*) FROM STREAM s" + w + " GROUP BY window(ts, '1 hour')":                 "append",
		"SELECT ts, count(*) FROM STREAM s" + w + " GROUP BY ts":                                       "append 0",
		"SELECT window(ts, '1 hour').start, count(*) FROM STREAM s GROUP BY window(ts, '1 hour')":      "update 0",
		"SELECT a, count(*) FROM STREAM s" + w + " GROUP BY a":                                         "update 0",
		"WITH x AS (SELECT a FROM STREAM s) SELECT a, sum(a) FROM x GROUP BY a":                        "update 0",
		"SELECT a, count(*) FROM (SELECT a FROM STREAM s UNION ALL SELECT b FROM STREAM t) GROUP BY a": "update 0",
	} {
		p, err := stateful.New(query, nil)
		if err != nil {
			t.Errorf("%s\n%v", query, err)
			continue
		}
		got := "none"
		if p != nil {
			got = map[stateful.Mode]string{stateful.Append: "append", stateful.Update: "update", stateful.Complete: "complete"}[p.Mode]
			for _, i := range p.KeyColumns {
				got += " " + string(rune('0'+i))
			}
		}
		if got != want {
			t.Errorf("%s\nis %s, want %s", query, got, want)
		}
	}
}

// TestRefused: what would need more state is refused by name.
func TestRefused(t *testing.T) {
	for query, name := range map[string]string{
		"SELECT a FROM STREAM s ORDER BY a":                                                "ORDER BY",
		"SELECT a FROM STREAM s LIMIT 1":                                                   "LIMIT",
		"SELECT a, count(DISTINCT b) FROM STREAM s GROUP BY a":                             "count(DISTINCT b)",
		"SELECT median(a) FROM STREAM s":                                                   "median(a)",
		"SELECT approx_count_distinct(a) FROM STREAM s":                                    "approx_count_distinct(a)",
		"SELECT row_number() OVER (ORDER BY a) FROM STREAM s":                              "window functions",
		"SELECT count(*) FROM STREAM s GROUP BY ROLLUP (a)":                                "ROLLUP",
		"SELECT max(c) FROM (SELECT count(*) AS c FROM STREAM s GROUP BY a)":               "GROUP BY in a subquery",
		"SELECT a FROM (SELECT DISTINCT a FROM STREAM s)":                                  "DISTINCT in a subquery",
		"WITH x AS (SELECT a FROM STREAM s) SELECT * FROM (SELECT sum(a) FROM x)":          "aggregates in a subquery",
		"SELECT * FROM STREAM s JOIN STREAM t USING (a)":                                   "joins of two streams",
		"SELECT * FROM STREAM s, STREAM t":                                                 "joins of two streams",
		"WITH x AS (SELECT * FROM STREAM t) SELECT * FROM STREAM s JOIN x USING (a)":       "joins of two streams",
		"SELECT * FROM t LEFT JOIN STREAM s USING (a)":                                     "LEFT JOIN",
		"SELECT * FROM STREAM s RIGHT JOIN t USING (a)":                                    "RIGHT JOIN",
		"SELECT * FROM STREAM s FULL JOIN t USING (a)":                                     "FULL JOIN",
		"SELECT * FROM t WHERE a IN (SELECT a FROM STREAM s)":                              "subqueries in expressions",
		"SELECT a FROM STREAM s UNION SELECT b FROM STREAM t":                              "UNION other than UNION ALL",
		"SELECT a FROM STREAM s EXCEPT SELECT a FROM t":                                    "EXCEPT",
		"SELECT DISTINCT a, count(*) FROM STREAM s GROUP BY a":                             "DISTINCT of an aggregation",
		"SELECT count(*) FROM STREAM s GROUP BY session_window(ts, '5 minutes')":           "session_window",
		"SELECT count(*) FROM STREAM s GROUP BY window(ts, '1 hour'), window(u, '1 hour')": "Two time windows",
	} {
		_, err := stateful.New(query, nil)
		c, ok := errors.AsType[errclass.Classified](err)
		if !ok || c.ErrorClass() != "UNSUPPORTED_STREAMING_OPERATION" || !strings.Contains(err.Error(), name) {
			t.Errorf("%s\ngave %v, want it refused because of %s", query, err, name)
		}
	}
}
