package dml

import (
	"context"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// Merge runs MERGE (semantics §14):
//
//  1. the source is computed once, into the scratch;
//  2. files that hold no key of the source are left out;
//  3. the rest of the table joins the source, on the columns that conditions
//     name, which gives the addresses of matched rows, the source's row beside
//     each and the clause that applies;
//  4. these rows leave, and of those that are updated the columns still needed
//     are read, if any;
//  5. rows of the source that no row of the table matched are inserted.
func Merge(ctx context.Context, env Env, t Target, stmt *sql.Merge) (Result, error) {
	s, err := newStatement(ctx, env, t, stmt.Target, stmt.Alias, stmt.With)
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	m := &merge{statement: s, stmt: stmt, meta: t.Base.Metadata()}
	if err := m.plan(ctx); err != nil {
		return Result{}, err
	}
	c, err := s.change(m.meta)
	if err != nil {
		return Result{}, err
	}
	err = m.run(ctx, c)
	if err == nil && m.idle() {
		return Result{}, c.Abort(context.WithoutCancel(ctx))
	}
	if err != nil {
		return Result{}, s.failed(ctx, c, err)
	}
	metrics, err := s.commit(ctx, c, m.newMetadata, m.info)
	return Result{Deleted: metrics.DeletedRows, Updated: metrics.UpdatedRows, Inserted: metrics.InsertedRows}, err
}

// merge is a running MERGE.
type merge struct {
	*statement
	stmt        *sql.Merge
	meta        delta.Metadata  // of the table afterwards
	newMetadata *delta.Metadata // meta, when it differs from the table's

	source      *sql.Table // the source in queries
	sourceTable table      // in the scratch
	sourceRows  int64
	clauses     []*mergeClause
	kept        []string // columns of the table that conditions name
	changes     table    // in the scratch: the rows found by the join
	found       bool     // there is a join
	scanned     string   // milliseconds until the join had ended
	gathered    string   // milliseconds until the source was there
	inserted    int64
}

// mergeClause is a WHEN clause made ready.
type mergeClause struct {
	*sql.MergeClause
	rows  *images // of UPDATE and INSERT
	leave rowSets // rows of the table that it applies to
}

// Kinds of clause.
const (
	matched            = "MATCHED"
	notMatched         = "NOT MATCHED"
	notMatchedBySource = "NOT MATCHED BY SOURCE"
)

func (m *merge) of(kind string) []*mergeClause {
	var list []*mergeClause
	for _, c := range m.clauses {
		if c.Kind == kind {
			list = append(list, c)
		}
	}
	return list
}

// run finds the rows that change and hands them to c.
func (m *merge) run(ctx context.Context, c *delta.RowChange) error {
	if err := m.gather(ctx); err != nil {
		return err
	}
	m.gathered = m.millis()
	m.files = &fileList{number: map[string]int64{}}
	bySource := len(m.of(notMatchedBySource)) > 0
	if m.sourceRows > 0 || bySource {
		filter, err := m.candidates(ctx)
		if err != nil {
			return err
		}
		if m.files, err = m.list(ctx, filter); err != nil {
			return err
		}
	}
	if err := m.join(ctx); err != nil {
		return err
	}
	m.scanned = m.millis()
	if err := m.leaveRows(ctx, c); err != nil {
		return err
	}
	for _, clause := range m.clauses {
		if clause.Action == "UPDATE" {
			if err := m.update(ctx, c, clause); err != nil {
				return err
			}
		}
	}
	for i, clause := range m.of(notMatched) {
		if err := m.insert(ctx, c, clause, int64(i)); err != nil {
			return err
		}
	}
	return nil
}

// idle reports whether nothing changes, so that there is nothing to commit.
func (m *merge) idle() bool {
	rows := m.inserted
	for _, c := range m.clauses {
		rows += c.leave.len()
	}
	return rows == 0 && m.newMetadata == nil
}

// chooser is the number of the first clause whose condition is true, or null.
func chooser(clauses []*mergeClause, numbers func(i int) int64) sql.Expr {
	choice := &sql.Case{}
	for i, c := range clauses {
		cond := c.Cond
		if cond == nil {
			cond = &sql.Literal{Kind: sql.BooleanLiteral, Value: "true"}
		}
		choice.Whens = append(choice.Whens, &sql.When{Cond: cond, Then: number(numbers(i))})
	}
	if len(clauses) == 0 {
		return &sql.Cast{X: &sql.Literal{Kind: sql.NullLiteral}, Type: &sql.TypeName{Type: schema.Long}}
	}
	return choice
}

// numberOf returns what tells the place in the statement of each of clauses.
func (m *merge) numberOf(clauses []*mergeClause) func(i int) int64 {
	return func(i int) int64 { return int64(slices.Index(m.clauses, clauses[i])) }
}

// join makes the table of changes. It has the matched rows to which a clause
// applies; all matched ones if rows of the source that are not matched matter;
// and, if those of the table that are not matched do, these.
func (m *merge) join(ctx context.Context) error {
	onMatch, bySource := m.of(matched), m.of(notMatchedBySource)
	clause := chooser(onMatch, m.numberOf(onMatch))
	kind := "INNER"
	if len(bySource) > 0 {
		kind = "LEFT"
		clause = &sql.Case{
			Whens: []*sql.When{{Cond: &sql.Is{X: column(m.source.Alias.Name, sourceColumn), What: "NULL"}, Then: chooser(bySource, m.numberOf(bySource))}},
			Else:  clause,
		}
	}
	items := []*sql.SelectItem{
		item(column(m.alias, addressColumn), addressColumn), item(column(m.source.Alias.Name, sourceColumn), matchColumn), item(clause, clauseColumn),
	}
	rows, err := m.scan(m.files, m.kept, nil)
	if err != nil {
		return err
	}
	m.changes = table{name: "changes", columns: schema.New(schema.Col(addressColumn, schema.Long), schema.Col(matchColumn, schema.Long), schema.Col(clauseColumn, schema.Long))}
	names := []string{addressColumn, matchColumn, clauseColumn}
	for _, name := range m.carried() {
		items = append(items, item(column(m.alias, name), name))
		m.changes.columns.Fields = append(m.changes.columns.Fields, m.columns.Fields[m.columns.Index(name)])
		names = append(names, name)
	}
	if m.tracked {
		items = append(items, item(column(m.alias, rowIDColumn), rowIDColumn))
		m.changes.columns.Fields = append(m.changes.columns.Fields, schema.Col(rowIDColumn, schema.Long))
		names = append(names, rowIDColumn)
	}
	q := selection(items, &sql.Join{Kind: kind, Left: m.rows, Right: m.source, On: m.stmt.On}, nil)
	if len(m.of(notMatched)) == 0 {
		q = applied(q, names)
	}
	b, err := m.bind(ctx, q, map[*sql.Table]table{m.rows: rows, m.source: m.sourceTable})
	if err != nil || len(m.files.files) == 0 {
		return err
	}
	m.found = true
	if _, err = m.scratch.Create(ctx, m.changes.name, b.text, b.inputs); err != nil {
		return err
	}
	return m.checkAmbiguity(ctx)
}

// applied leaves out the rows of q to which no clause applies.
func applied(q *sql.Query, names []string) *sql.Query {
	items := make([]*sql.SelectItem, len(names))
	for i, n := range names {
		items[i] = item(column(n), n)
	}
	return selection(items, &sql.Subquery{Query: q, Alias: &sql.Alias{Name: "joined"}}, &sql.Is{X: column(clauseColumn), Not: true, What: "NULL"})
}

// checkAmbiguity refuses to change a row for more than one row of the source,
// unless all that happens to it is that it is deleted (semantics §14.2).
func (m *merge) checkAmbiguity(ctx context.Context) error {
	onMatch := m.of(matched)
	if len(onMatch) == 0 || len(onMatch) == 1 && onMatch[0].Action == "DELETE" && onMatch[0].Cond == nil {
		return nil
	}
	query := "SELECT " + addressColumn + " FROM changes WHERE " + clauseColumn + " IS NOT NULL GROUP BY " + addressColumn + " HAVING count(*) > 1 LIMIT 1"
	for pair, err := range m.addresses(ctx, bound{text: query}) {
		if err != nil {
			return err
		}
		if len(pair[0]) > 0 {
			return errclass.New("DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE", "21506",
				"Cannot perform Merge as multiple source rows matched and attempted to modify the same target row in the Delta table in possibly conflicting ways. "+
					"Make the source have one row for each key, for example by GROUP BY or by row_number() in a subquery.")
		}
	}
	return nil
}

// leaveRows takes the rows that change out of the table.
func (m *merge) leaveRows(ctx context.Context, c *delta.RowChange) error {
	if !m.found {
		return nil
	}
	query := "SELECT " + addressColumn + ", " + clauseColumn + " FROM changes WHERE " + clauseColumn + " IS NOT NULL"
	for pair, err := range m.addresses(ctx, bound{text: query}) {
		if err != nil {
			return err
		}
		addresses, clauses := pair[0], pair[1]
		for from := 0; from < len(addresses); {
			to := from + 1
			for to < len(addresses) && clauses[to] == clauses[from] {
				to++
			}
			clause := m.clauses[clauses[from]]
			m.files.each(addresses[from:to], func(number int64, rows []int64) {
				clause.leave.add(number, rows)
				if clause.Action == "DELETE" {
					c.Delete(m.files.files[number].Path, rows...)
				} else {
					c.Replace(m.files.files[number].Path, rows...)
				}
			})
			from = to
		}
	}
	return nil
}

// carried returns the columns of the table that the changes hold, for updates
// that need no others.
func (m *merge) carried() []string {
	var all []sql.Expr
	for _, c := range m.clauses {
		if c.Action == "UPDATE" && m.suffices(c) {
			all = append(all, c.rows.exprs()...)
		}
	}
	return m.named(all...)
}

// suffices reports whether an update needs no column but those that the join
// reads.
func (m *merge) suffices(c *mergeClause) bool {
	kept := map[string]bool{}
	for _, name := range m.kept {
		kept[name] = true
	}
	for _, name := range m.named(c.rows.exprs()...) {
		if !kept[name] {
			return false
		}
	}
	return true
}

// changesName is the alias of the changes in queries.
const changesName = "__freshet_changes"

func changesTable() *sql.Table {
	return &sql.Table{Name: &sql.Name{Parts: []string{changesName}}, Alias: &sql.Alias{Name: changesName}}
}

// update writes the new images of the rows that a clause updates.
func (m *merge) update(ctx context.Context, c *delta.RowChange, clause *mergeClause) error {
	tables := map[*sql.Table]table{m.source: m.sourceTable}
	where := equal(column(clauseColumn), number(int64(slices.Index(m.clauses, clause))))
	changes := changesTable()
	var from sql.TableRef = m.rows
	if m.suffices(clause) {
		tables[m.rows] = m.changes
	} else {
		rows, err := m.scan(m.files, m.named(clause.rows.exprs()...), clause.leave)
		if err != nil {
			return err
		}
		tables[m.rows], tables[changes] = rows, table{name: m.changes.name, columns: schema.New(m.changes.columns.Fields[:3]...)}
		from = &sql.Join{Kind: "INNER", Left: m.rows, Right: changes, On: equal(column(m.alias, addressColumn), column(changesName, addressColumn))}
	}
	if clause.Kind == matched {
		from = &sql.Join{Kind: "INNER", Left: from, Right: m.source, On: equal(column(matchColumn), column(m.source.Alias.Name, sourceColumn))}
	}
	b, err := m.bind(ctx, selection(clause.rows.items(), from, where), tables)
	if err != nil || clause.leave.len() == 0 {
		return err
	}
	return m.write(ctx, b, clause.rows, m.statement.update(c))
}

// insert writes the rows of the source that matched nothing and that a clause
// is the first to take.
func (m *merge) insert(ctx context.Context, c *delta.RowChange, clause *mergeClause, place int64) error {
	inserts := m.of(notMatched)
	where := equal(chooser(inserts, func(i int) int64 { return int64(i) }), number(place))
	tables := map[*sql.Table]table{m.source: m.sourceTable}
	var from sql.TableRef = m.source
	if m.found {
		changes := changesTable()
		tables[changes] = table{name: m.changes.name, columns: schema.New(m.changes.columns.Fields[1])}
		from = &sql.Join{Kind: "LEFT ANTI", Left: m.source, Right: changes, On: equal(column(m.source.Alias.Name, sourceColumn), column(changesName, matchColumn))}
	}
	b, err := m.bind(ctx, selection(clause.rows.items(), from, where), tables)
	if err != nil || m.sourceRows == 0 {
		return err
	}
	return m.write(ctx, b, clause.rows, func(ctx context.Context, rec arrow.RecordBatch) error {
		m.inserted += rec.NumRows()
		return c.Insert(ctx, rec)
	})
}
