package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// stubborn says, in the environment, that this process is to look at signals
// and not to end.
const stubborn = "FRESHET_TEST_STUBBORN"

// TestSecondSignal: the first signal asks a command to end; the second ends a
// process that has not, at once.
func TestSecondSignal(t *testing.T) {
	if os.Getenv(stubborn) != "" {
		ctx, stop := interruptible(t.Context())
		defer stop()
		fmt.Fprintln(os.Stderr, "begun")
		<-ctx.Done()
		fmt.Fprintln(os.Stderr, "asked")
		select {}
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSecondSignal$", "-test.timeout=1m")
			cmd.Env = append(os.Environ(), stubborn+"=1")
			out, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			for _, want := range []string{"begun", "asked"} {
				if !lines.Scan() || lines.Text() != want {
					t.Fatalf("got %q, want %q", lines.Text(), want)
				}
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
			}
			for lines.Scan() {
				t.Log(lines.Text())
			}
			exit, ok := errors.AsType[*exec.ExitError](cmd.Wait())
			if !ok {
				t.Fatal("the process ended well")
			}
			if status, ok := exit.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != sig {
				t.Errorf("the process ended with %v, want to be ended by %v", exit, sig)
			}
		})
	}
}
