package delta

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	truncationKey        = "delta.dropFeatureTruncateHistory.retentionDuration"
	defaultTruncation    = 24 * time.Hour
	checkpointProtection = "checkpointProtection"
)

// removal is how a feature leaves a table.
type removal struct {
	// unset are properties that go with the feature.
	unset []string
	// rewrite, when set, moves rows so that no file needs the feature. It runs
	// after the properties are gone.
	rewrite func(*Table, context.Context) error
	// refuse, when set, tells what else has to be removed first.
	refuse func(*Snapshot) error
	// domain is one that goes with the feature, or "".
	domain string
}

// removals are the features that can be dropped.
var removals = map[string]removal{
	"checkConstraints":     {refuse: refuseConstraints},
	"columnMapping":        {rewrite: (*Table).removeMapping},
	"deletionVectors":      {unset: []string{"delta.enableDeletionVectors"}, rewrite: (*Table).purgeAll},
	"inCommitTimestamp":    {unset: []string{inCommitKey, inCommitVersionKey, inCommitTimeKey}},
	"rowTracking":          {unset: []string{"delta.enableRowTracking", "delta.rowTrackingSuspended", rowIDColumnKey, rowVersionColumnKey}, domain: rowTrackingDomain},
	"typeWidening":         {unset: []string{typeWideningKey}, rewrite: (*Table).forgetTypes},
	"typeWidening-preview": {unset: []string{typeWideningKey}, rewrite: (*Table).forgetTypes},
	"v2Checkpoint":         {unset: []string{"delta.checkpointPolicy"}},
	"vacuumProtocolCheck":  {},
	checkpointProtection:   {unset: []string{protectionKey}},
}

// Droppable reports whether [Table.DropFeature] takes the feature out of a
// table.
func (f Feature) Droppable() bool {
	_, ok := removals[f.Name]
	return ok
}

// DropFeature takes a table feature out of the protocol, after it has removed
// every use of it from the newest version: ALTER TABLE … DROP FEATURE. Older
// versions may still need the feature. Where readers must know it, the table
// is therefore protected: programs keep the checkpoint that the drop makes, so
// that none has to read what lies before (protocol: Checkpoint Protection).
//
// With truncate the history before goes instead, once it is older than
// the property delta.dropFeatureTruncateHistory.retentionDuration, a day by
// default. Until then what is done is committed and an [*AlterError] says to
// repeat the call later.
//
// The errors are of type [*AlterError]. Rows do not change.
func (t *Table) DropFeature(ctx context.Context, name string, truncate bool) error {
	s, err := t.Snapshot(ctx)
	if err != nil {
		return err
	}
	if err := s.CheckWrite(); err != nil {
		return err
	}
	r, f, err := s.removable(name, truncate)
	if err != nil {
		return err
	}
	if r.refuse != nil {
		if err := r.refuse(s); err != nil {
			return err
		}
	}
	if err := t.unuse(ctx, s, r); err != nil {
		return err
	}
	if truncate {
		if err := t.truncateHistory(ctx, f.Name); err != nil {
			return err
		}
	}
	return t.dropFeature(ctx, f, r, truncate)
}

// removable finds a feature that the table has.
func (s *Snapshot) removable(name string, truncate bool) (removal, *Feature, error) {
	f := findFeature(name)
	for i := range features { // names are matched as Spark does
		if f == nil && strings.EqualFold(features[i].Name, name) {
			f = &features[i]
		}
	}
	if f == nil {
		return removal{}, nil, refuse("DELTA_FEATURE_DROP_UNSUPPORTED_CLIENT_FEATURE", "0AKDC", "cannot drop %s: this version knows no table feature of that name", name)
	}
	r, ok := removals[f.Name]
	needing := slices.IndexFunc(features, func(o Feature) bool { return o.needs == f.Name && s.protocol.hasFeature(o.Name) })
	switch {
	case !ok:
		return r, f, refuse("DELTA_FEATURE_DROP_NONREMOVABLE_FEATURE", "0AKDC", "cannot drop %s: dropping this feature is not supported", f.Name)
	case !s.protocol.hasFeature(f.Name):
		return r, f, refuse("DELTA_FEATURE_DROP_FEATURE_NOT_PRESENT", "55000", "cannot drop %s: it is not in the table's protocol", f.Name)
	case needing >= 0:
		return r, f, refuse("DELTA_FEATURE_DROP_DEPENDENT_FEATURE", "55000", "cannot drop %s: the feature %s depends on it; drop that first", f.Name, features[needing].Name)
	case truncate && !f.Reader && f.Name != checkpointProtection:
		return r, f, refuse("DELTA_FEATURE_DROP_HISTORY_TRUNCATION_NOT_ALLOWED", "42000", "dropping %s needs no truncated history: leave TRUNCATE HISTORY out", f.Name)
	case !truncate && f.Name == checkpointProtection:
		return r, f, refuse("DELTA_FEATURE_DROP_CHECKPOINT_PROTECTION_WAIT_FOR_RETENTION_PERIOD", "22KD0",
			"%s protects what versions before the drop of another feature need; drop it with TRUNCATE HISTORY", f.Name)
	}
	return r, f, nil
}

func refuseConstraints(s *Snapshot) error {
	var names []string
	for _, c := range s.metadata.Constraints() {
		names = append(names, c.Name)
	}
	if names == nil {
		return nil
	}
	return refuse("DELTA_CANNOT_DROP_CHECK_CONSTRAINT_FEATURE", "0AKDE", "cannot drop the table feature of CHECK constraints: drop these constraints first: %s", strings.Join(names, ", "))
}

// unuse removes every use of a feature from the newest version.
func (t *Table) unuse(ctx context.Context, s *Snapshot, r removal) error {
	if r.rewrite == nil {
		return nil
	}
	if slices.ContainsFunc(r.unset, func(key string) bool { _, set := s.metadata.Configuration[key]; return set }) {
		tx, m := t.Begin(s), s.metadata.Clone()
		maps.DeleteFunc(m.Configuration, func(key, _ string) bool { return slices.Contains(r.unset, key) })
		tx.SetMetadata(m)
		info := CommitInfo{Operation: "UNSET TBLPROPERTIES", Parameters: map[string]any{"properties": r.unset, "ifExists": true}}
		if _, err := tx.Commit(ctx, info); err != nil {
			return err
		}
	}
	return r.rewrite(t, ctx)
}

// dropFeature commits the protocol without the feature.
func (t *Table) dropFeature(ctx context.Context, f *Feature, r removal, truncated bool) error {
	s, err := t.Snapshot(ctx)
	if err != nil {
		return err
	}
	tx, m, p := t.Begin(s), s.metadata.Clone(), s.protocol.without(f.Name)
	maps.DeleteFunc(m.Configuration, func(key, _ string) bool { return slices.Contains(r.unset, key) })
	protect := f.Reader && !truncated
	if protect {
		p = p.withFeatures(checkpointProtection)
		tx.protects = true
	}
	tx.SetProtocol(p)
	tx.SetMetadata(m)
	if d, ok := s.domains[r.domain]; ok {
		tx.SetDomainMetadata(d.Domain, d.Configuration, true)
	}
	info := CommitInfo{Operation: "DROP FEATURE", Parameters: map[string]any{"featureName": f.Name, "truncateHistory": truncated}}
	if _, err := tx.Commit(ctx, info); err != nil || !protect {
		return err
	}
	if err := t.Checkpoint(ctx); err != nil {
		return fmt.Errorf("protect the version that drops %s: %w", f.Name, err)
	}
	return nil
}

// without returns p as it is without a feature, by versions alone if these say
// the rest.
func (p Protocol) without(name string) Protocol {
	not := func(n string) bool { return n == name }
	next := Protocol{
		MinReader: p.MinReader, MinWriter: featuresWriter,
		ReaderFeatures: slices.DeleteFunc(slices.Clone(p.ReaderFeatures), not), WriterFeatures: slices.DeleteFunc(slices.Clone(p.writerFeatures()), not),
	}
	if len(next.ReaderFeatures) == 0 {
		next.MinReader, next.ReaderFeatures = 1, nil
	}
	slices.Sort(next.WriterFeatures)
	return next.legacy()
}

// truncateHistory removes the log before the newest checkpoint that is old
// enough, or refuses as long as what must go includes uses of a feature.
func (t *Table) truncateHistory(ctx context.Context, name string) error {
	s, err := t.Snapshot(ctx)
	if err != nil {
		return err
	}
	retention, ok := durationProperty(&s.metadata, truncationKey)
	if !ok {
		retention = defaultTruncation
	}
	job, err := s.checkpoint(ctx)
	if err != nil {
		return fmt.Errorf("write a checkpoint without %s: %w", name, err)
	}
	l, err := listLog(ctx, t.storage, "")
	if err != nil {
		return err
	}
	now := t.opts.Clock().UTC()
	last, err := t.lastUse(ctx, l, name)
	if err != nil {
		return err
	}
	oldest, found := l.oldestToKeep(now.Add(-retention))
	if last < l.first() {
		return nil
	}
	if !found || oldest <= last || !mayRemoveBefore(&s.metadata, oldest) {
		return refuse("DELTA_FEATURE_DROP_WAIT_FOR_RETENTION_PERIOD", "22KD0",
			"the newest version no longer uses %s, but versions up to %d do: repeat ALTER TABLE … DROP FEATURE %s TRUNCATE HISTORY when they are older than %s (%s)", name, last, name, retention, truncationKey)
	}
	return t.removeBefore(ctx, job, oldest, now.Add(-day))
}

// lastUse returns the newest version whose commit or checkpoint takes a
// feature to read, -1 for none.
func (t *Table) lastUse(ctx context.Context, l *listing, name string) (int64, error) {
	last := int64(-1)
	for _, cp := range l.checkpoints {
		if name == "v2Checkpoint" && !slices.ContainsFunc(cp.keys, func(key string) bool { return key == classicCheckpointKey(cp.version) }) {
			last = max(last, cp.version)
		}
	}
	if name == checkpointProtection {
		s, err := t.Snapshot(ctx)
		if err != nil {
			return 0, err
		}
		if v, ok := protectedVersion(&s.metadata); ok {
			last = v - 1
		}
		return last, nil
	}
	for i := len(l.commits) - 1; i >= 0 && last < l.commits[i].version; i-- {
		v, err := usedBy(ctx, t.storage, l.commits[i].version, name)
		if err != nil {
			return 0, err
		}
		if v >= 0 {
			return max(v, last), nil
		}
	}
	return last, nil
}

// usedBy returns the newest version that a commit shows to take a feature to
// read: its own, the one before, or -1 for none.
func usedBy(ctx context.Context, st Storage, version int64, name string) (int64, error) {
	last := int64(-1)
	_, err := readCommit(ctx, st, version, func(a *action) error {
		var now, before bool
		switch {
		case name == "deletionVectors":
			now = a.Add != nil && a.Add.DeletionVector != nil
			before = a.Remove != nil && a.Remove.DeletionVector != nil
		case a.MetaData != nil && name == "columnMapping":
			mode := a.MetaData.Configuration[mappingModeKey]
			now, before = mode != "" && mode != "none", true
		case a.MetaData != nil && strings.HasPrefix(name, "typeWidening"):
			now, before = strings.Contains(a.MetaData.SchemaString, typeChangesKey), true
		}
		switch {
		case now:
			last = version
		case before:
			last = max(last, version-1)
		}
		return nil
	})
	return last, err
}
