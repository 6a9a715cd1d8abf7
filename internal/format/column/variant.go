package column

import (
	"github.com/freshet/freshet/schema"
	"github.com/freshet/freshet/schema/variant"
)

// Variant fills a VARIANT column with values that its Build makes.
type Variant struct {
	// Build makes the next value; [Variant.Put] takes it.
	Build variant.Builder

	column          *Struct
	value, metadata *String
}

// NewVariant returns the builder of variants in the column b of type t, nil
// when that is no VARIANT.
func NewVariant(t schema.Type, b Builder) *Variant {
	object, ok := b.(*Struct)
	if t != schema.Variant || !ok {
		return nil
	}
	v := &Variant{column: object}
	v.value, _ = object.fields[0].(*String)
	v.metadata, _ = object.fields[1].(*String)
	return v
}

// Put makes the value that was built row row, the last one of the column.
func (v *Variant) Put(row int) error {
	x, err := v.Build.Finish()
	if err != nil {
		return err
	}
	v.column.Resize(row)
	v.column.Append()
	v.value.Put(row, x.Data)
	v.metadata.Put(row, x.Metadata)
	return nil
}
