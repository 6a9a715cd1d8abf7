package compress

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/pierrec/lz4/v4"
)

// maxBlock bounds one block of Hadoop's layouts and a raw snappy file, in
// decompressed bytes, so that a damaged length cannot exhaust memory.
const maxBlock = 1 << 30

var (
	lz4Magic       = []byte{0x04, 0x22, 0x4d, 0x18}
	lz4LegacyMagic = []byte{0x02, 0x21, 0x4c, 0x18}
	snappyMagic    = []byte("\xff\x06\x00\x00sNaPpY")
)

// startLZ4 reads LZ4 frames, as the lz4 tool writes them, or Hadoop's
// Lz4Codec blocks, which have no magic number.
func (r *Reader) startLZ4(src *bufio.Reader) error {
	start, _ := src.Peek(4) // fewer bytes are no frame either
	if !bytes.Equal(start, lz4Magic) && !bytes.Equal(start, lz4LegacyMagic) {
		r.plain = &hadoopBlocks{source: src, decode: decodeLZ4}
		return nil
	}
	r.plain = &members{source: src, next: func(s *bufio.Reader) (io.Reader, error) {
		return lz4.NewReader(s), nil
	}}
	return nil
}

// startSnappy reads the snappy framing format, Hadoop's SnappyCodec blocks, or
// one raw block, told apart by magic number and plausible lengths.
func (r *Reader) startSnappy(src *bufio.Reader) error {
	start, _ := src.Peek(len(snappyMagic)) // fewer bytes are another layout
	if bytes.Equal(start, snappyMagic) {
		r.plain = snappy.NewReader(src)
		return nil
	}
	if looksLikeHadoop(start, r.source.size) {
		r.plain = &hadoopBlocks{source: src, decode: decodeSnappy}
		return nil
	}
	if r.source.size > maxBlock {
		return errors.New("a raw snappy file over 1 GiB cannot be read")
	}
	raw, err := io.ReadAll(src)
	if err != nil {
		return err
	}
	n, err := snappy.DecodedLen(raw)
	if err != nil || n > maxBlock {
		return errors.New("not snappy data")
	}
	plain, err := snappy.Decode(nil, raw)
	r.plain = bytes.NewReader(plain)
	return err
}

// looksLikeHadoop reports whether a file of size bytes can begin with a block
// of Hadoop's layout: decompressed length, compressed length, raw snappy.
func looksLikeHadoop(start []byte, size int64) bool {
	if len(start) < 9 {
		return false
	}
	plain, stored := binary.BigEndian.Uint32(start), binary.BigEndian.Uint32(start[4:])
	first, n := binary.Uvarint(start[8:])
	if n == 0 { // the varint goes on behind start
		first = 0
	}
	return n >= 0 && plain <= maxBlock && int64(stored)+8 <= size && first <= uint64(plain)
}

// hadoopBlocks reads Hadoop's BlockCompressorStream layout: blocks of a
// big-endian decompressed length and chunks, each a big-endian compressed
// length and its bytes, until the block's length is reached.
type hadoopBlocks struct {
	source *bufio.Reader
	// decode decompresses stored into dst, whose length is all the block has
	// left, and returns how much it wrote.
	decode func(dst, stored []byte) (int, error)
	block  int // decompressed bytes of the block still to come
	stored []byte
	plain  []byte
	rest   []byte // of plain, not yet read
}

func (h *hadoopBlocks) Read(p []byte) (int, error) {
	for len(h.rest) == 0 {
		if err := h.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, h.rest)
	h.rest = h.rest[n:]
	return n, nil
}

func (h *hadoopBlocks) fill() error {
	if h.block == 0 {
		if _, err := h.source.Peek(1); err != nil {
			return err
		}
		n, err := h.length()
		h.block = n
		return err
	}
	n, err := h.length()
	if err != nil {
		return err
	}
	if h.stored, err = readN(h.source, h.stored[:0], n); err != nil {
		return err
	}
	if cap(h.plain) < h.block {
		h.plain = make([]byte, h.block)
	}
	written, err := h.decode(h.plain[:h.block], h.stored)
	if err != nil {
		return err
	}
	h.rest = h.plain[:written]
	h.block -= written
	return nil
}

func (h *hadoopBlocks) length() (int, error) {
	var b [4]byte
	if _, err := io.ReadFull(h.source, b[:]); err != nil {
		return 0, noEOF(err)
	}
	n := binary.BigEndian.Uint32(b[:])
	if n > maxBlock {
		return 0, fmt.Errorf("a compressed block claims %d bytes", n)
	}
	return int(n), nil
}

// readN appends n bytes of src to dst. It grows dst as bytes arrive, so that a
// damaged length cannot allocate more than the file holds.
func readN(src io.Reader, dst []byte, n int) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	_, err := io.CopyN(buf, src, int64(n))
	if err != nil {
		return nil, noEOF(err)
	}
	return buf.Bytes(), nil
}

func decodeLZ4(dst, stored []byte) (int, error) { return lz4.UncompressBlock(stored, dst) }

func decodeSnappy(dst, stored []byte) (int, error) {
	n, err := snappy.DecodedLen(stored)
	if err != nil {
		return 0, err
	}
	if n > len(dst) {
		return 0, snappy.ErrCorrupt
	}
	_, err = snappy.Decode(dst[:n], stored)
	return n, err
}
