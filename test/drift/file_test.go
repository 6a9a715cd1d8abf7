package drift_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// file is what a file holds: records, each with its id, and lines that are no
// records.
type file struct {
	text    string
	records []value
	corrupt []string          // texts of records that cannot be parsed at all
	ragged  map[string]string // texts of records that lack values, by id
	// numbered are names of CSV columns that others have in another case, with
	// their positions.
	numbered map[string]string
}

// usual are names of fields, with a kind of value that they mostly have.
var usual = []struct {
	name string
	kind string
}{
	{"a", "int"},
	{"b", "int"},
	{"price", "decimal"},
	{"note", "word"},
	{"when", "time"},
	{"day", "date"},
	{"ok", "bool"},
	{"s", "object"},
	{"l", "array"},
	{"größe", "int"},
	{"日本", "word"},
	{"select", "float"},
	{"p", "int"},
	{"unit price", "float"},
	{"a.b", "int"},
	{"tick`s", "word"},
	{"x;y=(1)", "word"},
}

// plainNames are how many of the usual names a table without column mapping
// can have.
const plainNames = 13

var texts = map[string][]string{
	"int":     {"1", "-7", "42", "3000000000", "9223372036854775807", "99999999999999999999", "0"},
	"decimal": {"1.5", "-0.25", "12345.67", "7", "1234567890123456.789"},
	"float":   {"1.5", "2.5e3", "-1e-7", "12"},
	"bool":    {"true", "false"},
	"date":    {"2026-01-02", "1969-12-31", "0001-01-01", "2026-02-28"},
	"time":    {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678Z", "1960-05-05T05:05:05Z"},
	"word":    {"x", "", "two words", " padded ", "comma, quote\" end", "ünï→💧", "null", "{\"a\":1}", "[1", "1", "2026-01-02", "true", "semi;colon", "<&>", "tab\there"},
}

var kinds = []string{"int", "decimal", "float", "bool", "date", "time", "word", "object", "array"}

// writer makes the files of one trial, which drift as it goes on.
type writer struct {
	rng    *rand.Rand
	format string
	multi  bool // JSON arrays and values with line breaks
	escape bool // quotes in CSV are doubled
	fold   bool // names that differ in case are one
	types  bool // values of Parquet columns may have other types
	names  int  // of usual that there are
	broken bool // some records are corrupt
	fields []int
	next   int // id
}

// drift changes which fields there are.
func (w *writer) drift() {
	for len(w.fields) < 2 || w.rng.IntN(3) == 0 {
		if i := w.rng.IntN(w.names); !slices.Contains(w.fields, i) {
			w.fields = append(w.fields, i)
		}
		if len(w.fields) == w.names {
			break
		}
	}
	if len(w.fields) > 2 && w.rng.IntN(4) == 0 {
		w.fields = slices.Delete(w.fields, 0, 1)
	}
	if w.rng.IntN(3) == 0 {
		w.rng.Shuffle(len(w.fields), func(i, j int) { w.fields[i], w.fields[j] = w.fields[j], w.fields[i] })
	}
}

// name returns the name of a field, now and then in another case.
func (w *writer) name(i int) string {
	if w.rng.IntN(12) == 0 {
		return strings.ToUpper(usual[i].name)
	}
	return usual[i].name
}

// kind returns the kind of a value of a field, now and then another one.
func (w *writer) kind(i int) string {
	if w.rng.IntN(15) == 0 {
		return kinds[w.rng.IntN(len(kinds))]
	}
	return usual[i].kind
}

func (w *writer) value(kind string, depth int) value {
	if w.rng.IntN(12) == 0 {
		return value{}
	}
	switch kind {
	case "object":
		v := value{kind: isObject}
		for _, n := range []string{"x", "y", "Y", "z z", "deep"} {
			of := map[string]string{"x": "int", "y": "word", "Y": "bool", "z z": "float", "deep": "object"}[n]
			odd := n == "Y" || n == "deep" || n == "z z" && w.names == plainNames
			if n == "deep" && depth > 1 || odd && w.rng.IntN(6) > 0 || n == "z z" && w.names == plainNames || n == "Y" && w.fold || w.rng.IntN(3) == 0 {
				continue
			}
			if w.rng.IntN(20) == 0 {
				of = kinds[w.rng.IntN(7)]
			}
			v.names, v.items = append(v.names, n), append(v.items, w.value(of, depth+1))
		}
		return v
	case "array":
		v := value{kind: isArray}
		of := []string{"int", "word", "object"}[w.next%7%3]
		for range w.rng.IntN(3) {
			v.items = append(v.items, w.value(of, depth+1))
		}
		return v
	}
	v := value{kind: isNumber, text: texts[kind][w.rng.IntN(len(texts[kind]))]}
	switch kind {
	case "bool":
		v.kind = isBool
	case "date", "time", "word":
		v.kind = isText
	}
	return v
}

// record returns a record with the names of fields that a file has.
func (w *writer) record(fields []int, names []string) value {
	w.next++
	v := value{kind: isObject, names: []string{"id"}, items: []value{{kind: isNumber, text: strconv.Itoa(w.next)}}}
	for at, i := range fields {
		if w.format == "json" && w.rng.IntN(8) == 0 {
			continue
		}
		item := w.value(w.kind(i), 0)
		v.names, v.items = append(v.names, names[at]), append(v.items, item)
		if w.format == "json" && w.rng.IntN(40) == 0 {
			v.names, v.items = append(v.names, names[at]), append(v.items, w.value(w.kind(i), 0))
		}
	}
	return v
}

// file returns the next file.
func (w *writer) file() (*file, error) {
	w.drift()
	f := &file{ragged: map[string]string{}, numbered: map[string]string{}}
	fields := slices.Clone(w.fields)
	if w.rng.IntN(12) == 0 && !w.fold && w.format != "parquet" { // a field twice, in another case
		fields = append(fields, fields[0])
	}
	names := make([]string, len(fields))
	for at, i := range fields {
		if names[at] = w.name(i); slices.Contains(names[:at], names[at]) {
			names[at] = strings.ToUpper(names[at])
		}
	}
	rows := w.rng.IntN(5)
	if w.rng.IntN(30) == 0 {
		rows = 300
	}
	switch w.format {
	case "json":
		w.json(f, rows, fields, names)
	case "csv":
		w.csv(f, rows, fields, names)
	case "parquet":
		return f, w.parquet(f, max(rows, 1), fields, names)
	}
	if w.rng.IntN(10) == 0 {
		f.text = "\ufeff" + f.text
	}
	return f, nil
}

func (w *writer) end() string {
	if w.rng.IntN(5) == 0 {
		return "\r\n"
	}
	return "\n"
}

func (w *writer) json(f *file, rows int, fields []int, names []string) {
	var lines []string
	for range rows {
		v := w.record(fields, names)
		f.records = append(f.records, v)
		line := v.json()
		if w.rng.IntN(5) == 0 {
			line = " " + strings.Replace(line, ":", " : ", 1) + " "
		}
		lines = append(lines, line)
		if w.broken && !w.multi && w.rng.IntN(8) == 0 {
			w.next++
			f.corrupt = append(f.corrupt, fmt.Sprintf(`{"id":%d,"a":[1,"cut off`, w.next))
			lines = append(lines, f.corrupt[len(f.corrupt)-1])
		}
	}
	switch {
	case w.multi && rows > 0:
		f.text = "[" + strings.Join(lines, ",\n") + "]"
	case rows > 0:
		end := w.end()
		f.text = strings.Join(lines, end)
		if w.rng.IntN(2) == 0 {
			f.text += end
		}
	}
}

func (w *writer) csv(f *file, rows int, fields []int, names []string) {
	if rows == 0 && w.rng.IntN(2) == 0 {
		return // without header
	}
	end := w.end()
	at := w.rng.IntN(len(fields) + 1) // of id
	line := func(cells []string, id string) string {
		return strings.Join(slices.Insert(slices.Clone(cells), at, id), ",") + end
	}
	header := make([]string, len(names))
	for i, n := range names {
		header[i] = w.cell(n)
	}
	f.text = line(header, "id")
	all := slices.Insert(slices.Clone(names), at, "id")
	for i, n := range all {
		if slices.ContainsFunc(all, func(other string) bool { return other != n && strings.EqualFold(other, n) }) {
			f.numbered[n] = n + strconv.Itoa(i)
		}
	}
	for range rows {
		v := w.record(fields, names)
		cells := make([]string, len(names))
		for i := range names {
			item := v.items[i+1]
			switch {
			case item.kind == isObject || item.kind == isArray:
				item = value{kind: isText, text: item.json()}
			case item.kind == isText && item.text == "":
				item = value{}
			}
			if strings.Contains(item.text, `\`) || strings.Contains(item.text, `"`) && !w.escape {
				item = value{kind: isText, text: "plain"}
			}
			v.items[i+1] = item
			cells[i] = w.cell(item.text)
		}
		text := line(cells, v.items[0].text)
		switch {
		case w.broken && at == 0 && w.rng.IntN(10) == 0: // too few
			text = line(nil, v.items[0].text)
			f.ragged[v.items[0].text] = strings.TrimRight(text, "\r\n")
			v.names, v.items = v.names[:1], v.items[:1]
		case w.rng.IntN(20) == 0 && !w.broken: // too many
			text = strings.TrimSuffix(text, end) + ",more" + end
			v.names, v.items = append(v.names, fmt.Sprintf("_c%d", len(names)+1)), append(v.items, value{kind: isText, text: "more"})
		}
		f.records = append(f.records, v)
		f.text += text
	}
}

// cell quotes a value where it has to be, and now and then where not.
func (w *writer) cell(s string) string {
	if !strings.ContainsAny(s, ",\"\r\n") && (s == "" || w.rng.IntN(6) > 0) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

var arrowTypes = map[string][]arrow.DataType{
	"int":     {arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int16},
	"decimal": {&arrow.Decimal128Type{Precision: 20, Scale: 3}, &arrow.Decimal128Type{Precision: 18, Scale: 2}, arrow.PrimitiveTypes.Float64},
	"float":   {arrow.PrimitiveTypes.Float64, arrow.PrimitiveTypes.Float32},
	"bool":    {arrow.FixedWidthTypes.Boolean},
	"date":    {arrow.FixedWidthTypes.Date32},
	"time":    {&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}},
	"word":    {arrow.BinaryTypes.String},
	"object":  {arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, arrow.Field{Name: "y", Type: arrow.BinaryTypes.String, Nullable: true}), arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, arrow.Field{Name: "new", Type: arrow.PrimitiveTypes.Float64, Nullable: true})},
	"array":   {arrow.ListOf(arrow.PrimitiveTypes.Int64), arrow.ListOf(arrow.BinaryTypes.String)},
}

// parquet writes a file whose columns have one type each.
func (w *writer) parquet(f *file, rows int, fields []int, names []string) error {
	stored := []arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}
	for at, i := range fields {
		types := arrowTypes[w.kind(i)]
		t := types[0]
		if w.types {
			t = types[w.rng.IntN(len(types))]
		}
		stored = append(stored, arrow.Field{Name: names[at], Type: t, Nullable: true})
	}
	var text []string
	for range rows {
		w.next++
		v := value{kind: isObject}
		for i, s := range stored {
			item := value{kind: isNumber, text: strconv.Itoa(w.next)}
			if i > 0 {
				item = w.stored(s.Type)
			}
			v.names, v.items = append(v.names, s.Name), append(v.items, item)
		}
		f.records = append(f.records, v)
		text = append(text, v.json())
	}
	s := arrow.NewSchema(stored, nil)
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader("["+strings.Join(text, ",")+"]"))
	if err != nil {
		return err
	}
	defer record.Release()
	var data bytes.Buffer
	out, err := pqarrow.NewFileWriter(s, &data, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		return err
	}
	err = errors.Join(out.Write(record), out.Close())
	f.text = data.String()
	return err
}

// stored returns a value of a type.
func (w *writer) stored(t arrow.DataType) value {
	if w.rng.IntN(10) == 0 {
		return value{}
	}
	pick := func(k kind, texts ...string) value { return value{kind: k, text: texts[w.rng.IntN(len(texts))]} }
	switch t := t.(type) {
	case *arrow.StructType:
		v := value{kind: isObject}
		for _, f := range t.Fields() {
			v.names, v.items = append(v.names, f.Name), append(v.items, w.stored(f.Type))
		}
		return v
	case *arrow.ListType:
		v := value{kind: isArray}
		for range w.rng.IntN(3) {
			v.items = append(v.items, w.stored(t.Elem()))
		}
		return v
	case *arrow.Decimal128Type:
		return pick(isNumber, "1.50", "-0.25", "12345.67", "7.00")
	case *arrow.TimestampType:
		return pick(isText, "2026-01-02T03:04:05Z", "1960-05-05T05:05:05.678Z")
	}
	switch t {
	case arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32:
		return pick(isNumber, "1", "-7", "300")
	case arrow.PrimitiveTypes.Int64:
		return pick(isNumber, "1", "3000000000", "9223372036854775807")
	case arrow.PrimitiveTypes.Float64, arrow.PrimitiveTypes.Float32:
		return pick(isNumber, "1.5", "-0.25", "12")
	case arrow.FixedWidthTypes.Boolean:
		return pick(isBool, "true", "false")
	case arrow.FixedWidthTypes.Date32:
		return pick(isText, "2026-01-02", "1969-12-31")
	}
	return pick(isText, "x", "", "ünï→💧", "[1", "12", "2026-01-02")
}
