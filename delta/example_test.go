package delta_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/schema"
)

// cities is the schema of the tables of the examples.
func cities() *schema.Struct {
	s, err := schema.ParseDDL("city STRING NOT NULL, people BIGINT")
	if err != nil {
		panic(err)
	}
	return s
}

// batch returns rows as the Arrow batch that a table of cities wants.
func batch(rows string) arrow.RecordBatch {
	b, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, schema.ToArrow(cities()), strings.NewReader(rows))
	if err != nil {
		panic(err)
	}
	return b
}

// createCities makes a table with three cities. Any implementation of
// [delta.Storage] will do; this one is in memory.
func createCities(ctx context.Context) *delta.Table {
	storage := newMemory()
	table := delta.NewTable(storage, delta.Options{})
	m := delta.Metadata{Schema: cities(), Configuration: map[string]string{"delta.enableChangeDataFeed": "true"}}
	appendRows(ctx, storage, table, m, nil, `[{"city":"Bern","people":137},{"city":"Oslo","people":717},{"city":"Rome","people":2751}]`)
	return table
}

// appendRows commits rows as a new version after base, which is nil for a new
// table.
func appendRows(ctx context.Context, st delta.Storage, table *delta.Table, m delta.Metadata, base *delta.Snapshot, rows string) {
	w, err := delta.NewWriter(st, delta.WriterConfig{Metadata: m})
	if err != nil {
		panic(err)
	}
	b := batch(rows)
	defer b.Release()
	if err := w.Write(ctx, b); err != nil {
		panic(err)
	}
	files, err := w.Close(ctx)
	if err != nil {
		panic(err)
	}
	tx := table.Begin(base)
	if base == nil {
		tx.SetMetadata(m)
	}
	for _, f := range files {
		tx.Add(f)
	}
	if _, err := tx.Commit(ctx, delta.CommitInfo{Operation: "WRITE"}); err != nil {
		panic(err)
	}
}

// printRows prints the rows of a version in order.
func printRows(ctx context.Context, s *delta.Snapshot) {
	var lines []string
	for b, err := range s.Scan(ctx, delta.ScanOptions{}) {
		if err != nil {
			panic(err)
		}
		for i := range int(b.NumRows()) {
			lines = append(lines, b.Column(0).ValueStr(i)+" "+b.Column(1).ValueStr(i))
		}
		b.Release()
	}
	slices.Sort(lines)
	fmt.Println(strings.Join(lines, ", "))
}

// Open a table and look at what it is.
func ExampleTable_Snapshot() {
	ctx := context.Background()
	table := createCities(ctx)

	snapshot, err := table.Snapshot(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println("version", snapshot.Version(), "with", snapshot.NumFiles(), "file")
	for _, f := range snapshot.Schema().Fields {
		fmt.Println(f.Name, f.Type)
	}
	// Output:
	// version 0 with 1 file
	// city STRING
	// people BIGINT
}

// Read one column, of the files that may hold what is asked for.
func ExampleSnapshot_Scan() {
	ctx := context.Background()
	snapshot, err := createCities(ctx).Snapshot(ctx)
	if err != nil {
		panic(err)
	}
	options := delta.ScanOptions{
		Columns: []string{"people"},
		Filter:  delta.Comparison{Column: []string{"city"}, Op: delta.Equal, Value: "Oslo"},
	}
	total := int64(0)
	for b, err := range snapshot.Scan(ctx, options) {
		if err != nil {
			panic(err)
		}
		people := b.Column(0).(*array.Int64)
		for i := range people.Len() {
			total += people.Value(i)
		}
		b.Release()
	}
	fmt.Println(total) // a filter leaves out files, not rows
	// Output: 3605
}

// Append rows: write files, then commit them.
func ExampleWriter() {
	ctx := context.Background()
	storage := newMemory()
	table := delta.NewTable(storage, delta.Options{})
	writer, err := delta.NewWriter(storage, delta.WriterConfig{Metadata: delta.Metadata{Schema: cities()}})
	if err != nil {
		panic(err)
	}
	rows := batch(`[{"city":"Lima","people":10092}]`)
	defer rows.Release()
	if err := writer.Write(ctx, rows); err != nil {
		panic(err)
	}
	files, err := writer.Close(ctx)
	if err != nil {
		panic(err)
	}

	tx := table.Begin(nil) // nil: the commit creates the table
	tx.SetMetadata(delta.Metadata{Schema: cities()})
	for _, f := range files {
		tx.Add(f)
	}
	version, err := tx.Commit(ctx, delta.CommitInfo{Operation: "WRITE"})
	if err != nil {
		panic(err)
	}
	fmt.Println("committed version", version)
	// Output: committed version 0
}

// Upsert: replace the rows that are there, insert the others. The source is
// read more than once.
func ExampleTable_Merge() {
	ctx := context.Background()
	table := createCities(ctx)
	source := func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			yield(batch(`[{"city":"Oslo","people":720},{"city":"Lima","people":10092}]`), nil)
		}
	}
	result, err := table.Merge(ctx, source, delta.MergeOptions{Keys: []string{"city"}})
	if err != nil {
		panic(err)
	}
	fmt.Printf("version %d: %d updated, %d inserted\n", result.Version, result.UpdatedRows, result.InsertedRows)
	snapshot, err := table.Snapshot(ctx)
	if err != nil {
		panic(err)
	}
	printRows(ctx, snapshot)
	// Output:
	// version 1: 1 updated, 1 inserted
	// Bern 137, Lima 10092, Oslo 720, Rome 2751
}

// Delete rows by hand: a scan says where they are, a RowChange takes them out.
func ExampleRowChange() {
	ctx := context.Background()
	storage := newMemory()
	table := delta.NewTable(storage, delta.Options{})
	appendRows(ctx, storage, table, delta.Metadata{Schema: cities()}, nil, `[{"city":"Bern","people":137},{"city":"Oslo","people":717}]`)
	snapshot, err := table.Snapshot(ctx)
	if err != nil {
		panic(err)
	}
	change, err := delta.NewRowChange(storage, snapshot, delta.WriterConfig{})
	if err != nil {
		panic(err)
	}
	for b, err := range snapshot.Scan(ctx, delta.ScanOptions{FilePath: "_file", RowIndex: "_row"}) {
		if err != nil {
			panic(err)
		}
		for i := range int(b.NumRows()) {
			if b.Column(1).(*array.Int64).Value(i) < 500 {
				change.Delete(b.Column(2).(*array.String).Value(i), b.Column(3).(*array.Int64).Value(i))
			}
		}
		b.Release()
	}
	tx := table.Begin(snapshot)
	metrics, err := change.Apply(ctx, tx)
	if err != nil {
		panic(err)
	}
	tx.ReadTable() // what was found rests on all of it
	if _, err := tx.Commit(ctx, delta.CommitInfo{Operation: "DELETE"}); err != nil {
		panic(err)
	}
	fmt.Println(metrics.DeletedRows, "row deleted")
	// Output: 1 row deleted
}

// Read a table as it was.
func ExampleTable_SnapshotAt() {
	ctx := context.Background()
	table := createCities(ctx)
	source := func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) { yield(batch(`[{"city":"Oslo","people":720}]`), nil) }
	}
	if _, err := table.Merge(ctx, source, delta.MergeOptions{Keys: []string{"city"}, Matched: delta.MatchedDelete}); err != nil {
		panic(err)
	}
	for version := range int64(2) {
		snapshot, err := table.SnapshotAt(ctx, version)
		if err != nil {
			panic(err)
		}
		printRows(ctx, snapshot)
	}
	// Output:
	// Bern 137, Oslo 717, Rome 2751
	// Bern 137, Rome 2751
}

// Read what happened to a table's rows.
func ExampleTable_Changes() {
	ctx := context.Background()
	table := createCities(ctx)
	source := func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) { yield(batch(`[{"city":"Oslo","people":720}]`), nil) }
	}
	if _, err := table.Merge(ctx, source, delta.MergeOptions{Keys: []string{"city"}}); err != nil {
		panic(err)
	}
	var lines []string
	for b, err := range table.Changes(ctx, delta.ChangesOptions{From: 1, To: -1}) {
		if err != nil {
			panic(err)
		}
		for i := range int(b.NumRows()) {
			lines = append(lines, fmt.Sprintf("%s: %s %s", b.Column(2).ValueStr(i), b.Column(0).ValueStr(i), b.Column(1).ValueStr(i)))
		}
		b.Release()
	}
	slices.Sort(lines)
	fmt.Println(strings.Join(lines, "\n"))
	// Output:
	// update_postimage: Oslo 720
	// update_preimage: Oslo 717
}
