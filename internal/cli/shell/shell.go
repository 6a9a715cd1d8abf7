// Package shell is the interactive SQL prompt: line editing over several
// lines, history, completion and the backslash commands.
package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/reeflective/readline"
)

// Config is what a shell works with.
type Config struct {
	// Run executes SQL text and prints what it returns. An error is printed
	// by ShowError, and the shell goes on.
	Run       func(ctx context.Context, text string) error
	ShowError func(error)
	// Complete returns what may stand in the text that ends at the cursor.
	Complete func(ctx context.Context, text string) []Candidate
	// History is the file that keeps what was typed; "" keeps nothing.
	History string
	Out     io.Writer
}

// Candidate is one completion.
type Candidate struct {
	Text string
	Kind string // such as keyword, table, column; shown beside it
}

// Shell is an interactive session at a terminal.
type Shell struct {
	cfg    Config
	editor *readline.Shell
	timing bool
	ended  bool
}

// New returns a shell on the process's terminal.
func New(cfg Config) *Shell {
	s := &Shell{cfg: cfg, editor: readline.NewShell()}
	s.editor.Prompt.Primary(func() string { return "freshet> " })
	s.editor.Prompt.Secondary(func() string { return "    ...> " })
	s.editor.AcceptMultiline = func(line []rune) bool { return Complete(string(line)) }
	return s
}

// Run reads and executes until \q, end of input or the end of ctx.
func (s *Shell) Run(ctx context.Context) error {
	if s.cfg.History != "" {
		if err := os.MkdirAll(filepath.Dir(s.cfg.History), 0o700); err == nil {
			s.editor.History.AddFromFile("history", s.cfg.History)
		}
	}
	s.editor.Completer = func(line []rune, cursor int) readline.Completions {
		return s.complete(ctx, string(line[:min(cursor, len(line))]))
	}
	fmt.Fprintln(s.cfg.Out, `Statements end with ";". \h shows help, \q quits.`)
	for !s.ended && ctx.Err() == nil {
		line, err := s.editor.Readline()
		switch {
		case errors.Is(err, readline.ErrInterrupt):
			continue
		case errors.Is(err, io.EOF):
			fmt.Fprintln(s.cfg.Out)
			return nil
		case err != nil:
			return fmt.Errorf("read from terminal: %w", err)
		}
		if err := s.execute(ctx, strings.TrimSpace(line)); err != nil {
			s.cfg.ShowError(err)
		}
	}
	return nil
}

func (s *Shell) execute(ctx context.Context, line string) error {
	if line == "" {
		return nil
	}
	if isCommand(line) {
		return s.command(ctx, line)
	}
	started := time.Now()
	err := s.cfg.Run(ctx, line)
	if s.timing {
		fmt.Fprintf(s.cfg.Out, "Time: %s\n", time.Since(started).Round(time.Millisecond))
	}
	return err
}

func (s *Shell) complete(ctx context.Context, text string) readline.Completions {
	word := lastWord(text)
	var pairs []string
	for _, c := range s.cfg.Complete(ctx, text) {
		if len(c.Text) >= len(word) && strings.EqualFold(c.Text[:len(word)], word) {
			pairs = append(pairs, inCaseOf(c, word), c.Kind)
		}
	}
	found := readline.CompleteValuesDescribed(pairs...)
	found.PREFIX = word
	return found.NoSpace('.', '(')
}

// inCaseOf writes keywords and functions as the user has begun them.
func inCaseOf(c Candidate, word string) string {
	if (c.Kind == "keyword" || c.Kind == "function") && word != "" && word == strings.ToLower(word) {
		return strings.ToLower(c.Text)
	}
	return c.Text
}

// lastWord returns the name, maybe dotted, that the text ends with.
func lastWord(text string) string {
	i := strings.LastIndexFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.`\\", r)
	})
	return text[i+1:]
}
