package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/internal/cli/shell"
	"github.com/freshet/freshet/internal/format/formats"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/session"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// keywords are the words that begin and join statements.
const keywords = `ALL ALTER AND AS ASC BETWEEN BY CASE CAST COMMENT COPY COPY_OPTIONS CREATE CROSS DATABASE DELETE DESC
	DESCRIBE DETAIL DISTINCT DROP ELSE END EXCEPT EXISTS EXPLAIN EXTENDED FALSE FILEFORMAT FILES FORMAT_OPTIONS FROM FULL
	GROUP HAVING HISTORY IF IN INNER INSERT INTERSECT INTO IS JOIN LEFT LIKE LIMIT LOCATION MERGE NOT NULL ON OR ORDER OUTER
	OVER OVERWRITE PARTITIONED PATTERN POSITION QUALIFY REPLACE RIGHT SCHEMA SCHEMAS SELECT SET SHOW TABLE TABLES TBLPROPERTIES
	TEMPORARY THEN TIMESTAMP TRUE UNION UPDATE USE USING VALIDATE VALUES VERSION VIEW VIEWS WHEN WHERE WINDOW WITH`

// names completes what is typed in the shell. What it learns of the catalog
// it keeps until a statement has run.
type names struct {
	session runner
	known   map[string][]string // the first column of a statement's result
}

func (n *names) forget() { n.known = nil }

// complete returns everything that may end text: keywords, functions,
// options, schemas, tables, and the columns of tables that text names.
func (n *names) complete(ctx context.Context, text string) []shell.Candidate {
	var found []shell.Candidate
	add := func(kind string, texts ...string) {
		for _, t := range texts {
			found = append(found, shell.Candidate{Text: t, Kind: kind})
		}
	}
	add("keyword", strings.Fields(keywords)...)
	add("function", sql.FunctionNames()...)
	add("option", optionNames()...)
	tables := map[string]bool{}
	for _, schemaName := range n.list(ctx, "SHOW SCHEMAS", 0) {
		quoted := schema.QuoteIdent(schemaName)
		add("schema", quoted)
		for _, table := range n.list(ctx, "SHOW TABLES IN "+quoted, 1) {
			name := quoted + "." + schema.QuoteIdent(table)
			add("table", name)
			tables[name] = true
		}
	}
	for _, table := range n.list(ctx, "SHOW TABLES", 1) {
		name := schema.QuoteIdent(table)
		add("table", name)
		tables[name] = true
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n,;()", r) }) {
		if tables[word] {
			add("column", n.list(ctx, "DESCRIBE TABLE "+word, 0)...)
		}
	}
	return found
}

// optionNames lists the options of reading files, of any format.
func optionNames() []string {
	var listed []string
	sets := []option.Set{query.ReadFilesOptions(), query.StreamOptions(), session.CopyOptions(), ingest.FileOptions()}
	for _, name := range formats.Names() {
		if f, err := formats.Lookup(name); err == nil {
			sets = append(sets, f.Options())
		}
	}
	for _, o := range slices.Concat(sets...) {
		listed = append(listed, o.Name)
	}
	slices.Sort(listed)
	return slices.Compact(listed)
}

// list returns a text column of a statement's result; nothing when the
// statement fails, for a completion is no place to report it.
func (n *names) list(ctx context.Context, text string, column int) []string {
	if values, ok := n.known[text]; ok {
		return values
	}
	var values []string
	for result, err := range n.session.Run(ctx, text) {
		if err != nil || result.Rows == nil {
			break
		}
		for b, err := range result.Rows {
			if err != nil || int(b.NumCols()) <= column {
				break
			}
			if texts, ok := b.Column(column).(*array.String); ok {
				for i := range texts.Len() {
					values = append(values, strings.Clone(texts.Value(i)))
				}
			}
		}
	}
	if n.known == nil {
		n.known = map[string][]string{}
	}
	n.known[text] = values
	return values
}
