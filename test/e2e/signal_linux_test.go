package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// signalled writes a folder of JSON files and a pipeline that loads them in
// batches of one, and returns the directory of both.
func signalled(t *testing.T, files int) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"in", "plant"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for i := range files {
		rows := strings.Repeat(fmt.Sprintf(`{"file":%d}`, i)+"\n", 10)
		if err := os.WriteFile(filepath.Join(dir, "in", strconv.Itoa(i)+".json"), []byte(rows), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "plant", "p.sql"), []byte(loadOneByOne), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

const (
	load         = "CREATE OR REFRESH STREAMING TABLE bronze AS SELECT * FROM STREAM read_files('in', format => 'json', schema => 'file INT'"
	loadOneByOne = load + ", maxFilesPerTrigger => 1)"
	loadAll      = load + ")"
)

// TestSignals: Ctrl-C and SIGTERM end every command that loads, soon and
// between two batches; the next run loads the rest, and each file once. A
// pipeline that keeps going has ended well then, all others have not.
func TestSignals(t *testing.T) {
	const files = 200
	for name, c := range map[string]struct {
		args   []string
		status int
	}{
		"sql":            {[]string{"sql", "-e", loadOneByOne}, 1},
		"run":            {[]string{"run", "plant"}, 1},
		"run continuous": {[]string{"run", "plant", "--continuous", "--interval", "1s"}, 0},
	} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(name+" "+sig.String(), func(t *testing.T) {
				dir := signalled(t, files)
				p := start(t, dir, c.args...)
				awaitFiles(t, filepath.Join(dir, "lake/checkpoints/main/default/bronze-*/commits"), 3)
				if status := p.end(sig); status != c.status {
					t.Errorf("the exit status is %d, want %d:\n%s", status, c.status, p.text())
				}
				const count = "SELECT count(*), count(DISTINCT file), count(*) % 10 FROM bronze"
				loaded := strings.Split(lastLine(freshetIn(t, dir, "sql", "-q", "--format", "csv", "-e", count)), ",")
				if n, err := strconv.Atoi(loaded[0]); err != nil || n == 0 || n == files*10 || loaded[2] != "0" {
					t.Errorf("after the signal there are %q rows, files and rows of a part of one; want some, and no part", loaded)
				}
				freshetIn(t, dir, "sql", "-e", loadAll)
				if got, want := lastLine(freshetIn(t, dir, "sql", "-q", "--format", "csv", "-e", count)), fmt.Sprintf("%d,%d,0", files*10, files); got != want {
					t.Errorf("after another run there are %s, want %s", got, want)
				}
			})
		}
	}
}

// TestStopElsewhere: freshet stream stop ends a flow that a pipeline keeps
// going in another process; REFRESH starts it again.
func TestStopElsewhere(t *testing.T) {
	dir := signalled(t, 1)
	p := start(t, dir, "run", "plant", "--continuous", "--interval", "100ms")
	p.expect("COMPLETED", 1)
	freshetIn(t, dir, "stream", "stop", "bronze")
	if err := os.WriteFile(filepath.Join(dir, "in/new.json"), []byte(`{"file":-1}`), 0o666); err != nil {
		t.Fatal(err)
	}
	p.expect("STOPPED", 1)
	if got := freshetIn(t, dir, "stream", "ls"); !strings.Contains(got, "STOPPED") {
		t.Errorf("freshet stream ls prints\n%s\nwant STOPPED", got)
	}
	freshetIn(t, dir, "sql", "-e", "REFRESH STREAMING TABLE bronze")
	if err := os.WriteFile(filepath.Join(dir, "in/newer.json"), []byte(`{"file":-2}`), 0o666); err != nil {
		t.Fatal(err)
	}
	p.expect("COMPLETED", 2)
	if status := p.end(syscall.SIGTERM); status != 0 {
		t.Errorf("the exit status is %d, want 0:\n%s", status, p.text())
	}
}

func lastLine(text string) string { return text[strings.LastIndex(text, "\n")+1:] }

// awaitFiles waits until so many files are in a directory.
func awaitFiles(t *testing.T, pattern string, n int) {
	t.Helper()
	for t.Context().Err() == nil {
		if found, err := filepath.Glob(filepath.Join(pattern, "*")); err == nil && len(found) >= n {
			return
		}
	}
	t.Fatalf("no %d files are in %s", n, pattern)
}
