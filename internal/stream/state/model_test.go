package state_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/stream/state"
)

// model is the state as a plain map, at each version.
type model struct{ versions []map[string]row }

func (m *model) at(version int64) map[string]row {
	if version < 0 {
		return nil
	}
	return m.versions[version]
}

// sorted returns rows as texts.
func sorted(rows map[string]row) []string {
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprintf("%s=%d", r.key, r.n))
	}
	slices.Sort(out)
	return out
}

// TestAsModel runs random batches, whose rows come, change and end, over a
// storage on which the process dies every so often and begins anew: the state
// is that of a map, at every version, and what a batch looks up is what the map
// has of it.
func TestAsModel(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			run := modelRun{T: t, Rand: r, disk: mem.New(time.Now), keys: 1 + r.IntN(3000), hashes: 1 << r.IntN(20), timed: r.IntN(3)}
			for version := range int64(30) {
				run.batch(version)
			}
		})
	}
}

// modelRun is one run of a model beside a store.
type modelRun struct {
	*testing.T
	*rand.Rand
	model
	disk         *mem.Store
	store        *state.Store
	keys, hashes int // how many there are; hashes collide
	timed        int // 0 is never, 1 by the keys, 2 by a column
	watermark    int64
	crashes      int
}

// batch runs a batch until it is through.
func (m *modelRun) batch(version int64) {
	before := m.at(version - 1)
	over := int64(math.MinInt64)
	if m.timed > 0 {
		m.watermark += int64(m.IntN(4))
		over = m.watermark
	}
	var rows []row
	after := maps.Clone(before)
	if after == nil {
		after = map[string]row{}
	}
	for range 1 + m.IntN([]int{5, 50, 2000}[m.IntN(3)]) {
		rows = append(rows, m.row(after))
		after[rows[len(rows)-1].key] = rows[len(rows)-1]
	}
	rows = slices.Collect(maps.Values(only(after, rows)))
	maps.DeleteFunc(after, func(_ string, r row) bool { return r.ends <= over })
	m.versions = append(m.versions, after)
	for m.attempt(version, over, rows, before) != nil {
		m.store = nil
		m.crashes++
	}
	if got, err := all(m, m.open(m.disk), version); err != nil || !slices.Equal(got, sorted(after)) {
		m.Fatalf("version %d is\n%q (%v), want\n%q", version, got, err, sorted(after))
	}
}

// row returns a row that is new or replaces one.
func (m *modelRun) row(rows map[string]row) row {
	i := m.IntN(m.keys)
	r := row{key: fmt.Sprint(i), n: m.Int64(), ends: state.Never, at: state.Key{Lead: state.Never, Hash: int64(i % m.hashes)}}
	switch m.timed {
	case 1:
		r.ends = m.watermark + 1 + int64(m.IntN(20))
		r.at.Lead, r.key = r.ends, fmt.Sprint(i, r.ends)
	case 2:
		if r.ends = m.watermark + int64(m.IntN(20)); rows[r.key].key != "" {
			r.ends = rows[r.key].ends
		}
		r.at.Lead = state.First
	}
	return r
}

// only returns those rows of a map that have the keys of others.
func only(rows map[string]row, of []row) map[string]row {
	out := map[string]row{}
	for _, r := range of {
		if have, ok := rows[r.key]; ok {
			out[r.key] = have
		}
	}
	return out
}

func (m *modelRun) open(disk object.Store) *state.Store {
	s, err := openIn(m.Context(), disk, "q", len(m.versions) <= 1)
	if err != nil {
		m.Fatal(err)
	}
	return s
}

// attempt runs a batch in a process that may die on the way.
func (m *modelRun) attempt(version, over int64, rows []row, before map[string]row) error {
	ctx := m.Context()
	if m.store == nil {
		plan := objecttest.CrashAt(1 + m.IntN(400))
		if m.crashes > 20 {
			plan = objecttest.Script()
		}
		var disk object.Store = objecttest.NewFaulty(m.disk, plan)
		s, err := openIn(ctx, disk, "q", version == 0)
		if err != nil {
			return err
		}
		m.store = s
	}
	done, err := m.store.Info(ctx, version, new(any))
	if err == nil && !done {
		if err = m.lookUp(ctx, version, over, rows, before); err == nil {
			err = m.store.Write(ctx, state.Change{Version: version, Over: over, Rows: batchOf(rows), Info: info("{}")})
		}
	}
	if err == nil {
		err = m.store.Merge(ctx, version)
	}
	if err == nil && version%3 == 0 && version > 5 {
		err = m.store.Purge(ctx, version-5)
	}
	return err
}

// lookUp finds what a batch is about, and compares it with what the map has.
func (m *modelRun) lookUp(ctx context.Context, version, over int64, rows []row, before map[string]row) error {
	view, err := m.store.At(ctx, version-1)
	if err != nil {
		return err
	}
	wanted, want := &state.Wanted{}, only(before, rows)
	slices.SortFunc(rows, compare)
	for _, r := range rows {
		wanted.Add(r.at)
	}
	if over > math.MinInt64 {
		wanted.AddEnded(view.Over(), over)
	}
	asked := map[state.Key]bool{}
	for _, r := range rows {
		asked[r.at] = true
	}
	for _, r := range before { // those of the same hash, and those that end
		if asked[r.at] || r.at.Lead <= over && r.at.Lead > state.First {
			want[r.key] = r
		}
	}
	got, err := texts(view.Find(ctx, wanted))
	if err == nil && !slices.Equal(got, sorted(want)) {
		m.Fatalf("batch %d finds\n%q, want\n%q", version, got, sorted(want))
	}
	return err
}
