package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/session"
)

// Progress appears when a statement takes longer than progressDelay, and
// changes at most once in progressInterval.
const (
	progressDelay    = time.Second
	progressInterval = 200 * time.Millisecond
)

// progressLine is a line of progress on a terminal that is written over until
// the statement ends.
type progressLine struct {
	w     io.Writer
	clock func() time.Time

	mu    sync.Mutex
	last  time.Time
	shown bool
}

// update is session.Config.Progress.
func (l *progressLine) update(p session.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock()
	if now.Sub(p.Started) < progressDelay || now.Sub(l.last) < progressInterval {
		return
	}
	l.last, l.shown = now, true
	fmt.Fprint(l.w, "\r\x1b[K"+describeProgress(p, now.Sub(p.Started)))
}

// clear removes the line, so that something else can be printed.
func (l *progressLine) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shown {
		fmt.Fprint(l.w, "\r\x1b[K")
		l.shown = false
	}
}

// describeProgress says, for example,
// "12/40 files, 1.2 M rows, 340 MB of 1.1 GB (31%), 210 MB/s, 4 s left".
func describeProgress(p session.Progress, elapsed time.Duration) string {
	files := strconv.FormatInt(p.Files, 10)
	if p.TotalFiles > 0 {
		files += "/" + strconv.FormatInt(p.TotalFiles, 10)
	}
	parts := []string{files + " files", formatCount(p.Rows) + " rows"}
	bytes := formatBytes(p.Bytes)
	if p.TotalBytes > 0 {
		bytes += fmt.Sprintf(" of %s (%d%%)", formatBytes(p.TotalBytes), min(100, p.Bytes*100/p.TotalBytes))
	}
	parts = append(parts, bytes)
	if rate := float64(p.Bytes) / elapsed.Seconds(); rate > 0 {
		parts = append(parts, formatBytes(int64(rate))+"/s")
		if left := p.TotalBytes - p.Bytes; left > 0 {
			parts = append(parts, fmt.Sprintf("%.0f s left", float64(left)/rate))
		}
	}
	return strings.Join(parts, ", ")
}

// formatBytes writes a size in decimal units, such as 340 MB.
func formatBytes(n int64) string { return formatUnits(n, []string{"B", "kB", "MB", "GB", "TB"}) }

// formatCount writes a number such as 1.2 M.
func formatCount(n int64) string {
	return strings.TrimSpace(formatUnits(n, []string{"", "k", "M", "G", "T"}))
}

func formatUnits(n int64, units []string) string {
	v, i := float64(n), 0
	for v >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	if i == 0 || v >= 99.5 {
		return fmt.Sprintf("%.0f %s", v, units[i])
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}
