package csv

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/value"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/schema"
)

// plan is what a request means for this format. It is not changed after it
// was made, and shared by all workers.
type plan struct {
	*dialect
	formats
	req     format.Request
	mode    string
	corrupt int // column that receives malformed records, or -1
	single  int // column that receives whole records, or -1

	failOnUnknown bool
	failOnWidened bool
	// exact and folded find columns by name, folded in lower case.
	exact, folded map[string]int
	// byPosition are the columns that fields without names go to.
	byPosition []int
}

func newPlan(req format.Request) (*plan, error) {
	d, err := newDialect(req.Options)
	if err != nil {
		return nil, err
	}
	f, err := newFormats(req.Options, req.TimeZone)
	if err != nil {
		return nil, err
	}
	p := &plan{
		dialect: d, formats: f, req: req,
		mode:          req.Options.Enum("mode"),
		corrupt:       req.Schema.Index(req.Options.Text("columnNameOfCorruptRecord")),
		single:        -1,
		failOnUnknown: req.Options.Bool("failOnUnknownFields"),
		failOnWidened: req.Options.Bool("failOnWidenedFields"),
		exact:         make(map[string]int), folded: make(map[string]int),
	}
	if p.corrupt >= 0 && req.Schema.Fields[p.corrupt].Type != schema.String {
		return nil, errclass.New("INVALID_CORRUPT_RECORD_TYPE", "42804",
			"the column %s for corrupt records must have the nullable STRING type, but got %s",
			schema.QuoteIdent(req.Schema.Fields[p.corrupt].Name), req.Schema.Fields[p.corrupt].Type)
	}
	for i, c := range req.Schema.Fields {
		if i == p.corrupt {
			continue
		}
		if err := checkType(c); err != nil {
			return nil, err
		}
		p.exact[c.Name] = i
		p.folded[strings.ToLower(c.Name)] = i
	}
	p.byPosition = positions(req.Schema, p.corrupt)
	if name := req.Options.Text(format.SingleVariantColumn); name != "" {
		p.single, err = format.SingleVariant(req.Schema, name, p.corrupt)
	}
	return p, err
}

// checkType refuses types that text between separators cannot hold.
func checkType(c schema.Field) error {
	if _, ok := c.Type.(schema.Primitive); ok {
		return nil
	}
	if _, ok := c.Type.(schema.Decimal); ok {
		return nil
	}
	return errclass.New("UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", "0A000",
		"the CSV datasource doesn't support the column %s of the type %s", schema.QuoteIdent(c.Name), c.Type)
}

// positions returns which column each field of a file without header goes to:
// they go to columns in order, but if all columns are called _c and a number,
// as inference calls them, then by that number.
func positions(s *schema.Struct, corrupt int) []int {
	var inOrder []int
	numbered := make(map[int]int)
	last := -1
	for i, c := range s.Fields {
		if i == corrupt {
			continue
		}
		inOrder = append(inOrder, i)
		digits, ok := strings.CutPrefix(c.Name, "_c")
		n, err := strconv.Atoi(digits)
		if ok && err == nil && n >= 0 && n < 1<<20 && positionName(n) == c.Name {
			numbered[n] = i
			last = max(last, n)
		}
	}
	if len(numbered) < len(inOrder) {
		return inOrder
	}
	byNumber := slices.Repeat([]int{-1}, last+1)
	for n, i := range numbered {
		byNumber[n] = i
	}
	return byNumber
}

// binding relates the fields of one file to columns. It is not changed after
// it was made.
type binding struct {
	names   []string // of fields, as rescued data has them
	columns []int    // of each field, -1 for none
	fields  []int    // of each column, -1 for none
	unknown []int    // fields without a column
	// added are the unknown fields that would make new columns; the others
	// have the name of a column in another case, or one the reader uses.
	added []int
}

// bind finds the column of each field of a file: by header name, ignoring case
// unless the request is case-sensitive, or by position.
func (p *plan) bind(file *format.File, h *head) (*binding, error) {
	reserved := map[string]bool{strings.ToLower(p.req.Rescue): true}
	if p.corrupt >= 0 {
		reserved[strings.ToLower(p.req.Schema.Fields[p.corrupt].Name)] = true
	}
	if p.single >= 0 {
		return p.bindSingle(h), nil
	}
	b := &binding{fields: slices.Repeat([]int{-1}, len(p.req.Schema.Fields))}
	if h.names == nil {
		b.columns = p.byPosition
		for i := range b.columns {
			b.names = append(b.names, positionName(i))
		}
	} else {
		b.names = safeNames(h.names, string(p.nullValue), p.req.CaseSensitive)
		folded := safeNames(h.names, string(p.nullValue), false)
		b.columns = make([]int, len(b.names))
		for i, name := range b.names {
			b.columns[i] = p.column(name, folded[i])
		}
	}
	for i, c := range b.columns {
		if c < 0 {
			b.unknown = append(b.unknown, i)
			key := strings.ToLower(b.names[i])
			if _, known := p.folded[key]; !known && !reserved[key] && h.names != nil {
				b.added = append(b.added, i)
			}
			continue
		}
		b.fields[c] = i
	}
	if p.failOnUnknown && len(b.unknown) > 0 {
		return nil, errclass.New("UNKNOWN_FIELD_EXCEPTION.NEW_FIELDS_IN_FILE", "KD003",
			"encountered unknown field(s) in the file %s: %s (option failOnUnknownFields)",
			file.Path, strings.Join(b.unknownNames(), ", "))
	}
	return b, nil
}

// column finds the column of a field called name, whose name is folded where
// names that differ in case count as equal: inference names columns so.
func (p *plan) column(name, folded string) int {
	if i, ok := p.exact[name]; ok {
		return i
	}
	if i, ok := p.exact[folded]; ok {
		return i
	}
	if i, ok := p.folded[strings.ToLower(name)]; ok && !p.req.CaseSensitive {
		return i
	}
	return -1
}

func (b *binding) unknownNames() []string {
	names := make([]string, len(b.unknown))
	for i, f := range b.unknown {
		names[i] = b.names[f]
	}
	return names
}

// formats is how values of columns are written. It is safe for concurrent
// use.
type formats struct {
	zone         *time.Location // of timestamps without one
	date         *value.Format  // nil: whatever casts to DATE
	timestamp    *value.Format  // nil: whatever casts to TIMESTAMP
	timestampNTZ *value.Format
	nan          string
	positiveInf  string
	negativeInf  string
	numbersFirst bool // none of the three is also a number, so numbers may be tried first
}

func newFormats(v option.Values, zone *time.Location) (formats, error) {
	f := formats{nan: v.Text("nanValue"), positiveInf: v.Text("positiveInf"), negativeInf: v.Text("negativeInf")}
	f.numbersFirst = !slices.ContainsFunc([]string{f.nan, f.positiveInf, f.negativeInf}, func(s string) bool {
		v, ok := value.ParseFloat64([]byte(s))
		return ok && v == v // as a number, not as NaN
	})
	if name := v.Text("timeZone"); name != "" {
		loc, ok := value.LoadZone(name)
		if !ok {
			return f, errclass.New("INVALID_TIMEZONE", "22009", "the time zone %q of option timeZone is not known", name)
		}
		zone = loc
	}
	if zone == nil {
		zone = time.UTC
	}
	f.zone = zone
	for name, to := range map[string]**value.Format{
		"dateFormat": &f.date, "timestampFormat": &f.timestamp, "timestampNTZFormat": &f.timestampNTZ,
	} {
		if !v.Given(name) {
			continue
		}
		compiled, err := value.CompileFormat(v.Text(name), v.Text("locale"))
		if err != nil {
			return f, option.Refuse(name, fmt.Errorf("option %s: %w", name, err))
		}
		*to = compiled
	}
	return f, nil
}
