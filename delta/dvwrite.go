package delta

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/freshet/freshet/delta/internal/dv"
)

// vectorFileSize is about how large a file of deletion vectors grows.
const vectorFileSize = 2 << 20

// vectorFile packs deletion vectors into files, several into each.
type vectorFile struct {
	change *RowChange
	id     uuid.UUID
	data   []byte
}

// markDeleted gives files deletion vectors, which hold the rows deleted
// before as well, and writes these as files of the table.
func (c *RowChange) markDeleted(ctx context.Context, tx *Transaction, files []*changedFile) error {
	out := &vectorFile{change: c}
	for _, f := range files {
		add, err := out.append(f)
		if err != nil {
			return err
		}
		tx.Remove(f.Remove(c.config.Clock().UnixMilli(), true))
		tx.Add(add)
		c.metrics.VectorsAdded++
		if f.DeletionVector != nil {
			c.metrics.VectorsRemoved++
			c.metrics.VectorsUpdated++
		}
		if len(out.data) >= vectorFileSize {
			if err := out.flush(ctx); err != nil {
				return err
			}
		}
	}
	return out.flush(ctx)
}

// append adds a file's vector and returns the file with it.
func (o *vectorFile) append(f *changedFile) (AddFile, error) {
	if len(o.data) == 0 {
		var err error
		if o.id, err = uuid.Parse(o.change.config.NewID()); err != nil {
			return AddFile{}, fmt.Errorf("name deletion vector: %w", err)
		}
	}
	vector, err := f.gone.Encode()
	if err != nil {
		return AddFile{}, err
	}
	var offsets []int32
	o.data, offsets = dv.AppendFile(o.data, vector)
	add := f.AddFile
	add.DataChange = true
	add.Stats = wideStats(f.Stats, f.rows)
	add.DeletionVector = &DeletionVector{
		StorageType:    relativeVector,
		PathOrInlineDV: dv.FileName(o.id),
		Offset:         &offsets[0],
		SizeInBytes:    int32(len(vector)),
		Cardinality:    f.gone.Cardinality(),
	}
	return add, nil
}

// flush writes the vectors gathered.
func (o *vectorFile) flush(ctx context.Context) error {
	if len(o.data) == 0 {
		return nil
	}
	key, err := dv.FileKey(dv.FileName(o.id))
	if err != nil {
		return err
	}
	o.change.vectors = append(o.change.vectors, key)
	if err := o.change.storage.Put(ctx, key, o.data); err != nil {
		return fmt.Errorf("write deletion vectors %s: %w", key, err)
	}
	o.data = nil
	return nil
}

// wideStats returns a file's statistics as they are once rows are deleted:
// bounds may be wider than what is left, and numRecords, which counts physical
// rows, is mandatory (protocol: Per-file Statistics).
func wideStats(text string, rows int64) string {
	members := make(map[string]json.RawMessage)
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		members = nil // none, or none that could be read
	}
	b := strconv.AppendInt([]byte(`{"numRecords":`), rows, 10)
	b = append(b, `,"tightBounds":false`...)
	for _, name := range []string{"minValues", "maxValues", "nullCount"} {
		if value, ok := members[name]; ok {
			b = append(b, `,"`+name+`":`...)
			b = append(b, value...)
		}
	}
	return string(append(b, '}'))
}
