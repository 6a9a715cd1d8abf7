package delta

import (
	"fmt"
	"testing"
	"time"
)

func TestParseInterval(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"interval 30 days":              30 * day,
		"interval 1 week":               7 * day,
		"INTERVAL 2 WEEKS 3 hours":      14*day + 3*time.Hour,
		"7 days":                        7 * day,
		"interval 1 hour 30 minutes":    90 * time.Minute,
		"interval 500 milliseconds":     500 * time.Millisecond,
		"interval 0 seconds":            0,
		"  interval   1   day  ":        day,
		"interval 10 second 2 second":   12 * time.Second,
		"interval 1 microseconds":       time.Microsecond,
		"interval 999999999 weeks":      -1,
		"interval 1 month":              -1,
		"interval -1 days":              -1,
		"interval":                      -1,
		"":                              -1,
		"interval days":                 -1,
		"interval 1 day and more":       -1,
		"interval 99999999999999999 ms": -1,
	} {
		got, ok := parseInterval(text)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("parseInterval(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestProtocolUpgrade(t *testing.T) {
	legacy := Protocol{MinReader: 2, MinWriter: 5}
	got := legacy.withFeatures("deletionVectors")
	if got.MinReader != 3 || got.MinWriter != 7 {
		t.Fatalf("got versions (%d, %d), want (3, 7)", got.MinReader, got.MinWriter)
	}
	for _, name := range legacy.writerFeatures() {
		if !got.hasFeature(name) {
			t.Errorf("upgrade lost %s, which version 5 implies", name)
		}
	}
	if want := "[columnMapping deletionVectors]"; fmt.Sprint(got.ReaderFeatures) != want {
		t.Errorf("reader features = %v, want %s", got.ReaderFeatures, want)
	}
	if same := got.withFeatures("deletionVectors"); !equalProtocols(same, got) {
		t.Errorf("adding what is there changed %+v to %+v", got, same)
	}
}

// TestFeatureTable holds what every row of the table promises.
func TestFeatureTable(t *testing.T) {
	seen := make(map[string]bool)
	for _, f := range Features() {
		if seen[f.Name] {
			t.Errorf("%s is listed twice", f.Name)
		}
		seen[f.Name] = true
		if f.Write != WriteNever && !f.Read {
			t.Errorf("%s is written but not read", f.Name)
		}
		if f.Write == WriteUnlessActive && f.active == nil {
			t.Errorf("%s: nothing tells whether it is used", f.Name)
		}
		if f.LegacyReader > 0 && !f.Reader {
			t.Errorf("%s has a legacy reader version but does not bind readers", f.Name)
		}
	}
}
