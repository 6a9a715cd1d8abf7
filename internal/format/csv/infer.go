package csv

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/block"
	"github.com/freshet/freshet/internal/format/value"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/schema"
)

// inferrer guesses the types of some columns.
type inferrer struct {
	lattice
	guesses []guess
}

func newLattice(f *formats, v option.Values) lattice {
	return lattice{
		formats: f, local: value.NewZone(f.zone), preferDate: v.Bool("preferDate"),
		dateCasts: f.timestamp == nil && v.Text("dateFormat") == "yyyy-MM-dd",
	}
}

func newInferrer(p *plan) *inferrer {
	return &inferrer{lattice: newLattice(&p.formats, p.req.Options)}
}

// reset starts over with n columns.
func (f *inferrer) reset(n int) { f.guesses = append(f.guesses[:0], make([]guess, n)...) }

// columnType returns the type of the i-th column.
func (f *inferrer) columnType(i int, keepVoid bool) schema.Type {
	return f.guesses[i].columnType(keepVoid)
}

// addColumn takes the values of a field of r's table into the i-th column.
func (f *inferrer) addColumn(i int, r *reader, field int) {
	for row := range r.rows {
		if text, ok := r.value(r.cells[row*r.width+field]); ok && len(text) > 0 {
			f.guesses[i] = f.add(f.guesses[i], text)
		}
	}
}

// Infer returns the columns of files; see [format.Format]. Columns of
// different files are the same if their names are equal ignoring case. Files
// without header have columns _c0, _c1 and so on, as many as their first
// record has values.
func (f Format) Infer(ctx context.Context, files []format.File, req format.Inference) (*schema.Struct, error) {
	if name := req.Options.Text(format.SingleVariantColumn); name != "" {
		return schema.New(schema.Col(name, schema.Variant)), nil
	}
	d, err := newDialect(req.Options)
	if err != nil {
		return nil, err
	}
	fs, err := newFormats(req.Options, req.TimeZone)
	if err != nil {
		return nil, err
	}
	m := merger{lattice: newLattice(&fs, req.Options), req: req, columns: make(map[string]int)}
	rest, err := f.look(ctx, files, d, req, &m)
	if err == nil && len(rest) > 0 {
		// The names of columns are exact even where types come from a sample.
		req.InferTypes = false
		_, err = f.look(ctx, rest, d, req, &m)
	}
	return m.schema(), err
}

// look adds to m what files tell, until their sample is over. It returns those
// of which it has seen nothing, unless m does not need them.
func (f Format) look(ctx context.Context, files []format.File, d *dialect, req format.Inference, m *merger) (rest []format.File, err error) {
	cfg := f.Block
	cfg.Charset, cfg.EmptyFiles = d.charset, true
	if !req.InferTypes {
		const headSize = 64 << 10
		cfg.Size = headSize
	}
	newSampler := func() block.Parser[*head, []guess] {
		return &sampler{tokenizer: tokenizer{dialect: d}, lattice: newLattice(m.formats, req.Options), req: req, ratio: req.Options.Float("samplingRatio")}
	}
	bytes, last := int64(0), ""
	for out, err := range block.Read(ctx, slices.Values(files), cfg, grammar{dialect: d}, newSampler) {
		if err != nil {
			return nil, err
		}
		m.add(out)
		bytes, last = bytes+out.Size, out.File.Path
		if m.complete() {
			return nil, nil
		}
		if req.InferTypes && req.SampleBytes > 0 && bytes >= req.SampleBytes {
			break
		}
	}
	seen := slices.IndexFunc(files, func(f format.File) bool { return f.Path == last })
	if !req.MergeSchema {
		return nil, nil // the first file decides
	}
	return files[seen+1:], nil
}

// merger unifies what the blocks of all files tell.
type merger struct {
	lattice
	req     format.Inference
	columns map[string]int // by name in lower case
	names   []string
	guesses []guess
	first   *format.File // the first file with columns
}

func (m *merger) add(out block.Output[*head, []guess]) {
	h := out.Head
	if h.width == 0 {
		return
	}
	if m.first == nil {
		m.first = out.File
	}
	for i, name := range h.columnNames(m.req.Options.Text("nullValue")) {
		key := strings.ToLower(name)
		at, ok := m.columns[key]
		if !ok {
			if !m.req.MergeSchema && out.File != m.first {
				continue
			}
			at = len(m.names)
			m.columns[key] = at
			m.names, m.guesses = append(m.names, name), append(m.guesses, guess{})
		}
		if i < len(out.Value) {
			m.guesses[at] = m.merge(m.guesses[at], out.Value[i])
		}
	}
}

// complete reports that further files cannot change the schema.
func (m *merger) complete() bool {
	return !m.req.InferTypes && !m.req.MergeSchema && m.first != nil
}

func (m *merger) schema() *schema.Struct {
	s := &schema.Struct{}
	for i, name := range m.names {
		var t schema.Type = schema.String
		if m.req.InferTypes {
			t = m.guesses[i].columnType(m.req.KeepVoid)
		}
		s.Fields = append(s.Fields, schema.Col(name, t))
	}
	return s
}

// columnNames returns the names that inference gives the columns.
func (h *head) columnNames(nullValue string) []string {
	if h.names != nil {
		return safeNames(h.names, nullValue, false)
	}
	names := make([]string, h.width)
	for i := range names {
		names[i] = positionName(i)
	}
	return names
}

// sampler guesses the types of the columns of a block.
type sampler struct {
	tokenizer
	lattice lattice
	req     format.Inference
	ratio   float64
}

// Parse implements [block.Parser].
func (s *sampler) Parse(ctx context.Context, b block.Block[*head]) ([]guess, int64, error) {
	if !s.req.InferTypes {
		return nil, 0, block.ErrSkipFile
	}
	guesses := make([]guess, b.Head.width)
	s.begin(b.Data, b.Head.width, b.Head.separators)
	for ctx.Err() == nil {
		more, err := s.next(max(1, tableCells/max(1, s.width)))
		if err != nil {
			return nil, 0, atFile(err, b.File, 0)
		}
		if !more {
			break
		}
		for field := range guesses {
			for i := range s.rows {
				c := s.cells[i*s.width+field]
				if c.size == 0 || !s.sampled(i) {
					continue
				}
				if text := s.text(c); string(text) != string(s.nullValue) {
					guesses[field] = s.lattice.add(guesses[field], text)
				}
			}
		}
	}
	return guesses, int64(s.line), ctx.Err()
}

// sampled says whether option samplingRatio lets inference see a row. The
// answer depends only on the row's text, so that it is the same however files
// are cut.
func (s *sampler) sampled(i int) bool {
	if s.ratio >= 1 {
		return true
	}
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	hash := uint64(offset)
	for _, c := range s.record(i) {
		hash = (hash ^ uint64(c)) * prime
	}
	hash ^= hash >> 29
	return float64(hash*prime>>11)/(1<<53) < math.Max(s.ratio, 0)
}
