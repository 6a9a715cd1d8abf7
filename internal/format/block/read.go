package block

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/compress"
)

// errTooLong says that the next record exceeds Config.MaxRecord; deliver,
// which knows the line, makes the error of it.
var errTooLong = errors.New("record too long")

// reader cuts the text of one file into blocks.
type reader[H, R any] struct {
	run    *run[H, R]
	stream *stream[H, R]
	source *compress.Reader
	text   io.Reader
	stored int64 // bytes of source that earlier blocks account for

	head    Head[H]
	hasHead bool
	buffer  []byte
	cost    int // of buffer in the budget
	used    int // bytes of buffer that are text
	final   bool
	// hasBlock says that a block was cut; Head's size is then behind.
	hasBlock bool
}

// read queues the blocks of s's file, and returns what ended it early.
func (r *run[H, R]) read(s *stream[H, R]) (err error) {
	source, err := compress.Open(s.ended, s.file)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := source.Close(); err == nil {
			err = cerr
		}
	}()
	text, err := r.cfg.Charset.NewReader(source)
	if err != nil {
		return err
	}
	rd := &reader[H, R]{run: r, stream: s, source: source, text: text}
	first := r.cfg.Size
	if compress.ByPath(s.file.Path) == compress.None && s.file.Size > 0 {
		first = int(min(int64(first), s.file.Size))
	}
	if err := rd.renew(nil, first); err != nil {
		return err
	}
	for {
		done, err := rd.step()
		if err != nil || done {
			r.recycle(rd.buffer)
			s.share.give(rd.cost)
			return err
		}
	}
}

// step reads on, and cuts one block or makes room for one. It reports whether
// the file is at its end.
func (rd *reader[H, R]) step() (done bool, err error) {
	if err := rd.fill(); err != nil {
		if serr := rd.salvage(); serr != nil {
			return false, serr
		}
		return false, asFileError(&rd.stream.file, err)
	}
	if !rd.hasHead {
		head, err := rd.run.grammar.Head(&rd.stream.file, rd.buffer[:rd.used], rd.final)
		if errors.Is(err, ErrMore) && !rd.final {
			return false, rd.grow()
		}
		if err != nil {
			return false, err
		}
		rd.head, rd.hasHead, rd.stream.headLines = head, true, head.Lines
	}
	end := rd.used
	if !rd.final {
		end = rd.split()
	}
	if end > rd.head.Size || rd.final && !rd.hasBlock && rd.run.cfg.EmptyFiles {
		return rd.final, rd.cut(end)
	}
	if rd.final {
		return true, nil
	}
	return false, rd.grow()
}

// split returns where the last whole record in the buffer ends, 0 when none
// does.
func (rd *reader[H, R]) split() int {
	n := rd.run.grammar.Split(rd.head.Value, rd.buffer[rd.head.Size:rd.used])
	if n <= 0 {
		return 0
	}
	return rd.head.Size + n
}

// fill reads until the buffer is full or the text ends.
func (rd *reader[H, R]) fill() error {
	for rd.used < len(rd.buffer) && !rd.final {
		if err := rd.stream.ended.Err(); err != nil {
			return err
		}
		n, err := rd.text.Read(rd.buffer[rd.used:])
		rd.used += n
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			rd.final = true
		} else if err != nil {
			return err
		}
	}
	return nil
}

// salvage queues the whole records before a read error.
func (rd *reader[H, R]) salvage() error {
	if !rd.hasHead {
		return nil
	}
	if end := rd.split(); end > rd.head.Size {
		return rd.cut(end)
	}
	return nil
}

// grow makes the buffer twice as large.
func (rd *reader[H, R]) grow() error {
	if rd.used >= rd.run.cfg.MaxRecord {
		return errTooLong
	}
	old, cost := rd.buffer, rd.cost
	if err := rd.renew(old[:rd.used], 2*len(old)); err != nil {
		return err
	}
	rd.run.recycle(old)
	rd.stream.share.give(cost)
	return nil
}

// cut queues the text up to end as a block and starts the next buffer with
// what follows.
func (rd *reader[H, R]) cut(end int) error {
	stored := rd.source.Stored()
	t := &task[H, R]{
		block: Block[H]{
			File: &rd.stream.file, Head: rd.head.Value,
			Data: rd.buffer[rd.head.Size:end:end], Final: rd.final,
		},
		size: int64(end - rd.head.Size), buffer: rd.buffer, cost: rd.cost, stored: stored - rd.stored, done: make(chan struct{}),
	}
	rd.stored, rd.head.Size, rd.hasBlock = stored, 0, true
	rest := rd.buffer[end:rd.used]
	rd.buffer, rd.cost, rd.used = nil, 0, 0
	rest = append([]byte(nil), rest...) // the worker recycles the buffer
	if err := rd.run.queue(rd.stream, t); err != nil || rd.final {
		return err
	}
	return rd.renew(rest, rd.run.cfg.Size)
}

// renew gives the reader a buffer of at least size bytes that starts with
// text, once the budget allows.
func (rd *reader[H, R]) renew(text []byte, size int) error {
	size = max(size, len(text)+1)
	if err := rd.stream.share.take(rd.stream.ended, size, rd.cost); err != nil {
		return err
	}
	rd.buffer, rd.cost = rd.run.buffer(size), size
	rd.used = copy(rd.buffer, text)
	return nil
}

// queue hands t to the workers, and to deliver in order.
func (r *run[H, R]) queue(s *stream[H, R], t *task[H, R]) error {
	select {
	case s.blocks <- t:
	case <-s.ended.Done():
		return s.ended.Err()
	}
	select {
	case r.tasks <- t:
		return nil
	case <-s.ended.Done():
		t.err = s.ended.Err()
		close(t.done)
		return t.err
	}
}

// buffer returns a buffer of size bytes.
func (r *run[H, R]) buffer(size int) []byte {
	if size > r.cfg.Size {
		return make([]byte, size)
	}
	if b, ok := r.buffers.Get().(*[]byte); ok {
		return (*b)[:size]
	}
	return make([]byte, r.cfg.Size)[:size]
}

// recycle takes a buffer of r back.
func (r *run[H, R]) recycle(b []byte) {
	if cap(b) == r.cfg.Size {
		b = b[:cap(b)]
		r.buffers.Put(&b)
	}
}

func asFileError(file *format.File, err error) error {
	var known *format.FileError
	if errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	return &format.FileError{Path: file.Path, Err: fmt.Errorf("decode text: %w", err)}
}
