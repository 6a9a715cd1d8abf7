// Package lint checks rules of the code base that no linter knows: the table
// of what may import what.
package lint_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/freshet/freshet/"

// root is the package at the module's root, for other Go programs.
const root = "github.com/freshet/freshet"

// house lists the parts of the module from top to bottom. A package may
// import its own part and those below.
var house = []string{
	"cmd", "bench",
	"internal/cli", "internal/server",
	"internal/factory",
	root,
	"internal/job", "internal/pipeline",
	"internal/session",
	"internal/dataset",
	"internal/definition",
	"internal/query",
	"internal/workspace",
	"internal/expectation",
	"internal/dml", "internal/rescue", "internal/eventlog", "internal/ledger", "internal/materialized",
	"internal/stream", "internal/ingest",
	"internal/rule", "internal/place",
	"internal/pushdown",
	"internal/source", "internal/sink",
	"internal/schedule",
	"internal/sql", "internal/engine", "internal/format", "internal/evolve", "internal/conform",
	"internal/catalog", "internal/secret",
	"internal/object",
	"internal/setting", "internal/rowset",
	"internal/option", "internal/retry", "internal/invariants", "internal/errclass",
	"delta", "schema",
}

// rules are the edges that the order alone does not forbid.
var rules = []struct {
	from string   // part
	only []string // the parts it may import, besides itself; nil is all below
	not  []string // parts or modules it may not import
	why  string
}{
	{from: "delta", only: []string{"schema"}, why: "others use delta with their own storage"},
	{from: "schema", only: []string{}, why: "schema stands alone"},
	{from: "internal/sql", only: []string{"schema"}, why: "the dialect knows nothing of who runs it"},
	{from: "internal/object", not: []string{"delta"}, why: "object knows nothing of tables"},
	{from: "internal/source", not: []string{"delta", "internal/catalog"}, why: "sources yield batches and never write tables"},
	{from: "internal/format", not: []string{"delta", "internal/catalog", "internal/sql", "internal/engine"}, why: "a format turns bytes into Arrow and no more"},
	{from: "internal/engine", not: []string{"delta", "internal/catalog", "internal/format"}, why: "an engine is handed Arrow"},
	{from: "internal/materialized", only: []string{"internal/sql", "delta", "schema"}, why: "a plan is a function of a query and of tables"},
	{from: "internal/factory", only: []string{"internal/object"}, why: "the maker of test data may not share code with what it tests"},
}

// duckdb lives in one package, the only cgo.
const (
	duckdbModule = "github.com/duckdb/duckdb-go"
	duckdbHome   = "internal/engine/duckdb"
)

// violations says what is wrong with the imports of a package.
func violations(pkg string, imports []string) []string {
	var found []string
	report := func(to, why string) {
		found = append(found, fmt.Sprintf("%s imports %s: %s", pkg, to, why))
	}
	name := strings.TrimPrefix(pkg, module)
	from := partOf(name)
	if from == "" {
		return []string{pkg + " has no place in the house; give it one in DESIGN and here"}
	}
	for _, path := range imports {
		if strings.HasPrefix(path, duckdbModule) && name != duckdbHome {
			report(path, "only "+duckdbHome+" imports DuckDB")
		}
		if !strings.HasPrefix(path, module) {
			continue
		}
		to := partOf(strings.TrimPrefix(path, module))
		if to == from {
			continue
		}
		if slices.Index(house, to) < slices.Index(house, from) {
			report(path, "imports go down only")
		}
		for _, r := range rules {
			if r.from == from && (r.only != nil && !slices.Contains(r.only, to) || slices.Contains(r.not, to)) {
				report(path, r.why)
			}
		}
	}
	return found
}

// partOf returns the part of the house that a package is in, or "".
func partOf(name string) string {
	for _, part := range house {
		if name == part || strings.HasPrefix(name, part+"/") {
			return part
		}
	}
	return ""
}

func TestImportsGoDown(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-tags", "duckdb_arrow", "-json=ImportPath,Imports,GoFiles,CgoFiles", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; packages++ {
		var p struct {
			ImportPath                 string
			Imports, GoFiles, CgoFiles []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("read go list: %v", err)
		}
		if len(p.GoFiles)+len(p.CgoFiles) == 0 {
			continue // tests alone
		}
		for _, v := range violations(p.ImportPath, p.Imports) {
			t.Error(v)
		}
	}
	if packages < 20 {
		t.Errorf("go list found %d packages only", packages)
	}
}

// TestRulesFire shows each rule an import that breaks it.
func TestRulesFire(t *testing.T) {
	tests := []struct{ from, to, why string }{
		{"internal/object/local", module + "delta", "object knows nothing of tables"},
		{"internal/catalog", module + "internal/session", "imports go down only"},
		{"internal/session", module + "internal/cli", "imports go down only"},
		{"delta", module + "internal/object", "others use delta with their own storage"},
		{"delta/internal/dv", module + "internal/errclass", "others use delta with their own storage"},
		{"schema", module + "delta", "schema stands alone"},
		{"internal/sql", module + "internal/errclass", "the dialect knows nothing of who runs it"},
		{"internal/source/files", module + "delta", "sources yield batches and never write tables"},
		{"internal/format/csv", module + "delta", "a format turns bytes into Arrow and no more"},
		{"internal/engine/duckdb", module + "delta", "an engine is handed Arrow"},
		{"internal/factory", module + "schema", "the maker of test data may not share code with what it tests"},
		{"internal/session", duckdbModule + "/v2", "only internal/engine/duckdb imports DuckDB"},
		{"internal/util", module + "schema", "has no place in the house"},
	}
	for _, tt := range tests {
		got := violations(module+tt.from, []string{tt.to})
		if !slices.ContainsFunc(got, func(v string) bool { return strings.Contains(v, tt.why) }) {
			t.Errorf("%s importing %s: got %q, want one that says %q", tt.from, tt.to, got, tt.why)
		}
	}
	if got := violations(module+"internal/session", []string{module + "internal/ingest", module + "delta", "context"}); len(got) > 0 {
		t.Errorf("allowed imports are refused: %q", got)
	}
}
