package value

import (
	"strings"
	"time"
	_ "time/tzdata" // zones are the same wherever the program runs
)

// A Zone finds instants of local times. It remembers what it found last, so
// each goroutine needs its own.
type Zone struct {
	loc *time.Location
	// Local times from and before, in seconds, have the offset.
	from, before int64
	offset       int64
	date         date             // of the last timestamp
	named        map[string]*Zone // zones that values named; nil is no zone
}

// NewZone returns a Zone of loc; nil is UTC.
func NewZone(loc *time.Location) *Zone {
	if loc == nil {
		loc = time.UTC
	}
	return &Zone{loc: loc}
}

// instant returns the Unix time of a local time in seconds. Like Java, it
// takes the earlier instant of a local time that occurs twice, and moves one
// that clocks skip forward by what they skip.
func (z *Zone) instant(local int64) int64 {
	if local >= z.from && local < z.before {
		return local - z.offset
	}
	earlier, later := z.offsetAt(local-secondsPerDay), z.offsetAt(local+secondsPerDay)
	if earlier == later {
		z.remember(local, earlier)
		return local - earlier
	}
	if z.offsetAt(local-earlier) != earlier && z.offsetAt(local-later) == later {
		return local - later
	}
	return local - earlier
}

// remember notes for how long around local the offset holds, less a day on
// either side for what local times near a transition need.
func (z *Zone) remember(local, offset int64) {
	start, end := time.Unix(local-offset, 0).In(z.loc).ZoneBounds()
	const ever = 1 << 60
	z.offset, z.from, z.before = offset, -ever, ever
	if !start.IsZero() {
		z.from = start.Unix() + 2*secondsPerDay
	}
	if !end.IsZero() {
		z.before = end.Unix() - 2*secondsPerDay
	}
}

func (z *Zone) offsetAt(unix int64) int64 {
	_, offset := time.Unix(unix, 0).In(z.loc).Zone()
	return int64(offset)
}

// find returns the zone that a value names, as Java's ZoneId.of with its
// short ids does: Z, an offset, UTC, GMT or UT with or without an offset, or
// a region.
func (z *Zone) find(name []byte) (*Zone, bool) {
	if found, seen := z.named[string(name)]; seen {
		return found, found != nil
	}
	var found *Zone
	if loc, ok := LoadZone(string(name)); ok {
		found = NewZone(loc)
	}
	const remembered = 1024 // of hostile names, no more
	if z.named == nil || len(z.named) >= remembered {
		z.named = make(map[string]*Zone)
	}
	z.named[string(name)] = found
	return found, found != nil
}

// shortZones are Java's ZoneId.SHORT_IDS.
var shortZones = map[string]string{
	"ACT": "Australia/Darwin", "AET": "Australia/Sydney", "AGT": "America/Argentina/Buenos_Aires",
	"ART": "Africa/Cairo", "AST": "America/Anchorage", "BET": "America/Sao_Paulo", "BST": "Asia/Dhaka",
	"CAT": "Africa/Harare", "CNT": "America/St_Johns", "CST": "America/Chicago", "CTT": "Asia/Shanghai",
	"EAT": "Africa/Addis_Ababa", "ECT": "Europe/Paris", "IET": "America/Indiana/Indianapolis", //nolint:misspell // ECT is a zone
	"IST": "Asia/Kolkata", "JST": "Asia/Tokyo", "MIT": "Pacific/Apia", "NET": "Asia/Yerevan",
	"NST": "Pacific/Auckland", "PLT": "Asia/Karachi", "PNT": "America/Phoenix", "PRT": "America/Puerto_Rico",
	"PST": "America/Los_Angeles", "SST": "Pacific/Guadalcanal", "VST": "Asia/Ho_Chi_Minh",
	"EST": "-05:00", "MST": "-07:00", "HST": "-10:00",
}

// LoadZone returns the zone that Spark knows as name: a region such as
// Europe/Berlin, an offset such as +02:00, UTC, Z, or a short id such as PST.
func LoadZone(name string) (*time.Location, bool) {
	if long, ok := shortZones[name]; ok {
		name = long
	}
	rest := name
	for _, prefix := range []string{"UTC", "GMT", "UT"} {
		if after, ok := strings.CutPrefix(name, prefix); ok {
			rest = after
			break
		}
	}
	switch {
	case rest == "" && name != "", name == "Z":
		return time.UTC, true
	case rest != "" && (rest[0] == '+' || rest[0] == '-'):
		offset, n := scanOffset([]byte(rest))
		if n != len(rest) {
			return nil, false
		}
		return time.FixedZone(name, offset), true
	case name == "" || name == "Local" || !validRegion(name):
		return nil, false
	}
	loc, err := time.LoadLocation(name)
	return loc, err == nil
}

// validRegion keeps names that are no zone's from being looked up as files.
func validRegion(name string) bool {
	for _, c := range []byte(name) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && !strings.ContainsRune("/_-+", rune(c)) {
			return false
		}
	}
	return true
}

// maxOffset is the largest offset of a zone that Java allows, in seconds.
const maxOffset = 18 * 60 * 60

// scanOffset reads an offset from UTC at the start of text, in seconds: a
// sign and h, hh, hhmm, hhmmss, hh:mm, h:mm, hh:m or hh:mm:ss. It returns how
// many bytes it took, 0 when there is none.
func scanOffset(text []byte) (seconds, n int) {
	if len(text) < 2 || text[0] != '+' && text[0] != '-' {
		return 0, 0
	}
	var parts [3]int
	count, colon := 0, false
	for n = 1; count < 3; count++ {
		start := n
		if count == 1 && start < len(text) {
			colon = text[start] == ':'
		}
		if count > 0 && colon {
			if start >= len(text) || text[start] != ':' {
				break
			}
			start++
		}
		end := start
		for end < len(text) && end < start+2 && text[end]-'0' <= 9 {
			parts[count] = parts[count]*10 + int(text[end]-'0')
			end++
		}
		if end == start {
			break
		}
		if end == start+1 && (count == 2 || count == 1 && !colon) {
			return 0, 0
		}
		n = end
	}
	if count == 0 || parts[1] > 59 || parts[2] > 59 {
		return 0, 0
	}
	seconds = parts[0]*3600 + parts[1]*60 + parts[2]
	if seconds > maxOffset {
		return 0, 0
	}
	if text[0] == '-' {
		seconds = -seconds
	}
	return seconds, n
}
