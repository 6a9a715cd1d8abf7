package delta

import (
	"context"
	"errors"

	"github.com/freshet/freshet/schema"
)

// purgeAll removes every deletion vector.
func (t *Table) purgeAll(ctx context.Context) error {
	_, err := t.Purge(ctx, PurgeOptions{})
	return err
}

// removeMapping makes files know columns by the names of the schema.
func (t *Table) removeMapping(ctx context.Context) error {
	s, err := t.Snapshot(ctx)
	if err != nil || !hasColumnMapping(&s.metadata) {
		return err
	}
	m := s.metadata.Clone()
	delete(m.Configuration, mappingModeKey)
	delete(m.Configuration, maxColumnIDKey)
	eachStruct(m.Schema, func(in *schema.Struct) {
		for i := range in.Fields {
			for _, key := range []string{columnIDKey, physicalNameKey, "delta.columnMapping.nested.ids", "parquet.field.nested.ids"} {
				delete(in.Fields[i].Metadata, key)
			}
		}
	})
	if err := checkColumnNames(&m); err != nil {
		return err
	}
	return t.rewriteAs(ctx, s, m, "REMOVE COLUMN MAPPING")
}

// forgetTypes makes all files have the types of the schema.
func (t *Table) forgetTypes(ctx context.Context) error {
	s, err := t.Snapshot(ctx)
	if err != nil || !hasFieldKey(typeChangesKey)(&s.metadata) {
		return err
	}
	m := s.metadata.Clone()
	eachStruct(m.Schema, func(in *schema.Struct) {
		for i := range in.Fields {
			delete(in.Fields[i].Metadata, typeChangesKey)
		}
	})
	return t.rewriteAs(ctx, s, m, "REORG")
}

// rewriteAs rewrites all files as those of a table with other metadata, which
// it sets, in one commit. Rows stay what they are.
func (t *Table) rewriteAs(ctx context.Context, s *Snapshot, m Metadata, operation string) (err error) {
	w, err := NewWriter(t.storage, WriterConfig{Metadata: m, Clock: t.opts.Clock, NewID: t.opts.NewID, rowIDs: true})
	if err != nil {
		return err
	}
	defer func() {
		if unknown := new(UnknownCommitError); err != nil && !errors.As(err, &unknown) {
			err = errors.Join(err, w.Abort(context.WithoutCancel(ctx)))
		}
	}()
	for rows, err := range s.Scan(ctx, movedRows(&s.metadata, ScanOptions{BatchRows: rewriteRows})) {
		if err != nil {
			return err
		}
		err = w.keep(ctx, rows)
		rows.Release()
		if err != nil {
			return err
		}
	}
	added, err := w.Close(ctx)
	if err != nil {
		return err
	}
	tx, change := t.Begin(s), newFileChange()
	tx.ReadTable()
	for f, err := range s.Files(ctx) {
		if err != nil {
			return err
		}
		tx.Remove(f.Remove(t.opts.Clock().UnixMilli(), false))
		change.remove(f)
	}
	for _, f := range added {
		f.DataChange = false
		tx.Add(f)
		change.add(f)
	}
	tx.SetMetadata(m)
	tx.SetRowIDsPreserved(w.rowIDs != nil)
	_, err = tx.Commit(ctx, CommitInfo{Operation: operation, Metrics: change.metrics()})
	return err
}
