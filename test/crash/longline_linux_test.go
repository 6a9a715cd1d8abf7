package crash_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object/local"
)

// lineLength is how long the line is: 100 MB.
const lineLength = 100 << 20

// A line of 100 MB is read like any other, in memory of six times its length
// at most: the program, the value, and the page made of it in three forms. What
// else the input holds does not add to it.
func TestLongLine(t *testing.T) {
	if raceDetector {
		t.Skip("under the race detector the memory of the process says nothing")
	}
	for _, c := range []struct{ format, before, after, options string }{
		{"csv", "id,v\n1,", "\n2,b\n", ", header => true"},
		{"json", `{"id":1,"v":"`, "\"}\n{\"id\":2,\"v\":\"b\"}\n", ""},
	} {
		t.Run(c.format, func(t *testing.T) {
			dir := t.TempDir()
			in, out := filepath.Join(dir, "in."+c.format), filepath.Join(dir, "t")
			if err := writeLong(in, c.before, c.after); err != nil {
				t.Fatal(err)
			}
			cmd := process(t, "sql", filepath.Join(dir, "ws"),
				fmt.Sprintf("CREATE TABLE delta.`%s` AS SELECT * FROM read_files('%s', format => '%s'%s)", out, in, c.format, c.options))
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			if !ok {
				t.Fatalf("usage is a %T", cmd.ProcessState.SysUsage())
			}
			t.Logf("peak memory %d MiB", usage.Maxrss>>10)
			if limit := int64(6 * lineLength >> 10); usage.Maxrss > limit {
				t.Errorf("loading took %d MiB, want %d at most", usage.Maxrss>>10, limit>>10)
			}
			snap, err := delta.NewTable(local.New(out), delta.Options{}).Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var lengths []int
			for rec, err := range snap.Scan(t.Context(), delta.ScanOptions{Columns: []string{"v"}}) {
				if err != nil {
					t.Fatal(err)
				}
				for i := range int(rec.NumRows()) {
					lengths = append(lengths, len(rec.Column(0).ValueStr(i)))
				}
			}
			if len(lengths) != 2 || lengths[0] != lineLength || lengths[1] != 1 {
				t.Errorf("the values have %d bytes, want %d and 1", lengths, lineLength)
			}
		})
	}
}

// writeLong writes a file with a value of lineLength bytes.
func writeLong(name, before, after string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(f)
	_, _ = out.WriteString(before) // a failure is Flush's too
	piece := strings.Repeat("0123456789abcdef", 64)
	for range lineLength / len(piece) {
		_, _ = out.WriteString(piece)
	}
	_, _ = out.WriteString(after)
	return errors.Join(out.Flush(), f.Close())
}
