package delta

import (
	"context"
	"fmt"
	"log/slog"
)

// Checkpoint writes a checkpoint of the latest version, so that it opens
// without reading the commits before it. Commits write checkpoints by
// themselves; calling this is never necessary.
func (t *Table) Checkpoint(ctx context.Context) error {
	s, err := t.Snapshot(ctx)
	if err != nil {
		return err
	}
	return s.checkpoint(ctx)
}

// checkpointIfDue writes the checkpoint of a version just committed when its
// number calls for one. The commit stands, whatever comes of it.
func (t *Table) checkpointIfDue(ctx context.Context, version int64, m *Metadata) {
	if version == 0 || version%checkpointInterval(m) != 0 {
		return
	}
	s, err := t.upTo(ctx, version)
	if err == nil {
		err = s.checkpoint(ctx)
	}
	if err != nil {
		t.opts.Logger.WarnContext(ctx, "checkpoint not written", slog.Int64("version", version), slog.Any("error", err))
	}
}

// checkpoint writes the classic checkpoint of the snapshot, then the hint
// that points at it. Readers find it by listing even if the hint fails.
func (s *Snapshot) checkpoint(ctx context.Context) error {
	key := classicCheckpointKey(s.Version())
	upload, err := s.table.storage.Create(ctx, key)
	if err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	sink := &countingWriter{w: upload}
	actions, err := s.writeCheckpoint(ctx, sink)
	if err != nil {
		_ = upload.Abort() // the error that matters is the first
		return fmt.Errorf("write %s: %w", key, err)
	}
	if err := upload.Close(); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return writeHint(ctx, s.table.storage, hint{
		Version: s.Version(), Size: actions, SizeInBytes: sink.n, NumOfAddFiles: s.NumFiles(),
	})
}

// countingWriter counts the bytes that pass. It hides Close: the Parquet
// writer would otherwise publish the object before its outcome is known.
type countingWriter struct {
	w interface{ Write([]byte) (int, error) }
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// expired reports whether a tombstone of this time has no more use: vacuum
// may have deleted its file already.
func (s *Snapshot) expired() func(deletionTimestamp int64) bool {
	retention, ok := durationProperty(&s.metadata, "delta.deletedFileRetentionDuration")
	if !ok {
		retention = defaultFileRetention
	}
	oldest := s.table.opts.Clock().Add(-retention).UnixMilli()
	return func(at int64) bool { return at <= oldest }
}

// liveTransactions returns the applications that a checkpoint keeps, which
// are all unless the table forgets those long unused.
func (s *Snapshot) liveTransactions() []SetTransaction {
	retention, forget := durationProperty(&s.metadata, "delta.setTransactionRetentionDuration")
	oldest := s.table.opts.Clock().Add(-retention).UnixMilli()
	live := make([]SetTransaction, 0, len(s.txns))
	for _, txn := range s.txns {
		if forget && txn.LastUpdated != nil && *txn.LastUpdated <= oldest {
			continue
		}
		live = append(live, txn)
	}
	return live
}
