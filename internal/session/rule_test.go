package session_test

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
)

// failing runs a statement that must fail with a class.
func (w *workspace) failing(text, class string) {
	w.t.Helper()
	_, err := w.try(text)
	if err == nil || !strings.Contains(errclass.Format(err), "["+class+"]") {
		w.t.Errorf("%s\nerror is %v, want class %s", text, err, class)
	}
}

// The answers are those of Spark 4.2 with Delta 4.4, unless a note says
// otherwise.
func TestConstraints(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE c (id INT NOT NULL, b STRING, s STRUCT<x: INT>, CONSTRAINT pos CHECK (id > 0 AND b <> 'bad'))")
	w.rows("INSERT INTO c VALUES (2, 'ok', NULL)")
	for text, class := range map[string]string{
		"INSERT INTO c VALUES (-1, 'a', NULL)":                            "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES",
		"INSERT INTO c VALUES (1, NULL, NULL)":                            "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES",
		"INSERT INTO c VALUES (NULL, 'a', NULL)":                          "DELTA_NOT_NULL_CONSTRAINT_VIOLATED",
		"INSERT INTO c (b) VALUES ('a')":                                  "DELTA_MISSING_NOT_NULL_COLUMN_VALUE",
		"ALTER TABLE c ADD CONSTRAINT pos CHECK (id > 5)":                 "DELTA_CONSTRAINT_ALREADY_EXISTS",
		"ALTER TABLE c ADD CONSTRAINT POS CHECK (id > 5)":                 "DELTA_CONSTRAINT_ALREADY_EXISTS",
		"ALTER TABLE c ADD CONSTRAINT big CHECK (id > 5)":                 "DELTA_NEW_CHECK_CONSTRAINT_VIOLATION",
		"ALTER TABLE c ADD CONSTRAINT sx CHECK (s.x > 1)":                 "DELTA_NEW_CHECK_CONSTRAINT_VIOLATION",
		"ALTER TABLE c ADD CONSTRAINT nocol CHECK (zz > 5)":               "UNRESOLVED_COLUMN.WITH_SUGGESTION",
		"ALTER TABLE c ADD CONSTRAINT nobool CHECK (id + 1)":              "DELTA_NON_BOOLEAN_CHECK_CONSTRAINT",
		"ALTER TABLE c DROP CONSTRAINT nope":                              "DELTA_CONSTRAINT_DOES_NOT_EXIST",
		"ALTER TABLE c SET TBLPROPERTIES ('delta.constraints.foo' = 'x')": "DELTA_ADD_CONSTRAINTS",
		"ALTER TABLE c ALTER COLUMN s SET NOT NULL":                       "DELTA_NEW_NOT_NULL_VIOLATION",
		"CREATE TABLE d (id INT, CHECK (id + 1))":                         "DELTA_NON_BOOLEAN_CHECK_CONSTRAINT",
		"CREATE TABLE d (id INT, CHECK (id > (SELECT 1)))":                "UNSUPPORTED_FEATURE.TABLE_OPERATION", // Spark takes it, and then refuses every row
	} {
		w.failing(text, class)
	}
	w.rows("ALTER TABLE c ADD CONSTRAINT sx CHECK (s.x IS NULL OR s.x > 1)")
	w.failing("INSERT INTO c VALUES (2, 'ok', named_struct('x', 1))", "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES")
	w.rows("ALTER TABLE c DROP CONSTRAINT IF EXISTS nope; ALTER TABLE c DROP CONSTRAINT pos; INSERT INTO c VALUES (-5, 'bad', named_struct('x', 2))")
	w.rows("ALTER TABLE c ALTER COLUMN b SET NOT NULL")
	w.failing("INSERT INTO c VALUES (1, NULL, NULL)", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED")
	w.rows("ALTER TABLE c ALTER COLUMN b DROP NOT NULL; INSERT INTO c VALUES (1, NULL, NULL)")
	w.want("SELECT id, b FROM c", "-5|bad", "1|NULL", "2|ok")
}

func TestViolationNamesValues(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE c (id INT, b STRING, other INT, CONSTRAINT pos CHECK (id > 0 AND b <> 'bad'))")
	_, err := w.try("INSERT INTO c VALUES (-1, 'a', 7)")
	if err == nil || !strings.Contains(err.Error(), "violated by row with values:\n - b : a\n - id : -1") || strings.Contains(err.Error(), "other") {
		t.Errorf("error is %v", err)
	}
}

// COPY INTO, CREATE TABLE AS and INSERT take the same way into a table.
func TestCopyIntoObeysRules(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.json", `{"id":1}`+"\n"+`{"id":2}`+"\n")
	w.rows("CREATE TABLE c (n BIGINT GENERATED ALWAYS AS IDENTITY, id BIGINT, twice BIGINT GENERATED ALWAYS AS (id * 2), CONSTRAINT pos CHECK (id > 0))")
	w.rows("COPY INTO c FROM '$IN' FILEFORMAT = JSON")
	w.want("SELECT * FROM c", "1|1|2", "2|2|4")
	w.file("b.json", `{"id":-1}`+"\n")
	w.failing("COPY INTO c FROM '$IN' FILEFORMAT = JSON", "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES")
	w.rows("CREATE TABLE d AS SELECT * FROM c; INSERT INTO d VALUES (7, -1, 7)") // rules are not copied
	w.want("SELECT * FROM d", "1|1|2", "2|2|4", "7|-1|7")
}

func TestGeneratedColumns(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE g (id INT, d DATE GENERATED ALWAYS AS (CAST(ts AS DATE)), ts TIMESTAMP, n INT GENERATED ALWAYS AS (id * 2) COMMENT 'cc') PARTITIONED BY (d)")
	w.rows("INSERT INTO g (id, ts) VALUES (1, TIMESTAMP '2024-01-02 03:04:05')")
	w.rows("INSERT INTO g VALUES (2, DATE '2024-01-03', TIMESTAMP '2024-01-03 03:04:05', 4)")
	w.rows("INSERT INTO g VALUES (3, DEFAULT, TIMESTAMP '2024-01-04 03:04:05', DEFAULT)") // Spark takes DEFAULT for NULL here
	w.want("SELECT id, d, n FROM g", "1|2024-01-02|2", "2|2024-01-03|4", "3|2024-01-04|6")
	for text, class := range map[string]string{
		"INSERT INTO g VALUES (1, DATE '2024-01-02', TIMESTAMP '2024-01-02 03:04:05', 3)":        "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES",
		"INSERT INTO g VALUES (1, NULL, TIMESTAMP '2024-01-02 03:04:05', 2)":                     "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES",
		"CREATE TABLE h (id INT, a INT GENERATED ALWAYS AS (b), b INT GENERATED ALWAYS AS (id))": "UNSUPPORTED_EXPRESSION_GENERATED_COLUMN",
		"CREATE TABLE h (id INT, a INT GENERATED ALWAYS AS (zz))":                                "UNRESOLVED_COLUMN.WITH_SUGGESTION",
		"CREATE TABLE h (id INT, a DOUBLE GENERATED ALWAYS AS (rand()))":                         "UNSUPPORTED_EXPRESSION_GENERATED_COLUMN",
		"CREATE TABLE h (id INT, a INT GENERATED ALWAYS AS (id) DEFAULT 3)":                      "GENERATED_COLUMN_WITH_DEFAULT_VALUE",
		"ALTER TABLE g RENAME COLUMN id TO id2":                                                  "DELTA_GENERATED_COLUMNS_DEPENDENT_COLUMN_CHANGE",
		"ALTER TABLE g DROP COLUMN id":                                                           "DELTA_UNSUPPORTED_DROP_COLUMN",
	} {
		w.failing(text, class)
	}
	w.rows("ALTER TABLE g SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
	w.failing("ALTER TABLE g DROP COLUMN ts", "DELTA_GENERATED_COLUMNS_DEPENDENT_COLUMN_CHANGE")
	w.rows("ALTER TABLE g DROP COLUMN n; INSERT INTO g (id, ts) VALUES (4, TIMESTAMP '2024-01-05 03:04:05')")
	w.want("SELECT id, d FROM g", "1|2024-01-02", "2|2024-01-03", "3|2024-01-04", "4|2024-01-05")
}

func TestDefaults(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE f (id INT, a INT DEFAULT 1 + 1, b STRING DEFAULT 'x')")
	w.rows("INSERT INTO f (id) VALUES (1)")
	w.rows("INSERT INTO f VALUES (2, DEFAULT, DEFAULT), (3, 5, NULL)")
	w.rows("ALTER TABLE f ALTER COLUMN a SET DEFAULT 9; INSERT INTO f (id) VALUES (4); ALTER TABLE f ALTER COLUMN a DROP DEFAULT; INSERT INTO f (b, id) VALUES (DEFAULT, 5)")
	w.want("SELECT * FROM f", "1|2|x", "2|2|x", "3|5|NULL", "4|9|x", "5|NULL|x")
	for text, class := range map[string]string{
		"INSERT INTO f VALUES (7)":                     "INSERT_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS",
		"CREATE TABLE h (id INT, a INT DEFAULT id)":    "INVALID_DEFAULT_VALUE.UNRESOLVED_EXPRESSION",
		"CREATE TABLE h (id INT, a INT DEFAULT 'foo')": "INVALID_DEFAULT_VALUE.DATA_TYPE",
		"ALTER TABLE f ADD COLUMN z INT DEFAULT 1":     "WRONG_COLUMN_DEFAULTS_FOR_DELTA_ALTER_TABLE_ADD_COLUMN_NOT_SUPPORTED",
		"ALTER TABLE f ALTER COLUMN a SET DEFAULT b":   "INVALID_DEFAULT_VALUE.UNRESOLVED_EXPRESSION",
	} {
		w.failing(text, class)
	}
}

func TestIdentityColumns(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE i (id BIGINT GENERATED ALWAYS AS IDENTITY, k BIGINT GENERATED BY DEFAULT AS IDENTITY (START WITH 100 INCREMENT BY 10), v STRING)")
	w.rows("INSERT INTO i (v) VALUES ('a'), ('b'); INSERT INTO i (k, v) VALUES (500, 'c'); INSERT INTO i (k, v) VALUES (NULL, 'd'); INSERT INTO i VALUES (DEFAULT, DEFAULT, 'e')")
	w.want("SELECT * FROM i", "1|100|a", "2|110|b", "3|500|c", "4|NULL|d", "5|120|e")
	for text, class := range map[string]string{
		"INSERT INTO i VALUES (1, 2, 'c')":                                                   "DELTA_IDENTITY_COLUMNS_EXPLICIT_INSERT_NOT_SUPPORTED",
		"INSERT INTO i (id, v) VALUES (500, 'c')":                                            "DELTA_IDENTITY_COLUMNS_EXPLICIT_INSERT_NOT_SUPPORTED",
		"CREATE TABLE j (id INT GENERATED ALWAYS AS IDENTITY)":                               "DELTA_IDENTITY_COLUMNS_UNSUPPORTED_DATA_TYPE",
		"CREATE TABLE j (id BIGINT GENERATED ALWAYS AS IDENTITY (INCREMENT BY 0), v INT)":    "IDENTITY_COLUMNS_ILLEGAL_STEP",
		"CREATE TABLE j (id BIGINT GENERATED ALWAYS AS IDENTITY, v INT) PARTITIONED BY (id)": "DELTA_IDENTITY_COLUMNS_PARTITION_NOT_SUPPORTED",
		"ALTER TABLE i ALTER COLUMN id DROP NOT NULL":                                        "DELTA_IDENTITY_COLUMNS_ALTER_COLUMN_NOT_SUPPORTED",
	} {
		w.failing(text, class)
	}
	w.rows("CREATE TABLE j (id BIGINT GENERATED ALWAYS AS IDENTITY (START WITH 9223372036854775806), v INT); INSERT INTO j (v) VALUES (1)")
	w.failing("INSERT INTO j (v) VALUES (1), (2)", "ARITHMETIC_OVERFLOW")
	w.rows("INSERT INTO j (v) VALUES (1)")
	w.failing("INSERT INTO j (v) VALUES (1)", "ARITHMETIC_OVERFLOW")
}

// Writers that give out numbers at the same time never give out one twice.
func TestIdentityOfConcurrentWriters(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE i (id BIGINT GENERATED ALWAYS AS IDENTITY, v INT)")
	const writers, inserts = 3, 4
	done := make(chan error, writers)
	for range writers {
		other := &workspace{t: t, root: w.root, in: w.in}
		other.open()
		go func() {
			for range inserts {
				if _, err := other.try("INSERT INTO i (v) VALUES (1), (2)"); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	w.want("SELECT count(*), count(DISTINCT id), max(id) FROM i", "24|24|24")
}

func TestTableFeaturesAreThoseUsed(t *testing.T) {
	w := newWorkspace(t)
	for columns, want := range map[string]string{
		"(id INT)":                                                                 "1|2|[\"appendOnly\",\"invariants\"]",
		"(id INT NOT NULL)":                                                        "1|2|[\"appendOnly\",\"invariants\"]",
		"(id INT, CHECK (id > 0))":                                                 "1|3|[\"appendOnly\",\"checkConstraints\",\"invariants\"]",
		"(id INT, a INT DEFAULT 1)":                                                "1|7|[\"allowColumnDefaults\",\"appendOnly\",\"invariants\"]",
		"(id INT, a INT GENERATED ALWAYS AS (id))":                                 "1|7|[\"appendOnly\",\"generatedColumns\",\"invariants\"]",
		"(id BIGINT GENERATED ALWAYS AS IDENTITY, v INT)":                          "1|7|[\"appendOnly\",\"identityColumns\",\"invariants\"]",
		"(id INT) TBLPROPERTIES ('delta.columnMapping.mode'='id')":                 "3|7|[\"appendOnly\",\"columnMapping\",\"invariants\"]",
		"(id INT) TBLPROPERTIES ('delta.enableTypeWidening'='true')":               "3|7|[\"appendOnly\",\"invariants\",\"typeWidening\"]",
		"(id INT) TBLPROPERTIES ('delta.feature.vacuumProtocolCheck'='supported')": "3|7|[\"appendOnly\",\"invariants\",\"vacuumProtocolCheck\"]",
	} {
		w.rows("DROP TABLE IF EXISTS p; CREATE TABLE p " + columns)
		if got := w.rows("DESCRIBE DETAIL p"); len(got) != 1 || !strings.HasSuffix(got[0], want) {
			t.Errorf("%s: detail is %v, want one that ends in %s", columns, got, want)
		}
	}
}
