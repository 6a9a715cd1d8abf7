package delta_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
)

// changesOf returns the changes of a range of versions as sorted texts
// "version change id:v".
func changesOf(tb testing.TB, st delta.Storage, opts delta.ChangesOptions) ([]string, error) {
	tb.Helper()
	out := []string{}
	opts.Columns = []string{"id", "v"}
	for r, err := range delta.NewTable(st, delta.Options{}).Changes(tb.Context(), opts) {
		if err != nil {
			return out, err
		}
		for i := range int(r.NumRows()) {
			out = append(out, fmt.Sprintf("%d %s %d:%s", r.Column(3).(*array.Int64).Value(i), r.Column(2).(*array.String).Value(i),
				r.Column(0).(*array.Int64).Value(i), r.Column(1).(*array.String).Value(i)))
		}
		r.Release()
	}
	slices.Sort(out)
	return out, nil
}

// TestChangesReplay makes random changes and checks, after each commit, the
// table against a model, and that its change data feed says what happened.
func TestChangesReplay(t *testing.T) {
	modes := []struct {
		name       string
		config     map[string]string
		partitions []string
	}{
		{"copy", map[string]string{feedOn: "true"}, nil},
		{"copy partitioned", map[string]string{feedOn: "true"}, []string{"p"}},
		{"vectors", map[string]string{feedOn: "true", vectorsOn: "true"}, nil},
		{"vectors partitioned", map[string]string{feedOn: "true", vectorsOn: "true"}, []string{"p"}},
	}
	for i, mode := range modes {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%s/%d", mode.name, seed), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, uint64(i)))
				st := newMemory()
				s := peopleTable(t, st, mode.config, mode.partitions...)
				model := make(map[int64]string)
				for _, id := range span(0, 20) {
					model[id] = "old"
				}
				replayed := map[string]bool{}
				for version := int64(0); ; version++ {
					if got, want := texts(t, s), modelTexts(model); !slices.Equal(got, want) {
						t.Fatalf("version %d holds\n%v, want\n%v", version, got, want)
					}
					replayChanges(t, st, version, replayed)
					if got, want := slices.Sorted(maps.Keys(replayed)), modelTexts(model); !slices.Equal(got, want) {
						t.Fatalf("changes up to version %d come to\n%v, want\n%v", version, got, want)
					}
					if version == 9 {
						break
					}
					ch := randomChange(random, model, version)
					s, _ = ch.apply(t, st, s)
				}
			})
		}
	}
}

// randomChange changes the model and returns what to do to the table.
func randomChange(random *rand.Rand, model map[int64]string, version int64) change {
	ch := change{value: fmt.Sprintf("v%d", version)}
	kinds := random.IntN(7) + 1 // deletes, updates, inserts
	for _, id := range slices.Sorted(maps.Keys(model)) {
		switch random.IntN(4) {
		case 0:
			if kinds&1 != 0 {
				ch.deletes = append(ch.deletes, id)
				delete(model, id)
			}
		case 1:
			if kinds&2 != 0 {
				ch.updates = append(ch.updates, id)
				model[id] = ch.value
			}
		}
	}
	if kinds&4 != 0 {
		for range 1 + random.IntN(6) {
			id := 1000*(version+1) + random.Int64N(1000)
			if model[id] == "" {
				model[id] = ch.value
				ch.inserts = append(ch.inserts, id)
			}
		}
	}
	return ch
}

func modelTexts(model map[int64]string) []string {
	out := []string{}
	for id, v := range model {
		out = append(out, fmt.Sprintf("%d:%s", id, v))
	}
	slices.Sort(out)
	return out
}

// replayChanges applies the changes of one version to a set of rows.
func replayChanges(t *testing.T, st delta.Storage, version int64, rows map[string]bool) {
	t.Helper()
	got, err := changesOf(t, st, delta.ChangesOptions{From: version, To: version})
	if err != nil {
		t.Fatal(err)
	}
	order := map[string]int{"delete": 0, "update_preimage": 0, "insert": 1, "update_postimage": 1}
	slices.SortStableFunc(got, func(a, b string) int { return order[strings.Fields(a)[1]] - order[strings.Fields(b)[1]] })
	for _, text := range got {
		kind, row := strings.Fields(text)[1], strings.Fields(text)[2]
		leaves := order[kind] == 0
		if rows[row] != leaves {
			t.Fatalf("version %d: %s, of a row that is there: %t", version, text, rows[row])
		}
		if leaves {
			delete(rows, row)
		} else {
			rows[row] = true
		}
	}
}

// TestChangesRanges reads ranges of versions by number and by time, and those
// that cannot be read.
func TestChangesRanges(t *testing.T) {
	st := newMemory()
	s := peopleTable(t, st, nil) // version 0
	table := delta.NewTable(st, delta.Options{})
	alter := func(edit func(*delta.Metadata)) {
		t.Helper()
		st.now = st.now.Add(time.Hour)
		m := s.Metadata().Clone()
		if m.Configuration == nil {
			m.Configuration = map[string]string{}
		}
		edit(&m)
		tx := table.Begin(s)
		tx.SetMetadata(m)
		if _, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "ALTER"}); err != nil {
			t.Fatal(err)
		}
		var err error
		if s, err = table.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	start := st.now
	alter(func(m *delta.Metadata) { m.Configuration[feedOn] = "true" }) // 1
	st.now = st.now.Add(time.Hour)
	s, _ = change{deletes: []int64{3}}.apply(t, st, s) // 2
	deleted := s.Timestamp()
	alter(func(m *delta.Metadata) { m.Configuration[feedOn] = "false" }) // 3
	alter(func(m *delta.Metadata) { m.Configuration[feedOn] = "true" })  // 4
	st.now = st.now.Add(time.Hour)
	s, _ = change{updates: []int64{4}, value: "new"}.apply(t, st, s) // 5
	deletion := []string{"2 delete 3:old"}
	update := []string{"5 update_postimage 4:new", "5 update_preimage 4:old"}
	tests := []struct {
		name string
		opts delta.ChangesOptions
		want []string
		err  any
	}{
		{"one version", delta.ChangesOptions{From: 2, To: 2}, deletion, nil},
		{"from the switch on", delta.ChangesOptions{From: 1, To: 2}, deletion, nil},
		{"an open end", delta.ChangesOptions{From: 4, To: -1}, update, nil},
		{"by time, between commits", delta.ChangesOptions{Since: start.Add(90 * time.Minute), Until: start.Add(150 * time.Minute)}, deletion, nil},
		{"by time, exactly", delta.ChangesOptions{Since: deleted, Until: deleted}, deletion, nil},
		{"before the switch", delta.ChangesOptions{From: 0, To: 2}, nil, new(*delta.NoChangeDataError)},
		{"before all time", delta.ChangesOptions{Since: start.Add(-time.Hour), To: 2}, nil, new(*delta.NoChangeDataError)},
		{"across a gap", delta.ChangesOptions{From: 1, To: 5}, deletion, new(*delta.NoChangeDataError)},
		{"in the gap", delta.ChangesOptions{From: 3, To: 3}, nil, new(*delta.NoChangeDataError)},
		{"backwards", delta.ChangesOptions{From: 5, To: 4}, nil, new(*delta.ChangesRangeError)},
		{"from the future", delta.ChangesOptions{From: 6, To: -1}, nil, new(*delta.ChangesRangeError)},
		{"into the future", delta.ChangesOptions{From: 5, To: 9}, update, nil},
		{"negative", delta.ChangesOptions{From: -1, To: 5}, nil, new(*delta.VersionNotFoundError)},
		{"until too late", delta.ChangesOptions{From: 5, Until: start.Add(100 * time.Hour)}, nil, new(*delta.TimestampError)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := changesOf(t, st, tt.opts)
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if tt.err == nil && err != nil || tt.err != nil && !errors.As(err, tt.err) {
				t.Errorf("got error %v, want %T", err, tt.err)
			}
		})
	}
}

// TestGoldenChanges reads the change data feeds of other writers: applied to
// the table before, they must come to the rows that it holds.
func TestGoldenChanges(t *testing.T) {
	tests := []struct {
		table string
		from  int64
		rows  int // of the feed
	}{
		{"kernel-rs-data/cdf-column-mapping-id-mode", 1, 4},
		{"kernel-rs-data/cdf-column-mapping-name-mode", 1, 4},
		{"kernel-rs-data/cdf-column-mapping-name-mode-3-7", 1, 4},
		{"kernel-rs-data/cdf-table", 0, 23},
		{"kernel-rs-data/cdf-table-backtick-column-names", 0, 5},
		{"kernel-rs-data/cdf-table-delete-conditional-all-rows", 0, 20},
		{"kernel-rs-data/cdf-table-delete-conditional-two-rows", 0, 12},
		{"kernel-rs-data/cdf-table-delete-unconditional", 0, 20},
		{"kernel-rs-data/cdf-table-non-partitioned", 0, 25},
		{"kernel-rs-data/cdf-table-partitioned", 0, 12},
		{"kernel-rs-data/cdf-table-with-cdc-and-dvs", 0, 43},
		{"kernel-rs-data/cdf-table-with-dv", 0, 24},
		{"delta-rs/cdc_ict_table", 0, 10},
		{"delta-rs/simple_table_with_cdc", 0, 3},
	}
	for _, tt := range tests {
		t.Run(tt.table, func(t *testing.T) {
			table := delta.NewTable(directory{root: filepath.Join(goldenDir(t), tt.table)}, delta.Options{})
			rows, balance := 0, make(map[string]int)
			for r, err := range table.Changes(t.Context(), delta.ChangesOptions{From: tt.from, To: -1}) {
				if err != nil {
					t.Fatal(err)
				}
				for _, text := range renderRecord(r) {
					row, change, _ := strings.Cut(text, "|_change_type=")
					rows++
					switch kind, _, _ := strings.Cut(change, "|"); kind {
					case "insert", "update_postimage":
						balance[row]++
					case "delete", "update_preimage":
						balance[row]--
					default:
						t.Fatalf("unknown change in %s", text)
					}
				}
				r.Release()
			}
			latest, err := table.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			count(t, balance, latest, -1)
			if tt.from > 0 {
				before, err := table.SnapshotAt(t.Context(), tt.from-1)
				if err != nil {
					t.Fatal(err)
				}
				count(t, balance, before, 1)
			}
			for row, n := range balance {
				if n != 0 {
					t.Errorf("the feed and the table differ by %d of %s", n, row)
				}
			}
			if rows != tt.rows {
				t.Errorf("%d changes, want %d", rows, tt.rows)
			}
		})
	}
}

// count adds n for each row of a table.
func count(t *testing.T, balance map[string]int, s *delta.Snapshot, n int) {
	t.Helper()
	for r, err := range s.Scan(t.Context(), delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range renderRecord(r) {
			balance[strings.TrimSuffix(text, "|")] += n
		}
		r.Release()
	}
}
