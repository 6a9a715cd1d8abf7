package session_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// changes is a stream of the files of the workspace, each a batch.
const changes = "STREAM read_files('$IN', format => 'json', schema => 'userId INT, name STRING, city STRING, operation STRING, sequenceNum BIGINT', maxFilesPerTrigger => 1)"

const (
	byUser   = " KEYS (userId) APPLY AS DELETE WHEN operation = 'DELETE' "
	bySeq    = " SEQUENCE BY sequenceNum COLUMNS * EXCEPT (operation, sequenceNum) "
	truncate = " APPLY AS TRUNCATE WHEN operation = 'TRUNCATE' "
)

// changeVector is the input of the vectors of semantics §13.3.
var changeVector = []string{
	`{"userId":124,"name":"Raul","city":"Oaxaca","operation":"INSERT","sequenceNum":1}`,
	`{"userId":123,"name":"Isabel","city":"Monterrey","operation":"INSERT","sequenceNum":1}`,
	`{"userId":125,"name":"Mercedes","city":"Tijuana","operation":"INSERT","sequenceNum":2}`,
	`{"userId":126,"name":"Lily","city":"Cancun","operation":"INSERT","sequenceNum":2}`,
	`{"userId":123,"operation":"DELETE","sequenceNum":6}`,
	`{"userId":125,"name":"Mercedes","city":"Guadalajara","operation":"UPDATE","sequenceNum":6}`,
	`{"userId":125,"name":"Mercedes","city":"Mexicali","operation":"UPDATE","sequenceNum":5}`,
	`{"userId":123,"name":"Isabel","city":"Chihuahua","operation":"UPDATE","sequenceNum":5}`,
}

// TestAssertion53_VectorsOfAutoCDC: whatever order and batches the changes of
// the vectors come in, the table ends with the same rows.
func TestAssertion53_VectorsOfAutoCDC(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		clauses string
		also    []string
		want    []string
	}{
		"type 1": {byUser + bySeq, nil, []string{"124|Raul|Oaxaca", "125|Mercedes|Guadalajara", "126|Lily|Cancun"}},
		"type 1 truncated": {
			byUser + truncate + bySeq, []string{`{"operation":"TRUNCATE","sequenceNum":3}`}, []string{"125|Mercedes|Guadalajara"},
		},
		"type 2": {byUser + bySeq + "STORED AS SCD TYPE 2", nil, []string{
			"123|Isabel|Chihuahua|5|6", "123|Isabel|Monterrey|1|5", "124|Raul|Oaxaca|1|NULL", "125|Mercedes|Guadalajara|6|NULL",
			"125|Mercedes|Mexicali|5|6", "125|Mercedes|Tijuana|2|5", "126|Lily|Cancun|2|NULL",
		}},
		"type 2 tracked": {byUser + bySeq + "STORED AS SCD TYPE 2 TRACK HISTORY ON * EXCEPT (city)", nil, []string{
			"123|Isabel|Chihuahua|1|6", "124|Raul|Oaxaca|1|NULL", "125|Mercedes|Guadalajara|2|NULL", "126|Lily|Cancun|2|NULL",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(4) {
				rng := rand.New(rand.NewPCG(seed, 53))
				w := newWorkspace(t)
				w.rows("CREATE STREAMING TABLE t")
				lines := append(append([]string{}, changeVector...), tt.also...)
				if seed > 0 {
					rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
				}
				for n := 0; len(lines) > 0; n++ {
					size := 1 + rng.IntN(len(lines))
					w.file(fmt.Sprintf("%02d.json", n), strings.Join(lines[:size], "\n"))
					lines = lines[size:]
				}
				w.rows("CREATE FLOW f AS AUTO CDC INTO t FROM " + changes + tt.clauses)
				w.want("SELECT * FROM t", tt.want...)
				w.want("REFRESH TABLE t", "0|0")
				w.rows("REFRESH TABLE t FULL")
				w.want("SELECT * FROM t", tt.want...)
			}
		})
	}
}

// TestAssertion53_SnapshotsOfAutoCDC is the vector of semantics §13.4.
func TestAssertion53_SnapshotsOfAutoCDC(t *testing.T) {
	for clause, want := range map[string][]string{
		" STORED AS SCD TYPE 2": {
			"1|Oaxaca|0|1", "2|Carmel|1|NULL", "2|Monterrey|0|1", "3|Los Angeles|1|NULL", "3|Tijuana|0|1", "4|Death Valley|1|NULL", "6|Kings Canyon|1|NULL",
		},
		" STORED AS SCD TYPE 1": {"2|Carmel", "3|Los Angeles", "4|Death Valley", "6|Kings Canyon"},
	} {
		w := newWorkspace(t)
		w.rows("CREATE TABLE src (key INT, value STRING); INSERT INTO src VALUES (1, 'Oaxaca'), (2, 'Monterrey'), (3, 'Tijuana'); CREATE STREAMING TABLE t")
		w.rows("CREATE FLOW f AS AUTO CDC INTO t FROM SNAPSHOT src KEYS (key)" + clause)
		w.want("REFRESH TABLE t", "0|0")
		w.rows("INSERT OVERWRITE src VALUES (2, 'Carmel'), (3, 'Los Angeles'), (4, 'Death Valley'), (6, 'Kings Canyon')")
		w.rows("REFRESH TABLE t")
		w.want("SELECT * FROM t", want...)
		// A version that has the same rows changes none.
		w.rows("OPTIMIZE src; INSERT INTO src SELECT * FROM src WHERE FALSE; DELETE FROM src WHERE key > 100")
		w.rows("REFRESH TABLE t")
		w.want("SELECT * FROM t", want...)
		w.rows("DELETE FROM src")
		w.rows("REFRESH TABLE t")
		w.want("SELECT count(*) FROM t"+map[bool]string{true: " WHERE __END_AT IS NULL"}[strings.HasSuffix(clause, "2")], "0")
	}
}

// TestAssertion54_TombstonesOfAutoCDC: a late update is ignored as long as the
// tombstone is kept, and brings the row back after.
func TestAssertion54_TombstonesOfAutoCDC(t *testing.T) {
	for seconds, want := range map[string][]string{"3600": nil, "0": {"1|late"}} {
		w := newWorkspace(t)
		w.rows("CREATE STREAMING TABLE t TBLPROPERTIES ('pipelines.cdc.tombstoneGCThresholdInSeconds' = '" + seconds + "')")
		w.file("1.json", `{"userId":1,"city":"a","operation":"INSERT","sequenceNum":1}`+"\n"+`{"userId":1,"operation":"DELETE","sequenceNum":6}`)
		w.rows("CREATE FLOW f AS AUTO CDC INTO t FROM " + changes + byUser + "SEQUENCE BY sequenceNum COLUMNS userId, city")
		w.want("SELECT * FROM t")
		w.file("2.json", `{"userId":1,"city":"late","operation":"UPDATE","sequenceNum":3}`)
		w.rows("REFRESH TABLE t")
		w.want("SELECT * FROM t", want...)
	}
}

// TestAutoCDCIgnoresNulls: a null leaves the value that was there, that of a
// field too, whatever order updates come in.
func TestAutoCDCIgnoresNulls(t *testing.T) {
	t.Parallel()
	lines := []string{
		`{"id":1,"at":{"a":1,"b":1},"v":{"x":1,"y":1},"w":1}`,
		`{"id":1,"at":{"a":1,"b":2},"v":{"x":2},"w":null}`,
		`{"id":1,"at":{"a":2,"b":0},"v":null,"w":3}`,
		`{"id":2,"at":{"a":1,"b":0},"v":null,"w":null}`,
	}
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}} {
		w := newWorkspace(t)
		for n, i := range order {
			w.file(fmt.Sprint(n, ".json"), lines[i])
		}
		from := "STREAM read_files('$IN', format => 'json', schema => 'id INT, at STRUCT<a: INT, b: INT>, v STRUCT<x: INT, y: INT>, w INT', maxFilesPerTrigger => 1)"
		for table, tt := range map[string]struct {
			clauses string
			want    []string
		}{
			"everywhere": {"IGNORE NULL UPDATES SEQUENCE BY at COLUMNS * EXCEPT (at)", []string{`1|{"x":2,"y":1}|3`, "2|NULL|NULL"}},
			"some":       {"IGNORE NULL UPDATES ON (v) SEQUENCE BY at COLUMNS id, v, w", []string{`1|{"x":2,"y":1}|3`, "2|NULL|NULL"}},
			"others":     {"IGNORE NULL UPDATES ON * EXCEPT (v) SEQUENCE BY struct(at.a, at.b) COLUMNS id, v, w", []string{"1|NULL|3", "2|NULL|NULL"}},
			"nowhere":    {"SEQUENCE BY at COLUMNS id, v, w", []string{"1|NULL|3", "2|NULL|NULL"}},
		} {
			w.rows("CREATE STREAMING TABLE " + table + "; CREATE FLOW into_" + table + " AS AUTO CDC INTO " + table + " FROM " + from + " KEYS (id) " + tt.clauses)
			w.want("SELECT id, to_json(v), w FROM "+table, tt.want...)
		}
	}
}

// TestFlowsOfTable: several flows write to one table without query; each goes
// on where it is, one that is dropped leaves its rows, and a full refresh
// begins all of them anew.
func TestFlowsOfTable(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE a (id INT, v STRING); CREATE TABLE b (id INT); INSERT INTO a VALUES (1, 'x'); INSERT INTO b VALUES (2)")
	w.rows("CREATE STREAMING TABLE t (id BIGINT, v STRING)")
	w.rows("CREATE FLOW fa AS INSERT INTO t BY NAME SELECT v, id FROM STREAM a; CREATE FLOW fb AS INSERT INTO t BY NAME SELECT id FROM STREAM(b)")
	w.want("SELECT * FROM t", "1|x", "2|NULL")
	w.rows("INSERT INTO a VALUES (3, 'y'); INSERT INTO b VALUES (4)")
	w.want("REFRESH STREAMING TABLE t", "2|2")
	w.want("SELECT * FROM t", "1|x", "2|NULL", "3|y", "4|NULL")
	w.rows("DROP FLOW fb; DROP FLOW IF EXISTS fb; INSERT INTO b VALUES (5); REFRESH TABLE t")
	w.want("SELECT id FROM t", "1", "2", "3", "4")
	w.rows("REFRESH TABLE t FULL")
	w.want("SELECT id FROM t", "1", "3")
	w.fails("CREATE FLOW fa AS INSERT INTO t BY NAME SELECT id FROM STREAM b", "FLOW_ALREADY_EXISTS", "42710")
	w.rows("DROP TABLE t; CREATE STREAMING TABLE t; CREATE FLOW fa AS INSERT INTO t BY NAME SELECT id FROM STREAM b")
	w.want("SELECT id FROM t", "2", "4", "5")
}

// TestFlowOnce: an AUTO CDC ONCE fills the table, and the flow beside it knows
// of its rows.
func TestFlowOnce(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE old (id INT, v STRING, n INT); CREATE TABLE new (id INT, v STRING, n INT); INSERT INTO old VALUES (1, 'a', 5), (2, 'b', 5)")
	w.rows("CREATE STREAMING TABLE t; CREATE FLOW fill AS AUTO CDC ONCE INTO t FROM STREAM old KEYS (id) SEQUENCE BY n; APPLY CHANGES INTO t FROM STREAM new KEYS (id) SEQUENCE BY n")
	w.want("SELECT * FROM t", "1|a|5", "2|b|5")
	w.rows("INSERT INTO old VALUES (3, 'no', 5); INSERT INTO new VALUES (1, 'late', 4), (2, 'B', 6); REFRESH TABLE t")
	w.want("SELECT * FROM t", "1|a|5", "2|B|6")
	w.want("SELECT details:flow_progress.metrics.num_upserted_rows, details:flow_progress.metrics.num_deleted_rows FROM event_log(TABLE(t)) WHERE details:flow_progress.metrics IS NOT NULL", "1|0", "2|0")
}

// TestAutoCDCRefuses: what cannot run is refused by name.
func TestAutoCDCRefuses(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT, v STRING, n INT); CREATE STREAMING TABLE t; CREATE STREAMING TABLE q AS SELECT * FROM STREAM src; CREATE STREAMING TABLE d (id INT, v STRING, n INT)")
	for _, tt := range [][3]string{
		{"CREATE FLOW f AS AUTO CDC INTO t FROM src KEYS (id) SEQUENCE BY n", "APPLY_CHANGES_SOURCE_NOT_STREAM", "42000"},
		{"CREATE FLOW f AS AUTO CDC INTO t FROM SNAPSHOT STREAM src KEYS (id)", "APPLY_CHANGES_SOURCE_IS_STREAM", "42000"},
		{"CREATE FLOW f AS AUTO CDC INTO src FROM STREAM src KEYS (id) SEQUENCE BY n", "STREAMING_TABLE_OPERATION_NOT_ALLOWED.REQUIRES_STREAMING_TABLE", "42601"},
		{"CREATE FLOW f AS AUTO CDC INTO q FROM STREAM src KEYS (id) SEQUENCE BY n", "STREAMING_TABLE_OPERATION_NOT_ALLOWED.QUERY", "42601"},
		{"CREATE FLOW f AS AUTO CDC INTO t FROM STREAM src KEYS (id) SEQUENCE BY n COLUMNS v", "APPLY_CHANGES_KEY_NOT_STORED", "42000"},
		{"CREATE FLOW f AS AUTO CDC INTO d FROM STREAM src KEYS (id) SEQUENCE BY n STORED AS SCD TYPE 2", "APPLY_CHANGES_HISTORY_COLUMNS", "42000"},
		{"CREATE FLOW f AS AUTO CDC INTO t FROM STREAM src KEYS (id) APPLY AS TRUNCATE WHEN v = 'T' SEQUENCE BY n STORED AS SCD TYPE 2", "INVALID_STATEMENT_OR_CLAUSE", "42601"},
		{"CREATE FLOW f AS AUTO CDC INTO t FROM STREAM src KEYS (id) SEQUENCE BY n STORED AS BITEMPORAL", "UNSUPPORTED_FEATURE", "0A000"},
		{"CREATE FLOW f AS AUTO CDC INTO t FROM STREAM src KEYS (id) SEQUENCE BY n COLUMNS TO UPDATE v", "UNSUPPORTED_FEATURE", "0A000"},
		{"CREATE FLOW f AS AUTO CDC INTO t FROM STREAM src KEYS (id)", "PARSE_SYNTAX_ERROR", "42601"},
		{"CREATE FLOW f AS INSERT INTO t BY NAME SELECT * FROM src", "STREAMING_TABLE_QUERY_INVALID", "42000"},
		{"CREATE FLOW f AS AUTO CDC INTO t FROM STREAM src KEYS (id) SEQUENCE BY missing", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703"},
		{"CREATE FLOW f AS AUTO CDC INTO t FROM STREAM src KEYS (id) IGNORE NULL UPDATES ON (v, w) SEQUENCE BY n", "AUTOCDC_INVALID_COLUMN_SELECTION.COLUMNS_NOT_FOUND", "42703"},
		{"CREATE FLOW f AS AUTO CDC INTO t FROM STREAM src KEYS (id) SEQUENCE BY n COLUMNS * EXCEPT (n) STORED AS SCD TYPE 2 TRACK HISTORY ON v, n", "AUTOCDC_INVALID_COLUMN_SELECTION.COLUMNS_NOT_FOUND", "42703"},
		{"DROP FLOW f", "FLOW_NOT_FOUND", "42704"},
	} {
		w.fails(tt[0], tt[1], tt[2])
	}
	w.rows("CREATE TABLE keyless (id INT, also INT, n INT); INSERT INTO keyless VALUES (1, NULL, 1), (NULL, NULL, 2), (1, 1, 3)")
	w.fails("CREATE FLOW g AS AUTO CDC INTO t FROM STREAM keyless KEYS (id, also) SEQUENCE BY n", "AUTOCDC_MICROBATCH_VALIDATION.NULL_KEY", "22000")
	w.rows("DROP FLOW g; INSERT INTO src VALUES (1, 'a', NULL)")
	w.fails("CREATE FLOW f AS AUTO CDC INTO t FROM STREAM src KEYS (id) SEQUENCE BY n", "AUTOCDC_MICROBATCH_VALIDATION.NULL_SEQUENCE", "22000")
}

// TestAutoCDCFlowsAgree: flows into one table share what is known of its rows,
// and are refused where they would take it otherwise than the first has left
// it, until the table is loaded anew.
func TestAutoCDCFlowsAgree(t *testing.T) {
	t.Parallel()
	for drift, clauses := range map[string][2]string{
		"KEY_SCHEMA_DRIFT":          {"KEYS (id) SEQUENCE BY n", "KEYS (id, k) SEQUENCE BY n"},
		"SCD_TYPE_DRIFT":            {"KEYS (id) SEQUENCE BY n", "KEYS (id) SEQUENCE BY n STORED AS SCD TYPE 2"},
		"IGNORE_NULL_UPDATES_DRIFT": {"KEYS (id) SEQUENCE BY n", "KEYS (id) IGNORE NULL UPDATES SEQUENCE BY n"},
	} {
		for _, c := range [][2]string{clauses, {clauses[1], clauses[0]}} {
			w := newWorkspace(t)
			w.rows("CREATE TABLE a (id INT, k INT, v STRING, n INT); INSERT INTO a VALUES (1, 2, 'x', 5); CREATE TABLE b (id INT, k INT, v STRING, n INT); INSERT INTO b VALUES (1, 2, NULL, 7)")
			w.rows("CREATE STREAMING TABLE t; CREATE FLOW f AS AUTO CDC INTO t FROM STREAM a " + c[0])
			w.fails("CREATE FLOW g AS AUTO CDC INTO t FROM STREAM b "+c[1], "AUTOCDC_INVALID_STATE."+drift, "42000")
			w.want("SELECT id, k, v FROM t", "1|2|x")
			w.rows("DROP FLOW f; REFRESH TABLE t FULL")
			w.want("SELECT id, k, v FROM t", "1|2|NULL")
			w.rows("CREATE FLOW f AS AUTO CDC INTO t FROM STREAM a " + strings.ReplaceAll(strings.ReplaceAll(c[1], "id, k", "k, ID"), "BY n", "BY n + 0"))
			w.want("SELECT count(*) FROM t WHERE n = 7", "1")
		}
	}
}

// TestSequencesOfAutoCDC: SEQUENCE BY takes what has an order, in which NULL
// inside of a value comes first, as everywhere.
func TestSequencesOfAutoCDC(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT, v STRING, a INT, b INT, l ARRAY<INT>, m MAP<STRING, INT>)")
	for _, sequence := range []string{"m", "struct(a, m)", "array(m)", "parse_json('1')"} {
		w.rows("DROP TABLE IF EXISTS t; CREATE STREAMING TABLE t")
		w.fails("CREATE FLOW f AS AUTO CDC INTO t FROM STREAM src KEYS (id) SEQUENCE BY "+sequence, "AUTOCDC_MICROBATCH_VALIDATION.NON_ORDERABLE_SEQUENCE", "22000")
	}
	w.rows(`INSERT INTO src VALUES (1, 'a', 1, 3, array(2, 1), map()), (1, 'b', 1, NULL, array(2, NULL), map()), (1, 'c', NULL, 9, array(2), map()),
		(1, 'd', NULL, NULL, array(), map()), (1, 'e', 1, 2, array(NULL, 9), map())`)
	w.fails("CREATE STREAMING TABLE early FLOW AUTO CDC FROM STREAM src KEYS (id) SEQUENCE BY m", "AUTOCDC_MICROBATCH_VALIDATION.NON_ORDERABLE_SEQUENCE", "22000")
	// The versions in order, each with the sequence that ends it.
	for sequence, want := range map[string][]string{
		"struct(a, b)": {"d", "c", "b", "e", "a"},
		"struct(b, a)": {"d", "b", "e", "a", "c"},
		"array(b, a)":  {"d", "b", "e", "a", "c"},
		"struct(coalesce(a, 0) AS x, struct(b) AS y)": {"d", "c", "b", "e", "a"},
		"l":                  {"d", "e", "c", "b", "a"},
		"struct(l AS l)":     {"d", "e", "c", "b", "a"},
		"coalesce(-b, a, 7)": {"c", "a", "e", "b", "d"},
	} {
		w.rows("DROP TABLE IF EXISTS t; CREATE STREAMING TABLE t")
		w.rows("CREATE FLOW f AS AUTO CDC INTO t FROM STREAM src KEYS (id) SEQUENCE BY " + sequence + " COLUMNS id, v STORED AS SCD TYPE 2")
		for i, v := range want {
			next := "NULL"
			if i < len(want)-1 {
				next = want[i+1]
			}
			w.want("SELECT n.v FROM t LEFT JOIN t AS n ON n.__START_AT = t.__END_AT WHERE t.v = '"+v+"'", next)
		}
	}
}

// TestAutoCDCLateDelete: what a late delete takes from updates that came after
// it, and left columns out, is gone.
func TestAutoCDCLateDelete(t *testing.T) {
	t.Parallel()
	const update = `{"userId":1,"name":%s,"city":%s,"operation":"UPDATE","sequenceNum":%d}`
	for name, tt := range map[string]struct {
		late, history string
		now           []string
	}{
		"delete":          {late: `{"userId":1,"operation":"DELETE","sequenceNum":2}`, now: []string{"1|NULL|b"}},
		"delete, history": {`{"userId":1,"operation":"DELETE","sequenceNum":2}`, "STORED AS SCD TYPE 2", []string{"1|NULL|b|3|NULL", "1|a|NULL|1|2"}},
		"delete of the update's sequence, history": {`{"userId":1,"operation":"DELETE","sequenceNum":1}`, "STORED AS SCD TYPE 2", []string{"1|NULL|b|3|NULL"}},
		"truncate":                 {late: `{"operation":"TRUNCATE","sequenceNum":2}`, now: []string{"1|NULL|b"}},
		"update":                   {late: fmt.Sprintf(update, `"c"`, `"c"`, 2), now: []string{"1|c|b"}},
		"an older delete, history": {`{"userId":1,"operation":"DELETE","sequenceNum":0}`, "STORED AS SCD TYPE 2", []string{"1|a|NULL|1|3", "1|a|b|3|NULL"}},
		"an older update, history": {fmt.Sprintf(update, "null", `"z"`, 0), "STORED AS SCD TYPE 2", []string{"1|NULL|z|0|1", "1|a|b|3|NULL", "1|a|z|1|3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t)
			w.file("1.json", fmt.Sprintf(update, `"a"`, "null", 1))
			w.file("2.json", fmt.Sprintf(update, "null", `"b"`, 3))
			clauses := " KEYS (userId) IGNORE NULL UPDATES APPLY AS DELETE WHEN operation = 'DELETE' " + bySeq + tt.history
			if tt.history == "" {
				clauses = strings.Replace(clauses, "SEQUENCE", strings.TrimSpace(truncate)+" SEQUENCE", 1)
			}
			w.rows("CREATE STREAMING TABLE t; CREATE FLOW f AS AUTO CDC INTO t FROM " + changes + clauses)
			w.file("3.json", tt.late)
			w.rows("REFRESH TABLE t")
			w.want("SELECT * FROM t", tt.now...)
		})
	}
}

// TestBackingOfAutoCDC: many batches leave few files of what is remembered,
// and all of it.
func TestBackingOfAutoCDC(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	const batches = 70
	for i := range batches {
		w.file(fmt.Sprintf("%02d.json", i), fmt.Sprintf(`{"userId":%d,"operation":"DELETE","sequenceNum":9}`+"\n"+`{"userId":1000,"city":"c%d","sequenceNum":%d}`, i, i, batches-i))
	}
	w.rows("CREATE STREAMING TABLE t; CREATE FLOW f AS AUTO CDC INTO t FROM " + changes + byUser + "SEQUENCE BY sequenceNum COLUMNS userId, city")
	w.want("SELECT * FROM t", "1000|c0")
	files := 0
	err := filepath.WalkDir(filepath.Join(w.root, "ws"), func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, "/cdc/") && strings.HasSuffix(path, ".parquet") && !strings.Contains(path, "_delta_log") {
			files++
		}
		return err
	})
	if err != nil || files == 0 || files > 100 { // each batch writes two
		t.Errorf("%d batches leave %d files beside the table (%v)", batches, files, err)
	}
	w.open()
	w.file("99.json", `{"userId":3,"city":"late","sequenceNum":8}`+"\n"+`{"userId":4,"city":"new","sequenceNum":10}`)
	w.rows("REFRESH TABLE t")
	w.want("SELECT * FROM t", "1000|c0", "4|new")
	if rows := strings.Join(w.rows("DESCRIBE EXTENDED t"), "\n"); !strings.Contains(rows, "Flow|main.default.f|CREATE FLOW") {
		t.Errorf("DESCRIBE EXTENDED shows no flow:\n%s", rows)
	}
}

// TestAutoCDCInBatches: random changes applied in many batches make the table
// that they make at once, whose rows TestKeyAgainstModel of package cdc knows.
func TestAutoCDCInBatches(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 2))
		w := newWorkspace(t)
		sequences := rng.Perm(48)
		for n := 0; len(sequences) > 0; n++ {
			text := ""
			size := 1 + rng.IntN(min(8, len(sequences)))
			for _, sequence := range sequences[:size] {
				pick := func() string { return []string{"null", `"a"`, `"b"`}[rng.IntN(3)] }
				operation := []string{"UPDATE", "UPDATE", "UPDATE", "DELETE"}[rng.IntN(4)]
				if seed%3 == 0 && sequence == 20 {
					operation = "TRUNCATE"
				}
				text += fmt.Sprintf(`{"userId":%d,"name":%s,"city":%s,"operation":"%s","sequenceNum":%d}`+"\n", rng.IntN(3), pick(), pick(), operation, sequence)
			}
			sequences = sequences[size:]
			w.file(fmt.Sprintf("%02d.json", n), text)
		}
		clauses := byUser
		if seed%2 == 1 {
			clauses += "IGNORE NULL UPDATES"
		}
		if seed%3 == 0 {
			clauses += truncate
		}
		if clauses += bySeq; seed%3 > 0 {
			clauses += "STORED AS SCD TYPE 2 TRACK HISTORY ON " + []string{"name", "*"}[rng.IntN(2)]
		}
		for table, from := range map[string]string{"many": changes, "one": strings.Replace(changes, "maxFilesPerTrigger => 1", "maxFilesPerTrigger => 1000", 1)} {
			w.rows("CREATE STREAMING TABLE " + table + "; CREATE FLOW into_" + table + " AS AUTO CDC INTO " + table + " FROM " + from + clauses)
		}
		w.want("SELECT * FROM many", w.rows("SELECT * FROM one")...)
	}
}
