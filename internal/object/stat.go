package object

import "context"

// Stater is a [Store] that can tell an object's size and time without opening
// it.
type Stater interface {
	// Stat returns what an object's Size and ModTime would.
	Stat(ctx context.Context, key string) (size, modTime int64, err error)
}

// Stat returns the size of the object under key, in bytes, and when it was
// last written, in Unix microseconds.
func Stat(ctx context.Context, store Store, key string) (size, modTime int64, err error) {
	if s, ok := store.(Stater); ok {
		return s.Stat(ctx, key)
	}
	o, err := store.Open(ctx, key)
	if err != nil {
		return 0, 0, err
	}
	size, modTime = o.Size(), o.ModTime()
	return size, modTime, o.Close()
}
