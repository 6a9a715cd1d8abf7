package checkpoint

import (
	"errors"
	"os"
	"syscall"
)

// Died reports whether an owner is a process of this machine that is no more.
func Died(o Owner) bool {
	host, err := os.Hostname()
	if err != nil || host != o.Host || o.PID <= 0 {
		return false
	}
	p, err := os.FindProcess(o.PID)
	if err != nil {
		return false
	}
	return errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
