package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/option"
)

// checkBadRecords refuses to write malformed records among the files that are
// read: later reads would take them for data.
func (s *FileSet) checkBadRecords() error {
	text := s.Options.Text("badRecordsPath")
	if text == "" {
		return nil
	}
	bad, err := location.Parse(text, "")
	if err != nil {
		return option.Refuse("badRecordsPath", err)
	}
	from, err := location.Parse(s.query.Path, "")
	if err == nil && bad.At(strings.TrimRight(bad.Key, "/")) == from.At(strings.TrimRight(from.Key, "/")) {
		err = option.Refuse("badRecordsPath", errclass.New("INVALID_OPTION_VALUE", "42K06",
			"option badRecordsPath is the source itself, %s; name a directory of its own, which may be within the source", text))
	}
	return err
}

// BadRecords returns the receiver of malformed records that option
// badRecordsPath asks for, or nil. Records go as JSON lines to
// <badRecordsPath>/<yyyyMMddTHHmmss>/bad_records/part-<id> (semantics §4.3);
// Close of the receiver publishes them.
func (s *FileSet) BadRecords(ctx context.Context, now time.Time, newID func() string) (*BadRecords, error) {
	path := s.Options.Text("badRecordsPath")
	if path == "" {
		return nil, nil // no receiver is asked for
	}
	loc, err := location.Parse(path+"/", "")
	if err != nil {
		return nil, err
	}
	store, err := s.query.Openers.Open(ctx, loc)
	if err != nil {
		return nil, err
	}
	key := loc.Key + now.UTC().Format("20060102T150405") + "/bad_records/part-" + newID()
	return &BadRecords{store: store, key: key}, nil
}

// BadRecords writes malformed records to one object, which is there once one
// record came and Close was called. It is safe for concurrent use.
type BadRecords struct {
	store object.Store
	key   string

	mu     sync.Mutex
	upload object.Upload
	err    error
}

// Add writes one record.
func (b *BadRecords) Add(ctx context.Context, r format.BadRecord) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return
	}
	if b.upload == nil {
		if b.upload, b.err = b.store.Create(ctx, b.key); b.err != nil {
			return
		}
	}
	var line []byte
	if line, b.err = json.Marshal(map[string]string{"path": r.Path, "record": r.Record, "reason": r.Reason}); b.err == nil {
		_, b.err = b.upload.Write(append(line, '\n'))
	}
}

// Close publishes the records and returns the first error met.
func (b *BadRecords) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.upload == nil {
		return b.err
	}
	up := b.upload
	b.upload = nil
	if b.err != nil {
		return errors.Join(b.err, up.Abort())
	}
	return up.Close()
}
