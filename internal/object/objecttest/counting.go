package objecttest

import (
	"context"
	"sync"

	"github.com/freshet/freshet/internal/object"
)

// Counting is a store that counts what is done to its objects. It is safe for
// concurrent use; its figures may be read and set back between uses.
type Counting struct {
	object.Store
	mu                    sync.Mutex
	Opened, Reads         int   // objects, and ranges of them
	BytesRead, BytesWrote int64 // by ReadAt, and by Write of uploads
}

// Open implements [object.Store].
func (c *Counting) Open(ctx context.Context, key string) (object.Object, error) {
	o, err := c.Store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Opened++
	return &countedObject{o, c}, nil
}

// Create implements [object.Store].
func (c *Counting) Create(ctx context.Context, key string) (object.Upload, error) {
	up, err := c.Store.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	return &countedUpload{up, c}, nil
}

type countedObject struct {
	object.Object
	by *Counting
}

// ReadAt implements [io.ReaderAt].
func (o *countedObject) ReadAt(p []byte, at int64) (int, error) {
	o.by.mu.Lock()
	o.by.Reads++
	o.by.BytesRead += int64(len(p))
	o.by.mu.Unlock()
	return o.Object.ReadAt(p, at)
}

type countedUpload struct {
	object.Upload
	by *Counting
}

// Write implements [io.Writer].
func (u *countedUpload) Write(p []byte) (int, error) {
	u.by.mu.Lock()
	u.by.BytesWrote += int64(len(p))
	u.by.mu.Unlock()
	return u.Upload.Write(p)
}
