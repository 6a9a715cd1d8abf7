package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
)

// Options configure a [Table]. The zero value is useful.
type Options struct {
	// Clock returns the current time; nil is time.Now.
	Clock func() time.Time
	// NewID returns a new UUID; nil is a random one.
	NewID func() string
	// Engine is what commits name as their writer, such as "freshet/0.1.0".
	Engine string
	// Logger gets what does not fail a call, such as a checkpoint that could
	// not be written; nil discards it.
	Logger *slog.Logger
	// Background lets checkpoints, and the clean-up of the log after them, run
	// on when Commit has returned. Whoever sets it must call [Table.Close].
	Background bool
	// SidecarFiles is how many files of the table a V2 checkpoint keeps in one
	// Parquet file; 0 means 250,000. With more, they stand in sidecars, which
	// readers can read in parallel.
	SidecarFiles int64
	// MaxRetries bounds how often one commit is tried again after others got
	// in first; 0 means 1000.
	MaxRetries int
	// Sleep waits between tries, until the time is over or ctx is done; nil
	// is a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Random returns a number in [0, 1) that spreads the tries of concurrent
	// writers; nil is math/rand.
	Random func() float64
	// External finds files that the log names by an absolute path or URI, as
	// shallow clones do of their source's: it returns the storage that holds
	// uri, which is not percent-encoded, and the key there. Nil refuses them
	// with an [*ExternalPathError]. It must be safe for concurrent use.
	External func(ctx context.Context, uri string) (Storage, string, error)
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.NewID == nil {
		o.NewID = uuid.NewString
	}
	if o.Engine == "" {
		o.Engine = "freshet"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.SidecarFiles <= 0 {
		o.SidecarFiles = 250_000
	}
	if o.MaxRetries == 0 {
		o.MaxRetries = 1000
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	return o
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Table is one Delta table. It is safe for concurrent use, by any number of
// Tables on the same storage too.
type Table struct {
	storage Storage
	opts    Options
	// lock holds the newest snapshot known, which whoever takes it refreshes.
	lock   chan *Snapshot
	upkeep upkeep
}

// NewTable returns the table that lives in st. It does no I/O: whether there
// is a table shows when a snapshot is asked for.
func NewTable(st Storage, opts Options) *Table {
	t := &Table{storage: st, opts: opts.withDefaults(), lock: make(chan *Snapshot, 1)}
	t.lock <- nil
	return t
}

// Snapshot returns the table at its latest version. Only what was committed
// since the last call is read; a call that finds nothing new costs one
// listing. The error is a [*NotFoundError] when there is no table.
func (t *Table) Snapshot(ctx context.Context) (*Snapshot, error) {
	return t.upTo(ctx, math.MaxInt64)
}

// upTo returns the latest version that is not after limit, and remembers it.
func (t *Table) upTo(ctx context.Context, limit int64) (*Snapshot, error) {
	var known *Snapshot
	select {
	case known = <-t.lock:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if known != nil && known.Version() > limit {
		t.lock <- known
		return t.SnapshotAt(ctx, limit)
	}
	latest, err := t.refresh(ctx, known, limit)
	if err != nil {
		t.lock <- known
		return nil, err
	}
	t.lock <- latest
	return latest, nil
}

// refresh returns the latest snapshot up to limit, given an older one or nil.
func (t *Table) refresh(ctx context.Context, known *Snapshot, limit int64) (*Snapshot, error) {
	if known == nil {
		return t.open(ctx, limit)
	}
	l, err := listLog(ctx, t.storage, versionKey(known.Version()))
	if err != nil {
		return nil, err
	}
	if !l.holds(known.commit) {
		return t.open(ctx, limit) // cleaned up, or dropped and created anew
	}
	next, err := t.advance(ctx, known, l, min(limit, l.latest()))
	if hole := new(TruncatedLogError); errors.As(err, &hole) || errors.Is(err, fs.ErrNotExist) {
		return t.open(ctx, limit)
	}
	return next, err
}

// advance applies the commits after base, up to target.
func (t *Table) advance(ctx context.Context, base *Snapshot, l *listing, target int64) (*Snapshot, error) {
	if target <= base.Version() {
		return base, nil
	}
	commits, err := l.between(base.Version()+1, target)
	if err != nil {
		return nil, err
	}
	return t.replayCommits(ctx, l, newReplay(base), commits)
}

// open builds the latest snapshot up to limit from nothing.
func (t *Table) open(ctx context.Context, limit int64) (*Snapshot, error) {
	hinted, err := readHint(ctx, t.storage)
	if err != nil {
		return nil, err
	}
	if hinted >= 0 {
		l, err := listLog(ctx, t.storage, versionKey(hinted))
		if err != nil {
			return nil, err
		}
		if len(l.checkpoints) > 0 {
			if s, err := t.load(ctx, l, min(limit, l.latest())); err == nil {
				return s, nil
			} else if ctx.Err() != nil {
				return nil, err
			}
			// The whole log may hold an older checkpoint that can be read.
		}
	}
	l, err := listLog(ctx, t.storage, "")
	if err != nil {
		return nil, err
	}
	if l.latest() < 0 {
		return nil, &NotFoundError{}
	}
	return t.load(ctx, l, min(limit, l.latest()))
}

// load builds a version from the best checkpoint that can be read. Of several
// failures the first is returned, which is of the newest checkpoint.
func (t *Table) load(ctx context.Context, l *listing, target int64) (*Snapshot, error) {
	var first error
	for _, cp := range l.checkpoints {
		if cp.version > target {
			continue
		}
		s, err := t.loadFrom(ctx, l, &cp, target)
		if err == nil {
			if l.checksum == s.Version() {
				s.compareChecksum(ctx)
			}
			return s, nil
		}
		if ctx.Err() != nil || refused(err) {
			return nil, err
		}
		if first == nil {
			first = err
		}
		t.opts.Logger.WarnContext(ctx, "checkpoint not usable", slog.Int64("version", cp.version), slog.Any("error", err))
	}
	if first != nil && l.earliest() != 0 {
		return nil, first
	}
	s, err := t.loadFrom(ctx, l, nil, target)
	if err != nil && first != nil {
		err = first
	}
	return s, err
}

// refused reports whether err is a verdict on the table rather than on the
// checkpoint it was read from.
func refused(err error) bool {
	feature, version, damage := new(UnsupportedFeatureError), new(ProtocolVersionError), new(LogError)
	return errors.As(err, &feature) || errors.As(err, &version) || errors.As(err, &damage) && damage.verdict
}

// loadFrom builds a version from one checkpoint, or from version 0.
func (t *Table) loadFrom(ctx context.Context, l *listing, cp *checkpointFile, target int64) (*Snapshot, error) {
	r := newReplay(nil)
	start := int64(-1)
	if cp != nil {
		start = cp.version
	}
	commits, err := l.between(start+1, target)
	if err != nil {
		return nil, err
	}
	if cp == nil {
		return t.replayCommits(ctx, l, r, commits)
	}
	if err := r.readCheckpoint(ctx, t.storage, cp); err != nil {
		return nil, err
	}
	if len(commits) > 0 {
		return t.replayCommits(ctx, l, r, commits)
	}
	commit := commitFile{version: target}
	if own, err := l.between(target, target); err == nil {
		commit = own[0]
	}
	s, err := r.snapshot(t, commit)
	if err != nil {
		return nil, err
	}
	return s, s.readInfo(ctx)
}

// readInfo fetches what a checkpoint does not hold of its own commit, where
// it matters: the in-commit timestamp.
func (s *Snapshot) readInfo(ctx context.Context) error {
	if !inCommitTimestamps(&s.metadata) {
		return nil
	}
	info, err := readCommitInfo(ctx, s.table.storage, s.Version())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.info = info
	return nil
}

// replayCommits applies commits, or what log compaction made of runs of them.
func (t *Table) replayCommits(ctx context.Context, l *listing, r *replay, commits []commitFile) (*Snapshot, error) {
	if len(commits) == 0 {
		return nil, fmt.Errorf("build snapshot: %w", &NotFoundError{})
	}
	last := commits[len(commits)-1]
	for len(commits) > 0 {
		if c := l.compaction(commits); c != nil {
			err := r.applyCompacted(ctx, t.storage, c.key)
			if err == nil {
				commits = commits[c.last-c.first+1:]
				continue
			}
			t.opts.Logger.WarnContext(ctx, "log compaction not usable", slog.String("key", c.key), slog.Any("error", err))
		}
		if err := r.applyCommit(ctx, t.storage, commits[0].version); err != nil {
			return nil, err
		}
		commits = commits[1:]
	}
	s, err := r.snapshot(t, last)
	if err != nil || s.info != nil {
		return s, err
	}
	return s, s.readInfo(ctx)
}
