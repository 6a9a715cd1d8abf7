//go:build interop

// Package interop checks tables against other implementations of Delta Lake:
// Apache Spark with delta-spark, and delta-rs. `make interop` sets them up.
package interop_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// driver is the Python process that holds Spark and delta-rs; it serves all
// tests of the package, one at a time.
type driver struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// peers is started by TestMain.
var peers *driver

func TestMain(m *testing.M) {
	var err error
	if peers, err = startDriver(); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
	code := m.Run()
	if err := peers.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "interop: stop driver:", err)
		code = 1
	}
	os.Exit(code)
}

func startDriver() (*driver, error) {
	python := os.Getenv("FRESHET_PYTHON")
	if python == "" {
		return nil, errors.New("FRESHET_PYTHON is not set; run the suite by `make interop`")
	}
	d := &driver{cmd: exec.Command(python, "driver.py")}
	log, err := os.CreateTemp("", "freshet-interop-*.log")
	if err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	fmt.Fprintln(os.Stderr, "interop: the peers' own output goes to", log.Name())
	d.cmd.Stderr = log
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start driver: %w", err)
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start driver: %w", err)
	}
	d.out = bufio.NewReaderSize(out, 1<<20)
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start driver: %w", err)
	}
	return d, nil
}

func (d *driver) stop() error {
	if err := d.in.Close(); err != nil {
		return err
	}
	return d.cmd.Wait()
}

// request is one question to the driver; driver.py explains the fields.
type request struct {
	Do         string   `json:"do"`
	Engine     string   `json:"engine,omitempty"`
	Path       string   `json:"path,omitempty"`
	Version    *int64   `json:"version,omitempty"`
	Text       string   `json:"text,omitempty"`
	Parquet    string   `json:"parquet,omitempty"`
	Mode       string   `json:"mode,omitempty"`
	Partition  []string `json:"partition,omitempty"`
	SchemaMode string   `json:"schema_mode,omitempty"`
}

// rows is a table or a statement's result in the driver's canonical form, in
// which equal tables are equal.
type rows struct {
	Columns []string `json:"columns"`
	Types   []string `json:"types"`
	Rows    [][]any  `json:"rows"`
}

// ask returns the driver's answer, or what went wrong there.
func ask[T any](t *testing.T, r request) (T, error) {
	t.Helper()
	var answer struct {
		OK    T      `json:"ok"`
		Error string `json:"error"`
	}
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatalf("encode request: %v", err)
	}
	if _, err := peers.in.Write(append(line, '\n')); err != nil {
		t.Fatalf("ask driver: %v", err)
	}
	reply, err := peers.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("the driver ended: %v", err)
	}
	if err := json.Unmarshal(reply, &answer); err != nil {
		t.Fatalf("decode answer %.200s: %v", reply, err)
	}
	if answer.Error != "" {
		return answer.OK, fmt.Errorf("%s %s: %s", r.Engine, r.Do, answer.Error)
	}
	return answer.OK, nil
}

// mustAsk is ask for what has to work.
func mustAsk[T any](t *testing.T, r request) T {
	t.Helper()
	answer, err := ask[T](t, r)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// spark runs one statement of Spark SQL.
func spark(t *testing.T, format string, args ...any) rows {
	t.Helper()
	return mustAsk[rows](t, request{Do: "sql", Text: fmt.Sprintf(format, args...)})
}

// read returns the rows of the table in dir as an engine sees them.
func read(t *testing.T, engine, dir string) rows {
	t.Helper()
	return mustAsk[rows](t, request{Do: "read", Engine: engine, Path: dir})
}
