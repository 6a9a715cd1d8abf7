package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestShell types at the interactive shell as a person does: a statement over
// two lines, an error that does not end it, its commands, completion, quitting.
func TestShell(t *testing.T) {
	dir := t.TempDir()
	sh := startShell(t, dir)
	sh.expect("freshet> ")
	sh.enter("SELECT 6*7")
	sh.enter("AS answer;")
	sh.expect("42")
	sh.enter("SELECT * FROM nowhere;")
	sh.expect("TABLE_OR_VIEW_NOT_FOUND")
	sh.enter(`\timing`)
	sh.expect("Timing is on.")
	sh.enter("CREATE TABLE readings AS SELECT 1 AS sensor_id;")
	sh.expect("Time: ")
	sh.enter(`\d`)
	sh.expect("readings")
	sh.enter(`\h`)
	sh.expect("list tables")
	sh.enter(`\nonsense`)
	sh.expect("unknown command")
	sh.enter("SELECT count(*) AS n FROM readi\t;")
	sh.expect("1 row")
	sh.enter(`\q`)
	if err := sh.cmd.Wait(); err != nil {
		t.Errorf("the shell ended with %v", err)
	}
	history, err := os.ReadFile(filepath.Join(dir, "freshet", "history"))
	if err != nil || !strings.Contains(string(history), "answer") {
		t.Errorf("history is %q, error %v; want the statements typed", history, err)
	}
}

// terminal is a shell at a pseudo-terminal that answers, as terminals do,
// where its cursor is.
type terminal struct {
	t   *testing.T
	cmd *exec.Cmd
	tty *os.File

	mu   sync.Mutex
	seen bytes.Buffer
	more chan struct{}
}

func startShell(t *testing.T, state string) *terminal {
	t.Helper()
	tty, child := openTerminal(t)
	cmd := exec.CommandContext(t.Context(), "freshet", "sql")
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+state, "TERM=xterm", "INPUTRC=/dev/null")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = child, child, child
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := child.Close(); err != nil {
		t.Fatal(err)
	}
	s := &terminal{t: t, cmd: cmd, tty: tty, more: make(chan struct{}, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.read()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = tty.Close()
		<-done
	})
	return s
}

func openTerminal(t *testing.T) (tty, child *os.File) {
	t.Helper()
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	fd := int(tty.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatalf("unlock terminal: %v", err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatalf("find terminal: %v", err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120}); err != nil {
		t.Fatalf("size terminal: %v", err)
	}
	child, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("open terminal: %v", err)
	}
	return tty, child
}

// read collects what the shell prints until it ends.
func (s *terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := s.tty.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("\x1b[6n")) {
			if _, err := s.tty.WriteString("\x1b[1;1R"); err != nil {
				return
			}
		}
		s.mu.Lock()
		s.seen.Write(buf[:n])
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
	}
}

// enter types a line when the terminal has come to rest: what is typed while
// the editor waits for the cursor's place would be taken for the answer.
func (s *terminal) enter(line string) {
	s.t.Helper()
	const rest = 300 * time.Millisecond
	for quiet := time.NewTimer(rest); ; {
		select {
		case <-s.more:
			quiet.Reset(rest)
			continue
		case <-quiet.C:
		}
		break
	}
	if _, err := s.tty.WriteString(line + "\r"); err != nil {
		s.t.Fatalf("type %q: %v", line, err)
	}
}

// expect waits until text is printed, and forgets what came before it.
func (s *terminal) expect(text string) {
	s.t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for {
		s.mu.Lock()
		at := bytes.Index(s.seen.Bytes(), []byte(text))
		if at >= 0 {
			s.seen.Next(at + len(text))
		}
		seen := s.seen.String()
		s.mu.Unlock()
		if at >= 0 {
			return
		}
		select {
		case <-s.more:
		case <-limit.C:
			s.t.Fatalf("%q is not printed, but %q", text, seen)
		}
	}
}
