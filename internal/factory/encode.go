package factory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// writeFile makes one file and publishes it when it is whole.
func (c Config) writeFile(ctx context.Context, f file) (File, error) {
	up, err := c.Store.Create(ctx, f.key)
	if err != nil {
		return File{}, fmt.Errorf("create %s: %w", f.key, err)
	}
	made, err := c.encodeCompressed(ctx, up, f)
	if err != nil {
		return File{}, fmt.Errorf("write %s: %w", f.key, errors.Join(err, up.Abort()))
	}
	if err := up.Close(); err != nil {
		return File{}, fmt.Errorf("publish %s: %w", f.key, err)
	}
	return made, nil
}

func (c Config) encodeCompressed(ctx context.Context, w io.Writer, f file) (File, error) {
	var packed io.WriteCloser
	var err error
	switch {
	case c.suffix(f.source) == "":
		return c.encode(ctx, w, f)
	case c.Compress == Gzip:
		packed, err = gzip.NewWriterLevel(w, gzip.BestSpeed)
	default:
		packed, err = zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	if err != nil {
		return File{}, fmt.Errorf("start %s: %w", c.Compress, err)
	}
	made, err := c.encode(ctx, packed, f)
	if err != nil {
		return File{}, err
	}
	if err := packed.Close(); err != nil {
		return File{}, fmt.Errorf("end %s: %w", c.Compress, err)
	}
	return made, nil
}

// encode writes f's rows to w, uncompressed, and tells what they were.
func (c Config) encode(ctx context.Context, w io.Writer, f file) (File, error) {
	made := File{Path: f.key, Late: f.late}
	rng := rand.NewPCG(f.seed[0], f.seed[1])
	fates := dealer{rng: rng, duplicates: c.Duplicates, bad: c.Bad, causes: f.faults()}
	var err error
	switch {
	case f.format == Parquet:
		err = encodeParquet(ctx, w, f, newInspections(rng, f), &fates, &made)
	case f.kind == Sensors:
		err = encodeText(ctx, w, f, newReadings(rng, f), &fates, &made)
	case f.kind == Logs:
		err = encodeText(ctx, w, f, newEvents(rng, f), &fates, &made)
	default:
		err = encodeText(ctx, w, f, newInspections(rng, f), &fates, &made)
	}
	return made, err
}

// records makes the rows of one text file.
type records interface {
	// columns lists the top-level columns in order.
	columns() []string
	// tally counts the numbers of the rows made.
	tally() *tally
	// appendRecord appends one row of the given time (Unix microseconds) with
	// its line end, and puts its readable numbers into the tally's row.
	appendRecord(dst []byte, at int64, fault Fault) []byte
}

// blockSize is how much text is made before it is written.
const blockSize = 256 << 10

func encodeText(ctx context.Context, w io.Writer, f file, r records, fates *dealer, made *File) error {
	made.Columns = r.columns()
	numbers := r.tally()
	block := make([]byte, 0, blockSize+64<<10)
	if f.format == CSV {
		block = appendHeader(block, made.Columns)
	}
	var last []byte // the last good row, when duplicates are asked for
	for i := range f.rows {
		fault, again := fates.next(last != nil)
		if again {
			block = append(block, last...)
			numbers.repeat()
		} else {
			was := len(block)
			block = r.appendRecord(block, f.start+i*f.step/1000, fault)
			numbers.close(fault == "")
			if fault == "" && fates.duplicates > 0 {
				last = append(last[:0], block[was:]...)
			}
		}
		made.count(fault, again)
		if len(block) < blockSize && i < f.rows-1 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := w.Write(block); err != nil {
			return err
		}
		made.Bytes += int64(len(block))
		block = block[:0]
	}
	made.Numbers = numbers.totals()
	return nil
}

func appendHeader(dst []byte, columns []string) []byte {
	for i, name := range columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, name...)
	}
	return append(dst, '\n')
}

func (t *Totals) count(fault Fault, again bool) {
	t.Rows++
	if again {
		t.Duplicates++
	}
	if fault != "" {
		if t.Bad == nil {
			t.Bad = map[Fault]int64{}
		}
		t.Bad[fault]++
		t.BadRows++
	}
}
