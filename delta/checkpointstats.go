package delta

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// Tables with delta.checkpoint.writeStatsAsJson=false hold the statistics of
// checkpointed files as columns only. They become the JSON text again that
// the rest of the package knows, or skipping files would end with the first
// checkpoint, and rewriting the checkpoint would lose them.

// statsTree returns statistics as JSON was decoded to; nil when there are none
// that can be read.
func statsTree(text string) any {
	if text == "" {
		return nil
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber() // decimals and 64-bit integers must keep their digits
	var tree any
	if dec.Decode(&tree) != nil {
		return nil
	}
	return tree
}

// parsedStats names the column of statistics in columns.
const parsedStats = "stats_parsed"

// needsParsedStats reports whether a checkpoint has statistics as columns and
// not as text.
func needsParsedStats(pq *file.Reader) bool {
	text, parsed := false, false
	sc := pq.MetaData().Schema
	for i := range sc.NumColumns() {
		words := sc.Column(i).ColumnPath()
		if len(words) > 1 && words[0] == "add" {
			text = text || words[1] == "stats"
			parsed = parsed || words[1] == parsedStats
		}
	}
	return parsed && !text
}

// statsText returns how a row's statistics read as JSON, or nothing.
func (g *group) statsText(dst []byte, row int) []byte {
	column, ok := g.fields[parsedStats]
	if !ok || column.IsNull(row) {
		return dst
	}
	dst, _ = appendStat(dst, column, row)
	return dst
}

// appendStat appends one value as the protocol writes statistics (protocol:
// Per-file Statistics). It reports false, and appends nothing, for a null or
// a value that JSON cannot hold: an absent bound is an unknown one.
func appendStat(dst []byte, column arrow.Array, row int) ([]byte, bool) {
	if column.IsNull(row) {
		return dst, false
	}
	switch a := column.(type) {
	case *array.Struct:
		return appendStruct(dst, a, row), true
	case *array.Boolean:
		return strconv.AppendBool(dst, a.Value(row)), true
	case *array.Int8:
		return strconv.AppendInt(dst, int64(a.Value(row)), 10), true
	case *array.Int16:
		return strconv.AppendInt(dst, int64(a.Value(row)), 10), true
	case *array.Int32:
		return strconv.AppendInt(dst, int64(a.Value(row)), 10), true
	case *array.Int64:
		return strconv.AppendInt(dst, a.Value(row), 10), true
	case *array.Float32:
		return appendFloat(dst, float64(a.Value(row)), 32)
	case *array.Float64:
		return appendFloat(dst, a.Value(row), 64)
	case *array.String:
		return appendQuoted(dst, a.Value(row))
	case *array.Date32:
		return appendQuoted(dst, a.Value(row).ToTime().Format(time.DateOnly))
	case *array.Timestamp:
		return appendTimestamp(dst, a, row)
	case *array.Decimal128:
		dt, ok := a.DataType().(*arrow.Decimal128Type)
		return append(dst, a.Value(row).ToString(dt.Scale)...), ok
	}
	return dst, false
}

// appendStruct appends an object of the fields that have a value.
func appendStruct(dst []byte, a *array.Struct, row int) []byte {
	dst = append(dst, '{')
	empty := true
	fields, ok := a.DataType().(*arrow.StructType)
	if !ok {
		return append(dst, '}')
	}
	for i, field := range fields.Fields() {
		start := len(dst)
		if !empty {
			dst = append(dst, ',')
		}
		dst, _ = appendQuoted(dst, field.Name)
		dst = append(dst, ':')
		if dst, ok = appendStat(dst, a.Field(i), row); !ok {
			dst = dst[:start]
			continue
		}
		empty = false
	}
	return append(dst, '}')
}

func appendFloat(dst []byte, v float64, bits int) ([]byte, bool) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return dst, false
	}
	return strconv.AppendFloat(dst, v, 'g', -1, bits), true
}

func appendQuoted(dst []byte, s string) ([]byte, bool) {
	quoted, err := json.Marshal(s)
	return append(dst, quoted...), err == nil
}

// appendTimestamp appends milliseconds, rounded down as writers of statistics
// do; a time without zone has no Z.
func appendTimestamp(dst []byte, a *array.Timestamp, row int) ([]byte, bool) {
	dt, ok := a.DataType().(*arrow.TimestampType)
	if !ok {
		return dst, false
	}
	layout := "2006-01-02T15:04:05.000"
	if dt.TimeZone != "" {
		layout += "Z"
	}
	return appendQuoted(dst, a.Value(row).ToTime(dt.Unit).UTC().Format(layout))
}
