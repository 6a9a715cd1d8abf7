package conform

import (
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/schema"
)

// cast makes a new array, which its caller owns, from one of the type that it
// was planned for.
type cast func(arrow.Array) (arrow.Array, error)

// planner chooses casts by types.
type planner struct {
	opts Options
}

// columns plans the fields of a struct or batch.
func (p *planner) columns(from []arrow.Field, to *schema.Struct, path string) ([]column, error) {
	out := make([]column, len(to.Fields))
	for i, f := range to.Fields {
		out[i] = column{source: -1, typ: schema.ArrowType(f.Type), path: join(path, f.Name), notNil: !f.Nullable}
	}
	names := make([]string, len(from))
	for i, f := range from {
		names[i] = f.Name
	}
	for i, at := range Match(names, to, p.opts.CaseSensitive) {
		if at < 0 {
			if err := p.unmatched(names, i, to, path); err != nil {
				return nil, err
			}
			continue
		}
		if err := p.column(&out[at], i, from[i].Type, to.Fields[at].Type, path == ""); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// column plans one column that is there.
func (p *planner) column(out *column, source int, from arrow.DataType, to schema.Type, top bool) error {
	if top && to == schema.String && isStringDictionary(from) {
		out.source, out.typ = source, from // writers take these as they are
		return nil
	}
	fn, err := p.cast(from, to, out.path)
	var refused *IncompatibleError
	if p.opts.NullRefused && errors.As(err, &refused) {
		return nil
	}
	if err != nil {
		return err
	}
	out.source, out.cast = source, fn
	if fn == nil {
		out.typ = from
	}
	return nil
}

// unmatched refuses the i-th column, which the target lacks or has from
// another one already, unless such columns are dropped.
func (p *planner) unmatched(names []string, i int, to *schema.Struct, path string) error {
	if p.opts.DropUnknown {
		return nil
	}
	if at := to.Index(names[i]); at >= 0 {
		return &schema.DuplicateColumnError{Path: path, Name: names[i], Other: to.Fields[at].Name}
	}
	return &UnknownColumnError{Column: join(path, names[i]), Known: to.Names()}
}

// Match returns for each name the index of the field of to that it stands
// for, or -1. A field is matched once: by the same name if there is one,
// otherwise, unless case matters, by the first that differs in case alone.
func Match(names []string, to *schema.Struct, caseSensitive bool) []int {
	exact, folded := make(map[string]int, len(to.Fields)), make(map[string]int, len(to.Fields))
	for i, f := range to.Fields {
		exact[f.Name], folded[strings.ToLower(f.Name)] = i, i
	}
	out, taken := make([]int, len(names)), make([]bool, len(to.Fields))
	take := func(i, at int, found bool) {
		if found && !taken[at] {
			out[i], taken[at] = at, true
		}
	}
	for i, name := range names {
		out[i] = -1
		at, found := exact[name]
		take(i, at, found)
	}
	for i, name := range names {
		if at, found := folded[strings.ToLower(name)]; out[i] < 0 && !caseSensitive {
			take(i, at, found)
		}
	}
	return out
}

// isStringDictionary is true of the encoding that format.Batch has.
func isStringDictionary(t arrow.DataType) bool {
	dict, ok := t.(*arrow.DictionaryType)
	return ok && dict.ValueType.ID() == arrow.STRING && dict.IndexType.ID() == arrow.UINT32
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// cast returns how an Arrow type becomes a column's type, nil for not at all.
func (p *planner) cast(from arrow.DataType, to schema.Type, path string) (cast, error) {
	target := schema.ArrowType(to)
	if arrow.TypeEqual(from, target) && !needsNullCheck(to) {
		return nil, nil // no cast is the usual answer
	}
	if dict, ok := from.(*arrow.DictionaryType); ok {
		return p.dictionary(dict, to, path)
	}
	source, err := schema.FromArrowType(from)
	if err != nil {
		return nil, err
	}
	if d, ok := from.(arrow.DecimalType); ok && d.GetScale() < 0 {
		return nil, &IncompatibleError{Column: path, From: source, To: to}
	}
	if source == schema.Void {
		return func(a arrow.Array) (arrow.Array, error) {
			return array.MakeArrayOfNull(p.opts.Allocator, target, a.Len()), nil
		}, nil
	}
	switch to := to.(type) {
	case *schema.Struct:
		if from, ok := from.(*arrow.StructType); ok {
			return p.structs(from, to, path)
		}
	case schema.Array:
		if from, ok := from.(arrow.ListLikeType); ok {
			return p.lists(from, to, path)
		}
	case schema.Map:
		if from, ok := from.(*arrow.MapType); ok {
			return p.maps(from, to, path)
		}
	default:
		if p.opts.Accept(source, to) {
			return p.simple(source, to, path)
		}
	}
	return nil, &IncompatibleError{Column: path, From: source, To: to}
}

// needsNullCheck reports whether a type holds fields that may not be null.
func needsNullCheck(t schema.Type) bool {
	switch t := t.(type) {
	case *schema.Struct:
		for _, f := range t.Fields {
			if !f.Nullable || needsNullCheck(f.Type) {
				return true
			}
		}
	case schema.Array:
		return needsNullCheck(t.Element)
	case schema.Map:
		return needsNullCheck(t.Key) || needsNullCheck(t.Value)
	}
	return false
}

// dictionary decodes what is encoded, and casts it.
func (p *planner) dictionary(from *arrow.DictionaryType, to schema.Type, path string) (cast, error) {
	next, err := p.cast(from.ValueType, to, path)
	if err != nil {
		return nil, err
	}
	return func(a arrow.Array) (arrow.Array, error) {
		plain, err := decodeDictionary(a, p.opts.Allocator)
		if err != nil || next == nil {
			return plain, err
		}
		defer plain.Release()
		return next(plain)
	}, nil
}

// decodeDictionary returns the values of a dictionary array.
func decodeDictionary(a arrow.Array, mem memory.Allocator) (arrow.Array, error) {
	dict, ok := a.(*array.Dictionary)
	if !ok {
		return nil, fmt.Errorf("decode dictionary: not one but %s", a.DataType())
	}
	values := dict.Dictionary()
	if s, ok := values.(*array.String); ok {
		return build(a, array.NewStringBuilder(mem), func(i int) (string, error) { return s.Value(dict.GetValueIndex(i)), nil })
	}
	b := array.NewBuilder(mem, values.DataType())
	defer b.Release()
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
		} else if err := b.AppendValueFromString(values.ValueStr(dict.GetValueIndex(i))); err != nil {
			return nil, fmt.Errorf("decode dictionary: %w", err)
		}
	}
	return b.NewArray(), nil
}

func (p *planner) structs(from *arrow.StructType, to *schema.Struct, path string) (cast, error) {
	columns, err := p.columns(from.Fields(), to, path)
	if err != nil {
		return nil, err
	}
	fields := make([]arrow.Field, len(columns))
	for i, col := range columns {
		fields[i] = arrow.Field{Name: to.Fields[i].Name, Type: col.typ, Nullable: to.Fields[i].Nullable}
	}
	typ := arrow.StructOf(fields...)
	return func(a arrow.Array) (arrow.Array, error) {
		s, ok := a.(*array.Struct)
		if !ok {
			return nil, &IncompatibleError{Column: path, From: to, To: to}
		}
		return p.runStruct(s, columns, typ)
	}, nil
}

func (p *planner) runStruct(s *array.Struct, columns []column, typ *arrow.StructType) (arrow.Array, error) {
	sources := make([]arrow.Array, s.NumField())
	for i := range sources {
		sources[i] = s.Field(i)
	}
	children := make([]arrow.ArrayData, 0, len(columns))
	defer func() {
		for _, c := range children {
			c.Release()
		}
	}()
	for _, col := range columns {
		child, err := col.run(sources, s.Len(), p.opts.Allocator)
		if err != nil {
			return nil, err
		}
		children = append(children, child.Data())
		child.Data().Retain()
		if col.notNil && nullInside(s, child) {
			err = &NotNullError{Column: col.path}
		}
		child.Release()
		if err != nil {
			return nil, err
		}
	}
	validity := copyValidity(s, p.opts.Allocator)
	defer validity.Release()
	data := array.NewData(typ, s.Len(), []*memory.Buffer{validity}, children, s.NullN(), 0)
	defer data.Release()
	return array.NewStructData(data), nil
}

// nullInside reports a null in child where its parent is not null.
func nullInside(parent *array.Struct, child arrow.Array) bool {
	if child.NullN() == 0 {
		return false
	}
	for i := range parent.Len() {
		if child.IsNull(i) && parent.IsValid(i) {
			return true
		}
	}
	return false
}

// copyValidity returns the validity bits of a from bit 0 on.
func copyValidity(a arrow.Array, mem memory.Allocator) *memory.Buffer {
	buf := memory.NewResizableBuffer(mem)
	buf.Resize(int(bitutil.BytesForBits(int64(a.Len()))))
	if bits := a.NullBitmapBytes(); len(bits) > 0 {
		bitutil.CopyBitmap(bits, a.Data().Offset(), a.Len(), buf.Bytes(), 0)
	} else {
		bitutil.SetBitsTo(buf.Bytes(), 0, int64(a.Len()), true)
	}
	return buf
}

func (p *planner) lists(from arrow.ListLikeType, to schema.Array, path string) (cast, error) {
	elem, err := p.cast(from.Elem(), to.Element, path+".element")
	if err != nil {
		return nil, err
	}
	typ := schema.ArrowType(to)
	if _, plain := from.(*arrow.ListType); !plain {
		return p.relist(elem, typ), nil
	}
	return func(a arrow.Array) (arrow.Array, error) {
		list, ok := a.(*array.List)
		if !ok {
			return nil, &IncompatibleError{Column: path, From: to, To: to}
		}
		values, err := castValues(list, elem)
		if err != nil {
			return nil, err
		}
		defer values.Release()
		return withChild(list, typ, values.Data()), nil
	}, nil
}

// castValues returns the values of lists, cast by elem unless it is nil. The
// caller releases them.
func castValues(list array.ListLike, elem cast) (arrow.Array, error) {
	values := list.ListValues()
	if elem == nil {
		values.Retain()
		return values, nil
	}
	return elem(values)
}

// withChild is a list or map of another type over the same offsets.
func withChild(a arrow.Array, typ arrow.DataType, child arrow.ArrayData) arrow.Array {
	data := array.NewData(typ, a.Len(), a.Data().Buffers(), []arrow.ArrayData{child}, a.NullN(), a.Data().Offset())
	defer data.Release()
	return array.MakeFromData(data)
}

// relist makes lists of large or fixed-size ones.
func (p *planner) relist(elem cast, typ arrow.DataType) cast {
	return func(a arrow.Array) (arrow.Array, error) {
		list, ok := a.(array.ListLike)
		if !ok {
			return nil, &IncompatibleError{From: schema.Void, To: schema.Void}
		}
		values, err := castValues(list, elem)
		if err != nil {
			return nil, err
		}
		defer values.Release()
		offsets := array.NewInt32Builder(p.opts.Allocator)
		defer offsets.Release()
		// Nulls and slices may leave gaps in the values, so that lists of
		// their own offsets are gathered piece by piece.
		var pieces []arrow.Array
		total := int32(0)
		offsets.Append(0)
		for i := range a.Len() {
			if a.IsValid(i) {
				from, to := list.ValueOffsets(i)
				piece := array.NewSlice(values, from, to)
				defer piece.Release()
				pieces = append(pieces, piece)
				total += int32(to - from)
			}
			offsets.Append(total)
		}
		if len(pieces) == 0 {
			piece := array.NewSlice(values, 0, 0)
			defer piece.Release()
			pieces = append(pieces, piece)
		}
		joined, err := array.Concatenate(pieces, p.opts.Allocator)
		if err != nil {
			return nil, err
		}
		defer joined.Release()
		starts := offsets.NewArray()
		defer starts.Release()
		validity := copyValidity(a, p.opts.Allocator)
		defer validity.Release()
		data := array.NewData(typ, a.Len(), []*memory.Buffer{validity, starts.Data().Buffers()[1]}, []arrow.ArrayData{joined.Data()}, a.NullN(), 0)
		defer data.Release()
		return array.MakeFromData(data), nil
	}
}

func (p *planner) maps(from *arrow.MapType, to schema.Map, path string) (cast, error) {
	key, err := p.cast(from.KeyType(), to.Key, path+".key")
	if err != nil {
		return nil, err
	}
	value, err := p.cast(from.ItemType(), to.Value, path+".value")
	if err != nil {
		return nil, err
	}
	typ := schema.ArrowType(to)
	entry, ok := typ.(*arrow.MapType)
	if !ok {
		return nil, &IncompatibleError{Column: path, From: to, To: to}
	}
	return func(a arrow.Array) (arrow.Array, error) {
		m, ok := a.(*array.Map)
		if !ok {
			return nil, &IncompatibleError{Column: path, From: to, To: to}
		}
		entries, ok := m.ListValues().(*array.Struct)
		if !ok {
			return nil, &IncompatibleError{Column: path, From: to, To: to}
		}
		pair, err := p.runStruct(entries, []column{
			{source: 0, cast: key, typ: schema.ArrowType(to.Key)},
			{source: 1, cast: value, typ: schema.ArrowType(to.Value)},
		}, entry.Elem().(*arrow.StructType)) //nolint:errcheck // entries of a map are structs
		if err != nil {
			return nil, err
		}
		defer pair.Release()
		return withChild(m, typ, pair.Data()), nil
	}, nil
}
