package state

import "golang.org/x/sync/errgroup"

const (
	// Blocks that are wanted and lie as near as gapBytes are one request.
	gapBytes = 16 << 10
	// aheadBytes is about how much of a run is read before it is needed, and
	// aheadReads with how many requests at once: object storage answers each
	// after some time, but many at a time.
	aheadBytes = 512 << 10
	aheadReads = 16
)

// stretch is part of a file, in bytes.
type stretch struct{ from, to int64 }

// chunk is what a stretch holds.
type chunk struct {
	stretch
	bytes []byte
}

// ahead is what was read of a file and is needed next, in its order.
type ahead []chunk

// take returns the bytes of a block, if they are there, and forgets what lies
// before them: callers go upwards.
func (a *ahead) take(s stretch) ([]byte, bool) {
	for len(*a) > 0 && (*a)[0].to <= s.from {
		*a = (*a)[1:]
	}
	if len(*a) == 0 || s.from < (*a)[0].from || s.to > (*a)[0].to {
		return nil, false
	}
	first := (*a)[0]
	return first.bytes[s.from-first.from : s.to-first.from], true
}

// read reads stretches of a file, all at once.
func (f *file) read(list []stretch) (ahead, error) {
	out := make(ahead, len(list))
	var g errgroup.Group
	for i, s := range list {
		g.Go(func() error {
			out[i] = chunk{s, make([]byte, s.to-s.from)}
			return f.fill(out[i].bytes, s.from)
		})
	}
	return out, g.Wait()
}
