package parquet

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/option"
)

// rebase is what is done to dates before the Gregorian calendar began.
type rebase int

const (
	rebaseNone   rebase = iota
	rebaseJulian        // they are of the Julian calendar
	rebaseRefuse        // they are an error
)

// gregorianStart is 1582-10-15, in days of Unix time. In the Julian calendar
// the day before was October 4th.
const gregorianStart = -141427

// errAncient says that a file has ancient dates and does not say their
// calendar.
var errAncient = errors.New("dates or timestamps before 1582-10-15 are ambiguous: " +
	"set the option datetimeRebaseMode or int96RebaseMode to LEGACY if an old system of the Julian calendar wrote the file, else to CORRECTED")

// setRebase decides the calendar of each leaf: by what Spark left in the
// footer, otherwise by the options, where they are given. The rebase of
// timestamps is that of time zone UTC.
func (s *source) setRebase(opts option.Values) {
	datetime := s.rebaseOf("org.apache.spark.legacyDateTime", [2]int{3, 0}, opts, "datetimeRebaseMode")
	int96 := s.rebaseOf("org.apache.spark.legacyINT96", [2]int{3, 1}, opts, "int96RebaseMode")
	for i := range s.leaves {
		switch s.leaves[i].kind {
		case dateLeaf, timestampLeaf:
			s.leaves[i].rebase = datetime
		case int96Leaf:
			s.leaves[i].rebase = int96
		case plainLeaf, textLeaf:
		}
	}
}

func (s *source) rebaseOf(legacyKey string, since [2]int, opts option.Values, name string) rebase {
	if version, ok := s.metadataValue("org.apache.spark.version"); ok {
		if _, legacy := s.metadataValue(legacyKey); legacy || before(version, since) {
			return rebaseJulian
		}
		return rebaseNone
	}
	if !opts.Given(name) {
		return rebaseNone
	}
	switch opts.Enum(name) {
	case rebaseLegacy:
		return rebaseJulian
	case rebaseException:
		return rebaseRefuse
	}
	return rebaseNone
}

// before compares the first two numbers of a version.
func before(version string, since [2]int) bool {
	parts := strings.SplitN(version, ".", 3)
	for i, want := range since {
		if i >= len(parts) {
			return false
		}
		got, err := strconv.Atoi(parts[i])
		if err != nil || got != want {
			return err == nil && got < want
		}
	}
	return false
}

// days rebases a day of Unix time.
func (r rebase) days(day int64) (int64, error) {
	if r == rebaseNone || day >= gregorianStart {
		return day, nil
	}
	if r == rebaseRefuse {
		return 0, errAncient
	}
	return julianToGregorian(day), nil
}

// micros rebases a point in time in microseconds.
func (r rebase) micros(v int64) (int64, error) {
	day := floorDiv(v, microsPerDay)
	moved, err := r.days(day)
	return v + (moved-day)*microsPerDay, err
}

// julianToGregorian returns the day that the proleptic Gregorian calendar
// calls as the Julian one calls day. February 29th of years that are no leap
// years any more becomes March 1st.
func julianToGregorian(day int64) int64 {
	c := day - julianEpoch + 32082
	d := floorDiv(4*c+3, 1461)
	e := c - floorDiv(1461*d, 4)
	m := (5*e + 2) / 153
	return time.Date(int(d-4800+m/10), time.Month(m+3-12*(m/10)), int(e-(153*m+2)/5+1), 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
}

// rebaseArray rebases dates, or timestamps of any unit. The result is new
// data.
func rebaseArray(data arrow.ArrayData, mode rebase) (arrow.ArrayData, error) {
	arr := array.MakeFromData(data)
	defer arr.Release()
	switch arr := arr.(type) {
	case *array.Date32:
		return rebaseValues(data, arr.Date32Values(), func(v arrow.Date32) (arrow.Date32, error) {
			d, err := mode.days(int64(v))
			return arrow.Date32(d), err
		}, arr.IsNull)
	case *array.Timestamp:
		unit, ok := arr.DataType().(*arrow.TimestampType)
		if !ok {
			return nil, fmt.Errorf("rebase %s", arr.DataType())
		}
		perDay := int64(24 * time.Hour / unit.Unit.Multiplier())
		return rebaseValues(data, arr.TimestampValues(), func(v arrow.Timestamp) (arrow.Timestamp, error) {
			day := floorDiv(int64(v), perDay)
			moved, err := mode.days(day)
			return v + arrow.Timestamp((moved-day)*perDay), err
		}, arr.IsNull)
	}
	data.Retain()
	return data, nil
}

// rebaseValues maps the values of data, which start at its offset.
func rebaseValues[T arrow.FixedWidthType](data arrow.ArrayData, values []T, move func(T) (T, error), isNull func(int) bool) (arrow.ArrayData, error) {
	out := make([]T, data.Offset()+len(values))
	for i, v := range values {
		if isNull(i) {
			continue
		}
		moved, err := move(v)
		if err != nil {
			return nil, err
		}
		out[data.Offset()+i] = moved
	}
	buf := memory.NewBufferBytes(arrow.GetBytes(out))
	defer buf.Release()
	return array.NewData(data.DataType(), data.Len(), []*memory.Buffer{data.Buffers()[0], buf}, nil, data.NullN(), data.Offset()), nil
}
