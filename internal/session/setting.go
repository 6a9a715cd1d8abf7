package session

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// Settings that freshet acts on, with the names Spark and Delta give them.
const (
	settingTimeZone  = "spark.sql.session.timeZone"
	settingAutoMerge = "spark.databricks.delta.schema.autoMerge.enabled"
	// settingPartitionOverwrite is static or dynamic: whether INSERT OVERWRITE
	// replaces all partitions, or those alone that get rows.
	settingPartitionOverwrite = "spark.sql.sources.partitionOverwriteMode"
	// settingANSI is shown alone: the SQL is that of ANSI mode.
	settingANSI = "spark.sql.ansi.enabled"
	// settingRetentionCheck refuses vacuums of a retention that is too short.
	settingRetentionCheck = "spark.databricks.delta.retentionDurationCheck.enabled"
)

var defaultSettings = map[string]string{
	settingTimeZone:       "UTC",
	settingAutoMerge:      "false",
	settingRetentionCheck: "true",
	settingANSI:           "true",

	settingPartitionOverwrite: "STATIC",
}

// settingNames maps the short names Databricks SQL has for settings.
var settingNames = map[string]string{
	"timezone": settingTimeZone,
}

// settingName returns the canonical spelling of a key.
func settingName(key string) string {
	if full, ok := settingNames[strings.ToLower(key)]; ok {
		return full
	}
	for known := range defaultSettings {
		if strings.EqualFold(known, key) {
			return known
		}
	}
	return key
}

// set runs SET. A key that freshet does not act on is kept and shown, as Spark
// does, so that scripts written for Spark run.
func (s *Session) set(stmt *sql.Set) (*Result, error) {
	out := newTable(schema.Col("key", schema.String), schema.Col("value", schema.String))
	switch key := settingName(stmt.Key); {
	case stmt.HasValue:
		if err := checkSetting(key, stmt.Value); err != nil {
			return nil, err
		}
		s.settings[key] = stmt.Value
		out.add(key, stmt.Value)
	case key != "":
		if v, ok := s.settings[key]; ok {
			out.add(key, v)
		} else {
			out.add(key, "<undefined>")
		}
	default:
		for _, k := range slices.Sorted(maps.Keys(s.settings)) {
			out.add(k, s.settings[k])
		}
	}
	return out.result(), nil
}

func checkSetting(key, value string) error {
	switch key {
	case settingTimeZone:
		if _, err := zoneOf(value); err != nil {
			return errclass.New("INVALID_CONF_VALUE.TIME_ZONE", "22022",
				"The value %q in the config %q is invalid. Cannot resolve the given timezone: %w.", value, key, err)
		}
	case settingPartitionOverwrite:
		if !strings.EqualFold(value, "static") && !strings.EqualFold(value, "dynamic") {
			return errclass.New("INVALID_CONF_VALUE.OUT_OF_RANGE_OF_OPTIONS", "22022", "The value %q in the config %q is invalid. It should be one of: STATIC, DYNAMIC.", value, key)
		}
	case settingAutoMerge, settingRetentionCheck:
		if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
			return errclass.New("INVALID_CONF_VALUE.DEFAULT", "22022", "The value %q in the config %q is invalid. It should be true or false.", value, key)
		}
	}
	return nil
}

// reset runs RESET.
func (s *Session) reset(stmt *sql.Reset) (*Result, error) {
	if stmt.Key == "" {
		s.settings = maps.Clone(defaultSettings)
		return &Result{}, nil
	}
	key := settingName(stmt.Key)
	delete(s.settings, key)
	if v, ok := defaultSettings[key]; ok {
		s.settings[key] = v
	}
	return &Result{}, nil
}

// timeZone returns the session's time zone.
func (s *Session) timeZone() *time.Location {
	loc, err := zoneOf(s.settings[settingTimeZone])
	if err != nil {
		return time.UTC
	}
	return loc
}

// offsetForm matches a zone by its offset from UTC, with or without the name
// that Java lets stand before it.
var offsetForm = regexp.MustCompile(`^(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?$`)

// The greatest offsets of zones that the engine knows, in hours.
const (
	maxEastern = 14
	maxWestern = 12
)

// offsetRegions are the offsets with minutes that the engine knows, by regions
// that have had no other since 1946: the engine's own zones are of whole hours.
var offsetRegions = map[string]string{
	"+04:30": "Asia/Kabul", "+05:30": "Asia/Kolkata", "+06:30": "Asia/Yangon", "+09:30": "Australia/Darwin", "-09:30": "Pacific/Marquesas",
}

// zoneOf returns the time zone of a name such as Europe/Berlin or of an offset
// such as +02:00.
func zoneOf(name string) (*time.Location, error) {
	m := offsetForm.FindStringSubmatch(name)
	if m == nil {
		if name == "Z" {
			return time.UTC, nil
		}
		return time.LoadLocation(name)
	}
	hours, err := strconv.Atoi(m[2])
	if err != nil {
		return nil, err
	}
	if region, ok := offsetRegions[fmt.Sprintf("%s%02d:%s", m[1], hours, m[3])]; ok {
		return time.LoadLocation(region)
	}
	sign, limit := 1, maxEastern
	if m[1] == "-" {
		sign, limit = -1, maxWestern
	}
	if hours > limit || m[3] != "" && m[3] != "00" {
		return nil, fmt.Errorf("the offsets known are those of whole hours from -%d to +%d and %s; otherwise name a region, such as Asia/Kathmandu",
			maxWestern, maxEastern, strings.Join(slices.Sorted(maps.Keys(offsetRegions)), ", "))
	}
	return time.FixedZone(fmt.Sprintf("%s%02d:00", m[1], hours), sign*hours*int(time.Hour/time.Second)), nil
}
