package ledger_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/ledger"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/pushdown"
	"github.com/freshet/freshet/internal/source/files"
	"github.com/freshet/freshet/internal/source/files/filestate"
	"github.com/freshet/freshet/internal/sql"
)

// where returns what a condition says of the columns of file_ledger.
func where(tb testing.TB, condition string) delta.Predicate {
	tb.Helper()
	if condition == "" {
		return nil
	}
	q, err := sql.ParseQuery("SELECT 1 FROM t WHERE " + condition)
	if err != nil {
		tb.Fatal(err)
	}
	columns := ledger.All().Schema()
	t := pushdown.Table{Schema: columns, Resolve: pushdown.Named(columns, "", nil)}
	return t.Predicate(q.Body.(*sql.Select).Where)
}

// states returns a file state whose files a0 to a9 and b0 to b9 were taken but
// for a9, b8 (skipped) and b9 (forgotten), and where c0 waits.
func states(t *testing.T) *filestate.Store {
	t.Helper()
	n := 0
	s, err := filestate.Open(t.Context(), mem.New(nil), "sources/0/", filestate.Options{NewID: func() string { n++; return fmt.Sprint(n) }})
	if err != nil {
		t.Fatal(err)
	}
	discover := func(paths ...string) {
		if _, err := s.Discover(t.Context(), known(slices.Values(paths)), filestate.Discovery{Now: 5}); err != nil {
			t.Fatal(err)
		}
	}
	var first []string
	for i := range 20 {
		first = append(first, fmt.Sprintf("file:///in/%c%d", 'a'+rune(i/10), i%10))
	}
	discover(first...)
	var skipped []filestate.Entry
	for e, err := range s.Pending(t.Context(), 0, 20) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Path, "b8") {
			e.State, e.Detail = filestate.SkippedCorrupted, "bad"
			skipped = append(skipped, e)
		}
	}
	if err := s.Finish(t.Context(), filestate.Batch{End: 20, Processed: 6, Committed: 7}, skipped); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Edit(t.Context(), filestate.Forget, func(e *filestate.Entry) bool { return strings.HasSuffix(e.Path, "b9") }, 8); err != nil {
		t.Fatal(err)
	}
	discover("file:///in/c0")
	return s
}

func known(paths iter.Seq[string]) iter.Seq2[filestate.File, error] {
	return func(yield func(filestate.File, error) bool) {
		for p := range paths {
			if !yield(filestate.File{Path: p, Size: 1, ModTime: 1}, nil) {
				return
			}
		}
	}
}

// TestLooksOnlyWhereConditionsPoint: of a condition on paths only their range is
// read, of one that loaded files cannot meet only the others, and the source is
// listed only for files that no state knows, below what their paths begin
// with.
func TestLooksOnlyWhereConditionsPoint(t *testing.T) {
	const unlisted, unfinished = "-", "b8 skipped,b9 forgotten,c0 discovered"
	all := strings.Join(rows(t, ledger.Source{State: states(t), Forgotten: true}, nil), ",") + ",d0 skipped,d1 new"
	for _, c := range []struct {
		condition string
		listed    string // starts asked for
		want      string // rows read, with their states
	}{
		{"path = 'file:///in/a1'", unlisted, "a1 committed"},
		{"path = 'file:///in/d1'", "file:///in/d1", "d1 new"},
		{"path IN ('file:///in/a1', 'file:///in/d0', 'file:///in/c0')", "file:///in/d0", "a1 committed,c0 discovered,d0 skipped"},
		{"path LIKE 'file:///in/d%'", "file:///in/d", "d0 skipped,d1 new"},
		{"path < 'file:///in/a1' OR path >= 'file:///in/d1'", "", all},
		{"path LIKE 'file:///in/b%' AND state IN ('skipped', 'forgotten', 'committed') AND path >= 'file:///in/b8'", "file:///in/", "b8 skipped,b9 forgotten"},
		{"path >= 'file:///in/b7' AND path < 'file:///in/c' AND commit_time IS NOT NULL", unlisted, "b7 committed,b8 skipped,b9 forgotten"},
		{"state = 'discovered'", unlisted, unfinished},
		{"state IN ('pending', 'forgotten')", unlisted, unfinished},
		{"state = 'committed' AND path > 'file:///in/b6'", unlisted, "b7 committed," + unfinished},
		{"ingestion_state <> 'INGESTED'", unlisted, unfinished},
		{"NOT (state = 'committed' OR state = 'forgotten' OR discovery_time IS NULL)", unlisted, unfinished},
		{"state = 'failed' AND path = 'file:///in/a1'", unlisted, ""},
		{"state = 'new' AND path > 'file:///in/b8'", "", "b9 forgotten,c0 discovered,d0 skipped,d1 new"},
		{"state = 'new' AND discovery_time IS NOT NULL", unlisted, unfinished},
		{"flow_name = 'g'", unlisted, unfinished},
		{"reason IS NOT NULL AND path > 'file:///in/b9'", "", "c0 discovered,d0 skipped,d1 new"},
	} {
		t.Run(c.condition, func(t *testing.T) {
			listed := []string{}
			source := ledger.Source{State: states(t), ID: "0", Flow: "f", Forgotten: true, Listed: func(_ context.Context, start string) iter.Seq2[files.Judged, error] {
				listed = append(listed, start)
				return judged(start)
			}}
			if got := strings.Join(rows(t, source, where(t, c.condition)), ","); got != c.want {
				t.Errorf("got rows %s, want %s", got, c.want)
			}
			want := []string{c.listed}
			if c.listed == unlisted {
				want = []string{}
			}
			if !slices.Equal(listed, want) {
				t.Errorf("got the source listed below %q, want %q", listed, want)
			}
		})
	}
}

// judged yields the files at the source: all that are known, and d0 and d1.
func judged(start string) iter.Seq2[files.Judged, error] {
	return func(yield func(files.Judged, error) bool) {
		for _, name := range []string{"a0", "a1", "b8", "b9", "c0", "d0", "d1"} {
			f := files.Judged{File: format.File{Path: "file:///in/" + name, Size: 2, ModTime: time.UnixMicro(1)}}
			if name == "d0" {
				f.Reason = "it is not asked for"
			}
			if strings.HasPrefix(f.Path, start) && !yield(f, nil) {
				return
			}
		}
	}
}

// rows returns the names and states of the files that a condition leaves.
func rows(tb testing.TB, source ledger.Source, where delta.Predicate) (list []string) {
	tb.Helper()
	open := func(context.Context) ([]ledger.Source, error) { return []ledger.Source{source}, nil }
	for rec, err := range ledger.Relation(ledger.All().Pick([]string{"path", "state"}), where, open).Read(tb.Context()) {
		if err != nil {
			tb.Fatal(err)
		}
		for i := range int(rec.NumRows()) {
			path, state := rec.Column(0).(*array.String).Value(i), rec.Column(1).(*array.String).Value(i)
			list = append(list, strings.TrimPrefix(path, "file:///in/")+" "+state)
		}
	}
	return list
}

// BenchmarkLedger is questions about a million known files in a thousand date
// folders, of which none is at hand at the source. Nothing but a scan of all
// may take time that grows with them.
func BenchmarkLedger(b *testing.B) {
	const folders, each = 1000, 1000
	var objects object.Store = local.New(b.TempDir())
	n := 0
	s, err := filestate.Open(b.Context(), objects, "sources/0/", filestate.Options{NewID: func() string { n++; return fmt.Sprint(n) }})
	if err != nil {
		b.Fatal(err)
	}
	paths := func(yield func(string) bool) {
		for i := range folders {
			for j := range each {
				if !yield(fmt.Sprintf("file:///in/date=%04d/%06d.json", i, j)) {
					return
				}
			}
		}
	}
	if _, err := s.Discover(b.Context(), known(paths), filestate.Discovery{}); err != nil {
		b.Fatal(err)
	}
	if err := s.Finish(b.Context(), filestate.Batch{End: s.Next()}, nil); err != nil {
		b.Fatal(err)
	}
	for name, condition := range map[string]string{
		"all": "", "path": "path = 'file:///in/date=0500/000500.json'", "folder": "path LIKE 'file:///in/date=0500/%'", "failed": "state = 'failed'",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			read := ledger.Relation(ledger.All(), where(b, condition), func(context.Context) ([]ledger.Source, error) {
				return []ledger.Source{{State: s, ID: "0"}}, nil
			}).Read
			for b.Loop() {
				found, most := int64(0), uint64(0)
				for rec, err := range read(b.Context()) {
					if err != nil {
						b.Fatal(err)
					}
					found += rec.NumRows()
					if found%(64*8192) == 0 {
						var m runtime.MemStats
						runtime.GC()
						runtime.ReadMemStats(&m)
						most = max(most, m.HeapAlloc)
					}
				}
				b.ReportMetric(float64(found), "rows")
				b.ReportMetric(float64(most), "heap-B")
			}
		})
	}
}
