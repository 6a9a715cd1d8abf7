package delta

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/schema"
)

// PartitionRows are the distinct partition values of a snapshot's files, so
// that conditions on them can be decided exactly.
type PartitionRows struct {
	// Rows has the partition columns, in declared order, and a row for each
	// partition. Whoever asked for it releases it.
	Rows   arrow.RecordBatch
	places map[string]int
}

// Row returns which row is the file's partition, -1 when none is.
func (p *PartitionRows) Row(f AddFile) int {
	if row, ok := p.places[string(appendPartition(nil, f.PartitionValues))]; ok {
		return row
	}
	return -1
}

// Partitions returns the partitions that the snapshot's files are in. A table
// without partition columns has one.
func (s *Snapshot) Partitions(ctx context.Context) (*PartitionRows, error) {
	columns, err := s.metadata.Schema.Select(s.metadata.PartitionColumns...)
	if err != nil {
		return nil, err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(columns))
	defer b.Release()
	mapped := mappingOf(&s.metadata)
	p := &PartitionRows{places: make(map[string]int)}
	for f, err := range s.Files(ctx) {
		if err != nil {
			return nil, err
		}
		key := string(appendPartition(nil, f.PartitionValues))
		if _, known := p.places[key]; known {
			continue
		}
		p.places[key] = len(p.places)
		for i, c := range columns.Fields {
			v, err := parsePartition(c.Name, c.Type, f.PartitionValues[mapped.physicalName(c)])
			if err != nil {
				return nil, &CorruptFileError{Path: f.Path, Err: err}
			}
			if v.null {
				b.Field(i).AppendNull()
			} else if !appendPlain(b.Field(i), &v) {
				return nil, fmt.Errorf("type %s cannot be a partition column", c.Type)
			}
		}
	}
	arrays := make([]arrow.Array, len(columns.Fields))
	for i := range arrays {
		arrays[i] = b.Field(i).NewArray()
		defer arrays[i].Release()
	}
	p.Rows = array.NewRecordBatch(b.Schema(), arrays, int64(len(p.places)))
	return p, nil
}
