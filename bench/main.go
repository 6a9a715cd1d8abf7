// Command bench measures freshet against its peers: the same data, one run,
// each job a process of its own, in turn.
//
// It prints medians, ratios and peak memory. Times alone mean little on a
// shared machine; ratios of one run mean something. Peers are DuckDB, Polars,
// delta-rs and Spark, driven through Python where FRESHET_PYTHON names an
// interpreter that has them; without it only freshet is measured.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/option"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:forbidigo // this is a program's main, too
	}
}

// settings are the flags.
type settings struct {
	program string // freshet
	python  string // with the peers' packages, "" for none
	dir     string // for data and tables
	size    int64  // bytes of each throughput workload's source
	large   int64  // bytes of the memory workload's large source
	files   int    // of the workloads of many files
	target  int64  // rows of the merge workload's table
	upserts int64  // rows merged into it
	keys    int64  // rows of random keys merged into it
	runs    int
	warm    bool     // each job runs once more, before, unmeasured
	peers   []string // none without python
	only    []string
}

func parse(args []string) (settings, error) {
	var s settings
	var size, large, peers, only string
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.StringVar(&s.program, "program", "bin/freshet", "the freshet to measure")
	fs.StringVar(&s.dir, "dir", "bench/data", "where data and tables go")
	fs.StringVar(&size, "size", "800m", "bytes of CSV and of JSON to load")
	fs.StringVar(&large, "large", "10g", "bytes of the large source of the memory workload; 0 leaves it out")
	fs.IntVar(&s.files, "files", 100_000, "files of the workloads of many files")
	fs.Int64Var(&s.target, "target", 10_000_000, "rows of the table of the merge workload")
	fs.Int64Var(&s.upserts, "upserts", 1_000_000, "rows to merge into it, half of them new")
	fs.Int64Var(&s.keys, "keys", 1000, "rows of random keys to merge into it")
	fs.IntVar(&s.runs, "runs", 3, "runs of each job")
	fs.BoolVar(&s.warm, "warm", true, "run each job once before, unmeasured")
	fs.StringVar(&peers, "peers", "duckdb,polars,delta-rs,spark", "comma-separated peers to measure against")
	fs.StringVar(&only, "only", "", "comma-separated workloads: csv, json, memory, known, merge, autoloader-small-files, autoloader-csv, start; all by default")
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	if s.python = os.Getenv("FRESHET_PYTHON"); s.python != "" {
		s.peers = strings.Split(peers, ",")
	}
	if only != "" {
		s.only = strings.Split(only, ",")
	}
	var err error
	if s.size, err = option.ParseBytes(size); err != nil {
		return s, err
	}
	if s.large, err = option.ParseBytes(large); err != nil {
		return s, err
	}
	if s.program, err = filepath.Abs(s.program); err != nil {
		return s, err
	}
	s.dir, err = filepath.Abs(s.dir)
	return s, err
}

// run measures every workload that was asked for.
func run(ctx context.Context, args []string, out io.Writer) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o750); err != nil {
		return err
	}
	for _, w := range workloads {
		if len(s.only) > 0 && !slices.Contains(s.only, w.name) {
			continue
		}
		fmt.Fprintf(out, "\n== %s: %s ==\n", w.name, w.about)
		if err := w.measure(ctx, s, out); err != nil {
			return fmt.Errorf("workload %s: %w", w.name, err)
		}
	}
	return nil
}
