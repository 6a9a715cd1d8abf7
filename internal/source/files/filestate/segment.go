package filestate

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"sort"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/freshet/freshet/internal/object"
)

// A segment is an immutable list of entries: blocks of some hundred entries,
// each compressed by itself and preceded by its checksum, then a directory of
// the blocks, so that a reader finds the few that it needs.
//
//	magic      8 bytes "freshet2"
//	blocks     each 4 bytes CRC-32C of the rest, a zstd frame of entries
//	directory  a block of (uvarint length, first path, uvarint its sequence
//	           number, uvarint offset, uvarint size)
//	trailer    8 bytes offset of the directory, 8 bytes magic; little-endian
//
// An entry is written as what it shares with the one before: uvarint length
// of the common prefix of the paths, uvarint length of the rest, the rest,
// uvarint sequence number, uvarint size, varint modification time, the
// discovery time as a varint difference to it, uvarint state; and, unless that
// is zero, its time as a varint, uvarint length of the detail, the detail.
const (
	segmentMagic = "freshet2"
	trailerBytes = 16
	// checksumBytes come before each frame.
	checksumBytes = 4
	blockTarget   = 64 << 10  // bytes of entries before compression
	maxBlock      = 16 << 20  // bytes, so that damage cannot exhaust memory
	maxDirectory  = 256 << 20 // bytes: of 60 GB of entries, with paths of 250 bytes
	maxPath       = 1 << 20   // bytes
	maxDetail     = 64 << 10  // bytes; an error that quotes a huge record is cut off
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// order is how the entries of a segment ascend.
type order int

const (
	byPath order = iota // then by sequence number
	bySeq
)

func (o order) compare(a, b *Entry) int {
	if o == byPath {
		if c := strings.Compare(a.Path, b.Path); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.Seq, b.Seq)
}

// segment describes a stored segment in the manifest.
type segment struct {
	Name    string `json:"name"`
	Entries int64  `json:"entries"`
	Bytes   int64  `json:"bytes"`
	// FirstSeq and LastSeq bound the sequence numbers in it.
	FirstSeq int64 `json:"firstSeq"`
	LastSeq  int64 `json:"lastSeq"`
	// Size is the bytes of all files in it, Oldest when the first of them was
	// discovered, in µs since 1970.
	Size   int64 `json:"size"`
	Oldest int64 `json:"oldest"`
	// MinPath and MaxPath bound the paths of a segment by path.
	MinPath string `json:"minPath,omitempty"`
	MaxPath string `json:"maxPath,omitempty"`
	// States has a bit for each state in it; 0, of older segments, says nothing.
	States uint64 `json:"states,omitempty"`
}

// damageError says that a segment cannot be read as what it was written as.
type damageError struct {
	name string
	err  error
}

func (e *damageError) Error() string {
	return fmt.Sprintf("the file state is damaged: segment %s: %v; restore the checkpoint from a copy", e.name, e.err)
}

func (e *damageError) Unwrap() error { return e.err }

// ErrorClass returns the class of the error.
func (*damageError) ErrorClass() string { return "STREAMING_CHECKPOINT_CORRUPT" }

// SQLState returns the error's SQLSTATE.
func (*damageError) SQLState() string { return "KD002" }

// writeSegment stores entries, which ascend in the order given.
func writeSegment(ctx context.Context, store object.Store, key, name string, by order, entries iter.Seq2[Entry, error]) (seg segment, err error) {
	up, err := store.Create(ctx, key)
	if err != nil {
		return seg, fmt.Errorf("write segment %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write segment %s: %w", name, err), up.Abort())
		}
	}()
	w, err := newSegmentWriter(up, by)
	if err != nil {
		return seg, err
	}
	for e, err := range entries {
		if err != nil {
			return seg, err
		}
		if err := w.add(&e); err != nil {
			return seg, err
		}
	}
	if err := w.finish(); err != nil {
		return seg, err
	}
	w.seg.Name, w.seg.Bytes = name, w.written
	return w.seg, up.Close()
}

type segmentWriter struct {
	out       io.Writer
	by        order
	z         *zstd.Encoder
	written   int64
	block     []byte
	first     Entry // of the block
	directory []byte
	last      Entry
	seg       segment
}

func newSegmentWriter(out io.Writer, by order) (*segmentWriter, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	w := &segmentWriter{out: out, by: by, z: z}
	return w, w.emit([]byte(segmentMagic))
}

func (w *segmentWriter) emit(b []byte) error {
	n, err := w.out.Write(b)
	w.written += int64(n)
	return err
}

func (w *segmentWriter) add(e *Entry) error {
	if len(e.Path) > maxPath {
		return fmt.Errorf("path of %d bytes is longer than %d", len(e.Path), maxPath)
	}
	if w.seg.Entries > 0 && w.by.compare(&w.last, e) >= 0 {
		return fmt.Errorf("entry %d, %q does not follow entry %d, %q", e.Seq, e.Path, w.last.Seq, w.last.Path)
	}
	if len(w.block) == 0 {
		w.first, w.last.Path = *e, ""
	}
	w.block = appendEntry(w.block, w.last.Path, e)
	w.note(e)
	w.last = *e
	if len(w.block) >= blockTarget {
		return w.flush()
	}
	return nil
}

func (w *segmentWriter) note(e *Entry) {
	if w.seg.Entries == 0 {
		w.seg.FirstSeq, w.seg.LastSeq = e.Seq, e.Seq
		w.seg.MinPath, w.seg.Oldest = e.Path, e.Discovered
	}
	w.seg.Entries++
	w.seg.Size += e.Size
	w.seg.Oldest = min(w.seg.Oldest, e.Discovered)
	w.seg.FirstSeq, w.seg.LastSeq = min(w.seg.FirstSeq, e.Seq), max(w.seg.LastSeq, e.Seq)
	w.seg.MaxPath = e.Path
	w.seg.States |= 1 << e.State
}

func appendEntry(b []byte, before string, e *Entry) []byte {
	shared := 0
	for shared < min(len(before), len(e.Path)) && before[shared] == e.Path[shared] {
		shared++
	}
	b = binary.AppendUvarint(b, uint64(shared))
	b = binary.AppendUvarint(b, uint64(len(e.Path)-shared))
	b = append(b, e.Path[shared:]...)
	b = binary.AppendUvarint(b, uint64(e.Seq))
	b = binary.AppendUvarint(b, uint64(e.Size))
	b = binary.AppendVarint(b, e.ModTime)
	b = binary.AppendVarint(b, e.Discovered-e.ModTime)
	b = binary.AppendUvarint(b, uint64(e.State))
	if e.State == Known {
		return b
	}
	detail := e.Detail
	if len(detail) > maxDetail {
		detail = strings.ToValidUTF8(detail[:maxDetail], "")
	}
	b = binary.AppendVarint(b, e.StateTime)
	b = binary.AppendUvarint(b, uint64(len(detail)))
	return append(b, detail...)
}

// flush writes the entries gathered as a block.
func (w *segmentWriter) flush() error {
	if len(w.block) == 0 {
		return nil
	}
	offset := w.written
	if err := w.frame(w.block); err != nil {
		return err
	}
	w.directory = binary.AppendUvarint(w.directory, uint64(len(w.first.Path)))
	w.directory = append(w.directory, w.first.Path...)
	w.directory = binary.AppendUvarint(w.directory, uint64(w.first.Seq))
	w.directory = binary.AppendUvarint(w.directory, uint64(offset))
	w.directory = binary.AppendUvarint(w.directory, uint64(w.written-offset))
	w.block = w.block[:0]
	return nil
}

// frame writes bytes compressed, after their checksum.
func (w *segmentWriter) frame(plain []byte) error {
	frame := w.z.EncodeAll(plain, make([]byte, checksumBytes, checksumBytes+len(plain)/2))
	binary.LittleEndian.PutUint32(frame, crc32.Checksum(frame[checksumBytes:], castagnoli))
	return w.emit(frame)
}

func (w *segmentWriter) finish() error {
	if err := w.flush(); err != nil {
		return err
	}
	trailer := binary.LittleEndian.AppendUint64(nil, uint64(w.written))
	if len(w.directory) > maxDirectory {
		return fmt.Errorf("write a segment of the file state: its directory has %d bytes, the limit is %d", len(w.directory), maxDirectory)
	}
	if err := w.frame(w.directory); err != nil {
		return err
	}
	if w.by == bySeq {
		w.seg.MinPath, w.seg.MaxPath = "", "" // they do not bound anything
	}
	return errors.Join(w.emit(append(trailer, segmentMagic...)), w.z.Close())
}

// reader reads a segment's entries in their order. It holds one block.
type reader struct {
	name   string
	object object.Object
	z      *zstd.Decoder
	blocks []blockRef
	next   int // block to read
	block  []byte
	entry  Entry
	valid  bool
}

type blockRef struct {
	path         string // of the first entry
	seq          int64
	offset, size int64
}

func openSegment(ctx context.Context, store object.Store, key string, seg segment) (*reader, error) {
	o, err := store.Open(ctx, key)
	if errors.Is(err, fs.ErrNotExist) { // or the state has gone on, which readers find out
		return nil, &damageError{name: seg.Name, err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("open segment %s of the file state: %w", seg.Name, err)
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlock))
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	r := &reader{name: seg.Name, object: o, z: z}
	if err := r.readDirectory(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *reader) close() {
	r.z.Close()
	_ = r.object.Close() // it was only read
}

func (r *reader) damaged(format string, args ...any) error {
	return &damageError{name: r.name, err: fmt.Errorf(format, args...)}
}

func (r *reader) readDirectory() error {
	size := r.object.Size()
	if size < int64(len(segmentMagic))+trailerBytes {
		return r.damaged("it is cut short")
	}
	var trailer [trailerBytes]byte
	if _, err := r.object.ReadAt(trailer[:], size-trailerBytes); err != nil {
		return fmt.Errorf("read segment %s: %w", r.name, err)
	}
	at := int64(binary.LittleEndian.Uint64(trailer[:]))
	if string(trailer[8:]) != segmentMagic || at < 0 || at > size-trailerBytes {
		return r.damaged("it does not end as a segment")
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDirectory))
	if err != nil {
		return err
	}
	defer z.Close()
	plain, err := r.frame(z, at, size-trailerBytes-at, maxDirectory)
	if err != nil {
		return err
	}
	// Blocks follow one another up to the directory: none can be missing, and
	// there are no more of them than the segment has room for.
	next := int64(len(segmentMagic))
	for len(plain) > 0 {
		d := decoder{in: plain}
		ref := blockRef{path: string(d.bytes(maxPath)), seq: int64(d.uvarint()), offset: int64(d.uvarint()), size: int64(d.uvarint())}
		if d.bad || ref.offset != next || ref.size <= checksumBytes || ref.size > at-next {
			return r.damaged("its directory is no list of blocks")
		}
		r.blocks = append(r.blocks, ref)
		plain, next = d.in, next+ref.size
	}
	if next != at {
		return r.damaged("its directory lacks blocks")
	}
	return nil
}

// frame reads, checks and decompresses size bytes at offset.
func (r *reader) frame(z *zstd.Decoder, offset, size, limit int64) ([]byte, error) {
	if size < checksumBytes || size > limit {
		return nil, r.damaged("a block of %d bytes", size)
	}
	stored := make([]byte, size)
	if _, err := r.object.ReadAt(stored, offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read segment %s: %w", r.name, err)
	}
	if crc32.Checksum(stored[checksumBytes:], castagnoli) != binary.LittleEndian.Uint32(stored) {
		return nil, r.damaged("the checksum of a block is wrong")
	}
	plain, err := z.DecodeAll(stored[checksumBytes:], nil)
	if err != nil {
		return nil, r.damaged("%w", err)
	}
	return plain, nil
}

// seek moves to the first entry whose path is p or greater, in a segment by
// path. It never moves back.
func (r *reader) seek(p string) error {
	return r.find(func(b *blockRef) bool { return b.path < p }, func(e *Entry) bool { return e.Path < p })
}

// seekSeq moves to the first entry numbered seq or higher, in a segment by
// sequence number.
func (r *reader) seekSeq(seq int64) error {
	return r.find(func(b *blockRef) bool { return b.seq < seq }, func(e *Entry) bool { return e.Seq < seq })
}

// find moves to the first entry that is not before what is looked for. The
// last block that begins before it may hold it; those in between are skipped.
func (r *reader) find(begins func(*blockRef) bool, before func(*Entry) bool) error {
	if r.valid && !before(&r.entry) {
		return nil
	}
	at := sort.Search(len(r.blocks), func(i int) bool { return !begins(&r.blocks[i]) }) - 1
	if at >= r.next {
		r.next, r.block = at, nil
	}
	for {
		if ok, err := r.advance(); !ok || err != nil || !before(&r.entry) {
			return err
		}
	}
}

// advance moves to the next entry and reports whether there is one.
func (r *reader) advance() (bool, error) {
	for len(r.block) == 0 {
		if r.next == len(r.blocks) {
			r.valid = false
			return false, nil
		}
		ref := r.blocks[r.next]
		r.next++
		var err error
		if r.block, err = r.frame(r.z, ref.offset, ref.size, maxBlock); err != nil {
			return false, err
		}
		r.entry.Path = ""
	}
	d := decoder{in: r.block}
	shared := d.uvarint()
	if shared > uint64(len(r.entry.Path)) {
		return false, r.damaged("an entry shares %d bytes of a path of %d", shared, len(r.entry.Path))
	}
	r.entry.Path = r.entry.Path[:shared] + string(d.bytes(maxPath))
	r.entry.Seq, r.entry.Size, r.entry.ModTime = int64(d.uvarint()), int64(d.uvarint()), d.varint()
	r.entry.Discovered = r.entry.ModTime + d.varint()
	r.entry.State, r.entry.StateTime, r.entry.Detail = State(d.uvarint()), 0, ""
	if r.entry.State != Known {
		r.entry.StateTime, r.entry.Detail = d.varint(), string(d.bytes(maxPath))
	}
	if d.bad {
		return false, r.damaged("an entry is cut short")
	}
	if e := &r.entry; e.Seq < 0 || e.Seq > maxNumber || e.Size < 0 || e.Size > maxNumber {
		return false, r.damaged("entry %d has %d bytes", e.Seq, e.Size)
	}
	r.block, r.valid = d.in, true
	return true, nil
}

// decoder reads numbers and strings, and remembers whether it could.
type decoder struct {
	in  []byte
	bad bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.in)
	d.skip(n)
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.in)
	d.skip(n)
	return v
}

// skip passes over n bytes; none means that there was no number.
func (d *decoder) skip(n int) {
	if n <= 0 {
		d.bad, n = true, len(d.in)
	}
	d.in = d.in[n:]
}

// bytes returns a part of the input, which the caller copies.
func (d *decoder) bytes(limit uint64) []byte {
	n := d.uvarint()
	if n > limit || n > uint64(len(d.in)) {
		d.bad = true
		return nil
	}
	b := d.in[:n]
	d.in = d.in[n:]
	return b
}
