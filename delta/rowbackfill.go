package delta

import (
	"context"
	"errors"
	"fmt"
)

// backfillFiles bounds the files numbered in one commit, as Spark does.
const backfillFiles = 100_000

// BackfillRowIDs makes the table one whose files have row ids: it adds the
// feature rowTracking where the protocol lacks it, and then gives ids to the
// files that have none, some in each commit. Only then can the property
// delta.enableRowTracking be set (protocol: Row Tracking). Rows do not change,
// and appends meanwhile do no harm; work that others got in the way of is done
// again.
func (t *Table) BackfillRowIDs(ctx context.Context) error {
	for batch := 0; ; {
		s, err := t.Snapshot(ctx)
		if err != nil {
			return err
		}
		if err := s.CheckWrite(); err != nil {
			return err
		}
		tx := t.Begin(s)
		info := CommitInfo{Operation: "ROW TRACKING BACKFILL", Parameters: map[string]any{"batchId": batch}}
		if !s.protocol.hasFeature("rowTracking") {
			protocol := s.protocol.withFeatures("rowTracking")
			tx.SetProtocol(protocol)
			info = CommitInfo{Operation: "UPGRADE PROTOCOL", Parameters: map[string]any{"newProtocol": protocol}}
		} else if n, err := s.numberFiles(ctx, tx); err != nil || n == 0 {
			return err
		}
		_, err = tx.Commit(ctx, info)
		if lost := new(ConflictError); errors.As(err, &lost) {
			continue
		}
		if err != nil {
			return fmt.Errorf("give row ids to files: %w", err)
		}
		batch++
	}
}

// numberFiles adds files that have no row ids to tx once more, for it to
// number them, and returns how many.
func (s *Snapshot) numberFiles(ctx context.Context, tx *Transaction) (int, error) {
	var files []AddFile
	err := s.files.each(func(v *rowView) bool {
		if rare := v.block.rare[uint16(v.row)]; !v.tombstone() && (rare == nil || rare.baseRowID == nil) {
			files = append(files, v.add())
		}
		return len(files) < backfillFiles
	})
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		if _, counted := f.NumRecords(); !counted {
			rows, err := s.table.physicalRows(ctx, f)
			if err != nil {
				return 0, err
			}
			f.Stats = fmt.Sprintf(`{"numRecords":%d}`, rows)
		}
		f.DataChange = false
		tx.ReadFiles(f.Path)
		tx.Add(f)
	}
	return len(files), nil
}
