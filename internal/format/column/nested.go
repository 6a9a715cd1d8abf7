package column

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// List builds an ARRAY column: Append starts a list, and what is appended to
// the builder of the elements until the next list belongs to it.
type List struct {
	dtype  arrow.DataType
	elem   Builder
	starts []int32
	nulls  nulls
}

// Elem returns the builder of the elements.
func (l *List) Elem() Builder { return l.elem }

// Len implements [Builder].
func (l *List) Len() int { return len(l.starts) }

// Append starts a list.
func (l *List) Append() { l.starts = append(l.starts, int32(l.elem.Len())) }

// AppendNull implements [Builder].
func (l *List) AppendNull() {
	l.nulls = append(l.nulls, int32(len(l.starts)))
	l.Append()
}

// Resize implements [Builder].
func (l *List) Resize(n int) {
	if n < len(l.starts) {
		l.elem.Resize(int(l.starts[n]))
		l.starts = l.starts[:n]
		l.nulls.cut(n)
		return
	}
	for len(l.starts) < n {
		l.AppendNull()
	}
}

// Finish implements [Builder].
func (l *List) Finish() arrow.Array {
	n := len(l.starts)
	valid, count := l.nulls.finish(n)
	offsets := memory.NewBufferBytes(arrow.GetBytes(append(l.starts, int32(l.elem.Len()))))
	l.starts = room[int32](n + 1)
	return makeArray(l.dtype, n, count, []arrow.Array{l.elem.Finish()}, valid, offsets)
}

// Map builds a MAP column: Append starts a map, and the pairs appended to the
// builders of keys and values until the next map belong to it.
type Map struct {
	dtype  arrow.DataType
	keys   Builder
	values Builder
	starts []int32
	nulls  nulls
}

// Keys returns the builder of the keys, which may not be null.
func (m *Map) Keys() Builder { return m.keys }

// Values returns the builder of the values. It must be as long as Keys when
// the next map starts.
func (m *Map) Values() Builder { return m.values }

// Len implements [Builder].
func (m *Map) Len() int { return len(m.starts) }

// Append starts a map.
func (m *Map) Append() { m.starts = append(m.starts, int32(m.keys.Len())) }

// Start returns the position of the last map's first pair among all pairs.
func (m *Map) Start() int { return int(m.starts[len(m.starts)-1]) }

// AppendNull implements [Builder].
func (m *Map) AppendNull() {
	m.nulls = append(m.nulls, int32(len(m.starts)))
	m.Append()
}

// Resize implements [Builder].
func (m *Map) Resize(n int) {
	if n < len(m.starts) {
		m.keys.Resize(int(m.starts[n]))
		m.values.Resize(int(m.starts[n]))
		m.starts = m.starts[:n]
		m.nulls.cut(n)
		return
	}
	for len(m.starts) < n {
		m.AppendNull()
	}
}

// Finish implements [Builder].
func (m *Map) Finish() arrow.Array {
	n, pairs := len(m.starts), m.keys.Len()
	m.values.Resize(pairs)
	valid, count := m.nulls.finish(n)
	offsets := memory.NewBufferBytes(arrow.GetBytes(append(m.starts, int32(pairs))))
	m.starts = room[int32](n + 1)
	var entries arrow.DataType = arrow.StructOf()
	if t, ok := m.dtype.(*arrow.MapType); ok {
		entries = t.Elem()
	}
	structs := makeArray(entries, pairs, 0, []arrow.Array{m.keys.Finish(), m.values.Finish()}, nil)
	return makeArray(m.dtype, n, count, []arrow.Array{structs}, valid, offsets)
}

// Struct builds a STRUCT column: Append starts a struct, then each field may
// get a value. A field that fell behind is brought up to date by Resize of
// its builder to Len()-1 before the value is appended; Finish does so for
// those that end behind.
type Struct struct {
	dtype  arrow.DataType
	fields []Builder
	n      int
	nulls  nulls
}

// Fields returns the builders of the fields.
func (s *Struct) Fields() []Builder { return s.fields }

// Len implements [Builder].
func (s *Struct) Len() int { return s.n }

// Append starts a struct, all of whose fields are null so far.
func (s *Struct) Append() { s.n++ }

// AppendNull implements [Builder].
func (s *Struct) AppendNull() {
	s.nulls = append(s.nulls, int32(s.n))
	s.n++
}

// Resize implements [Builder].
func (s *Struct) Resize(n int) {
	if n > s.n {
		s.nulls.appendRange(s.n, n)
		s.n = n
		return
	}
	for _, f := range s.fields {
		if f.Len() > n {
			f.Resize(n)
		}
	}
	s.n = n
	s.nulls.cut(n)
}

// Finish implements [Builder].
func (s *Struct) Finish() arrow.Array {
	n := s.n
	valid, count := s.nulls.finish(n)
	fields := make([]arrow.Array, len(s.fields))
	for i, f := range s.fields {
		f.Resize(n)
		fields[i] = f.Finish()
	}
	s.n = 0
	return makeArray(s.dtype, n, count, fields, valid)
}
