package delta

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// What follows a commit makes reading faster and the log smaller, and is no
// part of it: a checksum of each version, a checkpoint now and then, and the
// removal of what is older than the table keeps. The commit stands, whatever
// comes of them, so failures are logged.

// followUps are the versions whose following-up runs in the background.
type followUps struct {
	mu      sync.Mutex
	waiting []followUp
	worker  chan struct{} // closed when the goroutine has ended; nil when there is none
	stop    context.CancelFunc
	cleaned time.Time // the day for which the log was cleaned up last
}

// followUp is a version just committed and the metadata that it has.
type followUp struct {
	version  int64
	metadata *Metadata
}

// follow does, or starts to do, what follows a commit.
func (t *Table) follow(ctx context.Context, next followUp) {
	if !t.opts.Background {
		t.followUp(ctx, next)
		return
	}
	f := &t.followUps
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = append(f.waiting, next)
	if f.worker != nil {
		return
	}
	ctx, f.stop = context.WithCancel(context.WithoutCancel(ctx)) //nolint:gosec // stopped by Close or when the work is done
	f.worker = make(chan struct{})
	go t.followAll(ctx)
}

// followAll runs until nothing waits.
func (t *Table) followAll(ctx context.Context) {
	f := &t.followUps
	for {
		f.mu.Lock()
		if len(f.waiting) == 0 || ctx.Err() != nil {
			f.stop()
			close(f.worker)
			f.worker, f.waiting = nil, nil
			f.mu.Unlock()
			return
		}
		next := f.waiting[0]
		f.waiting = slices.Delete(f.waiting, 0, 1)
		f.mu.Unlock()
		t.followUp(ctx, next)
	}
}

// Close waits for what commits have left running when [Options.Background] is
// set, such as a checkpoint being written; when ctx is done first, that is
// abandoned, which harms nothing. The table may be used again afterwards.
func (t *Table) Close(ctx context.Context) error {
	f := &t.followUps
	f.mu.Lock()
	worker, stop := f.worker, f.stop
	f.mu.Unlock()
	if worker == nil {
		return nil
	}
	select {
	case <-worker:
		return nil
	case <-ctx.Done():
		stop()
		<-worker
		return ctx.Err()
	}
}

// followUp does what follows the commit of a version. When later versions are
// known by then it is those that are checkpointed.
func (t *Table) followUp(ctx context.Context, next followUp) {
	warn := func(what string, err error) {
		if err != nil {
			t.opts.Logger.WarnContext(ctx, what, slog.Int64("version", next.version), slog.Any("error", err))
		}
	}
	s, err := t.atLeast(ctx, next.version)
	if err != nil {
		warn("version just committed not read back", err)
		return
	}
	if s.Version() == next.version {
		warn("checksum not written", s.writeChecksum(ctx))
	}
	if next.version == 0 || next.version%checkpointInterval(next.metadata) != 0 {
		return
	}
	written, err := s.checkpoint(ctx)
	if err != nil {
		warn("checkpoint not written", err)
		return
	}
	warn("log not cleaned up", t.cleanLog(ctx, written))
}

// atLeast returns the snapshot of a version, or of a later one if that is
// known already.
func (t *Table) atLeast(ctx context.Context, version int64) (*Snapshot, error) {
	known, err := t.known(ctx)
	if err != nil || known != nil && known.Version() >= version {
		return known, err
	}
	return t.upTo(ctx, version)
}

// firstOfDay reports whether the log has not been cleaned up on a day yet,
// and takes it that it is now.
func (f *followUps) firstOfDay(today time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cleaned.Equal(today) {
		return false
	}
	f.cleaned = today
	return true
}
