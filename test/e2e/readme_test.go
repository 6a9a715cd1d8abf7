package e2e_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTutorial runs every command of the console blocks of the documents, in
// one directory each and in order, and compares standard output with what the
// document shows. UPDATE=1 writes what it sees into the document instead.
func TestTutorial(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(pages, filepath.Join("..", "..", "README.md")) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), consoleStart) {
				return // a page without commands
			}
			got, _ := runConsole(t, string(text))
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(text), got); diff != "" {
				t.Errorf("commands print something else (-document +seen); UPDATE=1 go test takes it over:\n%s", diff)
			}
		})
	}
}

const (
	consoleStart = "```console\n"
	consoleEnd   = "```\n"
)

// runConsole returns the document with the output of each command replaced by
// what it printed, and how many commands there are.
func runConsole(t *testing.T, text string) (got string, commands int) {
	t.Helper()
	dir := t.TempDir()
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, consoleStart)
		out.WriteString(before)
		if !found {
			return out.String(), commands
		}
		block, after, closed := strings.Cut(rest, consoleEnd)
		if !closed {
			t.Fatal("a console block is not closed")
		}
		out.WriteString(consoleStart)
		for _, command := range consoleCommands(block) {
			commands++
			out.WriteString(command)
			out.WriteString(runCommand(t, dir, command))
		}
		out.WriteString(consoleEnd)
		text = after
	}
}

// consoleCommands returns the commands of a block as they stand there: a line
// that starts with "$ " and the lines after it that start with "> ".
func consoleCommands(block string) []string {
	var commands []string
	open := false
	for line := range strings.Lines(block) {
		switch {
		case strings.HasPrefix(line, "$ "):
			commands = append(commands, line)
			open = true
		case open && strings.HasPrefix(line, "> "):
			commands[len(commands)-1] += line
		default:
			open = false
		}
	}
	return commands
}

func runCommand(t *testing.T, dir, command string) string {
	t.Helper()
	var script strings.Builder
	for line := range strings.Lines(command) {
		script.WriteString(line[2:])
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script.String())
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("%s%v\n%s", command, err, stderr.String())
	}
	return stdout.String()
}
