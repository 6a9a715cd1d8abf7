package state

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/klauspost/compress/zstd"

	"github.com/freshet/freshet/internal/object"
)

// A file is a magic word, then blocks of rows, then one block that has the
// info, and its place: a file that ends otherwise is no whole file.
//
//	block  = length (4 bytes, little endian), CRC-32C of the payload (4), payload
//	rows   = zstd of an Arrow IPC stream with one batch
//	footer = length of the info block (4), magic word
const magic = "FRSTATE1"

const (
	headerBytes = 8
	footerBytes = int64(4 + len(magic))
	// maxBlock bounds a block as it is stored, maxPlain what it holds.
	maxBlock = 64 << 20
	maxPlain = 128 << 20
	// blockRows is how many rows a block has at most. Blocks of wide rows have
	// fewer.
	blockRows = 1 << 14
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// write writes a file, whole or not at all.
func (s *Store) write(
	ctx context.Context, key string, layout *arrow.Schema, rows iter.Seq2[arrow.RecordBatch, error], info func() (json.RawMessage, error),
) (err error) {
	up, err := s.store.Create(ctx, key)
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write state: %w", err), up.Abort())
		}
	}()
	w, err := newBlockWriter(up)
	if err != nil {
		return err
	}
	defer w.pack.Close() //nolint:errcheck // it has nothing to flush
	for rec, err := range rows {
		if err == nil {
			err = w.rows(layout, rec)
		}
		if err != nil {
			return err
		}
	}
	last, err := info()
	if err == nil {
		err = w.block(last)
	}
	if err != nil {
		return err
	}
	end := binary.LittleEndian.AppendUint32(nil, uint32(len(last)))
	if _, err := up.Write(append(end, magic...)); err != nil {
		return err
	}
	return up.Close()
}

// blockWriter writes the blocks of a file.
type blockWriter struct {
	to   io.Writer
	pack *zstd.Encoder
}

func newBlockWriter(to io.Writer) (*blockWriter, error) {
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(to, magic)
	return &blockWriter{to: to, pack: pack}, err
}

func (w *blockWriter) block(payload []byte) error {
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(payload, castagnoli))
	if _, err := w.to.Write(head); err != nil {
		return err
	}
	_, err := w.to.Write(payload)
	return err
}

// rows writes a batch in blocks within the limits.
func (w *blockWriter) rows(layout *arrow.Schema, rec arrow.RecordBatch) error {
	for at := int64(0); at < rec.NumRows(); at += blockRows {
		part := rec.NewSlice(at, min(at+blockRows, rec.NumRows()))
		err := w.split(layout, part)
		part.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// split writes rows as one block, or as several when they are too large.
func (w *blockWriter) split(layout *arrow.Schema, rec arrow.RecordBatch) error {
	plain, err := encode(layout, rec)
	if err != nil {
		return err
	}
	if len(plain) <= maxPlain {
		if packed := w.pack.EncodeAll(plain, nil); len(packed) <= maxBlock {
			return w.block(packed)
		}
	}
	n := rec.NumRows()
	if n == 1 {
		return fmt.Errorf("a row of %d bytes is too large to be kept as state", len(plain))
	}
	for _, part := range []arrow.RecordBatch{rec.NewSlice(0, n/2), rec.NewSlice(n/2, n)} {
		if err == nil {
			err = w.split(layout, part)
		}
		part.Release()
	}
	return err
}

// encode returns rows as an Arrow IPC stream.
func encode(layout *arrow.Schema, rec arrow.RecordBatch) ([]byte, error) {
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(layout))
	rec = array.NewRecordBatch(layout, rec.Columns(), rec.NumRows()) // what its schema says besides is not kept
	defer rec.Release()
	if err := w.Write(rec); err != nil {
		return nil, err
	}
	return buf.Bytes(), w.Close()
}

// read yields the rows of a file.
func (s *Store) read(ctx context.Context, key string, layout *arrow.Schema) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		o, err := s.store.Open(ctx, key)
		if err != nil {
			yield(nil, fmt.Errorf("read state: %w", err))
			return
		}
		defer o.Close() //nolint:errcheck // nothing was written
		r := blockReader{key: key, object: o, layout: layout}
		for r.begin(); r.next(ctx); {
			more := yield(r.rows, nil)
			r.rows.Release()
			if !more {
				return
			}
		}
		if r.err != nil {
			yield(nil, r.err)
		}
	}
}

// blockReader reads the blocks of a file.
type blockReader struct {
	key     string
	object  object.Object
	layout  *arrow.Schema
	at, end int64 // of the blocks of rows
	unpack  *zstd.Decoder
	rows    arrow.RecordBatch
	err     error
}

// readInfo returns the last block of a file.
func readInfo(key string, o object.Object) (json.RawMessage, error) {
	r := blockReader{key: key, object: o}
	r.begin()
	if r.err != nil {
		return nil, r.err
	}
	info, err := r.payload(r.end)
	if err == nil && !json.Valid(info) {
		err = damaged(key, "has no valid end")
	}
	return info, err
}

// begin finds the end of the rows.
func (r *blockReader) begin() {
	size := r.object.Size()
	var foot [4 + len(magic)]byte
	var head [len(magic)]byte
	if size < int64(len(magic)+headerBytes)+footerBytes {
		r.err = damaged(r.key, "is cut short")
		return
	}
	if r.err = r.fill(foot[:], size-footerBytes); r.err != nil {
		return
	}
	if r.err = r.fill(head[:], 0); r.err != nil {
		return
	}
	r.at, r.end = int64(len(magic)), size-footerBytes-headerBytes-int64(binary.LittleEndian.Uint32(foot[:4]))
	if string(foot[4:]) != magic || string(head[:]) != magic || r.end < r.at {
		r.err = damaged(r.key, "is no file of state")
	}
}

func (r *blockReader) fill(p []byte, at int64) error {
	if _, err := io.ReadFull(io.NewSectionReader(r.object, at, int64(len(p))), p); err != nil {
		return fmt.Errorf("read state %s: %w", r.key, err)
	}
	return nil
}

// payload returns what the block at a place holds.
func (r *blockReader) payload(at int64) ([]byte, error) {
	var head [headerBytes]byte
	if err := r.fill(head[:], at); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(head[:4]))
	if limit := r.object.Size() - footerBytes - at - headerBytes; n > maxBlock || n > limit {
		return nil, damaged(r.key, fmt.Sprintf("has a block of %d bytes where there are %d", n, limit))
	}
	payload := make([]byte, n)
	if err := r.fill(payload, at+headerBytes); err != nil {
		return nil, err
	}
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, damaged(r.key, "was changed: a checksum does not fit")
	}
	return payload, nil
}

// next reads the next block of rows.
func (r *blockReader) next(ctx context.Context) bool {
	if r.err == nil {
		r.err = ctx.Err()
	}
	if r.err != nil || r.at >= r.end {
		r.close()
		return false
	}
	if r.unpack == nil {
		r.unpack, r.err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPlain))
	}
	var packed, plain []byte
	if r.err == nil {
		packed, r.err = r.payload(r.at)
	}
	if r.err == nil {
		if plain, r.err = r.unpack.DecodeAll(packed, nil); r.err != nil {
			r.err = damaged(r.key, "cannot be unpacked: "+r.err.Error())
		}
	}
	if r.err == nil {
		r.at += headerBytes + int64(len(packed))
		r.rows, r.err = r.decode(plain)
	}
	if r.err != nil {
		r.close()
	}
	return r.err == nil
}

func (r *blockReader) close() {
	if r.unpack != nil {
		r.unpack.Close()
		r.unpack = nil
	}
}

// decode reads a block of rows, which must have the columns of the state. The
// library may panic over bytes that were made to deceive it.
func (r *blockReader) decode(plain []byte) (rows arrow.RecordBatch, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = damaged(r.key, fmt.Sprintf("cannot be read: %v", p))
		}
	}()
	in, err := ipc.NewReader(bytes.NewReader(plain))
	if err != nil {
		return nil, damaged(r.key, "cannot be read: "+err.Error())
	}
	defer in.Release()
	if !in.Schema().Equal(r.layout) {
		return nil, damaged(r.key, "has rows of other columns")
	}
	if !in.Next() {
		return nil, damaged(r.key, "has a block without rows")
	}
	rows = in.RecordBatch()
	rows.Retain()
	return rows, nil
}
