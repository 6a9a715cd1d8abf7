//go:build interop

package interop_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/internal/errclass"
)

// Spark does so many turns, and freshet so many during each of Spark's. A turn
// is an append, or a merge that updates the row of an earlier append or inserts
// one.
const turns, burst = 12, 6

// turn returns a writer's statement of a turn, and what it does to the
// writer's rows, seen by n, when it succeeds. Writers share no rows.
func turn(dir, who string, i int) (statement string, effect func(seen map[int]int)) {
	if i%2 == 0 {
		return fmt.Sprintf("INSERT INTO delta.`%s` VALUES ('%s', %d, 0)", dir, who, i), func(seen map[int]int) { seen[i] = 0 }
	}
	key := i - 1 // of the append before, which may have failed
	if i%4 == 1 {
		key = i // of no row
	}
	statement = fmt.Sprintf("MERGE INTO delta.`%s` t USING (SELECT '%s' AS who, %d AS n) s ON t.who = s.who AND t.n = s.n "+
		"WHEN MATCHED THEN UPDATE SET seen = seen + 1 WHEN NOT MATCHED THEN INSERT (who, n, seen) VALUES (s.who, s.n, 100)", dir, who, key)
	return statement, func(seen map[int]int) {
		if n, found := seen[key]; found {
			seen[key] = n + 1
		} else {
			seen[key] = 100
		}
	}
}

// TestBothWriteAtOnce has Spark and freshet append to and merge into one local
// table at the same time. What a writer was told has succeeded is in the table
// once, what was refused is not, and nothing else is.
func TestBothWriteAtOnce(t *testing.T) {
	for name, properties := range map[string]string{
		"copied files":     "",
		"deletion vectors": "TBLPROPERTIES ('delta.enableDeletionVectors' = 'true', 'delta.checkpointInterval' = '5')",
	} {
		t.Run(name, func(t *testing.T) {
			f, dir := open(t), filepath.Join(t.TempDir(), "t")
			f.run("CREATE TABLE delta.`%s` (who STRING, n INT, seen INT) %s", dir, properties)
			spark(t, "INSERT INTO delta.`%s` SELECT who, n, seen FROM delta.`%s`", dir, dir) // starts Spark
			outcomes := map[string][]string{}
			for i := range turns {
				ours := make(chan []string)
				go func() {
					var errs []string
					for n := range burst {
						statement, _ := turn(dir, "freshet", i*burst+n)
						errs = append(errs, outcome(f.try(statement)))
					}
					ours <- errs
				}()
				statement, _ := turn(dir, "spark", i)
				_, err := ask[rows](t, request{Do: "sql", Text: statement})
				outcomes["spark"] = append(outcomes["spark"], outcome(err))
				outcomes["freshet"] = append(outcomes["freshet"], <-ours...)
			}
			want := map[string]bool{}
			for who, errs := range outcomes {
				for row := range acknowledged(t, dir, who, errs) {
					want[row] = true
				}
			}
			got := map[string]bool{}
			for _, row := range f.query("SELECT who, n, seen FROM delta.`%s`", dir).Rows {
				if got[fmt.Sprint(row...)] {
					t.Errorf("twice: %v", row)
				}
				got[fmt.Sprint(row...)] = true
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rows (-acknowledged +found):\n%s", diff)
			}
			same(t, "Spark reads the table", f.query("SELECT * FROM delta.`%s`", dir), read(t, "spark", dir))
		})
	}
}

// outcome is "" for a statement that succeeded, or why it failed.
func outcome(err error) string {
	if err == nil {
		return ""
	}
	return errclass.Format(err)
}

// acknowledged returns the rows that a writer's successful turns make. Turns
// that failed must be merges that lost to the other writer; Spark's, which
// take longer, may all do.
func acknowledged(t *testing.T, dir, who string, errs []string) map[string]bool {
	t.Helper()
	seen, merged, lost := map[int]int{}, 0, 0
	for i, err := range errs {
		statement, effect := turn(dir, who, i)
		switch {
		case err == "":
			effect(seen)
			merged += i % 2
		case strings.Contains(err, "DELTA_CONCURRENT") && i%2 == 1:
			lost++
		default:
			t.Errorf("%s: %s", statement, err)
		}
	}
	t.Logf("%s: %d rows, %d merges succeeded, %d lost to the other", who, len(seen), merged, lost)
	if len(seen) == 0 || merged+lost == 0 {
		t.Errorf("%s has written no row, or tried no merge", who)
	}
	rows := map[string]bool{}
	for n, times := range seen {
		rows[fmt.Sprint(who, n, times)] = true
	}
	return rows
}
