package loaded

import (
	"bufio"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"iter"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/freshet/freshet/internal/object"
)

// A segment is one zstd frame of:
//
//	magic    8 bytes  "freshet1"
//	entries  each uvarint length shared with the previous path + 1, uvarint
//	         length of the rest, the rest; ascending order
//	end      uvarint 0
//	crc      4 bytes  little-endian CRC-32C of everything before
const segmentMagic = "freshet1"

// maxPath bounds a path in bytes, so that a damaged length cannot exhaust
// memory.
const maxPath = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writeSegment stores ascending paths under name.
func writeSegment(ctx context.Context, store object.Store, name string, paths iter.Seq[string]) (seg segment, err error) {
	up, err := store.Create(ctx, segmentKey(name))
	if err != nil {
		return segment{}, fmt.Errorf("write segment %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write segment %s: %w", name, err), up.Abort())
		}
	}()
	counted := &countingWriter{w: up}
	z, err := zstd.NewWriter(counted, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return segment{}, err
	}
	seg, err = encodePaths(z, paths)
	if err != nil {
		return segment{}, errors.Join(err, z.Close())
	}
	if err := z.Close(); err != nil {
		return segment{}, err
	}
	seg.Name, seg.Bytes = name, counted.n
	return seg, up.Close()
}

func encodePaths(w io.Writer, paths iter.Seq[string]) (seg segment, err error) {
	sum := crc32.New(castagnoli)
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	if _, err := out.WriteString(segmentMagic); err != nil {
		return seg, err
	}
	var buf []byte
	last := ""
	for p := range paths {
		if len(p) > maxPath {
			return seg, fmt.Errorf("path of %d bytes is longer than %d", len(p), maxPath)
		}
		if seg.Paths > 0 && p <= last {
			return seg, fmt.Errorf("path %q does not sort after %q", p, last)
		}
		if seg.Paths == 0 {
			seg.Min = p
		}
		shared := sharedPrefix(last, p)
		buf = binary.AppendUvarint(buf[:0], uint64(shared)+1)
		buf = binary.AppendUvarint(buf, uint64(len(p)-shared))
		buf = append(buf, p[shared:]...)
		if _, err := out.Write(buf); err != nil {
			return seg, err
		}
		last = p
		seg.Paths++
	}
	seg.Max = last
	if err := out.WriteByte(0); err != nil {
		return seg, err
	}
	if err := out.Flush(); err != nil {
		return seg, err
	}
	_, err = w.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return seg, err
}

func sharedPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// segmentReader reads one segment's paths in order.
type segmentReader struct {
	src  io.Closer
	z    *zstd.Decoder
	in   *bufio.Reader
	sum  hash.Hash32
	path []byte
	buf  []byte
}

func openSegment(ctx context.Context, store object.Store, seg segment) (*segmentReader, error) {
	o, err := store.Open(ctx, segmentKey(seg.Name))
	if err != nil {
		return nil, err
	}
	r := &segmentReader{src: o}
	r.z, err = zstd.NewReader(io.NewSectionReader(o, 0, o.Size()), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<28))
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	if err := r.begin(r.z); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *segmentReader) begin(src io.Reader) error {
	r.in = bufio.NewReaderSize(src, 1<<16)
	r.sum = crc32.New(castagnoli)
	magic := make([]byte, len(segmentMagic))
	if _, err := io.ReadFull(r.in, magic); err != nil {
		return err
	}
	if string(magic) != segmentMagic {
		return fmt.Errorf("not a segment: it begins with %q", magic)
	}
	_, err := r.sum.Write(magic)
	return err
}

func (r *segmentReader) close() error {
	if r.z != nil {
		r.z.Close()
	}
	return r.src.Close()
}

// next advances to the next path and reports whether there is one. The path
// is valid until the next call.
func (r *segmentReader) next() (bool, error) {
	tag, err := r.uvarint()
	if err != nil {
		return false, err
	}
	if tag == 0 {
		return false, r.verify()
	}
	rest, err := r.uvarint()
	if err != nil {
		return false, err
	}
	shared := tag - 1
	if shared > uint64(len(r.path)) || rest > maxPath {
		return false, errors.New("damaged entry")
	}
	r.path = slices.Grow(r.path[:shared], int(rest))[:shared+rest]
	if _, err := io.ReadFull(r.in, r.path[shared:]); err != nil {
		return false, err
	}
	_, err = r.sum.Write(r.path[shared:])
	return true, err
}

func (r *segmentReader) uvarint() (uint64, error) {
	v, err := binary.ReadUvarint(r.in)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		r.buf = binary.AppendUvarint(r.buf[:0], v)
		_, err = r.sum.Write(r.buf)
	}
	return v, err
}

func (r *segmentReader) verify() error {
	var stored [4]byte
	if _, err := io.ReadFull(r.in, stored[:]); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(stored[:]) != r.sum.Sum32() {
		return errors.New("checksum does not match")
	}
	return nil
}

// merge reads the paths of several segments in one ascending order. The first
// error ends it and stays in err.
type merge struct {
	ctx   context.Context // one look-up's
	store object.Store
	todo  []segment
	heads heads
	begun bool
	err   error
}

type head struct {
	*segmentReader
	name string
}

type heads []head

func (h heads) Len() int           { return len(h) }
func (h heads) Less(i, j int) bool { return string(h[i].path) < string(h[j].path) }
func (h heads) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *heads) Push(x any)        { *h = append(*h, x.(head)) } //nolint:errcheck // only head is pushed
func (h *heads) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

func newMerge(ctx context.Context, store object.Store, segments []segment) *merge {
	return &merge{ctx: ctx, store: store, todo: segments}
}

// start opens the segments; those that end before from are left out.
func (m *merge) start(from string) {
	m.begun = true
	for _, seg := range m.todo {
		if seg.Max < from {
			continue
		}
		r, err := openSegment(m.ctx, m.store, seg)
		if err != nil {
			m.fail(seg.Name, err)
			return
		}
		more, err := r.next()
		if err != nil || !more {
			m.fail(seg.Name, errors.Join(err, r.close()))
			continue
		}
		heap.Push(&m.heads, head{segmentReader: r, name: seg.Name})
	}
}

func (m *merge) fail(name string, err error) {
	if m.err == nil && err != nil {
		m.err = fmt.Errorf("read loaded-file segment %s: %w", name, err)
	}
}

// advance drops the least path.
func (m *merge) advance() {
	h := m.heads[0]
	more, err := h.next()
	switch {
	case err != nil:
		m.fail(h.name, err)
	case more:
		heap.Fix(&m.heads, 0)
	default:
		heap.Pop(&m.heads)
		m.fail(h.name, h.close())
	}
}

// seek drops every path before p and reports whether p is there.
func (m *merge) seek(p string) bool {
	if !m.begun {
		m.start(p)
	}
	for m.err == nil && len(m.heads) > 0 && string(m.heads[0].path) < p {
		m.advance()
	}
	return m.err == nil && len(m.heads) > 0 && string(m.heads[0].path) == p
}

// all yields the remaining paths, each once.
func (m *merge) all() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !m.begun {
			m.start("")
		}
		for m.err == nil && len(m.heads) > 0 {
			p := string(m.heads[0].path)
			if !yield(p) {
				return
			}
			for m.err == nil && len(m.heads) > 0 && string(m.heads[0].path) == p {
				m.advance()
			}
		}
	}
}

func (m *merge) close() {
	for _, h := range m.heads {
		m.fail(h.name, h.close())
	}
	m.heads = nil
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
