package filestate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/freshet/freshet/internal/object/mem"
)

// framed returns a segment of one block with a directory, whatever is in them,
// which damage that checksums find cannot bring. The directory is given the
// bytes that the block takes.
func framed(tb testing.TB, block []byte, directory func(size uint64) []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	w, err := newSegmentWriter(&out, byPath)
	if err != nil {
		tb.Fatal(err)
	}
	if err := w.frame(block); err != nil {
		tb.Fatal(err)
	}
	trailer := binary.LittleEndian.AppendUint64(nil, uint64(w.written))
	if err := w.frame(directory(uint64(w.written) - uint64(len(segmentMagic)))); err != nil {
		tb.Fatal(err)
	}
	return append(append(out.Bytes(), trailer...), segmentMagic...)
}

// ref returns an entry of a directory.
func ref(path string, seq, offset, size uint64) []byte {
	b := binary.AppendUvarint(nil, uint64(len(path)))
	b = append(b, path...)
	for _, v := range []uint64{seq, offset, size} {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

// entries reads all of a segment.
func entries(tb testing.TB, body []byte) (n int, err error) {
	tb.Helper()
	objects := mem.New(nil)
	if err := objects.Put(tb.Context(), "segment", body); err != nil {
		tb.Fatal(err)
	}
	r, err := openSegment(tb.Context(), objects, "segment", segment{Name: "segment"})
	if err != nil {
		return 0, err
	}
	defer r.close()
	for {
		more, err := r.advance()
		if !more || err != nil {
			return n, err
		}
		n++
	}
}

// TestDirectory opens segments whose checksums are right and whose directories
// say what no writer does.
func TestDirectory(t *testing.T) {
	block := appendEntry(nil, "", &Entry{Path: "a", Size: 1})
	for _, c := range []struct {
		name      string
		directory func(size uint64) []byte
		ok        bool
	}{
		{"as written", func(size uint64) []byte { return ref("a", 0, 8, size) }, true},
		{"a block left out", func(uint64) []byte { return nil }, false},
		{"a block twice", func(size uint64) []byte { return bytes.Repeat(ref("a", 0, 8, size), 2) }, false},
		{"a block of nothing", func(uint64) []byte { return ref("a", 0, 8, 4) }, false},
		{"a block that begins nowhere", func(size uint64) []byte { return ref("a", 0, 1<<63-1, size) }, false},
		{"a block beyond the end", func(uint64) []byte { return ref("a", 0, 8, 1<<62) }, false},
		{"a block of a negative size", func(uint64) []byte { return ref("a", 0, 8, 1<<63) }, false},
		{"more blocks than there is room for", func(uint64) []byte { return bytes.Repeat(ref("", 0, 0, 0), 1<<20) }, false},
	} {
		n, err := entries(t, framed(t, block, c.directory))
		if (err == nil) != c.ok || c.ok && n != 1 {
			t.Errorf("%s: got %d entries, %v", c.name, n, err)
		}
	}
}

// TestNumbers reads entries whose numbers no writer gives.
func TestNumbers(t *testing.T) {
	for _, e := range []Entry{{Path: "a", Seq: -1}, {Path: "a", Seq: maxNumber + 1}, {Path: "a", Size: -1}, {Path: "a", Size: maxNumber + 1}} {
		_, err := entries(t, framed(t, appendEntry(nil, "", &e), func(size uint64) []byte { return ref("a", 0, 8, size) }))
		if damage, ok := errors.AsType[*damageError](err); !ok || damage.name != "segment" {
			t.Errorf("%+v: got %v", e, err)
		}
	}
}

// FuzzSegment reads directories and blocks that somebody has made up: each
// entry takes bytes of the block, whatever the directory says.
func FuzzSegment(f *testing.F) {
	block := appendEntry(appendEntry(nil, "", &Entry{Path: "dir/a", Size: 1}), "dir/a", &Entry{Seq: 1, Path: "dir/b", State: Failed, Detail: "why"})
	for _, size := range []uint64{4, 40, 60, 1 << 62} {
		f.Add(ref("dir/a", 0, 8, size), block)
	}
	f.Add([]byte{}, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, directory, block []byte) {
		body := framed(t, block, func(uint64) []byte { return directory })
		for _, body := range [][]byte{body, slices.Concat([]byte(segmentMagic), block, directory)} {
			if n, _ := entries(t, body); n > len(block) {
				t.Errorf("got %d entries of %d bytes", n, len(block))
			}
		}
	})
}
