package cdc_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/stream/cdc"
)

// change is an event of a test: values by column, "" for NULL.
type change struct {
	sequence int
	delete   bool
	values   []string
}

func (c change) String() string { return fmt.Sprintf("%d:%v%q", c.sequence, c.delete, c.values) }

// rules are those of a test.
type rules struct {
	history, ignore bool
	tracked         []int
}

// memory is what is kept of a key, and what is shown of it.
type memory struct {
	kept  []*cdc.Event[*change]
	shown []string
	now   map[string]string // what is shown, by how long it is valid
	was   map[string]string // and before the batch
	seen  map[*cdc.Event[*change]]bool
	twice bool
	stale string // a row that is said to be known, and was not shown so
	rules rules
}

func (m *memory) Keep(e *cdc.Event[*change]) {
	m.twice = m.twice || m.seen[e]
	m.seen[e] = true
	m.kept = append(m.kept, &cdc.Event[*change]{Row: e.Row, Delete: e.Delete, Stored: true, Old: e.Old})
}

func (m *memory) Forget(e *cdc.Event[*change]) {
	m.twice = m.twice || m.seen[e]
	m.seen[e] = true
}

func (m *memory) Show(v cdc.Version[*change]) {
	var row []string
	for i := range v.Start.Row.values {
		place := 0
		if m.rules.ignore {
			place = i + 1
		}
		value := ""
		if e := v.Image[place]; e != nil {
			value = e.Row.values[i]
		}
		row = append(row, value)
	}
	span := ""
	if m.rules.history {
		span += fmt.Sprint("|", v.Start.Row.sequence)
		if v.End != nil {
			span += fmt.Sprint("|", v.End.Row.sequence)
		}
	}
	text := strings.Join(row, "|") + span
	// The sink leaves a row alone that is known and was valid as long before.
	if was, ok := m.was[span]; ok && v.Known() && was != text {
		m.stale = text
	}
	m.now[span] = text
	m.shown = append(m.shown, text)
}

// apply applies a batch to what is kept.
func (m *memory) apply(batch []*change) {
	all := slices.Clone(m.kept)
	for _, c := range batch {
		all = append(all, &cdc.Event[*change]{Row: c, Delete: c.delete})
	}
	slices.SortStableFunc(all, func(a, b *cdc.Event[*change]) int { return a.Row.sequence - b.Row.sequence })
	m.was, m.now = m.now, map[string]string{}
	m.kept, m.shown, m.seen = nil, nil, map[*cdc.Event[*change]]bool{}
	key := cdc.NewKey(m.rules.rules(), m)
	for _, e := range all {
		key.Add(e)
	}
	key.End()
}

func (r rules) rules() cdc.Rules[*change] {
	out := cdc.Rules[*change]{
		History: r.history, Places: 1,
		Sets: func(c *change, place int) bool { return c.values[place-1] != "" },
		Ties: func(a, b *change) bool { return a.sequence == b.sequence },
	}
	value := func(image cdc.Image[*change], column int) string {
		e := image[0]
		if r.ignore {
			e = image[column+1]
		}
		if e == nil {
			return ""
		}
		return e.Row.values[column]
	}
	out.Same = func(a, b cdc.Image[*change]) bool {
		for _, column := range r.tracked {
			if value(a, column) != value(b, column) {
				return false
			}
		}
		return true
	}
	if r.ignore {
		out.Places = columns + 1
	}
	return out
}

// columns is how many columns the rows of these tests have.
const columns = 2

// naive is what a table shows of one key, computed from all of its changes at
// once.
func naive(r rules, changes []*change) []string {
	changes = slices.Clone(changes)
	slices.SortStableFunc(changes, func(a, b *change) int { return a.sequence - b.sequence })
	type version struct {
		values     []string
		start, end int
	}
	var all []version
	open := -1
	for _, c := range changes {
		if c.delete {
			if open >= 0 {
				all[open].end = c.sequence
			}
			open = -1
			continue
		}
		values := slices.Clone(c.values)
		for i := range values {
			if r.ignore && values[i] == "" && open >= 0 {
				values[i] = all[open].values[i]
			}
		}
		same := open >= 0
		for _, i := range r.tracked {
			same = same && all[open].values[i] == values[i]
		}
		if same {
			all[open].values = values
			continue
		}
		if open >= 0 {
			all[open].end = c.sequence
		}
		all = append(all, version{values, c.sequence, 0})
		open = len(all) - 1
	}
	var rows []string
	for i, v := range all {
		switch {
		case !r.history && i == open:
			rows = append(rows, strings.Join(v.values, "|"))
		case r.history && v.end == 0:
			rows = append(rows, strings.Join(append(v.values, fmt.Sprint(v.start)), "|"))
		case r.history:
			rows = append(rows, strings.Join(append(v.values, fmt.Sprint(v.start), fmt.Sprint(v.end)), "|"))
		}
	}
	return rows
}

// vector is the changes of semantics §13.3, by key.
var vector = map[string][]*change{
	"124": {{1, false, []string{"Raul", "Oaxaca"}}},
	"123": {{1, false, []string{"Isabel", "Monterrey"}}, {6, true, []string{"", ""}}, {5, false, []string{"Isabel", "Chihuahua"}}},
	"125": {
		{2, false, []string{"Mercedes", "Tijuana"}}, {6, false, []string{"Mercedes", "Guadalajara"}}, {5, false, []string{"Mercedes", "Mexicali"}},
	},
	"126": {{2, false, []string{"Lily", "Cancun"}}},
}

// TestAssertion53_EveryPermutation: the changes of the vectors in every order,
// in every split into batches, end in the same rows.
func TestAssertion53_EveryPermutation(t *testing.T) {
	type input struct {
		key string
		*change
	}
	var events []input
	for key, changes := range vector {
		for _, c := range changes {
			events = append(events, input{key, c})
		}
	}
	for name, tt := range map[string]struct {
		rules
		want []string
	}{
		"type 1": {rules{tracked: []int{0, 1}}, []string{"124|Raul|Oaxaca", "125|Mercedes|Guadalajara", "126|Lily|Cancun"}},
		"type 2": {rules{history: true, tracked: []int{0, 1}}, []string{
			"123|Isabel|Chihuahua|5|6", "123|Isabel|Monterrey|1|5", "124|Raul|Oaxaca|1", "125|Mercedes|Guadalajara|6",
			"125|Mercedes|Mexicali|5|6", "125|Mercedes|Tijuana|2|5", "126|Lily|Cancun|2",
		}},
		"type 2 tracked": {rules{history: true, tracked: []int{0}}, []string{
			"123|Isabel|Chihuahua|1|6", "124|Raul|Oaxaca|1", "125|Mercedes|Guadalajara|2", "126|Lily|Cancun|2",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			// Keys do not meet: an order of all changes is one of those of
			// each key, and so is a split of them.
			for _, key := range []string{"123", "124", "125", "126"} {
				var want []string
				for _, row := range tt.want {
					if rest, ok := strings.CutPrefix(row, key+"|"); ok {
						want = append(want, rest)
					}
				}
				var changes []*change
				for _, e := range events {
					if e.key == key {
						changes = append(changes, e.change)
					}
				}
				everyWay(changes, func(batches [][]*change) {
					m := &memory{rules: tt.rules}
					for _, b := range batches {
						m.apply(b)
					}
					slices.Sort(m.shown)
					if !slices.Equal(m.shown, want) {
						t.Errorf("%s by %v: got %q, want %q", key, batches, m.shown, want)
					}
				})
			}
		})
	}
}

// everyWay calls do with each order of changes in each split into batches.
func everyWay(changes []*change, do func([][]*change)) {
	permute(changes, 0, func(order []*change) {
		for cuts := range 1 << max(len(order)-1, 0) {
			batches := [][]*change{{order[0]}}
			for i, c := range order[1:] {
				if cuts>>i&1 == 1 {
					batches = append(batches, nil)
				}
				batches[len(batches)-1] = append(batches[len(batches)-1], c)
			}
			do(batches)
		}
	})
}

func permute(list []*change, from int, do func([]*change)) {
	if from >= len(list)-1 {
		do(list)
		return
	}
	for i := from; i < len(list); i++ {
		list[from], list[i] = list[i], list[from]
		permute(list, from+1, do)
		list[from], list[i] = list[i], list[from]
	}
}

// TestKeyAgainstModel: random changes of a key, in every order and split that
// five of them allow and in random ones of more, show what all of them at once
// do, and each is kept or forgotten once.
func TestKeyAgainstModel(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 1))
		r := rules{history: rng.IntN(2) == 0, ignore: rng.IntN(2) == 0, tracked: [][]int{{0, 1}, {0}, {1}}[rng.IntN(3)]}
		changes := randomChanges(rng, 1+rng.IntN(5))
		want := naive(r, changes)
		check := func(batches [][]*change) {
			m := &memory{rules: r}
			for _, b := range batches {
				if m.apply(b); m.twice || m.stale != "" {
					t.Fatalf("seed %d: %v tells of an event twice, or that %q is known", seed, batches, m.stale)
				}
			}
			if !slices.Equal(m.shown, want) {
				t.Fatalf("seed %d: %+v by %v: got %q, want %q", seed, r, batches, m.shown, want)
			}
		}
		everyWay(changes, check)
		many := randomChanges(rng, 40)
		want = naive(r, many)
		rng.Shuffle(len(many), func(i, j int) { many[i], many[j] = many[j], many[i] })
		var batches [][]*change
		for len(many) > 0 {
			n := 1 + rng.IntN(len(many))
			batches, many = append(batches, many[:n]), many[n:]
		}
		check(batches)
	}
}

// randomChanges have different sequences, and values that repeat often.
func randomChanges(rng *rand.Rand, n int) []*change {
	var list []*change
	for i := range n {
		c := &change{sequence: i + 1, delete: rng.IntN(4) == 0}
		for range columns {
			c.values = append(c.values, []string{"", "a", "b"}[rng.IntN(3)])
		}
		list = append(list, c)
	}
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// TestAssertion54_LateUpdateAndTombstone: an update older than a tombstone is
// ignored as long as the tombstone is kept, and brings the row back after.
func TestAssertion54_LateUpdateAndTombstone(t *testing.T) {
	for _, history := range []bool{false, true} {
		late := []*change{{3, false, []string{"a", "b"}}}
		for old, want := range map[bool][]string{false: {"a|b|3|6"}, true: {"a|b|3"}} {
			m := &memory{rules: rules{history: history, tracked: []int{0, 1}}}
			m.apply([]*change{{6, true, []string{"", ""}}})
			if len(m.kept) != 1 || len(m.shown) != 0 {
				t.Fatalf("a delete alone keeps %v and shows %q", m.kept, m.shown)
			}
			m.kept[0].Old = old
			m.apply(late)
			switch {
			case history:
			case old:
				want = []string{"a|b"}
			default:
				want = nil
			}
			if !slices.Equal(m.shown, want) {
				t.Errorf("history %v, tombstone old %v: got %q, want %q", history, old, m.shown, want)
			}
		}
	}
}

// TestTombstoneOfHistoryRemains: a tombstone that ends a version is no waste,
// however old.
func TestTombstoneOfHistoryRemains(t *testing.T) {
	m := &memory{rules: rules{history: true, tracked: []int{0, 1}}}
	m.apply([]*change{{1, false, []string{"a", "b"}}, {6, true, []string{"", ""}}})
	for _, e := range m.kept {
		e.Old = true
	}
	m.apply([]*change{{3, false, []string{"a", "c"}}})
	if want := []string{"a|b|1|3", "a|c|3|6"}; !slices.Equal(m.shown, want) {
		t.Errorf("got %q, want %q", m.shown, want)
	}
}

// TestKeptIsBounded: without history one event of a key is kept, or one for
// each column where nulls are ignored, and of a history what repeats goes when
// it is old.
func TestKeptIsBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for _, tt := range []struct {
		rules rules
		most  int
	}{{rules{tracked: []int{0, 1}}, 1}, {rules{ignore: true, tracked: []int{0, 1}}, columns + 2}} {
		m := &memory{rules: tt.rules}
		for range 50 {
			if m.apply(randomChanges(rng, 20)); len(m.kept) > tt.most {
				t.Fatalf("%+v keeps %d events", tt.rules, len(m.kept))
			}
		}
	}
	m := &memory{rules: rules{history: true, tracked: []int{0, 1}}}
	for i := range 100 {
		m.apply([]*change{{i + 1, false, []string{"a", "b"}}})
		for _, e := range m.kept {
			e.Old = true
		}
	}
	if len(m.kept) > 2 || !slices.Equal(m.shown, []string{"a|b|1"}) {
		t.Errorf("100 equal updates keep %d events and show %q", len(m.kept), m.shown)
	}
}

// FuzzKey compares what a key shows with the model, whatever its changes and
// the batches they come in.
func FuzzKey(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3}, uint8(0))
	f.Add([]byte{200, 13, 77, 5, 91, 4, 255}, uint8(7))
	f.Fuzz(func(t *testing.T, text []byte, how uint8) {
		r := rules{history: how&1 > 0, ignore: how&2 > 0, tracked: [][]int{{0, 1}, {0}}[how>>2&1]}
		m := &memory{rules: r}
		var all, batch []*change
		seen := map[int]bool{}
		for _, b := range text[:min(len(text), 64)] {
			c := &change{sequence: int(b>>3) + 1, delete: b&7 == 7, values: []string{"", ""}}
			for i := range c.values {
				c.values[i] = []string{"", "a", "b"}[(int(b)>>i&3)%3]
			}
			if seen[c.sequence] {
				continue // two of one sequence are a fault of the source
			}
			seen[c.sequence] = true
			all, batch = append(all, c), append(batch, c)
			if b&1 > 0 {
				m.apply(batch)
				batch = nil
			}
		}
		m.apply(batch)
		if want := naive(r, all); !slices.Equal(m.shown, want) || m.twice || m.stale != "" {
			t.Errorf("%+v by %v: got %q, want %q (known: %q)", r, all, m.shown, want, m.stale)
		}
	})
}

func BenchmarkKey(b *testing.B) {
	changes := randomChanges(rand.New(rand.NewPCG(1, 1)), 1000)
	slices.SortFunc(changes, func(x, y *change) int { return x.sequence - y.sequence })
	for b.Loop() {
		m := &memory{rules: rules{history: true, tracked: []int{0, 1}}}
		m.apply(changes)
	}
}
