package autoloader_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// rest waits in real time.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// processor returns how long this process has used processors.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestIdleFlowRests: a flow that keeps running over a folder in which nothing
// happens takes next to no processor time, whether it is told of files or lists
// the folder at the pace of a flow without an interval.
func TestIdleFlowRests(t *testing.T) {
	const window = 2 * time.Second
	for _, tc := range []struct {
		name, notified string
		most           time.Duration // in the window
	}{
		{"notified", "true", 4 * time.Millisecond},
		{"polling", "false", 20 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			in := filepath.Join(dir, "in")
			err := errors.Join(os.Mkdir(in, 0o777), os.WriteFile(filepath.Join(in, "1.json"), []byte(`{"a":1}`), 0o666))
			if err != nil {
				t.Fatal(err)
			}
			store := local.New(filepath.Join(dir, "checkpoint"))
			source, err := autoloader.Open(t.Context(), autoloader.Config{
				Path: in, Options: json("cloudFiles.useNotifications", tc.notified), Openers: location.Local(),
				Checkpoint: store, State: "sources/0/", Clock: time.Now, NewID: uuid.NewString,
			})
			if err != nil {
				t.Fatal(err)
			}
			c, err := checkpoint.Open(t.Context(), store, checkpoint.Options{NewID: uuid.NewString, Sleep: rest})
			if err != nil {
				t.Fatal(err)
			}
			l := newLanding(t, nil)
			var ticks atomic.Int64
			resting := make(chan struct{}, 1)
			f := &stream.Flow{
				Name: "idle", Sources: []stream.Source{source}, Sink: l, Checkpoint: c, Trigger: stream.Trigger{Kind: stream.ProcessingTime},
				Clock: time.Now, NewID: uuid.NewString, Sleep: func(ctx context.Context, d time.Duration) error {
					if ticks.Add(1) == 1 {
						resting <- struct{}{}
					}
					return rest(ctx, d)
				},
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- f.Run(ctx) }()
			select {
			case <-resting:
			case err := <-ended:
				t.Fatal(err)
			}
			before, looked := processor(t), ticks.Load()
			if err := rest(t.Context(), window); err != nil {
				t.Fatal(err)
			}
			took, looks := processor(t)-before, ticks.Load()-looked
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			l.expect("loaded before it rests", "1|(null)")
			t.Logf("%v of processor time in %v, awake %d times", took, window, looks)
			if took > tc.most {
				t.Errorf("it took %v of processor time in %v, want %v at most", took, window, tc.most)
			}
		})
	}
}
