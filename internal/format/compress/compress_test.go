package compress_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"go.uber.org/goleak"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/compress"
	"github.com/freshet/freshet/internal/object"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeStore is a store of one object.
type fakeStore struct {
	object.Store
	data []byte
	size int64 // that the object claims; 0 is that of data
}

type fakeObject struct {
	*bytes.Reader
	size int64
}

func (fakeObject) Close() error   { return nil }
func (fakeObject) ModTime() int64 { return 0 }
func (o fakeObject) Size() int64  { return o.size }

func (s fakeStore) Open(context.Context, string) (object.Object, error) {
	if s.data == nil {
		return nil, fs.ErrNotExist
	}
	size := s.size
	if size == 0 {
		size = int64(len(s.data))
	}
	return fakeObject{bytes.NewReader(s.data), size}, nil
}

func read(tb testing.TB, name string, st fakeStore) (string, int64, error) {
	tb.Helper()
	r, err := compress.Open(tb.Context(), format.File{Path: "mem:/" + name, Key: name, Store: st, Size: int64(len(st.data))})
	if err != nil {
		return "", 0, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return string(data), r.Stored(), err
}

// bzip2 of "hello, freshet\n", by the bzip2 program.
var bzip2Data = []byte("\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x9d\x99\xf5\xaa\x00\x00\x03\xd1\x80\x00\x10\x40\x04\x03\x44\x9c\x00\x20\x00\x21\xa0\x0d\x34\x20\x1a\x69\xa1\x49\xde\x7c\xc4\x50\x50\x3c\x5d\xc9\x14\xe1\x42\x42\x76\x67\xd6\xa8")

func written(tb testing.TB, text string, w io.WriteCloser, b *bytes.Buffer) []byte {
	tb.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func zstdWriter(tb testing.TB, b *bytes.Buffer) io.WriteCloser {
	tb.Helper()
	w, err := zstd.NewWriter(b)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// hadoop makes the layout of Hadoop's block codecs, with chunks of chunk bytes.
func hadoop(text string, chunk int, encode func([]byte) []byte) []byte {
	var out []byte
	out = binary.BigEndian.AppendUint32(out, uint32(len(text)))
	for len(text) > 0 {
		n := min(chunk, len(text))
		stored := encode([]byte(text[:n]))
		out = binary.BigEndian.AppendUint32(out, uint32(len(stored)))
		out = append(out, stored...)
		text = text[n:]
	}
	return out
}

func lz4Block(tb testing.TB) func([]byte) []byte {
	tb.Helper()
	return func(src []byte) []byte {
		dst := make([]byte, lz4.CompressBlockBound(len(src)))
		n, err := lz4.CompressBlock(src, dst, nil)
		if err != nil || n == 0 {
			tb.Fatalf("compress block: %d, %v", n, err)
		}
		return dst[:n]
	}
}

func snappyBlock(src []byte) []byte { return snappy.Encode(nil, src) }

// samples returns every layout of text, by file name.
func samples(tb testing.TB, text string) map[string][]byte {
	tb.Helper()
	var gz, zs, lz, sn, zl bytes.Buffer
	return map[string][]byte{
		"plain.csv":     []byte(text),
		"a.csv.gz":      written(tb, text, gzip.NewWriter(&gz), &gz),
		"a.zst":         written(tb, text, zstdWriter(tb, &zs), &zs),
		"a.lz4":         written(tb, text, lz4.NewWriter(&lz), &lz),
		"hadoop.lz4":    hadoop(text, 1000, lz4Block(tb)),
		"a.snappy":      written(tb, text, snappy.NewBufferedWriter(&sn), &sn),
		"hadoop.snappy": hadoop(text, 1000, snappyBlock),
		"raw.snappy":    snappyBlock([]byte(text)),
		"a.deflate":     written(tb, text, zlib.NewWriter(&zl), &zl),
	}
}

func TestOpen(t *testing.T) {
	text := strings.Repeat("some line of text, 1234\n", 3000)
	for name, data := range samples(t, text) {
		got, stored, err := read(t, name, fakeStore{data: data})
		if got != text || err != nil || stored != int64(len(data)) {
			t.Errorf("%s: %d of %d bytes, %d of %d stored: %v", name, len(got), len(text), stored, len(data), err)
		}
		got, _, err = read(t, strings.ToUpper(name), fakeStore{data: data})
		if got != text || err != nil {
			t.Errorf("%s in upper case: %d bytes: %v", name, len(got), err)
		}
		// Files are often joined; every layout but a raw block allows it.
		if name == "raw.snappy" {
			continue
		}
		got, _, err = read(t, name, fakeStore{data: append(slices.Clip(data), data...)})
		if got != text+text || err != nil {
			t.Errorf("%s twice: %d bytes: %v", name, len(got), err)
		}
	}
	if got, _, err := read(t, "a.bz2", fakeStore{data: bzip2Data}); got != "hello, freshet\n" || err != nil {
		t.Errorf("bzip2: %q: %v", got, err)
	}
	if got, _, err := read(t, "a.gz", fakeStore{data: []byte{}}); got != "" || err != nil {
		t.Errorf("empty file: %q: %v", got, err)
	}
}

func TestTruncatedInputIsAnError(t *testing.T) {
	text := strings.Repeat("some line of text\n", 70)
	all := samples(t, text)
	all["a.bz2"] = bzip2Data
	delete(all, "plain.csv")
	for name, data := range all {
		for n := 1; n < len(data); n++ {
			if name == "a.snappy" && n == 10 || name == "hadoop.snappy" && n == 1 {
				continue // a whole file of no text: these layouts have no end mark
			}
			got, _, err := read(t, name, fakeStore{data: data[:n]})
			var file *format.FileError
			if !errors.As(err, &file) || file.Missing {
				t.Errorf("%s cut to %d of %d bytes: %d bytes of text, error %v", name, n, len(data), len(got), err)
			}
		}
	}
}

func TestDamagedInputIsAnError(t *testing.T) {
	text := strings.Repeat("some line of text\n", 70)
	for name, data := range samples(t, text) {
		if name == "plain.csv" || strings.Contains(name, "hadoop") || strings.Contains(name, "raw") {
			continue // no checksums
		}
		for i := range data {
			damaged := bytes.Clone(data)
			damaged[i] ^= 0x10
			got, _, err := read(t, name, fakeStore{data: damaged})
			var file *format.FileError
			if err == nil && got != text || err != nil && !errors.As(err, &file) {
				t.Errorf("%s with byte %d damaged: %d bytes of text, error %v", name, i, len(got), err)
			}
		}
	}
	for _, name := range []string{"a.gz", "a.zst", "a.bz2", "a.lz4", "a.snappy", "a.deflate"} {
		if got, _, err := read(t, name, fakeStore{data: []byte("no such data, but text\n")}); err == nil {
			t.Errorf("%s that is plain text gives %q", name, got)
		}
	}
}

func TestOpenChangedFiles(t *testing.T) {
	var file *format.FileError
	_, _, err := read(t, "gone.csv", fakeStore{})
	if !errors.As(err, &file) || !file.Missing || file.ErrorClass() != "FAILED_READ_FILE.DBR_FILE_NOT_EXIST" {
		t.Errorf("missing file: %v", err)
	}
	_, _, err = read(t, "shrinks.csv", fakeStore{data: []byte("abc"), size: 10})
	if !errors.As(err, &file) || file.Missing || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("file that shrinks while it is read: %v", err)
	}
	_, err = compress.Open(t.Context(), format.File{Path: "x.csv", Store: fakeStore{data: []byte("abc")}, Size: 4})
	if !errors.As(err, &file) || !strings.Contains(err.Error(), "changed since") {
		t.Errorf("file shorter than listed: %v", err)
	}
}

// FuzzOpen checks that no input panics or makes memory beyond its size.
func FuzzOpen(f *testing.F) {
	names := []string{"a.gz", "a.zst", "a.bz2", "a.lz4", "a.snappy", "a.deflate"}
	for _, data := range samples(f, strings.Repeat("text ", 50)) {
		for i := range names {
			f.Add(data, byte(i))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, codec byte) {
		r, err := compress.Open(t.Context(), format.File{Path: names[int(codec)%len(names)], Store: fakeStore{data: append([]byte{}, data...)}})
		if err != nil {
			return
		}
		defer r.Close()
		io.Copy(io.Discard, io.LimitReader(r, 1<<20))
	})
}
