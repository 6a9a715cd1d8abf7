package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/session"
)

func TestDescribeProgress(t *testing.T) {
	tests := []struct {
		p    session.Progress
		want string
	}{
		{session.Progress{}, "0 files, 0 rows, 0 B"},
		{session.Progress{Files: 3, Rows: 1234, Bytes: 5000}, "3 files, 1.2 k rows, 5.0 kB, 2.5 kB/s"},
		{
			session.Progress{Files: 12, TotalFiles: 40, Rows: 1_200_000, Bytes: 340e6, TotalBytes: 1_100e6},
			"12/40 files, 1.2 M rows, 340 MB of 1.1 GB (30%), 170 MB/s, 4 s left",
		},
		{session.Progress{Files: 1, TotalFiles: 1, Bytes: 11, TotalBytes: 10}, "1/1 files, 0 rows, 11 B of 10 B (100%), 5 B/s"},
	}
	for _, tt := range tests {
		if got := describeProgress(tt.p, 2*time.Second); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestProgressIsRareAndLeavesNothing(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := start
	var out strings.Builder
	line := &progressLine{w: &out, clock: func() time.Time { return now }}
	at := func(d time.Duration) bool {
		now = start.Add(d)
		before := out.Len()
		line.update(session.Progress{Started: start, Files: 1})
		return out.Len() > before
	}
	for _, step := range []struct {
		at   time.Duration
		want bool
	}{
		{500 * time.Millisecond, false}, // a short statement shows none
		{1000 * time.Millisecond, true},
		{1100 * time.Millisecond, false}, // too soon after the one before
		{1200 * time.Millisecond, true},
	} {
		if got := at(step.at); got != step.want {
			t.Errorf("after %s: shown %v, want %v", step.at, got, step.want)
		}
	}
	out.Reset()
	line.clear()
	line.clear()
	if got, want := out.String(), "\r\x1b[K"; got != want {
		t.Errorf("clear writes %q, want %q once", got, want)
	}
}
