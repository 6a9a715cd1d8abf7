package session_test

import (
	"fmt"
	"path/filepath"
	"testing"
)

// TestAutoCDCUpkeepUnderCrashes: a batch that dies after it has packed the
// table of tombstones, and deleted files of it, is applied by the next process
// to what was before.
func TestAutoCDCUpkeepUnderCrashes(t *testing.T) {
	t.Parallel()
	const batches = 49 // the next one finds the upkeep due
	w := newWorkspace(t)
	var want []string
	add := func(i int) {
		w.file(fmt.Sprintf("%03d.json", i), fmt.Sprintf(`{"userId":%d,"name":"n","operation":"INSERT","sequenceNum":%d}`, i%5, i))
	}
	for i := range batches {
		add(i)
	}
	w.rows("CREATE STREAMING TABLE s; CREATE FLOW f AS AUTO CDC INTO s FROM " + changes + byUser + bySeq)
	w.file("late.json", `{"userId":3,"operation":"DELETE","sequenceNum":90}`)
	for _, user := range []int{0, 1, 2, 4} {
		want = append(want, fmt.Sprintf("%d|n|NULL", user))
	}
	w.trial(faulted{}).refreshUnderCrashes(t, 16, want...)
}

// TestAutoCDCForgetsTombstones: tombstones that were kept for long enough leave
// with any batch, and younger ones stay (semantics §13.2).
func TestAutoCDCForgetsTombstones(t *testing.T) {
	for age, want := range map[string][]string{"0": nil, "3600": {"1", "2", "3"}} {
		for _, clause := range []string{"", " IGNORE NULL UPDATES"} {
			w := newWorkspace(t)
			w.file("1.json", `{"userId":1,"name":"a","sequenceNum":1}`+"\n"+`{"userId":2,"name":"a","sequenceNum":1}`)
			w.rows("CREATE STREAMING TABLE s TBLPROPERTIES ('pipelines.cdc.tombstoneGCThresholdInSeconds' = '" + age + "');" +
				"CREATE FLOW f AS AUTO CDC INTO s FROM " + changes + " KEYS (userId)" + clause + " APPLY AS DELETE WHEN operation = 'DELETE' SEQUENCE BY sequenceNum COLUMNS * EXCEPT (operation, sequenceNum)")
			w.file("2.json", `{"userId":1,"operation":"DELETE","sequenceNum":2}`+"\n"+`{"userId":2,"operation":"DELETE","sequenceNum":2}`+"\n"+`{"userId":3,"operation":"DELETE","sequenceNum":2}`)
			w.rows("REFRESH STREAMING TABLE s")
			w.file("3.json", `{"userId":4,"name":"b","sequenceNum":3}`)
			w.rows("REFRESH STREAMING TABLE s")
			backing, err := filepath.Glob(filepath.Join(w.root, "ws", "checkpoints", "*", "*", "*", "cdc"))
			if err != nil || len(backing) != 1 {
				t.Fatal(backing, err)
			}
			w.want("SELECT userId FROM delta.`"+backing[0]+"` WHERE __freshet_kind = 1", want...)
			w.want("SELECT userId, name FROM s", "4|b")
			// What is forgotten comes back, what is known does not.
			w.file("4.json", `{"userId":1,"name":"late","sequenceNum":1}`)
			w.rows("REFRESH STREAMING TABLE s")
			if shown := []string{"4|b"}; want == nil {
				w.want("SELECT userId, name FROM s", append(shown, "1|late")...)
			} else {
				w.want("SELECT userId, name FROM s", shown...)
			}
		}
	}
}
