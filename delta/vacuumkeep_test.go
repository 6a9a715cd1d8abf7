package delta_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/schema"
)

// A retention time longer than the table's own holds for files too that
// checkpoints have forgotten.
func TestVacuumOfALongerRetention(t *testing.T) {
	const day = 24 * time.Hour
	m := newMemory()
	table := delta.NewTable(m, clocked(m))
	tx := table.Begin(nil)
	tx.SetMetadata(delta.Metadata{Schema: rangedSchema(t)})
	commit(t, tx)
	appendRecord(t, table, m, ranged(t, 0, 4))
	want := rowsOf(t, table)
	version := snapshot(t, table).Version()
	if _, err := table.Truncate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	pass(m, 8*day)
	appendRecord(t, table, m, ranged(t, 4, 8))
	if err := table.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := delta.NewTable(m, clocked(m)) // which begins at the checkpoint
	long := 20 * day
	pass(m, 8*day)
	got, err := other.Vacuum(t.Context(), delta.VacuumOptions{Retention: &long})
	if err != nil || got.Files != 0 {
		t.Errorf("vacuum: %+v, %v", got, err)
	}
	s, err := other.SnapshotAt(t.Context(), version)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, scanRows(t, s, delta.ScanOptions{})); d != "" {
		t.Errorf("the version reads otherwise (-before +after):\n%s", d)
	}
	pass(m, 5*day)
	if got, err := other.Vacuum(t.Context(), delta.VacuumOptions{Retention: &long}); err != nil || got.Files != 1 {
		t.Errorf("vacuum later: %+v, %v", got, err)
	}
}

// What the log claims to have removed is deleted only where data may lie.
func TestVacuumLiteLeavesWhatIsNoData(t *testing.T) {
	m := newMemory()
	table := filled(t, m, delta.Metadata{Schema: rangedSchema(t)}, ranged(t, 0, 4))
	m.put("_copy_into_log/1.json", nil)
	tx := table.Begin(snapshot(t, table))
	for _, path := range []string{"_copy_into_log/1.json", "_delta_log/00000000000000000000.json", "a/../_delta_log/00000000000000000001.json"} {
		f := file(path)
		f.PartitionValues = map[string]*string{}
		tx.Add(f)
	}
	if _, err := tx.Commit(t.Context(), delta.CommitInfo{}); err != nil {
		t.Logf("such paths are refused: %v", err)
	}
	if _, err := table.Truncate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	zero := time.Duration(0)
	m.now = m.now.Add(time.Hour)
	before := dataKeys(m)
	if _, err := delta.NewTable(m, clocked(m)).Vacuum(t.Context(), delta.VacuumOptions{Retention: &zero, AllowShort: true, Lite: true}); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(dataKeys(m), "_copy_into_log/1.json") || len(dataKeys(m)) != len(before)-1 {
		t.Errorf("of %v there is left %v", before, dataKeys(m))
	}
	for _, version := range []string{"0", "1"} {
		if _, ok := m.objects["_delta_log/0000000000000000000"+version+".json"]; !ok {
			t.Errorf("the commit of version %s is gone", version)
		}
	}
}

func TestTransactionVersionsSince(t *testing.T) {
	m := newMemory()
	table := delta.NewTable(m, clocked(m))
	start := m.now
	tx := table.Begin(nil)
	tx.SetMetadata(delta.Metadata{Schema: rangedSchema(t)})
	commit(t, tx)
	for _, v := range []int64{5, 7, 0, 9} {
		pass(m, time.Hour)
		tx := table.Begin(snapshot(t, table))
		tx.SetTransaction("app", v)
		commit(t, tx)
		tx = table.Begin(snapshot(t, table))
		tx.SetTransaction("other", 100+v)
		commit(t, tx)
	}
	s := snapshot(t, table)
	for _, test := range []struct {
		since time.Duration
		want  []int64
	}{
		{-time.Hour, []int64{0, 5, 7, 9}},
		{90 * time.Minute, []int64{0, 5, 7, 9}},
		{150 * time.Minute, []int64{0, 7, 9}},
		{210 * time.Minute, []int64{0, 9}},
		{270 * time.Minute, []int64{9}},
		{1000 * time.Hour, []int64{9}},
	} {
		got, err := s.TransactionVersionsSince(t.Context(), "app", start.Add(test.since))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("since %v (-want +got):\n%s", test.since, d)
		}
	}
	if got, err := s.TransactionVersionsSince(t.Context(), "nobody", start); err != nil || got != nil {
		t.Errorf("of an application that recorded nothing: %v, %v", got, err)
	}
}

// Identity columns go on after a restore where they were before it.
func TestRestoreKeepsIdentityMarks(t *testing.T) {
	for _, test := range []struct{ step, then, now, want int64 }{
		{1, 10, 20, 20},
		{-1, -10, -20, -20},
		{5, 100, 50, 100},
	} {
		m := newMemory()
		table := delta.NewTable(m, clocked(m))
		mark := func(value int64) delta.Metadata {
			column := schema.Col("id", schema.Long)
			delta.Identity{Start: 0, Step: test.step, HighWaterMark: &value}.Mark(&column)
			return delta.Metadata{Schema: schema.New(column, schema.Col("s", schema.String))}
		}
		tx := table.Begin(nil)
		tx.SetMetadata(mark(test.then))
		commit(t, tx)
		then := snapshot(t, table)
		tx = table.Begin(then)
		later := then.Metadata().Clone()
		later.Schema = mark(test.now).Schema
		tx.SetMetadata(later)
		commit(t, tx)
		if _, err := table.Restore(t.Context(), then, delta.RestoreOptions{}); err != nil {
			t.Fatal(err)
		}
		id, ok := delta.IdentityOf(snapshot(t, table).Schema().Fields[0])
		if !ok || id.HighWaterMark == nil || *id.HighWaterMark != test.want {
			t.Errorf("after a step of %d the column is %+v, want the mark %d", test.step, id, test.want)
		}
		if id, _ := delta.IdentityOf(then.Schema().Fields[0]); *id.HighWaterMark != test.then {
			t.Errorf("the restore has changed the older snapshot: its mark is %d", *id.HighWaterMark)
		}
	}
}
