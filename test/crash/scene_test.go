package crash_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// scene is what the processes of a siege do. In its texts $IN stands for the
// folder that files arrive in, $AWAY for one that they may be moved to, $ALL
// for a relation of all rows there are, and $NAMED for one that has the names
// of their files, too.
type scene struct {
	name string
	// role is that of the processes: "suffer" runs the text's statements,
	// "update" and "keep" run them as a pipeline, once or until it is stopped.
	role    string
	prepare string // runs once, before
	text    string
	// space is the room on the disks that get full, at most.
	space int64
	// want is what tables, or queries, must give in the end. At any time a
	// table has nothing that is not in there; a query may.
	want map[string]string
	// otherRows says that t does not hold the rows of the files in the end.
	otherRows bool

	land   func(r *round, from string) func() // how a file arrives, unless simply so
	always func(*round)                       // a check that holds at any time
	end    func(*round)                       // one that holds in the end
	after  func(*siege)                       // what else happens when processes were killed at each step
}

const (
	createT = "CREATE STREAMING TABLE IF NOT EXISTS t AS SELECT * FROM STREAM read_files('$IN', format => 'csv', header => true, maxFilesPerTrigger => 2"
	columns = "sensor_id STRING, timestamp TIMESTAMP, temperature DOUBLE, humidity DOUBLE, pressure DOUBLE, vibration DOUBLE, battery INT, status STRING, line STRING"
	allRows = "SELECT * FROM $ALL"
)

var scenes = []*scene{
	{
		name: "streams", role: "suffer", space: 200_000,
		text: createT + `);
			REFRESH STREAMING TABLE t;
			CREATE STREAMING TABLE IF NOT EXISTS refined AS SELECT * FROM STREAM t;
			REFRESH STREAMING TABLE refined`,
		want: map[string]string{"t": allRows, "refined": allRows},
	},
	{
		name: "state", role: "suffer", space: 200_000,
		text: createT + `);
			REFRESH STREAMING TABLE t;
			CREATE STREAMING TABLE IF NOT EXISTS counted AS SELECT sensor_id, count(*) AS n, sum(battery) AS s FROM STREAM t GROUP BY sensor_id;
			REFRESH STREAMING TABLE counted;
			CREATE STREAMING TABLE IF NOT EXISTS seen AS SELECT DISTINCT sensor_id, status FROM STREAM t;
			REFRESH STREAMING TABLE seen;
			CREATE STREAMING TABLE IF NOT EXISTS firsts AS SELECT DISTINCT ON (sensor_id, timestamp) * FROM STREAM t;
			REFRESH STREAMING TABLE firsts`,
		want: map[string]string{
			"t": allRows, "seen": "SELECT DISTINCT sensor_id, status FROM $ALL", "firsts": allRows,
			"SELECT * FROM counted": "SELECT sensor_id, count(*) AS n, sum(battery) AS s FROM $ALL GROUP BY sensor_id",
		},
	},
	{
		name: "cdc", role: "suffer", space: 200_000,
		prepare: createT + `, schema => '` + columns + `', rescuedDataColumn => '_rescued_data');
			CREATE STREAMING TABLE latest;
			CREATE FLOW latest AS AUTO CDC INTO latest FROM STREAM t KEYS (sensor_id) SEQUENCE BY timestamp;
			CREATE STREAMING TABLE history;
			CREATE FLOW history AS AUTO CDC INTO history FROM STREAM t KEYS (sensor_id) SEQUENCE BY timestamp STORED AS SCD TYPE 2`,
		text: "REFRESH STREAMING TABLE t; REFRESH STREAMING TABLE latest; REFRESH STREAMING TABLE history",
		want: map[string]string{
			"t": allRows,
			"SELECT sensor_id, timestamp, battery FROM latest":    "SELECT sensor_id, max(timestamp), max_by(battery, timestamp) FROM $ALL GROUP BY sensor_id",
			"SELECT sensor_id, __START_AT, __END_AT FROM history": "SELECT sensor_id, timestamp, lead(timestamp) OVER (PARTITION BY sensor_id ORDER BY timestamp) FROM $ALL",
		},
	},
	{
		name: "views", role: "suffer", space: 200_000,
		text: createT + `);
			REFRESH STREAMING TABLE t;
			CREATE MATERIALIZED VIEW IF NOT EXISTS sums AS SELECT sensor_id, count(*) AS n, sum(battery) AS s FROM t GROUP BY sensor_id;
			REFRESH MATERIALIZED VIEW sums;
			CREATE MATERIALIZED VIEW IF NOT EXISTS picked AS SELECT sensor_id, timestamp, battery FROM t WHERE status = 'OK';
			REFRESH MATERIALIZED VIEW picked;
			CREATE MATERIALIZED VIEW IF NOT EXISTS ranked AS SELECT sensor_id, timestamp, row_number() OVER (PARTITION BY sensor_id ORDER BY timestamp) AS n FROM t;
			REFRESH MATERIALIZED VIEW ranked`,
		want: map[string]string{
			"t": allRows, "picked": "SELECT sensor_id, timestamp, battery FROM $ALL WHERE status = 'OK'",
			"SELECT * FROM sums":   "SELECT sensor_id, count(*) AS n, sum(battery) AS s FROM $ALL GROUP BY sensor_id",
			"SELECT * FROM ranked": "SELECT sensor_id, timestamp, row_number() OVER (PARTITION BY sensor_id ORDER BY timestamp) AS n FROM $ALL",
		},
	},
	{
		name: "moved", role: "suffer", space: 100_000,
		text: withNames("cleanSource => 'MOVE', `cleanSource.moveDestination` => '$AWAY', `cleanSource.retentionDuration` => '0 seconds'"),
		want: map[string]string{"t": allRowsWithNames}, always: (*round).cleanedIsLoaded,
		end: func(r *round) {
			r.equalFiles(r.contents(r.away), r.contents(r.source()), "where they were moved to")
			r.equalFiles(r.contents(r.landing), nil, "where they arrived")
		},
	},
	{
		name: "deleted", role: "suffer", space: 100_000,
		text: withNames("cleanSource => 'DELETE', `cleanSource.retentionDuration` => '8 days'"),
		want: map[string]string{"t": allRowsWithNames}, always: (*round).cleanedIsLoaded, after: (*siege).putTableBack,
		end: func(r *round) { r.equalFiles(r.contents(r.landing), nil, "where they arrived") },
	},
	{
		name: "overwritten", role: "suffer", space: 100_000, otherRows: true,
		text: `
			CREATE STREAMING TABLE IF NOT EXISTS once AS SELECT * FROM STREAM read_files('$IN', format => 'csv', header => true, schema => 'f STRING, v INT, n INT');
			REFRESH STREAMING TABLE once;
			CREATE STREAMING TABLE IF NOT EXISTS each AS SELECT * FROM STREAM read_files('$IN', format => 'csv', header => true, schema => 'f STRING, v INT, n INT', allowOverwrites => true);
			REFRESH STREAMING TABLE each`,
		land: (*round).overwriteFile, always: (*round).versionsAreWhole, end: (*round).lastVersionsAreThere,
	},
	{
		name: "repaired", role: "suffer", space: 100_000,
		prepare: `
			CREATE STREAMING TABLE t TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')
			AS SELECT * FROM STREAM read_files('$IN', format => 'csv', header => true, maxFilesPerTrigger => 2, schema => 'sensor_id STRING', rescuedDataColumn => '_rescued_data');
			ALTER TABLE t ADD COLUMNS (` + strings.TrimPrefix(columns, "sensor_id STRING, ") + `)`,
		text: "REFRESH STREAMING TABLE t; REPAIR TABLE t RESCUED DATA",
		want: map[string]string{
			"SELECT sensor_id, timestamp, temperature, humidity, pressure, vibration, battery, status, line, _rescued_data FROM t": "SELECT sensor_id, timestamp, temperature, humidity, pressure, vibration, battery, status, line, NULL FROM $ALL",
		},
	},
	{name: "pipeline", role: "update", space: 300_000, text: medallion, want: medallionRows},
	{name: "continuous", role: "keep", space: 300_000, text: medallion, want: medallionRows},
}

// medallion is a pipeline from bronze to gold, whose statements are given from
// behind.
const medallion = `
	CREATE OR REFRESH MATERIALIZED VIEW gold AS SELECT line, count(*) AS n, sum(battery) AS s FROM silver GROUP BY line;
	CREATE OR REFRESH STREAMING TABLE silver (CONSTRAINT ok EXPECT (status = 'OK') ON VIOLATION DROP ROW) AS SELECT * FROM STREAM t;
	CREATE OR REFRESH STREAMING TABLE t AS SELECT * FROM STREAM read_files('$IN', format => 'csv', header => true, maxFilesPerTrigger => 2)`

var medallionRows = map[string]string{
	"t": allRows, "silver": "SELECT * FROM $ALL WHERE status = 'OK'",
	"SELECT * FROM gold": "SELECT line, count(*) AS n, sum(battery) AS s FROM $ALL WHERE status = 'OK' GROUP BY line",
}

// withNames loads a table whose rows tell the file that they are of.
func withNames(options string) string {
	return strings.Replace(createT, "SELECT *", "SELECT *, _metadata.file_name AS f", 1) + ", " + options + "); REFRESH STREAMING TABLE t"
}

const allRowsWithNames = "SELECT * FROM $NAMED"

// cleanedIsLoaded checks that the rows of each file that has left the landing
// folder are in the table, all of them.
func (r *round) cleanedIsLoaded() {
	r.t.Helper()
	here := r.contents(r.landing)
	awaited := r.awaited()
	for _, f := range r.data.Files {
		name := filepath.Base(f.Path)
		if _, ok := here[name]; ok || slices.Contains(awaited, name) {
			continue
		}
		if got, ok := r.ask("SELECT count(*) FROM t WHERE f = '" + name + "'"); !ok || got != fmt.Sprint(f.Rows) {
			r.t.Errorf("%s is gone, and %q of its %d rows are in the table", name, got, f.Rows)
		}
	}
}

// putTableBack puts the table back to what it was before a file was loaded, as
// who restores a copy of it does. Then the file is not cleaned up when its time
// comes, since the table does not hold its rows.
func (s *siege) putTableBack() {
	s.t.Helper()
	tables, err := filepath.Glob(filepath.Join(s.workspace(), "tables", "*", "*", "t"))
	if err != nil || len(tables) != 1 {
		s.t.Fatalf("directories of the table: %v, %v", tables, err)
	}
	table, older, newer := tables[0], filepath.Join(s.dir, "older"), filepath.Join(s.dir, "newer")
	copyDir(s.t, table, older)
	s.toCome, s.later = s.later[:1], s.later[1:]
	name := filepath.Base(s.toCome[0])
	s.nextFile()()
	month := 30 * 24 * time.Hour
	s.calm(s.role, ordeal{skew: phases * month})
	if err := errors.Join(os.Rename(table, newer), os.Rename(older, table)); err != nil {
		s.t.Fatal(err)
	}
	s.calm(s.role, ordeal{skew: (phases + 1) * month})
	if _, ok := s.contents(s.landing)[name]; !ok {
		s.t.Errorf("%s was cleaned up, and the table does not hold its rows", name)
	}
	if err := errors.Join(os.RemoveAll(table), os.Rename(newer, table)); err != nil {
		s.t.Fatal(err)
	}
	s.calm(s.role, ordeal{skew: (phases + 2) * month})
	s.checkNow()
	if _, ok := s.contents(s.landing)[name]; ok {
		s.t.Errorf("%s was not cleaned up, and the table holds its rows", name)
	}
}

// overwritten counts the versions of files that are overwritten again and
// again.
type overwritten struct{ versions map[string]int }

// rowsOfVersion is how many rows a version of a file has.
const rowsOfVersion = 60_000

// overwriteFile writes the next version of one of a few files, in place or all
// at once. The file that was to arrive is not used.
func (r *round) overwriteFile(string) func() {
	if r.overwrite == nil {
		r.overwrite = &overwritten{map[string]int{}}
	}
	name := string(rune('a'+r.rng.IntN(4))) + ".csv"
	v := r.overwrite.versions[name] + 1
	if v == 1 || r.rng.IntN(3) == 0 {
		r.overwrite.versions[name] = v
		return func() { r.put(name, textOfVersion(name, v)) }
	}
	// Again and again, so that it happens while the file is read.
	const often = 10
	r.overwrite.versions[name] += often
	return func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for i := range often {
			r.writeInPlace(name, textOfVersion(name, v+i))
			<-tick.C
		}
	}
}

// textOfVersion is a version of a file. Its lines are as long as those of any
// other, so that a reader could take those of several for one.
func textOfVersion(name string, v int) []byte {
	var text bytes.Buffer
	text.WriteString("f,v,n\n")
	for n := range rowsOfVersion {
		fmt.Fprintf(&text, "%s,%04d,%d\n", name, v, 100_000+n)
	}
	return text.Bytes()
}

func (r *round) writeInPlace(name string, text []byte) {
	f, err := os.OpenFile(filepath.Join(r.landing, name), os.O_WRONLY, 0)
	if err != nil {
		r.t.Error(err)
		return
	}
	if _, err := f.Write(text); err != nil {
		r.t.Error(err)
	}
	if err := f.Close(); err != nil {
		r.t.Error(err)
	}
	r.touch(f.Name())
}

// versionsAreWhole checks that of each file and version all rows are there or
// none, and each once; and one version alone where overwriting is not allowed.
func (r *round) versionsAreWhole() {
	r.t.Helper()
	for _, table := range []string{"once", "each"} {
		torn := fmt.Sprintf("SELECT count(*), max(f), max(v), max(c) FROM (SELECT f, v, count(*) AS c, count(DISTINCT n) AS d FROM %s GROUP BY f, v HAVING c != %d OR d != c)", table, rowsOfVersion)
		if got, ok := r.ask(torn); ok && got != "0|NULL|NULL|NULL" && got != "0|(null)|(null)|(null)" {
			r.t.Errorf("%s: versions are torn or doubled (how many, file, version, rows): %s", table, got)
		}
	}
	if got, ok := r.ask("SELECT count(*) FROM (SELECT f FROM once GROUP BY f HAVING count(DISTINCT v) != 1)"); ok && got != "0" {
		r.t.Errorf("once: %s files were loaded in more than one version", got)
	}
}

// lastVersionsAreThere checks that nothing was overlooked.
func (r *round) lastVersionsAreThere() {
	r.t.Helper()
	files := len(r.overwrite.versions)
	if got, want := r.must("SELECT count(DISTINCT f), count(*) FROM once"), fmt.Sprintf("%d|%d", files, files*rowsOfVersion); got != want {
		r.t.Errorf("once: files and rows are %s, want %s", got, want)
	}
	for _, name := range slices.Sorted(maps.Keys(r.overwrite.versions)) {
		v := r.overwrite.versions[name]
		if got, want := r.must(fmt.Sprintf("SELECT count(*) FROM each WHERE f = '%s' AND v = %d", name, v)), fmt.Sprint(rowsOfVersion); got != want {
			r.t.Errorf("each: version %d of %s, the last, has %s rows, want %s", v, name, got, want)
		}
	}
}
