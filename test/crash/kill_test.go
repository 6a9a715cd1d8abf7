package crash_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/cli"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/factory"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/session"
)

// runSQL is the program's sql command: args are workspace and statements.
func runSQL(ctx context.Context, args []string) error {
	std := cli.Streams{In: strings.NewReader(strings.Join(args[1:], ",")), Out: os.Stdout, Err: os.Stderr}
	if status := cli.Main(ctx, []string{"sql", "--quiet", "--workspace", args[0]}, std); status != 0 {
		return errors.New("exit status " + strconv.Itoa(status))
	}
	return nil
}

// data is factory data, sensor readings as CSV, and the truth about it.
type data struct {
	factory.Dataset
	dir   string
	table string // of all rows, with the name of their file as f
}

func newData(t *testing.T, rows int64) data {
	t.Helper()
	dir := t.TempDir()
	truth, err := factory.Generate(t.Context(), factory.Config{
		Store: local.New(dir), Seed: 1, Rows: rows, Files: 12,
		Kinds: []factory.Kind{factory.Sensors}, Formats: []factory.Format{factory.CSV}, Compress: factory.Gzip,
	})
	if err != nil {
		t.Fatal(err)
	}
	set, ok := truth.Dataset(factory.Sensors, factory.CSV)
	if !ok {
		t.Fatal("no sensor readings were made")
	}
	d := data{set, dir, "delta.`" + filepath.Join(dir, "all") + "`"}
	p := d.plant(t, dir)
	defer p.close()
	p.must("CREATE TABLE " + d.table + " AS SELECT *, _metadata.file_name AS f FROM " + readSource)
	return d
}

// plant is data and a workspace to load it into.
type plant struct {
	t       *testing.T
	dir     string
	data    data
	session *session.Session // looks at what other processes did
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	p := newData(t, 60_000).plant(t, t.TempDir())
	t.Cleanup(p.close)
	return p
}

// plant opens a workspace below a directory. It is to be closed.
func (d data) plant(t *testing.T, dir string) *plant {
	t.Helper()
	p := &plant{t: t, dir: dir, data: d}
	s, err := session.Open(t.Context(), session.Config{Workspace: p.workspace(), Parallelism: 2})
	if err != nil {
		t.Fatal(err)
	}
	p.session = s
	return p
}

func (p *plant) close() {
	if err := p.session.Close(); err != nil {
		p.t.Error(err)
	}
}

// source is the files as SQL names them.
func (p *plant) source() string { return filepath.Join(p.data.dir, p.data.Directory) }

func (p *plant) workspace() string { return filepath.Join(p.dir, "ws") }

// run runs statements in this process and returns the first row of the last.
func (p *plant) run(text string) (row string, err error) {
	for r, err := range p.session.Run(p.t.Context(), strings.ReplaceAll(text, "$SOURCE", p.source())) {
		if err != nil {
			return "", err
		}
		row = ""
		if r.Schema == nil {
			continue
		}
		for rec, err := range r.Rows {
			if err != nil {
				return "", err
			}
			if rec.NumRows() == 0 || row != "" {
				continue
			}
			cells := make([]string, rec.NumCols())
			for i := range cells {
				cells[i] = rec.Column(i).ValueStr(0)
			}
			row = strings.Join(cells, "|")
		}
	}
	return row, nil
}

// must is run for statements that have to work.
func (p *plant) must(text string) string {
	p.t.Helper()
	row, err := p.run(text)
	if err != nil {
		p.t.Fatalf("%s\n%s", text, errclass.Format(err))
	}
	return row
}

// interrupted is a statement that is ended before its time. It loads all
// files into t.
type interrupted struct {
	name    string
	prepare string // $SOURCE stands for the files
	has     int64  // how often t holds everything before
	text    string
	// repeatable says that the statement, run again, adds nothing.
	repeatable bool
}

const readSource = "read_files('$SOURCE', format => 'csv', header => true)"

var statementsToInterrupt = []interrupted{
	{
		name: "COPY INTO", prepare: "DROP TABLE IF EXISTS t; CREATE TABLE t", repeatable: true,
		text: "COPY INTO t FROM '$SOURCE' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true') COPY_OPTIONS ('mergeSchema' = 'true')",
	},
	{name: "CTAS", prepare: "DROP TABLE IF EXISTS t", text: "CREATE TABLE t AS SELECT * FROM " + readSource},
	{
		name: "INSERT", prepare: "DROP TABLE IF EXISTS t; CREATE TABLE t AS SELECT * FROM " + readSource, has: 1,
		text: "INSERT INTO t SELECT * FROM " + readSource,
	},
}

// totals is a query of the number of rows of t and, for each numeric column,
// of its values and their exact sum.
func (p *plant) totals() string {
	text := "SELECT count(*)"
	for _, name := range slices.Sorted(maps.Keys(p.data.Numbers)) {
		text += ", count(" + name + "), sum(CAST(" + name + " AS DECIMAL(18,4)))"
	}
	return text + " FROM t"
}

// truth is what totals gives when everything is loaded n times.
func (p *plant) truth(n int64) string {
	if n == 0 {
		return ""
	}
	cells := []string{strconv.FormatInt(n*p.data.Rows, 10)}
	for _, name := range slices.Sorted(maps.Keys(p.data.Numbers)) {
		number := p.data.Numbers[name]
		sum := factory.Decimal(n) * number.Sum
		cells = append(cells, strconv.FormatInt(n*number.Values, 10), strings.TrimRight(strings.TrimRight(sum.String(), "0"), "."))
	}
	return strings.Join(cells, "|")
}

// found returns the totals of t, "" when there is no table or none with
// columns.
func (p *plant) found() string {
	p.t.Helper()
	row, _ := p.ask(p.totals())
	return row
}

// noTable are the error classes that say that there is no table, or none yet.
var noTable = []string{"TABLE_OR_VIEW_NOT_FOUND", "DELTA_TABLE_NOT_FOUND", "DELTA_READ_TABLE_WITHOUT_COLUMNS"}

// ask runs a query, and reports whether there is a table with columns for it.
func (p *plant) ask(query string) (row string, ok bool) {
	p.t.Helper()
	row, err := p.run(query)
	var c errclass.Classified
	switch {
	case err == nil:
		return row, true
	case errors.As(err, &c) && slices.Contains(noTable, c.ErrorClass()):
		return "", false
	}
	p.t.Fatalf("%s\n%s", query, errclass.Format(err))
	return "", false
}

// interruptions is for how long statements are interrupted.
func interruptions() time.Duration {
	if os.Getenv("FRESHET_SOAK") != "" {
		return 10 * time.Minute
	}
	return 20 * time.Second
}

// A process that runs a statement is killed, or interrupted as by Ctrl-C, at
// random moments. Whatever the moment, the table is as before or as after the
// statement; and the statement run again loads exactly what is left.
func TestInterruptedStatements(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	deadline := time.Now().Add(interruptions())
	outcomes := map[string]int{}
	for round := 0; time.Now().Before(deadline) && !t.Failed(); round++ {
		for _, s := range statementsToInterrupt {
			outcomes[s.name+", "+p.interrupt(s, rng, round%2 == 0)]++
		}
	}
	for outcome, n := range outcomes {
		t.Logf("%s: %d times", outcome, n)
	}
	for _, s := range statementsToInterrupt {
		if outcomes[s.name+", before"] == 0 {
			t.Errorf("%s was never interrupted before its end: %v", s.name, outcomes)
		}
	}
}

// interrupt ends a process that runs s at a random moment, and returns what
// the table then is: before or after.
func (p *plant) interrupt(s interrupted, rng *rand.Rand, kill bool) (outcome string) {
	t := p.t
	t.Helper()
	p.must(s.prepare)
	before, after := p.truth(s.has), p.truth(s.has+1)
	cmd := process(t, "sql", p.workspace(), strings.ReplaceAll(s.text, "$SOURCE", p.source()))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	delay := time.Duration(rng.Int64N(int64(longest)))
	signal, err := end(cmd, delay, kill)
	story := fmt.Sprintf("%s, %s after %v (%v): %s", s.name, signal, delay, err, stderr.String())
	got := p.found()
	switch {
	case got != before && got != after:
		t.Fatalf("%s\nthe table holds %q\nwant %q\nor   %q", story, got, before, after)
	case err == nil && got != after:
		t.Fatalf("%s\nthe statement succeeded and the table holds %q\nwant %q", story, got, after)
	}
	if got == before || s.repeatable {
		p.must(s.text)
	}
	if final := p.found(); final != after {
		t.Fatalf("%s\nrun again, it leaves %q\nwant %q", story, final, after)
	}
	if got == before {
		return "before"
	}
	return "after"
}

// longest is for how long a process is let run; its statement takes less.
const longest = 400 * time.Millisecond

// end signals a process after a delay and waits for its end.
func end(cmd *exec.Cmd, delay time.Duration, kill bool) (signal syscall.Signal, err error) {
	signal = syscall.SIGINT
	if kill {
		signal = syscall.SIGKILL
	}
	// A process that has ended meanwhile needs no signal.
	timer := time.AfterFunc(delay, func() { _ = cmd.Process.Signal(signal) })
	defer timer.Stop()
	return signal, cmd.Wait()
}
