// Package docs checks the documents against the program. UPDATE=1 go test
// ./docs writes those parts that are generated.
package docs_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const errorsHead = `# Errors

An error is one message with its class and SQLSTATE, the names that Databricks and Spark use, so that what is written about them
elsewhere helps here too:

` + "```" + `
[TABLE_OR_VIEW_NOT_FOUND] The table or view … cannot be found. … SQLSTATE: 42P01
` + "```" + `

An error in the SQL text shows the line with the place marked; an error in data names the file and, where there is one, the line
and the column. The exit status is then 1. A statement that fails leaves its table as it was.

These are the classes that freshet raises:

| class | SQLSTATE |
|---|---|
`

var (
	// classAndState finds a class beside its state: in calls of errclass.New,
	// in literals of errors and in tables.
	classAndState = regexp.MustCompile(`"([A-Z][A-Z0-9]*_[A-Z0-9_]+(?:\.[A-Z0-9_]+)*)",\s*(?:State:\s*)?"([0-9A-Z]{2}[0-9][0-9A-Z]{2}|[0-9A-Z]{4}[0-9])"`)
	// errorMethod finds methods that return a class or state alone.
	errorMethod = regexp.MustCompile(`func \([^)]*?(\w+)\) (ErrorClass|SQLState)\(\) string \{\s*return "([A-Z0-9_.]+)"\s*\}`)
)

// TestErrorsAreListed compares docs/errors.md with the classes in the source.
func TestErrorsAreListed(t *testing.T) {
	states := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != "..":
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		collectClasses(states, string(source))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(errorsHead)
	for _, class := range slices.Sorted(maps.Keys(states)) {
		fmt.Fprintf(&b, "| `%s` | `%s` |\n", class, states[class])
	}
	current(t, "errors.md", b.String())
}

func collectClasses(states map[string]string, source string) {
	for _, m := range classAndState.FindAllStringSubmatch(source, -1) {
		states[m[1]] = m[2]
	}
	type pair struct{ class, state string }
	methods := map[string]pair{}
	for _, m := range errorMethod.FindAllStringSubmatch(source, -1) {
		p := methods[m[1]]
		if m[2] == "ErrorClass" {
			p.class = m[3]
		} else {
			p.state = m[3]
		}
		methods[m[1]] = p
	}
	for _, p := range methods {
		if p.class != "" && p.state != "" {
			states[p.class] = p.state
		}
	}
}

// current compares a generated document with what it has to be.
func current(t *testing.T, name, want string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; UPDATE=1 go test ./docs writes it", err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/%s is not current (-want +got); UPDATE=1 go test ./docs writes it:\n%s", name, diff)
	}
}
