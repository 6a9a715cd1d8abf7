package schedule_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/schedule"
	"github.com/freshet/freshet/internal/sql"
)

func parse(t *testing.T, clause string) (*schedule.Schedule, error) {
	t.Helper()
	statements, err := sql.Parse("CREATE STREAMING TABLE t " + clause + " AS SELECT 1")
	if err != nil {
		return nil, err
	}
	return schedule.Parse(statements[0].(*sql.CreateStreamingTable).Schedule, time.UTC)
}

func TestNext(t *testing.T) {
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	since := at("2026-01-01T00:30:00Z")
	for _, c := range []struct{ clause, after, want string }{
		{"SCHEDULE EVERY 1 HOUR", "2026-01-01T00:30:00Z", "2026-01-01T01:30:00Z"},
		{"SCHEDULE EVERY 1 HOUR", "2026-01-01T05:45:00Z", "2026-01-01T06:30:00Z"},
		{"SCHEDULE EVERY 1 HOUR", "2025-12-01T05:45:00Z", "2026-01-01T01:30:00Z"},
		{"SCHEDULE REFRESH EVERY 2 DAYS", "2026-01-04T00:00:00Z", "2026-01-05T00:30:00Z"},
		{"SCHEDULE EVERY 8 WEEKS", "2026-01-01T00:30:00Z", "2026-02-26T00:30:00Z"},
		{"SCHEDULE CRON '0 */15 * * * ?'", "2026-01-01T00:31:00Z", "2026-01-01T00:45:00Z"},
		{"SCHEDULE CRON '0 */30 * * * ?'", "2026-01-01T00:31:00Z", "2026-01-01T01:00:00Z"},
		{"SCHEDULE CRON '0 0 6 ? * MON-FRI' AT TIME ZONE 'Europe/Berlin'", "2026-01-02T06:00:00Z", "2026-01-05T05:00:00Z"},
		{"SCHEDULE CRON '0 0 0 L * ?'", "2026-02-01T00:00:00Z", "2026-02-28T00:00:00Z"},
		{"SCHEDULE CRON '0 0 0 1 1 ? 2020'", "2026-02-01T00:00:00Z", ""},
		{"TRIGGER ON UPDATE", "2026-02-01T00:00:00Z", ""},
	} {
		s, err := parse(t, c.clause)
		if err != nil {
			t.Errorf("%s: %v", c.clause, err)
			continue
		}
		var want time.Time
		if c.want != "" {
			want = at(c.want)
		}
		if got := s.Next(since, at(c.after)); !got.Equal(want) {
			t.Errorf("%s after %s is due at %v, want %v", c.clause, c.after, got.UTC(), want)
		}
	}
}

// TestAssertion52_Schedules: EVERY knows hours, days and weeks alone; shorter
// times are for CRON.
func TestAssertion52_Schedules(t *testing.T) {
	for clause, want := range map[string]string{
		"SCHEDULE EVERY 30 MINUTES":                          "PARSE_SYNTAX_ERROR",
		"SCHEDULE EVERY 73 HOURS":                            "INVALID_SCHEDULE",
		"SCHEDULE EVERY 0 DAYS":                              "INVALID_SCHEDULE",
		"SCHEDULE EVERY 9 WEEKS":                             "INVALID_SCHEDULE",
		"SCHEDULE CRON '*/5 * *'":                            "INVALID_SCHEDULE",
		"SCHEDULE CRON '0 0 25 * * ?'":                       "INVALID_SCHEDULE",
		"SCHEDULE CRON '0 0 0 * * ?' AT TIME ZONE 'Mars'":    "INVALID_SCHEDULE",
		"TRIGGER ON UPDATE AT MOST EVERY INTERVAL 5 SECONDS": "INVALID_SCHEDULE",
		"SCHEDULE CRON '0 */30 * * * ?'":                     "",
		"TRIGGER ON UPDATE AT MOST EVERY INTERVAL 5 MINUTES": "",
		"SCHEDULE CRON '0 0/5 8-17 ? * MON,TUE 2026-2030'":   "",
	} {
		_, err := parse(t, clause)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(classOf(err), want)) {
			t.Errorf("%s: got %v, want %q", clause, err, want)
		}
	}
}

func classOf(err error) string {
	if c, ok := errors.AsType[errclass.Classified](err); ok {
		return c.ErrorClass()
	}
	return err.Error()
}

// FuzzCron: no expression does more than fail.
func FuzzCron(f *testing.F) {
	for _, seed := range []string{"", "0 */15 * * * ?", "0 0 0 L * ?", "0 0 12 ? * 2#1", "* * * * * * *", "0 0 0 15W * ?", "0 0 0 31 2 ?", "0 0 0 30 2 ? 2027-2099"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := schedule.Parse(&sql.Schedule{Cron: text}, time.UTC)
		if err != nil || s.Every > 0 {
			return
		}
		after := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		if next := s.Next(after, after); !next.IsZero() && !next.After(after) {
			t.Errorf("%q is due at %v, before %v", text, next, after)
		}
	})
}
