package deltalog

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
)

// step is the least that a batch can end after: one file or, of a change data
// feed, one version.
type step struct {
	end   offset        // the place after it
	file  delta.AddFile // unset for a file of the first snapshot, and of a feed
	files int64
	size  int64
}

// files yields what comes after a place, up to the version discovered.
func (s *Source) files(ctx context.Context, from offset) iter.Seq2[step, error] {
	return func(yield func(step, error) bool) {
		next := from
		if from.InSnapshot {
			for f, err := range s.snapshotSteps(ctx, from) {
				if !yield(f, err) || err != nil {
					return
				}
			}
			next = atVersion(from.Table, from.Version+1)
		}
		for f, err := range s.tail(ctx, next) {
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// initial is the files of the first snapshot, oldest first.
type initial struct {
	snapshot *delta.Snapshot
	files    []initialFile
}

// initialFile is what there is to know of a file to order it and to limit
// batches: a table may have millions.
type initialFile struct {
	modified, size int64
	path           string
	low, high      int64 // times of its rows, when they are read in their order
}

// loadInitial lists the first snapshot.
func (s *Source) loadInitial(ctx context.Context, version int64) (*initial, error) {
	if s.initial != nil && s.initial.snapshot.Version() == version {
		return s.initial, nil
	}
	snapshot, err := s.cfg.Table.SnapshotAt(ctx, version)
	if err != nil {
		return nil, s.lost(err, version)
	}
	in := &initial{snapshot: snapshot}
	for f, err := range snapshot.Files(ctx) {
		if err != nil {
			return nil, err
		}
		if !s.excluded(f) {
			in.files = append(in.files, initialFile{modified: f.ModificationTime, size: f.Size, path: f.Path})
			if s.ordered() {
				in.files[len(in.files)-1].span(s.timeColumn(), f.Stats)
			}
		}
	}
	s.initial = in
	if s.ordered() {
		in.byTime()
		return in, nil
	}
	slices.SortFunc(in.files, func(a, b initialFile) int {
		return cmp.Or(cmp.Compare(a.modified, b.modified), cmp.Compare(a.path, b.path))
	})
	return in, nil
}

// snapshotSteps yields the files of the first snapshot after a place.
func (s *Source) snapshotSteps(ctx context.Context, from offset) iter.Seq2[step, error] {
	return func(yield func(step, error) bool) {
		in, err := s.loadInitial(ctx, from.Version)
		if err != nil {
			yield(step{}, err)
			return
		}
		next := step{}
		for i := from.Index + 1; i < int64(len(in.files)); i++ {
			next.files, next.size = next.files+1, next.size+in.files[i].size
			last := i == int64(len(in.files))-1
			if !last && s.ordered() && in.begins(i+1) == in.begins(i) {
				continue // no row lies between them
			}
			next.end = from
			if next.end.Index = i; last {
				next.end = atVersion(from.Table, from.Version+1)
			}
			if !yield(next, nil) {
				return
			}
			next = step{}
		}
	}
}

// tail yields what commits have added after a place.
func (s *Source) tail(ctx context.Context, from offset) iter.Seq2[step, error] {
	return func(yield func(step, error) bool) {
		for c, err := range s.commits(ctx, from.Version) {
			if err == nil {
				err = s.admit(c)
			}
			if err != nil {
				yield(step{}, err)
				return
			}
			if !s.commitSteps(c, from, yield) {
				return
			}
		}
	}
}

// commits yields the commits of a version and later ones. The one read last
// is kept, as a batch may end within it.
func (s *Source) commits(ctx context.Context, from int64) iter.Seq2[*delta.LogCommit, error] {
	return func(yield func(*delta.LogCommit, error) bool) {
		if s.last != nil && s.last.Version == from && from <= s.latest {
			if !yield(s.last, nil) {
				return
			}
			from++
		}
		from, err := s.available(ctx, from)
		if err != nil {
			yield(nil, err)
			return
		}
		for c, err := range s.cfg.Table.Commits(ctx, from, s.latest) {
			if err != nil {
				yield(nil, s.lost(err, from))
				return
			}
			s.last = c
			if !yield(c, nil) {
				return
			}
		}
	}
}

// available returns the first version from the given one on that the log has:
// a later one only when data may be lost.
func (s *Source) available(ctx context.Context, from int64) (int64, error) {
	if s.opts.Bool("failOnDataLoss") || from > s.latest {
		return from, nil
	}
	earliest, err := s.cfg.Table.Earliest(ctx)
	return max(from, earliest), err
}

// lost says what an error means for a stream that was to go on from a version.
func (s *Source) lost(err error, version int64) error {
	_, truncated := errors.AsType[*delta.TruncatedLogError](err)
	_, unknown := errors.AsType[*delta.VersionNotFoundError](err)
	if !truncated && !unknown {
		return err
	}
	return errclass.New("DELTA_LOG_FILE_NOT_FOUND_FOR_STREAMING_SOURCE", "42K03",
		"The stream of %s is to go on from version %d, whose log is no longer there: it was cleaned up before the stream had read it. "+
			"Keep it for longer with the table property delta.logRetentionDuration. To go on with what is left, set failOnDataLoss to false; to have all rows, %s (%w)",
		s.cfg.Name, version, anew, err)
}

// commitSteps yields the files of one commit that come after a place.
func (s *Source) commitSteps(c *delta.LogCommit, from offset, yield func(step, error) bool) bool {
	if s.skips(c) {
		return true
	}
	if s.feed() {
		return s.feedStep(c, from, yield)
	}
	last := len(c.Adds) - 1
	for last >= 0 && s.excluded(c.Adds[last]) {
		last--
	}
	for i := range c.Adds[:last+1] {
		place := atVersion(from.Table, c.Version)
		place.Index = int64(i)
		if s.excluded(c.Adds[i]) || place.compare(from) <= 0 {
			continue
		}
		if i == last {
			place = atVersion(from.Table, c.Version+1)
		}
		if !yield(step{end: place, file: c.Adds[i], files: 1, size: c.Adds[i].Size}, nil) {
			return false
		}
	}
	return true
}

func (s *Source) excluded(f delta.AddFile) bool {
	return s.exclude != nil && s.exclude.MatchString(f.Path)
}

// between yields the files between two places.
func (s *Source) between(ctx context.Context, start, end offset) iter.Seq2[delta.AddFile, error] {
	return func(yield func(delta.AddFile, error) bool) {
		next := start
		if start.InSnapshot {
			for f, err := range s.snapshotFiles(ctx, start, end) {
				if !yield(f, err) || err != nil {
					return
				}
			}
			next = atVersion(start.Table, start.Version+1)
		}
		if end.compare(next) <= 0 {
			return
		}
		last := end.Version
		if end.Index == before {
			last--
		}
		s.latest = max(s.latest, last)
		for f, err := range s.tail(ctx, next) {
			if err == nil && f.end.compare(end) > 0 {
				return
			}
			if !yield(f.file, err) || err != nil {
				return
			}
			if f.end == end {
				return // later commits may be gone, or be no part of this at all
			}
		}
	}
}

// snapshotFiles yields the files of the first snapshot between two places,
// without their statistics.
func (s *Source) snapshotFiles(ctx context.Context, start, end offset) iter.Seq2[delta.AddFile, error] {
	return func(yield func(delta.AddFile, error) bool) {
		in, err := s.loadInitial(ctx, start.Version)
		if err != nil {
			yield(delta.AddFile{}, err)
			return
		}
		to := int64(len(in.files))
		if end.InSnapshot {
			to = min(to, end.Index+1)
		}
		chosen := make(map[string]bool)
		for _, f := range in.files[min(start.Index+1, to):to] {
			chosen[f.path] = true
		}
		for f, err := range in.snapshot.Files(ctx) {
			if err == nil && !chosen[f.Path] {
				continue
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}
