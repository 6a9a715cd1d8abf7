package dv

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	fileVersion = 1
	// maxSize bounds one stored vector; real ones are far smaller.
	maxSize = 1 << 30
)

// ReadAt reads the vector that starts at offset in a deletion vector file of
// fileSize bytes and is size bytes long: size (big-endian), data, CRC-32.
func ReadAt(r io.ReaderAt, fileSize, offset, size int64) (*Vector, error) {
	const word = 4
	if offset < 0 || size < magicSize || size > maxSize || offset+size+2*word > fileSize {
		return nil, fmt.Errorf("deletion vector of %d bytes at %d does not fit a file of %d bytes", size, offset, fileSize)
	}
	buf := make([]byte, size+2*word)
	if n, err := r.ReadAt(buf, offset); n < len(buf) {
		return nil, fmt.Errorf("read deletion vector: %w", err)
	}
	if stored := int64(binary.BigEndian.Uint32(buf)); stored != size {
		return nil, fmt.Errorf("deletion vector at %d has %d bytes, not %d", offset, stored, size)
	}
	data, sum := buf[word:word+size], binary.BigEndian.Uint32(buf[word+size:])
	if crc32.ChecksumIEEE(data) != sum {
		return nil, fmt.Errorf("deletion vector at %d has a wrong checksum", offset)
	}
	return Decode(data)
}

// AppendFile appends vectors, each as [Vector.Encode] returns it, to a
// deletion vector file: the version byte when file is empty, then each vector
// framed by its size and checksum. It returns the file and each vector's
// offset.
func AppendFile(file []byte, vectors ...[]byte) ([]byte, []int32) {
	if len(file) == 0 {
		file = append(file, fileVersion)
	}
	offsets := make([]int32, len(vectors))
	for i, v := range vectors {
		offsets[i] = int32(len(file))
		file = binary.BigEndian.AppendUint32(file, uint32(len(v)))
		file = append(file, v...)
		file = binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(v))
	}
	return file, offsets
}
