package factory

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// source is a dataset that can be made, with the part of all bytes or rows
// it gets when every dataset is asked for.
type source struct {
	kind   Kind
	format Format
	weight int64
}

var sources = []source{
	{Sensors, CSV, 40},
	{Sensors, JSON, 40},
	{Logs, JSON, 14},
	{Quality, CSV, 3},
	{Quality, Parquet, 3},
}

func (s source) directory() string { return string(s.kind) + "/" + string(s.format) }

// dataset is a source with its files laid out.
type dataset struct {
	source
	files []file
}

// drift is how far a file's columns have moved from the first file's.
type drift int

const (
	settled    drift = iota
	newColumns       // columns added at the end
	newTypes         // and one column of another type
)

// file is one file to make.
type file struct {
	source
	key   string
	seed  [2]uint64
	rows  int64
	start int64 // Unix microseconds of its first row
	step  int64 // nanoseconds from row to row
	late  bool
	drift drift
}

// plan chooses the datasets and lays out their files.
func (c Config) plan(ctx context.Context) ([]dataset, error) {
	chosen, err := c.choose()
	if err != nil {
		return nil, err
	}
	var weights int64
	for _, s := range chosen {
		weights += s.weight
	}
	datasets := make([]dataset, len(chosen))
	given := int64(0)
	for i, s := range chosen {
		given += s.weight
		rows := c.Rows*given/weights - c.Rows*(given-s.weight)/weights
		width, err := c.rowWidth(ctx, s)
		if err != nil {
			return nil, err
		}
		if c.Rows <= 0 {
			rows = int64(float64(c.Size) * float64(s.weight) / float64(weights) / width)
		}
		datasets[i] = dataset{source: s, files: c.layOut(s, rows, width)}
	}
	return datasets, nil
}

func (c Config) choose() ([]source, error) {
	for _, k := range c.Kinds {
		if !slices.Contains([]Kind{Sensors, Logs, Quality}, k) {
			return nil, fmt.Errorf("unknown kind %q; the kinds are sensors, logs and quality", k)
		}
	}
	for _, f := range c.Formats {
		if !slices.Contains([]Format{CSV, JSON, Parquet}, f) {
			return nil, fmt.Errorf("unknown format %q; the formats are csv, json and parquet", f)
		}
	}
	var chosen []source
	for _, s := range sources {
		if (len(c.Kinds) == 0 || slices.Contains(c.Kinds, s.kind)) && (len(c.Formats) == 0 || slices.Contains(c.Formats, s.format)) {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no kind of %v comes in a format of %v: sensors are csv or json, logs json, quality csv or parquet", c.Kinds, c.Formats)
	}
	return chosen, nil
}

// layOut divides rows over files. Late files tell of a time before all
// others, so that no two files have a reading in common.
func (c Config) layOut(s source, rows int64, width float64) []file {
	n := int64(c.Files)
	if n == 0 {
		n = max(minFiles, int64(math.Ceil(float64(rows)*width/rotation)))
	}
	n = max(1, min(n, rows))
	files := make([]file, n)
	for i := range files {
		i64 := int64(i)
		f := file{source: s, seed: c.seedOf(s, i), rows: rows*(i64+1)/n - rows*i64/n}
		span := max(window, time.Duration(f.rows)*10*time.Microsecond)
		f.step = int64(span) / max(1, f.rows)
		f.late = i > 0 && math.Floor(c.Late*float64(i+1)) > math.Floor(c.Late*float64(i))
		place := i64
		if f.late {
			place = -i64
		}
		f.start = c.Start.UnixMicro() + place*span.Microseconds()
		switch {
		case c.Drift && i64 >= n-n/4 && n >= 4:
			f.drift = newTypes
		case c.Drift && i64 >= n-n/2:
			f.drift = newColumns
		}
		f.key = fmt.Sprintf("%s/%s-%06d.%s%s", s.directory(), s.kind, i, s.format, c.suffix(s))
		files[i] = f
	}
	return files
}

func (c Config) suffix(s source) string {
	switch {
	case s.format == Parquet || c.Compress == Plain:
		return ""
	case c.Compress == Gzip:
		return ".gz"
	}
	return ".zst"
}

// seedOf gives each file its own randomness, so that files can be made in
// any order.
func (c Config) seedOf(s source, index int) [2]uint64 {
	h := fnv.New64a()
	io.WriteString(h, s.directory()) //nolint:errcheck // a hash never fails
	mix := rand.NewPCG(c.Seed, h.Sum64()+uint64(index))
	return [2]uint64{mix.Uint64(), mix.Uint64()}
}

// rowWidth returns how many bytes a row takes, measured on a sample.
func (c Config) rowWidth(ctx context.Context, s source) (float64, error) {
	const sample = 4000
	plain := c
	plain.Compress = Plain
	f := file{source: s, seed: c.seedOf(s, -1), rows: sample, start: c.Start.UnixMicro(), step: int64(window) / sample}
	if c.Drift {
		f.drift = newColumns
	}
	var n counter
	if _, err := plain.encode(ctx, &n, f); err != nil {
		return 0, fmt.Errorf("measure rows of %s: %w", strings.ReplaceAll(s.directory(), "/", " "), err)
	}
	return float64(n) / sample, nil
}

// counter counts the bytes written to it.
type counter int64

func (n *counter) Write(p []byte) (int, error) {
	*n += counter(len(p))
	return len(p), nil
}
