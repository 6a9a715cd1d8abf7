package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// idleFor is how long an idle pipeline is looked at, and idleCPU the processor
// time that it may take then, of which the kernel counts hundredths of a
// second. On a busy machine what follows a refresh may take longer than nothing
// is printed, so that it is looked at until it is at rest, or so often.
const (
	idleFor   = 5 * time.Second
	idleCPU   = 50 * time.Millisecond
	idleLooks = 4
)

// TestIdle: a pipeline that keeps going and has nothing to do costs no
// measurable processor time: the ten datasets of the demo together less than a
// hundredth of a processor, at an interval of a second. It does take what comes
// at once.
func TestIdle(t *testing.T) {
	dir := t.TempDir()
	freshetIn(t, dir, "generate", "--out", "demo-data", "--size", "1MB", "--seed", "42")
	demo, err := filepath.Abs("../../examples/manufacturing")
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, dir, "run", demo, "--continuous", "--interval", "1s")
	for _, dataset := range []string{"manufacturing_gold.lines", "manufacturing_gold.complaints", "manufacturing_gold.yield"} {
		p.expect("COMPLETED  main."+dataset, 1)
	}
	settle(t, p, 2*time.Second)
	least := time.Hour
	for look := 0; look < idleLooks && least > idleCPU; look++ {
		before := processorTime(t, p.cmd.Process.Pid)
		settle(t, p, idleFor)
		least = min(least, processorTime(t, p.cmd.Process.Pid)-before)
	}
	if least > idleCPU {
		t.Errorf("an idle pipeline takes %v of the processor in %v, want %v at most", least, idleFor, idleCPU)
	}
	late := `{"event_id":"E-new","timestamp":"2026-01-02T00:00:00Z","equipment":{"id":"oven-00","line":"L1"},"level":"ERROR","message":"door open"}`
	if err := os.WriteFile(filepath.Join(dir, "demo-data/logs/json/late.json"), []byte(late+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	p.expect("COMPLETED  main.manufacturing_gold.complaints", 2)
	if status := p.end(syscall.SIGTERM); status != 0 {
		t.Errorf("the exit status is %d, want 0:\n%s", status, p.text())
	}
}

// settle waits until nothing was printed for some time.
func settle(t *testing.T, p *process, quiet time.Duration) {
	t.Helper()
	for timer := time.NewTimer(quiet); ; timer.Reset(quiet) {
		select {
		case <-p.more:
		case <-timer.C:
			return
		}
	}
}

// processorTime is what a process has taken of the processors.
func processorTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ") // the name may hold spaces
	fields := strings.Fields(after)
	var ticks int64
	for _, field := range fields[11:13] { // in user code, and in the kernel
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
