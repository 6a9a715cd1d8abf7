package dml

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// plan checks the statement and makes its clauses ready. The source is opened,
// which tells its columns, and read by gather.
func (m *merge) plan(ctx context.Context) error {
	if err := checkClauses(m.stmt.Clauses); err != nil {
		return err
	}
	rows, err := m.openSource(ctx)
	if err != nil {
		return err
	}
	if err := m.prepare(rows); err != nil {
		rows.Close()
		return err
	}
	return nil
}

func (m *merge) prepare(rows *ingest.Relation) error {
	layout := schema.ToArrow(rows.Schema)
	m.sourceTable = table{name: "source_rows", columns: rows.Schema, input: &engine.Input{
		Name: "source_rows", Schema: layout,
		Open: func(ctx context.Context) (array.RecordReader, error) {
			return engine.NewReader(ctx, layout, rows.Read), nil
		},
	}}
	if err := m.evolve(rows.Schema); err != nil {
		return err
	}
	var conditions []sql.Expr
	for _, c := range m.stmt.Clauses {
		ready, err := m.clause(c, rows.Schema)
		if err != nil {
			return err
		}
		m.clauses = append(m.clauses, ready)
		if c.Kind != notMatched {
			conditions = append(conditions, c.Cond)
		}
	}
	m.kept = m.named(append(conditions, m.stmt.On)...)
	return nil
}

// checkClauses refuses a clause without condition before another of its kind.
func checkClauses(clauses []*sql.MergeClause) error {
	open := map[string]bool{}
	for _, c := range clauses {
		if open[c.Kind] {
			name := strings.ReplaceAll(c.Kind, " ", "_")
			return &sql.Error{
				Class: "NON_LAST_" + name + "_CLAUSE_OMIT_CONDITION", State: "42613", Range: c.Range,
				Text: "When there are more than one " + c.Kind + " clauses in a MERGE statement, only the last " + c.Kind + " clause can omit the condition.",
			}
		}
		open[c.Kind] = c.Cond == nil
	}
	return nil
}

// openSource plans the source: a table, or a query, with the common tables of
// the statement.
func (m *merge) openSource(ctx context.Context) (*ingest.Relation, error) {
	q := selection([]*sql.SelectItem{item(&sql.Star{}, "")}, m.stmt.Source, nil)
	q.With = m.with
	alias := "__freshet_source"
	var given *sql.Alias
	switch ref := m.stmt.Source.(type) {
	case *sql.Table:
		given = ref.Alias
		if n := len(ref.Name.Parts); n > 0 {
			alias = ref.Name.Parts[n-1]
		}
	case *sql.Subquery:
		given = ref.Alias
	case *sql.TableFunction:
		given = ref.Alias
	case *sql.InlineTable:
		given = ref.Alias
	case *sql.TableGroup:
		given = ref.Alias
	}
	if given != nil {
		alias = given.Name
	}
	m.source = &sql.Table{Name: &sql.Name{Parts: []string{"__freshet_source"}}, Alias: &sql.Alias{Name: alias}}
	rows, err := m.env.Source(ctx, q)
	if err != nil {
		return nil, err
	}
	m.note(ctx, q, nil)
	if given != nil && len(given.Columns) == len(rows.Schema.Fields) {
		rows = rows.Rename(given.Columns)
	}
	return rows, nil
}

// gather computes the source, once, and numbers its rows.
func (m *merge) gather(ctx context.Context) error {
	query := "SELECT row_number() OVER () AS " + sourceColumn + ", * FROM source_rows"
	n, err := m.scratch.Create(ctx, "source", query, []engine.Input{*m.sourceTable.input})
	if err != nil {
		return err
	}
	fields := append([]schema.Field{schema.Col(sourceColumn, schema.Long)}, m.sourceTable.columns.Fields...)
	m.sourceTable, m.sourceRows = table{name: "source", columns: schema.New(fields...)}, n
	return nil
}

// evolve gives the table the columns of the source that it lacks, as far as
// clauses write them, if the statement or the session says so (semantics
// §14.3).
func (m *merge) evolve(source *schema.Struct) error {
	if !m.stmt.SchemaEvolution && !m.env.SchemaEvolution {
		return nil
	}
	written := map[string]bool{}
	all := false
	for _, c := range m.stmt.Clauses {
		all = all || c.All
		columns := c.Columns
		for _, a := range c.Set {
			columns = append(slices.Clip(columns), a.Column)
		}
		for _, column := range columns {
			if name := column.Parts[len(column.Parts)-1]; c.Kind != notMatchedBySource {
				written[strings.ToLower(name)] = true
			}
		}
	}
	brought := &schema.Struct{}
	for _, f := range source.Fields {
		if all || written[strings.ToLower(f.Name)] {
			brought.Fields = append(brought.Fields, f)
		}
	}
	if len(evolve.NewColumns(m.meta.Schema, brought)) == 0 {
		return nil
	}
	merged, err := ingest.Evolve(m.meta, brought)
	if err != nil {
		return err
	}
	m.meta = merged.MapColumns(m.env.Writer.NewID)
	m.newMetadata = &m.meta
	return nil
}

// clause makes one WHEN clause ready.
func (m *merge) clause(c *sql.MergeClause, source *schema.Struct) (*mergeClause, error) {
	ready := &mergeClause{MergeClause: c, leave: rowSets{}}
	if c.Kind == notMatchedBySource {
		if err := m.qualify(c); err != nil {
			return nil, err
		}
	}
	set, columns, values := c.Set, c.Columns, c.Values
	if c.All {
		evolving := m.stmt.SchemaEvolution || m.env.SchemaEvolution
		for _, f := range m.meta.Schema.Fields {
			if source.Index(f.Name) < 0 {
				if evolving || isGenerated(f) {
					continue
				}
				return nil, &sql.Error{
					Class: "DELTA_MERGE_UNRESOLVED_EXPRESSION", State: "42601", Range: c.Range,
					Text: fmt.Sprintf("Cannot resolve %s in %s clause given columns %s.", f.Name, c.Action, strings.Join(source.Names(), ", ")),
				}
			}
			of := column(m.source.Alias.Name, f.Name)
			set = append(set, &sql.Assignment{Column: column(f.Name), Value: of})
			columns, values = append(columns, column(f.Name)), append(values, of)
		}
	}
	var err error
	switch c.Action {
	case "UPDATE":
		ready.rows, err = m.assignments(m.meta.Schema, set)
	case "INSERT":
		ready.rows, err = insertion(m.statement, m.meta.Schema, columns, values)
	}
	return ready, err
}

func isGenerated(f schema.Field) bool {
	_, ok := f.Metadata[generationKey]
	return ok
}

// qualify puts the table's name before its columns in a clause that sees no
// other, where the join would have those of the source beside them.
func (m *merge) qualify(c *sql.MergeClause) error {
	var unknown *sql.Column
	visit := func(n sql.Node) bool {
		switch n := n.(type) {
		case *sql.Query, *sql.Lambda:
			return false
		case *sql.Column:
			if sql.IsDefault(n) {
				return true
			}
			path := m.resolve(n.Parts)
			if path == nil {
				unknown = n
				return false
			}
			n.Parts = append([]string{m.alias}, slices.Clone(path)...)
		}
		return true
	}
	if c.Cond != nil {
		sql.Inspect(c.Cond, visit)
	}
	for _, a := range c.Set {
		sql.Inspect(a.Value, visit)
	}
	if unknown == nil {
		return nil
	}
	return &sql.Error{
		Class: "DELTA_MERGE_UNRESOLVED_EXPRESSION", State: "42601", Range: unknown.Range,
		Text: fmt.Sprintf("Cannot resolve %s in a NOT MATCHED BY SOURCE clause, which sees the columns of the target alone: %s.", unknown, strings.Join(m.columns.Names(), ", ")),
	}
}
