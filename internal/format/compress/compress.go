// Package compress opens files for reading, decompressed.
//
// The codec is told from the extension of the path and, where one extension
// has several layouts in use (.lz4, .snappy), from the first bytes. Input that
// is truncated or fails a checksum is an error, never a shorter file.
package compress

import (
	"bufio"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/object"
)

// Codec is a compression format.
type Codec int

// The codecs, with the extensions that name them.
const (
	None    Codec = iota
	Gzip          // .gz, .gzip
	Zstd          // .zst, .zstd
	Bzip2         // .bz2
	LZ4           // .lz4: frames, or Hadoop's blocks
	Snappy        // .snappy, .sz: frames, Hadoop's blocks, or one raw block
	Deflate       // .deflate, .zlib: zlib, as Hadoop writes it
)

var extensions = map[string]Codec{
	".gz": Gzip, ".gzip": Gzip,
	".zst": Zstd, ".zstd": Zstd,
	".bz2":    Bzip2,
	".lz4":    LZ4,
	".snappy": Snappy, ".sz": Snappy,
	".deflate": Deflate, ".zlib": Deflate,
}

// ByPath returns the codec that the extension of a path names, ignoring case.
func ByPath(name string) Codec { return extensions[strings.ToLower(path.Ext(name))] }

// Reader reads the decompressed bytes of one file. It is for one goroutine,
// but [Reader.Stored] may be called from any.
type Reader struct {
	file   format.File
	object object.Object
	source *source
	plain  io.Reader
	close  func()
	done   bool
}

// Open opens file. Every error of it and of the reader's methods, but for
// [io.EOF], is a [*format.FileError]; a file that is gone has Missing set, and
// one shorter than listed is refused, since it changed since.
func Open(ctx context.Context, file format.File) (*Reader, error) {
	obj, err := file.Store.Open(ctx, file.Key)
	if err != nil {
		return nil, &format.FileError{Path: file.Path, Missing: errors.Is(err, fs.ErrNotExist), Err: err}
	}
	r := &Reader{file: file, object: obj, source: &source{object: obj, size: obj.Size()}}
	if obj.Size() < file.Size {
		err = fmt.Errorf("the file has %d bytes now, fewer than the %d listed: it changed since", obj.Size(), file.Size)
	} else {
		err = r.start()
	}
	if err != nil {
		_ = r.Close() // the first error tells more
		return nil, r.fail(err)
	}
	return r, nil
}

// start sets the decompressor up.
func (r *Reader) start() error {
	codec := ByPath(r.file.Path)
	if codec == None {
		r.plain = r.source
		return nil
	}
	src := bufio.NewReaderSize(r.source, 64<<10)
	if _, err := src.Peek(1); errors.Is(err, io.EOF) {
		r.plain = src // zero bytes decompress to zero bytes, as in Hadoop
		return nil
	}
	switch codec {
	case Gzip:
		z, err := gzip.NewReader(src)
		r.plain = z
		return err
	case Zstd:
		z, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<28))
		if err != nil {
			return err
		}
		r.plain, r.close = z, z.Close
	case Bzip2:
		r.plain = bzip2.NewReader(src)
	case LZ4:
		return r.startLZ4(src)
	case Snappy:
		return r.startSnappy(src)
	case Deflate:
		m := &members{source: src, next: func(s *bufio.Reader) (io.Reader, error) { return zlib.NewReader(s) }}
		r.plain = m
	case None:
	}
	return nil
}

// Read implements [io.Reader].
func (r *Reader) Read(p []byte) (int, error) {
	if r.done {
		return 0, io.EOF
	}
	n, err := r.plain.Read(p)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		if read := r.source.offset.Load(); read < r.source.size {
			return n, r.fail(fmt.Errorf("%d bytes follow the end of the compressed data", r.source.size-read))
		}
		r.done = true
		return n, io.EOF
	}
	return n, r.fail(err)
}

// fail makes err a [*format.FileError].
func (r *Reader) fail(err error) error {
	if _, known := errors.AsType[*format.FileError](err); known {
		return err
	}
	return &format.FileError{Path: r.file.Path, Missing: errors.Is(err, fs.ErrNotExist), Err: err}
}

// Stored returns how many bytes of the file, as stored, were read so far.
func (r *Reader) Stored() int64 { return r.source.offset.Load() }

// Close releases the file.
func (r *Reader) Close() error {
	if r.close != nil {
		r.close()
	}
	if err := r.object.Close(); err != nil {
		return r.fail(err)
	}
	return nil
}

// source reads an object from its start to the size it had when opened.
type source struct {
	object object.Object
	size   int64
	offset atomic.Int64
}

func (s *source) Read(p []byte) (int, error) {
	at := s.offset.Load()
	if at >= s.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), s.size-at)]
	n, err := s.object.ReadAt(p, at)
	s.offset.Add(int64(n))
	switch {
	case n == len(p):
		return n, nil
	case err == nil || errors.Is(err, io.EOF):
		return n, fmt.Errorf("the file ended at byte %d of %d: it changed while it was read: %w",
			at+int64(n), s.size, io.ErrUnexpectedEOF)
	}
	return n, err
}

// members reads concatenated compressed streams as one.
type members struct {
	source  *bufio.Reader
	next    func(*bufio.Reader) (io.Reader, error)
	current io.Reader
}

func (m *members) Read(p []byte) (int, error) {
	for {
		if m.current == nil {
			if _, err := m.source.Peek(1); err != nil {
				return 0, err
			}
			var err error
			if m.current, err = m.next(m.source); err != nil {
				return 0, noEOF(err)
			}
		}
		n, err := m.current.Read(p)
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			m.current, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// noEOF turns the end of input where there may be none into an error.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
