package cdc

import (
	"context"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/pushdown"
	"github.com/freshet/freshet/schema"
)

// An address is the number of a file above the position of a row in it.
const positionBits = 40

// addressName is the column of addresses in scans.
const addressName = "__freshet_address"

// source is the files of a table that may hold rows of a batch's keys.
type source struct {
	snap   *delta.Snapshot
	filter delta.Predicate // nil is all rows
	paths  []string
	number map[string]int64
	rows   int64
}

// open lists the files that a filter leaves.
func open(ctx context.Context, snap *delta.Snapshot, filter delta.Predicate) (*source, error) {
	s := &source{snap: snap, filter: filter, number: map[string]int64{}}
	files := snap.Files(ctx)
	if filter != nil {
		files = snap.FilesMatching(ctx, filter)
	}
	for f, err := range files {
		if err != nil {
			return nil, err
		}
		n, _ := f.NumRecords()
		s.rows += n
		s.number[f.Path] = int64(len(s.paths))
		s.paths = append(s.paths, f.Path)
	}
	return s, nil
}

// at returns where the row of an address is.
func (s *source) at(address int64) (path string, position int64) {
	return s.paths[address>>positionBits], address & (1<<positionBits - 1)
}

// input is columns of the rows and their addresses, under other names.
func (s *source) input(k *Sink, name string, columns, names []string) (engine.Input, error) {
	rows, err := s.relation(k, columns)
	if err != nil {
		return engine.Input{}, err
	}
	return s.inputOf(k, name, rows, names), nil
}

// inputOf is rows with their addresses as the engine's input.
func (s *source) inputOf(k *Sink, name string, rows *ingest.Relation, names []string) engine.Input {
	in := k.Input(name, rows.Rename(append(append([]string{}, names...), "a")))
	in.Rows = max(s.rows, 1)
	return in
}

// relation is columns of the rows and their addresses.
func (s *source) relation(k *Sink, columns []string) (*ingest.Relation, error) {
	selected, err := s.snap.Schema().Select(columns...)
	if err != nil {
		return nil, err
	}
	selected = schema.New(append(append([]schema.Field{}, selected.Fields...), schema.Col(addressName, schema.Long))...)
	opts := delta.ScanOptions{
		Columns: columns, Parallelism: k.Env.Parallelism, RowIndex: addressName,
		Files:    func(f delta.AddFile) bool { _, ok := s.number[f.Path]; return ok },
		FirstRow: func(f delta.AddFile) int64 { return s.number[f.Path] << positionBits },
	}
	return &ingest.Relation{Schema: selected, Read: func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return ingest.Map(s.snap.Scan(ctx, opts), func(rec arrow.RecordBatch) (arrow.RecordBatch, error) { return rec, nil })
	}}, nil
}

// among is true for rows whose keys may be among the batch's. Nil is all.
func (b *batch) among(ctx context.Context, columns *schema.Struct) (delta.Predicate, error) {
	all := delta.And{}
	table := pushdown.Table{Schema: columns}
	for _, k := range b.layout.keys {
		path := []string{b.layout.columns.Fields[k].Name}
		listed, known := delta.Or{}, true
		err := b.each(ctx, b.listKeys(k), func(rec arrow.RecordBatch) error {
			for i := range int(rec.NumRows()) {
				c, ok := pushdown.ValueAt(rec.Column(0), i)
				p := table.Compare(path, delta.Equal, c)
				known = known && ok && p != nil
				listed = append(listed, p)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if known && len(listed) <= maxListed {
			all = append(all, listed)
			continue
		}
		if err := b.each(ctx, b.rangeOfKeys(k), func(rec arrow.RecordBatch) error {
			for i, op := range []delta.Op{delta.GreaterOrEqual, delta.LessOrEqual} {
				c, ok := pushdown.ValueAt(rec.Column(i), 0)
				if p := table.Compare(path, op, c); ok && p != nil && rec.Column(2).IsNull(0) {
					all = append(all, p)
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all, nil
}
