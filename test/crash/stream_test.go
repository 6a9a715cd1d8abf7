package crash_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A process that refreshes a streaming table is killed at random moments while
// files arrive. Whatever the moments, in the end every row is in the table
// once, as the maker of the files knows them.
func TestKilledRefreshes(t *testing.T) {
	p := newPlant(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	deadline := time.Now().Add(interruptions())
	kills, rounds := 0, 0
	for ; time.Now().Before(deadline) && !t.Failed(); rounds++ {
		kills += p.killRefreshes(rng, rounds)
	}
	t.Logf("%d processes were killed in %d rounds", kills, rounds)
	if kills == 0 {
		t.Error("no process was killed before its end")
	}
}

// killRefreshes lets the files arrive by and by, and returns how many
// processes were killed on the way.
func (p *plant) killRefreshes(rng *rand.Rand, round int) (kills int) {
	t := p.t
	t.Helper()
	landing := filepath.Join(p.dir, fmt.Sprintf("landing%d", round))
	if err := os.MkdirAll(landing, 0o777); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(p.source(), "*"))
	if err != nil {
		t.Fatal(err)
	}
	rng.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	p.must("DROP TABLE IF EXISTS t")
	text := "CREATE STREAMING TABLE IF NOT EXISTS t AS SELECT * FROM STREAM read_files('" + landing +
		"', format => 'csv', maxFilesPerTrigger => 2); REFRESH STREAMING TABLE t"
	for len(files) > 0 {
		for range min(1+rng.IntN(3), len(files)) {
			if err := os.Link(files[0], filepath.Join(landing, filepath.Base(files[0]))); err != nil {
				t.Fatal(err)
			}
			files = files[1:]
		}
		cmd := process(t, "sql", p.workspace(), text)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := end(cmd, time.Duration(rng.Int64N(int64(longest))), true); err != nil {
			kills++
			if stderr.Len() > 0 {
				t.Errorf("a refresh failed by itself: %s", stderr.String())
			}
		}
	}
	p.must(text)
	if got, want := p.found(), p.truth(1); got != want {
		t.Errorf("round %d: the table holds %q, want %q", round, got, want)
	}
	return kills
}
