//go:build duckdb_arrow

package duckdb

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/freshet/freshet/schema"
	"github.com/freshet/freshet/schema/variant"
)

// variantFunctions are the functions of variants, which prelude.sql's macros
// and internal/sql's printer call.
var variantFunctions = map[string][]*function{
	"spark_parse_json":        {{takes: []bindings.Type{textType}, returns: variantType, trying: parseJSON(false)}},
	"spark_try_parse_json":    {{takes: []bindings.Type{textType}, returns: variantType, trying: parseJSON(true)}},
	"spark_variant_json":      {{takes: []bindings.Type{variantType, textType}, returns: textType, trying: variantJSON}},
	"spark_variant_get":       {{takes: []bindings.Type{variantType, textType}, returns: variantType, trying: variantGet}},
	"spark_variant_cast":      {{takes: []bindings.Type{variantType, textType, textType, bindings.TypeBoolean}, returns: textType, trying: variantCast}},
	"spark_variant_decode":    {{takes: []bindings.Type{textType}, returns: variantType, trying: variantDecode}},
	"spark_schema_of_variant": {{takes: []bindings.Type{variantType}, returns: textType, trying: schemaOfVariant}},
	"spark_is_variant_null": {{takes: []bindings.Type{variantType}, returns: bindings.TypeBoolean, nulls: true, row: func(a []column, i int, out column) {
		*at[bool](out, i) = !a[0].null(i) && a[0].value(i).IsNull()
	}}},
	"spark_variant_size": {{takes: []bindings.Type{variantType}, returns: bindings.TypeBigInt, trying: variantSize}},
	"spark_variant_key":  {{takes: []bindings.Type{variantType, bindings.TypeBigInt}, returns: textType, trying: variantKey}},
	"spark_variant_part": {{takes: []bindings.Type{variantType, bindings.TypeBigInt}, returns: variantType, trying: variantPart}},
	"spark_to_variant":   {{takes: []bindings.Type{bindings.TypeAny}, returns: variantType, trying: toVariant}},
}

// failed is the error of a row, in the form that errors.go takes apart.
func failed(class, state, format string, args ...any) error {
	return fmt.Errorf("[%s] %s SQLSTATE: %s", class, fmt.Sprintf(format, args...), state)
}

// variantError gives a class to what went wrong with a variant.
func variantError(err error) error {
	var cast *variant.CastError
	var path *variant.PathError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &cast):
		return failed("INVALID_VARIANT_CAST", "22023",
			"The variant value `%s` cannot be cast into \"%s\". Please use `try_variant_get` instead.", cast.Value, cast.Type)
	case errors.As(err, &path):
		return failed("INVALID_VARIANT_GET_PATH", "22023",
			"The path `%s` is not a valid variant extraction path. A valid path should start with `$` and is followed by zero or more segments like `[123]`, `.name`, `['name']`, or `[\"name\"]`.", path.Path)
	case errors.Is(err, variant.ErrTooLarge):
		return failed("VARIANT_SIZE_LIMIT", "22023", "Cannot build variant bigger than 128 MiB. Please avoid large input strings to this expression.")
	}
	return failed("MALFORMED_VARIANT", "22023", "Variant binary is malformed: %v. Please check the data source is valid.", err)
}

func parseJSON(try bool) func([]column) (tryingRow, error) {
	return func([]column) (tryingRow, error) {
		var b variant.Builder
		return func(a []column, i int, out column) error {
			b.Reset()
			text := a[0].text(i)
			_, err := b.JSON([]byte(text))
			var v variant.Value
			if err == nil {
				v, err = b.Finish()
			}
			switch {
			case err == nil:
				out.setVariant(i, v)
			case try:
				out.setNull(i)
			case errors.Is(err, variant.ErrTooLarge):
				return variantError(err)
			default:
				return failed("MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", "22023",
					"Malformed records are detected in record parsing: %.200s (%v). Use `try_parse_json` to tolerate them and return NULL instead.", text, err)
			}
			return nil
		}, nil
	}
}

func variantJSON(args []column) (tryingRow, error) {
	zone, err := variant.Zone(args[1].text(0))
	if err != nil {
		return nil, err
	}
	var b []byte
	return func(a []column, i int, out column) error {
		var err error
		if b, err = a[0].value(i).AppendJSON(b[:0], zone); err != nil {
			return variantError(err)
		}
		out.setText(i, string(b))
		return nil
	}, nil
}

func variantGet([]column) (tryingRow, error) {
	var last string
	var path variant.Path
	var b variant.Builder
	return func(a []column, i int, out column) error {
		if text := a[1].text(i); path == nil || text != last {
			var err error
			if path, err = variant.ParsePath(text); err != nil {
				return variantError(err)
			}
			last = text
		}
		v, found, err := a[0].value(i).Get(path)
		if err != nil {
			return variantError(err)
		}
		if !found {
			out.setNull(i)
			return nil
		}
		b.Reset()
		if err = b.Append(v); err == nil {
			v, err = b.Finish()
		}
		if err != nil {
			return variantError(err)
		}
		out.setVariant(i, v)
		return nil
	}, nil
}

// variantCast is spark_variant_cast(variant, type, zone, try): the text that
// [variant.Cast] gives.
func variantCast(args []column) (tryingRow, error) {
	t, err := schema.ParseType(args[1].text(0))
	if err != nil {
		return nil, err
	}
	var zone *time.Location
	if zone, err = variant.Zone(args[2].text(0)); err != nil {
		return nil, err
	}
	cast := variant.Cast{Type: t, Zone: zone, Try: *at[bool](args[3], 0)}
	var b []byte
	return func(a []column, i int, out column) error {
		var ok bool
		var err error
		if b, ok, err = cast.Append(b[:0], a[0].value(i)); err != nil {
			return variantError(err)
		}
		if !ok {
			out.setNull(i)
			return nil
		}
		out.setText(i, string(b))
		return nil
	}, nil
}

func variantDecode([]column) (tryingRow, error) {
	return func(a []column, i int, out column) error {
		v, err := variant.Decode(a[0].text(i))
		if err != nil {
			return variantError(err)
		}
		out.setVariant(i, v)
		return nil
	}, nil
}

func schemaOfVariant([]column) (tryingRow, error) {
	return func(a []column, i int, out column) error {
		text, err := a[0].value(i).Schema()
		if err != nil {
			return variantError(err)
		}
		out.setText(i, text)
		return nil
	}, nil
}

// variantSize is spark_variant_size(variant): how many fields or elements it
// has, 0 for a scalar.
func variantSize([]column) (tryingRow, error) {
	return func(a []column, i int, out column) error {
		c, _, err := container(a[0].value(i))
		*at[int64](out, i) = int64(c.Len())
		return variantError(err)
	}, nil
}

// variantKey is spark_variant_key(variant, n): the name of its n-th field,
// from 0; NULL for what is no object.
func variantKey([]column) (tryingRow, error) {
	return func(a []column, i int, out column) error {
		c, kind, err := container(a[0].value(i))
		n := *at[int64](a[1], i)
		if err != nil || kind != variant.Object || n < 0 || n >= int64(c.Len()) {
			out.setNull(i)
			return variantError(err)
		}
		name, err := c.Name(int(n))
		out.setText(i, string(name))
		return variantError(err)
	}, nil
}

// variantPart is spark_variant_part(variant, n): its n-th field or element,
// from 0.
func variantPart([]column) (tryingRow, error) {
	var b variant.Builder
	return func(a []column, i int, out column) error {
		c, _, err := container(a[0].value(i))
		n := *at[int64](a[1], i)
		if err != nil || n < 0 || n >= int64(c.Len()) {
			out.setNull(i)
			return variantError(err)
		}
		b.Reset()
		v, err := c.At(int(n))
		if err == nil {
			err = b.Append(v)
		}
		if err == nil {
			v, err = b.Finish()
		}
		if err != nil {
			return variantError(err)
		}
		out.setVariant(i, v)
		return nil
	}, nil
}

// container returns the parts of an object or array; a scalar has none.
func container(v variant.Value) (variant.Container, variant.Kind, error) {
	kind, err := v.Kind()
	if err != nil || kind != variant.Object && kind != variant.Array {
		return variant.Container{}, kind, err
	}
	c, err := v.Container()
	return c, kind, err
}

// variantWriter appends row i of a column to b.
type variantWriter func(b *variant.Builder, i int) error

// toVariant is the cast of any value to a variant.
func toVariant(args []column) (tryingRow, error) {
	write, err := variantWriterOf(args[0])
	if err != nil {
		return nil, err
	}
	var b variant.Builder
	return func(_ []column, i int, out column) error {
		b.Reset()
		err := write(&b, i)
		var v variant.Value
		if err == nil {
			v, err = b.Finish()
		}
		if err != nil {
			return variantError(err)
		}
		out.setVariant(i, v)
		return nil
	}, nil
}

func variantWriterOf(c column) (variantWriter, error) {
	t := bindings.VectorGetColumnType(c.vector)
	defer bindings.DestroyLogicalType(&t)
	var write variantWriter
	var err error
	switch id := bindings.GetTypeId(t); id {
	case bindings.TypeList:
		write, err = variantList(c)
	case bindings.TypeMap:
		write, err = variantMap(c)
	case bindings.TypeStruct:
		write, err = variantStruct(c, t)
	case bindings.TypeDecimal:
		unscaled, scale := decimalReader(c, t), int(bindings.DecimalScale(t))
		write = func(b *variant.Builder, i int) error {
			b.Decimal(decimal128.FromBigInt(unscaled(i)), scale)
			return nil
		}
	default:
		var plain func(b *variant.Builder, i int)
		if plain = variantPlain(c, id); plain == nil {
			return nil, failed("DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", "42K09", "A value of this type cannot be cast to \"VARIANT\".")
		}
		write = func(b *variant.Builder, i int) error { plain(b, i); return nil }
	}
	if err != nil {
		return nil, err
	}
	return func(b *variant.Builder, i int) error {
		if c.null(i) {
			b.Null()
			return nil
		}
		return write(b, i)
	}, nil
}

func variantPlain(c column, id bindings.Type) func(b *variant.Builder, i int) {
	switch id {
	case bindings.TypeSQLNull:
		return func(b *variant.Builder, _ int) { b.Null() }
	case bindings.TypeBoolean:
		return func(b *variant.Builder, i int) { b.Bool(*at[bool](c, i)) }
	case bindings.TypeTinyInt:
		return func(b *variant.Builder, i int) { b.Int(int64(*at[int8](c, i))) }
	case bindings.TypeSmallInt:
		return func(b *variant.Builder, i int) { b.Int(int64(*at[int16](c, i))) }
	case bindings.TypeInteger:
		return func(b *variant.Builder, i int) { b.Int(int64(*at[int32](c, i))) }
	case bindings.TypeBigInt:
		return func(b *variant.Builder, i int) { b.Int(*at[int64](c, i)) }
	case bindings.TypeFloat:
		return func(b *variant.Builder, i int) { b.Float(*at[float32](c, i)) }
	case bindings.TypeDouble:
		return func(b *variant.Builder, i int) { b.Double(*at[float64](c, i)) }
	case bindings.TypeVarchar:
		return func(b *variant.Builder, i int) { b.String(c.text(i)) }
	case bindings.TypeBlob:
		return func(b *variant.Builder, i int) { b.Binary([]byte(c.text(i))) }
	case bindings.TypeDate:
		return func(b *variant.Builder, i int) { b.Date(*at[int32](c, i)) }
	case bindings.TypeTimestamp:
		return func(b *variant.Builder, i int) { b.TimestampNTZ(*at[int64](c, i)) }
	case bindings.TypeTimestampTZ:
		return func(b *variant.Builder, i int) { b.Timestamp(*at[int64](c, i)) }
	}
	return nil
}

func variantList(c column) (variantWriter, error) {
	element, err := variantWriterOf(newColumn(bindings.ListVectorGetChild(c.vector)))
	return func(b *variant.Builder, i int) error {
		s := *at[span](c, i)
		b.Start()
		for k := s.offset; k < s.offset+s.length; k++ {
			b.Element()
			if err := element(b, int(k)); err != nil {
				return err
			}
		}
		return b.End(variant.Array)
	}, err
}

func variantMap(c column) (variantWriter, error) {
	entries := bindings.ListVectorGetChild(c.vector)
	keys := newColumn(bindings.StructVectorGetChild(entries, 0))
	if keys.kind() != bindings.TypeVarchar {
		return nil, failed("DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", "42K09", "A map is cast to \"VARIANT\" by keys of the type \"STRING\".")
	}
	value, err := variantWriterOf(newColumn(bindings.StructVectorGetChild(entries, 1)))
	return func(b *variant.Builder, i int) error {
		s := *at[span](c, i)
		b.Start()
		for k := int(s.offset); k < int(s.offset+s.length); k++ {
			b.Key(keys.text(k))
			if err := value(b, k); err != nil {
				return err
			}
		}
		return b.End(variant.Object)
	}, err
}

// variantStruct writes a struct as an object, and a variant as it is.
func variantStruct(c column, t bindings.LogicalType) (variantWriter, error) {
	names := make([]string, bindings.StructTypeChildCount(t))
	for k := range names {
		names[k] = bindings.StructTypeChildName(t, bindings.IdxT(k))
	}
	if strings.Join(names, "\x00") == strings.Join(variantFields[:], "\x00") {
		c = c.variant()
		return func(b *variant.Builder, i int) error { return b.Append(c.value(i)) }, nil
	}
	writers := make([]variantWriter, len(names))
	for k := range names {
		var err error
		if writers[k], err = variantWriterOf(newColumn(bindings.StructVectorGetChild(c.vector, bindings.IdxT(k)))); err != nil {
			return nil, err
		}
	}
	return func(b *variant.Builder, i int) error {
		b.Start()
		for k, write := range writers {
			b.Key(names[k])
			if err := write(b, i); err != nil {
				return err
			}
		}
		return b.End(variant.Object)
	}, nil
}
