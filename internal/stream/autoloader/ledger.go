package autoloader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/source/files/filestate"
	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// State returns the file state, for the file ledger.
func (s *Source) State() *filestate.Store { return s.state }

// Files returns the query that finds the source's files.
func (s *Source) Files() *ingest.FileSet { return s.set }

// maxSeqNum bounds the numbers of files, far beyond any that are discovered.
const maxSeqNum = 1 << 53

// End returns the sequence number of the first file after an offset; 0 of no
// offset.
func End(at json.RawMessage) (int64, error) {
	if at == nil {
		return 0, nil
	}
	var o offset
	err := json.Unmarshal(at, &o)
	if err == nil && (o.SeqNum < 0 || o.SeqNum > maxSeqNum) {
		err = fmt.Errorf("seqNum is %d", o.SeqNum)
	}
	if err != nil {
		return 0, errclass.New("STREAMING_CHECKPOINT_CORRUPT", "KD002",
			"The offset %.200s in the newest file of offsets/ of the checkpoint is none of files: %w. %s", at, err, checkpoint.Restore)
	}
	return o.SeqNum, nil
}

// skip remembers a file that a batch leaves out. One whose rows are to take
// the place of earlier ones must not be left out: those would be lost.
func (s *Source) skip(e filestate.Entry, why *format.FileError) error {
	if e.State == filestate.Replacing {
		return why
	}
	e.State, e.StateTime, e.Detail = filestate.SkippedCorrupted, s.cfg.Clock().UnixMicro(), why.Err.Error()
	if why.Missing {
		e.State = filestate.SkippedMissing
	}
	s.skipped = append(s.skipped, e)
	return nil
}

// noteSkipped keeps what a batch has left out, before its rows are in the
// target: a run that is cut off after that does not read them again, and a
// file that nobody has loaded would count as loaded. A batch that is read again
// may skip other files than before, so that all of its files are noted.
func (s *Source) noteSkipped(ctx context.Context, entries map[string]filestate.Entry) error {
	changed := s.skipped
	if !s.fresh {
		all := maps.Clone(entries)
		for _, e := range s.skipped {
			all[e.Path] = e
		}
		changed = slices.Collect(maps.Values(all))
	}
	if len(changed) == 0 {
		return nil
	}
	s.fresh = false // a sink that reads the rows a second time may find other files
	return s.state.Update(ctx, changed, s.cfg.Clock().UnixMicro())
}

// failed remembers which file a batch failed about, if it was one. The batch
// is what counts: that the note could not be taken is no second failure.
func (s *Source) failed(ctx context.Context, entries map[string]filestate.Entry, err error) {
	var file *format.FileError
	var record *format.RecordError
	path := ""
	switch {
	case errors.As(err, &file):
		path = file.Path
	case errors.As(err, &record):
		path = record.Path
	}
	e, ok := entries[path]
	if !ok || ctx.Err() != nil {
		return
	}
	s.fresh = false
	now := s.cfg.Clock().UnixMicro()
	e.State, e.StateTime, e.Detail = filestate.Failed, now, err.Error()
	_ = s.state.Update(ctx, []filestate.Entry{e}, now)
}

// Replacing returns the files of the batch read last whose rows take the place
// of those loaded before, as _metadata.file_path has them.
func (s *Source) Replacing() []string { return s.replacing }
