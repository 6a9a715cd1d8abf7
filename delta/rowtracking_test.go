package delta_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
)

var tracked = map[string]string{"delta.enableRowTracking": "true"}

// rowIDs returns, for each file added by a commit, its base row id and commit
// version, with the high-water mark that the commit set.
func rowIDs(t *testing.T, m *memory, version int64) map[string]string {
	t.Helper()
	ids := make(map[string]string)
	for _, a := range actionsOf(t, m, version) {
		switch {
		case a.Add != nil && a.Add.BaseRowID == nil:
			ids[a.Add.Path] = "none"
		case a.Add != nil:
			ids[a.Add.Path] = fmt.Sprintf("%d@%d", *a.Add.BaseRowID, *a.Add.DefaultRowCommitVersion)
		case a.Remove != nil && a.Remove.BaseRowID != nil:
			ids["-"+a.Remove.Path] = fmt.Sprintf("%d@%d", *a.Remove.BaseRowID, *a.Remove.DefaultRowCommitVersion)
		case a.DomainMetadata != nil:
			ids[a.DomainMetadata.Domain] = a.DomainMetadata.Configuration
		case a.CommitInfo != nil && a.CommitInfo.Tags != nil:
			ids["preserved"] = a.CommitInfo.Tags["delta.rowTracking.preserved"]
		}
	}
	return ids
}

func numbered(name string, rows int) delta.AddFile {
	f := file(name)
	f.Stats = fmt.Sprintf(`{"numRecords":%d}`, rows)
	return f
}

// TestRowIDs follows ids through appends, a lost race, a deletion vector, a
// rewrite and a checkpoint.
func TestRowIDs(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), tracked)
	base := snapshot(t, table)
	if got := base.Protocol().WriterFeatures; !strings.Contains(fmt.Sprint(got), "domainMetadata") || !strings.Contains(fmt.Sprint(got), "rowTracking") {
		t.Errorf("writer features = %v", got)
	}
	for _, key := range []string{"delta.rowTracking.materializedRowIdColumnName", "delta.rowTracking.materializedRowCommitVersionColumnName"} {
		if name, _ := base.Property(key); !strings.HasPrefix(name, "_row-") {
			t.Errorf("property %s = %q", key, name)
		}
	}
	tx := table.Begin(base)
	tx.Add(numbered("a", 10))
	tx.Add(numbered("b", 5))
	commit(t, tx)
	tx = table.Begin(base) // loses against version 1
	tx.Add(numbered("c", 3))
	commit(t, tx)

	// A file that stays under a deletion vector keeps its ids.
	s := snapshot(t, table)
	var b delta.AddFile
	for f := range s.Files(t.Context()) {
		if f.Path == "b" {
			b = f
		}
	}
	tx = table.Begin(s)
	tx.Remove(b.Remove(1, true))
	b.DeletionVector = &delta.DeletionVector{StorageType: "u", PathOrInlineDV: "x", SizeInBytes: 1, Cardinality: 1}
	b.BaseRowID, b.DefaultRowCommitVersion = nil, nil // known from the table
	tx.Add(b)
	commit(t, tx)

	// Rows that move lose them, which the commit says unless told otherwise.
	for _, kept := range []bool{false, true} {
		s = snapshot(t, table)
		tx = table.Begin(s)
		for f := range s.Files(t.Context()) {
			if f.Path == "a" || f.Path == "d" {
				tx.Remove(delta.RemoveFile{Path: f.Path, DataChange: false})
			}
		}
		name := "d"
		if kept {
			name = "e"
			tx.SetRowIDsPreserved(true)
		}
		tx.Add(numbered(name, 10))
		commit(t, tx)
	}
	mark := func(n int) string { return fmt.Sprintf(`{"rowIdHighWaterMark":%d}`, n) }
	for version, want := range map[int64]map[string]string{
		1: {"preserved": "true", "a": "0@1", "b": "10@1", "delta.rowTracking": mark(14)},
		2: {"preserved": "true", "c": "15@2", "delta.rowTracking": mark(17)},
		3: {"preserved": "true", "b": "10@1", "-b": "10@1"},
		4: {"preserved": "false", "d": "18@4", "-a": "0@1", "delta.rowTracking": mark(27)},
		5: {"preserved": "true", "e": "28@5", "-d": "18@4", "delta.rowTracking": mark(37)},
	} {
		if diff := cmp.Diff(want, rowIDs(t, m, version)); diff != "" {
			t.Errorf("commit %d (-want +got):\n%s", version, diff)
		}
	}
	if err := table.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	reopened := snapshot(t, delta.NewTable(m, options()))
	appendFile(t, table, reopened, "f")
	if got := rowIDs(t, m, 6)["f"]; got != "38@6" {
		t.Errorf("id after a checkpoint = %s, want 38@6", got)
	}
}

func TestRowIDsNeedCounts(t *testing.T) {
	table := create(t, newMemory(), options(), tracked)
	tx := table.Begin(snapshot(t, table))
	f := file("a")
	f.Stats = ""
	tx.Add(f)
	_, err := tx.Commit(t.Context(), delta.CommitInfo{})
	if refused := new(delta.ActionError); !errors.As(err, &refused) {
		t.Errorf("a file without a number of rows: error = %v, want an ActionError", err)
	}
}

// TestRowTrackingCannotBeginLate refuses what would leave rows without ids.
func TestRowTrackingCannotBeginLate(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), nil)
	enable := func(base *delta.Snapshot, config map[string]string) error {
		tx := table.Begin(base)
		metadata := base.Metadata().Clone()
		metadata.Configuration = config
		tx.SetMetadata(metadata)
		_, err := tx.Commit(t.Context(), delta.CommitInfo{})
		return err
	}
	appendFile(t, table, snapshot(t, table), "a")
	if refused := new(delta.ActionError); !errors.As(enable(snapshot(t, table), tracked), &refused) {
		t.Error("row tracking was enabled over a file without ids")
	}
	// The feature alone numbers what comes from now on.
	if err := enable(snapshot(t, table), map[string]string{"delta.feature.rowTracking": "supported"}); err != nil {
		t.Fatal(err)
	}
	appendFile(t, table, snapshot(t, table), "b")
	if diff := cmp.Diff(map[string]string{"b": "0@3", "delta.rowTracking": `{"rowIdHighWaterMark":0}`}, rowIDs(t, m, 3)); diff != "" {
		t.Errorf("commit 3 (-want +got):\n%s", diff)
	}
	if err := enable(snapshot(t, table), map[string]string{"delta.rowTrackingSuspended": "true"}); err != nil {
		t.Fatal(err)
	}
	appendFile(t, table, snapshot(t, table), "c")
	if diff := cmp.Diff(map[string]string{"c": "none"}, rowIDs(t, m, 5)); diff != "" {
		t.Errorf("suspended, commit 5 (-want +got):\n%s", diff)
	}
}
