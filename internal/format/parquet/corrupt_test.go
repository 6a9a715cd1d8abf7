package parquet_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/parquet"
)

// A read that is cancelled must not look like corrupt files, which may be
// skipped.
func TestCancel(t *testing.T) {
	var files []format.File
	for i := range 20 {
		files = append(files, put(t, strconv.Itoa(i), encode(t, "x INT", `[{"x":1}]`)))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for b, err := range (parquet.Format{}).Read(ctx, slices.Values(files), format.Request{Schema: ddl(t, "x INT"), Options: noOptions(t)}) {
		cancel()
		if last != nil {
			t.Errorf("after %v came another result", last)
		}
		if last = err; err == nil {
			b.Release()
		}
	}
	var fileErr *format.FileError
	if !errors.Is(last, context.Canceled) || errors.As(last, &fileErr) {
		t.Errorf("the read ends with %v, want context.Canceled alone", last)
	}
	if _, err := (parquet.Format{}).Infer(ctx, files, format.Inference{MergeSchema: true, Options: noOptions(t)}); !errors.Is(err, context.Canceled) || errors.As(err, &fileErr) {
		t.Errorf("inference ends with %v, want context.Canceled alone", err)
	}
}

func TestCorruptFilesAreFileErrors(t *testing.T) {
	good := encode(t, "x INT, s STRUCT<a: STRING, l ARRAY<INT>>", `[{"x":1,"s":{"a":"q","l":[1,2]}}]`)
	flipped := bytes.Clone(good)
	for i := 4; i < 40; i++ {
		flipped[i] ^= 0xFF
	}
	files := []format.File{
		put(t, "good1", good), put(t, "empty", nil), put(t, "text", []byte("a,b\n1,2\n")), put(t, "cut", good[:len(good)-9]),
		put(t, "head", good[len(good)/2:]), put(t, "flipped", flipped), put(t, "good2", good),
	}
	gone := files[0]
	gone.Key, gone.Path = "gone", "mem:///gone"
	files = append(files, gone)
	var outcome []string
	for b, err := range (parquet.Format{}).Read(t.Context(), slices.Values(files), format.Request{Schema: ddl(t, "x INT, s STRUCT<a: STRING, l: ARRAY<INT>>")}) {
		var fileErr *format.FileError
		switch {
		case err == nil:
			outcome = append(outcome, b.File.Key)
			b.Release()
		case errors.As(err, &fileErr):
			outcome = append(outcome, "!"+strings.TrimPrefix(fileErr.Path, "mem:///"))
			if fileErr.Missing != (fileErr.Path == "mem:///gone") {
				t.Errorf("%v: missing is %t", err, fileErr.Missing)
			}
		default:
			t.Fatal(err)
		}
	}
	if want := []string{"good1", "!empty", "!text", "!cut", "!head", "!flipped", "good2", "!gone"}; !slices.Equal(outcome, want) {
		t.Errorf("got %v, want %v", outcome, want)
	}
}

// One bit of each byte of a small file is flipped in turn: each gives rows or a file
// error.
func TestBitFlips(t *testing.T) {
	good := encode(t, "x INT, s STRUCT<a: STRING, l: ARRAY<INT>>", `[{"x":1,"s":{"a":"q","l":[1,2]}},{"x":2,"s":null}]`)
	request := format.Request{Schema: ddl(t, "x INT, s STRUCT<a: STRING, l: ARRAY<INT>>"), Rescue: "r"}
	for i := range good {
		flipped := bytes.Clone(good)
		flipped[i] ^= 1 << (i % 8)
		_, err := collect(t, []format.File{put(t, "a", flipped)}, request)
		var fileErr *format.FileError
		if err != nil && !errors.As(err, &fileErr) {
			t.Errorf("byte %d: %v, want a file error", i, err)
		}
	}
}

func FuzzParquet(f *testing.F) {
	for _, columns := range []string{"x INT", "s STRUCT<a: STRING, l: ARRAY<INT>>", "m MAP<STRING, DOUBLE>, t TIMESTAMP"} {
		f.Add(encode(f, columns, `[{}]`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		files := []format.File{put(t, "a", data)}
		s, err := parquet.Format{}.Infer(t.Context(), files, format.Inference{Options: noOptions(t)})
		var fileErr *format.FileError
		if err != nil {
			if !errors.As(err, &fileErr) {
				t.Errorf("infer: %v, want a file error", err)
			}
			s = ddl(t, "x INT, s STRUCT<a: STRING>")
		}
		if _, err := collect(t, files, format.Request{Schema: s, Rescue: "r"}); err != nil && !errors.As(err, &fileErr) {
			t.Errorf("read: %v, want a file error", err)
		}
	})
}
