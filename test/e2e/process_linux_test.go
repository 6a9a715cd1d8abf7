package e2e_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// process is a freshet that runs beside the test.
type process struct {
	t   *testing.T
	cmd *exec.Cmd

	mu   sync.Mutex
	seen bytes.Buffer
	more chan struct{}
}

// start starts freshet in a directory. It is killed with the test, if it has
// not ended before.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.CommandContext(t.Context(), "freshet", args...), more: make(chan struct{}, 1)}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), "FRESHET_WORKSPACE=lake")
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// Write takes in what the process prints.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen.Write(b)
	select {
	case p.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.String()
}

// expect waits until the process has printed a text so many times.
func (p *process) expect(text string, times int) {
	p.t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for strings.Count(p.text(), text) < times {
		select {
		case <-p.more:
		case <-deadline.C:
			p.t.Fatalf("it does not print %q %d times, but:\n%s", text, times, p.text())
		}
	}
}

// end sends a signal and waits until the process ends, which is to take less
// than a minute. It returns the exit status, -1 when a signal ended it.
func (p *process) end(sig os.Signal) int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
	return p.wait()
}

func (p *process) wait() int {
	p.t.Helper()
	late := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	err := p.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		p.t.Fatal(err)
	} else if ok {
		return exit.ExitCode()
	}
	return 0
}

// freshetIn runs freshet in a directory to its end, and returns what it prints.
func freshetIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	p := start(t, dir, args...)
	if status := p.wait(); status != 0 {
		t.Fatalf("freshet %q ends with status %d:\n%s", args, status, p.text())
	}
	return strings.TrimSpace(p.text())
}
