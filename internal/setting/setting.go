// Package setting keeps the settings of a session, with the names that Spark and
// Delta give them.
package setting

import (
	"maps"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
)

// Settings that freshet acts on.
const (
	TimeZone = "spark.sql.session.timeZone"
	// AutoMerge lets MERGE add columns to its target.
	AutoMerge = "spark.databricks.delta.schema.autoMerge.enabled"
	// PartitionOverwrite is static or dynamic: whether INSERT OVERWRITE replaces
	// all partitions, or those alone that get rows.
	PartitionOverwrite = "spark.sql.sources.partitionOverwriteMode"
	// ANSI is shown alone: the SQL is that of ANSI mode.
	ANSI = "spark.sql.ansi.enabled"
	// RetentionCheck refuses vacuums of a retention that is too short.
	RetentionCheck = "spark.databricks.delta.retentionDurationCheck.enabled"
)

var defaults = map[string]string{
	TimeZone:       "UTC",
	AutoMerge:      "false",
	RetentionCheck: "true",
	ANSI:           "true",

	PartitionOverwrite: "STATIC",
}

// shortNames are those that Databricks SQL has for settings.
var shortNames = map[string]string{
	"timezone": TimeZone,
}

// Name returns the canonical spelling of a key.
func Name(key string) string {
	if full, ok := shortNames[strings.ToLower(key)]; ok {
		return full
	}
	for known := range defaults {
		if strings.EqualFold(known, key) {
			return known
		}
	}
	return key
}

// Set is the settings of a session by their canonical names. Keys that freshet
// does not act on are kept too, so that scripts written for Spark run. It is not
// safe for concurrent use.
type Set map[string]string

// Defaults returns the settings that a session begins with.
func Defaults() Set { return maps.Clone(defaults) }

// Put gives the setting of a canonical name a value, unless it cannot have it.
func (s Set) Put(name, value string) error {
	err := check(name, value)
	if err == nil {
		s[name] = value
	}
	return err
}

// Reset gives the setting of a canonical name its default back, if it has one.
func (s Set) Reset(name string) {
	delete(s, name)
	if v, ok := defaults[name]; ok {
		s[name] = v
	}
}

// Is reports whether a setting is true.
func (s Set) Is(name string) bool { return strings.EqualFold(s[name], "true") }

// Zone returns the session's time zone.
func (s Set) Zone() *time.Location {
	loc, err := zoneOf(s[TimeZone])
	if err != nil {
		return time.UTC
	}
	return loc
}

// check refuses values that a setting cannot have.
func check(key, value string) error {
	switch key {
	case TimeZone:
		if _, err := zoneOf(value); err != nil {
			return errclass.New("INVALID_CONF_VALUE.TIME_ZONE", "22022",
				"The value %q in the config %q is invalid. Cannot resolve the given timezone: %w.", value, key, err)
		}
	case PartitionOverwrite:
		if !strings.EqualFold(value, "static") && !strings.EqualFold(value, "dynamic") {
			return errclass.New("INVALID_CONF_VALUE.OUT_OF_RANGE_OF_OPTIONS", "22022", "The value %q in the config %q is invalid. It should be one of: STATIC, DYNAMIC.", value, key)
		}
	case AutoMerge, RetentionCheck:
		if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
			return errclass.New("INVALID_CONF_VALUE.DEFAULT", "22022", "The value %q in the config %q is invalid. It should be true or false.", value, key)
		}
	}
	return nil
}
