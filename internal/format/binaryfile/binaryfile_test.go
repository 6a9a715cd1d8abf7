package binaryfile_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/binaryfile"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/schema"
)

func TestRead(t *testing.T) {
	st := mem.New(nil)
	var files []format.File
	for _, data := range []string{"\x00\xff", ""} {
		key := "f" + string(rune('0'+len(files)))
		if err := st.Put(t.Context(), key, []byte(data)); err != nil {
			t.Fatal(err)
		}
		files = append(files, format.File{Path: "mem:///" + key, Key: key, Store: st, Size: int64(len(data)), ModTime: time.UnixMicro(1)})
	}
	files = append(files, format.File{Path: "mem:///gone", Key: "gone", Store: st})
	for _, c := range []struct {
		columns string
		want    []string
	}{
		{"path STRING, modificationTime TIMESTAMP, length BIGINT, content BINARY", []string{
			"mem:///f0|1970-01-01T00:00:00.000001Z|2|AP8=|(null)", "mem:///f1|1970-01-01T00:00:00.000001Z|0||(null)", "missing mem:///gone",
		}},
		{"LENGTH BIGINT", []string{"2|(null)", "0|(null)", "0|(null)"}},
		{"", []string{"(null)", "(null)", "(null)"}},
	} {
		s, err := schema.ParseDDL(c.columns)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for b, err := range (binaryfile.Format{}).Read(t.Context(), slices.Values(files), format.Request{Schema: s, Rescue: "_rescued_data"}) {
			var fileErr *format.FileError
			if errors.As(err, &fileErr) && fileErr.Missing {
				got = append(got, "missing "+fileErr.Path)
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			var row []string
			for _, col := range b.Columns() {
				row = append(row, col.ValueStr(0))
			}
			got = append(got, strings.Join(row, "|"))
			b.Release()
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.columns, got, c.want)
		}
	}
}

func TestOtherSchemaIsRefused(t *testing.T) {
	for _, columns := range []string{"path STRING, size BIGINT", "length INT"} {
		s, err := schema.ParseDDL(columns)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range (binaryfile.Format{}).Read(t.Context(), slices.Values([]format.File{}), format.Request{Schema: s}) {
			var c errclass.Classified
			if !errors.As(err, &c) || c.ErrorClass() != "BINARY_FILE_DATA_SOURCE_SCHEMA_MISMATCH" {
				t.Errorf("%s: %v", columns, err)
			}
		}
	}
}
