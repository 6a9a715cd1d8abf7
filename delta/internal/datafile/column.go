package datafile

import (
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	pqschema "github.com/apache/arrow-go/v18/parquet/schema"
)

// readLevels is how many levels of a repeated column are read ahead at a
// time, in search of the end of a window.
const readLevels = 4096

// column reads one Parquet column in windows of whole rows.
type column struct {
	descr  *pqschema.Column
	chunk  file.ColumnChunkReader
	values store

	def, rep []int16 // levels read, those of the window first
	levels   int     // levels read, also where there are no level slices
	window   int     // levels in the window
	dense    int     // values in the window
}

func newColumn(descr *pqschema.Column) (*column, error) {
	c := &column{descr: descr}
	switch descr.PhysicalType() {
	case parquet.Types.Boolean:
		c.values = &fixed[bool]{}
	case parquet.Types.Int32:
		c.values = &fixed[int32]{}
	case parquet.Types.Int64:
		c.values = &fixed[int64]{}
	case parquet.Types.Int96:
		c.values = &fixed[parquet.Int96]{}
	case parquet.Types.Float:
		c.values = &fixed[float32]{}
	case parquet.Types.Double:
		c.values = &fixed[float64]{}
	case parquet.Types.ByteArray, parquet.Types.FixedLenByteArray:
		c.values = &variable{}
	default:
		return nil, fmt.Errorf("column %s has unknown physical type %s", descr.Path(), descr.PhysicalType())
	}
	return c, nil
}

// open starts the column's chunk of a row group.
func (c *column) open(group *file.RowGroupReader, index int) error {
	chunk, err := group.Column(index)
	if err != nil {
		return fmt.Errorf("open column %s: %w", c.descr.Path(), err)
	}
	if err := c.close(); err != nil {
		return err
	}
	c.chunk = chunk
	c.def, c.rep, c.levels, c.window, c.dense = c.def[:0], c.rep[:0], 0, 0, 0
	c.values.discard(math.MaxInt)
	return nil
}

func (c *column) close() error {
	if c.chunk == nil {
		return nil
	}
	err := c.chunk.Close()
	c.chunk = nil
	if err != nil {
		return fmt.Errorf("close column %s: %w", c.descr.Path(), err)
	}
	return nil
}

// next moves the window on to the following rows.
func (c *column) next(rows int) error {
	c.drop()
	if c.descr.MaxRepetitionLevel() == 0 {
		for c.levels < rows {
			if err := c.read(rows - c.levels); err != nil {
				return err
			}
		}
		c.window = rows
	} else if err := c.nextRepeated(rows); err != nil {
		return err
	}
	c.dense = c.window
	if top := c.descr.MaxDefinitionLevel(); top > 0 {
		c.dense = 0
		for _, d := range c.def[:c.window] {
			if d == top {
				c.dense++
			}
		}
	}
	if have := c.values.len(); have < c.dense {
		return fmt.Errorf("column %s has %d values where levels tell of %d", c.descr.Path(), have, c.dense)
	}
	return nil
}

// nextRepeated finds the level at which the row after the window starts.
func (c *column) nextRepeated(rows int) error {
	seen, at := 0, 0
	for {
		for ; at < c.levels; at++ {
			if c.rep[at] == 0 {
				if seen == rows {
					c.window = at
					return nil
				}
				seen++
			}
		}
		if !c.chunk.HasNext() {
			if err := c.chunk.Err(); err != nil {
				return fmt.Errorf("read column %s: %w", c.descr.Path(), err)
			}
			if seen != rows {
				return fmt.Errorf("column %s ends %d rows early", c.descr.Path(), rows-seen)
			}
			c.window = at
			return nil
		}
		if err := c.read(readLevels); err != nil {
			return err
		}
	}
}

// drop forgets the window.
func (c *column) drop() {
	if len(c.def) > 0 {
		c.def = append(c.def[:0], c.def[c.window:]...)
	}
	if len(c.rep) > 0 {
		c.rep = append(c.rep[:0], c.rep[c.window:]...)
	}
	c.levels -= c.window
	c.values.discard(c.dense)
	c.window, c.dense = 0, 0
}

// read appends up to n levels and their values.
func (c *column) read(n int) error {
	var def, rep []int16
	if c.descr.MaxDefinitionLevel() > 0 {
		c.def = grow(c.def, n)
		def = c.def[len(c.def) : len(c.def)+n]
	}
	if c.descr.MaxRepetitionLevel() > 0 {
		c.rep = grow(c.rep, n)
		rep = c.rep[len(c.rep) : len(c.rep)+n]
	}
	got, err := c.values.read(c.chunk, n, def, rep)
	if err == nil {
		err = c.chunk.Err()
	}
	if err != nil {
		return fmt.Errorf("read column %s: %w", c.descr.Path(), err)
	}
	if got <= 0 {
		return fmt.Errorf("column %s ends early", c.descr.Path())
	}
	if def != nil {
		c.def = c.def[:len(c.def)+got]
	}
	if rep != nil {
		c.rep = c.rep[:len(c.rep)+got]
	}
	c.levels += got
	return nil
}

// grow returns s with room for n more elements.
func grow[T any](s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	out := make([]T, len(s), max(len(s)+n, 2*cap(s)))
	copy(out, s)
	return out
}

// store holds the non-null values that a column has read.
type store interface {
	// read appends up to n values, with their levels, and returns how many
	// levels it got.
	read(chunk file.ColumnChunkReader, n int, def, rep []int16) (int, error)
	len() int
	// discard forgets the first n values, or all when there are fewer.
	discard(n int)
}

// fixed is a store of values that Go can hold by themselves.
type fixed[T any] struct{ data []T }

// batchReader is what all of arrow-go's typed column readers have.
type batchReader[T any] interface {
	ReadBatch(batchSize int64, values []T, defLvls, repLvls []int16) (total int64, valuesRead int, err error)
}

func (f *fixed[T]) read(chunk file.ColumnChunkReader, n int, def, rep []int16) (int, error) {
	r, ok := chunk.(batchReader[T])
	if !ok {
		return 0, fmt.Errorf("column reader is %T", chunk)
	}
	f.data = grow(f.data, n)
	levels, values, err := r.ReadBatch(int64(n), f.data[len(f.data):len(f.data)+n], def, rep)
	f.data = f.data[:len(f.data)+values]
	return int(levels), err
}

// valuesOf returns the values of a store that should be of type T.
func valuesOf[T any](s store) ([]T, error) {
	f, ok := s.(*fixed[T])
	if !ok {
		return nil, fmt.Errorf("column has values in a %T", s)
	}
	return f.data, nil
}

func (f *fixed[T]) len() int { return len(f.data) }

func (f *fixed[T]) discard(n int) {
	f.data = append(f.data[:0], f.data[min(n, len(f.data)):]...)
}

// variable is a store of byte strings, laid out as Arrow does it. The
// reader's own values are only good until it reads on.
type variable struct {
	offsets []int32 // one more than there are values, or none
	data    []byte
	scratch []parquet.ByteArray
	fixed   []parquet.FixedLenByteArray
}

func (v *variable) read(chunk file.ColumnChunkReader, n int, def, rep []int16) (int, error) {
	switch r := chunk.(type) {
	case *file.ByteArrayColumnChunkReader:
		v.scratch = grow(v.scratch[:0], n)
		levels, values, err := r.ReadBatchInPage(int64(n), v.scratch[:n], def, rep)
		if err != nil {
			return 0, err
		}
		return int(levels), appendBytes(v, v.scratch[:values])
	case *file.FixedLenByteArrayColumnChunkReader:
		v.fixed = grow(v.fixed[:0], n)
		levels, values, err := r.ReadBatchInPage(int64(n), v.fixed[:n], def, rep)
		if err != nil {
			return 0, err
		}
		return int(levels), appendBytes(v, v.fixed[:values])
	}
	return 0, fmt.Errorf("column reader is %T", chunk)
}

// stringsOf returns a store that should be of byte strings.
func stringsOf(s store) (*variable, error) {
	v, ok := s.(*variable)
	if !ok {
		return nil, fmt.Errorf("column has values in a %T", s)
	}
	return v, nil
}

func appendBytes[T ~[]byte](v *variable, values []T) error {
	if len(v.offsets) == 0 {
		v.offsets = append(v.offsets, 0)
	}
	for _, x := range values {
		if len(v.data)+len(x) > math.MaxInt32 {
			return errors.New("the strings of one batch exceed 2 GiB: read fewer rows at a time")
		}
		v.data = append(v.data, x...)
		v.offsets = append(v.offsets, int32(len(v.data)))
	}
	return nil
}

func (v *variable) len() int { return max(len(v.offsets)-1, 0) }

func (v *variable) discard(n int) {
	if n >= v.len() {
		v.offsets, v.data = v.offsets[:0], v.data[:0]
		return
	}
	if n == 0 {
		return
	}
	base := v.offsets[n]
	v.offsets = append(v.offsets[:0], v.offsets[n:]...)
	for i := range v.offsets {
		v.offsets[i] -= base
	}
	v.data = append(v.data[:0], v.data[base:]...)
}

// value returns value i.
func (v *variable) value(i int) []byte { return v.data[v.offsets[i]:v.offsets[i+1]] }
