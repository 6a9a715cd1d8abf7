package session

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/rowset"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (s *Session) show(ctx context.Context, stmt *sql.Show) (*Result, error) {
	keep, err := likePattern(stmt.Like)
	if err != nil {
		return nil, err
	}
	switch stmt.Kind {
	case "CATALOGS":
		return s.showCatalogs(ctx, keep)
	case "SCHEMAS":
		return s.showSchemas(ctx, stmt, keep)
	case "TABLES", "VIEWS":
		return s.showTables(ctx, stmt, keep)
	case "COLUMNS":
		return s.showColumns(ctx, stmt)
	case "TBLPROPERTIES":
		return s.showProperties(ctx, stmt)
	case "PARTITIONS":
		return s.showPartitions(ctx, stmt)
	case "CREATE TABLE":
		return s.showCreate(ctx, stmt)
	case "FUNCTIONS":
		return showFunctions(keep), nil
	case "USER FUNCTIONS":
		return showFunctions(func(string) bool { return false }), nil // there are none
	}
	return nil, errclass.New("UNSUPPORTED_STATEMENT", "0A000", "SHOW %s is not supported.", stmt.Kind)
}

// likePattern returns the filter of SHOW … LIKE: * stands for any text and |
// separates alternatives; matching ignores case.
func likePattern(pattern string) (func(string) bool, error) {
	if pattern == "" {
		return func(string) bool { return true }, nil
	}
	var alternatives []string
	for alt := range strings.SplitSeq(pattern, "|") {
		alternatives = append(alternatives, strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(alt)), `\*`, ".*"))
	}
	re, err := regexp.Compile("(?is)^(" + strings.Join(alternatives, "|") + ")$")
	if err != nil {
		return nil, err
	}
	return re.MatchString, nil
}

func (s *Session) showCatalogs(ctx context.Context, keep func(string) bool) (*Result, error) {
	names, err := s.ws.Catalog.Catalogs(ctx)
	if err != nil {
		return nil, err
	}
	out := rowset.New(schema.Col("catalog", schema.String))
	for _, n := range names {
		if keep(n) {
			out.Add(n)
		}
	}
	return resultOf(out), nil
}

func (s *Session) showSchemas(ctx context.Context, stmt *sql.Show, keep func(string) bool) (*Result, error) {
	in := s.planner.Current.Catalog
	if stmt.In != nil {
		parts, err := s.planner.NameParts(ctx, stmt.In)
		if err != nil {
			return nil, err
		}
		in = parts[0]
	}
	schemas, err := s.ws.Catalog.Schemas(ctx, in)
	if err != nil {
		return nil, err
	}
	out := rowset.New(schema.Col("databaseName", schema.String))
	for _, sc := range schemas {
		if keep(sc.Name) {
			out.Add(sc.Name)
		}
	}
	return resultOf(out), nil
}

func (s *Session) showTables(ctx context.Context, stmt *sql.Show, keep func(string) bool) (*Result, error) {
	catalogName, name, err := s.planner.SchemaName(ctx, stmt.In)
	if err != nil {
		return nil, err
	}
	found, err := s.ws.Catalog.Schema(ctx, catalogName, name)
	if err != nil {
		return nil, err
	}
	tables, err := s.ws.Catalog.Tables(ctx, catalogName, name)
	if err != nil {
		return nil, err
	}
	views := stmt.Kind == "VIEWS"
	first := schema.Col("database", schema.String)
	second := schema.Col("tableName", schema.String)
	if views {
		first.Name, second.Name = "namespace", "viewName"
	}
	out := rowset.New(first, second, schema.Col("isTemporary", schema.Boolean))
	for _, t := range tables {
		if keep(t.Table) && (!views || t.Kind == catalog.KindView) {
			out.Add(found.Name, t.Table, false)
		}
	}
	for _, n := range s.planner.TempViews() {
		if keep(n) {
			out.Add("", n, true)
		}
	}
	return resultOf(out), nil
}

func (s *Session) showColumns(ctx context.Context, stmt *sql.Show) (*Result, error) {
	columns, err := s.columnsOf(ctx, stmt.In)
	if err != nil {
		return nil, err
	}
	out := rowset.New(schema.Col("col_name", schema.String))
	for _, n := range columns.Names() {
		out.Add(n)
	}
	return resultOf(out), nil
}

func (s *Session) showProperties(ctx context.Context, stmt *sql.Show) (*Result, error) {
	t, snap, err := s.planner.Newest(ctx, stmt.In)
	if err != nil {
		return nil, err
	}
	props := shownProperties(snap)
	out := rowset.New(schema.Col("key", schema.String), schema.Col("value", schema.String))
	if stmt.Key != "" {
		v, ok := props[stmt.Key]
		if !ok {
			v = "Table " + t.Name + " does not have property: " + stmt.Key
		}
		out.Add(stmt.Key, v)
		return resultOf(out), nil
	}
	for _, k := range sortedKeys(props) {
		out.Add(k, props[k])
	}
	return resultOf(out), nil
}

func (s *Session) showPartitions(ctx context.Context, stmt *sql.Show) (*Result, error) {
	t, snap, err := s.planner.Newest(ctx, stmt.In)
	if err != nil {
		return nil, err
	}
	names, stored := snap.PartitionColumns(), snap.Metadata().PhysicalPartitionColumns()
	if len(names) == 0 {
		return nil, errclass.New("INVALID_PARTITION_OPERATION.PARTITION_SCHEMA_IS_EMPTY", "42601", "Table %s is not partitioned.", t.Name)
	}
	seen := map[string][]any{}
	for f, err := range snap.Files(ctx) {
		if err != nil {
			return nil, err
		}
		row := make([]any, len(names))
		var key strings.Builder
		for i, n := range stored {
			key.WriteString("\x00")
			if v := f.PartitionValues[n]; v != nil {
				row[i] = *v
				key.WriteString("\x01" + *v)
			}
		}
		seen[key.String()] = row
	}
	fields := make([]schema.Field, len(names))
	for i, n := range names {
		fields[i] = schema.Col(n, schema.String)
	}
	out := rowset.New(fields...)
	for _, k := range sortedKeys(seen) {
		out.Add(seen[k]...)
	}
	return resultOf(out), nil
}

// showCreate gives the statement that would make a table of the same shape.
func (s *Session) showCreate(ctx context.Context, stmt *sql.Show) (*Result, error) {
	out := rowset.New(schema.Col("createtab_stmt", schema.String))
	if view, err := s.planner.ViewOf(ctx, stmt.In); err != nil || view != nil {
		if err != nil {
			return nil, err
		}
		out.Add(view.String())
		return resultOf(out), nil
	}
	t, snap, err := s.planner.Newest(ctx, stmt.In)
	if err != nil {
		return nil, err
	}
	if t.Entry != nil && t.Entry.Text != "" {
		out.Add(query.ViewsFirst(t.Entry.Text))
		return resultOf(out), nil
	}
	meta := snap.Metadata()
	var b strings.Builder
	b.WriteString("CREATE TABLE " + t.Name + " (")
	for i, f := range meta.Schema.Fields {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n  " + columnDDL(f))
	}
	for _, c := range meta.Constraints() {
		b.WriteString(",\n  CONSTRAINT " + schema.QuoteIdent(c.Name) + " CHECK (" + c.Expr + ")")
	}
	b.WriteString(")\nUSING delta")
	if len(meta.PartitionColumns) > 0 {
		quoted := make([]string, len(meta.PartitionColumns))
		for i, p := range meta.PartitionColumns {
			quoted[i] = schema.QuoteIdent(p)
		}
		b.WriteString("\nPARTITIONED BY (" + strings.Join(quoted, ", ") + ")")
	}
	if t.Entry == nil || !t.Entry.Managed {
		b.WriteString("\nLOCATION " + quoteString(t.Location))
	}
	if meta.Description != "" {
		b.WriteString("\nCOMMENT " + quoteString(meta.Description))
	}
	properties := maps.Clone(meta.Configuration)
	maps.DeleteFunc(properties, func(key, _ string) bool {
		return strings.HasPrefix(key, "delta.constraints.") || key == "delta.columnMapping.maxColumnId"
	})
	if len(properties) > 0 {
		b.WriteString("\nTBLPROPERTIES (")
		for i, k := range sortedKeys(properties) {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString("\n  " + quoteString(k) + " = " + quoteString(properties[k]))
		}
		b.WriteString(")")
	}
	out.Add(b.String())
	return resultOf(out), nil
}

func columnDDL(f schema.Field) string {
	text := schema.QuoteIdent(f.Name) + " " + f.Type.String()
	if !f.Nullable {
		text += " NOT NULL"
	}
	if expr, ok := delta.DefaultExpression(f); ok {
		text += " DEFAULT " + expr
	}
	if expr, ok := delta.GenerationExpression(f); ok {
		text += " GENERATED ALWAYS AS (" + expr + ")"
	}
	if id, ok := delta.IdentityOf(f); ok {
		kind := "ALWAYS"
		if id.Explicit {
			kind = "BY DEFAULT"
		}
		text += fmt.Sprintf(" GENERATED %s AS IDENTITY (START WITH %d INCREMENT BY %d)", kind, id.Start, id.Step)
	}
	if comment, ok := f.Metadata["comment"].(string); ok {
		text += " COMMENT " + quoteString(comment)
	}
	return text
}

// quoteString returns text as a SQL string literal.
func quoteString(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

func showFunctions(keep func(string) bool) *Result {
	out := rowset.New(schema.Col("function", schema.String))
	for _, n := range sql.FunctionNames() {
		if keep(n) {
			out.Add(n)
		}
	}
	return resultOf(out)
}
