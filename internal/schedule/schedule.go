// Package schedule says when a dataset is due, by its SCHEDULE clause
// (semantics §9.2).
package schedule

import (
	"strconv"
	"strings"
	"time"

	"github.com/reugn/go-quartz/quartz"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/sql"
)

// Schedule is when a dataset is due. One of its parts is set.
type Schedule struct {
	// Every is the time between two refreshes.
	Every time.Duration
	// OnUpdate says that a change of what the dataset reads makes it due, AtMost
	// after the last refresh at the earliest.
	OnUpdate bool
	AtMost   time.Duration

	cron *quartz.CronTrigger
}

// minOnUpdate is the shortest time between two refreshes on update.
const minOnUpdate = time.Minute

// units are the units of EVERY and how many of each are allowed.
var units = map[string]struct {
	length time.Duration
	most   int
}{
	"HOUR": {time.Hour, 72},
	"DAY":  {24 * time.Hour, 31},
	"WEEK": {7 * 24 * time.Hour, 8},
}

// Parse reads a clause. Times of CRON are in zone unless it names one.
func Parse(clause *sql.Schedule, zone *time.Location) (*Schedule, error) {
	switch {
	case clause.OnUpdate:
		return parseOnUpdate(clause)
	case clause.Every == nil:
		return parseCron(clause, zone)
	}
	unit := units[clause.Unit]
	n, err := strconv.Atoi(clause.Every.String())
	if err != nil || n < 1 || n > unit.most {
		return nil, invalid(clause, "takes a whole number from 1 to "+strconv.Itoa(unit.most)+" of this unit; shorter times are for CRON")
	}
	return &Schedule{Every: time.Duration(n) * unit.length}, nil
}

func invalid(clause *sql.Schedule, why string) error {
	return errclass.New("INVALID_SCHEDULE", "42000", "The schedule %s cannot be used: it %s.", clause, why)
}

func parseOnUpdate(clause *sql.Schedule) (*Schedule, error) {
	s := &Schedule{OnUpdate: true, AtMost: minOnUpdate}
	if clause.AtMost == nil {
		return s, nil
	}
	text := strings.NewReplacer("INTERVAL ", "", "'", "").Replace(clause.AtMost.String())
	every, err := option.ParseInterval(text)
	if err != nil {
		return nil, invalid(clause, "needs an interval such as INTERVAL 5 MINUTES")
	}
	if every < minOnUpdate {
		return nil, invalid(clause, "may not be shorter than a minute")
	}
	s.AtMost = every
	return s, nil
}

func parseCron(clause *sql.Schedule, zone *time.Location) (*Schedule, error) {
	if clause.TimeZone != "" {
		var err error
		if zone, err = time.LoadLocation(clause.TimeZone); err != nil {
			return nil, invalid(clause, "names no time zone that is known")
		}
	}
	cron, err := quartz.NewCronTriggerWithLoc(clause.Cron, zone)
	if err != nil {
		return nil, invalid(clause, "is no Quartz expression, such as '0 */15 * * * ?': "+err.Error())
	}
	return &Schedule{cron: cron}, nil
}

// Next returns when the dataset is due next after a time. EVERY counts from
// since, so that it is at the same times whoever asks. The zero time is never:
// the last time of a cron expression is over, or updates make it due.
func (s *Schedule) Next(since, after time.Time) time.Time {
	switch {
	case s.Every > 0:
		periods := int64(1)
		if after.After(since) {
			periods += int64(after.Sub(since) / s.Every)
		}
		return since.Add(time.Duration(periods) * s.Every)
	case s.cron != nil:
		next, err := s.cron.NextFireTime(after.UnixNano())
		if err != nil {
			return time.Time{}
		}
		return time.Unix(0, next)
	}
	return time.Time{}
}
