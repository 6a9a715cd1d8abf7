package factory

import (
	"math/rand/v2"
	"strconv"
)

// Numbers of an inspection, in the order of its tally.
const (
	measured = iota
	defects
)

// inspections makes quality metrics, as CSV or as values for Parquet.
type inspections struct {
	rng   *rand.PCG
	file  file
	sums  *tally
	clock clock
	turn  int64
}

func newInspections(rng *rand.PCG, f file) *inspections {
	return &inspections{rng: rng, file: f, sums: newTally("measured", "defects")}
}

func (q *inspections) tally() *tally { return q.sums }

func (q *inspections) columns() []string {
	names := []string{"inspection_id", "timestamp", "product", "line", "metric", "measured", "lower", "upper", "passed", "defects"}
	if q.file.drift >= newColumns {
		names = append(names, "inspector", "rework")
	}
	return names
}

// inspection is one row. Lengths are in ten-thousandths of a millimetre.
type inspection struct {
	id              int64
	at              int64
	product, metric string
	line, inspector string
	measured        int64
	lower, upper    int64
	defects         int64
	rework          bool
}

func (v inspection) passed() bool { return v.measured >= v.lower && v.measured <= v.upper }

var (
	products = [...]string{"gear", "shaft", "housing, cast", "bearing", `flange 2"`, "valve", "piston", "rotor"}
	metrics  = [...]string{"diameter", "length", "roundness", "roughness"}
	lines    = [...]string{"L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8"}

	inspectors = [...]string{"QA1", "QA2", "QA3", "QA4", "QA5", "QA6", "QA7", "QA8"}
)

// outOfRange is what a row with the fault OutOfRange has measured.
const outOfRange = -9999_0000

func (q *inspections) next(at int64, fault Fault) inspection {
	r := q.rng.Uint64()
	v := inspection{
		id:        q.file.start/1e6<<20 + q.turn,
		at:        at,
		product:   products[r&7],
		metric:    metrics[r>>3&3],
		line:      lines[r>>5&7],
		measured:  250_000 + int64(r>>8&0x7ff),
		lower:     250_100,
		upper:     251_900,
		inspector: inspectors[r>>32&7],
		rework:    r>>40&0xf == 0,
	}
	q.turn++
	if fault == OutOfRange {
		v.measured = outOfRange
	}
	if !v.passed() {
		v.defects = 1 + int64(r>>24&3)
	}
	return v
}

func (q *inspections) appendRecord(dst []byte, at int64, fault Fault) []byte {
	v := q.next(at, fault)
	if fault != MissingKey {
		dst = strconv.AppendInt(dst, v.id, 10)
	}
	dst = append(dst, ',')
	if fault == BadTime {
		dst = append(dst, badTime...)
	} else {
		dst = q.clock.append(dst, v.at)
	}
	dst = appendQuoted(append(dst, ','), v.product)
	dst = append(append(dst, ','), v.line...)
	dst = append(dst, ',')
	dst = append(append(dst, v.metric...), ',')
	if fault == BadNumber {
		dst = append(dst, "n/a"...)
	} else {
		dst = appendFixed(dst, v.measured, 4)
		q.sums.set(measured, decimal(v.measured, 4))
	}
	if fault == ShortRow {
		return append(dst, '\n')
	}
	dst = appendFixed(append(dst, ','), v.lower, 4)
	dst = appendFixed(append(dst, ','), v.upper, 4)
	dst = strconv.AppendBool(append(dst, ','), v.passed())
	dst = strconv.AppendInt(append(dst, ','), v.defects, 10)
	if q.file.drift >= newTypes {
		dst = append(dst, " pcs"...)
	} else {
		q.sums.set(defects, decimal(v.defects, 0))
	}
	if q.file.drift >= newColumns {
		dst = append(append(dst, ','), v.inspector...)
		dst = strconv.AppendBool(append(dst, ','), v.rework)
	}
	if fault == LongRow {
		dst = append(dst, ",surplus"...)
	}
	return append(dst, '\n')
}

// appendQuoted appends a CSV field, quoted when its text needs it. Quotes
// inside are escaped by a backslash, Spark's default.
func appendQuoted(dst []byte, text string) []byte {
	plain := true
	for i := range len(text) {
		plain = plain && text[i] != ',' && text[i] != '"'
	}
	if plain {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for i := range len(text) {
		if text[i] == '"' {
			dst = append(dst, '\\')
		}
		dst = append(dst, text[i])
	}
	return append(dst, '"')
}
