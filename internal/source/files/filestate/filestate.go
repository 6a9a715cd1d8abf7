// Package filestate is what one file source of a flow knows of its files: each
// that was ever discovered, in which order, and what became of it
// (semantics §2.3). It lives in the flow's checkpoint, in any object store,
// and needs no index beside it.
//
// A discovered file gets the next sequence number; a batch is a range of them,
// so its files are the same whenever it runs again. The state is a manifest,
// replaced as a whole by the next one, that lists immutable segments: those by
// path tell whether a listed file is known, by one merge of sorted streams
// that holds none of them in memory and reads only the blocks it needs; those
// by sequence number hold the files that batches still have to take. Small
// segments are merged into larger ones, so a hundred million files stand in a
// few dozen objects.
package filestate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
)

// State is what became of a file besides having been discovered.
type State uint8

// The states of a file. They are stored: do not change their numbers.
const (
	Known            State = iota // discovered; a batch takes it, or has taken it
	SkippedCorrupted              // left out as it could not be read
	SkippedMissing                // left out as it was gone
	ArchivedByDelete              // deleted by cleanSource
	ArchivedByMove                // moved by cleanSource
	Forgotten                     // as if it had never been discovered
	SkippedExisting               // left out as it was there at the first start
	Failed                        // its batch ended with an error about it
	Replacing                     // offered again; its rows take the place of those loaded before
)

// Entry is one file. Times are in µs since 1970.
type Entry struct {
	Seq        int64 // from 0 on, in the order of discovery
	Path       string
	Size       int64 // bytes
	ModTime    int64
	Discovered int64

	State     State
	StateTime int64 // when it came to be what State says
	// Detail is where a file of ArchivedByMove went, and of those that were
	// skipped or failed the error that says why.
	Detail string
}

// Batch is a batch that is done: it took the files up to End, exclusive.
// Times are in µs since 1970.
type Batch struct {
	ID, End              int64
	Processed, Committed int64
}

// Options configure a store of file states.
type Options struct {
	NewID func() string // makes unique names; required
	// MaxAge is for how long, in µs since their discovery, files are
	// remembered; 0 is for ever (option maxFileAge).
	MaxAge int64
	// Cleans keeps loaded files at hand until [Store.Archive] has dealt with
	// them (option cleanSource).
	Cleans bool
	// Planned is the sequence number that batches have been planned up to: a
	// state that does not know so many files has lost some.
	Planned int64
}

// Store holds the file state of one source. It is not safe for concurrent
// use, and one process at a time is to use it: a second one that writes makes
// the next write of the first fail.
type Store struct {
	objects object.Store
	prefix  string
	opts    Options

	version int64
	m       manifest
	before  manifest // the version before, whose segments readers may still need
	// archived is the path up to which [Store.Loaded] has looked through
	// files that are no longer at hand by number.
	archived string
}

// Open opens the state below prefix, such as "sources/0/", of a checkpoint;
// one that is not there is empty.
func Open(ctx context.Context, objects object.Store, prefix string, opts Options) (*Store, error) {
	s := &Store{objects: objects, prefix: prefix, opts: opts, m: manifest{Format: manifestFormat}}
	last := ""
	for in, err := range objects.List(ctx, prefix+manifestPrefix, "") {
		if err != nil {
			return nil, fmt.Errorf("open file state: %w", err)
		}
		last = in.Name()
	}
	if last == "" {
		return s, s.whole()
	}
	if err := s.readManifest(ctx, last); err != nil {
		return nil, err
	}
	return s, s.whole()
}

// whole reports an error if the state is older than the rest of the checkpoint,
// or was deleted: files that it would find once more would get the numbers of
// files that batches have taken, and never be loaded.
func (s *Store) whole() error {
	if s.m.Next < s.opts.Planned {
		return lost(s.m.Next, s.opts.Planned)
	}
	return nil
}

// Started reports whether there has been a discovery; one that ignores files
// counts once it has come to its end.
func (s *Store) Started() bool { return s.version > 0 && !s.m.Ignoring }

// Next returns the sequence number that the next file gets: all files below
// it are discovered.
func (s *Store) Next() int64 { return s.m.Next }

// Forgets changes when known files were made unknown: whoever has passed over
// them is to look again.
func (s *Store) Forgets() int64 { return s.m.Forgets }

// Taken returns the sequence number up to which finished batches have gone.
func (s *Store) Taken() int64 { return s.m.Taken }

// File is a file as a listing shows it.
type File struct {
	Path    string
	Size    int64 // bytes
	ModTime int64 // µs since 1970
}

// Discovery says how files are taken in.
type Discovery struct {
	Now int64 // µs since 1970
	// Overwrites makes a file that was modified since it was last discovered
	// a new one (option allowOverwrites).
	Overwrites bool
	// Ignore makes the files known as ones that no batch takes
	// (option includeExistingFiles=false).
	Ignore bool
}

// Discover takes in files, which come in ascending order of their paths, and
// returns how many of them are new. Those are remembered when it returns.
func (s *Store) Discover(ctx context.Context, files iter.Seq2[File, error], how Discovery) (added int64, err error) {
	look := &lookup{} // opened when there is something to look up
	opened, last := false, ""
	defer func() { look.close() }()
	var fresh []Entry
	flush := func() error {
		if len(fresh) == 0 {
			return nil
		}
		added += int64(len(fresh))
		look.close()
		opened = false
		err := s.add(ctx, fresh, how)
		fresh = nil
		return err
	}
	for f, err := range files {
		if err != nil {
			return added, errors.Join(err, flush())
		}
		if f.Path < last {
			return added, errors.Join(outOfOrder(f.Path, last), flush())
		}
		last = f.Path
		if !opened {
			now, err := s.lookup(ctx)
			if err != nil {
				return added, err
			}
			look, opened = now, true
		}
		known, ok, err := look.find(f.Path)
		if err != nil {
			return added, err
		}
		if ok && !s.isNew(f, known, how) {
			continue
		}
		e := Entry{Path: f.Path, Size: f.Size, ModTime: f.ModTime, Discovered: how.Now}
		if how.Ignore {
			e.State, e.StateTime = SkippedExisting, how.Now
		}
		fresh = append(fresh, e)
		// A first listing of millions of files is taken in by and by.
		if len(fresh) == maxFresh {
			if err := flush(); err != nil {
				return added, err
			}
		}
	}
	if err := flush(); err != nil || s.Started() {
		return added, err
	}
	m := s.m
	m.Ignoring = false
	return added, s.publish(ctx, m) // that there has been a first discovery
}

// outOfOrder refuses a listing in which a known file would be taken for a new
// one, as what is known is looked up in ascending order alone.
func outOfOrder(path, last string) error {
	return errclass.New("INTERNAL_ERROR", "XX000", "The store lists %s after %s; files must come in the order of their paths, or they would be loaded twice.", path, last)
}

// maxFresh bounds the new files held in memory.
const maxFresh = 1 << 18

// isNew reports whether a listed file whose path is known counts as new.
func (s *Store) isNew(f File, known *Entry, how Discovery) bool {
	switch {
	case known.State == Forgotten:
		return true
	case s.expired(known, how.Now):
		return true
	}
	return how.Overwrites && f.ModTime > known.ModTime
}

// add gives files, sorted by path, the next numbers and stores them.
func (s *Store) add(ctx context.Context, fresh []Entry, how Discovery) error {
	m := s.m
	// Batches take the oldest first (semantics §2.7).
	ordered := slices.Clone(fresh)
	slices.SortStableFunc(ordered, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.ModTime, b.ModTime), strings.Compare(a.Path, b.Path))
	})
	at := make(map[string]int64, len(ordered))
	for i := range ordered {
		ordered[i].Seq = m.Next + int64(i)
		at[ordered[i].Path] = ordered[i].Seq
	}
	for i := range fresh {
		fresh[i].Seq = at[fresh[i].Path]
	}
	m.Next += int64(len(fresh))
	m.Ignoring = how.Ignore
	indexed, err := s.write(ctx, byPath, each(fresh))
	if err != nil {
		return err
	}
	if m.Index, err = s.grow(ctx, byPath, m.Index, indexed, how.Now); err != nil {
		return err
	}
	if how.Ignore && m.Taken == m.Next-int64(len(fresh)) {
		m.Taken = m.Next
		return s.publish(ctx, m)
	}
	waiting, err := s.write(ctx, bySeq, each(ordered))
	if err != nil {
		return err
	}
	m.Pending = append(slices.Clone(m.Pending), waiting)
	return s.publish(ctx, m)
}

func each(entries []Entry) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (s *Store) write(ctx context.Context, by order, entries iter.Seq2[Entry, error]) (segment, error) {
	name := s.opts.NewID()
	return writeSegment(ctx, s.objects, s.segmentKey(name), name, by, entries)
}

// Pending yields the files from sequence number from on, below to, in order,
// without those that were forgotten.
func (s *Store) Pending(ctx context.Context, from, to int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if last := max(from, to); last > s.m.Next {
			yield(Entry{}, lost(s.m.Next, last))
			return
		}
		next := from
		for _, seg := range s.m.Pending {
			if seg.LastSeq < from || seg.FirstSeq >= to {
				continue
			}
			for e, err := range s.scan(ctx, seg, from) {
				if err != nil {
					yield(Entry{}, err)
					return
				}
				if e.Seq >= to {
					break
				}
				next = e.Seq + 1
				if e.State == Forgotten {
					continue
				}
				if !yield(e, nil) {
					return
				}
			}
		}
		if want := min(to, s.m.Next); next < want && from >= s.m.Taken {
			yield(Entry{}, lost(next, want))
		}
	}
}

// lost says that files which batches have, or were to have, are not known: the
// state is older than the rest of the checkpoint, or was deleted.
func lost(from, to int64) error {
	return errclass.New("STREAMING_CHECKPOINT_CORRUPT", "KD002",
		"The file state in the checkpoint has lost the files %d to %d; restore the checkpoint, all of it, from a copy, or load everything anew with REFRESH STREAMING TABLE … FULL.", from, to-1)
}

// scan yields the entries of a segment by sequence number, from one on.
func (s *Store) scan(ctx context.Context, seg segment, from int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		r, err := openSegment(ctx, s.objects, s.segmentKey(seg.Name), seg)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		defer r.close()
		for err = r.seekSeq(from); r.valid && err == nil; _, err = r.advance() {
			if !yield(r.entry, nil) {
				return
			}
		}
		if err != nil {
			yield(Entry{}, err)
		}
	}
}

// Finish records that a batch is done: the files up to its end are taken, and
// those in changed have become what their states say. Finishing a batch again
// does nothing.
func (s *Store) Finish(ctx context.Context, b Batch, changed []Entry) error {
	if b.End <= s.m.Taken {
		return nil
	}
	m := s.m
	m.Taken = b.End
	needed := b.End
	if s.opts.Cleans {
		needed = min(needed, m.Cleaned)
	}
	m.Pending = slices.DeleteFunc(slices.Clone(m.Pending), func(seg segment) bool { return seg.LastSeq < needed })
	record := Entry{Seq: b.End, Size: b.ID, ModTime: b.Processed, Discovered: b.Committed}
	done, err := s.write(ctx, bySeq, each([]Entry{record}))
	if err != nil {
		return err
	}
	if m.Batches, err = s.grow(ctx, bySeq, m.Batches, done, 0); err != nil {
		return err
	}
	if m.Index, err = s.update(ctx, m.Index, changed, b.Committed); err != nil {
		return err
	}
	return s.publish(ctx, m)
}

// Update records what has become of files, at the time now.
func (s *Store) Update(ctx context.Context, changed []Entry, now int64) error {
	m := s.m
	var err error
	if m.Index, err = s.update(ctx, m.Index, changed, now); err != nil {
		return err
	}
	return s.publish(ctx, m)
}

func (s *Store) update(ctx context.Context, index []segment, changed []Entry, now int64) ([]segment, error) {
	if len(changed) == 0 {
		return index, nil
	}
	sorted := slices.Clone(changed)
	slices.SortFunc(sorted, func(a, b Entry) int { return byPath.compare(&a, &b) })
	seg, err := s.write(ctx, byPath, each(sorted))
	if err != nil {
		return nil, err
	}
	return s.grow(ctx, byPath, index, seg, now)
}

// Files yields every file that is remembered, by path and then by sequence
// number, as it is now.
func (s *Store) Files(ctx context.Context) iter.Seq2[Entry, error] {
	return s.merged(ctx, byPath, s.m.Index)
}

// Batches yields the finished batches, oldest first.
func (s *Store) Batches(ctx context.Context) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for e, err := range s.merged(ctx, bySeq, s.m.Batches) {
			if !yield(Batch{ID: e.Size, End: e.Seq, Processed: e.ModTime, Committed: e.Discovered}, err) || err != nil {
				return
			}
		}
	}
}
