package delta

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// What follows a commit makes reading faster and the log smaller, and is no
// part of it: a checksum of each version, a checkpoint now and then, and the
// removal of what is older than the table keeps. The commit stands, whatever
// comes of them, so failures are logged. The checksum is one small object and
// written before Commit returns; the rest can take its time elsewhere.

// upkeep is what of that runs in the background: one goroutine at a time,
// which the table owns.
type upkeep struct {
	mu      sync.Mutex
	waiting *Snapshot     // the newest to checkpoint next, or nil
	worker  chan struct{} // closed when the goroutine has ended; nil when there is none
	stop    context.CancelFunc
	cleaned time.Time // the day on which the log was cleaned up last
}

// follow does, or starts to do, what follows the commit of a version with
// this metadata.
func (t *Table) follow(ctx context.Context, version int64, m *Metadata) {
	s, err := t.atLeast(ctx, version)
	if err != nil {
		t.warn(ctx, "version just committed not read back", version, err)
		return
	}
	if s.Version() == version {
		t.warn(ctx, "checksum not written", version, s.writeChecksum(ctx))
	}
	switch {
	case version == 0 || version%checkpointInterval(m) != 0:
	case t.opts.Background:
		t.keepUpLater(ctx, s)
	default:
		t.keepUp(ctx, s)
	}
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

// keepUp writes the checkpoint of a snapshot and then cleans up the log.
func (t *Table) keepUp(ctx context.Context, s *Snapshot) {
	written, err := s.checkpoint(ctx)
	if err != nil {
		t.warn(ctx, "checkpoint not written", s.Version(), err)
		return
	}
	t.warn(ctx, "log not cleaned up", s.Version(), t.cleanLog(ctx, written))
}

func (t *Table) warn(ctx context.Context, what string, version int64, err error) {
	if err != nil {
		t.opts.Logger.WarnContext(ctx, "commit not followed up", slog.String("what", what), slog.Int64("version", version), slog.Any("error", err))
	}
}

// keepUpLater is keepUp in the background. Of several snapshots that wait the
// last is enough.
func (t *Table) keepUpLater(ctx context.Context, s *Snapshot) {
	u := &t.upkeep
	u.mu.Lock()
	defer u.mu.Unlock()
	u.waiting = s
	if u.worker != nil {
		return
	}
	u.worker = make(chan struct{})
	ctx, u.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		for s := u.next(ctx); s != nil; s = u.next(ctx) {
			t.keepUp(ctx, s)
		}
	}()
}

// next returns the snapshot to checkpoint; nil ends the worker.
func (u *upkeep) next(ctx context.Context) *Snapshot {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.waiting
	u.waiting = nil
	if s == nil || ctx.Err() != nil {
		u.stop()
		close(u.worker)
		u.worker = nil
		return nil
	}
	return s
}

// firstOfDay reports whether the log has not been cleaned up on a day yet,
// and takes it that it is now.
func (u *upkeep) firstOfDay(today time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.cleaned.Equal(today) {
		return false
	}
	u.cleaned = today
	return true
}

// Close waits for the checkpoint that is being written when
// [Options.Background] is set; when ctx is done first, it is abandoned, which
// harms nothing. The table may be used again afterwards.
func (t *Table) Close(ctx context.Context) error {
	u := &t.upkeep
	u.mu.Lock()
	worker, stop := u.worker, u.stop
	u.mu.Unlock()
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
