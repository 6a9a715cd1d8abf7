package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/pipeline"
	"github.com/freshet/freshet/internal/session"
)

// runOptions are the flags of freshet run.
type runOptions struct {
	workspaceOptions
	name        string
	full        []string
	fullAll     bool
	only        []string
	dryRun      bool
	continuous  bool
	interval    time.Duration
	parallelism int
	quiet       bool
}

func newRun(std Streams) *cobra.Command {
	var opts runOptions
	cmd := &cobra.Command{
		Use:   "run DIR|FILE…",
		Short: "Run a pipeline: a folder of SQL files",
		Long: `Run a pipeline: the streaming tables, materialized views and views that SQL files define.
Each is brought up to date once those that its query reads are; what one failed for is
skipped, the others run. What happened is in the event log: SELECT * FROM event_log('NAME').

The exit status is 1 when a dataset failed. With --continuous the pipeline keeps going until
it is interrupted, by Ctrl-C or SIGTERM, and ends with status 0; what fails is tried again.

Flags that name datasets take names parted by commas, with schema and catalog where a name alone
may be several.`,
		Example: `  freshet run pipelines/factory
  freshet run pipelines/factory --refresh gold_yield
  freshet run pipelines/factory --full-refresh silver_readings,gold_yield
  freshet run pipelines/factory --continuous --interval 10s`,
		Args: func(_ *cobra.Command, args []string) error { return opts.checkPaths(args) },
		RunE: func(cmd *cobra.Command, args []string) error { return runPipeline(cmd.Context(), opts, args, std) },
	}
	opts.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&opts.name, "name", "", "name of the pipeline in the event log; that of the folder when left out")
	f.StringSliceVar(&opts.full, "full-refresh", nil, "load or compute these datasets all over, as in --full-refresh a,b")
	f.BoolVar(&opts.fullAll, "full-refresh-all", false, "load or compute all datasets all over")
	f.StringSliceVar(&opts.only, "refresh", nil, "refresh these datasets alone")
	f.StringSliceVar(&opts.only, "select", nil, "the same as --refresh, as other tools call it")
	cmd.MarkFlagsMutuallyExclusive("refresh", "select")
	cmd.MarkFlagsMutuallyExclusive("full-refresh-all", "full-refresh")
	cmd.MarkFlagsMutuallyExclusive("full-refresh-all", "refresh")
	cmd.MarkFlagsMutuallyExclusive("full-refresh-all", "select")
	cmd.SetFlagErrorFunc(runFlagError)
	f.BoolVar(&opts.dryRun, "dry-run", false, "check the pipeline and show its order; run nothing")
	f.BoolVar(&opts.continuous, "continuous", false, "keep going: refresh what has something new, or as schedules say")
	f.DurationVar(&opts.interval, "interval", 10*time.Second, "time from one refresh of a dataset to the next, at least, with --continuous")
	f.IntVar(&opts.parallelism, "parallelism", 2, "how many datasets run at a time")
	f.BoolVarP(&opts.quiet, "quiet", "q", false, "print errors alone")
	return cmd
}

// checkPaths refuses to run nothing, and says so when a flag has taken the path
// for a dataset.
func (o *runOptions) checkPaths(paths []string) error {
	if len(paths) > 0 {
		return nil
	}
	for _, flag := range []struct {
		name   string
		values []string
	}{{"--full-refresh", o.full}, {"--refresh", o.only}} {
		for _, value := range flag.values {
			if _, err := os.Stat(value); err == nil {
				return fmt.Errorf("no folder to run: %[1]s takes names of datasets, and %[2]s is a path; as in freshet run %[2]s %[1]s gold_yield", flag.name, value)
			}
		}
	}
	return errors.New("no folder to run; name one, or files, as in freshet run pipelines/factory")
}

// runFlagError says what to do about flags that were given in vain.
func runFlagError(_ *cobra.Command, err error) error {
	if strings.Contains(err.Error(), "flag needs an argument: --full-refresh") {
		return errors.New("--full-refresh takes names of datasets, as in --full-refresh a,b; all of them is --full-refresh-all")
	}
	return fmt.Errorf("%w; see freshet run --help", err)
}

func runPipeline(ctx context.Context, opts runOptions, paths []string, std Streams) error {
	if opts.parallelism < 1 || opts.interval <= 0 {
		return errors.New("--parallelism and --interval are to be greater than 0")
	}
	name := opts.name
	if name == "" {
		abs, err := filepath.Abs(paths[0])
		if err != nil {
			return err
		}
		name = strings.TrimSuffix(filepath.Base(abs), ".sql")
	}
	p, err := pipeline.Load(name, paths)
	if err != nil {
		return err
	}
	sc, err := opts.config(std, opts.parallelism)
	if err != nil {
		return err
	}
	out := &runReport{w: std.Out, quiet: opts.quiet, continuous: opts.continuous}
	cfg := pipeline.Config{
		Open:        func(ctx context.Context) (*session.Session, error) { return session.Open(ctx, sc) },
		Parallelism: opts.parallelism, Full: opts.full, FullAll: opts.fullAll, Only: opts.only, Report: func(r pipeline.Result) { out.result(std.Err, r) },
		Changed: func(err error) { out.changed(std.Err, err) },
		Clock:   time.Now, Sleep: sleep,
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	switch {
	case opts.dryRun:
		if err := p.Validate(ctx, cfg); err != nil {
			return err
		}
		out.order(p)
		return nil
	case opts.continuous:
		return p.RunContinuously(ctx, cfg, opts.interval)
	}
	results, err := p.Run(ctx, cfg)
	out.quality(results)
	return err
}

// sleep waits, or returns ctx's error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// runReport prints what becomes of datasets.
type runReport struct {
	w          io.Writer
	quiet      bool
	continuous bool
}

// result prints a line about a dataset, and its error to errs. A runner that
// keeps going tells of those alone that have done something.
func (o *runReport) result(errs io.Writer, r pipeline.Result) {
	if r.Status == eventlog.FlowFailed {
		printError(errs, r.Err)
	}
	if len(r.Outcome.Restarts) > 0 && !o.quiet {
		fmt.Fprintf(o.w, "%-9s  %-40s %s\n", "RESTARTED", r.Dataset, strings.Join(r.Outcome.Restarts, "; "))
	}
	idle := r.Err == nil && r.Outcome.Rows == 0 && r.Status == eventlog.FlowCompleted
	if o.quiet || o.continuous && idle || r.Dataset.Temporary {
		return
	}
	fmt.Fprintf(o.w, "%-9s  %-40s %9d rows %s\n", r.Status, r.Dataset, r.Outcome.Rows, how(r))
}

// changed tells that files of a pipeline that keeps going have changed.
func (o *runReport) changed(errs io.Writer, err error) {
	switch {
	case err != nil:
		printError(errs, err)
		fmt.Fprintln(errs, "The files have changed and cannot be used; the pipeline goes on as it was.")
	case !o.quiet:
		fmt.Fprintln(o.w, "The files have changed; the pipeline begins anew with them.")
	}
}

// how says how a dataset was brought up to date, or why not.
func how(r pipeline.Result) string {
	switch plan := r.Outcome.Plan; {
	case r.Status == eventlog.FlowSkipped:
		return r.Err.Error()
	case plan.Technique != "":
		return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(plan.Technique, "MAINTENANCE_TYPE_"), "_", " "))
	}
	return strings.ToLower(strings.ReplaceAll(string(r.Dataset.Kind), "_", " "))
}

// order prints the datasets in the order in which they run.
func (o *runReport) order(p *pipeline.Pipeline) {
	if o.quiet {
		return
	}
	for _, d := range p.Datasets {
		var inputs []string
		for _, in := range d.Inputs {
			inputs = append(inputs, in.String())
		}
		from := ""
		if len(inputs) > 0 {
			from = " <- " + strings.Join(inputs, ", ")
		}
		fmt.Fprintf(o.w, "%s%s\n", d, from)
	}
}

// quality prints what the expectations counted.
func (o *runReport) quality(results []pipeline.Result) {
	if o.quiet {
		return
	}
	table := tabwriter.NewWriter(o.w, 0, 0, 2, ' ', 0)
	heading := "\nEXPECTATION\tDATASET\tPASSED\tFAILED\n"
	for _, r := range results {
		for _, e := range r.Outcome.Quality.Expectations {
			fmt.Fprintf(table, "%s%s\t%s\t%d\t%d\n", heading, e.Name, e.Dataset, e.Passed, e.Failed)
			heading = ""
		}
	}
	_ = table.Flush() // as with any print, there is nowhere to report it
}
