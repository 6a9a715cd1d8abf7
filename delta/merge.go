package delta

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta/internal/selection"
	"github.com/freshet/freshet/schema"
)

// MatchedAction is what a merge does with a row of the table that has the
// keys of a source row.
type MatchedAction int

const (
	// MatchedUpdate replaces the row by the source's.
	MatchedUpdate MatchedAction = iota
	// MatchedDelete deletes the row.
	MatchedDelete
	// MatchedKeep leaves it.
	MatchedKeep
)

// MergeOptions say how [Table.Merge] matches rows and what becomes of them.
// With keys alone it is an upsert: rows that match are replaced, others are
// inserted.
type MergeOptions struct {
	// Keys are the columns by which rows match, all of them equal; a null
	// equals nothing. At least one is needed.
	Keys []string
	// Matched is what becomes of rows of the table that match.
	Matched MatchedAction
	// KeepNotMatched leaves out source rows that match nothing; otherwise
	// they are inserted.
	KeepNotMatched bool
	// DeleteNotMatchedBySource deletes rows of the table that no source row
	// matches. All of the table is then read.
	DeleteNotMatchedBySource bool
	// Writer configures the files written; its Metadata is that of the table.
	Writer WriterConfig
	// UserMetadata goes into the table's history.
	UserMetadata string
	// NullKeys makes nulls of key columns equal to each other, as in GROUP BY.
	NullKeys bool
	// Operation and Parameters are what history calls the commit, instead of a
	// MERGE.
	Operation  string
	Parameters map[string]any
	// Also adds actions to the transaction on base, such as how far an
	// application has come; its error ends the merge. With it, there is a
	// commit even when no row is to be changed.
	Also func(base *Snapshot, tx *Transaction) error
	// Tries bounds how often the merge is made anew after a concurrent commit
	// got into its way; 0 is 5.
	Tries int
}

// MergeResult is what a merge did.
type MergeResult struct {
	// Version is the version committed, or the one found when nothing was to
	// be changed.
	Version int64
	// SourceRows is the number of rows of the source.
	SourceRows int64
	// RowChangeMetrics count what changed.
	RowChangeMetrics
}

// AmbiguousMergeError says that several source rows match one row of the
// table, so that it is unclear which should replace it.
type AmbiguousMergeError struct{ Keys []string }

func (e *AmbiguousMergeError) Error() string {
	return fmt.Sprintf("several source rows have the same %s as a row of the table: leave one of them in the source", strings.Join(e.Keys, ", "))
}

// ErrorClass returns Delta's class of the error.
func (*AmbiguousMergeError) ErrorClass() string {
	return "DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE"
}

// SQLState returns the error's SQLSTATE.
func (*AmbiguousMergeError) SQLState() string { return "21506" }

const defaultMergeTries = 5

// Merge brings source rows into the table in one commit: each either replaces
// the row of the table that has the same keys, or is inserted, or as opts say.
// source yields the rows, in batches of the table's columns in the order of
// its schema; it is called at least twice and must yield the same rows each
// time, and Merge releases the batches. Files that cannot hold a key, by
// partition values and statistics, are not read, and of the others only the
// key columns are. Where the table tracks rows, replaced ones keep their ids.
// Memory is that of the source's distinct keys and of a [RowChange]. The error is an [*AmbiguousMergeError] when two source rows
// match one row of the table, or one of [Transaction.Commit].
func (t *Table) Merge(
	ctx context.Context, source func(context.Context) iter.Seq2[arrow.RecordBatch, error], opts MergeOptions,
) (MergeResult, error) {
	if opts.Tries <= 0 {
		opts.Tries = defaultMergeTries
	}
	for try := 1; ; try++ {
		result, err := t.mergeOnce(ctx, source, opts)
		if lost := new(ConflictError); err == nil || !errors.As(err, &lost) || try == opts.Tries {
			return result, err
		}
	}
}

// merge is one try of a merge.
type merge struct {
	base   *Snapshot
	source func(context.Context) iter.Seq2[arrow.RecordBatch, error]
	opts   MergeOptions
	index  []int // of the key columns
	keys   *keyTable
	ranges []keyRange
	rows   int64 // of the source
	change *RowChange
}

func (t *Table) mergeOnce(
	ctx context.Context, source func(context.Context) iter.Seq2[arrow.RecordBatch, error], opts MergeOptions,
) (result MergeResult, err error) {
	base, err := t.Snapshot(ctx)
	if err != nil {
		return result, err
	}
	if err := base.CheckWrite(); err != nil {
		return result, err
	}
	m := &merge{base: base, source: source, opts: opts, keys: newKeyTable()}
	if m.change, err = NewRowChange(t.storage, base, opts.Writer); err != nil {
		return result, err
	}
	defer func() {
		if unknown := new(UnknownCommitError); err != nil && !errors.As(err, &unknown) {
			err = errors.Join(err, m.change.Abort(context.WithoutCancel(ctx)))
		}
	}()
	start := t.opts.Clock()
	for _, step := range []func(context.Context) error{m.readKeys, m.findMatches, m.writeRows} {
		if err := step(ctx); err != nil {
			return result, err
		}
	}
	tx := t.Begin(base)
	switch {
	case m.opts.DeleteNotMatchedBySource:
		tx.ReadTable()
	case len(m.keys.ends) > 0:
		tx.ReadPredicate(m.filter())
	}
	result = MergeResult{Version: base.Version(), SourceRows: m.rows}
	if result.RowChangeMetrics, err = m.change.Apply(ctx, tx); err != nil {
		return result, err
	}
	if len(tx.adds)+len(tx.removes) == 0 && m.opts.Also == nil {
		return result, nil
	}
	if m.opts.Also != nil {
		if err := m.opts.Also(base, tx); err != nil {
			return result, err
		}
	}
	result.Version, err = tx.Commit(ctx, m.commitInfo(result, t.opts.Clock().Sub(start)))
	return result, err
}

// readKeys reads the source's keys.
func (m *merge) readKeys(ctx context.Context) error {
	if len(m.opts.Keys) == 0 {
		return errors.New("merge: no key columns")
	}
	for _, name := range m.opts.Keys {
		i := m.base.metadata.Schema.Index(name)
		if i < 0 {
			return fmt.Errorf("merge: the table has no column %s", schema.QuoteIdent(name))
		}
		m.index = append(m.index, i)
		m.ranges = append(m.ranges, keyRange{field: m.base.metadata.Schema.Fields[i]})
	}
	return m.eachSource(ctx, func(r arrow.RecordBatch) error {
		columns := m.keyColumns(r)
		m.rows += r.NumRows()
		var key []byte
		for i := range int(r.NumRows()) {
			var ok bool
			var err error
			if key, ok, err = m.appendKey(key[:0], columns, i); err != nil {
				return err
			}
			if !ok {
				continue
			}
			for c := range m.ranges {
				m.ranges[c].note(columns[c], i)
			}
			if err := m.keys.add(key); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachSource calls do for each batch of the source.
func (m *merge) eachSource(ctx context.Context, do func(arrow.RecordBatch) error) error {
	want := schema.ToArrow(m.base.metadata.Schema)
	for r, err := range m.source(ctx) {
		if err != nil {
			return fmt.Errorf("read merge source: %w", err)
		}
		if int(r.NumCols()) != want.NumFields() {
			err = fmt.Errorf("merge: source has %d columns, the table %d", r.NumCols(), want.NumFields())
		} else {
			err = do(r)
		}
		r.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *merge) keyColumns(r arrow.RecordBatch) []arrow.Array {
	columns := make([]arrow.Array, len(m.index))
	for i, c := range m.index {
		columns[i] = r.Column(c)
	}
	return columns
}

// findMatches reads the table's keys and says which rows leave.
func (m *merge) findMatches(ctx context.Context) error {
	scan := ScanOptions{Columns: m.opts.Keys, FilePath: mergePath, RowIndex: mergeRow, Parallelism: m.opts.Writer.Parallelism}
	if m.tracked() {
		scan.RowID = mergeRowID
	}
	if !m.opts.DeleteNotMatchedBySource {
		if len(m.keys.ends) == 0 {
			return nil // no row can match
		}
		scan.Filter = m.filter()
	}
	for r, err := range m.base.Scan(ctx, scan) {
		if err != nil {
			return err
		}
		err = m.match(r)
		r.Release()
		if err != nil {
			return err
		}
	}
	m.keys.sortIDs()
	return nil
}

// What tells the place and the id of a row, after the key columns.
const (
	mergePath  = "path"
	mergeRow   = "row"
	mergeRowID = "row id"
)

// tracked reports whether updated rows keep the ids that a scan finds.
func (m *merge) tracked() bool {
	return m.opts.Matched == MatchedUpdate && rowIDFields(&m.change.config.Metadata) != nil && rowIDFields(&m.base.metadata) != nil
}

// filter is true for rows whose keys lie between those of the source.
func (m *merge) filter() Predicate {
	var all And
	for _, r := range m.ranges {
		column := []string{r.field.Name}
		between := func(low, high any) {
			all = append(all, Comparison{Column: column, Op: GreaterOrEqual, Value: low}, Comparison{Column: column, Op: LessOrEqual, Value: high})
		}
		switch {
		case r.unknown:
		case r.field.Type == schema.String:
			between(r.lowText, r.highText)
		case r.field.Type == schema.Date:
			between(time.Unix(r.low*secondsPerDay, 0).UTC(), time.Unix(r.high*secondsPerDay, 0).UTC())
		case r.field.Type == schema.Timestamp, r.field.Type == schema.TimestampNTZ:
			between(time.UnixMicro(r.low).UTC(), time.UnixMicro(r.high).UTC())
		default:
			between(r.low, r.high)
		}
	}
	return all
}

// placedRows are rows of the table: their keys and where they are.
type placedRows struct {
	keys      []arrow.Array
	paths     *array.String
	positions *array.Int64
	ids       *array.Int64 // nil where rows do not keep theirs
}

func (m *merge) placed(r arrow.RecordBatch) (p placedRows, err error) {
	columns := r.Columns()
	if m.tracked() {
		p.ids, _ = columns[len(columns)-1].(*array.Int64)
		columns = columns[:len(columns)-1]
	}
	n := len(columns) - 2
	var ok, ok2 bool
	p.paths, ok = columns[n].(*array.String)
	p.positions, ok2 = columns[n+1].(*array.Int64)
	if !ok || !ok2 || m.tracked() && p.ids == nil {
		return p, fmt.Errorf("merge: rows are located by %s", r.Schema())
	}
	p.keys = columns[:n]
	return p, nil
}

// match looks up rows of the table and says which of them leave.
func (m *merge) match(r arrow.RecordBatch) error {
	p, err := m.placed(r)
	if err != nil {
		return err
	}
	var key []byte
	for i := range int(r.NumRows()) {
		var valid bool
		if key, valid, err = m.appendKey(key[:0], p.keys, i); err != nil {
			return err
		}
		number := -1
		if valid {
			number, _ = m.keys.find(key)
		}
		switch {
		case number < 0:
			if m.opts.DeleteNotMatchedBySource {
				m.change.Delete(p.paths.Value(i), p.positions.Value(i))
			}
			continue
		case m.opts.Matched == MatchedDelete:
			m.change.Delete(p.paths.Value(i), p.positions.Value(i))
		case m.opts.Matched == MatchedUpdate && m.keys.rows[number] > 1:
			return &AmbiguousMergeError{Keys: slices.Clone(m.opts.Keys)}
		case m.opts.Matched == MatchedUpdate:
			m.change.Replace(p.paths.Value(i), p.positions.Value(i))
		}
		m.keys.copies(number)
		if p.ids != nil {
			m.keys.keepID(number, p.ids, i)
		}
	}
	return nil
}

// writeRows writes the source rows that come into the table.
func (m *merge) writeRows(ctx context.Context) error {
	return m.eachSource(ctx, func(r arrow.RecordBatch) error {
		columns := m.keyColumns(r)
		var inserts, updates []int32
		var numbers []uint32 // of the keys of updates, each once
		var key []byte
		for i := range int(r.NumRows()) {
			var valid bool
			var err error
			if key, valid, err = m.appendKey(key[:0], columns, i); err != nil {
				return err
			}
			number := -1
			if valid {
				if number, _ = m.keys.find(key); number < 0 {
					return errors.New("merge: the source yields other rows when read again")
				}
			}
			if number >= 0 && m.keys.found[number] > 0 {
				for range m.keys.found[number] { // as many rows were replaced
					updates = append(updates, int32(i))
				}
				numbers = append(numbers, uint32(number))
			} else {
				inserts = append(inserts, int32(i))
			}
		}
		if m.opts.Matched == MatchedUpdate {
			if err := take(ctx, r, updates, m.updater(numbers)); err != nil {
				return err
			}
		}
		if m.opts.KeepNotMatched {
			return nil
		}
		return take(ctx, r, inserts, m.change.Insert)
	})
}

// updater returns what takes the new images of the rows that have the keys of
// these numbers, in this order.
func (m *merge) updater(numbers []uint32) func(context.Context, arrow.RecordBatch) error {
	if !m.tracked() {
		return m.change.Update
	}
	return func(ctx context.Context, rows arrow.RecordBatch) error {
		ids := m.keys.idsOf(numbers)
		defer ids.Release()
		return m.change.UpdateTracked(ctx, rows, ids)
	}
}

// take hands chosen rows on.
func take(ctx context.Context, r arrow.RecordBatch, rows []int32, to func(context.Context, arrow.RecordBatch) error) error {
	if len(rows) == 0 {
		return nil
	}
	chosen, err := selection.TakeRecord(r, rows)
	if err != nil {
		return fmt.Errorf("choose rows: %w", err)
	}
	defer chosen.Release()
	return to(ctx, chosen)
}

// commitInfo is what Spark records of a MERGE.
func (m *merge) commitInfo(r MergeResult, took time.Duration) CommitInfo {
	type clause struct {
		Action string `json:"actionType"`
	}
	matched, notMatched, bySource := []clause{}, []clause{}, []clause{}
	switch m.opts.Matched {
	case MatchedUpdate:
		matched = append(matched, clause{"update"})
	case MatchedDelete:
		matched = append(matched, clause{"delete"})
	case MatchedKeep:
	}
	if !m.opts.KeepNotMatched {
		notMatched = append(notMatched, clause{"insert"})
	}
	if m.opts.DeleteNotMatchedBySource {
		bySource = append(bySource, clause{"delete"})
	}
	var equal []string
	for _, k := range m.opts.Keys {
		equal = append(equal, fmt.Sprintf("(target.%[1]s = source.%[1]s)", schema.QuoteIdent(k)))
	}
	metrics := make(map[string]string)
	for name, n := range map[string]int64{
		"numSourceRows": r.SourceRows, "numTargetRowsInserted": r.InsertedRows, "numTargetRowsUpdated": r.UpdatedRows,
		"numTargetRowsDeleted": r.DeletedRows, "numTargetRowsCopied": r.CopiedRows,
		"numOutputRows":       r.InsertedRows + r.UpdatedRows + r.CopiedRows,
		"numTargetFilesAdded": r.AddedFiles, "numTargetBytesAdded": r.AddedBytes,
		"numTargetFilesRemoved": r.RemovedFiles, "numTargetBytesRemoved": r.RemovedBytes,
		"numTargetChangeFilesAdded": r.ChangeFiles, "numTargetDeletionVectorsAdded": r.VectorsAdded,
		"numTargetDeletionVectorsRemoved": r.VectorsRemoved, "numTargetDeletionVectorsUpdated": r.VectorsUpdated,
		"executionTimeMs": took.Milliseconds(), "rewriteTimeMs": r.RewriteTime.Milliseconds(),
	} {
		metrics[name] = strconv.FormatInt(n, 10)
	}
	if m.opts.Operation != "" {
		return CommitInfo{Operation: m.opts.Operation, Parameters: m.opts.Parameters, UserMetadata: m.opts.UserMetadata, Metrics: metrics}
	}
	return CommitInfo{
		Operation: "MERGE", UserMetadata: m.opts.UserMetadata, Metrics: metrics,
		Parameters: map[string]any{
			"predicate": strings.Join(equal, " AND "), "matchedPredicates": matched,
			"notMatchedPredicates": notMatched, "notMatchedBySourcePredicates": bySource,
		},
	}
}
