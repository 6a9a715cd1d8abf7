package rescue

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/format/value"
	"github.com/freshet/freshet/schema"
)

// Finding is what a table's rescued data has under one path, for one reason.
type Finding struct {
	Path      string      // fields of structs after a point
	Reason    string      // one of those below
	Column    schema.Type // of the column that did not take the values; nil for none
	Values    int64
	Kinds     []string // of the values, the most frequent first
	Examples  []string // some different values as they were rescued
	FirstFile string   // first and last of the files, by their paths
	LastFile  string
}

// Why values are rescued (semantics §4.1).
const (
	NewField        = "new field"        // no column has the name
	TypeMismatch    = "type mismatch"    // the column has another type
	CaseMismatch    = "case mismatch"    // the column's name differs in case
	ExtraField      = "extra field"      // beyond the fields that have names
	MalformedRecord = "malformed record" // the text of a record that is none
	NotRescuedData  = "no rescued data"  // the text is no rescued data at all
)

const (
	maxExamples = 3
	maxExample  = 200 // bytes
	// maxFindings bounds how many paths are told apart, as data decides how
	// many there are; what comes after is found under otherPaths.
	maxFindings = 10_000
	otherPaths  = "…"
)

// Summarize reads the rescued data of a table and says what was rescued and
// why, as the table's columns are now; the most frequent first.
func Summarize(ctx context.Context, base *delta.Snapshot, rescued string) ([]Finding, error) {
	s := &summary{columns: base.Schema(), found: map[string]*finding{}}
	opts := delta.ScanOptions{Columns: []string{rescued}, Filter: delta.Not{Of: delta.IsNull{Column: []string{rescued}}}}
	for rec, err := range base.Scan(ctx, opts) {
		if err != nil {
			return nil, err
		}
		texts, ok := rec.Column(0).(*array.String)
		for i := 0; ok && i < texts.Len(); i++ {
			if texts.IsValid(i) {
				s.row(texts.Value(i))
			}
		}
		rec.Release()
		if !ok {
			return nil, fmt.Errorf("column %s is no text", schema.QuoteIdent(rescued))
		}
	}
	return s.findings(), nil
}

// summary gathers findings.
type summary struct {
	columns *schema.Struct
	found   map[string]*finding // by path and reason
}

type finding struct {
	Finding
	kinds map[string]int64
}

func (s *summary) row(text string) {
	row := parse(text)
	if row.damaged {
		s.add("", NotRescuedData, nil, quoted(text), "")
		return
	}
	s.members("", row.members, s.columns, row.file())
}

// members looks at the members of an object, whose columns are these.
func (s *summary) members(within string, list []member, columns *schema.Struct, file string) {
	for _, m := range list {
		path := within + m.name
		reason, t := classify(m, columns)
		inner, nested := t.(*schema.Struct)
		if nested && reason == TypeMismatch && isObject(m.value) {
			if inside, ok := object(m.value); ok {
				s.members(path+".", inside, inner, file)
				continue
			}
		}
		s.add(path, reason, t, m.value, file)
	}
}

// classify says why a member was rescued.
func classify(m member, columns *schema.Struct) (string, schema.Type) {
	at := columns.Index(m.name)
	switch digits, positional := strings.CutPrefix(m.name, "_c"); {
	case at >= 0 && columns.Fields[at].Name == m.name:
		return TypeMismatch, columns.Fields[at].Type
	case at >= 0:
		return CaseMismatch, columns.Fields[at].Type
	case m.name == "_corrupt_record":
		return MalformedRecord, nil
	case positional:
		if _, err := strconv.ParseUint(digits, 10, 31); err == nil {
			return ExtraField, nil
		}
	}
	return NewField, nil
}

func (s *summary) add(path, reason string, t schema.Type, value []byte, file string) {
	key := path + "\x00" + reason
	f := s.found[key]
	if f == nil && len(s.found) >= maxFindings {
		path, t, key = otherPaths, nil, otherPaths+"\x00"+reason
		f = s.found[key]
	}
	if f == nil {
		f = &finding{Finding: Finding{Path: path, Reason: reason, Column: t, FirstFile: file, LastFile: file}, kinds: map[string]int64{}}
		s.found[key] = f
	}
	f.Values++
	f.kinds[kind(value)]++
	if file < f.FirstFile {
		f.FirstFile = strings.Clone(file)
	}
	f.LastFile = max(f.LastFile, file)
	if len(f.Examples) < maxExamples {
		if example := shown(value); !slices.Contains(f.Examples, example) {
			f.Examples = append(f.Examples, example)
		}
	}
}

// shown is a value as people are shown it: text without its quotes, and not
// too much of it.
func shown(v []byte) string {
	text := string(v)
	if isText(v) {
		if err := json.Unmarshal(v, &text); err != nil {
			text = string(v)
		}
	}
	if len(text) > maxExample {
		text = strings.ToValidUTF8(text[:maxExample], "") + "…"
	}
	return text
}

// kind names what a value is; of text, what it reads as.
func kind(v []byte) string {
	switch {
	case len(v) == 0:
		return "nothing"
	case isObject(v):
		return "object"
	case v[0] == '[':
		return "array"
	case v[0] == 't' || v[0] == 'f':
		return "boolean"
	case !isText(v):
		return numberKind(v, "")
	}
	text := []byte(shown(v))
	if _, ok := value.CastDate(text); ok && len(text) > 4 {
		if _, ok := value.CastTimestamp(text, value.NewZone(nil)); ok && len(text) > len("yyyy-mm-dd") {
			return "timestamp text"
		}
		return "date text"
	}
	if _, ok := value.ParseBool(text); ok {
		return "boolean text"
	}
	return numberKind(text, "text")
}

// numberKind tells integers from other numbers, and those from what is none.
func numberKind(text []byte, otherwise string) string {
	suffix := ""
	if otherwise != "" {
		suffix = " " + otherwise
	}
	if _, ok := value.ParseInt64(text); ok {
		return "integer" + suffix
	}
	if _, err := strconv.ParseFloat(string(text), 64); err == nil || otherwise == "" {
		return "number" + suffix
	}
	return otherwise
}

// findings returns what was found, the most frequent first.
func (s *summary) findings() []Finding {
	var list []Finding
	for _, f := range s.found {
		f.Kinds = slices.SortedFunc(maps.Keys(f.kinds), func(a, b string) int {
			return cmp.Or(cmp.Compare(f.kinds[b], f.kinds[a]), cmp.Compare(a, b))
		})
		list = append(list, f.Finding)
	}
	slices.SortFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Values, a.Values), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}
