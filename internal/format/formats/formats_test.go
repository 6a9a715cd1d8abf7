package formats_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/formats"
	"github.com/freshet/freshet/internal/object/mem"
)

func TestLookup(t *testing.T) {
	for _, name := range formats.Names() {
		if f, err := formats.Lookup(strings.ToUpper(name)); err != nil || f == nil {
			t.Errorf("Lookup(%s): %v", name, err)
		}
	}
	for name, class := range map[string]string{
		"avro": "UNSUPPORTED_FILE_FORMAT", "ORC": "UNSUPPORTED_FILE_FORMAT", "xml": "UNSUPPORTED_FILE_FORMAT", "excel": "UNSUPPORTED_FILE_FORMAT",
		"cvs": "DATA_SOURCE_NOT_FOUND", "": "DATA_SOURCE_NOT_FOUND",
	} {
		_, err := formats.Lookup(name)
		var c errclass.Classified
		if !errors.As(err, &c) || c.ErrorClass() != class || !strings.Contains(err.Error(), "csv, json, parquet") {
			t.Errorf("Lookup(%q): %v, want %s and the list", name, err, class)
		}
	}
}

// Options of different formats go together in one statement: their sets are
// well-formed.
func TestOptionNamesAreDistinct(t *testing.T) {
	for _, name := range formats.Names() {
		f, err := formats.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, o := range f.Options() {
			for _, n := range append([]string{o.Name}, o.Aliases...) {
				if folded := strings.ToLower(n); seen[folded] {
					t.Errorf("%s declares %s twice", name, n)
				} else {
					seen[folded] = true
				}
			}
			if o.Doc == "" {
				t.Errorf("%s does not document %s", name, o.Name)
			}
		}
	}
}

func TestDetect(t *testing.T) {
	const gzipOfBraces = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00"
	for _, c := range []struct {
		name  string
		files []string // path, content, path, content, …
		want  string   // "" for an error
	}{
		{"extension", []string{"a.CSV", "{"}, "csv"},
		{"through compression", []string{"a.jsonl.gz", ""}, "json"},
		{"Spark's names", []string{"part-0.snappy.parquet", ""}, "parquet"},
		{"one extension tells for all", []string{"a", "x", "b.tsv", ""}, "csv"},
		{"mixed extensions", []string{"a.csv", "", "b.json", ""}, ""},
		{"Parquet's magic", []string{"a", "PAR1..."}, "parquet"},
		{"Avro's magic", []string{"a", "Obj\x01..."}, "avro"},
		{"ORC's magic", []string{"a", "ORC..."}, "orc"},
		{"object", []string{"a", "\xef\xbb\xbf \n{\"a\":1}"}, "json"},
		{"array in UTF-16", []string{"a", "\xff\xfe[\x00]\x00"}, "json"},
		{"XML", []string{"a", "<x/>"}, "xml"},
		{"other text", []string{"a.data", "id,name"}, "csv"},
		{"compressed content", []string{"a.gz", gzipOfBraces}, "json"},
		{"empty files do not tell", []string{"a", "", "b", "{}"}, "json"},
		{"mixed content", []string{"a", "{}", "b", "1,2"}, ""},
		{"nothing to tell by", []string{"a", ""}, ""},
		{"no files", nil, ""},
	} {
		st := mem.New(nil)
		got, err := formats.Detect(t.Context(), func(yield func(format.File, error) bool) {
			for pair := range slices.Chunk(c.files, 2) {
				if err := st.Put(t.Context(), pair[0], []byte(pair[1])); err != nil {
					t.Fatal(err)
				}
				if !yield(format.File{Path: "mem:///" + pair[0], Key: pair[0], Store: st, Size: int64(len(pair[1]))}, nil) {
					return
				}
			}
		})
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}

func TestDetectPassesErrorsOn(t *testing.T) {
	want := errors.New("listing failed")
	_, err := formats.Detect(t.Context(), func(yield func(format.File, error) bool) { yield(format.File{}, want) })
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}
