package delta

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime"
	"slices"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet/file"
	"golang.org/x/sync/errgroup"

	"github.com/freshet/freshet/delta/internal/datafile"
)

// windowRows is how many rows of a checkpoint are taken apart at a time: few
// enough that their texts stay in the processor's cache.
const windowRows = 2048

// fileLoad reads the adds and removes of checkpoint files into segments, row
// groups of any of the files at once. A table of a million files opens in the
// time this takes, so it goes from Parquet's pages to blocks without Arrow.
type fileLoad struct {
	seed     maphash.Seed
	workers  chan struct{} // bounds the row groups in work
	segments []*segment    // in the order of the files' rows
}

func newFileLoad(seed maphash.Seed) *fileLoad {
	return &fileLoad{seed: seed, workers: make(chan struct{}, min(8, runtime.GOMAXPROCS(0)))}
}

// read appends the files of one Parquet file.
func (l *fileLoad) read(ctx context.Context, pq *file.Reader) error {
	l.segments = make([]*segment, pq.NumRowGroups())
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(cap(l.workers))
	for i := range l.segments {
		reading.Go(func() error {
			l.workers <- struct{}{}
			defer func() { <-l.workers }()
			return guard(func() (err error) {
				l.segments[i], err = l.readGroup(ctx, pq, i)
				return err
			})
		})
	}
	return reading.Wait()
}

// readGroup reads one row group.
func (l *fileLoad) readGroup(ctx context.Context, pq *file.Reader, group int) (*segment, error) {
	fill := &segmentFill{seg: &segment{seed: l.seed}, partIDs: make(map[string]uint32)}
	names, numbers := fileLeaves(pq)
	if len(numbers) == 0 {
		return fill.seg, nil
	}
	leaves, err := datafile.OpenLeaves(pq, group, numbers)
	if err != nil {
		return nil, err
	}
	defer leaves.Close()
	set := leafSet{leaves: leaves, names: names}
	adds, removes := newFileColumns(&set, "add"), newFileColumns(&set, "remove")
	if set.err != nil {
		return nil, set.err
	}
	parsed, err := openParsedStats(ctx, pq, group)
	if err != nil {
		return nil, err
	}
	defer parsed.close()
	for ctx.Err() == nil {
		rows, err := leaves.Next(windowRows)
		if err == nil && rows > 0 {
			err = parsed.next(rows)
		}
		if err != nil {
			return nil, err
		}
		if rows == 0 {
			fill.seg.finish()
			return fill.seg, nil
		}
		if err := errors.Join(fill.adds(adds, rows, parsed), fill.removes(removes, rows)); err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

// fileLeaves returns the leaf columns of adds and removes that are read.
// Parsed forms of statistics and partition values repeat what the texts say,
// unless there are none; see [parsedColumn].
func fileLeaves(pq *file.Reader) (names []string, numbers []int) {
	sc := pq.MetaData().Schema
	for i := range sc.NumColumns() {
		words := sc.Column(i).ColumnPath()
		if len(words) < 2 || !slices.Contains(fileFields[words[0]], words[1]) {
			continue
		}
		name := words[0] + "." + words[1]
		if words[1] == "deletionVector" && len(words) > 2 {
			name += "." + words[2]
		}
		names, numbers = append(names, name), append(numbers, i)
	}
	return names, numbers
}

// fileFields are the fields that are read of each kind of action.
var fileFields = map[string][]string{
	"add": {
		"path", "partitionValues", "size", "modificationTime", "dataChange", "tags", "deletionVector", "baseRowId",
		"defaultRowCommitVersion", "clusteringProvider", "stats",
	},
	"remove": {
		"path", "deletionTimestamp", "dataChange", "extendedFileMetadata", "partitionValues", "size", "deletionVector",
		"baseRowId", "defaultRowCommitVersion",
	},
}

// segmentFill fills a segment from columns.
type segmentFill struct {
	seg     *segment
	partIDs map[string]uint32
	entries []partitionBytes
	encoded []byte // partition values of the last row
	part    uint32 // their number, when any row had them
}

type partitionBytes struct {
	name, value []byte
	null        bool
}

// adds appends the adds of a window.
func (f *segmentFill) adds(c *fileColumns, rows int, parsed *parsedColumn) error {
	if !c.path.Reaches(c.level) {
		return nil
	}
	rare := c.rare.some()
	row, statsText := fileRow{}, []byte(nil)
	for i := range rows {
		here := c.path.Level() >= c.level
		row.path, row.stats = c.path.next(), c.stats.next()
		row.size, _ = c.size.next()
		row.time, _ = c.time.next()
		row.flags = flagIf(c.dataChange.next(), flagDataChange)
		if rare {
			row.rare = c.rare.next()
		}
		f.takePartition(&c.parts)
		if !here {
			continue
		}
		if parsed != nil && len(row.stats) == 0 {
			statsText = parsed.text(statsText[:0], i)
			row.stats = statsText
		}
		if err := f.append(&row); err != nil {
			return err
		}
	}
	return nil
}

// removes appends the tombstones of a window.
func (f *segmentFill) removes(c *fileColumns, rows int) error {
	if !c.path.Reaches(c.level) {
		return nil
	}
	rare := c.rare.some()
	var row fileRow
	for range rows {
		here := c.path.Level() >= c.level
		var sized bool
		row.path = c.path.next()
		row.size, sized = c.size.next()
		row.time, _ = c.time.next()
		row.flags = flagTombstone | flagIf(c.dataChange.next(), flagDataChange) | flagIf(c.extended.next(), flagExtended) | flagIf(!sized, flagNoSize)
		if rare {
			row.rare = c.rare.next()
		}
		if !f.takePartition(&c.parts) {
			row.flags |= flagNoParts
		}
		if !here {
			continue
		}
		if err := f.append(&row); err != nil {
			return err
		}
	}
	return nil
}

func (f *segmentFill) append(row *fileRow) error {
	if len(row.path) == 0 {
		return errNoPath
	}
	canonical := row.path
	if !isCanonical(canonical) {
		canonical = []byte(canonicalPath(string(canonical)))
	}
	f.seg.append(row, maphash.Bytes(f.seg.seed, canonical), f.partID())
	return nil
}

// takePartition encodes the next row's partition values, and reports whether
// it has any, be they none.
func (f *segmentFill) takePartition(parts *mapLeaf) bool {
	f.entries = f.entries[:0]
	exists := parts.next(func(key, value []byte, null bool) {
		f.entries = append(f.entries, partitionBytes{key, value, null})
	})
	if len(f.entries) > 1 {
		slices.SortFunc(f.entries, func(x, y partitionBytes) int { return bytes.Compare(x.name, y.name) })
	}
	return exists
}

// partID returns the number of the partition values of the row at hand, one
// for all rows that share them; neighbours mostly do.
func (f *segmentFill) partID() uint32 {
	start := len(f.encoded)
	for _, e := range f.entries {
		f.encoded = appendPartitionBytes(f.encoded, e.name, e.value, e.null)
	}
	same := len(f.seg.parts) > 0 && bytes.Equal(f.encoded[start:], f.encoded[:start])
	f.encoded = f.encoded[:copy(f.encoded, f.encoded[start:])]
	if same {
		return f.part
	}
	id, ok := f.partIDs[string(f.encoded)]
	if !ok {
		id = uint32(len(f.seg.parts))
		text := string(f.encoded)
		f.seg.parts, f.partIDs[text] = append(f.seg.parts, text), id
	}
	f.part = id
	return id
}

// parsedColumn reads statistics that a row group has as columns and not as
// text; a nil one has none.
type parsedColumn struct {
	records array.RecordReader
	actions *group
}

// openParsedStats returns nil when the statistics are there as text.
func openParsedStats(ctx context.Context, pq *file.Reader, group int) (*parsedColumn, error) {
	if !needsParsedStats(pq) {
		return nil, nil //nolint:nilnil // nil is a column without values
	}
	var leaves []int
	for i := range pq.MetaData().Schema.NumColumns() {
		if words := pq.MetaData().Schema.Column(i).ColumnPath(); len(words) > 1 && words[0] == "add" && words[1] == parsedStats {
			leaves = append(leaves, i)
		}
	}
	records, err := recordsOf(ctx, pq, leaves, []int{group}, windowRows)
	if err != nil {
		return nil, err
	}
	return &parsedColumn{records: records}, nil
}

// next moves on by a window.
func (p *parsedColumn) next(rows int) error {
	if p == nil {
		return nil
	}
	if !p.records.Next() {
		return errors.Join(fmt.Errorf("column %s ends early", parsedStats), p.records.Err())
	}
	rec := p.records.RecordBatch()
	if rec.NumRows() != int64(rows) {
		return fmt.Errorf("column %s has %d rows where others have %d", parsedStats, rec.NumRows(), rows)
	}
	var err error
	p.actions, err = newGroup("add", rec.Column(0))
	return err
}

func (p *parsedColumn) text(dst []byte, row int) []byte { return p.actions.statsText(dst, row) }

func (p *parsedColumn) close() {
	if p != nil {
		p.records.Release()
	}
}
