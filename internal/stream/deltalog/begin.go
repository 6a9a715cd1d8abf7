package deltalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
)

// beginKey names the file, below the source's state, that has where the
// stream began: chosen once, so that a stream that has read nothing yet misses
// nothing that comes while it is not running.
const beginKey = "begin"

const maxBeginBytes = 1 << 16

// start returns the place that an offset of the checkpoint stands for; nil is
// where the stream begins.
func (s *Source) start(ctx context.Context, at json.RawMessage) (offset, error) {
	if at != nil {
		return s.parseOffset(at)
	}
	if s.begun {
		return s.begin, nil
	}
	body, err := s.readBegin(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		body, err = s.chooseBegin(ctx)
	}
	if err != nil {
		return offset{}, err
	}
	s.begin, err = s.parseOffset(body)
	s.begun = err == nil
	return s.begin, err
}

func (s *Source) readBegin(ctx context.Context) ([]byte, error) {
	body, err := object.ReadAll(ctx, s.cfg.Checkpoint, s.cfg.State+beginKey, maxBeginBytes)
	if err != nil {
		return nil, fmt.Errorf("read where a stream begins: %w", err)
	}
	return body, nil
}

// chooseBegin chooses where the stream begins, and keeps it.
func (s *Source) chooseBegin(ctx context.Context) ([]byte, error) {
	begin, err := s.first(ctx)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(begin)
	if err != nil {
		return nil, err
	}
	err = s.cfg.Checkpoint.PutIfAbsent(ctx, s.cfg.State+beginKey, body)
	if errors.Is(err, fs.ErrExist) {
		return s.readBegin(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("keep where a stream begins: %w", err)
	}
	return body, nil
}

// first returns where a new stream begins: with all rows of the table, or
// where an option says.
func (s *Source) first(ctx context.Context) (offset, error) {
	table := s.snapshot.Metadata().ID
	switch {
	case strings.EqualFold(s.opts.Text("startingVersion"), "latest"):
		return atVersion(table, s.latest+1), nil
	case s.opts.Given("startingVersion"):
		return s.firstVersion(ctx, s.opts.Text("startingVersion"))
	case s.opts.Given("startingTimestamp"):
		at, err := s.parseTime(ctx, s.opts.Text("startingTimestamp"))
		if err != nil {
			return offset{}, err
		}
		version, err := s.cfg.Table.VersionSince(ctx, at)
		return atVersion(table, version), err
	}
	if s.snapshot.NumFiles() == 0 {
		return atVersion(table, s.snapshot.Version()+1), nil
	}
	begin := atVersion(table, s.snapshot.Version())
	begin.InSnapshot = true
	return begin, nil
}

func (s *Source) firstVersion(ctx context.Context, text string) (offset, error) {
	version, err := strconv.ParseInt(text, 10, 64)
	if err != nil || version < 0 {
		return offset{}, errclass.New("DELTA_ILLEGAL_OPTION", "42616", "Invalid value for option startingVersion: %q is neither a version, such as 3, nor latest.", text)
	}
	earliest, err := s.cfg.Table.Earliest(ctx)
	if err != nil {
		return offset{}, err
	}
	if version < earliest || version > s.latest {
		return offset{}, &delta.VersionNotFoundError{Version: version, Earliest: earliest, Latest: s.latest}
	}
	return atVersion(s.snapshot.Metadata().ID, version), nil
}

func (s *Source) parseTime(ctx context.Context, text string) (time.Time, error) {
	if s.cfg.ParseTime != nil {
		return s.cfg.ParseTime(ctx, text)
	}
	return time.Parse(time.RFC3339Nano, text)
}
