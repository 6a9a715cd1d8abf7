package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/freshet/freshet/internal/factory"
	"github.com/freshet/freshet/internal/object/local"
)

// workload is one thing that is measured.
type workload struct {
	name    string
	about   string
	measure func(ctx context.Context, s settings, out io.Writer) error
}

var workloads = []workload{
	{"csv", "sensor readings, CSV to Delta; peers write Parquet or Delta", throughput(factory.CSV)},
	{"json", "sensor readings, JSON lines to Delta; peers write Parquet or Delta", throughput(factory.JSON)},
	{"memory", "peak memory of loading small and large CSV", memory},
	{"known", "COPY INTO with nothing new over many known files", known},
	{"merge", "MERGE INTO: many upserts, and few of random keys, with and without deletion vectors", merge},
	{"autoloader-small-files", "JSON files of 10 KB through a streaming table, and by COPY INTO", autoloaderSmallFiles},
	{"autoloader-csv", "CSV through a streaming table, against COPY INTO", autoloaderCSV},
	{"start", "start of the process to the first committed row", start},
}

// data makes, once, a directory of sensor readings of about size bytes.
func (s settings) data(ctx context.Context, format factory.Format, size int64) (dir string, err error) {
	root := filepath.Join(s.dir, fmt.Sprintf("%s-%d", format, size))
	truth := filepath.Join(root, factory.TruthKey)
	if _, err := os.Stat(truth); err != nil {
		_, err := factory.Generate(ctx, factory.Config{
			Store: local.New(root), Seed: 1, Size: size,
			Kinds: []factory.Kind{factory.Sensors}, Formats: []factory.Format{format},
		})
		if err != nil {
			return "", err
		}
	}
	matches, err := filepath.Glob(filepath.Join(root, "*", "*"))
	if err == nil && len(matches) == 0 {
		err = fmt.Errorf("no data below %s", root)
	}
	if err != nil {
		return "", err
	}
	return filepath.Dir(matches[0]), nil
}

// readOptions make freshet see the data as DuckDB does by itself.
var readOptions = map[factory.Format]string{factory.CSV: "header => true", factory.JSON: "inferTimestamp => true"}

// throughput loads one format, with the schema found in the data on all sides.
func throughput(format factory.Format) func(context.Context, settings, io.Writer) error {
	return func(ctx context.Context, s settings, out io.Writer) error {
		dir, err := s.data(ctx, format, s.size)
		if err != nil {
			return err
		}
		sql := fmt.Sprintf("CREATE TABLE t AS SELECT * FROM read_files('%s', format => '%s', %s)", dir, format, readOptions[format])
		jobs := []job{s.freshet("freshet", sql)}
		for _, peer := range s.peers {
			jobs = append(jobs, s.peer(peer, string(format), dir))
		}
		_, err = compare(ctx, s, out, jobs)
		return err
	}
}

// memory loads a small and a large source.
func memory(ctx context.Context, s settings, out io.Writer) error {
	s.runs = 1
	for _, size := range []int64{100 << 20, s.large} {
		if size == 0 {
			continue
		}
		dir, err := s.data(ctx, factory.CSV, size)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("freshet %d MB", size>>20)
		sql := fmt.Sprintf("CREATE TABLE t AS SELECT * FROM read_files('%s', format => 'csv', header => true)", dir)
		if _, err := compare(ctx, s, out, []job{s.freshet(name, sql)}); err != nil {
			return err
		}
	}
	return nil
}

// known loads many small files once and then finds nothing new.
func known(ctx context.Context, s settings, out io.Writer) error {
	dir := filepath.Join(s.dir, "known-"+strconv.Itoa(s.files))
	if err := manyFiles(dir, s.files); err != nil {
		return err
	}
	workspace := filepath.Join(s.dir, "known-workspace-"+strconv.Itoa(s.files))
	sql := fmt.Sprintf("COPY INTO t FROM '%s' FILEFORMAT = JSON COPY_OPTIONS ('mergeSchema' = 'true')", dir)
	again := job{name: "freshet", command: func(string) []string {
		return []string{s.program, "sql", "--quiet", "--workspace", workspace, "-e", sql}
	}}
	load := job{name: "first load", command: func(string) []string {
		return []string{s.program, "sql", "--quiet", "--workspace", workspace, "-e", "CREATE TABLE IF NOT EXISTS t; " + sql}
	}}
	if _, err := s.once(ctx, load); err != nil {
		return err
	}
	_, err := compare(ctx, s, out, []job{again})
	return err
}

// manyFiles makes n files of one JSON line each, unless they are there.
func manyFiles(dir string, n int) error {
	if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("%08d.json", n-1))); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for i := range n {
		line := fmt.Sprintf("{\"id\":%d,\"v\":%d.5}\n", i, i%100)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%08d.json", i)), []byte(line), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// start loads one row into a new table of a new workspace.
func start(ctx context.Context, s settings, out io.Writer) error {
	file := filepath.Join(s.dir, "one.csv")
	if err := os.WriteFile(file, []byte("id,v\n1,2.5\n"), 0o600); err != nil {
		return err
	}
	s.runs = max(s.runs, 5)
	_, err := compare(ctx, s, out, []job{
		s.freshet("freshet", fmt.Sprintf("CREATE TABLE t AS SELECT * FROM read_files('%s', format => 'csv', header => true)", file)),
	})
	return err
}
