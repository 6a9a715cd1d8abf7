package delta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/freshet/freshet/delta/internal/dv"
)

// lastVacuumKey names the object that says how far vacuums have come.
const lastVacuumKey = logDir + "_last_vacuum_info"

// lastVacuum is its content: up to this version no removed file is left.
type lastVacuum struct {
	Outside int64 `json:"latestCommitVersionOutsideOfRetentionWindow"`
}

func (t *Table) lastVacuum(ctx context.Context) (lastVacuum, error) {
	last := lastVacuum{Outside: -1}
	err := withObject(ctx, t.storage, lastVacuumKey, func(o Object) error {
		text, err := io.ReadAll(io.NewSectionReader(o, 0, min(o.Size(), 1<<16)))
		if err != nil {
			return err
		}
		if json.Unmarshal(text, &last) != nil {
			last.Outside = -1 // damaged: as if it were not there
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return last, err
}

// findInLog reads what commits that are older than the retention time
// removed, and changed data they wrote, from where the last vacuum ended.
func (v *vacuum) findInLog(ctx context.Context, _ *Snapshot) ([]oldFile, error) {
	last, err := v.table.lastVacuum(ctx)
	if err != nil {
		return nil, err
	}
	l, err := listLog(ctx, v.table.storage, "")
	if err != nil {
		return nil, err
	}
	end := v.lastOutside(l)
	commits, err := l.between(last.Outside+1, end)
	if hole := new(TruncatedLogError); errors.As(err, &hole) {
		return nil, &VacuumLiteError{Missing: hole.Missing}
	}
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	var old []oldFile
	note := func(key string, size int64) {
		if !seen[key] {
			seen[key] = true
			v.directories[path.Dir(key)] = true
			old = append(old, oldFile{key, size})
		}
	}
	cutoff := v.before.UnixMilli()
	for _, c := range commits {
		_, err := readCommit(ctx, v.table.storage, c.version, func(a *action) error {
			if a.Change != nil {
				if key, err := FileKey(a.Change.Path); err == nil {
					note(key, a.Change.Size)
				}
			}
			if a.Remove == nil {
				return nil
			}
			if a.Remove.DeletionTimestamp >= cutoff {
				end = min(end, c.version-1) // not done with yet
				return nil
			}
			noteRemoved(a.Remove, note)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	v.outside = max(end, last.Outside)
	fresh, err := v.table.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return v.also(ctx, fresh, old)
}

// noteRemoved hands out the keys of a removed file and its deletion vector,
// as far as they lie in the table.
func noteRemoved(f *RemoveFile, note func(key string, size int64)) {
	if key, err := FileKey(f.Path); err == nil {
		note(key, deref(f.Size))
	}
	if d := f.DeletionVector; d != nil && d.StorageType == relativeVector {
		if key, err := dv.FileKey(d.PathOrInlineDV); err == nil {
			note(key, 0)
		}
	}
}

// lastOutside returns the last version of the listing that is older than the
// retention time, or -1.
func (v *vacuum) lastOutside(l *listing) int64 {
	last := int64(-1)
	for _, c := range l.commits {
		if c.modTime >= v.before.UnixMilli() {
			break
		}
		last = c.version
	}
	return last
}

// remember writes how far a lite vacuum has come, for the next one.
func (v *vacuum) remember(ctx context.Context) error {
	if !v.opts.Lite || v.outside < 0 {
		return nil
	}
	text, err := json.Marshal(lastVacuum{Outside: v.outside})
	if err == nil {
		err = v.table.storage.Put(ctx, lastVacuumKey, text)
	}
	if err != nil {
		return fmt.Errorf("remember vacuum: %w", err)
	}
	return nil
}

// VacuumLiteError says that the log no longer tells of all files that were
// removed; a full vacuum finds them.
type VacuumLiteError struct{ Missing int64 }

func (e *VacuumLiteError) Error() string {
	return fmt.Sprintf("VACUUM LITE cannot delete all eligible files: commit %d is no longer in the log; run VACUUM FULL", e.Missing)
}

// ErrorClass returns Delta's class of the error.
func (*VacuumLiteError) ErrorClass() string { return "DELTA_CANNOT_VACUUM_LITE" }

// SQLState returns the error's SQLSTATE.
func (*VacuumLiteError) SQLState() string { return "55000" }
