package setting

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

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
