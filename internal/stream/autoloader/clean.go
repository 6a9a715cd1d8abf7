package autoloader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/source/files/filestate"
)

// A slice of cleaning is what is done between two batches: so many files at
// most, so many at a time.
const (
	cleanSlice   = 10_000
	cleanWorkers = 8
)

// cleaner deletes or moves the files that batches have loaded, once they were
// committed for long enough (semantics §2.8). The mode that is set when a file
// is cleaned counts, not the one it was loaded under. Each step can be cut off
// anywhere and taken again: a file is recorded as cleaned after it is, and one
// that is moved is whole at its new place before it leaves the old.
type cleaner struct {
	mode  string
	after time.Duration
	base  string            // of the source, a URI with a trailing slash
	place location.Location // of the destination, a directory
	store object.Store      // of the destination

	clock func() time.Time
	swept sync.Once

	// held looks whether the target has what was loaded so far; nil before
	// the first batch of a run is done.
	held func(context.Context) (bool, error)
	// due is when there may be something to clean, in µs since 1970.
	due int64
}

// newCleaner returns a cleaner, or nil when cleanSource is off.
func (s *Source) newCleaner(ctx context.Context) (*cleaner, error) {
	c := &cleaner{clock: s.cfg.Clock, mode: s.opts.Enum("cleanSource"), after: s.opts.Interval("cleanSource.retentionDuration"), base: s.set.Base()}
	switch c.mode {
	case cleanMove:
		var err error
		if c.place, err = location.Parse(strings.TrimRight(s.opts.Text("cleanSource.moveDestination"), "/")+"/", ""); err != nil {
			return nil, err
		}
		if c.store, err = s.cfg.Openers.Open(ctx, c.place); err != nil {
			return nil, err
		}
		return c, nil
	case cleanDelete:
		return c, nil
	}
	return nil, nil //nolint:nilnil // nothing is to be cleaned
}

// clean cleans a slice of what is due. It asks whether the target has the
// data before it touches any file.
func (s *Source) clean(ctx context.Context) error {
	c, now := s.cleaner, s.cfg.Clock().UnixMicro()
	if c == nil || c.held == nil || now < c.due {
		return nil
	}
	loaded, err := s.state.Loaded(ctx, now-c.after.Microseconds(), cleanSlice)
	if err != nil {
		return err
	}
	if len(loaded.Files) > 0 {
		if held, err := c.held(ctx); err != nil || !held {
			return err // a target that was reset has its files loaded again
		}
	}
	cleaned, err := s.cleanAll(ctx, loaded.Files)
	switch {
	case err != nil:
		loaded = filestate.Loaded{} // those that are left are looked at again
		if len(cleaned) == 0 {
			return err
		}
	case loaded.Due == math.MaxInt64:
		c.due = math.MaxInt64 // until the next batch
	default:
		c.due = loaded.Due + c.after.Microseconds()
	}
	return errors.Join(err, s.state.Archive(context.WithoutCancel(ctx), loaded, cleaned, now))
}

// finished is told of each batch that is done.
func (c *cleaner) finished(committed time.Time, held func(context.Context) (bool, error)) {
	c.held = held
	c.due = min(c.due, committed.Add(c.after).UnixMicro())
}

// cleanAll cleans files and returns those that were, as they are to be
// recorded.
func (s *Source) cleanAll(ctx context.Context, list []filestate.Entry) ([]filestate.Entry, error) {
	// Stores are opened before, since the source is one goroutine's.
	stores := make([]object.Store, len(list))
	keys := make([]string, len(list))
	for i, e := range list {
		store, loc, err := s.storeOf(ctx, e.Path)
		if err != nil {
			return nil, err
		}
		stores[i], keys[i] = store, loc.Key
	}
	errs := make([]error, cleanWorkers)
	done := make([]bool, len(list))
	var wg sync.WaitGroup
	for w := range cleanWorkers {
		wg.Go(func() {
			for i := w; i < len(list) && errs[w] == nil; i += cleanWorkers {
				if errs[w] = ctx.Err(); errs[w] == nil {
					done[i], errs[w] = s.cleaner.file(ctx, stores[i], keys[i], &list[i])
				}
			}
		})
	}
	wg.Wait()
	var cleaned []filestate.Entry
	for i, e := range list {
		if done[i] {
			e.StateTime = s.cfg.Clock().UnixMicro()
			cleaned = append(cleaned, e)
		}
	}
	return cleaned, errors.Join(errs...)
}

// file cleans one file and reports whether it did. A file that is not what was
// discovered stays: its bytes may not have been loaded.
func (c *cleaner) file(ctx context.Context, store object.Store, key string, e *filestate.Entry) (done bool, err error) {
	switch err := c.same(ctx, store, key, e); {
	case errors.Is(err, errChanged):
		return false, nil
	case errors.Is(err, fs.ErrNotExist):
		return c.vanished(ctx, e)
	case err != nil:
		return false, c.refused(e, err)
	}
	if c.mode == cleanDelete {
		e.State = filestate.ArchivedByDelete
		err = store.Delete(ctx, key)
	} else {
		e.State = filestate.ArchivedByMove
		e.Detail, err = c.move(ctx, store, key, e)
	}
	if err != nil {
		return false, c.refused(e, err)
	}
	return true, nil
}

var errChanged = errors.New("the file has changed")

// same returns nil for a file that is as it was discovered.
func (c *cleaner) same(ctx context.Context, store object.Store, key string, e *filestate.Entry) error {
	size, modTime, err := object.Stat(ctx, store, key)
	if err == nil && (size != e.Size || modTime != e.ModTime) {
		err = errChanged
	}
	return err
}

// vanished tells a file that this cleaner has cleaned, and was cut off before
// it was recorded, from one that somebody else has removed.
func (c *cleaner) vanished(ctx context.Context, e *filestate.Entry) (done bool, err error) {
	if c.mode == cleanDelete {
		e.State = filestate.ArchivedByDelete
		return true, nil
	}
	for _, key := range c.targets(e) {
		size, _, err := object.Stat(ctx, c.store, key)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, c.refused(e, err)
		}
		if size == e.Size {
			e.State, e.Detail = filestate.ArchivedByMove, c.place.At(key).String()
			return true, nil
		}
	}
	return false, nil
}

// targets returns the keys that a file may be moved to: its path below the
// source, and one for when another file has that.
func (c *cleaner) targets(e *filestate.Entry) []string {
	rel, below := strings.CutPrefix(e.Path, c.base)
	if !below {
		rel = path.Base(e.Path)
	}
	return []string{c.place.Key + rel, c.place.Key + rel + "." + strconv.FormatInt(e.Seq, 10)}
}

// move moves a file and returns where it is then.
func (c *cleaner) move(ctx context.Context, from object.Store, key string, e *filestate.Entry) (to string, err error) {
	for _, target := range c.targets(e) {
		err := c.moveTo(ctx, from, key, target)
		if !errors.Is(err, fs.ErrExist) {
			return c.place.At(target).String(), err
		}
	}
	return "", fmt.Errorf("move to %s: another file is there: %w", c.place, fs.ErrExist)
}

// moveTo moves a file to a key. The error is [fs.ErrExist] when something
// else has the key; the file itself may be there, from a run that was cut off.
func (c *cleaner) moveTo(ctx context.Context, from object.Store, key, target string) error {
	if mover, ok := from.(object.Mover); ok && from == c.store {
		err := mover.Move(ctx, key, target)
		if err == nil || !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	switch equal, err := c.equal(ctx, from, key, target); {
	case errors.Is(err, fs.ErrNotExist):
		if err := c.copyTo(ctx, from, key, target); err != nil {
			return err
		}
	case err != nil:
		return err
	case !equal:
		return fs.ErrExist
	}
	return from.Delete(ctx, key)
}

// abandoned is for how long nothing is written to a copy whose writer is no
// more.
const abandoned = time.Hour

// sweep deletes, once a run, the copies that runs which were killed have left
// half written at the destination. They are waste, and no reason to fail.
func (c *cleaner) sweep(ctx context.Context) {
	c.swept.Do(func() {
		if s, ok := c.store.(object.Sweeper); ok {
			_, _ = s.Sweep(ctx, c.place.Key, c.clock().Add(-abandoned))
		}
	})
}

func (c *cleaner) copyTo(ctx context.Context, from object.Store, key, target string) error {
	c.sweep(ctx)
	in, err := from.Open(ctx, key)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	out, err := c.store.Create(ctx, target)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, io.NewSectionReader(in, 0, in.Size())); err != nil {
		return errors.Join(err, out.Abort())
	}
	return out.Close()
}

// equal compares a file with what is at its destination; the error is
// [fs.ErrNotExist] when nothing is.
func (c *cleaner) equal(ctx context.Context, from object.Store, key, target string) (bool, error) {
	there, err := c.store.Open(ctx, target)
	if err != nil {
		return false, err
	}
	defer there.Close() //nolint:errcheck // it was only read
	here, err := from.Open(ctx, key)
	if err != nil {
		return false, err
	}
	defer here.Close() //nolint:errcheck // it was only read
	if here.Size() != there.Size() {
		return false, nil
	}
	var a, b [64 << 10]byte
	for at := int64(0); at < here.Size(); at += int64(len(a)) {
		n := min(int64(len(a)), here.Size()-at)
		if _, err := here.ReadAt(a[:n], at); err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if _, err := there.ReadAt(b[:n], at); err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if !bytes.Equal(a[:n], b[:n]) {
			return false, nil
		}
	}
	return true, nil
}

// refused explains why a file could not be cleaned.
func (c *cleaner) refused(e *filestate.Entry, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return errclass.New("CF_CLEAN_SOURCE_UNAUTHORIZED_WRITE_PERMISSION", "42501",
			"Auto Loader cannot clean %s, which is loaded: %w. Give it the right to write to the source and the destination, or set %scleanSource to OFF.", e.Path, err, prefix)
	}
	return fmt.Errorf("clean %s: %w", e.Path, err)
}
