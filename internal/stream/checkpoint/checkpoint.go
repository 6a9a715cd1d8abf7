// Package checkpoint is the durable memory of one flow: which input its
// batches have, fixed before they run, and which of them are done. It is laid
// out as Structured Streaming's (semantics §10.2), in any object store:
//
//	metadata      who the flow is, as long as the checkpoint lives
//	offsets/<N>   what batch N reads, written before it runs
//	commits/<N>   that batch N is done
//	sources/<i>/  what source i keeps
//	lease/<n>     who runs the flow
//
// Files are written once and never changed, so that a run that was cut off
// anywhere leaves one of two states, and the next one tells them apart.
package checkpoint

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
	"time"

	"github.com/freshet/freshet/internal/object"
)

// Checkpoint is an open checkpoint. It is safe for concurrent use, but one
// run at a time is to use a checkpoint; see [Checkpoint.Acquire].
type Checkpoint struct {
	store object.Store
	sleep func(context.Context, time.Duration) error
	id    string
	place string
}

// Options say where a checkpoint gets identity and patience from. The zero
// value is not useful: NewID and Sleep are required.
type Options struct {
	NewID func() string
	// Sleep waits, or returns ctx's error.
	Sleep func(ctx context.Context, d time.Duration) error
	// Place is where the checkpoint is; see [Checkpoint.Place].
	Place string
}

// Batch is what a batch reads. Its offsets are of its sources, in order; a
// source that has no offset yet has nil.
type Batch struct {
	ID        int64
	Offsets   []json.RawMessage
	Timestamp time.Time // when it was planned, to the millisecond
	// Watermark is the event time, in ms since 1970, before which rows are late.
	Watermark int64
	// Conf are settings that the batch keeps when it runs again.
	Conf map[string]string
}

// Progress is how far a flow has come.
type Progress struct {
	// Planned is the newest batch that was planned; nil before the first.
	Planned *Batch
	// Done is whether that batch is done. One that is not runs again, with
	// the offsets it has.
	Done bool
	// Watermark is that of the next batch, in ms since 1970.
	Watermark int64
}

// Offset returns where the batches planned so far end, of one source; nil is
// where it begins.
func (p Progress) Offset(source int) json.RawMessage {
	if p.Planned == nil || source >= len(p.Planned.Offsets) {
		return nil
	}
	return p.Planned.Offsets[source]
}

const (
	metadataKey    = "metadata"
	offsetsPrefix  = "offsets/"
	commitsPrefix  = "commits/"
	formatVersion  = "v1"
	noOffset       = "-"
	maxObjectBytes = 64 << 20
	// maxNumber bounds batches and leases, maxSources the offsets of a batch,
	// far beyond any flow. Files that say more are damaged.
	maxNumber  = 1 << 53
	maxSources = 10_000
	// Times of batches have four digits of a year, event times are microseconds
	// in the end.
	maxTimestamp = 253402300799999 // ms
	maxWatermark = math.MaxInt64 / 1000
)

// ID identifies the flow as long as its checkpoint lives; a table's txn
// actions name it (semantics §10.4).
func (c *Checkpoint) ID() string { return c.id }

// Store returns what the checkpoint is kept in, for sources that keep state
// of their own below sources/<i>/.
func (c *Checkpoint) Store() object.Store { return c.store }

// Place returns where the checkpoint is, a URI or path, for messages and for
// sources that it may lie in; "" when it was not said.
func (c *Checkpoint) Place() string { return c.place }

// Progress reads how far the flow has come.
func (c *Checkpoint) Progress(ctx context.Context) (Progress, error) {
	// In this order, as a run may go on meanwhile: what is done was planned.
	done, err := c.newest(ctx, commitsPrefix, commitKey)
	if err != nil {
		return Progress{}, err
	}
	planned, err := c.newest(ctx, offsetsPrefix, offsetKey)
	if err != nil {
		return Progress{}, err
	}
	if done > planned {
		return Progress{}, damaged(offsetKey(done), "is missing, and that batch is done")
	}
	if planned < 0 {
		return Progress{}, nil
	}
	b, err := c.Batch(ctx, planned)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{Planned: &b, Watermark: b.Watermark}
	if done < planned {
		return p, nil
	}
	body, err := c.read(ctx, commitKey(planned))
	if err != nil {
		return Progress{}, err
	}
	p.Done = true
	lines, err := versioned(commitKey(planned), body)
	if err != nil {
		return Progress{}, err
	}
	var commit commitJSON
	if len(lines) > 0 && lines[0] != "" {
		if err := json.Unmarshal([]byte(lines[0]), &commit); err != nil {
			return Progress{}, damaged(commitKey(planned), "cannot be read: "+err.Error())
		}
		if commit.NextWatermark < 0 || commit.NextWatermark > maxWatermark {
			return Progress{}, damaged(commitKey(planned), fmt.Sprintf("says that the watermark is %d", commit.NextWatermark))
		}
		p.Watermark = max(p.Watermark, commit.NextWatermark)
	}
	return p, nil
}

// newest returns the largest number among the files below prefix that are
// called as key says, or -1.
func (c *Checkpoint) newest(ctx context.Context, prefix string, key func(int64) string) (int64, error) {
	last := int64(-1)
	for in, err := range c.store.List(ctx, prefix, "") {
		if err != nil {
			return 0, fmt.Errorf("list %s of the checkpoint: %w", prefix, err)
		}
		n, err := strconv.ParseInt(strings.TrimPrefix(in.Name(), prefix), 10, 64)
		if errors.Is(err, strconv.ErrRange) || n > maxNumber {
			return 0, damaged(in.Name(), "has a number that no run has given")
		}
		// Other names are temporary files and checksums of other engines.
		if err == nil && in.Name() == key(n) {
			last = max(last, n)
		}
	}
	return last, nil
}

func offsetKey(batch int64) string { return offsetsPrefix + strconv.FormatInt(batch, 10) }
func commitKey(batch int64) string { return commitsPrefix + strconv.FormatInt(batch, 10) }

// batchJSON and commitJSON are the second lines of offsets/<N> and
// commits/<N>.
type batchJSON struct {
	Watermark int64             `json:"batchWatermarkMs"`
	Timestamp int64             `json:"batchTimestampMs"`
	Conf      map[string]string `json:"conf"`
}

type commitJSON struct {
	NextWatermark int64 `json:"nextBatchWatermarkMs"`
}

// Batch reads what a batch was planned to read.
func (c *Checkpoint) Batch(ctx context.Context, id int64) (Batch, error) {
	key := offsetKey(id)
	body, err := c.read(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return Batch{}, damaged(key, "is missing")
	}
	if err != nil {
		return Batch{}, fmt.Errorf("read batch %d of the checkpoint: %w", id, err)
	}
	lines, err := versioned(key, body)
	if err != nil {
		return Batch{}, err
	}
	if len(lines) == 0 {
		return Batch{}, damaged(key, "is cut short")
	}
	var meta batchJSON
	if lines[0] != "" {
		if err := json.Unmarshal([]byte(lines[0]), &meta); err != nil {
			return Batch{}, damaged(key, "cannot be read: "+err.Error())
		}
		if meta.Watermark < 0 || meta.Watermark > maxWatermark || meta.Timestamp < -maxTimestamp || meta.Timestamp > maxTimestamp {
			return Batch{}, damaged(key, fmt.Sprintf("says that the batch is of %d with the watermark %d", meta.Timestamp, meta.Watermark))
		}
	}
	if len(lines) > 1+maxSources {
		return Batch{}, damaged(key, "has more offsets than a flow has sources")
	}
	b := Batch{ID: id, Timestamp: time.UnixMilli(meta.Timestamp).UTC(), Watermark: meta.Watermark, Conf: meta.Conf}
	for _, line := range lines[1:] {
		switch {
		case line == noOffset:
			b.Offsets = append(b.Offsets, nil)
		case json.Valid([]byte(line)):
			b.Offsets = append(b.Offsets, json.RawMessage(line))
		default:
			return Batch{}, damaged(key, "has an offset that is no JSON")
		}
	}
	return b, nil
}

// versioned returns the lines after the first, which says their format.
func versioned(key string, body []byte) ([]string, error) {
	lines := strings.SplitN(strings.TrimSuffix(string(body), "\n"), "\n", maxSources+3)
	if lines[0] != formatVersion {
		return nil, damaged(key, fmt.Sprintf("begins with %q instead of %q", cut(lines[0]), formatVersion))
	}
	return lines[1:], nil
}

func cut(text string) string { return text[:min(len(text), 20)] }

// Plan fixes what a batch reads, before it runs. Another run that planned the
// same batch is a [*ConcurrentRunError].
func (c *Checkpoint) Plan(ctx context.Context, b Batch) error {
	meta, err := json.Marshal(batchJSON{Watermark: b.Watermark, Timestamp: b.Timestamp.UnixMilli(), Conf: b.Conf})
	if err != nil {
		return err
	}
	var body bytes.Buffer
	fmt.Fprintf(&body, "%s\n%s", formatVersion, meta)
	for _, offset := range b.Offsets {
		body.WriteByte('\n')
		if offset == nil {
			body.WriteString(noOffset)
			continue
		}
		if err := json.Compact(&body, offset); err != nil {
			return fmt.Errorf("plan batch %d: offset: %w", b.ID, err)
		}
	}
	if err := c.write(ctx, offsetKey(b.ID), body.Bytes()); err != nil {
		return fmt.Errorf("plan batch %d: %w", b.ID, err)
	}
	return nil
}

// Finish records that a batch is done; watermark is that of the next.
func (c *Checkpoint) Finish(ctx context.Context, batch, watermark int64) error {
	meta, err := json.Marshal(commitJSON{NextWatermark: watermark})
	if err != nil {
		return err
	}
	if err := c.write(ctx, commitKey(batch), []byte(formatVersion+"\n"+string(meta))); err != nil {
		return fmt.Errorf("finish batch %d: %w", batch, err)
	}
	return nil
}

// Withdraw takes back the plan of the batch planned last, of which nothing was
// written.
func (c *Checkpoint) Withdraw(ctx context.Context, batch int64) error {
	if err := c.store.Delete(ctx, offsetKey(batch)); err != nil {
		return fmt.Errorf("withdraw batch %d: %w", batch, err)
	}
	return nil
}

// Purge deletes what is known of batches before the given one.
func (c *Checkpoint) Purge(ctx context.Context, before int64) error {
	for _, prefix := range []string{commitsPrefix, offsetsPrefix} {
		for in, err := range c.store.List(ctx, prefix, "") {
			if err != nil {
				return fmt.Errorf("list %s of the checkpoint: %w", prefix, err)
			}
			n, err := strconv.ParseInt(strings.TrimPrefix(in.Name(), prefix), 10, 64)
			if err != nil || n >= before {
				continue
			}
			if err := c.store.Delete(ctx, in.Name()); err != nil {
				return fmt.Errorf("purge the checkpoint: %w", err)
			}
		}
	}
	return nil
}

// ConcurrentRunError says that another run of the same flow is at work.
type ConcurrentRunError struct {
	Detail string // what was seen of it
}

func (e *ConcurrentRunError) Error() string {
	return "another run of this flow is using its checkpoint: " + e.Detail + ". Stop it, or give this one a checkpoint of its own."
}

// ErrorClass returns Spark's class of the error.
func (*ConcurrentRunError) ErrorClass() string { return "CONCURRENT_STREAM_LOG_UPDATE" }

// SQLState returns the error's SQLSTATE.
func (*ConcurrentRunError) SQLState() string { return "40000" }

const (
	writeTries   = 6
	firstBackoff = 50 * time.Millisecond
)

// write puts a file that nobody else may have written differently. A put
// whose outcome is unknown is tried again: it then succeeds, or finds what is
// there.
func (c *Checkpoint) write(ctx context.Context, key string, body []byte) error {
	for try := 0; ; try++ {
		err := c.store.PutIfAbsent(ctx, key, body)
		if err == nil {
			return nil
		}
		if errors.Is(err, fs.ErrExist) {
			return c.compare(ctx, key, body)
		}
		if try == writeTries-1 || c.sleep(ctx, firstBackoff<<try) != nil {
			return err
		}
	}
}

func (c *Checkpoint) compare(ctx context.Context, key string, body []byte) error {
	there, err := c.read(ctx, key)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if !bytes.Equal(there, body) {
		return &ConcurrentRunError{Detail: "it has written " + key}
	}
	return nil
}

func (c *Checkpoint) read(ctx context.Context, key string) ([]byte, error) {
	body, err := object.ReadAll(ctx, c.store, key, maxObjectBytes)
	if errors.Is(err, object.ErrTooLarge) {
		return nil, damaged(key, "is larger than any batch needs")
	}
	return body, err
}
