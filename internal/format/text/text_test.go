package text_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/text"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		name  string
		data  string
		given map[string]string
		want  []string
	}{
		{"line feeds", "a\nb\n", nil, []string{"a", "b"}},
		{"no last separator", "a\nb", nil, []string{"a", "b"}},
		{"mixed", "a\r\nb\rc\n\nd", nil, []string{"a", "b", "c", "", "d"}},
		{"blank lines", "\n\r\n", nil, []string{"", ""}},
		{"carriage return at the end", "a\r", nil, []string{"a"}},
		{"empty file", "", nil, nil},
		{"longer than a block", long + "\n" + long, nil, []string{long, long}},
		{"separator", "a||b\nc||", map[string]string{"lineSep": "||"}, []string{"a", "b\nc"}},
		{"whole", "a\nb\n", map[string]string{"wholeText": "true"}, []string{"a\nb\n"}},
		{"whole and empty", "", map[string]string{"wholeText": "true"}, []string{""}},
		{"whole and long", strings.Repeat("line\n", 100), map[string]string{"wholeText": "true"}, []string{strings.Repeat("line\n", 100)}},
		{"encoding", "caf\xe9\n", map[string]string{"encoding": "ISO-8859-1"}, []string{"café"}},
		{"UTF-16", "\xff\xfea\x00\n\x00b\x00", map[string]string{"encoding": "UTF-16"}, []string{"a", "b"}},
		{"invalid UTF-8", "a\xffb\nc", nil, []string{"a\uFFFDb", "c"}},
		{"NUL", "a\x00b\n", nil, []string{"a\x00b"}},
	} {
		for _, size := range []int{16, 1 << 20} {
			got := read(t, text.Format{BlockSize: size}, c.data, "value STRING", c.given)
			if !slices.Equal(got, c.want) {
				t.Errorf("%s, blocks of %d: got %q, want %q", c.name, size, got, c.want)
			}
		}
	}
}

func TestColumns(t *testing.T) {
	if got := read(t, text.Format{}, "a\n", "n INT, VALUE STRING", nil); !slices.Equal(got, []string{"(null)|a"}) {
		t.Errorf("beside another column: %q", got)
	}
	if got := read(t, text.Format{}, "a\n", "line STRING", nil); !slices.Equal(got, []string{"a"}) {
		t.Errorf("under another name: %q", got)
	}
	for _, bad := range []string{"value INT", "a STRING, b STRING"} {
		s, err := schema.ParseDDL(bad)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range (text.Format{}).Read(t.Context(), files(t, "a"), format.Request{Schema: s}) {
			if err == nil {
				t.Errorf("%s is accepted", bad)
			}
		}
	}
}

func TestBatchRows(t *testing.T) {
	opts, err := text.Format{}.Options().Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := int64(0)
	req := format.Request{Schema: schema.New(schema.Col("value", schema.String)), Options: opts, BatchRows: 3, Rescue: "_rescued_data"}
	for b, err := range (text.Format{}).Read(t.Context(), files(t, strings.Repeat("x\n", 10)), req) {
		if err != nil {
			t.Fatal(err)
		}
		if b.NumRows() > 3 || b.FirstRow != rows || b.NumCols() != 2 || b.Column(1).NullN() != int(b.NumRows()) {
			t.Errorf("%d rows and %d columns from %d, want at most 3 and 2 from %d", b.NumRows(), b.NumCols(), b.FirstRow, rows)
		}
		rows += b.NumRows()
		b.Release()
	}
	if rows != 10 {
		t.Errorf("%d rows, want 10", rows)
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\r\nb\rc\n", 4)
	f.Fuzz(func(t *testing.T, data string, size int) {
		want := read(t, text.Format{}, data, "value STRING", nil)
		if got := read(t, text.Format{BlockSize: size%64 + 64}, data, "value STRING", nil); !slices.Equal(got, want) {
			t.Errorf("blocks of %d: got %q, want %q", size%64+64, got, want)
		}
	})
}

func read(t *testing.T, f text.Format, data, columns string, given map[string]string) []string {
	t.Helper()
	opts, err := f.Options().Parse(given)
	if err != nil {
		t.Fatal(err)
	}
	s, err := schema.ParseDDL(columns)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for b, err := range f.Read(t.Context(), files(t, data), format.Request{Schema: s, Options: opts}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(b.NumRows()) {
			var row []string
			for _, c := range b.Columns() {
				row = append(row, c.ValueStr(i))
			}
			out = append(out, strings.Join(row, "|"))
		}
		b.Release()
	}
	return out
}

func files(t *testing.T, data ...string) func(func(format.File) bool) {
	t.Helper()
	st := mem.New(nil)
	for i, d := range data {
		if err := st.Put(t.Context(), strconv.Itoa(i), []byte(d)); err != nil {
			t.Fatal(err)
		}
	}
	return func(yield func(format.File) bool) {
		for i, d := range data {
			if !yield(format.File{Path: fmt.Sprintf("mem:///%d", i), Key: strconv.Itoa(i), Store: st, Size: int64(len(d))}) {
				return
			}
		}
	}
}
