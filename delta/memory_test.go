package delta_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/freshet/freshet/delta"
)

// memory is a storage in memory that can be told to fail.
type memory struct {
	mu      sync.Mutex
	objects map[string]memoryObject
	now     time.Time
	calls   []string // "Put key"
	// fault is asked before each call; it may act for the call and says
	// whether to go on.
	fault func(call string) faultKind
}

// faultKind is how a call of [memory] fails.
type faultKind int

const (
	noFault     faultKind = iota
	faultBefore           // fails, nothing done
	faultAfter            // done, but reported as failed
)

var errInjected = errors.New("injected fault")

type memoryObject struct {
	data []byte
	at   time.Time
}

func newMemory() *memory {
	return &memory{objects: make(map[string]memoryObject), now: time.UnixMilli(1_700_000_000_000)}
}

// do runs one call of a writer or reader under the fault plan.
func (m *memory) do(call string, run func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, call)
	kind := noFault
	if m.fault != nil {
		kind = m.fault(call)
	}
	if kind == faultBefore {
		return errInjected
	}
	err := run()
	if kind == faultAfter {
		return errInjected
	}
	return err
}

func (m *memory) put(key string, data []byte) {
	m.now = m.now.Add(time.Second)
	m.objects[key] = memoryObject{data: bytes.Clone(data), at: m.now}
}

func (m *memory) Open(_ context.Context, key string) (obj delta.Object, err error) {
	err = m.do("Open "+key, func() error {
		found, ok := m.objects[key]
		if !ok {
			return &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
		}
		obj = openMemory{bytes.NewReader(found.data), found}
		return nil
	})
	return obj, err
}

type openMemory struct {
	*bytes.Reader
	object memoryObject
}

func (o openMemory) Close() error   { return nil }
func (o openMemory) ModTime() int64 { return o.object.at.UnixMicro() }

func (m *memory) List(_ context.Context, prefix, startAfter string) iter.Seq2[fs.FileInfo, error] {
	return func(yield func(fs.FileInfo, error) bool) {
		var found []memoryInfo
		err := m.do("List "+startAfter, func() error {
			for key, obj := range m.objects {
				if strings.HasPrefix(key, prefix) && key > startAfter {
					found = append(found, memoryInfo{key, obj})
				}
			}
			return nil
		})
		if err != nil {
			yield(nil, err)
			return
		}
		slices.SortFunc(found, func(a, b memoryInfo) int { return strings.Compare(a.key, b.key) })
		for _, info := range found {
			if !yield(info, nil) {
				return
			}
		}
	}
}

type memoryInfo struct {
	key    string
	object memoryObject
}

func (i memoryInfo) Name() string       { return i.key }
func (i memoryInfo) Size() int64        { return int64(len(i.object.data)) }
func (i memoryInfo) Mode() fs.FileMode  { return 0o644 }
func (i memoryInfo) ModTime() time.Time { return i.object.at }
func (i memoryInfo) IsDir() bool        { return false }
func (i memoryInfo) Sys() any           { return nil }

func (m *memory) Create(_ context.Context, key string) (delta.Upload, error) {
	return &memoryUpload{storage: m, key: key}, m.do("Create "+key, func() error { return nil })
}

type memoryUpload struct {
	bytes.Buffer
	storage *memory
	key     string
	done    bool
}

func (u *memoryUpload) Close() error {
	if u.done {
		return nil
	}
	u.done = true
	return u.storage.do("Close "+u.key, func() error {
		u.storage.put(u.key, u.Bytes())
		return nil
	})
}

func (u *memoryUpload) Abort() error {
	u.done = true
	return nil
}

func (m *memory) Put(_ context.Context, key string, data []byte) error {
	return m.do("Put "+key, func() error {
		m.put(key, data)
		return nil
	})
}

func (m *memory) PutIfAbsent(_ context.Context, key string, data []byte) error {
	return m.do("PutIfAbsent "+key, func() error {
		if _, ok := m.objects[key]; ok {
			return &fs.PathError{Op: "put", Path: key, Err: fs.ErrExist}
		}
		m.put(key, data)
		return nil
	})
}

func (m *memory) Delete(_ context.Context, key string) error {
	return m.do("Delete "+key, func() error {
		delete(m.objects, key)
		return nil
	})
}

// clone returns a copy without the fault plan.
func (m *memory) clone() *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := newMemory()
	c.now = m.now
	maps.Copy(c.objects, m.objects)
	return c
}

// drop deletes the objects of the log whose name matches a pattern.
func (m *memory) drop(pattern string) {
	for key := range m.objects {
		if ok, _ := path.Match("_delta_log/"+pattern, key); ok {
			delete(m.objects, key)
		}
	}
}

// options are those of tests: a fixed clock, ids that count, no waiting.
func options() delta.Options {
	var mu sync.Mutex
	n := 0
	return delta.Options{
		Engine: "test/1",
		Clock:  func() time.Time { return time.UnixMilli(1_700_000_000_000).UTC() },
		NewID: func() string {
			mu.Lock()
			defer mu.Unlock()
			n++
			return "id-" + strconv.Itoa(n)
		},
		Sleep:  func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Random: func() float64 { return 0.5 },
	}
}

// commits returns how many commits the log holds.
func (m *memory) commits() int {
	n := 0
	for key := range m.objects {
		if strings.HasSuffix(key, ".json") {
			n++
		}
	}
	return n
}
