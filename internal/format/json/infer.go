package json

import (
	"context"
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/block"
	"github.com/freshet/freshet/internal/format/value"
	"github.com/freshet/freshet/schema"
)

// Infer implements [format.Format]: every field of every file, in alphabetical
// order, typed as Spark's JsonInferSchema does (semantics §3.3). Records that
// are malformed say nothing.
func (f Format) Infer(ctx context.Context, files []format.File, req format.Inference) (*schema.Struct, error) {
	set, err := newSettings(req.Options, req.TimeZone)
	if err != nil {
		return nil, err
	}
	if set.single != "" {
		return schema.New(schema.Col(set.single, schema.Variant)), nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all inferred
	bytes := int64(0)
	newParser := func() block.Parser[bool, *inferred] { return newInferrer(set) }
	for out, err := range block.Read(ctx, slices.Values(files), f.config(set), set.layout, newParser) {
		if err != nil {
			return nil, err
		}
		all.root.merge(&out.Value.root)
		all.malformed = all.malformed || out.Value.malformed
		if bytes += out.Size; req.SampleBytes > 0 && bytes >= req.SampleBytes {
			break
		}
	}
	nulls := set.allNull
	if req.KeepVoid && nulls == nullAsString {
		nulls = nullAsVoid
	}
	t := all.root.structType(nulls)
	if !req.InferTypes {
		for i := range t.Fields {
			t.Fields[i].Type = schema.String
		}
	}
	if all.malformed && req.CorruptRecords && set.mode == modePermissive {
		addCorrupt(t, set.corrupt)
	}
	return t, nil
}

// addCorrupt gives t the column for malformed records; a field of the data
// that has its name gives way.
func addCorrupt(t *schema.Struct, name string) {
	if i := t.Index(name); i >= 0 {
		t.Fields[i].Type = schema.String
		return
	}
	t.Fields = append(t.Fields, schema.Col(name, schema.String))
	slices.SortFunc(t.Fields, byName)
}

// inferred is what a block says about the schema.
type inferred struct {
	root      shape
	malformed bool
}

// inferrer is the [block.Parser] of inference.
type inferrer struct {
	set     *settings
	scan    scanner
	observe observer
}

func newInferrer(set *settings) *inferrer {
	p := &inferrer{set: set, scan: scanner{dialect: set.layout.dialect}}
	p.observe = observer{scanner: &p.scan, set: set, zone: value.NewZone(set.zone)}
	return p
}

var errMalformed = errors.New("malformed record")

// Parse implements [block.Parser].
func (p *inferrer) Parse(_ context.Context, b block.Block[bool]) (*inferred, int64, error) {
	out := &inferred{root: shape{kind: shapeObject}}
	lines, err := p.block(b, out, false)
	if errors.Is(err, errMalformed) {
		// What the record said up to its fault cannot be taken back; read
		// again, looking at each record before believing it.
		out = &inferred{root: shape{kind: shapeObject}}
		lines, err = p.block(b, out, true)
	}
	return out, lines, err
}

// block observes the records of a block. When careful is not set, a malformed
// record is an error.
func (p *inferrer) block(b block.Block[bool], out *inferred, careful bool) (lines int64, err error) {
	valid := utf8.Valid(b.Data)
	due := 1.0 // the share of a record to be looked at that is due
	lines = p.set.layout.records(b.Data, func(record []byte, line int64) bool {
		due += p.set.sampling
		if due < 1+1e-9 {
			return true
		}
		due--
		if careful {
			var trial shape
			trial.kind = shapeObject
			if !valid && !utf8.Valid(record) || !p.record(record, &trial) {
				out.malformed = true
				if p.set.mode == modeFailFast {
					err = &format.RecordError{Path: b.File.Path, Line: line + 1, Record: string(record[:min(len(record), 200)]), Reason: p.reason()}
				}
				return err == nil
			}
			out.root.merge(&trial)
			return true
		}
		if !valid && !utf8.Valid(record) || !p.record(record, &out.root) {
			err = errMalformed
		}
		return err == nil
	})
	return lines, err
}

func (p *inferrer) reason() string {
	if p.scan.reason == "" {
		return "the text is not valid UTF-8"
	}
	return p.scan.reason
}

// record observes a record: an object, an array of objects, or null.
func (p *inferrer) record(record []byte, root *shape) bool {
	s := &p.scan
	s.reset(record)
	for {
		switch s.peek() {
		case '{':
			if !p.observe.object(root) {
				return false
			}
		case '[':
			if !p.array(root) {
				return false
			}
		case 'n':
			if !s.scalar('n') {
				return false
			}
		default:
			return s.fail("a record is an object")
		}
		if c := s.peek(); c != '{' && c != '[' {
			return true
		}
	}
}

func (p *inferrer) array(root *shape) bool {
	s := &p.scan
	more, ok := s.open(']')
	for more && ok {
		if s.peek() != '{' {
			return s.fail("a record is an object")
		}
		if !p.observe.object(root) {
			return false
		}
		more, ok = s.more(']')
	}
	return ok
}
