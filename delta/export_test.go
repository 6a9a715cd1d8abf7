package delta

import "context"

// CheckpointAs writes a checkpoint of the snapshot in a given form: V2 ones
// keep so many files in one Parquet file.
func (s *Snapshot) CheckpointAs(ctx context.Context, v2 bool, limit int64) error {
	job := s.newCheckpoint()
	job.v2, job.limit, job.layout = v2, limit, newCheckpointLayout(&s.metadata, s.protocol)
	return job.run(ctx)
}
