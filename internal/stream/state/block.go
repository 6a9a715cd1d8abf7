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
	"io/fs"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/klauspost/compress/zstd"

	"github.com/freshet/freshet/internal/object"
)

// A file is blocks, one after the other, and its last bytes say where the last
// one is: a file that ends otherwise is no whole file.
//
//	block = length (4 bytes, little endian), CRC-32C of the payload (4), payload
//	end   = length of the last block's payload (4), magic word
//
// Payloads are compressed by zstd: rows, as a message of Arrow IPC, whose
// columns the reader knows; pages of the index; and last the footer, as JSON.
const magic = "FRSTATE2"

const (
	headerBytes = 8
	endBytes    = 4 + len(magic)
	// maxBlock bounds a block as it is stored, maxPlain what it holds.
	maxBlock = 64 << 20
	maxPlain = 128 << 20
	// tailBytes is how much of a file's end is read at first. Most footers are
	// shorter.
	tailBytes = 4 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errTooLarge is a block beyond the limits.
var errTooLarge = errors.New("it is too large for a block of state")

// blockWriter writes blocks.
type blockWriter struct {
	to   io.Writer
	at   int64 // where the next block begins
	pack *zstd.Encoder
}

func newBlockWriter(to io.Writer) (*blockWriter, error) {
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	return &blockWriter{to: to, pack: pack}, err
}

// block writes a block and returns how long it is as stored.
func (w *blockWriter) block(plain []byte) (int64, error) {
	if len(plain) > maxPlain {
		return 0, errTooLarge
	}
	payload := w.pack.EncodeAll(plain, nil)
	if len(payload) > maxBlock {
		return 0, errTooLarge
	}
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(payload, castagnoli))
	if _, err := w.to.Write(append(head, payload...)); err != nil {
		return 0, err
	}
	n := int64(headerBytes + len(payload))
	w.at += n
	return n, nil
}

// end writes the footer, after which there is nothing more to write.
func (w *blockWriter) end(footer any) error {
	plain, err := json.Marshal(footer)
	if err != nil {
		return err
	}
	n, err := w.block(plain)
	if err != nil {
		return fmt.Errorf("write the footer: %w", err)
	}
	end := binary.LittleEndian.AppendUint32(nil, uint32(n-headerBytes))
	_, err = w.to.Write(append(end, magic...))
	return err
}

// encode returns rows as a message of Arrow IPC.
func encode(layout *arrow.Schema, rec arrow.RecordBatch) ([]byte, error) {
	rec = array.NewRecordBatch(layout, rec.Columns(), rec.NumRows()) // what its schema says besides is not kept
	defer rec.Release()
	p, err := ipc.GetRecordBatchPayload(rec)
	if err != nil {
		return nil, err
	}
	defer p.Release()
	var buf bytes.Buffer
	_, err = p.WritePayload(&buf)
	return buf.Bytes(), err
}

// file is a file of blocks, open to be read.
type file struct {
	key    string
	object object.Object
	limit  int64 // where the footer begins
	unpack *zstd.Decoder
}

// open opens a file that is to be there, which is to be closed, and reads its
// footer.
func (s *Store) open(ctx context.Context, key string, footer any) (*file, error) {
	o, err := s.store.Open(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damaged(key, "is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	return openFile(key, o, footer)
}

// openFile opens a file, which is to be closed, and reads its footer.
func openFile(key string, o object.Object, footer any) (*file, error) {
	unpack, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPlain))
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	f := &file{key: key, object: o, unpack: unpack}
	if err := f.readFooter(footer); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *file) close() error {
	f.unpack.Close()
	return f.object.Close()
}

func (f *file) readFooter(footer any) error {
	size := f.object.Size()
	if size < int64(headerBytes+endBytes) {
		return damaged(f.key, "is cut short")
	}
	tail := make([]byte, min(size, tailBytes))
	if err := f.fill(tail, size-int64(len(tail))); err != nil {
		return err
	}
	end := tail[len(tail)-endBytes:]
	n := headerBytes + int64(binary.LittleEndian.Uint32(end))
	f.limit = size - int64(endBytes) - n
	if string(end[4:]) != magic || f.limit < 0 || n > headerBytes+maxBlock {
		return damaged(f.key, "is no file of state of this version")
	}
	stored := tail[:len(tail)-endBytes]
	if n <= int64(len(stored)) {
		stored = stored[int64(len(stored))-n:]
	} else {
		stored = make([]byte, n)
		if err := f.fill(stored, f.limit); err != nil {
			return err
		}
	}
	plain, err := f.plain(stored)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plain, footer); err != nil {
		return damaged(f.key, "has no valid end: "+err.Error())
	}
	return nil
}

// fill reads bytes at a place.
func (f *file) fill(p []byte, at int64) error {
	if _, err := io.ReadFull(io.NewSectionReader(f.object, at, int64(len(p))), p); err != nil {
		return fmt.Errorf("read state %s: %w", f.key, err)
	}
	return nil
}

// plain returns what a block holds.
func (f *file) plain(stored []byte) ([]byte, error) {
	if len(stored) < headerBytes || int64(binary.LittleEndian.Uint32(stored)) != int64(len(stored)-headerBytes) {
		return nil, damaged(f.key, "has a block of another length than its index says")
	}
	payload := stored[headerBytes:]
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(stored[4:]) {
		return nil, damaged(f.key, "was changed: a checksum does not fit")
	}
	plain, err := f.unpack.DecodeAll(payload, nil)
	if err != nil {
		return nil, damaged(f.key, "cannot be unpacked: "+err.Error())
	}
	return plain, nil
}

// decode returns the rows of a block, which must be of the layout that
// columns, a message of Arrow IPC, says. The library may panic over bytes that
// were made to deceive it.
func (f *file) decode(columns, plain []byte) (rows arrow.RecordBatch, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = damaged(f.key, fmt.Sprintf("cannot be read: %v", p))
		}
	}()
	longest := int64(max(len(columns), len(plain)))
	options := []ipc.Option{ipc.WithAllocator(&bounded{left: 2 * maxPlain}), ipc.WithMetadataSizeLimit(longest), ipc.WithBodySizeLimit(longest)}
	in, err := ipc.NewReaderFromMessageReader(
		ipc.NewMessageReader(io.MultiReader(bytes.NewReader(columns), bytes.NewReader(plain)), options...), options...)
	if err != nil {
		return nil, damaged(f.key, "cannot be read: "+err.Error())
	}
	defer in.Release()
	if !in.Next() {
		return nil, damaged(f.key, fmt.Sprintf("has a block without rows: %v", in.Err()))
	}
	rows = in.RecordBatch()
	if err := array.ValidateRecordFull(rows); err != nil {
		return nil, damaged(f.key, "cannot be read: "+err.Error())
	}
	rows.Retain()
	return rows, nil
}

// message returns a layout as a message of Arrow IPC.
func message(layout *arrow.Schema) ([]byte, error) {
	p := ipc.GetSchemaPayload(layout, memory.DefaultAllocator)
	defer p.Release()
	var buf bytes.Buffer
	_, err := p.WritePayload(&buf)
	return buf.Bytes(), err
}

// bounded allocates up to a limit and panics beyond it: the lengths in a block
// are not to be trusted.
type bounded struct{ left int }

func (b *bounded) take(size int) {
	if b.left -= size; b.left < 0 || size < 0 {
		panic("its lengths are beyond its size") //nolint:forbidigo // an allocator returns no errors; decode recovers
	}
}

// Allocate implements [memory.Allocator].
func (b *bounded) Allocate(size int) []byte {
	b.take(size)
	return memory.DefaultAllocator.Allocate(size)
}

// Reallocate implements [memory.Allocator].
func (b *bounded) Reallocate(size int, p []byte) []byte {
	b.take(size - len(p))
	return memory.DefaultAllocator.Reallocate(size, p)
}

// Free implements [memory.Allocator].
func (b *bounded) Free(p []byte) { memory.DefaultAllocator.Free(p) }
