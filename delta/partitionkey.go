package delta

import (
	"encoding/binary"
	"maps"
	"slices"
)

// appendPartition appends partition values in a form equal for equal values:
// sorted by name, lengths before texts, a null's length one less than an
// empty text's.
func appendPartition(dst []byte, values map[string]*string) []byte {
	if len(values) == 0 {
		return dst
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		dst = appendPartitionValue(dst, name, values[name])
	}
	return dst
}

func appendPartitionValue(dst []byte, name string, value *string) []byte {
	if value == nil {
		return appendPartitionBytes(dst, name, "", true)
	}
	return appendPartitionBytes(dst, name, *value, false)
}

func appendPartitionBytes[T string | []byte](dst []byte, name, value T, null bool) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(name)))
	dst = append(dst, name...)
	if null {
		return binary.AppendUvarint(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(value))+1)
	return append(dst, value...)
}

// decodePartition is the inverse of [appendPartition].
func decodePartition(text string) map[string]*string {
	values := make(map[string]*string)
	for raw := []byte(text); len(raw) > 0; {
		var name, value string
		var isNull bool
		name, raw, _ = cutText(raw, 0)
		value, raw, isNull = cutText(raw, 1)
		if isNull {
			values[name] = nil
			continue
		}
		values[name] = &value
	}
	return values
}

// cutText reads one length, bias more than the text's own, and the text.
func cutText(raw []byte, bias uint64) (text string, rest []byte, isNull bool) {
	n, used := binary.Uvarint(raw)
	if used <= 0 || n < bias {
		return "", raw[max(used, 0):], true
	}
	end := used + int(n-bias)
	return string(raw[used:end]), raw[end:], false
}
