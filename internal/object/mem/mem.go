// Package mem is object storage in memory, for tests and for data that need
// not outlive the process.
package mem

import (
	"bytes"
	"context"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/object"
)

// Store keeps objects in a map. It implements [object.Store]. Create one with
// [New].
type Store struct {
	clock   func() time.Time
	mu      sync.RWMutex
	objects map[string]blob
}

// blob is a stored object; its data never changes.
type blob struct {
	data    []byte
	modTime time.Time
}

// New returns an empty store whose objects are dated by clock; nil is
// [time.Now].
func New(clock func() time.Time) *Store {
	if clock == nil {
		clock = time.Now
	}
	return &Store{clock: clock, objects: make(map[string]blob)}
}

// Open implements [object.Store].
func (s *Store) Open(ctx context.Context, key string) (object.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, ok := s.objects[key]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
	}
	return &opened{Reader: bytes.NewReader(b.data), modTime: b.modTime.UnixMicro()}, nil
}

// List implements [object.Store]. It yields the objects there are when it is
// called.
func (s *Store) List(ctx context.Context, prefix, startAfter string) iter.Seq2[fs.FileInfo, error] {
	return func(yield func(fs.FileInfo, error) bool) {
		for _, in := range s.infos(prefix, startAfter) {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if !yield(in, nil) {
				return
			}
		}
	}
}

func (s *Store) infos(prefix, startAfter string) []info {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var infos []info
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if strings.HasPrefix(key, prefix) && key > startAfter {
			b := s.objects[key]
			infos = append(infos, info{key: key, size: int64(len(b.data)), modTime: b.modTime})
		}
	}
	return infos
}

// Create implements [object.Store].
func (s *Store) Create(ctx context.Context, key string) (object.Upload, error) {
	if err := checkKey(ctx, key); err != nil {
		return nil, err
	}
	return &upload{store: s, key: key}, nil
}

// Put implements [object.Store].
func (s *Store) Put(ctx context.Context, key string, data []byte) error {
	if err := checkKey(ctx, key); err != nil {
		return err
	}
	s.set(key, bytes.Clone(data))
	return nil
}

func (s *Store) set(key string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = blob{data: data, modTime: s.clock()}
}

// PutIfAbsent implements [object.Store].
func (s *Store) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	if err := checkKey(ctx, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.objects[key]; taken {
		return &fs.PathError{Op: "put", Path: key, Err: fs.ErrExist}
	}
	s.objects[key] = blob{data: bytes.Clone(data), modTime: s.clock()}
	return nil
}

// Delete implements [object.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	return nil
}

func checkKey(ctx context.Context, key string) error {
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return &fs.PathError{Op: "put", Path: key, Err: fs.ErrInvalid}
		}
	}
	return ctx.Err()
}

type opened struct {
	*bytes.Reader
	modTime int64
}

func (o *opened) Close() error   { return nil }
func (o *opened) ModTime() int64 { return o.modTime }

// upload gathers an object until Close.
type upload struct {
	bytes.Buffer
	store *Store
	key   string
	done  bool
}

func (u *upload) Close() error {
	if u.done {
		return &fs.PathError{Op: "close", Path: u.key, Err: fs.ErrClosed}
	}
	u.done = true
	u.store.set(u.key, u.Bytes())
	return nil
}

func (u *upload) Abort() error {
	u.done = true
	return nil
}

// info is the [fs.FileInfo] of a listed object.
type info struct {
	key     string
	size    int64
	modTime time.Time
}

func (i info) Name() string       { return i.key }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return 0o444 }
func (i info) ModTime() time.Time { return i.modTime }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return nil }
