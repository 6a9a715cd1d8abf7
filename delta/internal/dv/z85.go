package dv

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// z85Digits is the alphabet of ZeroMQ's Base85 (RFC 32/Z85).
const z85Digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

const (
	z85Group  = 5 // digits that hold four bytes
	uuidChars = 20
)

// EncodeInline returns data as text, padded with zeros to a multiple of four
// bytes.
func EncodeInline(data []byte) string {
	var b strings.Builder
	b.Grow((len(data) + 3) / 4 * z85Group)
	for len(data) > 0 {
		var word [4]byte
		n := copy(word[:], data)
		data = data[n:]
		value := binary.BigEndian.Uint32(word[:])
		for div := uint32(85 * 85 * 85 * 85); div > 0; div /= 85 {
			b.WriteByte(z85Digits[value/div%85])
		}
	}
	return b.String()
}

// DecodeInline returns the first size bytes of what text encodes. Data that is
// no multiple of four bytes is padded with zeros, as Spark does, or ends in a
// shorter group, as Rust's library of Z85 writes it: each '#' in front, where a
// group of four bytes has none, stands for a byte that is not there.
func DecodeInline(text string, size int64) ([]byte, error) {
	if len(text)%z85Group != 0 || size < 0 || size > int64(len(text)/z85Group*4) {
		return nil, fmt.Errorf("inline deletion vector of %d characters does not hold %d bytes", len(text), size)
	}
	out := make([]byte, 0, len(text)/z85Group*4)
	var err error
	for ; len(text) > z85Group; text = text[z85Group:] {
		if out, err = appendGroup(out, text[:z85Group], 0); err != nil {
			return nil, err
		}
	}
	if text != "" {
		missing := 3 - len(strings.TrimLeft(text[:3], "#"))
		if out, err = appendGroup(out, text, missing); err != nil {
			return nil, err
		}
	}
	if size > int64(len(out)) {
		return nil, fmt.Errorf("inline deletion vector holds %d bytes, not %d", len(out), size)
	}
	return out[:size], nil
}

// appendGroup decodes a group that lacks some of its four bytes.
func appendGroup(dst []byte, group string, missing int) ([]byte, error) {
	value := uint64(0)
	for _, c := range []byte(group[missing:]) {
		digit := strings.IndexByte(z85Digits, c)
		if digit < 0 {
			return nil, fmt.Errorf("inline deletion vector: %q is no Z85 digit", c)
		}
		value = value*85 + uint64(digit)
	}
	if value >= 1<<(32-8*missing) {
		return nil, fmt.Errorf("inline deletion vector: group %q is out of range", group)
	}
	word := binary.BigEndian.AppendUint32(nil, uint32(value))
	return append(dst, word[missing:]...), nil
}

// FileKey returns the storage key of the deletion vector file that a relative
// descriptor names: an optional prefix, then a UUID in Z85.
func FileKey(name string) (string, error) {
	if len(name) < uuidChars {
		return "", fmt.Errorf("deletion vector file %q: no UUID of %d characters", name, uuidChars)
	}
	prefix, text := name[:len(name)-uuidChars], name[len(name)-uuidChars:]
	raw, err := DecodeInline(text, 16)
	if err != nil {
		return "", fmt.Errorf("deletion vector file %q: %w", name, err)
	}
	id, err := uuid.FromBytes(raw)
	if err != nil {
		return "", fmt.Errorf("deletion vector file %q: %w", name, err)
	}
	key := "deletion_vector_" + id.String() + ".bin"
	if prefix != "" {
		key = prefix + "/" + key
	}
	return key, nil
}

// FileName returns the relative descriptor of the file that [FileKey] would
// name for id, without prefix.
func FileName(id uuid.UUID) string { return EncodeInline(id[:]) }
