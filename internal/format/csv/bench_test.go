package csv_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/csv"
	"github.com/freshet/freshet/schema"
)

// sensorData returns about size bytes of sensor readings, with a header.
func sensorData(size int) string {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("sensor_id,timestamp,temperature,humidity,pressure\n")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for b.Len() < size {
		at = at.Add(time.Second)
		fmt.Fprintf(&b, "sensor-%04d,%s,%.2f,%.2f,%.3f\n", r.IntN(1000), at.Format("2006-01-02T15:04:05Z"),
			20+10*r.NormFloat64(), 50+20*r.Float64(), 1000+15*r.NormFloat64())
	}
	return b.String()
}

const sensorDDL = "sensor_id STRING, timestamp TIMESTAMP, temperature DOUBLE, humidity DOUBLE, pressure DOUBLE"

func benchmarkRead(b *testing.B, text string, q query) {
	b.Helper()
	f := csv.Format{}
	in := files(text)
	values, err := f.Options().Parse(q.options)
	if err != nil {
		b.Fatal(err)
	}
	s, err := schema.ParseDDL(q.ddl)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		for batch, err := range f.Read(b.Context(), func(yield func(format.File) bool) { yield(in[0]) }, format.Request{Schema: s, Options: values, Rescue: q.rescue}) {
			if err != nil {
				b.Fatal(err)
			}
			batch.Release()
		}
	}
}

func BenchmarkReadSensor(b *testing.B) {
	benchmarkRead(b, sensorData(64<<20), query{ddl: sensorDDL, options: map[string]string{"header": "true"}})
}

func BenchmarkReadSensorRescue(b *testing.B) {
	benchmarkRead(b, sensorData(16<<20), query{ddl: "sensor_id STRING, temperature DOUBLE", rescue: "_rescued_data", options: map[string]string{"header": "true"}})
}

func BenchmarkReadQuoted(b *testing.B) {
	text := bytes.Repeat([]byte("\"first value\",\"second, with separator\",\"third \"\"quoted\"\"\",42\n"), 200_000)
	for _, multiLine := range []string{"false", "true"} {
		b.Run("multiLine="+multiLine, func(b *testing.B) {
			benchmarkRead(b, string(text), query{ddl: "a STRING, b STRING, c STRING, d INT", options: map[string]string{"escape": `"`, "multiLine": multiLine}})
		})
	}
}

func BenchmarkInferSensor(b *testing.B) {
	f := csv.Format{}
	text := sensorData(16 << 20)
	in := files(text)
	values, err := f.Options().Parse(map[string]string{"header": "true"})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := f.Infer(b.Context(), in, format.Inference{Options: values, InferTypes: true}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadSmallFiles(b *testing.B) {
	f := csv.Format{}
	in := files(slices.Repeat([]string{sensorData(10 << 10)}, 2000)...)
	values, err := f.Options().Parse(map[string]string{"header": "true"})
	if err != nil {
		b.Fatal(err)
	}
	req := format.Request{Schema: mustSchema(b, sensorDDL), Options: values}
	b.SetBytes(2000 * (10 << 10))
	for b.Loop() {
		for batch, err := range f.Read(b.Context(), slices.Values(in), req) {
			if err != nil {
				b.Fatal(err)
			}
			batch.Release()
		}
	}
}
