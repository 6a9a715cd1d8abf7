package session_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/factory"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/schema"
)

// TestRepairEqualsAWideLoad: files that drift are loaded with a schema that
// lacks columns and has types that are too narrow; after ALTER TABLE and
// REPAIR the table has the rows that a load with the whole schema gives.
func TestRepairEqualsAWideLoad(t *testing.T) {
	t.Parallel()
	repaired := 0
	for seed := range uint64(5) {
		w := newWorkspace(t)
		if _, err := factory.Generate(t.Context(), factory.Config{Store: local.New(w.in), Seed: seed, Rows: 400, Files: 4, Drift: true, Bad: 0.1}); err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(seed, 7))
		for _, set := range []string{"sensors/csv", "sensors/json", "logs/json", "quality/csv", "quality/parquet"} {
			if w.repairEquals(set, rng) {
				repaired++
			}
		}
	}
	if repaired < 20 {
		t.Errorf("only %d of 25 repairs had something to do", repaired)
	}
}

// repairEquals compares a repaired load of a dataset with a wide one, and
// reports whether there was something to repair.
func (w *workspace) repairEquals(set string, rng *rand.Rand) bool {
	w.t.Helper()
	var ddl []string
	for _, row := range w.rows(fmt.Sprintf("DESCRIBE QUERY SELECT * FROM read_files('$IN/%s', mergeSchema => true, schemaEvolutionMode => 'none'%s)", set, header(set))) {
		name, typ, _ := strings.Cut(row, "|")
		typ, _, _ = strings.Cut(typ, "|")
		if !strings.HasPrefix(name, "_") {
			ddl = append(ddl, schema.QuoteIdent(name)+" "+typ)
		}
	}
	wide, err := schema.ParseDDL(strings.Join(ddl, ", "))
	if err != nil {
		w.t.Fatal(err)
	}
	var fix []string
	narrow := narrower(wide, nil, rng, &fix)
	for name, columns := range map[string]*schema.Struct{"wide": wide, "narrow": narrow} {
		w.rows(fmt.Sprintf("CREATE OR REPLACE TABLE %s TBLPROPERTIES ('delta.enableTypeWidening' = 'true') AS SELECT * FROM read_files('$IN/%s', schema => '%s', rescuedDataColumn => '_rescued_data'%s)",
			name, set, strings.ReplaceAll(columns.DDL(), "'", "''"), header(set)))
	}
	for _, statement := range fix {
		w.rows("ALTER TABLE narrow " + statement)
	}
	result := w.rows("REPAIR TABLE narrow RESCUED DATA")
	names := make([]string, len(wide.Fields))
	for i, f := range wide.Fields {
		names[i] = schema.QuoteIdent(f.Name)
		if _, nested := f.Type.(*schema.Struct); nested {
			names[i] = "to_json(" + inOrder(names[i], f.Type) + ")"
		}
	}
	query := "SELECT " + strings.Join(names, ", ") + ", _rescued_data FROM "
	want, got := w.rows(query+"wide"), w.rows(query+"narrow")
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		for i := range want {
			if i >= len(got) || want[i] != got[i] {
				w.t.Errorf("%s: after %q\ngot  %s\nwant %s", set, fix, got[min(i, len(got)-1)], want[i])
				break
			}
		}
	}
	return result[0] != "0|0|0" && !strings.HasPrefix(result[0], "0|")
}

// inOrder returns a struct with its fields in order, as added ones come last.
func inOrder(name string, t schema.Type) string {
	s, ok := t.(*schema.Struct)
	if !ok {
		return name
	}
	var fields []string
	for _, f := range s.Fields {
		fields = append(fields, "'"+f.Name+"', "+inOrder(name+"."+schema.QuoteIdent(f.Name), f.Type))
	}
	return "if(" + name + " IS NULL, NULL, named_struct(" + strings.Join(fields, ", ") + "))"
}

func header(set string) string {
	if filepath.Base(set) == "csv" {
		return ", header => true"
	}
	return ""
}

// narrower returns a schema that lacks columns or has them narrower, and what
// an ALTER TABLE is to do about it.
func narrower(wide *schema.Struct, within []string, rng *rand.Rand, fix *[]string) *schema.Struct {
	out := schema.New()
	for i, f := range wide.Fields {
		path := strings.Join(append(slices.Clone(within), schema.QuoteIdent(f.Name)), ".")
		inner, nested := f.Type.(*schema.Struct)
		switch {
		case i > 0 && rng.IntN(4) == 0:
			*fix = append(*fix, fmt.Sprintf("ADD COLUMN %s %s", path, f.Type))
			continue
		case nested:
			f.Type = narrower(inner, append(slices.Clone(within), schema.QuoteIdent(f.Name)), rng, fix)
		case f.Type == schema.Long && rng.IntN(2) == 0, f.Type == schema.Double && rng.IntN(3) == 0:
			*fix = append(*fix, fmt.Sprintf("ALTER COLUMN %s TYPE %s", path, f.Type))
			f.Type = []schema.Type{schema.Byte, schema.Short, schema.Integer}[rng.IntN(3)]
		}
		out.Fields = append(out.Fields, f)
	}
	return out
}
