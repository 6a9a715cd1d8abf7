package json_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/json"
)

const sensorDDL = "sensor_id STRING, ts TIMESTAMP, temperature DOUBLE, humidity DOUBLE, pressure DOUBLE, vibration DOUBLE, line STRING, status STRING, count BIGINT"

// sensorLines returns n lines of sensor readings.
func sensorLines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"sensor_id":"sensor-%04d","ts":"2024-01-%02dT%02d:%02d:%02d.%03dZ","temperature":%.4f,"humidity":%.2f,"pressure":%.2f,"vibration":%.6f,"line":"line-%d","status":"ok","count":%d}`+"\n",
			i*7919%500, i/86400%28+1, i/3600%24, i/60%60, i%60, i%1000, 20+float64(i%1000)/97, 40+float64(i%977)/31, 1000+float64(i%313)/7, float64(i%4001)/9999, i%12, i)
	}
	return b.String()
}

func BenchmarkReadSensor(b *testing.B) {
	text := sensorLines(200_000)
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			in := input{Format: json.Format{Workers: workers}, files: []string{text}, ddl: sensorDDL, req: format.Request{Rescue: "_rescued_data"}}
			files, req := in.store(b), in.request(b)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				for batch, err := range in.Read(b.Context(), slices.Values(files), req) {
					if err != nil {
						b.Fatal(err)
					}
					batch.Release()
				}
			}
			reportRate(b, len(text), cpuTime(b)-before)
		})
	}
}

func BenchmarkInferSensor(b *testing.B) {
	text := sensorLines(100_000)
	in := input{files: []string{text}}
	b.SetBytes(int64(len(text)))
	before := cpuTime(b)
	for b.Loop() {
		if _, err := in.infer(b, format.Inference{InferTypes: true}); err != nil {
			b.Fatal(err)
		}
	}
	reportRate(b, len(text), cpuTime(b)-before)
}

// reportRate reports megabytes a second of processor time, which other work
// on the machine disturbs less than the clock.
func reportRate(b *testing.B, size int, cpu time.Duration) {
	b.Helper()
	b.ReportMetric(float64(size)*float64(b.N)/1e6/cpu.Seconds(), "MB/cpu-s")
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
