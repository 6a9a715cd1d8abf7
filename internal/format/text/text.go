// Package text reads plain text: each line, or each file as a whole, is one
// row with one STRING column (semantics §5.7).
package text

import (
	"bytes"
	"context"
	"iter"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/block"
	"github.com/freshet/freshet/internal/format/charset"
	"github.com/freshet/freshet/internal/format/column"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/schema"
)

// Format is the text format.
type Format struct {
	// BlockSize is how many bytes of text are cut into lines at a time; 0 is
	// the default. Results do not depend on it.
	BlockSize int
}

var _ format.Format = Format{}

// valueColumn is the name that inference gives the column.
const valueColumn = "value"

var options = option.Set{
	{Name: "wholeText", Kind: option.Bool, Default: "false", Doc: "Whether each file is one row."},
	{Name: "lineSep", Kind: option.Text, Doc: `What separates lines. Without it, "\n", "\r\n" and "\r" all do.`},
	{Name: "encoding", Aliases: []string{"charset"}, Kind: option.Text, Default: "UTF-8", Doc: "Character encoding of the files."},
}

// Options implements [format.Format].
func (Format) Options() option.Set { return options }

// Infer implements [format.Format]. The schema is always the same.
func (Format) Infer(context.Context, []format.File, format.Inference) (*schema.Struct, error) {
	return schema.New(schema.Col(valueColumn, schema.String)), nil
}

// Read implements [format.Format]. The column called value receives the
// text, or the only one, whatever its name; others are null. A last line
// without separator is a line, and what follows a last separator is not.
func (f Format) Read(ctx context.Context, files iter.Seq[format.File], req format.Request) iter.Seq2[format.Batch, error] {
	return func(yield func(format.Batch, error) bool) {
		target, err := valueIndex(req.Schema)
		if err != nil {
			yield(format.Batch{}, err)
			return
		}
		encoding, err := charset.Lookup(req.Options.Text("encoding"))
		if err != nil {
			yield(format.Batch{}, option.Refuse("encoding", err))
			return
		}
		l := lines{separator: []byte(req.Options.Text("lineSep")), whole: req.Options.Bool("wholeText")}
		cfg := block.Config{Charset: encoding, Size: f.BlockSize, EmptyFiles: l.whole}
		newParser := func() block.Parser[struct{}, []format.Batch] { return newParser(req, l, target) }
		for batch, err := range block.Batches(ctx, files, cfg, l, newParser) {
			if !yield(batch, err) {
				return
			}
		}
	}
}

// valueIndex returns which column receives the text, -1 for none of none.
func valueIndex(s *schema.Struct) (int, error) {
	i := s.Index(valueColumn)
	if i < 0 && len(s.Fields) == 1 {
		i = 0
	}
	if len(s.Fields) > 0 && (i < 0 || s.Fields[i].Type != schema.String) {
		return 0, errclass.New("UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", "0A000",
			"the text format gives one column, value STRING; it cannot be read as %s", s.DDL())
	}
	return i, nil
}

// lines is the [block.Grammar] of text.
type lines struct {
	separator []byte // empty is LF, CRLF and CR
	whole     bool
}

// Head implements [block.Grammar]; text has none.
func (lines) Head(*format.File, []byte, bool) (block.Head[struct{}], error) {
	return block.Head[struct{}]{}, nil
}

// Split implements [block.Grammar].
func (l lines) Split(_ struct{}, data []byte) int {
	switch {
	case l.whole:
		return 0
	case len(l.separator) > 0:
		if i := bytes.LastIndex(data, l.separator); i >= 0 {
			return i + len(l.separator)
		}
		return 0
	}
	if i := bytes.LastIndexByte(data, '\n'); i >= 0 {
		return i + 1
	}
	// A CR at the very end may be half of a CRLF.
	return bytes.LastIndexByte(data[:max(len(data)-1, 0)], '\r') + 1
}

// end returns where the first line of data ends and the length of its
// separator, or -1. mixed says that data may have carriage returns.
func (l lines) end(data []byte, mixed bool) (at, length int) {
	switch {
	case l.whole:
		return -1, 0
	case len(l.separator) > 0:
		return bytes.Index(data, l.separator), len(l.separator)
	case !mixed:
		return bytes.IndexByte(data, '\n'), 1
	}
	at = bytes.IndexAny(data, "\r\n")
	if at >= 0 && data[at] == '\r' && at+1 < len(data) && data[at+1] == '\n' {
		return at, 2
	}
	return at, 1
}

// parser makes batches of blocks. It implements [block.Parser].
type parser struct {
	lines
	batch *column.Batch
	value *column.String // nil when no column is asked for
	limit int
}

func newParser(req format.Request, l lines, target int) *parser {
	fields := append([]schema.Field{}, req.Schema.Fields...)
	if req.Rescue != "" {
		fields = append(fields, schema.Col(req.Rescue, schema.String))
	}
	p := &parser{lines: l, batch: column.NewBatch(schema.New(fields...)), limit: req.BatchRows}
	if target >= 0 {
		p.value, _ = p.batch.Columns()[target].(*column.String)
	}
	return p
}

// Parse implements [block.Parser].
func (p *parser) Parse(_ context.Context, b block.Block[struct{}]) (batches []format.Batch, n int64, err error) {
	valid, mixed := utf8.Valid(b.Data), bytes.IndexByte(b.Data, '\r') >= 0
	rows := 0
	data := b.Data
	for len(data) > 0 || p.whole && n == 0 {
		line := data
		if at, length := p.end(data, mixed); at >= 0 {
			line, data = data[:at], data[at+length:]
		} else {
			data = nil
		}
		if !valid {
			line = charset.Repair(line)
		}
		if p.value != nil {
			p.value.Append(line)
		}
		n++
		if rows++; rows == p.limit {
			batches = append(batches, format.Batch{RecordBatch: p.batch.Finish(rows)})
			rows = 0
		}
	}
	if rows > 0 {
		batches = append(batches, format.Batch{RecordBatch: p.batch.Finish(rows)})
	}
	return batches, n, nil
}
