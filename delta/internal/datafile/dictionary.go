package datafile

import (
	"bytes"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
)

const (
	// dictionaryLimit is the size in bytes beyond which a dictionary no
	// longer pays, as in Parquet's own writers.
	dictionaryLimit = 1 << 20
	// unifiedRows is how many rows tell that a column's values do not repeat,
	// as many as a first page of Parquet's own writers has. One batch is too
	// few where files are small.
	unifiedRows = 1 << 14
	// dictionaryPageRows is how many rows of indices make a page.
	dictionaryPageRows = 1 << 16
)

// dictionary is the union of the dictionaries of a column's batches: Parquet
// has one for each column chunk, Arrow one for each batch.
type dictionary struct {
	entries
	min, max []byte
	// remaps holds for each batch the code of each entry, -1 when unused.
	remaps [][]int32
}

// unify collects the entries that the batches use. It reports false when they
// are too many to be worth a dictionary, which it sees early where it can.
func (s *scratch) unify(batches []arrow.Array) (*dictionary, bool) {
	d := &dictionary{entries: newEntries(), remaps: make([][]int32, len(batches))}
	rows := 0
	for b, arr := range batches {
		batch, ok := arr.(*array.Dictionary)
		if !ok {
			return nil, false
		}
		entries, ok := batch.Dictionary().(byteColumn)
		if !ok {
			return nil, false
		}
		if b > 0 && sameDictionary(batches[b-1], entries) {
			d.remaps[b] = d.remaps[b-1]
		} else {
			d.remaps[b] = unused(entries.Len())
		}
		if !d.use(d.remaps[b], entries, indices(&s.int32s, batch), batch) {
			return nil, false
		}
		if rows += arr.Len() - arr.NullN(); rows >= unifiedRows && !d.pays(rows) {
			return nil, false
		}
	}
	return d, d.pays(rows)
}

// pays reports whether so many values repeat enough for the dictionary to be
// worth its making.
func (d *dictionary) pays(rows int) bool { return d.len() <= rows-rows/4 }

func sameDictionary(previous, entries arrow.Array) bool {
	p, ok := previous.(*array.Dictionary)
	return ok && p.Dictionary().Data() == entries.Data()
}

func unused(n int) []int32 {
	remap := make([]int32, n)
	for i := range remap {
		remap[i] = -1
	}
	return remap
}

// use gives a code to every entry that an index of the batch refers to.
func (d *dictionary) use(remap []int32, entries byteColumn, codes []int32, batch arrow.Array) bool {
	if len(remap) == 0 {
		return batch.NullN() == batch.Len()
	}
	offsets, data := entries.ValueOffsets(), valueBuffer(entries)
	nulls := batch.NullN() > 0
	for i, c := range codes {
		if remap[c] >= 0 || nulls && batch.IsNull(i) {
			continue
		}
		remap[c] = d.code(data[offsets[c]:offsets[c+1]])
		if len(d.data) > dictionaryLimit || d.len() > dictionaryLimit/8 {
			return false
		}
	}
	return true
}

// code returns the code of a value, which it adds when it is new.
func (d *dictionary) code(value []byte) int32 {
	c, added := d.add(value)
	if !added {
		return c
	}
	if c == 0 || bytes.Compare(value, d.min) < 0 {
		d.min = value
	}
	if c == 0 || bytes.Compare(value, d.max) > 0 {
		d.max = value
	}
	return c
}

func (d *dictionary) array() arrow.Array {
	buffers := []*memory.Buffer{
		nil,
		memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(d.offsets)),
		memory.NewBufferBytes(d.data),
	}
	data := array.NewData(arrow.BinaryTypes.Binary, d.len(), buffers, nil, 0, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

// dictionaryEncoder is the part of arrow-go's dictionary encoders that takes
// a dictionary as a whole.
type dictionaryEncoder interface {
	PutDictionary(arrow.Array) error
	NumEntries() int
}

// writeDictionary encodes a flat column whose batches are dictionaries
// without looking at a string twice. It reports false, having written
// nothing, when the column is better off without a dictionary.
func (s *scratch) writeDictionary(cw *file.ByteArrayColumnChunkWriter, l *leaf, batches []arrow.Array) (bool, error) {
	encoder, ok := cw.CurrentEncoder().(dictionaryEncoder)
	if !ok || len(batches) == 0 || batches[0].DataType().ID() != arrow.DICTIONARY {
		return false, nil
	}
	d, ok := s.unify(batches)
	if !ok {
		cw.FallbackToPlain()
		return false, nil
	}
	entries := d.array()
	defer entries.Release()
	if err := encoder.PutDictionary(entries); err != nil {
		return false, fmt.Errorf("put dictionary: %w", err)
	}
	pages := indexPages{indexWriter: cw, leaf: l, bounds: func(stats metadata.TypedStatistics, some bool) {
		if stats, ok := stats.(*metadata.ByteArrayStatistics); ok && some {
			stats.SetMinMax(parquet.ByteArray(d.min), parquet.ByteArray(d.max))
		}
	}}
	for b, arr := range batches {
		for from := 0; from < arr.Len(); from += dictionaryPageRows {
			data := array.NewSliceData(arr.Data(), int64(from), int64(min(from+dictionaryPageRows, arr.Len())))
			part := array.NewDictionaryData(data)
			data.Release()
			err := pages.write(s, part, s.codes(part, d.remaps[b]))
			part.Release()
			if err != nil {
				return true, err
			}
		}
	}
	return true, pages.flush()
}

// codes returns the codes of rows in the union of dictionaries.
func (s *scratch) codes(rows *array.Dictionary, remap []int32) []int32 {
	codes := make([]int32, rows.Len())
	if rows.NullN() < rows.Len() {
		for i, c := range indices(&s.int32s, rows) {
			codes[i] = max(remap[c], 0) // unused entries stand under nulls only
		}
	}
	return codes
}

// sampleRows is how many values decide whether a column gets a dictionary.
const sampleRows = 4096

// repeats reports whether the first values of a column repeat enough for a
// dictionary to save space: it must win back its own size and its indices.
func repeats(arr arrow.Array) bool {
	n := min(arr.Len(), sampleRows)
	switch arr := arr.(type) {
	case *array.Dictionary:
		return true
	case byteColumn:
		if n == 0 {
			return true
		}
		offsets, data := arr.ValueOffsets(), valueBuffer(arr)
		seen := make(map[string]struct{})
		for i := range n {
			seen[string(data[offsets[i]:offsets[i+1]])] = struct{}{}
		}
		return len(seen) <= n/2+1
	case *array.Int64:
		return repeatsNumber(arr.Int64Values()[:n])
	case *array.Timestamp:
		return repeatsNumber(arr.TimestampValues()[:n])
	case *array.Int32:
		return repeatsNumber(arr.Int32Values()[:n])
	case *array.Int16:
		return repeatsNumber(arr.Int16Values()[:n])
	case *array.Int8, *array.Date32:
		return true
	case *array.Float64:
		return repeatsNumber(bitsOf(arr.Float64Values()[:n], math.Float64bits))
	case *array.Float32:
		return repeatsNumber(bitsOf(arr.Float32Values()[:n], math.Float32bits))
	case *array.Decimal128:
		return repeatsNumber(arr.Values()[:n])
	}
	return false
}

func repeatsNumber[T comparable](values []T) bool {
	seen := make(map[T]struct{})
	for _, v := range values {
		seen[v] = struct{}{}
		if len(seen) > len(values)*3/4 {
			return false
		}
	}
	return true
}

// bitsOf makes floats comparable that == would tell apart or mix up.
func bitsOf[F, B any](values []F, bits func(F) B) []B {
	out := make([]B, len(values))
	for i, v := range values {
		out[i] = bits(v)
	}
	return out
}
