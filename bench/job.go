package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// job is one way to do a workload: a process, started anew for each run.
type job struct {
	name    string
	command func(out string) []string // out is an empty directory for results
	// prepare puts into out, unmeasured, what the job starts from; nil is
	// nothing.
	prepare func(out string) error
}

// measured is what the runs of a job took.
type measured struct {
	name    string
	seconds []float64 // by the clock
	cpu     []float64 // seconds of all processors, user and system
	peak    int64     // bytes of resident memory of its largest process, the largest of any run
	started []float64 // seconds until the job could begin, of those that say so
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// compare runs jobs in turn, once to warm caches if that is asked for and then runs times, and
// prints each one's median, its ratio to the first job's, the same of processor
// time, which other work on the machine disturbs less, and its peak memory.
func compare(ctx context.Context, s settings, out io.Writer, jobs []job) ([]measured, error) {
	results := make([]measured, len(jobs))
	rounds := s.runs
	if s.warm {
		rounds++
	}
	for r := range rounds {
		for i, j := range jobs {
			u, err := s.once(ctx, j)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", j.name, err)
			}
			results[i].name = j.name
			if s.warm && r == 0 {
				continue
			}
			results[i].seconds = append(results[i].seconds, u.took.Seconds())
			results[i].cpu = append(results[i].cpu, u.cpu.Seconds())
			results[i].peak = max(results[i].peak, u.peak)
			if u.started > 0 {
				results[i].started = append(results[i].started, u.started)
			}
		}
	}
	return results, report(out, results)
}

func report(out io.Writer, results []measured) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "job\tmedian s\tmin\tmax\t× %[1]s\tCPU s\t× %[1]s\tpeak MB\t\n", results[0].name)
	first := results[0]
	for _, m := range results {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t\n", m.name,
			median(m.seconds), slices.Min(m.seconds), slices.Max(m.seconds), median(m.seconds)/median(first.seconds),
			median(m.cpu), median(m.cpu)/median(first.cpu), m.peak>>20)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, m := range results {
		if len(m.started) > 0 {
			fmt.Fprintf(out, "%s took %.2f s of its time to start\n", m.name, median(m.started))
		}
	}
	return nil
}

// usage is what one run of a job took: its process and those it waited for.
type usage struct {
	took, cpu time.Duration
	peak      int64   // bytes of resident memory of the largest process
	started   float64 // seconds until the job could begin, if it says so
}

// once runs a job's process to its end.
func (s settings) once(ctx context.Context, j job) (u usage, err error) {
	out := filepath.Join(s.dir, "out")
	if err := os.RemoveAll(out); err != nil {
		return u, err
	}
	if err := os.MkdirAll(out, 0o750); err != nil {
		return u, err
	}
	if j.prepare != nil {
		if err := j.prepare(out); err != nil {
			return u, fmt.Errorf("prepare: %w", err)
		}
	}
	args := j.command(out)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // the bench's own jobs
	var text strings.Builder
	cmd.Stdout, cmd.Stderr = &text, &text
	started := time.Now()
	err = cmd.Run()
	u.took = time.Since(started)
	if err != nil {
		return u, fmt.Errorf("%w\n%s", err, text.String())
	}
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if all, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.peak = all.Maxrss << 10
	}
	if _, after, ok := strings.Cut(text.String(), "started in "); ok {
		_, _ = fmt.Sscanf(after, "%f", &u.started) // who does not say has none
	}
	return u, nil
}

// freshet is the job of running SQL in a fresh workspace.
func (s settings) freshet(name, sql string) job {
	return job{name: name, command: func(out string) []string {
		return []string{s.program, "sql", "--quiet", "--workspace", filepath.Join(out, "workspace"), "-e", sql}
	}}
}

// peer is the job of one function of peers.py.
func (s settings) peer(name string, args ...string) job {
	return job{name: name, command: func(out string) []string {
		return append([]string{s.python, filepath.Join("bench", "peers.py"), name, out}, args...)
	}}
}
