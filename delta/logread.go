package delta

import (
	"errors"
	"io"
	"sync/atomic"
)

// logReader reads an object of the log and remembers whether it was the
// storage that failed: what could not be fetched is not damaged.
type logReader struct {
	object Object
	fault  atomic.Pointer[error]
}

// ReadAt implements [io.ReaderAt].
func (r *logReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.object.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		r.fault.CompareAndSwap(nil, &err)
	}
	return n, err
}

func (r *logReader) section() *io.SectionReader { return io.NewSectionReader(r, 0, r.object.Size()) }

// verdict returns what an error of decoding says: that the storage failed, or
// else that the object is damaged.
func (r *logReader) verdict(err error, reason string) error {
	if err == nil {
		return nil
	}
	if fault := r.fault.Load(); fault != nil {
		return *fault
	}
	return &LogError{Reason: reason, Cause: err}
}
