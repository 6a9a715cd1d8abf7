package parquet

import (
	"errors"

	"github.com/apache/arrow-go/v18/arrow"
)

// errNesting says that the levels of a nested column contradict each other.
var errNesting = errors.New("corrupt Parquet file: repetition and definition levels do not fit the values")

// checkNesting reports lists, maps and structs that reach beyond their
// children, which Arrow's reader makes of corrupt levels.
func checkNesting(data arrow.ArrayData) error {
	children := data.Children()
	if len(children) == 0 {
		return nil
	}
	end := data.Offset() + data.Len()
	switch t := data.DataType().(type) {
	case *arrow.StructType:
		for _, c := range children {
			if c.Len() < end {
				return errNesting
			}
		}
	case *arrow.FixedSizeListType:
		if children[0].Len() < end*int(t.Len()) {
			return errNesting
		}
	case *arrow.ListType, *arrow.MapType:
		if !offsetsWithin(offsets[int32](data), end, children[0].Len()) {
			return errNesting
		}
	case *arrow.LargeListType:
		if !offsetsWithin(offsets[int64](data), end, children[0].Len()) {
			return errNesting
		}
	}
	for _, c := range children {
		if err := checkNesting(c); err != nil {
			return err
		}
	}
	return nil
}

func offsets[T int32 | int64](data arrow.ArrayData) []T {
	if buf := data.Buffers()[1]; buf != nil {
		return arrow.GetData[T](buf.Bytes())
	}
	return nil
}

// offsetsWithin reports whether n lists begin and end in ascending order
// within size values.
func offsetsWithin[T int32 | int64](offsets []T, n, size int) bool {
	if n == 0 {
		return true
	}
	if len(offsets) <= n || offsets[0] < 0 || offsets[n] > T(size) {
		return false
	}
	for i := range n {
		if offsets[i] > offsets[i+1] {
			return false
		}
	}
	return true
}
