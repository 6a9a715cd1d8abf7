package session_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestAutoCDCUpkeepUnderCrashes: a batch that dies after it has packed the
// table of tombstones, and deleted files of it, is applied by the next process
// to what was before.
func TestAutoCDCUpkeepUnderCrashes(t *testing.T) {
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
	tr := &trial{workspace: w, saved: filepath.Join(w.root, "saved")}
	if err := errors.Join(w.s.Close(), os.Rename(filepath.Join(w.root, "ws"), tr.saved)); err != nil {
		t.Fatal(err)
	}
	step := 41
	if soaking() {
		step = 1
	}
	for n, more := 1, true; more; n += step {
		more = tr.crashRefresh(t, n, want)
	}
}
