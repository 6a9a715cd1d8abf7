package trial_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// batch is what the checkpoint says that a batch read, and how far event time
// was.
type batch struct {
	rows      []reading
	watermark time.Time
}

// batches reads the batches from the checkpoint (semantics §10.2).
func (w *streamWorld) batches() (list []batch) {
	w.t.Helper()
	at := 0
	for n := 0; ; n++ {
		files, err := filepath.Glob(filepath.Join(w.root, "ws", "checkpoints", "*", "*", "result-*", "offsets", fmt.Sprint(n)))
		if err != nil || len(files) > 1 {
			w.t.Fatalf("offsets of batch %d: %q, %v", n, files, err)
		}
		if len(files) == 0 {
			if n == 0 {
				w.t.Fatal("no batch in the checkpoint")
			}
			return list
		}
		body, err := os.ReadFile(files[0])
		if err != nil {
			w.t.Fatal(err)
		}
		var meta struct{ BatchWatermarkMs int64 }
		var end struct{ SeqNum int }
		lines := strings.Split(string(body), "\n")
		if err := json.Unmarshal([]byte(lines[1]), &meta); err != nil {
			w.t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(lines[2]), &end); err != nil {
			w.t.Fatal(err)
		}
		b := batch{watermark: time.UnixMilli(meta.BatchWatermarkMs).UTC()}
		for ; at < end.SeqNum; at++ {
			b.rows = append(b.rows, w.files[at]...)
		}
		list = append(list, b)
	}
}

// rules are Spark's of what a batch does to the state of a query (semantics
// §10.8): late is the watermark that rows of the batch must have passed, and
// what the watermark end has passed is done with at the end of the batch.
type rules func(rows []reading, late, end time.Time) (out []string)

// expected returns what the batches leave in the table by some rules, and
// checks their watermarks.
func (w *streamWorld) expected(list []batch, delay time.Duration, by rules) (out []string) {
	w.t.Helper()
	now := time.UnixMilli(0).UTC()
	late := now
	for n, b := range list {
		if !b.watermark.Equal(now) {
			w.t.Errorf("the watermark of batch %d is %s, want %s", n, b.watermark, now)
		}
		out = append(out, by(b.rows, late, now)...)
		late = now
		for _, r := range b.rows {
			if r.ts != nil && r.ts.Add(-delay).After(now) {
				now = r.ts.Add(-delay)
			}
		}
	}
	slices.Sort(out)
	return out
}

func orNull[T any](p *T) string {
	if p == nil {
		return "NULL"
	}
	if ts, ok := any(*p).(time.Time); ok {
		return ts.Format("2006-01-02T15:04:05Z")
	}
	return fmt.Sprint(*p)
}

// group is the state of a window and a key.
type group struct {
	start time.Time
	key   string
}

// windows counts and sums the rows of windows of a size, which begin every
// slide after an offset.
func windows(size, slide, offset time.Duration) rules {
	count, sum := map[group]int{}, map[group]*int{}
	return func(rows []reading, late, end time.Time) (out []string) {
		for _, r := range rows {
			if r.ts == nil {
				continue
			}
			last := dawn.Add(offset).Add(-24 * time.Hour)
			for !last.Add(slide).After(*r.ts) {
				last = last.Add(slide)
			}
			for start := last; start.Add(size).After(*r.ts); start = start.Add(-slide) {
				if !start.Add(size).After(late) {
					continue
				}
				g := group{start, orNull(r.k)}
				count[g]++
				if r.n != nil {
					if sum[g] == nil {
						sum[g] = new(int)
					}
					*sum[g] += *r.n
				}
			}
		}
		for g := range count {
			if !g.start.Add(size).After(end) {
				out = append(out, fmt.Sprintf("%s|%s|%d|%s", g.start.Format("2006-01-02T15:04:05Z"), g.key, count[g], orNull(sum[g])))
				delete(count, g)
				delete(sum, g)
			}
		}
		return out
	}
}

// times counts the rows of a time and a key.
func times() rules {
	count := map[[2]string]int{}
	ends := map[[2]string]*time.Time{}
	return func(rows []reading, late, end time.Time) (out []string) {
		for _, r := range rows {
			if r.ts != nil && !r.ts.After(late) {
				continue
			}
			g := [2]string{orNull(r.ts), orNull(r.k)}
			count[g]++
			ends[g] = r.ts
		}
		for g, n := range count {
			if at := ends[g]; at != nil && !at.After(end) {
				out = append(out, fmt.Sprintf("%s|%s|%d", g[0], g[1], n))
				delete(count, g)
			}
		}
		return out
	}
}

// distinct lets the first row of each key through. Keys end with their time.
func distinct(key func(reading) string, timed bool) rules {
	seen := map[string]*time.Time{}
	return func(rows []reading, late, end time.Time) (out []string) {
		for _, r := range rows {
			if r.ts != nil && !r.ts.After(late) {
				continue
			}
			if _, ok := seen[key(r)]; !ok {
				out = append(out, key(r))
				seen[key(r)] = r.ts
			}
		}
		for k, ts := range seen {
			if timed && ts != nil && !ts.After(end) {
				delete(seen, k)
			}
		}
		return out
	}
}

// within lets a row through whose key has no row yet, or had its first one so
// long ago that the watermark has passed that and the delay.
func within(delay time.Duration) rules {
	until := map[string]time.Time{}
	return func(rows []reading, late, end time.Time) (out []string) {
		for _, r := range rows {
			at := time.UnixMilli(0) // as Spark takes NULL for
			if r.ts != nil {
				if at = *r.ts; !at.After(late) {
					continue
				}
			}
			key := orNull(r.k)
			if _, ok := until[key]; !ok {
				out = append(out, fmt.Sprintf("%s|%d", key, r.id))
				until[key] = at.Add(delay)
			}
		}
		for k, at := range until {
			if !at.After(end) {
				delete(until, k)
			}
		}
		return out
	}
}

// TestWatermarks: queries that forget what the watermark has passed leave what
// Spark's rules say of the batches that were, however they came about.
func TestWatermarks(t *testing.T) {
	t.Parallel()
	const mean = 10 * time.Minute
	k, kts := func(r reading) string { return orNull(r.k) }, func(r reading) string { return orNull(r.k) + "|" + orNull(r.ts) }
	cases := []struct {
		query, shown string
		by           func(delay time.Duration) rules
	}{
		{"SELECT window.start AS w, k, count(*) AS c, sum(n) AS s FROM $S GROUP BY window(ts, '30 minutes'), k", "*", func(time.Duration) rules { return windows(30*time.Minute, 30*time.Minute, 0) }},
		{
			"SELECT window(ts, '30 minutes', '10 minutes', '5 minutes').start AS w, k, count(*) AS c, sum(n) AS s FROM $S GROUP BY window(ts, '30 minutes', '10 minutes', '5 minutes'), k", "*",
			func(time.Duration) rules { return windows(30*time.Minute, 10*time.Minute, 5*time.Minute) },
		},
		{"SELECT ts, k, count(*) AS c FROM $S GROUP BY ts, k", "*", func(time.Duration) rules { return times() }},
		{"SELECT DISTINCT k, ts FROM $S", "*", func(time.Duration) rules { return distinct(kts, true) }},
		{"SELECT DISTINCT ON (k, ts) * FROM $S", "k, ts", func(time.Duration) rules { return distinct(kts, true) }},
		{"SELECT DISTINCT ON (k) * FROM $S", "k", func(time.Duration) rules { return distinct(k, false) }},
		{"SELECT DISTINCT ON (k) WITHIN WATERMARK * FROM $S", "k, id", within},
	}
	eachSeed(t, 7, func(t *testing.T, seed uint64) {
		t.Helper()
		w := &streamWorld{workspace: newWorkspace(t, seed)}
		c := cases[int(seed)%len(cases)]
		delay := time.Duration(w.IntN(3)) * mean
		w.arrive(1 + w.IntN(4))
		stream, _ := w.source()
		query := strings.ReplaceAll(c.query, "$S", fmt.Sprintf("%s WATERMARK ts DELAY OF INTERVAL %d MINUTES", stream, int(delay.Minutes())))
		w.refreshes("CREATE OR REFRESH STREAMING TABLE result AS " + query)
		_, got := w.run("SELECT " + c.shown + " FROM result")
		if want := w.expected(w.batches(), delay, c.by(delay)); !slices.Equal(got, want) {
			t.Errorf("%s leaves\n%s\nwant\n%s", query, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}
