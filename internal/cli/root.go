// Package cli is the command line of freshet: flags, printing and the exit
// status. What commands do is in the packages they call.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/freshet/freshet/internal/errclass"
)

// Streams are what a command reads from and writes to. Results go to Out,
// everything else to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Main runs the command line args and returns the exit status: 0 when all
// went well, 1 when not. Errors are printed to Err.
func Main(ctx context.Context, args []string, std Streams) int {
	root := newRoot(std)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		printError(std.Err, err)
		return 1
	}
	return 0
}

func newRoot(std Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "freshet",
		Short: "Load files into Delta Lake tables by SQL",
		Long: "freshet is the open Auto Loader in one program: it loads files into open Delta Lake tables, " +
			"exactly once, by the SQL that Databricks users know. It needs no JVM and no cluster.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(std.In)
	root.SetOut(std.Out)
	root.SetErr(std.Err)
	root.AddCommand(newSQL(std), newRun(std), newStream(std), newFiles(std), newGenerate(std), newVersion(std), newMan())
	return root
}

// printError prints an error with its class and SQLSTATE and, where the error
// is in the SQL text, the place; of several, one below the other.
func printError(w io.Writer, err error) {
	list := joined(err)
	told := slices.ContainsFunc(list, func(err error) bool {
		return errors.Is(err, context.Canceled) && err.Error() != context.Canceled.Error()
	})
	for _, one := range list {
		if one.Error() == context.Canceled.Error() {
			if told { // what was interrupted, or that something was
				continue
			}
			told = true
		}
		printOne(w, one)
	}
}

// joined returns the errors that [errors.Join] has joined. One that wraps
// several in words of its own is one.
func joined(err error) (list []error) {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(several.Unwrap()...).Error() != err.Error() {
		return []error{err}
	}
	for _, one := range several.Unwrap() {
		list = append(list, joined(one)...)
	}
	return list
}

// printOne prints one error. Of one that ends in a context's, the signal that
// ended the context is the cause.
func printOne(w io.Writer, err error) {
	text := errclass.Format(err)
	if canceled := context.Canceled.Error(); errors.Is(err, context.Canceled) {
		text = strings.ReplaceAll(text, canceled, "interrupted")
	}
	if !strings.HasPrefix(text, "[") {
		text = "Error: " + text
	}
	fmt.Fprintln(w, text)
	var placed interface{ Excerpt() string }
	if errors.As(err, &placed) {
		if line := placed.Excerpt(); line != "" {
			fmt.Fprintln(w, line)
		}
	}
}

// interruptible returns a context that ends at Ctrl-C or SIGTERM. From when it
// has ended, another signal ends the program at once, as without us. The caller
// must call stop.
func interruptible(ctx context.Context) (_ context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	signalled, restore := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(signalled, func() {
		restore()
		cancel()
	})
	return ctx, cancel
}

// isTerminal reports whether a stream is a person's terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
