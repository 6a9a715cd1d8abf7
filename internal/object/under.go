package object

import (
	"context"
	"io/fs"
	"iter"
	"strings"
	"time"
)

// Under returns the part of store below prefix, which ends in a slash or is
// empty, as a store of its own: its keys are relative to prefix.
func Under(store Store, prefix string) Store {
	if prefix == "" {
		return store
	}
	return under{store: store, prefix: prefix}
}

type under struct {
	store  Store
	prefix string
}

func (u under) Open(ctx context.Context, key string) (Object, error) {
	return u.store.Open(ctx, u.prefix+key)
}

func (u under) Create(ctx context.Context, key string) (Upload, error) {
	return u.store.Create(ctx, u.prefix+key)
}

func (u under) Put(ctx context.Context, key string, data []byte) error {
	return u.store.Put(ctx, u.prefix+key, data)
}

func (u under) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	return u.store.PutIfAbsent(ctx, u.prefix+key, data)
}

func (u under) Delete(ctx context.Context, key string) error {
	return u.store.Delete(ctx, u.prefix+key)
}

func (u under) List(ctx context.Context, prefix, startAfter string) iter.Seq2[fs.FileInfo, error] {
	if startAfter != "" {
		startAfter = u.prefix + startAfter
	}
	return func(yield func(fs.FileInfo, error) bool) {
		for info, err := range u.store.List(ctx, u.prefix+prefix, startAfter) {
			if err == nil {
				info = relative{FileInfo: info, name: strings.TrimPrefix(info.Name(), u.prefix)}
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

// Prune implements [Pruner], for what it is worth in store.
func (u under) Prune(dir string) error {
	if p, ok := u.store.(Pruner); ok {
		return p.Prune(u.prefix + dir)
	}
	return nil
}

// Sweep implements [Sweeper], for what it is worth in store.
func (u under) Sweep(ctx context.Context, dir string, before time.Time) (int, error) {
	if s, ok := u.store.(Sweeper); ok {
		return s.Sweep(ctx, u.prefix+dir, before)
	}
	return 0, nil
}

// relative is a listed object under its relative key.
type relative struct {
	fs.FileInfo
	name string
}

func (r relative) Name() string { return r.name }
