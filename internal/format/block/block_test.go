package block_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/block"
	"github.com/freshet/freshet/internal/object"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeStore holds objects in memory.
type fakeStore struct {
	object.Store
	objects map[string]string
}

type fakeObject struct{ *strings.Reader }

func (fakeObject) Close() error   { return nil }
func (fakeObject) ModTime() int64 { return 0 }
func (o fakeObject) Size() int64  { return o.Reader.Size() }

func (s fakeStore) Open(_ context.Context, key string) (object.Object, error) {
	text, ok := s.objects[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return fakeObject{strings.NewReader(text)}, nil
}

// fakeFiles returns one file a text, called f0, f1 and so on, with ext.
func fakeFiles(ext string, texts ...string) []format.File {
	st := fakeStore{objects: map[string]string{}}
	files := make([]format.File, len(texts))
	for i, text := range texts {
		name := fmt.Sprintf("f%d%s", i, ext)
		st.objects[name] = text
		files[i] = format.File{Path: "mem:/" + name, Store: st, Key: name, Size: int64(len(text))}
	}
	return files
}

// lines is the grammar of lines; a first line that starts with "#" is the head.
type lines struct{}

func (lines) Head(_ *format.File, data []byte, final bool) (block.Head[string], error) {
	if len(data) > 0 && data[0] != '#' || len(data) == 0 && final {
		return block.Head[string]{}, nil
	}
	end := bytes.IndexByte(data, '\n')
	if end < 0 {
		if !final {
			return block.Head[string]{}, block.ErrMore
		}
		end = len(data) - 1
	}
	return block.Head[string]{Value: string(data[:end+1]), Size: end + 1, Lines: 1}, nil
}

func (lines) Split(_ string, data []byte) int { return bytes.LastIndexByte(data, '\n') + 1 }

// upper is a parser that fails at lines that are "bad" or "badfile".
type upper struct{}

func (upper) Parse(_ context.Context, b block.Block[string]) (string, int64, error) {
	n := int64(0)
	for line := range strings.Lines(string(b.Data)) {
		n++
		switch strings.TrimSpace(line) {
		case "bad":
			return "", 0, &format.RecordError{Path: b.File.Path, Line: n}
		case "badfile":
			return "", 0, &format.FileError{Path: b.File.Path, Err: errors.New("bad file")}
		}
	}
	return strings.ToUpper(b.Head + string(b.Data)), n, nil
}

func newUpper() block.Parser[string, string] { return upper{} }

func read(ctx context.Context, files []format.File, cfg block.Config) iter.Seq2[block.Output[string, string], error] {
	return block.Read(ctx, slices.Values(files), cfg, lines{}, newUpper)
}

func TestReadKeepsOrderAtEveryBlockSize(t *testing.T) {
	texts := []string{"a\nbb\nccc\n", "", "no newline at the end", "#h\nx\ny", "\n\n", "#only head", strings.Repeat("long", 100) + "\nq\n"}
	for size := 1; size < 40; size++ {
		got := make(map[string]string)
		line := make(map[string]int64)
		for out, err := range read(t.Context(), fakeFiles("", texts...), block.Config{Size: size, Workers: 3}) {
			if err != nil {
				t.Fatalf("size %d: %v", size, err)
			}
			text := strings.TrimPrefix(out.Value, "#H\n")
			got[out.File.Key] += text
			if want := line[out.File.Key]; out.Index > 0 && out.Line != want {
				t.Errorf("size %d: %s block %d is at line %d, want %d", size, out.File.Key, out.Index, out.Line, want)
			}
			line[out.File.Key] = out.Line + int64(strings.Count(text, "\n"))
		}
		for i, text := range texts {
			want := strings.ToUpper(strings.TrimPrefix(strings.TrimPrefix(text, "#only head"), "#h\n"))
			if g := got[fmt.Sprintf("f%d", i)]; g != want {
				t.Errorf("size %d: file %d is %q, want %q", size, i, g, want)
			}
		}
	}
}

func TestReadErrors(t *testing.T) {
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write([]byte(strings.Repeat("some line\n", 1000)))
	w.Close()
	missing := fakeFiles("", "x")[0]
	missing.Key = "gone"
	shrunk := fakeFiles("", "x")[0]
	shrunk.Size = 10
	tests := []struct {
		name string
		file format.File
		want string
	}{
		{"missing", missing, "file does not exist"},
		{"shorter than listed", shrunk, "changed since"},
		{"truncated gzip", fakeFiles(".gz", gz.String()[:gz.Len()-9])[0], "unexpected EOF"},
		{"too long", fakeFiles("", "#h\na\nb\n"+strings.Repeat("x", 100))[0], "line 4: a record is longer than 64 bytes"},
		{"file error of a block", fakeFiles("", "a\nbadfile\nb\n")[0], "bad file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := []format.File{tt.file, fakeFiles("", "next\n")[0]}
			var text string
			var errs []error
			for out, err := range read(t.Context(), files, block.Config{Size: 4, MaxRecord: 64}) {
				if err != nil {
					errs = append(errs, err)
				}
				text += out.Value
			}
			var fileErr *format.FileError
			if len(errs) != 1 || !errors.As(errs[0], &fileErr) || !strings.Contains(errs[0].Error(), tt.want) {
				t.Errorf("errors are %v, want one FileError with %q", errs, tt.want)
			}
			if !strings.HasSuffix(text, "NEXT\n") {
				t.Errorf("the next file was not read: %.100q", text)
			}
			if missing := tt.name == "missing"; fileErr != nil && fileErr.Missing != missing {
				t.Errorf("Missing is %v", fileErr.Missing)
			}
		})
	}
}

func TestReadNumbersLinesOfRecordErrors(t *testing.T) {
	files := fakeFiles("", "ok\n", "#h\n"+strings.Repeat("x\n", 100)+"bad\n"+strings.Repeat("y\n", 100), "never")
	var last error
	for _, err := range read(t.Context(), files, block.Config{Size: 16}) {
		if last != nil {
			t.Fatalf("something follows the error %v", last)
		}
		last = err
	}
	var rec *format.RecordError
	if !errors.As(last, &rec) || rec.Line != 102 {
		t.Errorf("error is %v, want one at line 102", last)
	}
}

func TestReadStopsEarly(t *testing.T) {
	files := fakeFiles("", slices.Repeat([]string{strings.Repeat("line\n", 5000)}, 50)...)
	for range read(t.Context(), files, block.Config{Size: 64}) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	n := 0
	for _, err := range read(ctx, files, block.Config{Size: 64}) {
		if n++; n == 3 {
			cancel()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("last error is %v, want %v", last, context.Canceled)
	}
}

// meetingStore lets no object be opened before n are being opened.
type meetingStore struct {
	fakeStore
	n    int
	seen *atomic.Int64
	met  chan struct{}
}

func (s meetingStore) Open(ctx context.Context, key string) (object.Object, error) {
	if s.seen.Add(1) == int64(s.n) {
		close(s.met)
	}
	select {
	case <-s.met:
		return s.fakeStore.Open(ctx, key)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestReadOpensSmallFilesAhead(t *testing.T) {
	files := fakeFiles("", slices.Repeat([]string{"small\n"}, 50)...)
	fake, ok := files[0].Store.(fakeStore)
	if !ok {
		t.Fatal("not a fakeStore")
	}
	st := meetingStore{fakeStore: fake, n: 10, seen: new(atomic.Int64), met: make(chan struct{})}
	for i := range files {
		files[i].Store = st
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	n := 0
	for _, err := range read(ctx, files, block.Config{Workers: 1}) {
		if err != nil {
			t.Fatalf("after %d files: %v; are fewer than %d opened at a time?", n, err, st.n)
		}
		n++
	}
	if n != len(files) {
		t.Errorf("%d files, want %d", n, len(files))
	}
}

// countingStore counts the bytes read of its objects.
type countingStore struct {
	fakeStore
	read *atomic.Int64
}

type countingObject struct {
	object.Object
	read *atomic.Int64
}

func (s countingStore) Open(ctx context.Context, key string) (object.Object, error) {
	obj, err := s.fakeStore.Open(ctx, key)
	return countingObject{obj, s.read}, err
}

func (o countingObject) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.Object.ReadAt(p, off)
	o.read.Add(int64(n))
	return n, err
}

func TestReadBoundsMemory(t *testing.T) {
	const size, memory = 1 << 10, 16 << 10
	files := fakeFiles("", slices.Repeat([]string{strings.Repeat("some line of text\n", 5000)}, 20)...)
	fake, ok := files[0].Store.(fakeStore)
	if !ok {
		t.Fatal("not a fakeStore")
	}
	var taken atomic.Int64
	for i := range files {
		files[i].Store = countingStore{fake, &taken}
	}
	given := int64(0)
	for out, err := range read(t.Context(), files, block.Config{Size: size, Memory: memory, Workers: 4}) {
		if err != nil {
			t.Fatal(err)
		}
		given += out.Size
		// Text behind the last record of a block is held twice.
		if held := taken.Load() - given; held > memory+size {
			t.Fatalf("%d bytes are held, over the %d allowed", held, memory)
		}
	}
	if given != 20*5000*int64(len("some line of text\n")) {
		t.Errorf("%d bytes were given", given)
	}
}

// firstLines is a parser that wants only the first block of a file.
type firstLines struct{ upper }

func (p firstLines) Parse(ctx context.Context, b block.Block[string]) (string, int64, error) {
	text, lines, err := p.upper.Parse(ctx, b)
	if err == nil {
		err = block.ErrSkipFile
	}
	return text, lines, err
}

func TestReadSkipsRestOfFile(t *testing.T) {
	files := fakeFiles("", strings.Repeat("a\n", 1000), "", "#h\n", "b\nc\n")
	var got []string
	for out, err := range block.Read(t.Context(), slices.Values(files), block.Config{Size: 4, EmptyFiles: true}, lines{},
		func() block.Parser[string, string] { return firstLines{} }) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, out.Head+out.Value)
	}
	if want := []string{"A\nA\n", "", "#h\n#H\n", "B\nC\n"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadCountsStoredBytes(t *testing.T) {
	files := fakeFiles("", strings.Repeat("line\n", 1000), strings.Repeat("x", 77))
	sum := map[string]int64{}
	for out, err := range read(t.Context(), files, block.Config{Size: 100}) {
		if err != nil {
			t.Fatal(err)
		}
		sum[out.File.Key] += out.Bytes
	}
	if sum["f0"] != 5000 || sum["f1"] != 77 {
		t.Errorf("bytes are %v", sum)
	}
}
