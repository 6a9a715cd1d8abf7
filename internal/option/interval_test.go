package option_test

import (
	"testing"
	"time"

	"github.com/freshet/freshet/internal/option"
)

func TestParseInterval(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
	}{
		{"10 seconds", 10 * time.Second},
		{"1 day", 24 * time.Hour},
		{"interval 1 DAY 12 hours", 36 * time.Hour},
		{"2 weeks", 14 * 24 * time.Hour},
		{"0 seconds", 0},
	} {
		if got, err := option.ParseInterval(c.text); err != nil || got != c.want {
			t.Errorf("ParseInterval(%q) = %v, %v, want %v", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "interval", "soon", "1", "1 month", "-1 day", "1 day 2", "9223372036854775807 weeks", "52000 weeks"} {
		if got, err := option.ParseInterval(bad); err == nil {
			t.Errorf("ParseInterval(%q) = %v, want an error", bad, got)
		}
	}
}
