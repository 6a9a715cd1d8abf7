// Package block reads text files in parallel.
//
// [Read] opens files ahead, decompresses and decodes them to UTF-8, cuts them
// into blocks of whole records where a [Grammar] says, has blocks parsed by
// as many workers as there are processors, and yields what the workers made in
// the order of the input. Memory is bounded by [Config], whatever the number
// and size of files; only a record larger than a block makes its block grow.
package block

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/charset"
)

// Defaults of [Config].
const (
	DefaultSize      = 1 << 20
	DefaultMaxRecord = 1 << 30
	openAhead        = 16 // files opened before their turn, to hide latency
)

// Config says how to read. The zero value is right for most uses.
type Config struct {
	Charset   charset.Charset // of the files; the zero value is UTF-8
	Size      int             // bytes of a block; 0 is DefaultSize
	MaxRecord int             // bytes of the longest record; 0 is DefaultMaxRecord
	Workers   int             // parallel parsers; 0 is GOMAXPROCS
	// EmptyFiles gives files without records a block with no data, so that
	// their head is seen.
	EmptyFiles bool
	// Memory bounds the bytes of all blocks that were read but not yet
	// yielded; 0 suits Size and Workers. A single record may exceed it.
	Memory int
}

func (c Config) withDefaults() Config {
	if c.Size <= 0 {
		c.Size = DefaultSize
	}
	if c.MaxRecord <= 0 {
		c.MaxRecord = DefaultMaxRecord
	}
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Memory <= 0 {
		c.Memory = (3*c.Workers + 2) * c.Size
	}
	return c
}

// Grammar tells how records lie in the text of a format's files. H is what
// the start of a file tells about all of it, such as a header. A Grammar is
// called concurrently for different files.
type Grammar[H any] interface {
	// Head looks at the start of a file's text. final says that data is all of
	// it; otherwise Head may answer [ErrMore] to be called again with more.
	// Any other error ends the reading of this file.
	Head(file *format.File, data []byte, final bool) (Head[H], error)

	// Split returns the length of as many whole records as it finds at the
	// start of data, which begins with a record and is not the end of the
	// file; 0 when not even the first record is whole.
	Split(head H, data []byte) int
}

// Head is the start of a file.
type Head[H any] struct {
	Value H     // what workers get to know
	Size  int   // bytes of text the head takes
	Lines int64 // lines it takes
}

// ErrMore is how [Grammar.Head] asks for more text.
var ErrMore = errors.New("more text needed")

// ErrSkipFile is how [Parser.Parse] says that the rest of the file is not
// wanted. The result that comes with it is delivered.
var ErrSkipFile = errors.New("skip the rest of the file")

// Block is some consecutive whole records of one file.
type Block[H any] struct {
	File *format.File
	Head H
	// Data is the records' text, UTF-8 unless the file has invalid bytes. It
	// is the worker's until it returns; nothing may refer to it thereafter.
	Data []byte
	// Final says that the text of the file ends with Data.
	Final bool
}

// Parser turns blocks into results of type R. Each worker has its own. An
// error of type [*format.FileError] ends the reading of the block's file, any
// other that of all; a [*format.RecordError] counts lines from 1 at the
// block's start, and Read makes that the line of the file.
type Parser[H, R any] interface {
	Parse(ctx context.Context, b Block[H]) (result R, lines int64, err error)
}

// Output is the result of one block.
type Output[H, R any] struct {
	Value R
	File  *format.File // the same for all blocks of a file
	Head  H
	Index int64 // of the block in the file, from 0
	Line  int64 // 1-based, at which the block starts
	Size  int64 // of the block's text, in bytes
	Bytes int64 // of the file, as stored, read for the block
}

// Read reads files in order, as [format.Format] demands of Read: an error of
// type [*format.FileError] concerns one file and the next one follows, any
// other is the last thing yielded. newParser is called once a worker. All that
// was started has ended when the loop over the sequence ends. The sequence
// files is consumed on another goroutine, some files ahead.
func Read[H, R any](
	ctx context.Context, files iter.Seq[format.File], cfg Config,
	grammar Grammar[H], newParser func() Parser[H, R],
) iter.Seq2[Output[H, R], error] {
	return func(yield func(Output[H, R], error) bool) {
		r := &run[H, R]{cfg: cfg.withDefaults(), grammar: grammar}
		r.start(ctx, files, newParser)
		defer r.stop()
		r.deliver(ctx, yield)
	}
}

// Batches is [Read] for parsers that make Arrow batches of blocks: it fills
// File, FirstRow and Bytes of each batch.
func Batches[H any](
	ctx context.Context, files iter.Seq[format.File], cfg Config,
	grammar Grammar[H], newParser func() Parser[H, []format.Batch],
) iter.Seq2[format.Batch, error] {
	return func(yield func(format.Batch, error) bool) {
		var rows, bytes int64 // bytes of blocks that gave no batch yet
		for out, err := range Read(ctx, files, cfg, grammar, newParser) {
			if err != nil {
				if !yield(format.Batch{}, err) {
					return
				}
				continue
			}
			if out.Index == 0 {
				rows, bytes = 0, 0
			}
			bytes += out.Bytes
			for _, b := range out.Value {
				b.File, b.FirstRow, b.Bytes = out.File, rows, bytes
				rows, bytes = rows+b.NumRows(), 0
				if !yield(b, nil) {
					return
				}
			}
		}
	}
}

// tooLong is the error of a record at line that exceeds Config.MaxRecord.
func tooLong(file *format.File, line int64, limit int) error {
	return &format.FileError{Path: file.Path, Err: fmt.Errorf("line %d: a record is longer than %d bytes", line, limit)}
}
