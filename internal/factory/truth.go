package factory

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/object"
)

// Truth is what was made, exactly.
type Truth struct {
	Seed     uint64    `json:"seed"`
	Datasets []Dataset `json:"datasets"`
}

// Dataset is the files of one kind and format, in one directory, with their
// totals.
type Dataset struct {
	Kind      Kind   `json:"kind"`
	Format    Format `json:"format"`
	Directory string `json:"directory"` // key prefix, without trailing slash
	LateFiles int    `json:"late_files"`
	Totals
	Files []File `json:"files"`
}

// File is one file.
type File struct {
	Path    string   `json:"path"`  // key in the store
	Bytes   int64    `json:"bytes"` // before compression
	Late    bool     `json:"late,omitempty"`
	Columns []string `json:"columns"` // top-level, in order
	Totals
}

// Totals count rows. Every row of a file is counted in Rows, duplicates and
// bad rows too.
type Totals struct {
	Rows       int64           `json:"rows"`
	Duplicates int64           `json:"duplicates"` // rows that repeat an earlier row of the file
	BadRows    int64           `json:"bad_rows"`
	Bad        map[Fault]int64 `json:"bad,omitempty"` // bad rows by cause
	// Numbers tells of each numeric column the values that can be read:
	// those of bad rows count where the fault leaves them whole.
	Numbers map[string]Number `json:"numbers"`
}

// Number is a numeric column's exact total.
type Number struct {
	Values int64   `json:"values"` // rows that have one
	Sum    Decimal `json:"sum"`
}

// Decimal is a number in ten-thousandths, enough for every column's scale.
type Decimal int64

// decimalScale is how many digits a [Decimal] has after the point.
const decimalScale = 4

// String returns the number with all its digits after the point.
func (d Decimal) String() string { return string(appendFixed(nil, int64(d), decimalScale)) }

// MarshalJSON writes the number as a JSON number.
func (d Decimal) MarshalJSON() ([]byte, error) { return appendFixed(nil, int64(d), decimalScale), nil }

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Decimal) UnmarshalJSON(text []byte) error {
	whole, fraction, _ := strings.Cut(string(text), ".")
	if whole == "" || len(fraction) > decimalScale {
		return fmt.Errorf("%q is not a decimal of %d digits after the point", text, decimalScale)
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", decimalScale-len(fraction)), 10, 64)
	if err != nil {
		return fmt.Errorf("decimal %s: %w", text, err)
	}
	*d = Decimal(n)
	return nil
}

// Dataset returns the dataset of a kind and format.
func (t Truth) Dataset(k Kind, f Format) (Dataset, bool) {
	for _, d := range t.Datasets {
		if d.Kind == k && d.Format == f {
			return d, true
		}
	}
	return Dataset{}, false
}

// add fills the datasets' totals from their files.
func (t *Truth) add() {
	for i := range t.Datasets {
		d := &t.Datasets[i]
		for _, f := range d.Files {
			d.Totals.add(f.Totals)
			if f.Late {
				d.LateFiles++
			}
		}
	}
}

func (t *Totals) add(o Totals) {
	t.Rows += o.Rows
	t.Duplicates += o.Duplicates
	t.BadRows += o.BadRows
	for cause, n := range o.Bad {
		if t.Bad == nil {
			t.Bad = map[Fault]int64{}
		}
		t.Bad[cause] += n
	}
	for name, n := range o.Numbers {
		if t.Numbers == nil {
			t.Numbers = map[string]Number{}
		}
		was := t.Numbers[name]
		t.Numbers[name] = Number{Values: was.Values + n.Values, Sum: was.Sum + n.Sum}
	}
}

func (t Truth) write(ctx context.Context, store object.Store) error {
	text, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return store.Put(ctx, TruthKey, append(text, '\n'))
}
