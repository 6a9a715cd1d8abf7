package csv_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/block"
	"github.com/freshet/freshet/internal/format/csv"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeStore holds objects in memory.
type fakeStore struct {
	object.Store
	objects map[string][]byte
}

type fakeObject struct{ *bytes.Reader }

func (fakeObject) Close() error   { return nil }
func (fakeObject) ModTime() int64 { return 0 }
func (o fakeObject) Size() int64  { return o.Reader.Size() }

func (s fakeStore) Open(_ context.Context, key string) (object.Object, error) {
	data, ok := s.objects[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return fakeObject{bytes.NewReader(data)}, nil
}

// files returns one file a text: mem:/f0.csv, mem:/f1.csv and so on.
func files(texts ...string) []format.File {
	st := fakeStore{objects: map[string][]byte{}}
	out := make([]format.File, len(texts))
	for i, text := range texts {
		name := fmt.Sprintf("f%d.csv", i)
		st.objects[name] = []byte(text)
		out[i] = format.File{Path: "mem:/" + name, Store: st, Key: name, Size: int64(len(text))}
	}
	return out
}

// testBlock is the usual block size of tests, which have little text.
const testBlock = 32 << 10

// query is one reading of some files.
type query struct {
	ddl     string // of the schema; "" infers it
	rescue  string
	exact   bool // CaseSensitive
	options map[string]string
	size    int // of blocks; 0 is testBlock
	rows    int // of batches
	bad     func(format.BadRecord)
}

// answer is what came of a query.
type answer struct {
	ddl        string
	rows       [][]any // nil, or text as Spark casts to STRING, by column
	unknown    string  // as DDL
	mismatches int64
	err        error
}

func (q query) run(tb testing.TB, in []format.File) (a answer) {
	tb.Helper()
	if q.size == 0 {
		q.size = testBlock
	}
	f := csv.Format{Block: block.Config{Size: q.size}}
	values, err := f.Options().Parse(q.options)
	if err != nil {
		return answer{err: err}
	}
	var s *schema.Struct
	if q.ddl != "" {
		if s, err = schema.ParseDDL(q.ddl); err != nil {
			tb.Fatal(err)
		}
	} else {
		s, err = f.Infer(tb.Context(), in, format.Inference{Options: values, InferTypes: values.Bool("inferSchema"), MergeSchema: values.Bool("mergeSchema")})
		if err != nil {
			return answer{err: err}
		}
	}
	a.ddl = s.DDL()
	req := format.Request{Schema: s, Options: values, Rescue: q.rescue, CaseSensitive: q.exact, BatchRows: q.rows, BadRecord: q.bad}
	for b, err := range f.Read(tb.Context(), slices.Values(in), req) {
		if err != nil {
			a.err = err
			break
		}
		if q.rows > 0 && b.NumRows() > int64(q.rows) {
			tb.Errorf("a batch has %d rows, over the %d asked for", b.NumRows(), q.rows)
		}
		a.mismatches += b.Mismatches
		if b.Unknown != nil {
			a.unknown = b.Unknown.DDL()
		}
		for i := range int(b.NumRows()) {
			row := make([]any, b.NumCols())
			for c := range row {
				row[c] = cellText(b.Column(c), i)
			}
			a.rows = append(a.rows, row)
		}
		b.Release()
	}
	return a
}

// cellText returns a value as text, nil for null.
func cellText(col arrow.Array, i int) any {
	if col.IsNull(i) || col.DataType().ID() == arrow.NULL {
		return nil
	}
	switch c := col.(type) {
	case *array.Dictionary:
		return cellText(c.Dictionary(), c.GetValueIndex(i))
	case *array.String:
		return c.Value(i)
	case *array.Binary:
		return string(c.Value(i))
	case *array.Boolean:
		return c.Value(i)
	case *array.Timestamp:
		return sparkTime(time.UnixMicro(int64(c.Value(i))), "2006-01-02 15:04:05.999999")
	case *array.Struct:
		return variantText(c, i)
	case *array.Date32:
		return sparkTime(c.Value(i).ToTime(), "2006-01-02")
	case *array.Float32:
		return json.Number(strconv.FormatFloat(float64(c.Value(i)), 'g', -1, 64))
	}
	return json.Number(col.ValueStr(i))
}

func sparkTime(t time.Time, layout string) string {
	text := t.UTC().Format(layout)
	if t.Year() > 9999 {
		text = "+" + text
	}
	return text
}

// sparkCase is a reading by Apache Spark 4.0.1 and what it gave; see
// testdata/spark.md.
type sparkCase struct {
	In      string            `json:"in"`
	Schema  string            `json:"schema"`
	Options map[string]string `json:"opt"`
	DDL     string            `json:"ddl"`
	Rows    [][]any           `json:"rows"`
	Err     string            `json:"err"`
	// Ours says why freshet differs, with Rows being what it gives.
	Ours string `json:"ours"`
}

func TestReadAgreesWithSpark(t *testing.T) {
	data, err := os.ReadFile("testdata/spark.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range bytes.Split(bytes.TrimSpace(data), []byte{'\n'}) {
		var c sparkCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatalf("line %d: %v", n+1, err)
		}
		got := query{ddl: c.Schema, options: c.Options}.run(t, files(c.In))
		if c.Err != "" {
			if got.err == nil {
				t.Errorf("line %d: %q %v: got %v, want an error like %s", n+1, c.In, c.Options, got.rows, c.Err)
			}
			continue
		}
		if diff := cmp.Diff(c.Rows, got.rows, cmpopts.EquateEmpty(), sameNumber); got.err != nil || diff != "" {
			t.Errorf("line %d: %.150q %v as %s: %v\n%s", n+1, c.In, c.Options, got.ddl, got.err, diff)
		}
		if c.Schema == "" && c.Ours == "" && !strings.EqualFold(strings.ReplaceAll(got.ddl, "`", ""), c.DDL) {
			t.Errorf("line %d: %q %v: schema is %s, want %s", n+1, c.In, c.Options, got.ddl, c.DDL)
		}
	}
}

// sameNumber compares numbers by value with the text Python shows for them.
var sameNumber = cmp.FilterValues(
	func(a, b any) bool {
		_, isA := a.(json.Number)
		_, isB := b.(json.Number)
		return (isA || isB) && a != nil && b != nil
	},
	cmp.Comparer(func(a, b any) bool {
		x, errX := strconv.ParseFloat(fmt.Sprint(a), 64)
		y, errY := strconv.ParseFloat(fmt.Sprint(b), 64)
		return errX == nil && errY == nil && (x == y || x != x && y != y)
	}))

func mustSchema(tb testing.TB, ddl string) *schema.Struct {
	tb.Helper()
	s, err := schema.ParseDDL(ddl)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
