package dml

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// Names of columns that queries have besides the user's.
const (
	addressColumn = "__freshet_address"    // of a row of the table
	rowIDColumn   = "__freshet_row_id"     // its id, if the table tracks rows
	sourceColumn  = "__freshet_source_row" // number of a row of the source
	matchColumn   = "__freshet_match"      // that number beside an address
	clauseColumn  = "__freshet_clause"     // which clause applies
)

// An address is the number of a file above the position of a row in it.
const positionBits = 40

// fileList is data files of the table with numbers.
type fileList struct {
	files  []delta.AddFile
	number map[string]int64 // by path
	rows   int64            // about how many
	filter delta.Predicate  // holds for all rows that matter; nil is no filter
}

// guessedRows is taken for the rows of a file that says nothing of them.
const guessedRows = 1 << 20

// list numbers the files that may hold rows for which the filter is true.
func (s *statement) list(ctx context.Context, filter delta.Predicate) (*fileList, error) {
	files := s.target.Base.Files(ctx)
	if filter != nil {
		files = s.target.Base.FilesMatching(ctx, filter)
	}
	l := &fileList{number: map[string]int64{}, filter: filter}
	for f, err := range files {
		if err != nil {
			return nil, err
		}
		n, ok := f.NumRecords()
		if !ok {
			n = guessedRows
		}
		l.rows += n
		f.Stats = "" // large, and not needed any more
		l.number[f.Path] = int64(len(l.files))
		l.files = append(l.files, f)
	}
	return l, nil
}

// declare tells a transaction what was read: the files, and whatever rows the
// filter does not exclude, of which none may come.
func (s *statement) declare(tx *delta.Transaction) {
	for _, f := range s.files.files {
		tx.ReadFiles(f.Path)
	}
	if s.files.filter == nil || s.readsItself {
		tx.ReadTable()
	} else {
		tx.ReadPredicate(s.files.filter)
	}
}

func (l *fileList) has(f delta.AddFile) bool {
	_, ok := l.number[f.Path]
	return ok
}

func (l *fileList) first(f delta.AddFile) int64 { return l.number[f.Path] << positionBits }

// each splits addresses into the rows of files, in runs.
func (l *fileList) each(addresses []int64, f func(number int64, rows []int64)) {
	rows := make([]int64, 0, len(addresses))
	for from := 0; from < len(addresses); {
		number := addresses[from] >> positionBits
		rows = rows[:0]
		for ; from < len(addresses) && addresses[from]>>positionBits == number; from++ {
			rows = append(rows, addresses[from]&(1<<positionBits-1))
		}
		f(number, rows)
	}
}

// rowSets are rows of the files of a list, by their numbers.
type rowSets map[int64]*delta.RowSet

func (r rowSets) add(number int64, rows []int64) {
	if r[number] == nil {
		r[number] = new(delta.RowSet)
	}
	r[number].Add(rows...)
}

func (r rowSets) len() int64 {
	n := int64(0)
	for _, set := range r {
		n += set.Len()
	}
	return n
}

// table is a relation of the statement itself, which a query names.
type table struct {
	name    string
	columns *schema.Struct
	input   *engine.Input // nil for one of the scratch
}

// scan returns columns of the files' rows with their addresses; rows, unless
// nil, chooses among them.
func (s *statement) scan(l *fileList, columns []string, rows rowSets) (table, error) {
	selected, err := s.columns.Select(columns...)
	if err != nil {
		return table{}, err
	}
	selected = schema.New(append(slices.Clone(selected.Fields), schema.Col(addressColumn, schema.Long))...)
	opts := delta.ScanOptions{
		Columns: append([]string{}, columns...), Parallelism: s.env.Writer.Parallelism, RowIndex: addressColumn, FirstRow: l.first, Files: l.has,
	}
	if s.tracked {
		opts.RowID = rowIDColumn
		selected.Fields = append(selected.Fields, schema.Col(rowIDColumn, schema.Long))
	}
	count := l.rows
	if rows != nil {
		count = rows.len()
		opts.Files = func(f delta.AddFile) bool { return l.has(f) && rows[l.number[f.Path]] != nil }
		opts.Rows = func(f delta.AddFile) *delta.RowSet { return rows[l.number[f.Path]] }
	}
	layout := schema.ToArrow(selected)
	return table{name: "target_rows", columns: selected, input: &engine.Input{
		Name: "target_rows", Schema: layout, Rows: max(count, 1),
		Open: func(ctx context.Context) (array.RecordReader, error) {
			return engine.NewReader(ctx, layout, func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
				return s.target.Base.Scan(ctx, opts)
			}), nil
		},
	}}, nil
}

// named returns the table's columns that expressions may name, in its order.
func (s *statement) named(exprs ...sql.Expr) []string {
	return s.namedBy(func(*sql.Column) bool { return true }, exprs...)
}

// namedBy is named by those names alone that may be the table's.
func (s *statement) namedBy(may func(*sql.Column) bool, exprs ...sql.Expr) []string {
	names := map[string]bool{}
	for _, e := range exprs {
		if e == nil {
			continue
		}
		sql.Inspect(e, func(n sql.Node) bool {
			switch n := n.(type) {
			case *sql.Column:
				if !may(n) {
					return true
				}
				for _, p := range n.Parts {
					names[strings.ToLower(p)] = true
				}
			case *sql.Star: // in a subquery; it may be the table's
				for _, f := range s.columns.Fields {
					names[strings.ToLower(f.Name)] = true
				}
			}
			return true
		})
	}
	var list []string
	for _, f := range s.columns.Fields {
		if names[strings.ToLower(f.Name)] {
			list = append(list, f.Name)
		}
	}
	return list
}

// bound is a query made ready for the engine.
type bound struct {
	text   string
	inputs []engine.Input
}

// binding gives a query the statement's own tables, and others by its session.
type binding struct {
	tables map[*sql.Table]table
	others Relations
}

// Relation implements [sql.Relations].
func (b binding) Relation(ref sql.TableRef) (string, *schema.Struct, error) {
	if t, ok := ref.(*sql.Table); ok {
		if own, ok := b.tables[t]; ok {
			return own.name, own.columns, nil
		}
	}
	return b.others.Relation(ref)
}

func (s *statement) bind(ctx context.Context, q *sql.Query, tables map[*sql.Table]table) (bound, error) {
	q.With = s.with
	others, err := s.env.Bind(ctx, q)
	if err != nil {
		return bound{}, err
	}
	s.note(ctx, q, tables)
	text, err := s.env.Printer(binding{tables, others}).Query(q)
	if err != nil {
		return bound{}, err
	}
	b := bound{text: text, inputs: others.Inputs()}
	for _, t := range tables {
		if t.input != nil {
			b.inputs = append(b.inputs, *t.input)
		}
	}
	return b, nil
}

// note finds out whether a query, with its views expanded, reads the table
// besides as the statement's own: in a subquery, or in the source of a MERGE.
func (s *statement) note(ctx context.Context, q *sql.Query, own map[*sql.Table]table) {
	sql.Inspect(q, func(n sql.Node) bool {
		ref, ok := n.(sql.TableRef)
		if t, is := n.(*sql.Table); is {
			_, mine := own[t]
			ok = !mine
		}
		s.readsItself = s.readsItself || ok && s.env.IsTarget(ctx, ref)
		return true
	})
}

// query yields the batches of a query's result, each valid for one turn.
func (s *statement) query(ctx context.Context, b bound) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		reader, err := s.scratch.Query(ctx, b.text, b.inputs)
		if err != nil {
			yield(nil, err)
			return
		}
		defer reader.Release()
		for reader.Next() {
			if !yield(reader.RecordBatch(), nil) {
				return
			}
		}
		if err := reader.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// addresses yields the first column of a query's result and, where there are
// two, the second.
func (s *statement) addresses(ctx context.Context, b bound) iter.Seq2[[2][]int64, error] {
	return func(yield func([2][]int64, error) bool) {
		for rec, err := range s.query(ctx, b) {
			var pair [2][]int64
			for i := 0; err == nil && i < int(rec.NumCols()); i++ {
				column, ok := rec.Column(i).(*array.Int64)
				if !ok || column.NullN() > 0 {
					err = errors.New("the engine returned no row addresses")
					break
				}
				pair[i] = column.Int64Values()
			}
			if !yield(pair, err) || err != nil {
				return
			}
		}
	}
}

// selection is SELECT items FROM from WHERE where.
func selection(items []*sql.SelectItem, from sql.TableRef, where sql.Expr) *sql.Query {
	return &sql.Query{Body: &sql.Select{Items: items, From: []sql.TableRef{from}, Where: where}}
}

func column(parts ...string) *sql.Column { return &sql.Column{Parts: parts} }

func item(e sql.Expr, alias string) *sql.SelectItem { return &sql.SelectItem{Expr: e, Alias: alias} }

func number(n int64) sql.Expr { return &sql.Literal{Kind: sql.LongLiteral, Value: text(n)} }

func equal(a, b sql.Expr) sql.Expr { return &sql.Binary{Op: "=", Left: a, Right: b} }
