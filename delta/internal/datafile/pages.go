package datafile

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
)

// indexWriter is what arrow-go's chunk writers of every type that can have a
// dictionary have.
type indexWriter interface {
	file.ColumnChunkWriter
	WriteDictIndices(indices arrow.Array, defLevels, repLevels []int16) error
	PageStatistics() metadata.TypedStatistics
	FlushCurrentPage() error
}

// indexPages makes the pages of a flat column whose dictionary is complete.
type indexPages struct {
	indexWriter
	leaf *leaf
	// bounds sets the least and the greatest value, those of the chunk, for
	// indices say nothing of values; some says whether the page has any.
	bounds func(stats metadata.TypedStatistics, some bool)

	rows, nulls int // of the page so far
}

// write adds rows by their codes, one for each row; those of nulls do not
// matter. It takes at most dictionaryPageRows.
func (p *indexPages) write(s *scratch, rows arrow.Array, codes []int32) error {
	if err := s.levels.flat(p.leaf, rows); err != nil {
		return err
	}
	buffers := []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(codes))}
	if rows.NullN() > 0 {
		valid := make([]byte, bitutil.BytesForBits(int64(rows.Len())))
		bitutil.CopyBitmap(rows.NullBitmapBytes(), rows.Data().Offset(), rows.Len(), valid, 0)
		buffers[0] = memory.NewBufferBytes(valid)
	}
	data := array.NewData(arrow.PrimitiveTypes.Int32, rows.Len(), buffers, nil, rows.NullN(), 0)
	ix := array.MakeFromData(data)
	data.Release()
	defer ix.Release()
	if err := p.WriteDictIndices(ix, s.levels.def, nil); err != nil {
		return fmt.Errorf("write dictionary indices: %w", err)
	}
	p.rows += rows.Len()
	p.nulls += rows.NullN()
	if p.rows >= dictionaryPageRows {
		return p.flush()
	}
	return nil
}

// flush ends the page.
func (p *indexPages) flush() error {
	if p.rows == 0 {
		return nil
	}
	if stats := p.PageStatistics(); stats != nil {
		stats.IncNulls(int64(p.nulls))
		p.bounds(stats, p.nulls < p.rows)
	}
	p.rows, p.nulls = 0, 0
	return p.FlushCurrentPage()
}
