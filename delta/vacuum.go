package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// VacuumOptions say what [Table.Vacuum] deletes. The zero value deletes what
// the table has not needed for as long as its property
// delta.deletedFileRetentionDuration says, a week by default.
type VacuumOptions struct {
	// Retention overrides the property, unless it is nil. One that is shorter
	// is refused: versions that others are reading, and files of commits that
	// are about to be made, would be destroyed.
	Retention *time.Duration
	// AllowShort accepts any Retention. Nobody else may use the table then.
	AllowShort bool
	// Lite finds the files in the log, which is quick, instead of by listing
	// the table. Files that no commit ever named are not found.
	Lite bool
	// DryRun only says what would be deleted.
	DryRun bool
	// Parallelism bounds how many files are deleted at a time; 0 is 16.
	Parallelism int
	// Also, when set, yields more objects to delete: of what the caller keeps
	// beside the table. It must leave out everything written since before.
	Also func(ctx context.Context, s *Snapshot, before time.Time) iter.Seq2[fs.FileInfo, error]
}

// VacuumResult is what a vacuum has deleted, or would delete in a dry run.
type VacuumResult struct {
	// Keys are the objects of a dry run, in order, at most [MaxVacuumKeys].
	Keys []string
	// Files and Bytes sum up the objects; Bytes of a lite vacuum only those
	// whose size the log tells.
	Files, Bytes int64
	// Directories counts those that held objects looked at, the root too.
	Directories int64
}

// MaxVacuumKeys bounds the keys that a dry run returns.
const MaxVacuumKeys = 1000

// Pruner is a [Storage] that keeps objects in directories, which stay when
// the objects go. A vacuum removes those it has emptied.
type Pruner interface {
	// Prune removes dir, a key prefix ending in a slash, and the directories
	// below it, as far as they are empty.
	Prune(dir string) error
}

// Sweeper is a [Storage] in which writers that were killed leave temporary
// files that no listing shows.
type Sweeper interface {
	// Sweep deletes the temporary files below dir, a key prefix that ends in a
	// slash or is empty, that were last written before a time, and returns how
	// many there were.
	Sweep(ctx context.Context, dir string, before time.Time) (int, error)
}

// Vacuum deletes the files in the table's directory that no version needs
// which is still within the retention time: files that left the table before,
// and files of writers that never committed. Names that begin with "_" or "."
// are not touched, but for changed data; neither is the log, nor anything
// outside the directory. The commits VACUUM START and VACUUM END tell of it
// (semantics §15.10).
//
// Files are listed first and the table's state is read then, so that what
// others add meanwhile is seen as part of the table.
func (t *Table) Vacuum(ctx context.Context, opts VacuumOptions) (*VacuumResult, error) {
	base, err := t.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if err := base.CheckWrite(); err != nil {
		return nil, err
	}
	v := &vacuum{table: t, opts: opts, result: &VacuumResult{}, directories: make(map[string]bool)}
	if v.retention, err = retention(&base.metadata, opts); err != nil {
		return nil, err
	}
	v.before = t.opts.Clock().Add(-v.retention)
	find := v.findInTable
	if opts.Lite {
		find = v.findInLog
	}
	doomed, err := find(ctx, base)
	if err != nil {
		return nil, err
	}
	v.result.Directories = int64(len(v.directories))
	slices.SortFunc(doomed, func(a, b oldFile) int { return strings.Compare(a.key, b.key) })
	for _, f := range doomed {
		v.result.Files++
		v.result.Bytes += f.size
		if opts.DryRun && len(v.result.Keys) < MaxVacuumKeys {
			v.result.Keys = append(v.result.Keys, f.key)
		}
	}
	if opts.DryRun {
		return v.result, nil
	}
	return v.result, v.run(ctx, &base.metadata, doomed)
}

// retention returns how long files are kept, refusing what is not safe.
func retention(m *Metadata, opts VacuumOptions) (time.Duration, error) {
	least, ok := durationProperty(m, "delta.deletedFileRetentionDuration")
	if !ok {
		least = defaultFileRetention
	}
	switch {
	case opts.Retention == nil:
		return least, nil
	case *opts.Retention < 0, *opts.Retention < least && !opts.AllowShort:
		return 0, &RetentionError{Asked: *opts.Retention, Least: least}
	}
	return *opts.Retention, nil
}

// vacuum is one run of VACUUM.
type vacuum struct {
	table       *Table
	opts        VacuumOptions
	retention   time.Duration
	before      time.Time
	directories map[string]bool
	result      *VacuumResult
	outside     int64 // of a lite vacuum, the last version it has dealt with
}

// oldFile is an object that may go.
type oldFile struct {
	key  string
	size int64
}

// findInTable lists the table for what may go.
func (v *vacuum) findInTable(ctx context.Context, base *Snapshot) ([]oldFile, error) {
	known, err := v.needed(base)
	if err != nil {
		return nil, err
	}
	var old []oldFile
	v.directories["."] = true
	for info, err := range v.table.storage.List(ctx, "", "") {
		if err != nil {
			return nil, fmt.Errorf("list table: %w", err)
		}
		key := info.Name()
		if hidden(base, key) {
			continue
		}
		v.directories[path.Dir(key)] = true
		if info.ModTime().Before(v.before) && !known.has(key) {
			old = append(old, oldFile{key, info.Size()})
		}
	}
	fresh, err := v.table.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if err := fresh.CheckWrite(); err != nil {
		return nil, err
	}
	return v.also(ctx, fresh, old)
}

// also leaves out what the table needs and adds what the caller offers.
func (v *vacuum) also(ctx context.Context, fresh *Snapshot, old []oldFile) ([]oldFile, error) {
	needed, err := v.needed(fresh)
	if err != nil {
		return nil, err
	}
	if err := v.addRemoved(ctx, fresh, needed); err != nil {
		return nil, err
	}
	old = slices.DeleteFunc(old, func(f oldFile) bool { return hidden(fresh, f.key) || needed.has(f.key) })
	if v.opts.Also == nil {
		return old, nil
	}
	for info, err := range v.opts.Also(ctx, fresh, v.before) {
		if err != nil {
			return nil, err
		}
		old = append(old, oldFile{info.Name(), info.Size()})
	}
	return old, nil
}

// hidden reports whether a key is none of the table's data: a part of it
// begins with "_" or ".", and is neither a partition's directory nor one of
// those that belong to data.
func hidden(s *Snapshot, key string) bool {
	iceberg := strings.Contains(s.metadata.Configuration["delta.universalFormat.enabledFormats"], "iceberg")
	for i, part := range strings.Split(key, "/") {
		if i == 0 && iceberg && part == "metadata" {
			return true
		}
		if part == "" || part[0] != '_' && part[0] != '.' {
			continue
		}
		data := strings.HasPrefix(part, "_change_data") || strings.HasPrefix(part, "_delta_index") ||
			slices.ContainsFunc(s.metadata.PartitionColumns, func(c string) bool { return strings.HasPrefix(part, c+"=") })
		if !data {
			return true
		}
	}
	return false
}

// run deletes files between the two commits that tell of it.
func (v *vacuum) run(ctx context.Context, m *Metadata, doomed []oldFile) error {
	start := map[string]any{"retentionCheckEnabled": !v.opts.AllowShort, "defaultRetentionMillis": defaultRetention(m).Milliseconds()}
	if v.opts.Retention != nil {
		start["specifiedRetentionMillis"] = v.retention.Milliseconds()
	}
	err := v.tell(ctx, "VACUUM START", start, map[string]int64{"numFilesToDelete": v.result.Files, "sizeOfDataToDelete": v.result.Bytes})
	if err != nil {
		return err
	}
	deleted, failure := v.delete(ctx, doomed)
	if failure == nil {
		failure = v.tidy(ctx, doomed)
	}
	if failure == nil {
		failure = v.remember(ctx)
	}
	status := "COMPLETED"
	if failure != nil {
		status = "FAILED"
	}
	err = v.tell(context.WithoutCancel(ctx), "VACUUM END", map[string]any{"status": status},
		map[string]int64{"numDeletedFiles": deleted, "numVacuumedDirectories": v.result.Directories})
	return errors.Join(failure, err)
}

func defaultRetention(m *Metadata) time.Duration {
	if d, ok := durationProperty(m, "delta.deletedFileRetentionDuration"); ok {
		return d
	}
	return defaultFileRetention
}

// tell makes a commit that changes nothing.
func (v *vacuum) tell(ctx context.Context, operation string, parameters map[string]any, metrics map[string]int64) error {
	s, err := v.table.Snapshot(ctx)
	if err != nil {
		return err
	}
	_, err = v.table.Begin(s).Commit(ctx, CommitInfo{Operation: operation, Parameters: parameters, Metrics: counters(metrics)})
	return err
}

// delete deletes files, several at a time, and returns how many are gone.
func (v *vacuum) delete(ctx context.Context, doomed []oldFile) (deleted int64, err error) {
	limit := v.opts.Parallelism
	if limit <= 0 {
		limit = 16
	}
	var mu sync.Mutex
	tasks, taskCtx := errgroup.WithContext(ctx)
	tasks.SetLimit(limit)
	for _, f := range doomed {
		if taskCtx.Err() != nil {
			break
		}
		tasks.Go(func() error {
			if err := v.table.storage.Delete(taskCtx, f.key); err != nil {
				return fmt.Errorf("vacuum %s: %w", f.key, err)
			}
			mu.Lock()
			defer mu.Unlock()
			deleted++
			return nil
		})
	}
	err = tasks.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return deleted, err
}

// tidy removes what listings do not show: temporary files of killed writers,
// and directories that are empty now.
func (v *vacuum) tidy(ctx context.Context, doomed []oldFile) error {
	if sw, ok := v.table.storage.(Sweeper); ok && !v.opts.Lite {
		if _, err := sw.Sweep(ctx, "", v.before); err != nil {
			return fmt.Errorf("vacuum temporary files: %w", err)
		}
	}
	p, ok := v.table.storage.(Pruner)
	if !ok {
		return nil
	}
	last := ""
	for _, f := range doomed {
		top, _, nested := strings.Cut(f.key, "/")
		if !nested || top == last {
			continue
		}
		last = top
		if err := p.Prune(top + "/"); err != nil {
			return fmt.Errorf("vacuum empty directories: %w", err)
		}
	}
	return nil
}

// RetentionError refuses a vacuum that would destroy versions too young.
type RetentionError struct{ Asked, Least time.Duration }

func (e *RetentionError) Error() string {
	if e.Asked < 0 {
		return fmt.Sprintf("retention of %s hours: it cannot be less than 0", hours(e.Asked))
	}
	return fmt.Sprintf("a retention of %s hours is less than the %s that delta.deletedFileRetentionDuration keeps: "+
		"versions that are being read, and files about to be committed, would be deleted; "+
		"to do so nevertheless, set spark.databricks.delta.retentionDurationCheck.enabled to false", hours(e.Asked), hours(e.Least))
}

func hours(d time.Duration) string { return strconv.FormatFloat(d.Hours(), 'f', -1, 64) }

// ErrorClass returns Delta's class of the error.
func (e *RetentionError) ErrorClass() string {
	if e.Asked < 0 {
		return "DELTA_VACUUM_RETENTION_PERIOD_NEGATIVE"
	}
	return "DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT"
}

// SQLState returns the error's SQLSTATE.
func (*RetentionError) SQLState() string { return "22003" }
