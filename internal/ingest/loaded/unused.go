package loaded

import (
	"context"
	"io/fs"
	"iter"
	"time"

	"github.com/freshet/freshet/internal/object"
)

// Unused yields the objects of a table's record that are of no more use:
// manifests other than id's and the segments that only they list. What was
// written since before is left out, and all that it lists: a load may be about
// to commit it. An error ends the sequence.
func Unused(ctx context.Context, store object.Store, id int64, before time.Time) iter.Seq2[fs.FileInfo, error] {
	return func(yield func(fs.FileInfo, error) bool) {
		old, kept, err := survey(ctx, store, id, before)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, info := range old {
			if !kept[info.Name()] && !yield(info, nil) {
				return
			}
		}
	}
}

// survey lists what is older than before, and the keys that must stay.
func survey(ctx context.Context, store object.Store, id int64, before time.Time) (old []fs.FileInfo, kept map[string]bool, err error) {
	kept = make(map[string]bool)
	keep := func(manifest int64) error {
		r, err := Open(ctx, store, manifest)
		if err != nil {
			return err
		}
		kept[manifestKey(manifest)] = true
		for _, s := range r.segments {
			kept[segmentKey(s.Name)] = true
		}
		return nil
	}
	for info, err := range store.List(ctx, dir+"/", "") {
		if err != nil {
			return nil, nil, err
		}
		if info.ModTime().Before(before) {
			old = append(old, info)
			continue
		}
		if manifest, ok := manifestID(info.Name()); ok {
			if err := keep(manifest); err != nil {
				return nil, nil, err
			}
		}
	}
	if id == 0 {
		return old, kept, nil
	}
	return old, kept, keep(id)
}
