package filestate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
)

// manifest is one version of the state.
type manifest struct {
	Format int `json:"format"`
	// Next is the sequence number of the next file discovered.
	Next int64 `json:"next"`
	// Taken is the sequence number up to which finished batches have gone.
	Taken int64 `json:"taken"`
	// Cleaned is the sequence number up to which cleanSource has dealt with
	// files.
	Cleaned int64 `json:"cleaned,omitempty"`
	// Forgets counts the edits that made known files unknown.
	Forgets int64 `json:"forgets,omitempty"`
	// Ignoring says that the first discovery ignores what is there, and has
	// not come to its end.
	Ignoring bool      `json:"ignoring,omitempty"`
	Pending  []segment `json:"pending"` // by sequence number, ascending
	Index    []segment `json:"index"`   // by path, oldest first
	Batches  []segment `json:"batches"` // by sequence number, ascending
}

const (
	manifestFormat = 1
	manifestPrefix = "manifest/"
	maxManifest    = 64 << 20 // bytes
	// maxNumber bounds files and versions, and maxMerged the segments that are
	// merged when they are many, far beyond any state: what says more is damaged.
	maxNumber = 1 << 53
	maxMerged = 1000
)

func (s *Store) manifestKey(version int64) string {
	return fmt.Sprintf("%s%s%020d.json", s.prefix, manifestPrefix, version)
}

func (s *Store) segmentKey(name string) string { return s.prefix + "segments/" + name }

// readManifest reads the manifest of a key, which says its version.
func (s *Store) readManifest(ctx context.Context, key string) error {
	text := strings.TrimSuffix(strings.TrimPrefix(key, s.prefix+manifestPrefix), ".json")
	version, err := strconv.ParseInt(text, 10, 64)
	if err != nil || version < 1 || version > maxNumber || key != s.manifestKey(version) {
		return damagedManifest(key, errors.New("it is called as no version of the file state is"))
	}
	body, err := object.ReadAll(ctx, s.objects, key, maxManifest)
	switch {
	case errors.Is(err, object.ErrTooLarge):
		return damagedManifest(key, err)
	case err != nil:
		return fmt.Errorf("open file state: %w", err)
	}
	if err := json.Unmarshal(body, &s.m); err != nil {
		return damagedManifest(key, err)
	}
	if s.m.Format != manifestFormat {
		return fmt.Errorf("open file state: %s: format %d was written by a newer version of freshet", key, s.m.Format)
	}
	if err := s.m.check(); err != nil {
		return damagedManifest(key, err)
	}
	s.version = version
	return nil
}

// check returns what is wrong with a manifest that no store has written.
func (m *manifest) check() error {
	if m.Next > maxNumber || m.Taken < 0 || m.Taken > m.Next || m.Cleaned < 0 || m.Cleaned > m.Next {
		return fmt.Errorf("of %d files %d are taken and %d cleaned", m.Next, m.Taken, m.Cleaned)
	}
	if m.Forgets < 0 || m.Forgets > maxNumber {
		return fmt.Errorf("files were forgotten %d times", m.Forgets)
	}
	if n := max(len(m.Index), len(m.Batches)); n > maxMerged {
		return fmt.Errorf("it lists %d segments that are to be read at once", n)
	}
	for _, seg := range m.segments() {
		if !fs.ValidPath(seg.Name) || strings.Contains(seg.Name, "/") {
			return fmt.Errorf("%q names no segment", seg.Name)
		}
		if seg.FirstSeq < 0 || seg.FirstSeq > seg.LastSeq || seg.LastSeq > m.Next || seg.Entries < 0 || seg.Entries > maxNumber {
			return fmt.Errorf("of %d files segment %s has %d, from %d to %d", m.Next, seg.Name, seg.Entries, seg.FirstSeq, seg.LastSeq)
		}
	}
	return nil
}

func damagedManifest(key string, why error) error {
	return errclass.New("STREAMING_CHECKPOINT_CORRUPT", "KD002",
		"The file %s of the file state is damaged: %w; restore the checkpoint, all of it, from a copy, or load everything anew with REFRESH STREAMING TABLE … FULL.", key, why)
}

// publish makes m the state. What neither it nor the version before need is
// deleted: who reads that one can come to an end.
func (s *Store) publish(ctx context.Context, m manifest) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	version := s.version + 1
	if err := s.objects.PutIfAbsent(ctx, s.manifestKey(version), text); err != nil {
		if rerr := s.settle(ctx, version, text); rerr != nil {
			return errors.Join(err, rerr)
		}
	}
	newer, err := s.newer(ctx, version)
	if newer {
		return concurrent(version + 1)
	}
	dropped := unneeded(s.before.segments(), s.m, m)
	s.version, s.before, s.m = version, s.m, m
	if err != nil {
		return nil //nolint:nilerr // it is the state; what may go stays for Sweep
	}
	// What cannot be deleted now stays behind for Sweep.
	for _, seg := range dropped {
		_ = s.objects.Delete(ctx, s.segmentKey(seg.Name))
	}
	_ = s.objects.Delete(ctx, s.manifestKey(version-2))
	return nil
}

// newer reports whether the state has gone on beyond a version. Versions that
// are over are deleted, so that one could be written a second time by who has
// slept meanwhile: it would be nobody's, and what its writer deletes is still
// needed.
func (s *Store) newer(ctx context.Context, version int64) (bool, error) {
	for _, err := range s.objects.List(ctx, s.prefix+manifestPrefix, s.manifestKey(version)) {
		return err == nil, err
	}
	return false, nil
}

func concurrent(version int64) error {
	return errclass.New("CONCURRENT_STREAM_LOG_UPDATE", "40000",
		"Another run of this flow has written version %d of the file state. Stop it, or give this one a checkpoint of its own.", version)
}

// settle finds out whether a manifest whose writing did not succeed is there
// all the same.
func (s *Store) settle(ctx context.Context, version int64, text []byte) error {
	there, err := object.ReadAll(ctx, s.objects, s.manifestKey(version), maxManifest)
	if err != nil {
		return err
	}
	if !slices.Equal(there, text) {
		return concurrent(version)
	}
	return nil
}

// unneeded returns the segments that no manifest lists.
func unneeded(segments []segment, by ...manifest) []segment {
	needed := map[string]bool{}
	for i := range by {
		for _, seg := range by[i].segments() {
			needed[seg.Name] = true
		}
	}
	return slices.DeleteFunc(segments, func(seg segment) bool { return needed[seg.Name] })
}

func (m *manifest) segments() []segment { return slices.Concat(m.Pending, m.Index, m.Batches) }
