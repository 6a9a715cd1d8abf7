// Package loaded is a table's record of the files COPY INTO has loaded.
//
// The record lives beside the data, under _copy_into_log in the table's own
// directory, and changes in the same commit as the data: a version of the
// record is an immutable manifest named by a number, and the Delta commit that
// adds the rows also carries the transaction action (AppID, that number). So
// rows and record appear together or not at all, and checkpoints, log clean-up
// and other writers of the table keep the number without knowing it.
//
// A manifest lists segments: immutable, sorted, front-coded and compressed
// lists of paths. Each load adds one segment, and small ones are merged, so a
// million paths take a few megabytes and a handful of objects. Looking paths
// up is one merge of sorted streams and holds none of them in memory.
package loaded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/object"
)

// AppID is the application id of the transaction action that names a table's
// current record.
const AppID = "freshet.copy_into"

// dir holds manifests and segments; a leading underscore keeps vacuum and
// readers away.
const dir = "_copy_into_log"

// manifestFormat is the version of the manifest's JSON.
const manifestFormat = 1

// maxManifest bounds a manifest, in bytes: it lists a few dozen segments.
const maxManifest = 64 << 20

// Record is one version of a table's loaded-file record. It is immutable and
// safe for concurrent use; the zero ID is the empty record.
type Record struct {
	store    object.Store
	id       int64
	segments []segment
}

// segment describes one stored list of paths.
type segment struct {
	Name  string `json:"name"`
	Paths int64  `json:"paths"`
	Bytes int64  `json:"bytes"` // as stored
	Min   string `json:"min"`
	Max   string `json:"max"`
}

type manifest struct {
	Format   int       `json:"format"`
	Segments []segment `json:"segments"`
}

func manifestKey(id int64) string   { return fmt.Sprintf("%s/%020d.json", dir, id) }
func segmentKey(name string) string { return path.Join(dir, name) }

// Open returns the version id of the record of the table in store. Id 0, and
// only it, is the empty record; a manifest that is gone is an error, since
// guessing would load files again.
func Open(ctx context.Context, store object.Store, id int64) (*Record, error) {
	r := &Record{store: store, id: id}
	if id == 0 {
		return r, nil
	}
	text, err := object.ReadAll(ctx, store, manifestKey(id), maxManifest)
	if err != nil {
		return nil, fmt.Errorf("open loaded-file record %d: %w", id, err)
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("open loaded-file record %d: %w", id, err)
	}
	if m.Format != manifestFormat {
		return nil, fmt.Errorf("open loaded-file record %d: its format is %d, this version reads %d", id, m.Format, manifestFormat)
	}
	r.segments = m.Segments
	return r, nil
}

// Stored reports whether the table in store has, or once had, a record, be it
// one that was never committed.
func Stored(ctx context.Context, store object.Store) (bool, error) {
	for _, err := range store.List(ctx, dir+"/", "") {
		return err == nil, err
	}
	return false, nil
}

// ID returns the number that names this version in the table's transactions.
func (r *Record) ID() int64 { return r.id }

// Len returns how many paths the record holds.
func (r *Record) Len() int64 {
	var n int64
	for _, s := range r.segments {
		n += s.Paths
	}
	return n
}

// Segments returns how many stored lists the record consists of.
func (r *Record) Segments() int { return len(r.segments) }

// With stores a new version that also holds paths, which must be sorted,
// distinct and absent from r, and returns it. Nothing refers to the new
// version until its ID is committed. The ID is the first free number from
// minID on, and greater than r's; newID makes unique names.
func (r *Record) With(ctx context.Context, paths []string, minID int64, newID func() string) (*Record, error) {
	if len(paths) == 0 {
		return r, nil
	}
	next, err := r.extend(ctx, paths, newID)
	if err == nil {
		err = next.publish(ctx, max(minID, r.id+1))
	}
	if err != nil {
		return nil, fmt.Errorf("store loaded-file record: %w", err)
	}
	return next, nil
}

// extend writes the segments of the next version.
func (r *Record) extend(ctx context.Context, paths []string, newID func() string) (*Record, error) {
	added, err := writeSegment(ctx, r.store, newID()+".paths", slices.Values(paths))
	if err != nil {
		return nil, err
	}
	next := &Record{store: r.store, segments: append(slices.Clone(r.segments), added)}
	return next, next.compact(ctx, newID)
}

// publish writes the manifest under the first free number from id on.
func (r *Record) publish(ctx context.Context, id int64) error {
	text, err := json.Marshal(manifest{Format: manifestFormat, Segments: r.segments})
	if err != nil {
		return err
	}
	for ; ; id++ {
		err := r.store.PutIfAbsent(ctx, manifestKey(id), text)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		r.id = id
		return err
	}
}

// mergeFactor is how many times larger than all its younger neighbours
// together a segment must be to be left alone, and how many segments a merge
// takes at least. So n paths stand in O(log n) segments, and each path is
// rewritten O(log n) times.
const mergeFactor = 4

// compact merges the youngest segments while the older neighbour is not much
// larger than them.
func (r *Record) compact(ctx context.Context, newID func() string) error {
	from := len(r.segments) - 1
	total := r.segments[from].Paths
	for from > 0 && r.segments[from-1].Paths < total*mergeFactor {
		from--
		total += r.segments[from].Paths
	}
	// Two or three tiny segments are not worth a rewrite.
	if len(r.segments)-from < mergeFactor {
		return nil
	}
	young := r.segments[from:]
	cur := newMerge(ctx, r.store, young)
	defer cur.close()
	merged, err := writeSegment(ctx, r.store, newID()+".paths", cur.all())
	if err = errors.Join(err, cur.err); err != nil {
		return err
	}
	if merged.Paths != total {
		return fmt.Errorf("merge of loaded-file segments gave %d paths instead of %d", merged.Paths, total)
	}
	r.segments = append(slices.Clone(r.segments[:from]), merged)
	return nil
}

// Lookup starts a look-up of paths in ascending order.
func (r *Record) Lookup(ctx context.Context) *Lookup {
	return &Lookup{merge: newMerge(ctx, r.store, r.segments)}
}

// Lookup tells which of an ascending series of paths the record holds. It is
// not safe for concurrent use.
type Lookup struct {
	merge *merge
	last  string
	begun bool
}

// Contains reports whether the record holds p, which must not sort before the
// path of an earlier call.
func (l *Lookup) Contains(p string) (bool, error) {
	if l.begun && p < l.last {
		return false, fmt.Errorf("look up loaded files: %q after %q is out of order", p, l.last)
	}
	l.last, l.begun = p, true
	return l.merge.seek(p), l.merge.err
}

// Verify reads to the end of what the look-up opened, so that its checksums
// vouch for every answer given. An answer is final only when Verify agrees.
func (l *Lookup) Verify() error {
	for l.merge.err == nil && len(l.merge.heads) > 0 {
		l.merge.advance()
	}
	return l.merge.err
}

// Close releases what the look-up holds.
func (l *Lookup) Close() { l.merge.close() }

// manifestID is the inverse of manifestKey.
func manifestID(key string) (int64, bool) {
	name, ok := strings.CutSuffix(path.Base(key), ".json")
	id, err := strconv.ParseInt(name, 10, 64)
	return id, ok && err == nil && manifestKey(id) == key
}
