package deltalog

import (
	"context"
	"strconv"
)

// backlog is what is left to be read after a place, up to a version that is
// not counted yet.
type backlog struct {
	after        offset
	until        int64
	files, bytes int64
	known        bool
}

// count keeps what is left when a batch ends, given what is in it. Each file is
// counted once, when it is discovered.
func (s *Source) count(ctx context.Context, start, end offset, files, bytes int64, all bool) {
	next := backlog{after: end, until: s.latest + 1, known: true}
	from := end
	switch b := s.backlog; {
	case all:
		s.backlog = next
		return
	case b.known && b.after == start && b.until > end.Version:
		next.files, next.bytes = b.files-files, b.bytes-bytes
		from = atVersion(end.Table, b.until)
	}
	last := s.last
	for f, err := range s.files(ctx, from) {
		if err != nil {
			next.known = false // what is wrong with it, the batch that reads it says
			break
		}
		next.files, next.bytes = next.files+f.files, next.bytes+f.size
	}
	s.backlog, s.last = next, last
}

// metrics are what progress reports tell of the backlog (semantics §11.1).
func (s *Source) metrics() map[string]string {
	if !s.backlog.known {
		return nil
	}
	return map[string]string{
		"numFilesOutstanding": strconv.FormatInt(s.backlog.files, 10),
		"numBytesOutstanding": strconv.FormatInt(s.backlog.bytes, 10),
	}
}
