package session_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// statefulCase is a query over a stream and what Spark makes of it;
// testdata/stateful/record.py says how it was recorded.
type statefulCase struct {
	Name, Query, Mode, Watermark string
	Batches                      [][]json.RawMessage
	Runs                         []int // how many batches are there when the query starts, and starts again; none is all
	Rows                         []string
	// Late rows, and how many keys are kept in the end, of duplicates.
	Duplicates []string
	Late, Kept int
}

// TestStatefulQueriesAsSpark runs queries over streams whose batches come one
// by one, and compares what the table is left with to what Spark leaves.
func TestStatefulQueriesAsSpark(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile(filepath.Join("testdata", "stateful", "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []statefulCase
	if err := json.Unmarshal(body, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			w := newWorkspace(t)
			there := 0
			arrive := func(upto int) {
				for ; there < upto; there++ {
					var text strings.Builder
					for _, r := range c.Batches[there] {
						text.Write(append(r, '\n'))
					}
					w.file(fmt.Sprintf("%d.json", there), text.String())
				}
			}
			stream := " FROM STREAM read_files('$IN', format => 'json', maxFilesPerTrigger => 1, " +
				"schema => 'id BIGINT, k STRING, v DOUBLE, n BIGINT, d DECIMAL(10,2), b BOOLEAN, ts TIMESTAMP')"
			if c.Watermark != "" {
				stream += " WATERMARK ts DELAY OF INTERVAL '" + c.Watermark + "'"
			}
			query := strings.Replace(strings.Replace(c.Query, " FROM STREAM s", stream, 1), " FROM s", stream+" s", 1)
			runs := append(c.Runs, len(c.Batches))
			arrive(runs[0])
			w.rows("CREATE STREAMING TABLE result AS " + query)
			for _, upto := range runs[1:] {
				arrive(upto)
				w.open()
				w.rows("REFRESH TABLE result")
			}
			var got, want []string
			for _, row := range w.rows("SELECT * FROM result") {
				got = append(got, canonical(strings.Split(row, "|")))
			}
			for _, row := range c.Rows {
				want = append(want, canonical(fieldsOf(t, row)))
			}
			slices.Sort(got)
			slices.Sort(want)
			if len(c.Duplicates) > 0 {
				const operator = "get_json_object(details:stream_progress:progress_json, '$.stateOperators[0]."
				w.want("SELECT sum("+operator+"numRowsDroppedByWatermark')::int), max_by("+operator+"numRowsTotal')::int, origin.batch_id) "+
					"FROM event_log(TABLE(result)) WHERE event_type = 'stream_progress'", fmt.Sprintf("%d|%d", c.Late, c.Kept))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s\ngot  %s\nwant %s", query, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
			}
		})
	}
}

// fieldsOf returns the values of a JSON object in their order.
func fieldsOf(t *testing.T, object string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(object))
	d.UseNumber()
	var list []string
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		list = append(list, strings.Trim(string(v), `"`))
	}
	return list
}

// canonical writes values in one way, whoever has written them.
func canonical(values []string) string {
	for i, v := range values {
		values[i] = strings.ReplaceAll(v, "null", "NULL")
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			values[i] = strconv.FormatFloat(f, 'g', 12, 64)
		}
		if object := map[string]string{}; json.Unmarshal([]byte(values[i]), &object) == nil {
			values[i] = object["start"] + " to " + object["end"]
		}
		for _, layout := range []string{"2006-01-02T15:04:05.000Z", "2006-01-02 15:04:05Z", "2006-01-02 15:04:05"} {
			if at, err := time.Parse(layout, v); err == nil {
				values[i] = at.Format(time.RFC3339)
			}
		}
		values[i] = strings.NewReplacer(".000Z", "Z", "T", " ").Replace(values[i])
	}
	return strings.Join(values, "|")
}
