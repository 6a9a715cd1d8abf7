package rescue

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// taken reports whether a column that has a value already keeps the row's
// rescued one out: what it was changed to since is not to be overwritten. An
// array or map that is still what was read of it is replaced by the whole.
func taken(old, come arrow.Array, i int) bool {
	if old.IsNull(i) || come.IsNull(i) {
		return false
	}
	switch o := old.(type) {
	case *array.Struct:
		c, ok := come.(*array.Struct)
		if !ok {
			return true
		}
		for f := range o.NumField() {
			if taken(o.Field(f), c.Field(f), i) {
				return true
			}
		}
		return false
	case array.ListLike: // maps are too
		return !partOf(old, i, come, i)
	}
	return true
}

// partOf reports whether a value is what is left of another when parts of it
// become null.
func partOf(part arrow.Array, i int, whole arrow.Array, j int) bool {
	if part.IsNull(i) {
		return true
	}
	if whole.IsNull(j) {
		return false
	}
	switch p := part.(type) {
	case *array.Struct:
		w, ok := whole.(*array.Struct)
		for f := 0; ok && f < p.NumField(); f++ {
			ok = partOf(p.Field(f), i, w.Field(f), j)
		}
		return ok
	case array.ListLike:
		w, ok := whole.(array.ListLike)
		if !ok {
			return false
		}
		from, to := p.ValueOffsets(i)
		start, end := w.ValueOffsets(j)
		ok = to-from == end-start
		for k := int64(0); ok && k < to-from; k++ {
			ok = partOf(p.ListValues(), int(from+k), w.ListValues(), int(start+k))
		}
		return ok
	}
	return array.SliceEqual(part, int64(i), int64(i)+1, whole, int64(j), int64(j)+1)
}

// merge returns the values of old, and of the rows chosen those that come. Of
// structs, only the fields that come are replaced. The caller owns the result.
func merge(old, come arrow.Array, chosen []bool) (arrow.Array, error) {
	o, nested := old.(*array.Struct)
	c, ok := come.(*array.Struct)
	if !nested || !ok {
		return splice(old, come, chosen)
	}
	fields := make([]arrow.Array, o.NumField())
	defer func() { release(fields) }()
	valid := make([]byte, bitutil.BytesForBits(int64(o.Len())))
	nulls := 0
	for i := range o.Len() {
		if o.IsValid(i) || chosen[i] && c.IsValid(i) {
			bitutil.SetBit(valid, i)
		} else {
			nulls++
		}
	}
	for f := range fields {
		inside := make([]bool, o.Len())
		for i := range inside {
			inside[i] = chosen[i] && c.IsValid(i) && (o.IsNull(i) || c.Field(f).IsValid(i))
		}
		var err error
		if fields[f], err = merge(o.Field(f), c.Field(f), inside); err != nil {
			return nil, err
		}
	}
	t, ok := o.DataType().(*arrow.StructType)
	if !ok {
		return nil, fmt.Errorf("merge of %s", o.DataType())
	}
	return array.NewStructArrayWithFieldsAndNulls(fields, t.Fields(), memory.NewBufferBytes(valid), nulls, 0)
}

// splice puts runs of two arrays together.
func splice(old, come arrow.Array, chosen []bool) (arrow.Array, error) {
	var runs []arrow.Array
	defer func() { release(runs) }()
	for from := 0; from < len(chosen); {
		to := from + 1
		for to < len(chosen) && chosen[to] == chosen[from] {
			to++
		}
		of := old
		if chosen[from] {
			of = come
		}
		runs = append(runs, array.NewSlice(of, int64(from), int64(to)))
		from = to
	}
	return array.Concatenate(runs, memory.DefaultAllocator)
}

// keep returns the rows of a batch that are chosen. The caller owns the result.
func keep(batch arrow.RecordBatch, chosen []bool) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, batch.NumCols())
	defer func() { release(columns) }()
	n := int64(0)
	for _, c := range chosen {
		if c {
			n++
		}
	}
	for i := range columns {
		var err error
		if columns[i], err = pick(batch.Column(i), chosen); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(batch.Schema(), columns, n), nil
}

func pick(of arrow.Array, chosen []bool) (arrow.Array, error) {
	var runs []arrow.Array
	defer func() { release(runs) }()
	for from := 0; from < len(chosen); from++ {
		if !chosen[from] {
			continue
		}
		to := from + 1
		for to < len(chosen) && chosen[to] {
			to++
		}
		runs = append(runs, array.NewSlice(of, int64(from), int64(to)))
		from = to
	}
	if len(runs) == 0 {
		return array.NewSlice(of, 0, 0), nil
	}
	return array.Concatenate(runs, memory.DefaultAllocator)
}
