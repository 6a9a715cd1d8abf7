package value_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"github.com/freshet/freshet/internal/format/value"
)

// answer is what Apache Spark made of a text: see testdata/spark.py.
type answer struct {
	Text, Pattern, Zone string
	Timestamp           *int64
	Date                *int32
	Error               string
}

// differs says where we do not follow Spark, and why.
var differs = map[string]string{
	"yyyy-MM-dd HH:mm:ss VV|2024-01-02 03:04:05 PST": "short ids are zones everywhere",

	"QQQ yyyy|Q3 2024":      "quarters can be read",
	"EEE yyyy|Tue 2024":     "names of days can be read",
	"u|2024":                "u is a year, as in Java",
	"uuuu-MM-dd|2024-01-02": "u is a year, as in Java",
}

func TestAsSpark(t *testing.T) {
	f, err := os.Open("testdata/spark.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if differs[a.Pattern+"|"+a.Text] == "" {
			a.check(t)
		}
	}
	if n < 600 {
		t.Errorf("only %d answers", n)
	}
}

func (a answer) check(t *testing.T) {
	t.Helper()
	text := []byte(a.Text)
	z := zone(t, "UTC")
	if a.Zone != "" {
		z = zone(t, a.Zone)
	}
	var got int64
	var ok bool
	if a.Pattern == "" {
		got, ok = value.CastTimestamp(text, z)
	} else {
		f, err := value.CompileFormat(a.Pattern, "en-US")
		if err != nil {
			if a.Error == "" {
				t.Errorf("%q: %v", a.Pattern, err)
			}
			return
		}
		if a.Error != "" {
			t.Errorf("%q compiles; Spark: %s", a.Pattern, a.Error)
			return
		}
		got, ok = f.Timestamp(text, z)
	}
	switch {
	case ok != (a.Timestamp != nil):
		t.Errorf("%q as %q: ok is %t (%s), Spark has %v", a.Text, a.Pattern, ok, micros(got), a.Timestamp)
	case ok && got != *a.Timestamp:
		t.Errorf("%q as %q in %q: %s, Spark has %s", a.Text, a.Pattern, a.Zone, micros(got), micros(*a.Timestamp))
	}
	if a.Pattern != "" || a.Zone != "" {
		return
	}
	days, ok := value.CastDate(text)
	if ok != (a.Date != nil) || ok && days != *a.Date {
		t.Errorf("%q as a date: %d, %t; Spark differs: %v", a.Text, days, ok, a.Date)
	}
}
