package query

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// openSpill names a new directory for what the engine spills, which is made
// when it does. What processes have left there that were killed is deleted.
func (p *Planner) openSpill() (dir string, err error) {
	all := filepath.Join(p.Root, "tmp")
	if err := os.MkdirAll(all, 0o777); err != nil { //nolint:gosec // the umask decides who shares a workspace
		return "", fmt.Errorf("make room to spill: %w", err)
	}
	left, err := os.ReadDir(all)
	if err != nil {
		return "", fmt.Errorf("look at what was spilled: %w", err)
	}
	for _, d := range left {
		if !checkpoint.Died(spiller(d.Name())) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(all, d.Name())); err != nil {
			return "", fmt.Errorf("delete what was spilled: %w", err)
		}
	}
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name a directory to spill to: %w", err)
	}
	return filepath.Join(all, strconv.Itoa(os.Getpid())+"."+p.NewID()+"."+host), nil
}

// spiller returns the process that a directory of spilled data is of; the zero
// value is nobody.
func spiller(name string) checkpoint.Owner {
	pid, rest, _ := strings.Cut(name, ".")
	_, host, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(pid)
	if err != nil {
		return checkpoint.Owner{}
	}
	return checkpoint.Owner{Host: host, PID: n}
}
