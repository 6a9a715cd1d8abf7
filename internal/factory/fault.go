package factory

import "math/rand/v2"

// Fault is what is wrong with a bad row.
type Fault string

// The faults of rows.
const (
	ShortRow   Fault = "short_row"        // CSV: fields at the end are missing
	LongRow    Fault = "long_row"         // CSV: a field too many
	BadNumber  Fault = "bad_number"       // text where a number belongs
	BadTime    Fault = "bad_timestamp"    // no such time
	MissingKey Fault = "missing_key"      // the row's first column is null
	Truncated  Fault = "truncated_record" // JSON: the line ends early
	OutOfRange Fault = "out_of_range"     // readable, but far from every limit
)

// faults lists what can go wrong in rows of the source.
func (s source) faults() []Fault {
	switch s.format {
	case CSV:
		return []Fault{ShortRow, LongRow, BadNumber, BadTime, MissingKey}
	case JSON:
		return []Fault{Truncated, BadNumber, BadTime, MissingKey}
	case Parquet:
		return []Fault{MissingKey, OutOfRange}
	}
	return nil
}

// badTime is what a row with the fault BadTime has for a time.
const badTime = "2026-13-45T99:99:99Z"

// dealer deals out the fates of rows.
type dealer struct {
	rng             *rand.PCG
	duplicates, bad float64
	causes          []Fault
}

// next says what is wrong with the next row, or that it repeats the last good
// one, if there is one to repeat.
func (d *dealer) next(repeatable bool) (fault Fault, again bool) {
	if d.duplicates == 0 && d.bad == 0 {
		return "", false
	}
	r := d.rng.Uint64()
	chance := float64(r>>11) / (1 << 53)
	switch {
	case chance < d.bad:
		return d.causes[r%uint64(len(d.causes))], false
	case chance < d.bad+d.duplicates:
		return "", repeatable
	}
	return "", false
}
