package rescue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/schema"
)

// Repair says which rescued data of a table goes back to its columns.
type Repair struct {
	Table   *delta.Table
	Storage delta.Storage
	Base    *delta.Snapshot
	Writer  delta.WriterConfig // of the new images of rows; its metadata is the table's
	Column  string             // that holds the rescued data
	Source  Source
	// Columns are those to repair; nil is all.
	Columns []string
	// Computed are columns that a query made: a field of their name is not
	// their value.
	Computed []string
	// DryRun changes nothing and counts what would change.
	DryRun bool
}

// Result counts what a repair did.
type Result struct {
	Rows      int64 // that have changed
	Values    int64 // that went back to their columns
	Remaining int64 // values that are still rescued
}

// maxAttempts bounds how often a repair that lost against concurrent commits
// begins anew.
const maxAttempts = 10

// Run repairs the table in one commit (operation REPAIR RESCUED DATA). It
// reads the rows that have rescued data and no others; memory is some bits for
// each of them, and a batch. A repair that is overtaken by a commit of the same
// rows, or of more rescued data, looks at the table as it is then: what it
// does depends on nothing else. On a table that others never leave alone it
// ends with their conflict, and nothing of it is in the table.
func (r Repair) Run(ctx context.Context) (Result, error) {
	for attempt := 1; ; attempt++ {
		done, err := r.once(ctx)
		var lost *delta.ConflictError
		if !errors.As(err, &lost) || attempt == maxAttempts {
			return done, err
		}
		if r.Base, err = r.Table.Snapshot(ctx); err != nil {
			return Result{}, err
		}
	}
}

// once tries the repair of one snapshot.
func (r Repair) once(ctx context.Context) (Result, error) {
	columns, err := r.repairable()
	if err != nil {
		return Result{}, err
	}
	run := &running{Repair: r, started: r.Writer.Clock(), rows: map[string]*delta.RowSet{}}
	if err := run.find(ctx); err != nil || len(run.rows) == 0 {
		return Result{}, err
	}
	if run.reader, err = newReader(r.Source, columns); err != nil {
		return Result{}, err
	}
	r.Writer.Metadata = r.Base.Metadata()
	change, err := delta.NewRowChange(r.Storage, r.Base, r.Writer)
	if err != nil {
		return Result{}, err
	}
	err = run.rewrite(ctx, change)
	if err == nil && run.result.Rows > 0 && !r.DryRun {
		err = run.commit(ctx, change)
	}
	var unknown *delta.UnknownCommitError
	if err != nil && !errors.As(err, &unknown) {
		err = errors.Join(err, change.Abort(context.WithoutCancel(ctx)))
	}
	return run.result, err
}

// repairable returns the columns that rescued values may go to.
func (r Repair) repairable() (*schema.Struct, error) {
	table := r.Base.Schema()
	for _, name := range r.Columns {
		if table.Index(name) < 0 {
			return nil, errclass.New("UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703",
				"A column with name %s cannot be resolved. Did you mean one of the following? [%s].", schema.QuoteIdent(name), strings.Join(table.Names(), ", "))
		}
	}
	named := func(list []string, name string) bool {
		return slices.ContainsFunc(list, func(n string) bool { return strings.EqualFold(n, name) })
	}
	columns := schema.New()
	for _, f := range table.Fields {
		if f.Name != r.Column && !delta.Supplied(f) && !named(r.Computed, f.Name) {
			columns.Fields = append(columns.Fields, f)
		}
	}
	return columns, nil
}

// wanted reports whether a column is one of those to repair.
func (r Repair) wanted(name string) bool {
	return r.Columns == nil || slices.ContainsFunc(r.Columns, func(n string) bool { return strings.EqualFold(n, name) })
}

// running is a repair under way.
type running struct {
	Repair
	reader  *reader
	started time.Time
	filter  delta.Predicate
	rows    map[string]*delta.RowSet // that have rescued data, by file
	result  Result
}

// Names of columns of scans besides the table's.
const (
	fileColumn = "__freshet_file"
	rowColumn  = "__freshet_row"
	idColumn   = "__freshet_row_id"
)

// scanRows is how many rows are repaired at a time.
const scanRows = 1 << 12

// find finds the rows that have rescued data.
func (r *running) find(ctx context.Context) error {
	r.filter = delta.Not{Of: delta.IsNull{Column: []string{r.Column}}}
	opts := delta.ScanOptions{Columns: []string{r.Column}, Filter: r.filter, FilePath: fileColumn, RowIndex: rowColumn, Parallelism: r.Writer.Parallelism}
	for rec, err := range r.Base.Scan(ctx, opts) {
		if err != nil {
			return err
		}
		files, row, err := addresses(rec)
		for i := 0; err == nil && i < files.Len(); i++ {
			if rec.Column(0).IsNull(i) {
				continue
			}
			path := files.Value(i)
			if r.rows[path] == nil {
				r.rows[strings.Clone(path)] = new(delta.RowSet)
			}
			r.rows[path].Add(row.Value(i))
		}
		rec.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// addresses returns where the rows of a scan are.
func addresses(rec arrow.RecordBatch) (*array.String, *array.Int64, error) {
	files, ok := column(rec, fileColumn).(*array.String)
	rows, isInt := column(rec, rowColumn).(*array.Int64)
	if !ok || !isInt {
		return nil, nil, fmt.Errorf("a scan gave %s for its rows' places", rec.Schema())
	}
	return files, rows, nil
}

// column returns a column by its name, nil when there is none.
func column(rec arrow.RecordBatch, name string) arrow.Array {
	if at := rec.Schema().FieldIndices(name); len(at) == 1 {
		return rec.Column(at[0])
	}
	return nil
}

// rewrite reads the rows whole and hands on those that change.
func (r *running) rewrite(ctx context.Context, change *delta.RowChange) error {
	var names []string
	for _, f := range r.Base.Schema().Fields {
		// A generated column is computed anew, of the values that have come.
		if _, generated := f.Metadata["delta.generationExpression"]; !generated {
			names = append(names, f.Name)
		}
	}
	opts := delta.ScanOptions{
		Columns: names, FilePath: fileColumn, RowIndex: rowColumn, BatchRows: scanRows, Parallelism: r.Writer.Parallelism,
		Files: func(f delta.AddFile) bool { return r.rows[f.Path] != nil },
		Rows:  func(f delta.AddFile) *delta.RowSet { return r.rows[f.Path] },
	}
	if r.Base.KeepsRowIDs() {
		opts.RowID = idColumn
	}
	for rec, err := range r.Base.Scan(ctx, opts) {
		if err != nil {
			return err
		}
		err := r.batch(ctx, rec, change)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// batch repairs the rows of a batch.
func (r *running) batch(ctx context.Context, rec arrow.RecordBatch, change *delta.RowChange) error {
	files, places, err := addresses(rec)
	if err != nil {
		return err
	}
	b, err := r.offer(rec)
	if err != nil || len(b.columns.Fields) == 0 {
		return err
	}
	out, err := r.reader.read(ctx, b.columns, b.offers)
	if err != nil {
		return err
	}
	defer out.values.Release()
	changed, err := b.settle(rec, out)
	if err != nil {
		return err
	}
	defer changed.Release()
	for i, is := range b.changed {
		if !is {
			continue
		}
		r.result.Rows++
		if !r.DryRun {
			change.Replace(files.Value(i), places.Value(i))
		}
	}
	r.result.Values += b.repaired
	r.result.Remaining -= b.repaired
	if r.DryRun || changed.NumRows() == 0 {
		return nil
	}
	ids, tracked := column(rec, idColumn).(*array.Int64)
	if !tracked {
		return change.Update(ctx, changed)
	}
	picked, err := pick(ids, b.changed)
	if err != nil {
		return err
	}
	defer picked.Release()
	if ids, tracked = picked.(*array.Int64); !tracked {
		return fmt.Errorf("row ids are %s", picked.DataType())
	}
	return change.UpdateTracked(ctx, changed, ids)
}

// offer takes the rescued data of a batch apart: which member is offered to
// which column.
func (r *running) offer(rec arrow.RecordBatch) (*batch, error) {
	at := rec.Schema().FieldIndices(r.Column)
	if len(at) != 1 {
		return nil, fmt.Errorf("the scan has no column %s", r.Column)
	}
	rescued, ok := rec.Column(at[0]).(*array.String)
	if !ok {
		return nil, fmt.Errorf("column %s is %s", r.Column, rec.Column(at[0]).DataType())
	}
	b := &batch{rescuedAt: at[0], rows: make([]text, rescued.Len()), columns: schema.New()}
	places := map[int]int{} // of the reader's columns, in those of the batch
	for i := range b.rows {
		if rescued.IsNull(i) {
			continue // another writer's row; the scan is of one snapshot
		}
		b.rows[i] = parse(rescued.Value(i))
		if b.rows[i].damaged {
			r.result.Remaining++
		}
		for _, m := range b.rows[i].members {
			column := r.reader.column(m.name)
			if column < 0 {
				r.result.Remaining++
				continue
			}
			f := r.reader.columns.Fields[column]
			r.result.Remaining += m.values(f.Type)
			if _, ok := places[column]; !ok && r.admits(m, f) {
				places[column] = len(b.columns.Fields)
				b.columns.Fields = append(b.columns.Fields, f)
			}
		}
	}
	b.place = func(m member) int {
		column := r.reader.column(m.name)
		if column < 0 || !r.admits(m, r.reader.columns.Fields[column]) {
			return -1
		}
		return places[column]
	}
	b.fill()
	return b, nil
}

// admits reports whether a member may be offered to a column.
func (r *running) admits(m member, f schema.Field) bool {
	return r.wanted(f.Name) && r.reader.syntax.admits(m.value, f.Type)
}

// commit commits the change.
func (r *running) commit(ctx context.Context, change *delta.RowChange) error {
	tx := r.Table.Begin(r.Base)
	for path := range r.rows {
		tx.ReadFiles(path)
	}
	tx.ReadPredicate(r.filter)
	metrics, err := change.Apply(ctx, tx)
	if err != nil {
		return err
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	_, err = tx.Commit(ctx, delta.CommitInfo{
		Operation:  "REPAIR RESCUED DATA",
		Parameters: map[string]any{"columns": append([]string{}, r.Columns...), "rescuedDataColumn": r.Column},
		Metrics: map[string]string{
			"numUpdatedRows": number(metrics.UpdatedRows), "numCopiedRows": number(metrics.CopiedRows),
			"numRepairedValues": number(r.result.Values), "numRemainingValues": number(r.result.Remaining),
			"numAddedFiles": number(metrics.AddedFiles), "numAddedBytes": number(metrics.AddedBytes),
			"numRemovedFiles": number(metrics.RemovedFiles), "numRemovedBytes": number(metrics.RemovedBytes),
			"numAddedChangeFiles":     number(metrics.ChangeFiles),
			"numDeletionVectorsAdded": number(metrics.VectorsAdded), "numDeletionVectorsRemoved": number(metrics.VectorsRemoved),
			"executionTimeMs": number(r.Writer.Clock().Sub(r.started).Milliseconds()),
		},
	})
	return err
}

// batch is the rescued data of some rows.
type batch struct {
	rescuedAt int // its column in the batch
	rows      []text
	columns   *schema.Struct     // that are offered values
	place     func(m member) int // a member's column, -1 for none
	offers    []offer            // a row each
	offered   []map[int]int      // of each row: column to member
	changed   []bool             // rows that have
	repaired  int64              // values that have gone to their columns
}

// fill makes the offers. Of members for one column, the first is offered.
func (b *batch) fill() {
	b.offers, b.offered = make([]offer, len(b.rows)), make([]map[int]int, len(b.rows))
	for i, row := range b.rows {
		b.offers[i], b.offered[i] = make(offer, len(b.columns.Fields)), map[int]int{}
		for k, m := range row.members {
			if at := b.place(m); at >= 0 && b.offers[i][at] == nil {
				b.offers[i][at], b.offered[i][at] = m.value, k
			}
		}
	}
}

// settle returns the rows that change, with what their columns took and what
// is left of their rescued data.
func (b *batch) settle(rec arrow.RecordBatch, out *result) (arrow.RecordBatch, error) {
	b.changed = make([]bool, len(b.rows))
	took := make([][]bool, len(b.columns.Fields))
	old := make([]arrow.Array, len(took))
	for at, f := range b.columns.Fields {
		took[at] = make([]bool, len(b.rows))
		old[at] = rec.Column(rec.Schema().FieldIndices(f.Name)[0])
	}
	left := array.NewStringBuilder(memory.DefaultAllocator)
	defer left.Release()
	for i := range b.rows {
		members := b.settleRow(i, old, out, took)
		if text, ok := b.rows[i].compose(members); ok {
			left.Append(text)
		} else {
			left.AppendNull()
		}
	}
	columns := slices.Clone(rec.Columns()[:rec.Schema().FieldIndices(fileColumn)[0]])
	made := []arrow.Array{left.NewArray()}
	defer func() { release(made) }()
	columns[b.rescuedAt] = made[0]
	for at, f := range b.columns.Fields {
		merged, err := merge(old[at], out.values.Column(at), took[at])
		if err != nil {
			return nil, err
		}
		made = append(made, merged)
		columns[rec.Schema().FieldIndices(f.Name)[0]] = merged
	}
	fields := rec.Schema().Fields()[:len(columns)]
	whole := array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, rec.NumRows())
	defer whole.Release()
	return keep(whole, b.changed)
}

// settleRow returns the members of a row that stay rescued.
func (b *batch) settleRow(i int, old []arrow.Array, out *result, took [][]bool) []member {
	row := b.rows[i]
	left := slices.Clone(row.members)
	again := map[string]member{}
	if rest := out.rest[i]; rest != "" {
		for _, m := range parse(rest).members {
			again[m.name] = m
		}
	}
	gone := make([]bool, len(left))
	for at, k := range b.offered[i] {
		f, m := b.columns.Fields[at], row.members[k]
		come := out.values.Column(at)
		if taken(old[at], come, i) {
			continue
		}
		rest, remains := again[f.Name]
		before, after := m.values(f.Type), int64(0)
		switch {
		case !remains:
			gone[k] = true
		case isObject(rest.value) && isObject(m.value):
			left[k].value, after = rest.value, rest.values(f.Type)
		default:
			after = before
		}
		if after == before && come.IsNull(i) {
			continue
		}
		took[at][i] = come.IsValid(i)
		if after < before {
			b.changed[i] = true
			b.repaired += before - after
		}
	}
	kept := left[:0]
	for k, m := range left {
		if !gone[k] {
			kept = append(kept, m)
		}
	}
	return kept
}
