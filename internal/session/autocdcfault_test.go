package session_test

import (
	"fmt"
	"testing"
)

// A flow of changes that dies anywhere is gone on with by the next refresh, and
// the table ends with the rows of a refresh that nothing has happened to: the
// table and what is kept beside it change together.
func TestAutoCDCUnderCrashes(t *testing.T) {
	t.Parallel()
	for name, clauses := range map[string]string{
		"type 1": byUser + truncate + bySeq,
		"type 2": byUser + "IGNORE NULL UPDATES" + bySeq + "STORED AS SCD TYPE 2 TRACK HISTORY ON * EXCEPT (city)",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkspace(t)
			line := func(user int, city, operation string, sequence int) string {
				return fmt.Sprintf(`{"userId":%d,"name":"n%d","city":%s,"operation":"%s","sequenceNum":%d}`+"\n", user, sequence%2, city, operation, sequence)
			}
			w.file("0.json", line(1, `"a"`, "INSERT", 1)+line(2, `"b"`, "INSERT", 2)+line(3, `"c"`, "INSERT", 9))
			w.rows("CREATE STREAMING TABLE s")
			w.rows("CREATE FLOW f AS AUTO CDC INTO s FROM " + changes + clauses)
			w.file("1.json", line(2, `null`, "DELETE", 6)+line(1, `"d"`, "UPDATE", 5)+line(3, `"e"`, "UPDATE", 4))
			w.file("2.json", line(2, `"late"`, "UPDATE", 5)+line(4, `null`, "TRUNCATE", 3)+line(1, `null`, "UPDATE", 7))
			w.trial(faulted{}).refreshUnderCrashes(t, 12)
		})
	}
}
