package delta

import (
	"context"
	"fmt"
	"iter"
)

// Checkpoint writes a checkpoint of the latest version, so that it opens
// without reading the commits before it. Commits write checkpoints by
// themselves; calling this is never necessary.
func (t *Table) Checkpoint(ctx context.Context) error {
	s, err := t.Snapshot(ctx)
	if err != nil {
		return err
	}
	_, err = s.checkpoint(ctx)
	return err
}

// checkpoint writes the checkpoint of the snapshot, reads it back, and then
// writes the hint that points at it. Readers find it by listing even if the
// hint fails.
func (s *Snapshot) checkpoint(ctx context.Context) (*checkpointJob, error) {
	job := s.newCheckpoint()
	return job, job.run(ctx)
}

// checkpointJob writes one checkpoint: classic, or V2 with its sidecars on
// tables that ask for it (protocol: Checkpoints).
type checkpointJob struct {
	snapshot *Snapshot
	layout   *checkpointLayout
	v2       bool
	limit    int64 // rows of one file of a V2 checkpoint
	sidecars []sidecarJSON
	bytes    int64
	written  checkpointTotals
}

func (s *Snapshot) newCheckpoint() *checkpointJob {
	v2 := hasPolicyV2(&s.metadata) && s.protocol.hasFeature("v2Checkpoint")
	layout := newCheckpointLayout(&s.metadata, s.protocol)
	if !v2 {
		layout = layout.only("txn", "add", "remove", "metaData", "protocol", "domainMetadata")
	}
	return &checkpointJob{
		snapshot: s, layout: layout, v2: v2, limit: s.table.opts.SidecarFiles,
		written: checkpointTotals{seed: s.files.seed},
	}
}

func (j *checkpointJob) run(ctx context.Context) error {
	s := j.snapshot
	key := classicCheckpointKey(s.Version())
	if j.v2 {
		key = versionKey(s.Version()) + ".checkpoint." + s.table.opts.NewID() + ".parquet"
		if s.files.adds+s.files.tombstones > j.limit {
			if err := j.writeSidecars(ctx); err != nil {
				return err
			}
		}
	}
	if err := j.writeTop(ctx, key); err != nil {
		return err
	}
	if err := j.verify(ctx, key); err != nil {
		return err
	}
	return writeHint(ctx, s.table.storage, hint{
		Version: s.Version(), Size: j.written.actions(), SizeInBytes: j.bytes, NumOfAddFiles: s.NumFiles(),
	})
}

// verify reads the checkpoint back and compares it with what was written. A
// wrong one is removed: it would ruin the table for everyone.
func (j *checkpointJob) verify(ctx context.Context, key string) error {
	st := j.snapshot.table.storage
	read := checkpointTotals{seed: j.written.seed}
	err := read.readAll(ctx, st, key)
	if err != nil && ctx.Err() != nil {
		return err
	}
	if err == nil && read != j.written {
		err = fmt.Errorf("it holds %v, not %v", read, j.written)
	}
	if err == nil {
		return nil
	}
	if deleteErr := st.Delete(ctx, key); deleteErr != nil {
		return fmt.Errorf("delete wrong checkpoint %s: %w", key, deleteErr)
	}
	return fmt.Errorf("verify %s: %w", key, err)
}

// writeTop writes the file that is the checkpoint, or that names its sidecars.
func (j *checkpointJob) writeTop(ctx context.Context, key string) error {
	return j.writeObject(ctx, key, j.layout, j.writeRows)
}

func (j *checkpointJob) writeRows(w *checkpointWriter) error {
	if j.v2 {
		if err := w.checkpointMetadata(j.snapshot.Version()); err != nil {
			return err
		}
	}
	if err := w.table(j.snapshot); err != nil {
		return err
	}
	if len(j.sidecars) > 0 {
		return w.references(j.sidecars)
	}
	for v, err := range j.files() {
		if err == nil {
			err = w.file(v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeSidecars writes the files of the table, so many rows to an object.
func (j *checkpointJob) writeSidecars(ctx context.Context) error {
	files := j.layout.only("add", "remove")
	next, stop := iter.Pull2(j.files())
	defer stop()
	v, err, more := next()
	for more && err == nil {
		name := j.snapshot.table.opts.NewID() + ".parquet"
		before := j.bytes
		failure := j.writeObject(ctx, sidecarDir+name, files, func(w *checkpointWriter) error {
			for n := int64(0); n < j.limit && more && err == nil; n++ {
				if err := w.file(v); err != nil {
					return err
				}
				v, err, more = next()
			}
			return err
		})
		if failure != nil {
			return failure
		}
		j.sidecars = append(j.sidecars, sidecarJSON{
			Path: name, SizeInBytes: j.bytes - before, ModificationTime: j.snapshot.table.opts.Clock().UnixMilli(),
		})
	}
	return err
}

// files yields the tombstones that still matter, then the live files.
func (j *checkpointJob) files() iter.Seq2[*rowView, error] {
	expired := j.snapshot.expired()
	return func(yield func(*rowView, error) bool) {
		for _, tombstones := range []bool{true, false} {
			if tombstones && j.snapshot.files.tombstones == 0 {
				continue
			}
			stopped := false
			err := j.snapshot.files.each(func(v *rowView) bool {
				if v.tombstone() != tombstones || tombstones && expired(v.block.time[v.row]) {
					return true
				}
				stopped = !yield(v, nil)
				return !stopped
			})
			if err != nil {
				yield(nil, err)
			}
			if err != nil || stopped {
				return
			}
		}
	}
}

// writeObject writes one Parquet file of the checkpoint.
func (j *checkpointJob) writeObject(ctx context.Context, key string, l *checkpointLayout, fill func(*checkpointWriter) error) error {
	upload, err := j.snapshot.table.storage.Create(ctx, key)
	if err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	sink := &countingWriter{w: upload}
	if err := j.writeParquet(ctx, sink, l, fill); err != nil {
		_ = upload.Abort() // the error that matters is the first
		return fmt.Errorf("write %s: %w", key, err)
	}
	if err := upload.Close(); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	j.bytes += sink.n
	return nil
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
