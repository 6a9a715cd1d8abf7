package datafile_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta/internal/datafile"
	"github.com/freshet/freshet/schema"
)

// sensors returns batches of sensor readings: an id, a time, three measures
// with a decimal or two, and a dictionary-encoded name.
func sensors(batches, rows int) (*schema.Struct, []arrow.RecordBatch) {
	s := schema.New(
		schema.Col("id", schema.Long), schema.Col("at", schema.Timestamp),
		schema.Col("temperature", schema.Double), schema.Col("humidity", schema.Double),
		schema.Col("pressure", schema.Double), schema.Col("sensor", schema.String),
	)
	fields := schema.ToArrow(s).Fields()
	fields[5].Type = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint32, ValueType: arrow.BinaryTypes.String}
	as := arrow.NewSchema(fields, nil)
	random := rand.New(rand.NewPCG(1, 2))
	var out []arrow.RecordBatch
	for b := range batches {
		rb := array.NewRecordBuilder(memory.DefaultAllocator, as)
		for i := range rows {
			n := int64(b*rows + i)
			rb.Field(0).(*array.Int64Builder).Append(n)
			rb.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(1_700_000_000_000_000 + n*250_000 + int64(random.IntN(1000))*1000))
			for c, spread := range []int{2: 2_000, 3: 1_000, 4: 100_000} {
				if spread == 0 {
					continue
				}
				rb.Field(c).(*array.Float64Builder).Append(float64(1000+random.IntN(spread)) / 100)
			}
			if err := rb.Field(5).(*array.BinaryDictionaryBuilder).AppendString(fmt.Sprintf("sensor-%04d", random.IntN(500))); err != nil {
				panic(err)
			}
		}
		out = append(out, rb.NewRecordBatch())
	}
	return s, out
}

func BenchmarkWriteRowGroup(b *testing.B) {
	s, records := sensors(8, 32768)
	layout, err := datafile.NewLayout(s)
	if err != nil {
		b.Fatal(err)
	}
	codec, _ := datafile.ParseCodec("snappy")
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			b.ReportAllocs()
			values := 0
			var before, after syscall.Rusage
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
			size := int64(0)
			for b.Loop() {
				w := datafile.NewWriter(io.Discard, layout, codec, workers)
				if err := w.WriteRowGroup(b.Context(), records); err != nil {
					b.Fatal(err)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
				values += 8 * 32768 * 6
				size = w.Size()
			}
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
			cpu := time.Duration(after.Utime.Nano() - before.Utime.Nano() + after.Stime.Nano() - before.Stime.Nano())
			b.ReportMetric(float64(values)/1e6/b.Elapsed().Seconds(), "Mvalues/s")
			b.ReportMetric(float64(values)/1e6/cpu.Seconds(), "Mvalues/cpu-s")
			b.ReportMetric(float64(size), "filebytes")
		})
	}
}
