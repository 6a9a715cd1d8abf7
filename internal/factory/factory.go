// Package factory makes the data of a manufacturing plant: sensor readings,
// equipment logs and quality metrics, with the faults that real plants
// deliver (late files, new columns, changed types, duplicates, bad rows), and
// the truth about it, so that a test can say what a table must hold.
//
// The bytes depend on the configuration alone: not on the clock, the machine
// or how many files are made at once.
package factory

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freshet/freshet/internal/object"
)

// Kind is what a dataset tells of.
type Kind string

// The kinds of data.
const (
	Sensors Kind = "sensors" // readings: CSV and JSON
	Logs    Kind = "logs"    // nested equipment events: JSON
	Quality Kind = "quality" // inspections: CSV and Parquet
)

// Format is how a dataset's files are written.
type Format string

// The formats of files.
const (
	CSV     Format = "csv" // with a header line
	JSON    Format = "json"
	Parquet Format = "parquet"
)

// Compression is how text files are compressed. Parquet files have their own.
type Compression string

// The compressions of text files.
const (
	Plain Compression = ""
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
)

// Config says what to make. Size or Rows must be set; the rest may be zero.
type Config struct {
	// Store receives the files and truth.json.
	Store object.Store
	Seed  uint64
	// Size is about how many bytes to make over all datasets, before
	// compression. It is used when Rows is 0.
	Size int64
	// Rows is how many rows to make over all datasets.
	Rows int64
	// Kinds and Formats select datasets; empty means all.
	Kinds   []Kind
	Formats []Format
	// Files is how many files each dataset has; 0 makes one for every 64 MiB,
	// and eight at least.
	Files    int
	Compress Compression
	// Late is the share of files whose readings are older than the files
	// before them, 0 to 1.
	Late float64
	// Duplicates is the share of rows that repeat the row before, 0 to 1.
	Duplicates float64
	// Bad is the share of rows with a fault, 0 to 1; see [Fault].
	Bad float64
	// Drift makes the second half of each dataset's files have columns that
	// the first half lacks, and the last quarter one column of another type.
	Drift bool
	// Start is the time of the first reading; zero is 2026-01-01 UTC.
	Start time.Time
	// Parallelism is how many files to make at once; 0 is one a processor.
	Parallelism int
}

// window is how much time one file's rows cover.
const window = 15 * time.Minute

// rotation is the size at which a dataset gets another file, and minFiles
// how many it has in any case.
const (
	rotation = 64 << 20
	minFiles = 8
)

// TruthKey is where Generate puts the [Truth], beside the datasets' folders.
const TruthKey = "truth.json"

// Generate makes the data and returns the truth about it, which it also
// writes under [TruthKey] when all files are there. A cancelled context
// leaves the files finished so far.
func Generate(ctx context.Context, cfg Config) (Truth, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Truth{}, err
	}
	datasets, err := cfg.plan(ctx)
	if err != nil {
		return Truth{}, err
	}
	truth := Truth{Seed: cfg.Seed, Datasets: make([]Dataset, len(datasets))}
	if err := cfg.writeFiles(ctx, datasets, &truth); err != nil {
		return Truth{}, err
	}
	truth.add()
	if err := truth.write(ctx, cfg.Store); err != nil {
		return Truth{}, fmt.Errorf("write %s: %w", TruthKey, err)
	}
	return truth, nil
}

// writeFiles makes all files, several at once, and puts what they hold into
// truth.
func (c Config) writeFiles(ctx context.Context, datasets []dataset, truth *Truth) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.Parallelism)
	for i, d := range datasets {
		truth.Datasets[i] = Dataset{Kind: d.kind, Format: d.format, Directory: d.directory(), Files: make([]File, len(d.files))}
		for j, f := range d.files {
			if ctx.Err() != nil {
				return group.Wait()
			}
			group.Go(func() (err error) {
				truth.Datasets[i].Files[j], err = c.writeFile(ctx, f)
				return err
			})
		}
	}
	return group.Wait()
}

func (c Config) withDefaults() (Config, error) {
	if c.Size <= 0 && c.Rows <= 0 {
		return c, errors.New("say how much to make: a size in bytes or a number of rows")
	}
	for name, share := range map[string]float64{"late": c.Late, "duplicates": c.Duplicates, "bad": c.Bad} {
		if !(share >= 0 && share <= 1) {
			return c, fmt.Errorf("the share of %s is %g; it must be between 0 and 1", name, share)
		}
	}
	if c.Bad+c.Duplicates > 1 {
		return c, fmt.Errorf("bad rows and duplicates together are more than all rows: %g", c.Bad+c.Duplicates)
	}
	if !slices.Contains([]Compression{Plain, Gzip, Zstd}, c.Compress) {
		return c, fmt.Errorf("unknown compression %q; it must be gzip or zstd", c.Compress)
	}
	if c.Files < 0 {
		return c, fmt.Errorf("the number of files is %d", c.Files)
	}
	if c.Start.IsZero() {
		c.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if c.Parallelism <= 0 {
		c.Parallelism = runtime.GOMAXPROCS(0)
	}
	return c, nil
}
