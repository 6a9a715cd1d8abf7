package delta_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/delta"
)

// TestChangeFilesAlone reads a commit of change data files alone, which no
// statement makes: the feed is what these tell, and the table is empty.
func TestChangeFilesAlone(t *testing.T) {
	table := delta.NewTable(directory{root: filepath.Join(goldenDir(t), "kernel-rs-data/cdf-table-simple")}, delta.Options{})
	var got []string
	for r, err := range table.Changes(t.Context(), delta.ChangesOptions{From: 2, To: 2, Columns: []string{"id"}}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range renderRecord(r) {
			change, _, _ := strings.Cut(text, "|_commit_version")
			got = append(got, change)
		}
		r.Release()
	}
	var want []string
	for id := 20; id < 25; id++ {
		want = append(want, fmt.Sprintf("id=%d|_change_type=insert", id))
	}
	if !slices.Equal(got, want) {
		t.Errorf("changes %v, want %v", got, want)
	}
	s, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rows := scanRows(t, s, delta.ScanOptions{}); len(rows) > 0 {
		t.Errorf("the table holds %v, want nothing", rows)
	}
}

// TestVectorsOfRust reads the positions that deletion vectors of another
// writer mark, the last of which is not padded as Spark's are.
func TestVectorsOfRust(t *testing.T) {
	table := delta.NewTable(directory{root: filepath.Join(goldenDir(t), "kernel-rs-data/cdf-table-with-dv")}, delta.Options{})
	for version, want := range [][]int64{nil, {0, 9}, nil, {0, 1, 4, 5}, {0, 5}, {3}, nil} {
		s, err := table.SnapshotAt(t.Context(), int64(version))
		if err != nil {
			t.Fatal(err)
		}
		for f, err := range s.Files(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if got, err := s.DeletedRows(t.Context(), f); err != nil || !slices.Equal(got, want) {
				t.Errorf("version %d: rows %v are deleted, want %v (error %v)", version, got, want, err)
			}
		}
	}
}
