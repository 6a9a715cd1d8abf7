package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/spf13/cobra"

	"github.com/freshet/freshet/internal/cli/render"
	"github.com/freshet/freshet/internal/cli/shell"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/session"
	"github.com/freshet/freshet/internal/sql"
)

// runner is the part of [session.Session] that commands use.
type runner interface {
	Run(ctx context.Context, text string) iter.Seq2[*session.Result, error]
}

// sqlOptions are the flags of freshet sql.
type sqlOptions struct {
	execute     []string
	files       []string
	format      string
	workspace   string
	memoryLimit string
	quiet       bool
}

func newSQL(std Streams) *cobra.Command {
	var opts sqlOptions
	cmd := &cobra.Command{
		Use:   "sql [-e STATEMENTS] [-f FILE]",
		Short: "Run SQL statements",
		Long: `Run SQL statements: those of -e, then those of the files of -f; without either, those of
standard input, or of an interactive shell when that is a terminal.

Results go to standard output, everything else to standard error. The first error ends the
run with exit status 1; what earlier statements did stands.`,
		Example: `  freshet sql -e "SELECT 1"
  freshet sql -f load.sql --format json
  freshet sql --workspace ./plant`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSQL(cmd.Context(), opts, std) },
	}
	f := cmd.Flags()
	f.StringArrayVarP(&opts.execute, "execute", "e", nil, "run these statements; may be given again")
	f.StringArrayVarP(&opts.files, "file", "f", nil, "run the statements of a file, - for standard input; may be given again")
	f.StringVar(&opts.format, "format", render.Formats()[0], "how to print results: table, json (an object a line) or csv")
	f.StringVarP(&opts.workspace, "workspace", "w", defaultWorkspace(), "directory of catalog and tables; environment FRESHET_WORKSPACE")
	f.StringVar(&opts.memoryLimit, "memory-limit", defaultMemoryLimit, "most memory to use, such as 400m or 2g")
	f.BoolVarP(&opts.quiet, "quiet", "q", false, "print results and errors alone")
	completeValues(cmd, "format", render.Formats()...)
	must(cmd.MarkFlagDirname("workspace"))
	must(cmd.MarkFlagFilename("file", "sql"))
	return cmd
}

func runSQL(ctx context.Context, opts sqlOptions, std Streams) (err error) {
	printer, err := render.New(opts.format, std.Out)
	if err != nil {
		return err
	}
	limit, err := option.ParseBytes(opts.memoryLimit)
	if err != nil || limit == 0 {
		return fmt.Errorf("--memory-limit: %q is not a size such as 400m", opts.memoryLimit)
	}
	texts, interactive, err := opts.texts(std.In)
	if err != nil {
		return err
	}
	c := console{std: std, printer: printer, quiet: opts.quiet}
	cfg := session.Config{Workspace: opts.workspace, MemoryLimit: limit, Version: version, Logger: warnings(std)}
	if !opts.quiet && isTerminal(std.Err) {
		c.progress = &progressLine{w: std.Err, clock: time.Now}
		cfg.Progress = c.progress.update
	}
	limitMemory(limit)
	s, err := session.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	c.session = s
	if interactive {
		return errors.Join(c.interact(ctx), c.await(ctx, s))
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	defer func() { err = errors.Join(err, s.Wait(ctx)) }()
	for _, text := range texts {
		if err := c.run(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// await waits for the refreshes that go on when a person leaves the shell, until
// they lose patience.
func (c *console) await(ctx context.Context, s *session.Session) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	return s.Wait(ctx)
}

// texts reads the statements to run. It reports interactive when there are
// none and a person sits at the input.
func (o sqlOptions) texts(in io.Reader) (texts []string, interactive bool, err error) {
	texts = o.execute
	files := o.files
	if len(texts) == 0 && len(files) == 0 {
		if isTerminal(in) {
			return nil, true, nil
		}
		files = []string{"-"}
	}
	for _, name := range files {
		var text []byte
		if name == "-" {
			text, err = io.ReadAll(in)
		} else {
			text, err = os.ReadFile(name)
		}
		if err != nil {
			return nil, false, fmt.Errorf("read statements: %w", err)
		}
		texts = append(texts, string(text))
	}
	return texts, false, nil
}

// console runs statements and prints what they return.
type console struct {
	std      Streams
	session  runner
	printer  *render.Printer
	progress *progressLine // nil shows none
	quiet    bool
}

func (c *console) run(ctx context.Context, text string) error {
	started, done := time.Now(), 0
	for result, err := range c.session.Run(ctx, text) {
		c.clearProgress()
		if err == nil {
			err = c.print(result, started)
		}
		if err != nil {
			return endedIn(text, done, err)
		}
		started = time.Now()
		done++
	}
	return nil
}

// endedIn says which statement of a text a signal has ended.
func endedIn(text string, statement int, err error) error {
	statements, bad := sql.Parse(text)
	if !errors.Is(err, context.Canceled) || bad != nil || statement >= len(statements) {
		return err
	}
	at := statements[statement].Pos()
	words := strings.Fields(text[at.Start:at.End])
	short := strings.Join(words[:min(len(words), statementWords)], " ")
	if len(words) > statementWords {
		short += " …"
	}
	return fmt.Errorf("%s: %w", short, err)
}

// statementWords is how many words of a statement tell which one it is.
const statementWords = 5

// print prints a result, and below it how many rows it has.
func (c *console) print(r *session.Result, started time.Time) error {
	summary := "OK"
	if r.Schema != nil && r.Rows != nil {
		n, err := c.printer.Print(r.Schema, func(yield func(arrow.RecordBatch, error) bool) {
			for b, err := range r.Rows {
				c.clearProgress()
				if !yield(b, err) {
					return
				}
			}
		})
		c.clearProgress()
		if err != nil {
			return err
		}
		summary = fmt.Sprintf("%d rows", n)
		if n == 1 {
			summary = "1 row"
		}
	}
	if !c.quiet {
		fmt.Fprintf(c.std.Err, "%s (%.3f s)\n", summary, time.Since(started).Seconds())
	}
	return nil
}

func (c *console) clearProgress() {
	if c.progress != nil {
		c.progress.clear()
	}
}

// interact runs a shell. Ctrl-C ends the statement that runs, not the shell.
func (c *console) interact(ctx context.Context) error {
	names := &names{session: c.session}
	sh := shell.New(shell.Config{
		Run: func(ctx context.Context, text string) error {
			ctx, stop := interruptible(ctx)
			defer stop()
			defer names.forget()
			return c.run(ctx, text)
		},
		ShowError: func(err error) { printError(c.std.Err, err) },
		Complete:  names.complete,
		History:   historyFile(),
		Out:       c.std.Out,
	})
	return sh.Run(ctx)
}

// historyFile returns where the shell keeps its history: in the user's state
// directory, by the XDG rules.
func historyFile() string {
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "freshet", "history")
}
