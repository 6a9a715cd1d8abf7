package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/freshet/freshet/internal/factory"
)

// Each of the small files is of so many bytes, or a line more.
const smallFile = 10_000

// autoloaderSmallFiles loads many small JSON files through a streaming table,
// and the same files at once by COPY INTO.
func autoloaderSmallFiles(ctx context.Context, s settings, out io.Writer) error {
	dir := filepath.Join(s.dir, fmt.Sprintf("small-%d", s.files))
	if err := smallFiles(dir, s.files); err != nil {
		return err
	}
	found, err := compare(ctx, s, out, []job{
		s.freshet("streaming table", fmt.Sprintf("CREATE STREAMING TABLE t AS SELECT * FROM STREAM read_files('%s', format => 'json')", dir)),
		s.freshet("COPY INTO", fmt.Sprintf("CREATE TABLE t; COPY INTO t FROM '%s' FILEFORMAT = JSON COPY_OPTIONS ('mergeSchema' = 'true')", dir)),
	})
	if err != nil {
		return err
	}
	for _, m := range found {
		n := float64(s.files)
		fmt.Fprintf(out, "%s: %.0f files/s by the clock, %.0f µs of processor time a file\n", m.name, n/median(m.seconds), median(m.cpu)/n*1e6)
	}
	return nil
}

// autoloaderCSV loads CSV through a streaming table and by COPY INTO: as text,
// and with the types that either finds in the data.
func autoloaderCSV(ctx context.Context, s settings, out io.Writer) error {
	dir, err := s.data(ctx, factory.CSV, s.size)
	if err != nil {
		return err
	}
	for _, typed := range []bool{false, true} {
		fmt.Fprintf(out, "-- typed: %t --\n", typed)
		_, err := compare(ctx, s, out, []job{
			s.freshet("COPY INTO", fmt.Sprintf("CREATE TABLE t; COPY INTO t FROM '%s' FILEFORMAT = CSV "+
				"FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = '%t') COPY_OPTIONS ('mergeSchema' = 'true')", dir, typed)),
			s.freshet("streaming table", fmt.Sprintf("CREATE STREAMING TABLE t AS SELECT * FROM STREAM read_files('%s', "+
				"format => 'csv', header => true, inferColumnTypes => %t)", dir, typed)),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// smallFiles makes n files of JSON lines, unless they are there.
func smallFiles(dir string, n int) error {
	if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("%06d.json", n-1))); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	row := 0
	for i := range n {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%06d.json", i)))
		if err != nil {
			return err
		}
		w := bufio.NewWriterSize(f, 2*smallFile)
		for w.Buffered() < smallFile {
			row++
			fmt.Fprintf(w, `{"id":%d,"sensor":"S-%04d","ts":"2026-01-%02dT%02d:%02d:%02d.000Z","temperature":%d.%03d,"pressure":1.%04d,"status":%q,"note":"reading number %d of sensor"}`+"\n",
				row, row%1000, 1+row%28, row%24, row%60, row%59, 20+row%10, row*7%1000, row*13%10_000, []string{"ok", "warn", "fail"}[row%3], row)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}
