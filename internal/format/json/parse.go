package json

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/block"
	"github.com/freshet/freshet/internal/format/charset"
	"github.com/freshet/freshet/internal/format/column"
	"github.com/freshet/freshet/internal/format/value"
	"github.com/freshet/freshet/schema"
)

// parser turns blocks of records into batches; it is the [block.Parser] of
// reading.
type parser struct {
	reader
	req        format.Request
	batch      *column.Batch
	root       *node
	corrupt    *column.String  // text of malformed records, or nil
	rescued    *column.String  // or nil
	single     *column.Variant // of whole records, or nil
	rows       int             // in batch
	mismatches int64           // of batch
	path       string          // of the file
	batches    []format.Batch  // finished in this block
	err        error           // that ends reading
}

// plan returns the node of a record and the column that takes the text of
// malformed records, which is nil if the schema has none.
func plan(req format.Request, set *settings, columns []column.Builder) (root *node, corrupt *column.String, err error) {
	root = &node{}
	fields := slices.Clone(req.Schema.Fields)
	columns = slices.Clone(columns)
	if i := corruptColumn(req.Schema, set); i >= 0 {
		// Data does not reach the column: a field of its name is void.
		corrupt, _ = columns[i].(*column.String)
		fields[i].Type, columns[i] = schema.Void, &column.Null{}
	}
	err = planner{caseSensitive: req.CaseSensitive}.fields(root, schema.New(fields...), columns)
	return root, corrupt, err
}

// corruptColumn returns the position of the column for malformed records, -1
// when the schema has none.
func corruptColumn(s *schema.Struct, set *settings) int {
	return slices.IndexFunc(s.Fields, func(f schema.Field) bool {
		return strings.EqualFold(f.Name, set.corrupt) && f.Type == schema.String
	})
}

func newParser(req format.Request, set *settings) *parser {
	p := &parser{req: req}
	p.set, p.zone, p.dialect = set, value.NewZone(set.zone), set.layout.dialect
	p.observe = observer{scanner: &p.scanner, set: set, zone: p.zone}
	fields := slices.Clone(req.Schema.Fields)
	if req.Rescue != "" {
		fields = append(fields, schema.Col(req.Rescue, schema.String))
	}
	p.batch = column.NewBatch(schema.New(fields...))
	columns := p.batch.Columns()
	if req.Rescue != "" {
		p.rescue.active = true
		p.rescued, _ = columns[len(columns)-1].(*column.String)
		columns = columns[:len(columns)-1]
	}
	p.root, p.corrupt, p.err = plan(req, set, columns)
	if set.single != "" && p.err == nil {
		var i int
		if i, p.err = format.SingleVariant(req.Schema, set.single, corruptColumn(req.Schema, set)); p.err == nil {
			p.single = column.NewVariant(schema.Variant, columns[i])
		}
	}
	return p
}

// Parse implements [block.Parser].
func (p *parser) Parse(_ context.Context, b block.Block[bool]) (batches []format.Batch, lines int64, err error) {
	p.start(b.File)
	valid := utf8.Valid(b.Data)
	lines = p.set.layout.records(b.Data, func(record []byte, line int64) bool {
		if valid || utf8.Valid(record) {
			p.record(record, line)
		} else {
			p.reset(record)
			p.fail("the text is not valid UTF-8")
			p.mismatches++
			p.malformed(charset.Repair(record), line, p.rows)
		}
		if p.req.BatchRows > 0 && p.rows >= p.req.BatchRows {
			p.flush()
		}
		return p.err == nil
	})
	if p.err == nil && b.Head && b.Final && p.set.layout.unclosed(b.Data) {
		p.reset(arrayStart)
		p.fail("the array that is the file is not closed")
		p.mismatches++
		p.malformed(arrayStart, lines, p.rows)
	}
	p.flush()
	p.forget()
	p.judge.forget()
	batches, p.batches = p.batches, nil
	if p.err != nil {
		for _, b := range batches {
			b.Release()
		}
		return nil, lines, p.err
	}
	return batches, lines, nil
}

func (p *parser) start(f *format.File) {
	if p.path != f.Path {
		p.path = f.Path
		p.rescue.path = quote(nil, []byte(f.URI()))
	}
}

// flush finishes the rows read so far as a batch.
func (p *parser) flush() {
	if p.rows == 0 && p.mismatches == 0 {
		return
	}
	record := p.batch.Finish(p.rows)
	p.batches = append(p.batches, format.Batch{RecordBatch: record, Mismatches: p.mismatches, Unknown: p.root.takeUnknown(p.set.allNull)})
	p.rows, p.mismatches = 0, 0
}

// record reads a record: one object, several, or arrays of objects.
func (p *parser) record(text []byte, line int64) {
	if p.single != nil {
		p.whole(text, line)
		return
	}
	first := p.rows
	p.reset(text)
	p.misfit, p.unknown, p.coerced, p.verdict = "", false, false, unjudged
	result := fits
	for result != malformed {
		switch p.peek() {
		case '{':
			result = max(result, p.row())
		case '[':
			result = max(result, p.array())
		default:
			p.fail("a record is an object")
			result = malformed
		}
		if c := p.peek(); c != '{' && c != '[' {
			break // what else follows is ignored, as Spark does
		}
	}
	if result != fits || p.coerced {
		p.mismatches++
	}
	switch {
	case result == malformed:
		p.malformed(text, line, first)
	case result != fits && !p.rescue.active:
		p.mismatched(text, line, first)
	case p.unknown && p.set.failOnUnknown:
		p.err = p.unknownField()
	}
}

// row reads an object into a row.
func (p *parser) row() outcome {
	p.rescue.start()
	result := p.object(p.root, p.rows)
	if p.rescue.active && result != malformed {
		if text := p.rescue.finish(); text != nil {
			p.rescued.Put(p.rows, text)
		}
	}
	p.rows++
	return result
}

func (p *parser) array() outcome {
	result := fits
	more, ok := p.open(']')
	for more && ok {
		if p.peek() != '{' {
			p.fail("a record is an object")
			return malformed
		}
		if result = max(result, p.row()); result == malformed {
			return result
		}
		more, ok = p.more(']')
	}
	if !ok {
		return malformed
	}
	return result
}

// cut takes back the rows from first on.
func (p *parser) cut(first int) {
	for _, c := range p.batch.Columns() {
		if c.Len() > first {
			c.Resize(first)
		}
	}
	p.rows = first
}

// malformed treats a record that is not JSON, or no object, as the parse mode
// says (semantics §4.4): nothing of it is read. Where nothing else would keep its text,
// the rescued data column does, under the name of the corrupt record column.
func (p *parser) malformed(text []byte, line int64, first int) {
	p.cut(first)
	if p.refuse(text, line, p.reason, "") {
		return
	}
	if p.corrupt == nil && p.rescue.active {
		p.rescue.start()
		p.rescue.addString(quote(nil, []byte(p.set.corrupt)), text)
		p.rescued.Put(p.rows, p.rescue.finish())
	}
	p.rows++
	p.keepText(text, first)
}

// mismatched treats a record with a value that is not of its column's type.
func (p *parser) mismatched(text []byte, line int64, first int) {
	rows := p.rows
	p.rows = first
	if p.refuse(text, line, "the value does not fit the column's type", p.misfit) {
		p.cut(first)
		return
	}
	p.rows = rows
	p.keepText(text, first)
}

// refuse does what leaves a bad record without rows, and reports whether that
// is so.
func (p *parser) refuse(text []byte, line int64, reason, column string) bool {
	switch {
	case p.req.BadRecord != nil:
		p.req.BadRecord(format.BadRecord{Path: p.path, Record: string(text), Reason: reason})
		return true
	case p.set.mode == modeDropMalformed:
		return true
	case p.set.mode == modeFailFast:
		const shown = 1000
		p.err = &format.RecordError{
			Path: p.path, Line: line + 1, Column: column,
			Record: string(text[:min(len(text), shown)]), Reason: reason,
		}
		return true
	}
	return false
}

// keepText gives the rows from first on the text of their record.
func (p *parser) keepText(text []byte, first int) {
	if p.corrupt == nil {
		return
	}
	for row := first; row < p.rows; row++ {
		p.corrupt.Put(row, text)
	}
}

func (p *parser) unknownField() error {
	names := "structs without fields"
	if found := p.root.takeUnknown(nullAsString); found != nil {
		names = strings.Join(found.Names(), ", ")
	}
	return errclass.New("UNKNOWN_FIELD_EXCEPTION.NEW_FIELDS_IN_FILE", "KD003",
		"%s has fields that the schema lacks: %s; add them to the schema or leave out the option %s",
		p.path, names, optFailOnUnknown)
}

// takeUnknown returns the fields found that an object of the schema lacks,
// with those of its fields below them, and forgets them. It returns nil when
// there are none.
func (n *node) takeUnknown(nulls allNull) *schema.Struct {
	found := &schema.Struct{}
	if n.unknown != nil {
		found = n.unknown.structType(nulls)
		n.unknown = nil
	}
	for _, f := range n.fields {
		if t := f.unknownType(nulls); t != nil {
			found.Fields = append(found.Fields, schema.Col(f.name, t))
		}
	}
	if len(found.Fields) == 0 {
		return nil
	}
	return found
}

// unknownType returns the type of what n's values hold and its type lacks,
// nil for nothing.
func (n *node) unknownType(nulls allNull) schema.Type {
	// Other kinds have no fields inside.
	//exhaustive:ignore
	switch n.kind {
	case kindObject:
		if s := n.takeUnknown(nulls); s != nil {
			return s
		}
	case kindList:
		if t := n.elem.unknownType(nulls); t != nil {
			return schema.Array{Element: t, ContainsNull: true}
		}
	case kindMap:
		if t := n.value.unknownType(nulls); t != nil {
			return schema.Map{Key: schema.String, Value: t, ValueContainsNull: true}
		}
	}
	return nil
}
