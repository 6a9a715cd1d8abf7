//go:build duckdb_arrow

package duckdb

import (
	"errors"
	"strconv"
	"time"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// textWriter appends the text of row i.
type textWriter func(b []byte, i int) []byte

// nestedText is the cast of an array, map or struct to a string, as Spark
// writes it: [1, null], {key -> value}, {field, field}.
func nestedText(args []column) (rowFunction, error) {
	write, err := writerOf(args[0])
	if err != nil {
		return nil, err
	}
	var b []byte
	return func(_ []column, i int, out column) {
		b = write(b[:0], i)
		out.setText(i, string(b))
	}, nil
}

// writerOf returns what writes the values of a column.
func writerOf(c column) (textWriter, error) {
	t := bindings.VectorGetColumnType(c.vector)
	defer bindings.DestroyLogicalType(&t)
	var write textWriter
	var err error
	switch id := bindings.GetTypeId(t); id {
	case bindings.TypeList:
		write, err = listWriter(c)
	case bindings.TypeMap:
		write, err = mapWriter(c)
	case bindings.TypeStruct:
		write, err = structWriter(c, int(bindings.StructTypeChildCount(t)))
	case bindings.TypeDecimal:
		unscaled, scale := decimalReader(c, t), int(bindings.DecimalScale(t))
		write = func(b []byte, i int) []byte { return append(b, decimalText(unscaled(i), scale)...) }
	default:
		write, err = plainWriter(c, id)
	}
	if err != nil {
		return nil, err
	}
	return func(b []byte, i int) []byte {
		if c.null(i) {
			return append(b, "null"...)
		}
		return write(b, i)
	}, nil
}

func plainWriter(c column, id bindings.Type) (textWriter, error) {
	switch id {
	case bindings.TypeSQLNull:
		return func(b []byte, _ int) []byte { return append(b, "null"...) }, nil
	case bindings.TypeBoolean:
		return func(b []byte, i int) []byte { return strconv.AppendBool(b, *at[bool](c, i)) }, nil
	case bindings.TypeTinyInt:
		return func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(*at[int8](c, i)), 10) }, nil
	case bindings.TypeSmallInt:
		return func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(*at[int16](c, i)), 10) }, nil
	case bindings.TypeInteger:
		return func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(*at[int32](c, i)), 10) }, nil
	case bindings.TypeBigInt:
		return func(b []byte, i int) []byte { return strconv.AppendInt(b, *at[int64](c, i), 10) }, nil
	case bindings.TypeFloat:
		return func(b []byte, i int) []byte { return append(b, floatText(float64(*at[float32](c, i)), 32)...) }, nil
	case bindings.TypeDouble:
		return func(b []byte, i int) []byte { return append(b, floatText(*at[float64](c, i), 64)...) }, nil
	case bindings.TypeVarchar, bindings.TypeBlob:
		return func(b []byte, i int) []byte { return append(b, c.text(i)...) }, nil
	case bindings.TypeDate:
		return func(b []byte, i int) []byte {
			return time.Unix(int64(*at[int32](c, i))*86400, 0).UTC().AppendFormat(b, time.DateOnly)
		}, nil
	case bindings.TypeTimestamp:
		return func(b []byte, i int) []byte {
			return time.UnixMicro(*at[int64](c, i)).UTC().AppendFormat(b, "2006-01-02 15:04:05.999999")
		}, nil
	}
	return nil, errors.New("[UNSUPPORTED_FEATURE] An array, map or struct of this type has no cast to STRING in this engine. SQLSTATE: 0A000")
}

func listWriter(c column) (textWriter, error) {
	element, err := writerOf(newColumn(bindings.ListVectorGetChild(c.vector)))
	if err != nil {
		return nil, err
	}
	return func(b []byte, i int) []byte {
		s := *at[span](c, i)
		return joined(b, '[', ']', int(s.offset), int(s.offset+s.length), element)
	}, nil
}

func mapWriter(c column) (textWriter, error) {
	entries := bindings.ListVectorGetChild(c.vector)
	key, err := writerOf(newColumn(bindings.StructVectorGetChild(entries, 0)))
	if err != nil {
		return nil, err
	}
	value, err := writerOf(newColumn(bindings.StructVectorGetChild(entries, 1)))
	if err != nil {
		return nil, err
	}
	entry := func(b []byte, i int) []byte { return value(append(key(b, i), " -> "...), i) }
	return func(b []byte, i int) []byte {
		s := *at[span](c, i)
		return joined(b, '{', '}', int(s.offset), int(s.offset+s.length), entry)
	}, nil
}

func structWriter(c column, fields int) (textWriter, error) {
	writers := make([]textWriter, fields)
	for k := range writers {
		var err error
		if writers[k], err = writerOf(newColumn(bindings.StructVectorGetChild(c.vector, bindings.IdxT(k)))); err != nil {
			return nil, err
		}
	}
	return func(b []byte, i int) []byte {
		return joined(b, '{', '}', 0, fields, func(b []byte, k int) []byte { return writers[k](b, i) })
	}, nil
}

// joined writes items from and up to to between brackets and commas.
func joined(b []byte, open, end byte, from, to int, item textWriter) []byte {
	b = append(b, open)
	for k := from; k < to; k++ {
		if k > from {
			b = append(b, ", "...)
		}
		b = item(b, k)
	}
	return append(b, end)
}
