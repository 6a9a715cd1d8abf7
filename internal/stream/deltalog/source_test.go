package deltalog_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/schema"
)

// copying keeps deletion vectors out: files that lose rows are written anew.
var copying = map[string]string{"delta.enableDeletionVectors": "false"}

// streamCase is what a stream reads of a table: batches divided by |, with the
// class of the error that ends them.
type streamCase struct {
	properties map[string]string
	before     func(*world) // what is there when the stream is begun
	options    string       // name=value, …; {2} is the size of two files
	most       int          // batches that the first run takes; 0 is all
	first      string
	after      func(*world) // what comes before the stream is started again
	then       string
}

// run tries a case. The options of a stream that cannot be opened are its
// first and only error.
func (c streamCase) run(t *testing.T) {
	t.Helper()
	w := newWorld(t, c.properties)
	if c.before != nil {
		c.before(w)
	}
	options := map[string]string{}
	for pair := range strings.SplitSeq(c.options, ", ") {
		name, value, _ := strings.Cut(pair, "=")
		for n := range int64(5) {
			value = strings.ReplaceAll(value, fmt.Sprintf("{%d}", n), fmt.Sprint(n*w.fileSize))
		}
		if name != "" {
			options[name] = value
		}
	}
	most := math.MaxInt
	if c.most > 0 {
		most = c.most
	}
	run := func(most int) string {
		if err := w.open(options); err != nil {
			return "!" + class(err)
		}
		return w.batches(most, false)
	}
	if got := run(most); got != c.first {
		t.Errorf("first: got %q, want %q", got, c.first)
	}
	if c.after == nil {
		return
	}
	c.after(w)
	if got := run(math.MaxInt); got != c.then {
		t.Errorf("then: got %q, want %q", got, c.then)
	}
}

// threeFiles is a table of three versions with rows.
func threeFiles(w *world) { w.one(1); w.one(2); w.one(3) }

// TestBatches: the rows that a table has come first, and then those of each
// version, none twice and none left out, wherever a run ends.
func TestBatches(t *testing.T) {
	for name, c := range map[string]streamCase{
		"an empty table has none, and what comes is read": {after: threeFiles, then: "1 2 3"},
		"the rows that are there, then those of versions": {before: threeFiles, first: "1 2 3", after: func(w *world) { w.one(4); w.one(5) }, then: "4 5"},
		"nothing is new": {before: threeFiles, first: "1 2 3", after: func(*world) {}, then: ""},
		"so many files":  {before: threeFiles, options: "maxFilesPerTrigger=2", first: "1 2 | 3", after: func(w *world) { w.put([]int64{4}, []int64{5}, []int64{6}) }, then: "4 5 | 6"},
		"of several versions, also in the middle":   {options: "maxFilesPerTrigger=2", after: func(w *world) { w.one(1); w.put([]int64{2}, []int64{3}); w.one(4) }, then: "1 2 | 3 4"},
		"the snapshot and versions in one":          {before: threeFiles, options: "maxFilesPerTrigger=4", most: 0, first: "1 2 3"},
		"so many bytes, and the file that has them": {before: threeFiles, options: "maxBytesPerTrigger={1}", first: "1 | 2 | 3"},
		"two files have them":                       {before: threeFiles, options: "maxBytesPerTrigger={2}", first: "1 2 | 3", after: func(w *world) { w.one(4); w.one(5); w.one(6) }, then: "4 5 | 6"},
		"whichever is first, bytes":                 {before: threeFiles, options: "maxBytesPerTrigger={1}, maxFilesPerTrigger=2", first: "1 | 2 | 3"},
		"whichever is first, files":                 {before: threeFiles, options: "maxBytesPerTrigger={4}, maxFilesPerTrigger=1", first: "1 | 2 | 3"},
		"a run ends within the snapshot, which stays as it was": {
			before: threeFiles, options: "maxFilesPerTrigger=1", most: 1, first: "1", after: func(w *world) { w.pack(); w.one(4) }, then: "2 | 3 | 4",
		},
		"a run ends within a version": {
			options: "maxFilesPerTrigger=2", after: func(w *world) {
				w.put([]int64{1}, []int64{2}, []int64{3})
				if err := w.open(map[string]string{"maxFilesPerTrigger": "2"}); err != nil {
					w.Fatal(err)
				}
				if got := w.batches(1, false); got != "1 2" {
					w.Errorf("got %q", got)
				}
				w.one(4)
			}, then: "3 4",
		},
		"what is only rearranged brings nothing": {before: threeFiles, first: "1 2 3", after: func(w *world) { w.pack(); w.one(4); w.pack() }, then: "4"},
		"properties that change bring nothing": {before: threeFiles, first: "1 2 3", after: func(w *world) {
			w.describe(w.snapshot(), nil, schema.Col("n", schema.Long))
			w.one(4)
		}, then: "4"},
		"files that are excluded": {before: threeFiles, options: "excludeRegex=parquet$", first: "", after: func(w *world) { w.one(4) }, then: ""},
	} {
		t.Run(name, func(t *testing.T) { c.run(t) })
	}
}

// TestUnlimited: a batch that is to have all that is there has no limits.
func TestUnlimited(t *testing.T) {
	w := newWorld(t, nil)
	threeFiles(w)
	if err := w.open(map[string]string{"maxFilesPerTrigger": "1"}); err != nil {
		t.Fatal(err)
	}
	if got := w.batches(1, false); got != "1" {
		t.Errorf("got %q", got)
	}
	w.one(4)
	if got := w.batches(math.MaxInt, true); got != "2 3 4" {
		t.Errorf("got %q, want the rest in one batch", got)
	}
	if m := w.source.Progress().Metrics; m["numFilesOutstanding"] != "0" {
		t.Errorf("all is read, and %v is outstanding", m)
	}
}

// changed is a table with rows, of which one leaves or gets another number
// after the stream has come so far, and which then gets another row.
func changed(properties map[string]string, options string, change func(*world), then string) streamCase {
	return streamCase{
		properties: properties, options: options, before: func(w *world) { w.put([]int64{1, 2}); w.one(3) }, first: "1 2 3",
		after: func(w *world) { change(w); w.one(9) }, then: then,
	}
}

// TestChanges: rows that leave the source, or change in it, are an error
// unless an option says what becomes of them (semantics §10.9).
func TestChanges(t *testing.T) {
	const deleted, rewritten = "!DELTA_SOURCE_IGNORE_DELETE", "!DELTA_SOURCE_TABLE_IGNORE_CHANGES"
	whole := func(w *world) { w.change(3) } // all rows of its file
	part := func(w *world) { w.change(1) }  // 2 remains
	update := func(w *world) { w.change(1, 7) }
	vectors := map[string]string{"delta.enableDeletionVectors": "true"}
	for name, c := range map[string]streamCase{
		"a file leaves":                        changed(copying, "", whole, deleted),
		"a file leaves, ignoreDeletes":         changed(copying, "ignoreDeletes=true", whole, "9"),
		"a file leaves, ignoreChanges":         changed(copying, "ignoreChanges=true", whole, "9"),
		"a file leaves, skipChangeCommits":     changed(copying, "skipChangeCommits=true", whole, "9"),
		"a row leaves":                         changed(copying, "", part, rewritten),
		"a row leaves, ignoreDeletes":          changed(copying, "ignoreDeletes=true", part, rewritten),
		"a row leaves, ignoreChanges":          changed(copying, "ignoreChanges=true", part, "2 9"),
		"a row leaves, skipChangeCommits":      changed(copying, "skipChangeCommits=true", part, "9"),
		"a row changes":                        changed(copying, "", update, rewritten),
		"a row changes, ignoreDeletes":         changed(copying, "ignoreDeletes=true", update, rewritten),
		"a row changes, ignoreChanges":         changed(copying, "ignoreChanges=true", update, "2 7 9"),
		"a row changes, skipChangeCommits":     changed(copying, "skipChangeCommits=true", update, "9"),
		"a row is marked":                      changed(vectors, "", part, rewritten),
		"a row is marked, ignoreDeletes":       changed(vectors, "ignoreDeletes=true", part, rewritten),
		"a row is marked, ignoreChanges":       changed(vectors, "ignoreChanges=true", part, "2 9"),
		"a row is marked, skipChangeCommits":   changed(vectors, "skipChangeCommits=true", part, "9"),
		"what came before is read, then fails": changed(copying, "maxFilesPerTrigger=1", func(w *world) { w.one(5); w.change(3) }, "5 | "+deleted),
	} {
		if c.options == "maxFilesPerTrigger=1" {
			c.first = "1 2 | 3"
		}
		t.Run(name, func(t *testing.T) { c.run(t) })
	}
}

// TestBegins: a stream begins with the version, or the time, that options say,
// chosen once.
func TestBegins(t *testing.T) {
	more := func(w *world) { w.one(4) }
	for name, c := range map[string]streamCase{
		"version 0 has no rows":       {before: threeFiles, options: "startingVersion=0", first: "1 2 3"},
		"a version":                   {before: threeFiles, options: "startingVersion=2", first: "2 3", after: more, then: "4"},
		"the last version":            {before: threeFiles, options: "startingVersion=3", first: "3", after: more, then: "4"},
		"one that is to come":         {before: threeFiles, options: "startingVersion=4", first: "!DELTA_VERSION_NOT_FOUND"},
		"no version":                  {before: threeFiles, options: "startingVersion=-1", first: "!DELTA_ILLEGAL_OPTION"},
		"after the latest":            {before: threeFiles, options: "startingVersion=latest", first: "", after: more, then: "4"},
		"the time of a version":       {before: threeFiles, options: "startingTimestamp=2026-01-01T02:00:00Z", first: "2 3", after: more, then: "4"},
		"between two":                 {before: threeFiles, options: "startingTimestamp=2026-01-01T02:00:01Z", first: "3"},
		"before all":                  {before: threeFiles, options: "startingTimestamp=2025-01-01T00:00:00Z", first: "1 2 3"},
		"after all":                   {before: threeFiles, options: "startingTimestamp=2026-01-01T03:00:01Z", first: "!DELTA_TIMESTAMP_GREATER_THAN_COMMIT"},
		"version and time":            {options: "startingVersion=0, startingTimestamp=2026-01-01T00:00:00Z", first: "!DELTA_STARTING_VERSION_AND_TIMESTAMP_BOTH_SET"},
		"with a change":               {properties: copying, before: func(w *world) { threeFiles(w); w.change(2, 5) }, options: "startingVersion=4", first: "!DELTA_SOURCE_TABLE_IGNORE_CHANGES"},
		"after a change":              {properties: copying, before: func(w *world) { threeFiles(w); w.change(2, 5); w.one(6) }, options: "startingVersion=5", first: "6"},
		"changes before count not":    {properties: copying, before: func(w *world) { threeFiles(w); w.change(2, 5) }, first: "1 3 5"},
		"a version that is forgotten": {before: func(w *world) { threeFiles(w); w.forget(2) }, options: "startingVersion=1", first: "!DELTA_VERSION_NOT_FOUND"},
		"the first that is left":      {before: func(w *world) { threeFiles(w); w.forget(2) }, options: "startingVersion=2", first: "2 3"},
	} {
		t.Run(name, func(t *testing.T) { c.run(t) })
	}
}

// TestBeginIsKept: where a stream begins is known from when it was opened
// first, though it has read nothing then, and whatever options say later.
func TestBeginIsKept(t *testing.T) {
	for _, options := range []map[string]string{nil, {"startingVersion": "latest"}, {"startingVersion": "1"}} {
		w := newWorld(t, nil)
		w.one(1)
		if err := w.open(map[string]string{"startingVersion": "latest"}); err != nil {
			t.Fatal(err)
		}
		w.one(2)
		if err := w.open(options); err != nil {
			t.Fatal(err)
		}
		if got := w.batches(math.MaxInt, false); got != "2" {
			t.Errorf("%v: got %q", options, got)
		}
	}
}

// TestFeed: the stream of a change feed has what happened to rows, the first
// ones as inserts of the version that it begins with. A version is not divided.
func TestFeed(t *testing.T) {
	feed := map[string]string{"delta.enableChangeDataFeed": "true", "delta.enableDeletionVectors": "false"}
	happen := func(w *world) { w.change(1, 7); w.change(3); w.put([]int64{4}, []int64{5}); w.pack() }
	const happened = "3:update_postimage:7 3:update_preimage:1 | 4:delete:3 | 5:insert:4 5:insert:5"
	rows := func(w *world) { w.put([]int64{1, 2}); w.one(3) }
	for name, c := range map[string]streamCase{
		"after the rows that are there": {feed, rows, "readChangeFeed=true, maxFilesPerTrigger=1", 0, "2:insert:1 2:insert:2 | 2:insert:3", happen, happened},
		"by its other name":             {feed, rows, "readChangeData=true, maxFilesPerTrigger=1, startingVersion=2", 0, "2:insert:3", happen, happened},
		"no version is divided":         {feed, nil, "readChangeFeed=true, maxFilesPerTrigger=3", 0, "", func(w *world) { w.one(1); happenOne(w) }, "1:insert:1 2:insert:2 2:insert:3 2:insert:4"},
		"a run ends within the first rows": {
			feed, rows, "readChangeFeed=true, maxFilesPerTrigger=1", 1, "2:insert:1 2:insert:2", happen, "2:insert:3 | " + happened,
		},
		"of a table without one": {copying, rows, "readChangeFeed=true, startingVersion=1", 0, "!DELTA_MISSING_CHANGE_DATA", nil, ""},
	} {
		t.Run(name, func(t *testing.T) { c.run(t) })
	}
}

func happenOne(w *world) { w.Helper(); w.put([]int64{2}, []int64{3}, []int64{4}) }

// TestColumnsChange: a stream goes on with columns that rows of both versions
// can be read with, after it was opened anew.
func TestColumnsChange(t *testing.T) {
	long, integer := schema.Col("n", schema.Long), schema.Col("n", schema.Integer)
	const other = "!DELTA_SCHEMA_CHANGED_WITH_VERSION"
	for name, c := range map[string]struct {
		properties    map[string]string
		from          schema.Field
		to            []schema.Field
		running, anew string
	}{
		"one more":                  {nil, long, []schema.Field{long, schema.Col("m", schema.String)}, other, "2 3"},
		"one more that comes first": {nil, long, []schema.Field{schema.Col("m", schema.String), long}, other, "2 3"},
		"a comment":                 {nil, long, []schema.Field{{Name: "n", Type: schema.Long, Nullable: true, Metadata: map[string]any{"comment": "x"}}}, "2 3", "2 3"},
		"a wider type":              {map[string]string{"delta.enableTypeWidening": "true"}, integer, []schema.Field{long}, other, "2 3"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.properties)
			w.describe(w.snapshot(), nil, c.from)
			w.one(1)
			if err := w.open(nil); err != nil {
				t.Fatal(err)
			}
			if got := w.batches(1, false); got != "1" {
				t.Fatalf("got %q", got)
			}
			at := w.at
			w.one(2)
			w.describe(w.snapshot(), nil, c.to...)
			w.one(3)
			if got := w.batches(1, false); got != c.running {
				t.Errorf("running: got %q, want %q", got, c.running)
			}
			w.at = at
			if err := w.open(nil); err != nil {
				t.Fatal(err)
			}
			if got := w.batches(1, false); got != c.anew {
				t.Errorf("anew: got %q, want %q", got, c.anew)
			}
		})
	}
}

// TestForgottenLog: a stream whose next version is no longer in the log fails,
// unless data may be lost; one whose next version is the oldest goes on.
func TestForgottenLog(t *testing.T) {
	const lost = "!DELTA_LOG_FILE_NOT_FOUND_FOR_STREAMING_SOURCE"
	// Version 4 is read next.
	forget := func(before int64) func(*world) {
		return func(w *world) { w.one(4); w.one(5); w.one(6); w.forget(before); w.one(7) }
	}
	for name, c := range map[string]streamCase{
		"what was read":                  {before: threeFiles, first: "1 2 3", after: forget(4), then: "4 5 6 7"},
		"what was not":                   {before: threeFiles, first: "1 2 3", after: forget(5), then: lost},
		"and may be lost":                {before: threeFiles, options: "failOnDataLoss=false", first: "1 2 3", after: forget(6), then: "6 7"},
		"within the first rows":          {before: threeFiles, options: "maxFilesPerTrigger=1", most: 1, first: "1", after: forget(6), then: lost},
		"within them, and may be lost":   {before: threeFiles, options: "maxFilesPerTrigger=1, failOnDataLoss=false", most: 1, first: "1", after: forget(6), then: lost},
		"one in the middle":              {before: threeFiles, first: "1 2 3", after: func(w *world) { forget(0)(w); w.hole(5) }, then: lost},
		"all, and nothing is new":        {before: threeFiles, first: "1 2 3", after: func(w *world) { w.forget(4) }, then: ""},
		"all, after it, and new is read": {before: threeFiles, first: "1 2 3", after: func(w *world) { w.forget(4); w.one(4) }, then: "4"},
	} {
		t.Run(name, func(t *testing.T) { c.run(t) })
	}
}

// hole takes a version out of the log, behind a checkpoint of later ones.
func (w *world) hole(version int64) {
	w.Helper()
	if err := w.store.Delete(w.Context(), fmt.Sprintf("_delta_log/%020d.json", version)); err != nil {
		w.Fatal(err)
	}
}

// TestReplacedTable: a table that another one has come in the place of is not
// gone on with: neither when it lies there when the stream is started, nor when
// a version makes it another one as the stream runs.
func TestReplacedTable(t *testing.T) {
	const another = "!DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE"
	w := newWorld(t, nil)
	w.one(1)
	if err := w.open(nil); err != nil {
		t.Fatal(err)
	}
	if got := w.batches(1, false); got != "1" {
		t.Fatalf("got %q", got)
	}
	w.one(2)
	base := w.snapshot()
	meta := base.Metadata().Clone()
	meta.ID = tableID
	w.commit(base, func(tx *delta.Transaction) error { tx.SetMetadata(meta); return nil })
	w.one(3)
	if got := w.batches(1, false); got != another {
		t.Errorf("running: got %q, want %q", got, another)
	}
	for _, options := range []map[string]string{nil, {"failOnDataLoss": "false"}, {"startingVersion": "latest"}} {
		if err := w.open(options); err == nil || "!"+class(err) != another {
			t.Errorf("started again with %v: got %v, want %q", options, err, another)
		}
	}
}
