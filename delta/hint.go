package delta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// maxHintBytes bounds what is read of _last_checkpoint.
const maxHintBytes = 16 << 20

// hint is the content of _last_checkpoint. It saves a listing of old files
// and is never trusted further than that.
type hint struct {
	Version       int64  `json:"version"`
	Size          int64  `json:"size"`
	Parts         *int64 `json:"parts,omitempty"`
	SizeInBytes   int64  `json:"sizeInBytes,omitempty"`
	NumOfAddFiles int64  `json:"numOfAddFiles,omitempty"`
}

// decodeHint reads _last_checkpoint. Its checksum, where there is one, must
// fit.
func decodeHint(text []byte) (*hint, error) {
	h := hint{Version: -1}
	if err := json.Unmarshal(text, &h); err != nil {
		return nil, fmt.Errorf("read hint: %w", err)
	}
	if h.Version < 0 {
		return nil, errors.New("read hint: no version")
	}
	if err := verifyChecksum(text); err != nil {
		return nil, err
	}
	return &h, nil
}

// readHint returns the version of the newest checkpoint that the hint knows,
// or -1: a hint that is absent or damaged is no hint. Only storage errors are
// returned.
func readHint(ctx context.Context, st Storage) (int64, error) {
	text, err := readObject(ctx, st, hintKey, maxHintBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	h, err := decodeHint(text)
	if err != nil {
		return -1, nil //nolint:nilerr // a torn hint counts as none (protocol: Last Checkpoint File)
	}
	return h.Version, nil
}

// writeHint points _last_checkpoint at a new checkpoint, unless it points at
// a newer one already.
func writeHint(ctx context.Context, st Storage, h hint) error {
	known, err := readHint(ctx, st)
	if err != nil {
		return err
	}
	if known > h.Version {
		return nil
	}
	text, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("write hint: %w", err)
	}
	if err := st.Put(ctx, hintKey, text); err != nil {
		return fmt.Errorf("write %s: %w", hintKey, err)
	}
	return nil
}

// readObject returns the content of a small object.
func readObject(ctx context.Context, st Storage, key string, limit int64) (data []byte, err error) {
	err = withObject(ctx, st, key, func(obj Object) error {
		if obj.Size() > limit {
			return &LogError{Key: key, Reason: fmt.Sprintf("larger than %d bytes", limit)}
		}
		data, err = io.ReadAll(io.NewSectionReader(obj, 0, obj.Size()))
		return err
	})
	return data, err
}

// withObject opens an object for the time of use.
func withObject(ctx context.Context, st Storage, key string, use func(Object) error) error {
	obj, err := st.Open(ctx, key)
	if err != nil {
		return fmt.Errorf("open %s: %w", key, err)
	}
	err = use(obj)
	if err != nil {
		err = fmt.Errorf("read %s: %w", key, err)
	}
	return errors.Join(err, obj.Close())
}
