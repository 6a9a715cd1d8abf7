package factory_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/freshet/freshet/internal/factory"
	"github.com/freshet/freshet/internal/object"
)

// fakeStore keeps what is put into it.
type fakeStore struct {
	object.Store // nil: reading is not for this test
	mu           sync.Mutex
	objects      map[string][]byte
}

func newFakeStore() *fakeStore { return &fakeStore{objects: map[string][]byte{}} }

func (s *fakeStore) Create(_ context.Context, key string) (object.Upload, error) {
	return &fakeUpload{store: s, key: key}, nil
}

func (s *fakeStore) Put(ctx context.Context, key string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = bytes.Clone(data)
	return nil
}

type fakeUpload struct {
	bytes.Buffer
	store *fakeStore
	key   string
}

func (u *fakeUpload) Close() error { return u.store.Put(context.Background(), u.key, u.Bytes()) }
func (u *fakeUpload) Abort() error { return nil }

var everything = factory.Config{
	Seed: 7, Rows: 20_000, Files: 8, Late: 0.25, Duplicates: 0.02, Bad: 0.05, Drift: true,
}

func generate(t *testing.T, cfg factory.Config) (factory.Truth, map[string][]byte) {
	t.Helper()
	store := newFakeStore()
	cfg.Store = store
	truth, err := factory.Generate(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Generate: %v", err)
	}
	return truth, store.objects
}

func TestGenerateDependsOnConfigAlone(t *testing.T) {
	one := everything
	one.Parallelism = 1
	_, want := generate(t, one)
	many := everything
	many.Parallelism = 7
	_, got := generate(t, many)
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if !bytes.Equal(got[key], want[key]) {
			t.Errorf("%s differs between runs", key)
		}
	}
	other := everything
	other.Seed++
	_, changed := generate(t, other)
	for key := range want {
		if bytes.Equal(changed[key], want[key]) {
			t.Errorf("%s is the same under another seed", key)
		}
	}
}

func TestTruthIsWrittenAsReturned(t *testing.T) {
	want, objects := generate(t, everything)
	var got factory.Truth
	if err := json.Unmarshal(objects[factory.TruthKey], &got); err != nil {
		t.Fatalf("read %s: %v", factory.TruthKey, err)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("truth.json (-returned +written):\n%s", diff)
	}
}

// TestTruthHolds reads every file back with readers that are not ours and
// compares what is there with what the truth says.
func TestTruthHolds(t *testing.T) {
	truth, objects := generate(t, everything)
	if got, want := len(truth.Datasets), 5; got != want {
		t.Fatalf("%d datasets, want %d", got, want)
	}
	var rows int64
	for _, d := range truth.Datasets {
		rows += d.Rows
		if d.LateFiles != 2 {
			t.Errorf("%s: %d late files, want 2 of 8", d.Directory, d.LateFiles)
		}
		if d.BadRows == 0 || d.Duplicates == 0 {
			t.Errorf("%s: %d bad rows, %d duplicates; want some of both", d.Directory, d.BadRows, d.Duplicates)
		}
		for i, f := range d.Files {
			t.Run(f.Path, func(t *testing.T) {
				got := observe(t, d.Format, objects[f.Path], f.Columns)
				if got.rows != f.Rows || got.repeats != f.Duplicates {
					t.Errorf("found %d rows, %d repeats; truth says %d, %d", got.rows, got.repeats, f.Rows, f.Duplicates)
				}
				for name, n := range f.Numbers {
					if got.numbers[name] != n {
						t.Errorf("%s: found %+v, truth says %+v", name, got.numbers[name], n)
					}
				}
			})
			if drifted := len(f.Columns) > len(d.Files[0].Columns); drifted != (i >= 4) {
				t.Errorf("%s: columns %v; new columns belong to the second half alone", f.Path, f.Columns)
			}
		}
	}
	if rows != everything.Rows {
		t.Errorf("%d rows in all, want %d", rows, everything.Rows)
	}
}

type observed struct {
	rows, repeats int64
	numbers       map[string]factory.Number
	seen          map[string]bool
}

func (o *observed) row(text string) {
	o.rows++
	if o.seen[text] {
		o.repeats++
	}
	o.seen[text] = true
}

// number counts a value that can be read as a number.
func (o *observed) number(column, text string) {
	var v factory.Decimal
	if v.UnmarshalJSON([]byte(text)) != nil {
		return
	}
	n := o.numbers[column]
	o.numbers[column] = factory.Number{Values: n.Values + 1, Sum: n.Sum + v}
}

func observe(t *testing.T, format factory.Format, data []byte, columns []string) observed {
	t.Helper()
	o := observed{numbers: map[string]factory.Number{}, seen: map[string]bool{}}
	switch format {
	case factory.CSV:
		lines := strings.SplitAfter(strings.TrimSuffix(string(data), "\n"), "\n")
		if got, want := strings.TrimSpace(lines[0]), strings.Join(columns, ","); got != want {
			t.Fatalf("header %s, want %s", got, want)
		}
		for _, line := range lines[1:] {
			o.row(strings.TrimSpace(line))
			r := csv.NewReader(strings.NewReader(strings.ReplaceAll(line, `\"`, `""`)))
			fields, err := r.Read()
			if err != nil {
				t.Fatalf("line %q: %v", line, err)
			}
			for i := range min(len(fields), len(columns)) {
				o.number(columns[i], fields[i])
			}
		}
	case factory.JSON:
		for line := range strings.Lines(string(data)) {
			o.row(line)
			var record map[string]any
			d := json.NewDecoder(strings.NewReader(line))
			d.UseNumber()
			if d.Decode(&record) != nil {
				continue
			}
			for name, v := range record {
				if n, ok := v.(json.Number); ok {
					o.number(name, n.String())
				}
			}
		}
	case factory.Parquet:
		observeParquet(t, &o, data)
	}
	return o
}

func observeParquet(t *testing.T, o *observed, data []byte) {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("open parquet: %v", err)
	}
	fr, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatalf("open parquet as arrow: %v", err)
	}
	table, err := fr.ReadTable(t.Context())
	if err != nil {
		t.Fatalf("read parquet: %v", err)
	}
	rows := array.NewTableReader(table, -1)
	for rows.Next() {
		batch := rows.RecordBatch()
		for i := range int(batch.NumRows()) {
			var text strings.Builder
			for c, column := range batch.Columns() {
				fmt.Fprintf(&text, "%s|", column.ValueStr(i))
				if f, ok := column.(*array.Float64); ok {
					o.number(batch.ColumnName(c), strconv.FormatFloat(f.Value(i), 'f', 4, 64))
				} else {
					o.number(batch.ColumnName(c), column.ValueStr(i))
				}
			}
			o.row(text.String())
		}
	}
}

func TestSizeIsKept(t *testing.T) {
	const size = 4 << 20
	for _, format := range []factory.Format{factory.CSV, factory.JSON} {
		_, objects := generate(t, factory.Config{Size: size, Formats: []factory.Format{format}})
		total := 0
		for key, data := range objects {
			if key != factory.TruthKey {
				total += len(data)
			}
		}
		if total < size*95/100 || total > size*105/100 {
			t.Errorf("%s: %d bytes for a size of %d", format, total, size)
		}
	}
}

func TestCompressedFilesHoldTheSameText(t *testing.T) {
	cfg := factory.Config{Rows: 1000, Files: 2, Kinds: []factory.Kind{factory.Sensors}}
	_, plain := generate(t, cfg)
	open := map[factory.Compression]func(io.Reader) (io.Reader, error){
		factory.Gzip: func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		factory.Zstd: func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) },
	}
	suffix := map[factory.Compression]string{factory.Gzip: ".gz", factory.Zstd: ".zst"}
	for compression, open := range open {
		cfg.Compress = compression
		_, packed := generate(t, cfg)
		for key, want := range plain {
			if key == factory.TruthKey {
				continue
			}
			r, err := open(bytes.NewReader(packed[key+suffix[compression]]))
			if err != nil {
				t.Fatalf("open %s: %v", key, err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s by %s: %d bytes, error %v; want the %d plain bytes", key, compression, len(got), err, len(want))
			}
		}
	}
}

func TestRowsAreUnique(t *testing.T) {
	truth, objects := generate(t, factory.Config{Rows: 50_000, Late: 0.5, Files: 5})
	for _, d := range truth.Datasets {
		seen := map[string]bool{}
		for _, f := range d.Files {
			for line := range strings.Lines(string(objects[f.Path])) {
				if d.Format != factory.Parquet && seen[line] && !strings.HasPrefix(line, d.Files[0].Columns[0]) {
					t.Fatalf("%s repeats %s", f.Path, line)
				}
				seen[line] = true
			}
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	tests := []struct {
		name string
		cfg  factory.Config
		want string
	}{
		{"nothing asked", factory.Config{}, "how much"},
		{"share", factory.Config{Rows: 1, Bad: 1.5}, "between 0 and 1"},
		{"shares", factory.Config{Rows: 1, Bad: 0.6, Duplicates: 0.6}, "more than all rows"},
		{"kind", factory.Config{Rows: 1, Kinds: []factory.Kind{"wine"}}, "unknown kind"},
		{"format", factory.Config{Rows: 1, Formats: []factory.Format{"xls"}}, "unknown format"},
		{"nothing left", factory.Config{Rows: 1, Kinds: []factory.Kind{factory.Logs}, Formats: []factory.Format{factory.CSV}}, "logs json"},
		{"compression", factory.Config{Rows: 1, Compress: "rar"}, "gzip or zstd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Store = newFakeStore()
			if _, err := factory.Generate(t.Context(), tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

func TestErrorsOfTheStoreAreReturned(t *testing.T) {
	_, err := factory.Generate(t.Context(), factory.Config{Store: fullStore{}, Rows: 10})
	if !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := factory.Generate(ctx, factory.Config{Store: newFakeStore(), Rows: 10}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

var errFull = errors.New("disk full")

// fullStore has no room for any byte.
type fullStore struct{ object.Store }

func (fullStore) Create(context.Context, string) (object.Upload, error) { return fullUpload{}, nil }
func (fullStore) List(context.Context, string, string) iter.Seq2[fs.FileInfo, error] {
	return func(func(fs.FileInfo, error) bool) {}
}

type fullUpload struct{}

func (fullUpload) Write([]byte) (int, error) { return 0, errFull }
func (fullUpload) Close() error              { return errFull }
func (fullUpload) Abort() error              { return nil }

func BenchmarkGenerate(b *testing.B) {
	for _, format := range []factory.Format{factory.CSV, factory.JSON, factory.Parquet} {
		b.Run(string(format), func(b *testing.B) {
			cfg := factory.Config{
				Store: discard{}, Rows: 200_000, Files: 1, Parallelism: 1, Formats: []factory.Format{format},
				Bad: 0.01, Duplicates: 0.01, Drift: true, Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
			}
			var bytes int64
			for b.Loop() {
				truth, err := factory.Generate(b.Context(), cfg)
				if err != nil {
					b.Fatal(err)
				}
				bytes = 0
				for _, d := range truth.Datasets {
					for _, f := range d.Files {
						bytes += f.Bytes
					}
				}
			}
			b.SetBytes(cmp.Or(bytes, 1))
		})
	}
}

// discard forgets what is written to it.
type discard struct{ object.Store }

func (discard) Create(context.Context, string) (object.Upload, error) { return discarded{}, nil }
func (discard) Put(context.Context, string, []byte) error             { return nil }

type discarded struct{}

func (discarded) Write(p []byte) (int, error) { return len(p), nil }
func (discarded) Close() error                { return nil }
func (discarded) Abort() error                { return nil }
