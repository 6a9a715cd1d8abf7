package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

const (
	// storageTries bounds how often a put whose outcome is unknown is
	// resolved before the commit is reported as unknown.
	storageTries = 6
	// putTimeout bounds a put that a cancelled caller is still waiting for.
	putTimeout = time.Minute

	firstBackoff = 2 * time.Millisecond
	// raceBackoff is the longest wait after a lost race. It is short: who
	// waits longer loses to those who have just won and start afresh.
	raceBackoff = 32 * time.Millisecond
	// faultBackoff is the longest wait for a storage that fails.
	faultBackoff = time.Second
)

// commit is a transaction on its way into the log.
type commit struct {
	table   *Table
	tx      *Transaction
	mine    *intent
	head    *commitInfo
	now     int64 // when it began, in Unix milliseconds
	version int64 // to try next
	body    []byte

	// What the version before left: its time in Unix milliseconds and its
	// high-water mark of row ids. The transaction's own are above rowMark,
	// which is greater when it brings a mark along.
	previous         int64
	setMark, rowMark int64
}

// start takes over what the base leaves to the version after it.
func (c *commit) start() (err error) {
	c.setMark = noRowMark
	if c.rowMark, err = c.tx.takeRowMark(); err != nil || c.tx.base == nil {
		return err
	}
	c.previous = c.tx.base.timestamp()
	if c.setMark, err = c.tx.base.rowMark(); err != nil {
		return err
	}
	c.rowMark = max(c.rowMark, c.setMark)
	c.tx.inheritRowIDs()
	return nil
}

// run tries one version after the other until the commit has landed or lost.
func (c *commit) run(ctx context.Context) (int64, error) {
	if c.tx.base == nil {
		if err := c.table.checkAbsent(ctx); err != nil {
			return 0, err
		}
	}
	for try := 0; ; try++ {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		won, err := c.put(ctx)
		if err != nil {
			return 0, err
		}
		if won {
			return c.version, nil
		}
		if landed, err := c.rebase(ctx); err != nil || landed {
			return c.version, err
		}
		if try == c.table.opts.MaxRetries {
			return 0, &ConflictError{Kind: ConflictConcurrentWrite, Version: c.version - 1}
		}
		if err := c.table.backoff(ctx, try, raceBackoff); err != nil {
			return 0, err
		}
	}
}

// checkAbsent guards the creation of a table whose first commit may have
// been cleaned up: putting version 0 would then succeed and ruin it.
func (t *Table) checkAbsent(ctx context.Context) error {
	l, err := listLog(ctx, t.storage, "")
	if err != nil {
		return err
	}
	if latest := l.latest(); latest >= 0 {
		return &ConflictError{Kind: ConflictConcurrentWrite, Version: latest, Detail: "the table exists already"}
	}
	return nil
}

// put writes the commit as c.version and reports whether it is there. False
// means that another object is, or seems to be; whose, rebase finds out.
//
// The put itself is not cancelled with ctx: half-cancelled, its outcome would
// be unknown. When it fails, nothing is known either, since it may have
// landed or be about to. Trying the very same put again decides: it succeeds,
// or it finds the version taken.
func (c *commit) put(ctx context.Context) (won bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), putTimeout)
	defer cancel()
	failed := true // certainly, as far as tried
	for try := range storageTries {
		err = c.table.storage.PutIfAbsent(ctx, commitKey(c.version), c.body)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, fs.ErrExist):
			return false, nil
		}
		failed = failed && unwritten(err)
		if info, readErr := readCommitInfo(ctx, c.table.storage, c.version); readErr == nil {
			return info != nil && info.TxnID == c.mine.txnID, nil
		}
		if c.table.backoff(ctx, 4+try, faultBackoff) != nil {
			break
		}
	}
	if failed {
		return false, fmt.Errorf("write commit %d: %w", c.version, err)
	}
	return false, c.unknown(err)
}

// unwritten reports whether a storage says that a put that failed has written
// nothing and never will.
func unwritten(err error) bool {
	var decided interface{ Unwritten() bool }
	return errors.As(err, &decided) && decided.Unwritten()
}

func (c *commit) unknown(cause error) error {
	return &UnknownCommitError{Version: c.version, TxnID: c.mine.txnID, Cause: cause}
}

// rebase checks the commits that got in first, in order, and moves c.version
// behind them. It reports whether one of them is the transaction itself: a
// storage may answer that an object exists after its own unseen retry.
func (c *commit) rebase(ctx context.Context) (landed bool, err error) {
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), putTimeout)
	defer cancel()
	first := c.version
	for {
		// Whether the version just tried is ours must be learnt even when the
		// caller has gone; of later ones we know that they are not.
		readCtx := ctx
		if c.version == first {
			readCtx = detached
		}
		winner, err := c.readWinner(readCtx)
		switch {
		case errors.Is(err, fs.ErrNotExist) && c.version > first:
			return false, nil
		case err != nil && c.version == first:
			return false, c.unknown(err)
		case err != nil:
			return false, fmt.Errorf("read concurrent commit: %w", err)
		case winner.txnID == c.mine.txnID:
			return true, nil
		case c.tx.base == nil:
			return false, &ConflictError{Kind: ConflictConcurrentWrite, Version: c.version, Detail: "the table exists already"}
		}
		if lost := conflict(c.mine, winner); lost != nil {
			return false, lost
		}
		if err := c.adopt(winner); err != nil {
			return false, err
		}
		if err := c.follow(winner); err != nil {
			return false, err
		}
	}
}

// follow makes the commit the next one after a winner.
func (c *commit) follow(winner *footprint) error {
	c.version++
	c.previous = winner.modTime
	if winner.inCommit != nil {
		c.previous = *winner.inCommit
	}
	if winner.rowMark != nil {
		c.setMark = *winner.rowMark
		c.rowMark = max(c.rowMark, c.setMark)
	}
	if !inCommitTimestamps(c.mine.base) && !assignsRowIDs(c.mine.basis, c.mine.base) && !c.tx.protects {
		return nil // the bytes do not depend on the version
	}
	return c.encode()
}

// adopt takes over what a winner changed of the table itself, and checks that
// the commit may still be made.
func (c *commit) adopt(winner *footprint) error {
	if winner.metadata == nil && winner.protocol == nil {
		return nil
	}
	if winner.metadata != nil {
		c.mine.base = winner.metadata
	}
	if winner.protocol != nil {
		c.mine.basis = *winner.protocol
	}
	return checkWrite(c.mine.basis, c.mine.base)
}

// readWinner reads the commit at c.version for what it touched. A storage
// that fails is asked again: much hangs on the answer.
func (c *commit) readWinner(ctx context.Context) (*footprint, error) {
	for try := 1; ; try++ {
		winner := &footprint{version: c.version}
		modTime, err := readCommit(ctx, c.table.storage, c.version, winner.note)
		winner.modTime = modTime
		if err == nil || errors.Is(err, fs.ErrNotExist) || try == storageTries {
			return winner, err
		}
		if waitErr := c.table.backoff(ctx, 4+try, faultBackoff); waitErr != nil {
			return nil, err
		}
	}
}

// backoff waits before the next try: exponentially longer up to a limit, and
// random so that concurrent writers spread out.
func (t *Table) backoff(ctx context.Context, try int, limit time.Duration) error {
	d := min(limit, firstBackoff<<min(try, 16))
	return t.opts.Sleep(ctx, time.Duration(t.opts.Random()*float64(d)))
}

// commitInfo returns what the commit says of itself (semantics §15.5).
func (tx *Transaction) commitInfo(info CommitInfo, mine *intent, now int64) (*commitInfo, error) {
	params, err := encodeParameters(info.Parameters)
	if err != nil {
		return nil, err
	}
	head := &commitInfo{
		Timestamp:           now,
		Operation:           info.Operation,
		OperationParameters: params,
		IsolationLevel:      string(mine.level),
		IsBlindAppend:       &mine.blind,
		OperationMetrics:    info.Metrics,
		UserMetadata:        info.UserMetadata,
		EngineInfo:          tx.table.opts.Engine,
		TxnID:               mine.txnID,
	}
	if tx.base != nil {
		version := tx.base.Version()
		head.ReadVersion = &version
	}
	return head, nil
}
