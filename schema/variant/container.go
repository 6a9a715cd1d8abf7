package variant

import (
	"bytes"
	"sort"
)

// Container is the fields of an object or the elements of an array.
type Container struct {
	value      Value
	n          int
	idSize     int // 0 for an array
	offsetSize int
	ids        int // where in Data: ids of the names,
	offsets    int // offsets of the values,
	start      int // and the values
}

// Container returns the parts of an Object or Array. The lists of their ids
// and offsets lie within the bytes; what they say is checked on use.
func (v Value) Container() (Container, error) {
	basic, info, err := v.header()
	if err != nil {
		return Container{}, err
	}
	c := Container{value: v, offsetSize: info&3 + 1}
	large := info >> 2 & 1
	switch basic {
	case basicObject:
		c.idSize = info>>2&3 + 1
		large = info >> 4 & 1
	case basicArray:
	default:
		return Container{}, malformed("neither object nor array")
	}
	count := 1 + 3*large
	if len(v.Data) < 1+count {
		return Container{}, malformed("%d bytes, too few for a count", len(v.Data))
	}
	c.n = unsigned(v.Data[1:], count)
	c.ids = 1 + count
	c.offsets = c.ids + c.n*c.idSize
	c.start = c.offsets + (c.n+1)*c.offsetSize
	if c.start > len(v.Data) {
		return Container{}, malformed("%d parts in %d bytes", c.n, len(v.Data))
	}
	return c, nil
}

// unsigned reads a little-endian number of size bytes, 1 to 4.
func unsigned(b []byte, size int) int {
	n := 0
	for i := range size {
		n |= int(b[i]) << (8 * i)
	}
	return n
}

// Len returns the number of fields or elements.
func (c Container) Len() int { return c.n }

// At returns the value of field or element i.
func (c Container) At(i int) (Value, error) {
	at := c.start + unsigned(c.value.Data[c.offsets+i*c.offsetSize:], c.offsetSize)
	if at >= len(c.value.Data) {
		return Value{}, malformed("part %d lies at byte %d of %d", i, at, len(c.value.Data))
	}
	return Value{c.value.Metadata, c.value.Data[at:]}, nil
}

// end returns the bytes of the whole container.
func (c Container) end() (int, error) {
	end := c.start + unsigned(c.value.Data[c.offsets+c.n*c.offsetSize:], c.offsetSize)
	if end > len(c.value.Data) {
		return 0, malformed("a container of %d bytes in %d", end, len(c.value.Data))
	}
	return end, nil
}

// Name returns the name of field i of an object. The bytes are the value's.
func (c Container) Name(i int) ([]byte, error) {
	return nameAt(c.value.Metadata, unsigned(c.value.Data[c.ids+i*c.idSize:], c.idSize))
}

// metadataVersion is the only version of the encoding.
const metadataVersion = 1

// nameAt returns an entry of a dictionary.
func nameAt(m []byte, id int) ([]byte, error) {
	if len(m) == 0 || m[0]&0x0F != metadataVersion {
		return nil, malformed("metadata is not of version %d", metadataVersion)
	}
	size := int(m[0]>>6) + 1
	if len(m) < 1+size {
		return nil, malformed("metadata of %d bytes", len(m))
	}
	n := unsigned(m[1:], size)
	names := 1 + size + (n+1)*size
	if id >= n || names > len(m) {
		return nil, malformed("field name %d of %d in %d bytes", id, n, len(m))
	}
	at := 1 + size + id*size
	from, to := names+unsigned(m[at:], size), names+unsigned(m[at+size:], size)
	if from > to || to > len(m) {
		return nil, malformed("field name %d lies at %d to %d of %d bytes", id, from, to, len(m))
	}
	return m[from:to], nil
}

// binarySearchFrom is the number of fields from which on it pays to trust
// their order, as Spark does.
const binarySearchFrom = 32

// Field returns the field of an object, and whether it has one of the name.
func (c Container) Field(name string) (Value, bool, error) {
	want := []byte(name)
	if c.n < binarySearchFrom {
		for i := range c.n {
			have, err := c.Name(i)
			if err != nil {
				return Value{}, false, err
			}
			if bytes.Equal(have, want) {
				v, err := c.At(i)
				return v, err == nil, err
			}
		}
		return Value{}, false, nil
	}
	var failure error
	i, found := sort.Find(c.n, func(i int) int {
		have, err := c.Name(i)
		if err != nil {
			failure = err
		}
		return bytes.Compare(want, have)
	})
	if failure != nil || !found {
		return Value{}, false, failure
	}
	v, err := c.At(i)
	return v, err == nil, err
}

// Size returns the number of bytes of v's value.
func (v Value) Size() (int, error) {
	basic, _, err := v.header()
	if err != nil {
		return 0, err
	}
	if basic == basicObject || basic == basicArray {
		c, err := v.Container()
		if err != nil {
			return 0, err
		}
		return c.end()
	}
	b, err := v.payload()
	if err != nil {
		return 0, err
	}
	if v.Data[0]&3 == basicPrimitive && primitives[v.Data[0]>>2].size == lengthPrefixed {
		return 5 + len(b), nil
	}
	return 1 + len(b), nil
}

// MaxDepth is how deep containers may be nested, in what is read and written
// (Spark: the limit of its JSON parser).
const MaxDepth = 1000

// walk bounds a walk through all of a value. Parts of hostile containers may
// lie over one another, so that few bytes have very many parts: an honest
// value has no more of them than bytes.
type walk struct{ parts, depth int }

func (v Value) walk() *walk { return &walk{parts: len(v.Data)} }

// enter counts a part, and a level when it is a container; leave ends that.
func (w *walk) enter() error {
	w.parts--
	w.depth++
	switch {
	case w.parts < 0:
		return malformed("parts overlap")
	case w.depth > MaxDepth+1:
		return malformed("more than %d levels", MaxDepth)
	}
	return nil
}

func (w *walk) leave() { w.depth-- }
