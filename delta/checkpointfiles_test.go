package delta

import (
	"hash/maphash"
	"testing"
)

// TestDamagedCheckpointKeepsOneOfEach reads rows that a reconciled checkpoint
// has once twice: the last of them counts, also through another spelling and
// from another part.
func TestDamagedCheckpointKeepsOneOfEach(t *testing.T) {
	set := newFileSet()
	part := func(rows ...fileRow) *segment {
		s := &segment{seed: set.seed, parts: []string{""}}
		for _, r := range rows {
			r.stats = r.path
			s.append(&r, maphash.String(set.seed, canonicalPath(string(r.path))), 0)
		}
		s.finish()
		return s
	}
	b := newFileSetBuilder(set)
	err := b.adopt([]*segment{
		part(fileRow{path: []byte("a"), size: 1}, fileRow{path: []byte("b b"), size: 2}, fileRow{path: []byte("c"), size: 4}),
		part(fileRow{path: []byte("a"), size: 8}, fileRow{path: []byte("b%20b"), size: 16}),
		part(fileRow{path: []byte("c"), flags: flagTombstone}, fileRow{path: []byte("d"), size: 32}),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.remove(&RemoveFile{Path: "d"})
	got, err := b.finish()
	if err != nil {
		t.Fatal(err)
	}
	checkModel(t, got, map[string]int64{"a": 8, "b%20b": 16})
	if got.tombstones != 2 {
		t.Errorf("got %d tombstones, want those of c and d", got.tombstones)
	}
	if err := newFileSetBuilder(got).adopt([]*segment{part(fileRow{path: []byte("a")})}); err == nil {
		t.Error("files of a checkpoint were put over those of a table")
	}
}
