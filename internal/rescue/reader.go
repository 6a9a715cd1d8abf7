package rescue

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/formats"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/schema"
)

// Source says how the files were read whose values were rescued, as far as it
// decides what a value means.
type Source struct {
	Format string // csv, json or parquet
	// Options are the reader's; those that do not concern the meaning of
	// values are passed over.
	Options map[string]string
	// CaseSensitive matches names exactly (option readerCaseSensitive).
	CaseSensitive bool
	// Positional files have no header: a value beyond the last field is
	// called by its position, _c4, and belongs to the fifth column.
	Positional bool
	TimeZone   *time.Location // of timestamps without one; nil is UTC
}

// reader reads rescued values by handing them, in the syntax of their format,
// to the reader that rescued them. What a value becomes, and whether it fits,
// is so decided in one place.
type reader struct {
	source  Source
	syntax  syntax
	format  format.Format
	options option.Values
	columns *schema.Struct // that values may go to
}

// syntax is how the rows of rescued values are written as a file of a format.
type syntax struct {
	format  string
	fixed   map[string]string // options that make the file readable
	meaning []string          // options of the user's that count
	write   func(columns *schema.Struct, rows []offer) []byte
	admits  func(value []byte, t schema.Type) bool
}

// separator ends a record of JSON: no JSON text holds it.
const separator = "\x1e"

// never is a text that no value is.
const never = "\x00\x1e\x00"

// syntaxes are those of the formats that rescue. Parquet's values are rescued
// as JSON, and their kinds say which columns may take them.
var syntaxes = map[string]syntax{
	"csv": {
		format:  "csv",
		fixed:   map[string]string{"header": "true", "multiLine": "true", "escape": `"`, "nullValue": never, "columnNameOfCorruptRecord": never},
		meaning: []string{"dateFormat", "timestampFormat", "timestampNTZFormat", "timeZone", "locale", "nanValue", "positiveInf", "negativeInf"},
		write:   writeCSV, admits: admitsText,
	},
	"json": {
		format: "json", fixed: map[string]string{"lineSep": separator, "columnNameOfCorruptRecord": never},
		meaning: []string{"dateFormat", "timestampFormat", "timestampNTZFormat", "timeZone", "locale", "allowNonNumericNumbers"},
		write:   writeJSON, admits: admitsJSON,
	},
	"parquet": {
		format: "json", fixed: map[string]string{"lineSep": separator, "columnNameOfCorruptRecord": never},
		write: writeJSON, admits: admitsTyped,
	},
}

func newReader(source Source, columns *schema.Struct) (*reader, error) {
	r := &reader{source: source, columns: columns}
	var ok bool
	if r.syntax, ok = syntaxes[strings.ToLower(source.Format)]; !ok {
		return nil, errclass.New("RESCUED_DATA_FORMAT_UNKNOWN", "42000",
			"Cannot tell what the rescued values were read from: format %q rescues nothing. Say it with OPTIONS ('format' = 'csv'), json or parquet.", source.Format)
	}
	var err error
	if r.format, err = formats.Lookup(r.syntax.format); err != nil {
		return nil, err
	}
	given := make(map[string]string, len(r.syntax.fixed))
	for name, value := range source.Options {
		if slices.ContainsFunc(r.syntax.meaning, func(o string) bool { return strings.EqualFold(o, name) }) {
			given[name] = value
		}
	}
	maps.Copy(given, r.syntax.fixed)
	r.options, err = r.format.Options().Parse(given)
	return r, err
}

// column returns which column a member's name stands for, -1 for none.
func (r *reader) column(name string) int {
	for i, f := range r.columns.Fields {
		if f.Name == name {
			return i
		}
	}
	if !r.source.CaseSensitive {
		if i := slices.IndexFunc(r.columns.Fields, func(f schema.Field) bool { return strings.EqualFold(f.Name, name) }); i >= 0 {
			return i
		}
	}
	if digits, ok := strings.CutPrefix(name, "_c"); ok && r.source.Positional {
		if i, err := strconv.Atoi(digits); err == nil && i >= 0 && i < len(r.columns.Fields) {
			return i
		}
	}
	return -1
}

// offer is what of a row's rescued data is offered to the columns: for each
// column the member's value, nil for none.
type offer [][]byte

// result is what became of the offers.
type result struct {
	columns *schema.Struct
	values  arrow.RecordBatch // a row for each offer
	rest    []string          // what of it was rescued again, "" for nothing
}

// read offers values to the columns, which are those of the table that some
// row has a value for.
func (r *reader) read(ctx context.Context, columns *schema.Struct, rows []offer) (*result, error) {
	const key = "rescued"
	store := mem.New(nil)
	content := r.syntax.write(columns, rows)
	if err := store.Put(ctx, key, content); err != nil {
		return nil, err
	}
	file := format.File{Path: key, Store: store, Key: key, Size: int64(len(content))}
	request := format.Request{Schema: nullable(columns), Options: r.options, Rescue: never, CaseSensitive: r.source.CaseSensitive, TimeZone: r.source.TimeZone}
	out := &result{columns: columns}
	parts := make([][]arrow.Array, len(columns.Fields))
	defer func() {
		for _, list := range parts {
			release(list)
		}
	}()
	caster := conform.New(nullable(columns), conform.Options{TimeZone: r.source.TimeZone})
	for batch, err := range r.format.Read(ctx, slices.Values([]format.File{file}), request) {
		if err != nil {
			return nil, fmt.Errorf("read rescued values: %w", err)
		}
		err := out.take(caster, batch.RecordBatch, parts)
		batch.Release()
		if err != nil {
			return nil, err
		}
	}
	if len(out.rest) != len(rows) {
		return nil, fmt.Errorf("read rescued values: %d rows came back of %d", len(out.rest), len(rows))
	}
	whole := make([]arrow.Array, len(parts))
	defer func() { release(whole) }()
	for i, list := range parts {
		var err error
		if whole[i], err = array.Concatenate(list, memory.DefaultAllocator); err != nil {
			return nil, err
		}
	}
	out.values = array.NewRecordBatch(schema.ToArrow(columns), whole, int64(len(rows)))
	return out, nil
}

func nullable(columns *schema.Struct) *schema.Struct {
	if s, ok := schema.AsNullable(columns).(*schema.Struct); ok {
		return s
	}
	return columns
}

func release(list []arrow.Array) {
	for _, a := range list {
		if a != nil {
			a.Release()
		}
	}
}

// take adds a batch of the reader's: the columns' parts, and what was rescued.
func (out *result) take(caster *conform.Caster, batch arrow.RecordBatch, parts [][]arrow.Array) error {
	last := int(batch.NumCols()) - 1
	rest, err := conform.Plain(batch.Column(last))
	if err != nil {
		return err
	}
	defer rest.Release()
	texts, ok := rest.(*array.String)
	if !ok {
		return fmt.Errorf("rescued data is %s", rest.DataType())
	}
	for i := range texts.Len() {
		text := ""
		if texts.IsValid(i) {
			text = strings.Clone(texts.Value(i))
		}
		out.rest = append(out.rest, text)
	}
	own := array.NewRecordBatch(arrow.NewSchema(batch.Schema().Fields()[:last], nil), batch.Columns()[:last], batch.NumRows())
	defer own.Release()
	fitting, err := caster.Conform(own)
	if err != nil {
		return err
	}
	defer fitting.Release()
	layout := schema.ToArrow(out.columns)
	for i := range parts {
		plain, err := conform.Plain(fitting.Column(i))
		if err != nil {
			return err
		}
		parts[i] = append(parts[i], conform.Retyped(plain, layout.Field(i).Type))
	}
	return nil
}

// writeJSON writes the rows as JSON objects.
func writeJSON(columns *schema.Struct, rows []offer) []byte {
	names := make([][]byte, len(columns.Fields))
	for i, f := range columns.Fields {
		names[i] = quoted(f.Name)
	}
	var out []byte
	for _, row := range rows {
		object := []byte{'{'}
		for i, value := range row {
			if value != nil {
				object = member{token: names[i], value: unwrapped(value, columns.Fields[i].Type)}.write(object)
			}
		}
		out = append(append(append(out, object...), '}'), separator...)
	}
	return out
}

// quoted returns a name as a JSON string.
func quoted(name string) []byte {
	text, err := json.Marshal(name)
	if err != nil {
		return []byte(`""`) // a string can always be written
	}
	return text
}

// unwrapped returns a value with the objects and arrays that were rescued as
// the text of a string where a column, or a field in it, can hold one
// (semantics §4.2).
func unwrapped(value []byte, t schema.Type) []byte {
	if !container(t) {
		return value
	}
	if isText(value) {
		var inner string
		if err := json.Unmarshal(value, &inner); err != nil {
			return value
		}
		if inner = strings.TrimSpace(inner); inner == "" || inner[0] != '{' && inner[0] != '[' || !json.Valid([]byte(inner)) {
			return value
		}
		return []byte(inner)
	}
	fields, ok := t.(*schema.Struct)
	members, isObject := object(value)
	if !ok || !isObject {
		return value
	}
	out := []byte{'{'}
	for _, m := range members {
		if inner := fieldType(fields, m.name); inner != nil {
			m.value = unwrapped(m.value, inner)
		}
		out = m.write(out)
	}
	return append(out, '}')
}

func container(t schema.Type) bool {
	switch t.(type) {
	case *schema.Struct, schema.Array, schema.Map:
		return true
	}
	return t == schema.Variant
}

// writeCSV writes the rows as CSV, all values in quotes. The first field keeps
// a row without values from being an empty line.
func writeCSV(columns *schema.Struct, rows []offer) []byte {
	out := cell(nil, never)
	for _, f := range columns.Fields {
		out = cell(append(out, ','), f.Name)
	}
	out = append(out, '\n')
	for _, row := range rows {
		out = append(out, '1')
		for _, value := range row {
			out = append(out, ',')
			var text string
			if value != nil && json.Unmarshal(value, &text) == nil {
				out = cell(out, text)
			}
		}
		out = append(out, '\n')
	}
	return out
}

func cell(dst []byte, text string) []byte {
	dst = append(dst, '"')
	dst = append(dst, strings.ReplaceAll(text, `"`, `""`)...)
	return append(dst, '"')
}

// admitsText is of CSV, all of whose values are text and none nested.
func admitsText(value []byte, t schema.Type) bool { return isText(value) && !container(t) }

// admitsJSON leaves the decision to the reader, of types that JSON has.
func admitsJSON(_ []byte, t schema.Type) bool { return hasJSON(t) }

func hasJSON(t schema.Type) bool {
	switch t := t.(type) {
	case schema.Map:
		return t.Key == schema.String && hasJSON(t.Value)
	case schema.Array:
		return hasJSON(t.Element)
	case *schema.Struct:
		return !slices.ContainsFunc(t.Fields, func(f schema.Field) bool { return !hasJSON(f.Type) })
	}
	return true
}

// admitsTyped is of Parquet: a number goes to numbers and not to text, as a
// column of the file would not be read as another kind.
func admitsTyped(value []byte, t schema.Type) bool {
	if len(value) == 0 || !hasJSON(t) {
		return false
	}
	switch t := t.(type) {
	case schema.Array:
		return value[0] == '[' && all(value, func(v []byte) bool { return admitsTyped(v, t.Element) })
	case schema.Map:
		return value[0] == '{' && all(value, func(v []byte) bool { return admitsTyped(v, t.Value) })
	case *schema.Struct:
		members, ok := object(value)
		return ok && !slices.ContainsFunc(members, func(m member) bool {
			inner := fieldType(t, m.name)
			return inner != nil && !admitsTyped(m.value, inner)
		})
	case schema.Decimal:
		return value[0] == '-' || value[0]-'0' <= 9
	}
	switch t {
	case schema.Byte, schema.Short, schema.Integer, schema.Long:
		return value[0] == '-' || value[0]-'0' <= 9
	case schema.Float, schema.Double:
		return value[0] == '-' || value[0]-'0' <= 9 || slices.Contains([]string{`"NaN"`, `"Infinity"`, `"-Infinity"`}, string(value))
	case schema.Boolean:
		return value[0] == 't' || value[0] == 'f'
	case schema.String, schema.Binary, schema.Date, schema.Timestamp, schema.TimestampNTZ:
		return isText(value)
	}
	return false
}

// all reports whether a test holds for all elements of an array or values of
// an object that are not null.
func all(value []byte, test func([]byte) bool) bool {
	var elements []json.RawMessage
	if value[0] == '{' {
		members, ok := object(value)
		if !ok {
			return false
		}
		for _, m := range members {
			elements = append(elements, m.value)
		}
	} else if err := json.Unmarshal(value, &elements); err != nil {
		return false
	}
	return !slices.ContainsFunc(elements, func(v json.RawMessage) bool { return string(v) != "null" && !test(v) })
}
