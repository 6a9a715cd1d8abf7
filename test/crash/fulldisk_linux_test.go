package crash_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/session"
)

// namespaceVariable tells a test binary that it may mount file systems.
const namespaceVariable = "FRESHET_TEST_NAMESPACE"

// mounting runs the test in a process that has a view of the file systems of
// its own, where anyone may mount some. It reports whether this is the one.
func mounting(t *testing.T) bool {
	t.Helper()
	if os.Getenv(namespaceVariable) != "" {
		return true
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v"}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), namespaceVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var exit *exec.ExitError
	switch err := cmd.Run(); {
	case err != nil && !errors.As(err, &exit):
		t.Skipf("this machine has no file systems for who is not root: %v", err)
	case err != nil:
		t.Errorf("%v\n%s", err, out.String())
	case strings.Contains(out.String(), "--- SKIP"):
		t.Skip(out.String())
	default:
		t.Log(out.String())
	}
	return false
}

// disk is a small file system in memory.
type disk struct {
	t   *testing.T
	dir string
}

func mountDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{t, t.TempDir()}
	if err := syscall.Mount("tmpfs", d.dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(d.dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	// A disk of size 0 would have no limit.
	if err := os.WriteFile(filepath.Join(d.dir, "something"), []byte("is there"), 0o666); err != nil {
		t.Fatal(err)
	}
	return d
}

// leave makes the disk so large that so many bytes are free.
func (d *disk) leave(free int64) {
	d.t.Helper()
	var stat syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &stat); err != nil {
		d.t.Fatal(err)
	}
	used := int64(stat.Blocks-stat.Bfree) * stat.Bsize
	if err := syscall.Mount("tmpfs", d.dir, "tmpfs", syscall.MS_REMOUNT, "size="+strconv.FormatInt(used+free, 10)); err != nil {
		d.t.Fatalf("leave %d bytes beside %d: %v", free, used, err)
	}
}

const page = 4096

// fullDiskText writes everything that a workspace holds: the catalog, tables
// and their checkpoints, checkpoints of flows and their state, views, events.
const fullDiskText = `
	CREATE STREAMING TABLE IF NOT EXISTS t TBLPROPERTIES ('delta.checkpointInterval' = '1')
	AS SELECT * FROM STREAM read_files('$IN', format => 'csv', header => true, maxFilesPerTrigger => 2);
	REFRESH STREAMING TABLE t;
	CREATE STREAMING TABLE IF NOT EXISTS counted AS SELECT sensor_id, count(*) AS n FROM STREAM t GROUP BY sensor_id;
	REFRESH STREAMING TABLE counted;
	CREATE MATERIALIZED VIEW IF NOT EXISTS sums AS SELECT line, sum(battery) AS s FROM t GROUP BY line;
	REFRESH MATERIALIZED VIEW sums`

// A workspace is on a file system that gets full, at one page after the other.
// Each process says so, and where; and once there is room all goes on: no row
// is lost and none doubled.
func TestFullFileSystem(t *testing.T) {
	if !mounting(t) {
		return
	}
	files := newData(t, 12_000)
	d := mountDisk(t)
	r := &round{plant: &plant{t: t, dir: d.dir, data: files}, sc: &scene{}, landing: filepath.Join(t.TempDir(), "landing")}
	if err := os.MkdirAll(r.landing, 0o777); err != nil {
		t.Fatal(err)
	}
	come, err := filepath.Glob(filepath.Join(r.source(), "*"))
	if err != nil {
		t.Fatal(err)
	}
	failed, last := 0, len(come)-1
	for i, name := range come[:last] {
		r.arrive(name)
		if i%4 == 2 {
			failed += r.fillUp(d)
		}
	}
	// What is no error of a load, such as a checkpoint of the log that found no
	// room, is made up for by the next.
	r.arrive(come[last])
	if said, err := r.runOnce(ordeal{}, fullDiskText); err != nil {
		t.Fatalf("with room: %v: %s", err, said)
	}
	t.Logf("the disk was full %d times", failed)
	if failed < 30 {
		t.Errorf("the disk was full %d times only", failed)
	}
	r.plant = files.plant(t, d.dir)
	defer r.close()
	r.sc.want = map[string]string{
		"t":                     allRows,
		"SELECT * FROM counted": "SELECT sensor_id, count(*) AS n FROM $ALL GROUP BY sensor_id",
		"SELECT * FROM sums":    "SELECT line, sum(battery) AS s FROM $ALL GROUP BY line",
	}
	r.checkAlways()
	r.checkEnd()
	found, err := filepath.Glob(filepath.Join(r.workspace(), "tables/*/*/t/_delta_log/_last_checkpoint"))
	if err != nil || len(found) != 1 {
		t.Errorf("checkpoints of the table's log: %v, %v", found, err)
	}
}

// fillUp runs processes on a disk with ever more room, until one goes through,
// and returns how many did not.
func (r *round) fillUp(d *disk) (failed int) {
	t := r.t
	t.Helper()
	for free := int64(0); ; free += page {
		if free > 1<<20 {
			t.Fatal("it does not work however much room there is")
		}
		d.leave(free)
		said, err := r.runOnce(ordeal{}, fullDiskText)
		d.leave(64 << 20)
		if err == nil {
			return failed
		}
		failed++
		if !strings.Contains(said, "no space left on device") || !strings.Contains(said, r.dir) {
			t.Errorf("%d bytes free: %v: %s, want that the disk is full, and where", free, err, said)
		}
	}
}

// runOnce runs a process and returns what it says of its failure.
func (r *round) runOnce(o ordeal, text string) (said string, err error) {
	cmd := process(r.t, "suffer", r.workspace(), o.String(), r.fill(text))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err = cmd.Run()
	return stderr.String(), err
}

// under returns the names in a directory.
func under(dir string) []string {
	found, _ := filepath.Glob(filepath.Join(dir, "*")) // the pattern is one
	return found
}

// A query has more rows than memory, and the disk no room for them. It says so,
// and leaves nothing; with room it works, and what a process that was killed
// had spilled is gone.
func TestSpillToFullFileSystem(t *testing.T) {
	if !mounting(t) {
		return
	}
	d := mountDisk(t)
	r := &round{plant: &plant{t: t, dir: d.dir}}
	spilled := filepath.Join(r.workspace(), "tmp")
	o := ordeal{memory: 100 << 20}
	const sort = "CREATE TABLE s AS SELECT id, repeat(md5(CAST(id AS STRING)), 2) AS h FROM range(900000) ORDER BY h"
	d.leave(8 << 20)
	if said, err := r.runOnce(o, sort); err == nil || !strings.Contains(said, "no space left on device") || !strings.Contains(said, "directory tmp") {
		t.Errorf("on a full disk: %v: %s, want that there is no room in the directory tmp", err, said)
	}
	if left := under(spilled); len(left) > 0 {
		t.Errorf("what was spilled is still there: %v", left)
	}
	d.leave(600 << 20)
	killed := process(t, "suffer", r.workspace(), o.String(), sort)
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for len(under(spilled)) == 0 && t.Context().Err() == nil {
		<-tick.C
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := killed.Wait(); err == nil || len(under(spilled)) == 0 {
		t.Errorf("it ended before it was killed: %v", err)
	}
	if said, err := r.runOnce(o, "CREATE OR REPLACE"+strings.TrimPrefix(sort, "CREATE")); err != nil {
		t.Errorf("with room: %v: %s", err, said)
	}
	if left := under(spilled); len(left) > 0 {
		t.Errorf("what was spilled is still there: %v", left)
	}
	s, err := session.Open(t.Context(), session.Config{Workspace: r.workspace()})
	if err != nil {
		t.Fatal(err)
	}
	r.session = s
	defer r.close()
	if got := r.must("SELECT count(*), count(DISTINCT h) FROM s"); got != "900000|900000" {
		t.Errorf("the sorted table has %s rows and different values", got)
	}
}
