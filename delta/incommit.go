package delta

import (
	"maps"
	"strconv"
)

// In-commit timestamps (protocol: In-Commit Timestamps) are the times of
// commits as the commits say them: each later than the one before, whatever
// clocks and copied files say. On a table that got them late, two properties
// tell from which version on.
const (
	inCommitKey        = "delta.enableInCommitTimestamps"
	inCommitVersionKey = "delta.inCommitTimestampEnablementVersion"
	inCommitTimeKey    = "delta.inCommitTimestampEnablementTimestamp"
)

// inCommitTimestamps reports whether commits carry their own time.
func inCommitTimestamps(m *Metadata) bool { return isSet(inCommitKey)(m) }

// keepEnablement carries over since when the table has in-commit timestamps,
// which new metadata made from nothing does not say.
func keepEnablement(m, old *Metadata) {
	if !inCommitTimestamps(m) || !inCommitTimestamps(old) {
		return
	}
	for _, key := range []string{inCommitVersionKey, inCommitTimeKey} {
		if value, ok := old.Configuration[key]; ok {
			m.Configuration[key] = value
		}
	}
}

// withEnablement returns m saying that in-commit timestamps begin with a
// version of this time.
func withEnablement(m Metadata, version, timestamp int64) Metadata {
	m.Configuration = maps.Clone(m.Configuration)
	m.Configuration[inCommitVersionKey] = strconv.FormatInt(version, 10)
	m.Configuration[inCommitTimeKey] = strconv.FormatInt(timestamp, 10)
	return m
}
