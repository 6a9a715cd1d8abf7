package delta

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"path"

	"github.com/freshet/freshet/delta/internal/dv"
)

// keepSet is the files that some version within the retention time needs, by
// hashes of their keys: a collision keeps a file that could go, never the
// other way round.
type keepSet struct {
	seed maphash.Seed
	keys map[uint64]struct{}
	// names are the base names of files that the log names by an absolute
	// path. Where that is cannot be told from here, so whatever has the name
	// of one is kept.
	names map[uint64]struct{}
}

// needed returns what a version and those before it need, as far back as
// files are retained.
func (v *vacuum) needed(s *Snapshot) (*keepSet, error) {
	k := &keepSet{seed: maphash.MakeSeed(), keys: make(map[uint64]struct{}), names: make(map[uint64]struct{})}
	cutoff := v.before.UnixMilli()
	err := s.files.each(func(row *rowView) bool {
		if !row.tombstone() {
			f := row.add()
			k.file(f.Path, f.DeletionVector)
		} else if f := row.remove(); f.DeletionTimestamp >= cutoff {
			k.file(f.Path, f.DeletionVector)
		}
		return true
	})
	return k, err
}

// addRemoved adds the files that commits have removed within a retention time
// longer than the table's own, by which a checkpoint may have forgotten them.
func (v *vacuum) addRemoved(ctx context.Context, s *Snapshot, k *keepSet) error {
	if v.retention <= defaultRetention(&s.metadata) {
		return nil
	}
	l, err := listLog(ctx, s.storage(), "")
	if err != nil {
		return err
	}
	cutoff := v.before.UnixMilli()
	for _, c := range l.commits {
		if c.modTime < cutoff {
			continue
		}
		_, err := readCommit(ctx, s.storage(), c.version, func(a *action) error {
			if f := a.Remove; f != nil && f.DeletionTimestamp >= cutoff {
				k.file(f.Path, f.DeletionVector)
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read what was removed: %w", err)
		}
	}
	return nil
}

// file adds a data file and the file of its deletion vector.
func (k *keepSet) file(p string, d *DeletionVector) {
	k.path(p)
	if d == nil {
		return
	}
	switch d.StorageType {
	case absoluteVector:
		k.path(d.PathOrInlineDV)
	case relativeVector:
		if key, err := dv.FileKey(d.PathOrInlineDV); err == nil {
			k.key(key)
		}
	}
}

// path adds a path of the log, decoded and as it stands: some writers do not
// encode.
func (k *keepSet) path(p string) {
	canonical := canonicalPath(p)
	if isAbsolute(canonical) {
		k.names[maphash.String(k.seed, path.Base(canonical))] = struct{}{}
		return
	}
	k.key(canonical)
	k.key(p)
}

func (k *keepSet) key(key string) { k.keys[maphash.String(k.seed, key)] = struct{}{} }

func (k *keepSet) has(key string) bool {
	if _, ok := k.keys[maphash.String(k.seed, key)]; ok {
		return true
	}
	_, ok := k.names[maphash.String(k.seed, path.Base(key))]
	return ok
}
