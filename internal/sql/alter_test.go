package sql_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

func parseOne(tb testing.TB, text string) sql.Statement {
	tb.Helper()
	statements, err := sql.Parse(text)
	if err != nil || len(statements) != 1 {
		tb.Fatalf("%s: %d statements, %v", text, len(statements), err)
	}
	return statements[0]
}

func table(name string) *sql.Name { return &sql.Name{Parts: []string{name}} }

func path(p string) *sql.Name { return &sql.Name{Parts: []string{"delta", p}, Quoted: true} }

func column(parts ...string) *sql.Column { return &sql.Column{Parts: parts} }

func number(digits string) *sql.Literal {
	return &sql.Literal{Kind: sql.IntegerLiteral, Value: digits}
}

// TestTrees checks what trees the statements that alter and maintain tables
// have, where the text leaves a choice.
func TestTrees(t *testing.T) {
	bigint := &sql.TypeName{Type: schema.Long}
	hours := 0.5
	alter := func(a sql.AlterAction) sql.Statement { return &sql.AlterTable{Table: table("t"), Action: a} }
	for text, want := range map[string]sql.Statement{
		"ALTER TABLE t ADD COLUMN s.e.a BIGINT NOT NULL AFTER b": alter(&sql.AddColumns{Columns: []*sql.NewColumn{{
			Within: []string{"s", "e"}, Def: &sql.ColumnDef{Name: "a", Type: bigint, NotNull: true}, Place: &sql.Place{After: "b"},
		}}}),
		"ALTER TABLE t CHANGE a A BIGINT COMMENT '' FIRST": alter(&sql.AlterColumns{Changes: []*sql.ColumnChange{
			{Column: column("a"), Kind: sql.ChangeType, Type: bigint},
			{Column: column("a"), Kind: sql.SetComment},
			{Column: column("a"), Kind: sql.MoveColumn, Place: &sql.Place{}},
		}}),
		"ALTER TABLE t ALTER a SET DEFAULT 1": alter(&sql.AlterColumns{Changes: []*sql.ColumnChange{
			{Column: column("a"), Kind: sql.SetDefault, Default: number("1")},
		}}),
		"ALTER TABLE t CLUSTER BY NONE":                 alter(&sql.SetClustering{}),
		"ALTER TABLE t DROP FEATURE f TRUNCATE HISTORY": alter(&sql.DropFeature{Feature: "f", TruncateHistory: true}),
		"ALTER TABLE t UNSET TBLPROPERTIES (a.b)":       alter(&sql.UnsetProperties{Keys: []string{"a.b"}}),
		"VACUUM '/x' DRY RUN RETAIN 0.5 HOURS LITE":     &sql.Vacuum{Table: path("/x"), Mode: "LITE", Retain: &hours, DryRun: true},
		"OPTIMIZE delta.`/x` ZORDER BY a":               &sql.Optimize{Table: path("/x"), ZOrderBy: []*sql.Column{column("a")}},
		"RESTORE t TO VERSION AS OF 1":                  &sql.Restore{Table: table("t"), To: &sql.TimeTravel{Version: number("1")}},
		"COMMENT ON COLUMN delta.`/x`.c IS NULL":        &sql.CommentOn{Kind: "COLUMN", Name: path("/x"), Column: "c"},
		"DESCRIBE DETAIL '/x'":                          &sql.Describe{Kind: "DETAIL", Name: path("/x")},
		"CREATE TABLE t SHALLOW CLONE delta.`/x@v1`":    &sql.CreateTable{Name: table("t"), Clone: &sql.Clone{Shallow: true, Source: path("/x"), TimeTravel: &sql.TimeTravel{Version: number("1")}}},
		"CONVERT TO DELTA parquet.`/x` PARTITIONED BY (a BIGINT)": &sql.Convert{
			Source: &sql.Name{Parts: []string{"parquet", "/x"}, Quoted: true}, PartitionedBy: []*sql.ColumnDef{{Name: "a", Type: bigint}},
		},
		"CREATE TABLE t (a BIGINT CONSTRAINT c CHECK (a) NOT NULL)": &sql.CreateTable{
			Name: table("t"), Columns: []*sql.ColumnDef{{Name: "a", Type: bigint, NotNull: true}},
			Constraints: []*sql.Constraint{{Name: "c", Kind: "CHECK", Check: column("a")}},
		},
	} {
		if diff := cmp.Diff(want, parseOne(t, text), withoutRanges); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// TestReplaceOn parses a query in parentheses behind a condition that ends in
// a name, which is no call.
func TestReplaceOn(t *testing.T) {
	s := parseOne(t, "INSERT INTO t AS x REPLACE ON x.a = s.b (SELECT 1 AS b) AS s").(*sql.Insert)
	got := []string{s.Alias, s.ReplaceOn.String(), s.Query.String(), s.SourceAlias}
	if want := []string{"x", "x.a = s.b", "SELECT 1 AS b", "s"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAlterPositions checks what range of the text the parts of statements
// have.
func TestAlterPositions(t *testing.T) {
	for text, want := range map[string]string{
		"ALTER TABLE s.t ADD COLUMNS (a.b INT DEFAULT 1 + 2 AFTER c, d INT)": "Name: s.t|AddColumns: ADD COLUMNS (a.b INT DEFAULT 1 + 2 AFTER c, d INT)|NewColumn: a.b INT DEFAULT 1 + 2 AFTER c|ColumnDef: b INT DEFAULT 1 + 2|TypeName: INT|Binary: 1 + 2|Place: AFTER c|NewColumn: d INT",
		"ALTER TABLE t ALTER COLUMN a TYPE INT, b.c FIRST":                   "ColumnChange: a TYPE INT|ColumnChange: b.c FIRST|Column: b.c|Place: FIRST",
		"ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)":                       "Constraint: CONSTRAINT c CHECK (a > 0)|Binary: a > 0",
		"RESTORE TABLE t TO VERSION AS OF 3":                                 "Name: t|TimeTravel: VERSION AS OF 3|Literal: 3",
		"COMMENT ON COLUMN s.t.c IS 'x'":                                     "Name: s.t",
		"CREATE TABLE t SHALLOW CLONE s VERSION AS OF 1":                     "Clone: SHALLOW CLONE s VERSION AS OF 1|Name: s",
		"OPTIMIZE '/x' WHERE a = 1":                                          "Name: '/x'|Binary: a = 1",
	} {
		got := map[string]bool{}
		sql.Inspect(parseOne(t, text), func(n sql.Node) bool {
			r := n.Pos()
			got[strings.TrimPrefix(typeName(n), "*sql.")+": "+text[r.Start:r.End]] = true
			return true
		})
		for node := range strings.SplitSeq(want, "|") {
			if !got[node] {
				t.Errorf("%s: no node is %q", text, node)
			}
		}
	}
}

// TestExpressionTexts checks that the text of an expression, as a table's
// metadata keeps it, parses to the same expression and text.
func TestExpressionTexts(t *testing.T) {
	for text, want := range map[string]string{
		"a>0 and b is not null":            "a > 0 AND b IS NOT NULL",
		"cast(ts as date)":                 "CAST(ts AS DATE)",
		"year(`my ts`) * 100+month(s.d)":   "year(`my ts`) * 100 + month(s.d)",
		"(a + b) * 2":                      "(a + b) * 2",
		"a in ('x', \"it's\")":             "a IN ('x', 'it\\'s')",
		"a like 'x\\%' or not b rlike 'y'": "a LIKE 'x\\\\%' OR NOT b RLIKE 'y'",
		"current_date":                     "current_date()",
		"substring(a from 1 for 2) || 'x'": "substring(a, 1, 2) || 'x'",
		"extract(year from ts)":            "date_part('YEAR', ts)",
		"a::int between -1 and 1e3":        "CAST(a AS INT) BETWEEN -1 AND 1e3D",
		"case when a then 1 else null end": "CASE WHEN a THEN 1 ELSE NULL END",
		"transform(l, x -> x + 1)[0].f":    "transform(l, x -> x + 1)[0].f",
		"date'2024-01-31'":                 "DATE'2024-01-31'",
		"`default`":                        "default",
	} {
		e, err := sql.ParseExpr(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := e.String()
		if got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
		again, err := sql.ParseExpr(got)
		if err != nil {
			t.Errorf("%s: %v", got, err)
			continue
		}
		if diff := cmp.Diff(e, again, withoutRanges); diff != "" {
			t.Errorf("%s and %s differ:\n%s", text, got, diff)
		}
	}
	for _, text := range []string{"", "a, b", "a AS b", "SELECT 1", "a;", "a >"} {
		if e, err := sql.ParseExpr(text); err == nil {
			t.Errorf("%q is the expression %s", text, e)
		}
	}
}

func TestIsDefault(t *testing.T) {
	for text, want := range map[string]bool{"DEFAULT": true, "default": true, "t.default": false, "'default'": false, "default + 1": false} {
		e, err := sql.ParseExpr(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := sql.IsDefault(e); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestTableOf(t *testing.T) {
	for text, want := range map[string]string{
		"'s.t'": "s.t", "s.t": "s.t", "delta.`/x`": "delta.`/x`", "'delta.`/x`'": "delta.`/x`", "a.b.c": "a.b.c", "1": "", "'a b'": "", "f(x)": "", "a.b.c.d": "",
	} {
		e, err := sql.ParseExpr(text)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if n, ok := sql.TableOf(e); ok {
			got = n.String()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
