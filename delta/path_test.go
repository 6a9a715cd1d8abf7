package delta_test

import (
	"errors"
	"testing"

	"github.com/freshet/freshet/delta"
)

func TestFilePathAndKey(t *testing.T) {
	for key, path := range map[string]string{
		"part-0.parquet":          "part-0.parquet",
		"p=a b/x.parquet":         "p=a%20b/x.parquet",
		"p=50%25/x.parquet":       "p=50%2525/x.parquet",
		"p=a+b/x.parquet":         "p=a+b/x.parquet",
		"ts=10:30/x.parquet":      "ts=10%3A30/x.parquet",
		"p=ü/#?.parquet":          "p=%C3%BC/%23%3F.parquet",
		"special p@#h":            "special%20p@%23h",
		"_2=bar+%2521/f.parquet":  "_2=bar+%252521/f.parquet",
		"p=[x]{y}|\\^`\"<>/f.bin": "p=%5Bx%5D%7By%7D%7C%5C%5E%60%22%3C%3E/f.bin",
	} {
		if got := delta.FilePath(key); got != path {
			t.Errorf("FilePath(%q) = %q, want %q", key, got, path)
		}
		if got, err := delta.FileKey(path); err != nil || got != key {
			t.Errorf("FileKey(%q) = %q, %v, want %q", path, got, err, key)
		}
	}
	for path, key := range map[string]string{"./a//b": "a/b", "a/./b": "a/b", "100%": "100%"} {
		if got, err := delta.FileKey(path); err != nil || got != key {
			t.Errorf("FileKey(%q) = %q, %v, want %q", path, got, err, key)
		}
	}
	for _, path := range []string{"/abs/x", "file:/abs/x", "file:///abs/x", "s3://bucket/x", "../x", "a/../../x", "", "."} {
		got, err := delta.FileKey(path)
		if _, ok := errors.AsType[*delta.ExternalPathError](err); !ok {
			t.Errorf("FileKey(%q) = %q, %v, want an ExternalPathError", path, got, err)
		}
	}
}
