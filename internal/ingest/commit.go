package ingest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
)

// Commit makes staged files part of a table.
type Commit struct {
	Table *delta.Table
	Store delta.Storage
	// Base is the snapshot the load was planned on; nil creates the table.
	Base *delta.Snapshot
	// Metadata, when set, becomes the table's: on creation, replacement and
	// schema evolution.
	Metadata *delta.Metadata
	// Reads says that the rows depend on what the base holds, so that the
	// load is no blind append.
	Reads bool
	// Overwrite takes every file of the base out of the table.
	Overwrite  bool
	Operation  string
	Parameters map[string]any
	Metrics    map[string]string // besides those every write has
	Now        func() time.Time  // dates the files taken out
	// Also adds actions to the transaction on base. It is called again on a
	// newer base when another writer came first.
	Also func(ctx context.Context, base *delta.Snapshot, tx *delta.Transaction) error
}

// maxReplans bounds how often a load is planned again after other writers
// changed what it rests on.
const maxReplans = 100

// Apply commits; nil stages nothing, as when a table is made without rows.
// Other writers that came first are no failure as long as the table's schema
// is the one the files were written for. When the commit certainly failed the
// staged files are deleted; when its outcome is unknown they are left, since
// the table may refer to them.
//
// Rows that got values of an identity column lose against another commit that
// changed the table's metadata, as it may have given out the same values: the
// error is a [*delta.ConflictError], and the rows have to be staged anew.
func (c Commit) Apply(ctx context.Context, staged *Staged) (version int64, err error) {
	if staged != nil && staged.Metadata != nil {
		c.Metadata = staged.Metadata
	}
	numbered := staged != nil && staged.Numbered
	for range maxReplans {
		version, err = c.try(ctx, staged)
		var conflict *delta.ConflictError
		if !errors.As(err, &conflict) || c.Base == nil || c.Overwrite || c.Reads || numbered {
			break
		}
		if rerr := c.rebase(ctx); rerr != nil {
			err = rerr
			break
		}
	}
	var unknown *delta.UnknownCommitError
	if err != nil && !errors.As(err, &unknown) {
		err = errors.Join(err, staged.Discard(context.WithoutCancel(ctx), c.Store))
	}
	return version, err
}

func (c Commit) try(ctx context.Context, staged *Staged) (int64, error) {
	tx := c.Table.Begin(c.Base)
	if c.Metadata != nil {
		tx.SetMetadata(*c.Metadata)
	}
	metrics := staged.metrics()
	maps.Copy(metrics, c.Metrics)
	if c.Reads {
		tx.ReadTable()
	}
	if c.Overwrite && c.Base != nil {
		tx.ReadTable()
		if err := removeAll(ctx, c.Base, tx, metrics, c.Now()); err != nil {
			return 0, err
		}
	}
	if staged != nil {
		for _, f := range staged.Files {
			tx.Add(f)
		}
	}
	if c.Also != nil {
		if err := c.Also(ctx, c.Base, tx); err != nil {
			return 0, err
		}
	}
	return tx.Commit(ctx, delta.CommitInfo{Operation: c.Operation, Parameters: c.Parameters, Metrics: metrics})
}

// removeAll takes every file out of the table.
func removeAll(ctx context.Context, base *delta.Snapshot, tx *delta.Transaction, metrics map[string]string, now time.Time) error {
	var files, bytes int64
	for f, err := range base.Files(ctx) {
		if err != nil {
			return err
		}
		tx.Remove(f.Remove(now.UnixMilli(), true))
		files++
		bytes += f.Size
	}
	metrics["numRemovedFiles"] = strconv.FormatInt(files, 10)
	metrics["numRemovedBytes"] = strconv.FormatInt(bytes, 10)
	return nil
}

// rebase plans the load on the newest snapshot, if its files still fit.
func (c *Commit) rebase(ctx context.Context) error {
	latest, err := c.Table.Snapshot(ctx)
	if err != nil {
		return err
	}
	planned, now := c.Base.Metadata(), latest.Metadata()
	same := planned.ID == now.ID && bytes.Equal(planned.Schema.JSON(), now.Schema.JSON()) &&
		slices.Equal(planned.PartitionColumns, now.PartitionColumns) && maps.Equal(constraints(planned), constraints(now))
	if c.Metadata != nil {
		// It replaces the table's whole, and must not undo what another set.
		same = same && maps.Equal(planned.Configuration, now.Configuration)
	}
	if !same {
		return errclass.New("DELTA_METADATA_CHANGED", "2D521",
			"The columns or rules of the table were changed by a concurrent update (version %d). Nothing was written; run the statement again.",
			latest.Version())
	}
	c.Base = latest
	return nil
}

// constraints returns the properties that say what rows a table takes and how
// its columns are stored.
func constraints(m delta.Metadata) map[string]string {
	found := map[string]string{}
	for name, value := range m.Configuration {
		if strings.HasPrefix(name, "delta.constraints.") || name == "delta.columnMapping.mode" {
			found[name] = value
		}
	}
	return found
}
