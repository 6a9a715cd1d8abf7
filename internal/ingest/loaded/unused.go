package loaded

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/object"
)

// Unused yields the objects of a table's record that are of no more use:
// manifests, and segments that only these list. It leaves out
//
//   - the record newest and all that it lists; that it is gone is an error,
//   - the earlier records, which are those of the table's versions within its
//     retention time: a load may be working with one that has just been
//     followed by another, and RESTORE may bring one back,
//   - what was written since before, and all that it lists: a load may be
//     about to commit it.
//
// The ids must have been read before, so that what is committed meanwhile is
// young or among them. An error ends the sequence.
func Unused(ctx context.Context, store object.Store, newest int64, earlier []int64, before time.Time) iter.Seq2[fs.FileInfo, error] {
	return func(yield func(fs.FileInfo, error) bool) {
		s := survey{store: store, kept: make(map[string]bool)}
		if err := s.run(ctx, newest, earlier, before); err != nil {
			yield(nil, err)
			return
		}
		for _, info := range s.old {
			if !s.kept[info.Name()] && !yield(info, nil) {
				return
			}
		}
	}
}

// survey finds what of a record is old, and the keys that must stay.
type survey struct {
	store object.Store
	old   []fs.FileInfo
	kept  map[string]bool
}

func (s *survey) run(ctx context.Context, newest int64, earlier []int64, before time.Time) error {
	if err := s.keep(ctx, newest); err != nil {
		return err
	}
	ids := slices.Clone(earlier)
	for info, err := range s.store.List(ctx, dir+"/", "") {
		if err != nil {
			return err
		}
		if info.ModTime().Before(before) {
			s.old = append(s.old, info)
			continue
		}
		if id, ok := manifestID(info.Name()); ok {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		// A vacuum of a shorter retention time may have deleted it.
		if err := s.keep(ctx, id); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// keep keeps a manifest and all that it lists.
func (s *survey) keep(ctx context.Context, id int64) error {
	if s.kept[manifestKey(id)] {
		return nil
	}
	r, err := Open(ctx, s.store, id)
	if err != nil {
		return err
	}
	s.kept[manifestKey(id)] = true
	for _, seg := range r.segments {
		s.kept[segmentKey(seg.Name)] = true
	}
	return nil
}
