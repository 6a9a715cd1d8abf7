package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/location"
)

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
