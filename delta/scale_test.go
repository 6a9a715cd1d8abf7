package delta

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/uuid"

	"github.com/freshet/freshet/schema"
)

// objects is a read-only storage of a few objects.
type objects map[string][]byte

func (o objects) Open(_ context.Context, key string) (Object, error) {
	data, ok := o[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return openBytes{bytes.NewReader(data)}, nil
}

func (o objects) List(_ context.Context, prefix, startAfter string) iter.Seq2[fs.FileInfo, error] {
	return func(yield func(fs.FileInfo, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(o)) {
			if !strings.HasPrefix(key, prefix) || key <= startAfter {
				continue
			}
			info, err := fstest.MapFS{key: {Data: o[key]}}.Stat(key)
			if !yield(wholeKey{info, key}, err) {
				return
			}
		}
	}
}

type wholeKey struct {
	fs.FileInfo
	key string
}

func (w wholeKey) Name() string { return w.key }

func (objects) Create(context.Context, string) (Upload, error)    { return nil, fs.ErrPermission }
func (objects) Put(context.Context, string, []byte) error         { return fs.ErrPermission }
func (objects) PutIfAbsent(context.Context, string, []byte) error { return fs.ErrPermission }
func (objects) Delete(context.Context, string) error              { return fs.ErrPermission }

type openBytes struct{ *bytes.Reader }

func (openBytes) Close() error   { return nil }
func (openBytes) ModTime() int64 { return 0 }

// tableOf returns a snapshot of n files such as a sensor table has: a date
// partition, statistics of five columns.
func tableOf(n int) (*Snapshot, error) {
	random := rand.New(rand.NewPCG(1, 2))
	r := newReplay(nil)
	r.protocol = &Protocol{MinReader: 1, MinWriter: 2}
	r.metaData = newMetadataJSON(Metadata{
		ID: "t", PartitionColumns: []string{"date"},
		Schema: schema.New(
			schema.Col("sensor_id", schema.String), schema.Col("timestamp", schema.Timestamp), schema.Col("temperature", schema.Double),
			schema.Col("humidity", schema.Double), schema.Col("pressure", schema.Double), schema.Col("date", schema.Date)),
	})
	for i := range n {
		date := fmt.Sprintf("2024-%02d-%02d", 1+i/2800%12, 1+i/100%28)
		id := uuid.UUID{}
		for b := range id {
			id[b] = byte(random.Uint32())
		}
		r.files.add(&AddFile{
			Path:            fmt.Sprintf("date=%s/part-%05d-%s-c000.snappy.parquet", date, i%1000, id),
			PartitionValues: map[string]*string{"date": &date}, Size: int64(random.IntN(1 << 27)), ModificationTime: 1_700_000_000_000 + int64(i),
			Stats: fmt.Sprintf(`{"numRecords":%d,"minValues":{"sensor_id":"sensor-%04d","timestamp":"%sT00:00:%02d.000Z","temperature":%.2f,"humidity":%.1f,"pressure":%.1f},`+
				`"maxValues":{"sensor_id":"sensor-%04d","timestamp":"%sT23:59:%02d.000Z","temperature":%.2f,"humidity":%.1f,"pressure":%.1f},`+
				`"nullCount":{"sensor_id":0,"timestamp":0,"temperature":%d,"humidity":0,"pressure":0}}`,
				random.IntN(1_000_000), random.IntN(100), date, random.IntN(60), random.Float64()*20, random.Float64()*10, 900+random.Float64()*100,
				9000+random.IntN(999), date, random.IntN(60), 50+random.Float64()*20, 90+random.Float64()*10, 1000+random.Float64()*100, random.IntN(100)),
		})
	}
	return r.snapshot(NewTable(objects{}, Options{}), commitFile{version: 10})
}

// checkpointOf returns the bytes of a checkpoint of n files.
func checkpointOf(n int) ([]byte, error) {
	s, err := tableOf(n)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = s.writeCheckpointTo(context.Background(), &b)
	return b.Bytes(), err
}

func TestFileSetAgainstModel(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	set := newFileSet()
	model := make(map[string]int64) // live path → size
	for round := range 60 {
		before := set
		beforeAdds := set.adds
		b := newFileSetBuilder(set)
		for range 1 + random.IntN(9000/(1+round%7*50)) {
			path := fmt.Sprintf("p%d", random.IntN(20_000))
			if random.IntN(3) == 0 {
				b.remove(&RemoveFile{Path: path})
				delete(model, path)
				continue
			}
			size := int64(random.IntN(1000))
			b.add(&AddFile{Path: path, Size: size, Stats: path})
			model[path] = size
		}
		var err error
		if set, err = b.finish(); err != nil {
			t.Fatal(err)
		}
		if before.adds != beforeAdds {
			t.Fatalf("round %d changed the set it started from", round)
		}
		checkModel(t, set, model)
	}
	if len(set.layers) > 12 {
		t.Errorf("%d layers: they do not shrink geometrically", len(set.layers))
	}
}

func checkModel(t *testing.T, set *fileSet, model map[string]int64) {
	t.Helper()
	seen, bytes, tombstones := 0, int64(0), int64(0)
	err := set.each(func(v *rowView) bool {
		if v.tombstone() {
			tombstones++
			return true
		}
		f := v.add()
		seen, bytes = seen+1, bytes+f.Size
		if size, ok := model[f.Path]; !ok || size != f.Size || f.Stats != f.Path {
			t.Fatalf("file %+v is not as the model has it (%d, %t)", f, size, ok)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen != len(model) || set.adds != int64(seen) || set.bytes != bytes || set.tombstones != tombstones {
		t.Fatalf("set holds %d files, counts %d files, %d bytes, %d tombstones; want %d files, %d bytes, %d tombstones",
			seen, set.adds, set.bytes, set.tombstones, len(model), bytes, tombstones)
	}
}

// benchFiles is how many files the tables of the benchmarks have.
var benchFiles = flag.Int("files", 200_000, "how many files the tables of benchmarks have")

// BenchmarkOpen opens a table whose checkpoint holds many files, and reports
// time and memory for a million. With "-files 1000000" it is a million; the
// promise is 2 s and 300 MB.
func BenchmarkOpen(b *testing.B) {
	data, err := checkpointOf(*benchFiles)
	if err != nil {
		b.Fatal(err)
	}
	st := objects{
		classicCheckpointKey(10): data, commitKey(10): []byte("{}"),
		hintKey: []byte(`{"version":10,"size":1}`),
	}
	var kept *Snapshot
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		if kept, err = NewTable(st, Options{}).Snapshot(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	perMillion := 1_000_000 / float64(*benchFiles)
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)*perMillion, "s/Mfiles")
	b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))*perMillion/(1<<20), "MB/Mfiles")
	b.ReportMetric(float64(len(data))*perMillion/(1<<20), "checkpointMB/Mfiles")
	if kept.NumFiles() != int64(*benchFiles) {
		b.Errorf("got %d files", kept.NumFiles())
	}
}

// BenchmarkFiles lists the files of such a table.
func BenchmarkFiles(b *testing.B) {
	s, err := tableOf(*benchFiles)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, err := range s.Files(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)*1_000_000/float64(*benchFiles), "s/Mfiles")
}

// BenchmarkCheckpoint writes the checkpoint of such a table.
func BenchmarkCheckpoint(b *testing.B) {
	s, err := tableOf(*benchFiles)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var sink bytes.Buffer
		if err := s.writeCheckpointTo(b.Context(), &sink); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)*1_000_000/float64(*benchFiles), "s/Mfiles")
}

// writeCheckpointTo writes the classic checkpoint of the snapshot to w.
func (s *Snapshot) writeCheckpointTo(ctx context.Context, w io.Writer) error {
	job := s.newCheckpoint()
	return job.writeParquet(ctx, w, job.layout, job.writeRows)
}
