package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/object"
)

// version is what a delta or a merged file says of a version.
type version struct {
	number int64

	// Schema is the digest of the file schema that the rows are of.
	Schema string          `json:"schema"`
	Info   json.RawMessage `json:"info,omitempty"`
	Delta  Run             `json:"delta"`            // what the batch has changed
	Brings string          `json:"brings,omitempty"` // the file of what it brings
	Runs   []Run           `json:"runs"`             // oldest first
}

// maxRuns is more runs than a version ever has, as their number is the
// logarithm of that of the rows. A look-up opens all of them.
const maxRuns = 1024

func (s *Store) key(number int64, suffix string) string {
	return s.prefix + strconv.FormatInt(number, 10) + suffix
}

// version reads a version, merged if it is; nil when it is not there.
func (s *Store) version(ctx context.Context, number int64) (*version, error) {
	if s.last != nil && s.last.number == number {
		return s.last, nil
	}
	for _, suffix := range []string{mergedSuffix, deltaSuffix} {
		o, err := s.store.Open(ctx, s.key(number, suffix))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read state: %w", err)
		}
		if s.last, err = s.parse(number, s.key(number, suffix), o); err != nil {
			return nil, err
		}
		return s.last, nil
	}
	return nil, nil //nolint:nilnil // a version is there or not
}

// known is a version that is to be there.
func (s *Store) known(ctx context.Context, number int64) (*version, error) {
	v, err := s.version(ctx, number)
	if v == nil && err == nil {
		err = damaged(s.key(number, deltaSuffix), "is missing")
	}
	return v, err
}

// publish writes what is known of a version, unless another run was first: the
// version is then as that run has left it.
func (s *Store) publish(ctx context.Context, v *version, suffix string) error {
	var body bytes.Buffer
	w, err := newBlockWriter(&body)
	if err == nil {
		err = errors.Join(w.end(v), w.pack.Close())
	}
	if err == nil {
		err = s.store.PutIfAbsent(ctx, s.key(v.number, suffix), body.Bytes())
	}
	s.last = nil
	switch {
	case errors.Is(err, fs.ErrExist):
		_, err := s.known(ctx, v.number)
		return err
	case err != nil:
		return fmt.Errorf("write state: %w", err)
	}
	s.last = v
	return nil
}

// parse reads what a file says of a version. Its numbers and names are not to
// be trusted.
func (s *Store) parse(number int64, key string, o object.Object) (*version, error) {
	v := &version{number: number}
	f, err := openFile(key, o, v)
	if err == nil {
		err = f.close()
	}
	if err != nil {
		return nil, err
	}
	if v.Schema != s.digest {
		return nil, changed("its first batch has kept state for another query")
	}
	if len(v.Runs) > maxRuns {
		return nil, damaged(key, fmt.Sprintf("lists %d runs", len(v.Runs)))
	}
	rows := int64(0)
	for _, r := range append([]Run{v.Delta}, v.Runs...) {
		if of, ok := versionOf(r.File); !ok || of > number || !strings.HasSuffix(r.File, runSuffix) {
			return nil, damaged(key, fmt.Sprintf("lists %q, which is no run of it", r.File))
		}
		if r.Rows < 0 || r.Rows > math.MaxInt64-rows {
			return nil, damaged(key, fmt.Sprintf("says that %s has %d rows", r.File, r.Rows))
		}
		rows += r.Rows
	}
	if of, ok := versionOf(v.Brings); v.Brings != "" && (!ok || of != number || !strings.HasSuffix(v.Brings, rowsSuffix)) {
		return nil, damaged(key, fmt.Sprintf("names %q, which are no rows of it", v.Brings))
	}
	return v, nil
}

// versionOf returns the version that a file is of, by its name.
func versionOf(name string) (int64, bool) {
	if strings.Contains(name, "/") {
		return 0, false
	}
	for _, suffix := range []string{deltaSuffix, mergedSuffix, runSuffix, rowsSuffix} {
		if stem, ok := strings.CutSuffix(name, suffix); ok {
			digits, _, _ := strings.Cut(stem, "-")
			number, err := strconv.ParseInt(digits, 10, 64)
			return number, err == nil
		}
	}
	return 0, false
}
