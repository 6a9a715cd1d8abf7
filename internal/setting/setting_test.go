package setting_test

import (
	"testing"
	"time"

	"github.com/freshet/freshet/internal/setting"
)

func TestZone(t *testing.T) {
	at := time.Date(2024, 7, 1, 10, 0, 0, 0, time.UTC)
	tests := []struct {
		zone string
		want string // of at, "" where the zone is refused
	}{
		{"UTC", "10:00"},
		{"Z", "10:00"},
		{"Europe/Berlin", "12:00"},
		{"+02:00", "12:00"},
		{"GMT-3", "07:00"},
		{"UTC+14:00", "00:00"},
		{"+05:30", "15:30"},
		{"-09:30", "00:30"},
		{"+14:30", ""},
		{"-13:00", ""},
		{"+01:15", ""},
		{"Mars/Olympus", ""},
	}
	for _, tt := range tests {
		s := setting.Defaults()
		err := s.Put(setting.TimeZone, tt.zone)
		if (err == nil) != (tt.want != "") {
			t.Errorf("%s: error %v, want %q", tt.zone, err, tt.want)
		}
		if err == nil && at.In(s.Zone()).Format("15:04") != tt.want {
			t.Errorf("%s: got %s, want %s", tt.zone, at.In(s.Zone()).Format("15:04"), tt.want)
		}
	}
}

func TestPut(t *testing.T) {
	tests := []struct {
		key, value, name string
		ok               bool
	}{
		{"timezone", "UTC", setting.TimeZone, true},
		{"SPARK.sql.ansi.enabled", "false", setting.ANSI, true},
		{"spark.sql.sources.partitionOverwriteMode", "Dynamic", setting.PartitionOverwrite, true},
		{"spark.sql.sources.partitionOverwriteMode", "both", setting.PartitionOverwrite, false},
		{"spark.databricks.delta.schema.autoMerge.enabled", "yes", setting.AutoMerge, false},
		{"my.Own", "x", "my.Own", true},
	}
	for _, tt := range tests {
		s := setting.Defaults()
		before := s[tt.name]
		name := setting.Name(tt.key)
		if name != tt.name {
			t.Errorf("Name(%s) = %s, want %s", tt.key, name, tt.name)
		}
		want := before
		if tt.ok {
			want = tt.value
		}
		if err := s.Put(name, tt.value); (err == nil) != tt.ok || s[name] != want {
			t.Errorf("%s = %s: error %v, then %q; want %q", tt.key, tt.value, err, s[name], want)
		}
		if s.Reset(name); s[name] != before {
			t.Errorf("%s after Reset: %q, want %q", tt.key, s[name], before)
		}
	}
}
