package delta

import (
	"fmt"
	"strconv"
	"strings"
)

// Keys of the log (protocol: File Types).
const (
	logDir      = "_delta_log/"
	sidecarDir  = logDir + "_sidecars/"
	hintKey     = logDir + "_last_checkpoint"
	versionForm = "%020d"

	// versionPrefix starts the key of every file that is named by a version:
	// the largest int64 has 19 digits. Listing it skips all else.
	versionPrefix = logDir + "0"
)

// commitKey returns the key of the commit of a version.
func commitKey(version int64) string {
	return fmt.Sprintf(logDir+versionForm+".json", version)
}

// versionKey returns a key that sorts before every file of the version and
// after every file of the version before.
func versionKey(version int64) string {
	return fmt.Sprintf(logDir+versionForm, version)
}

// classicCheckpointKey returns the key of the single-file checkpoint.
func classicCheckpointKey(version int64) string {
	return versionKey(version) + ".checkpoint.parquet"
}

// checksumKey returns the key of the checksum of a version.
func checksumKey(version int64) string { return versionKey(version) + ".crc" }

// logKind is what a file of the log is, as far as its name tells.
type logKind int

const (
	kindOther logKind = iota
	kindCommit
	kindCheckpoint
	kindChecksum
	kindCompacted
)

// logName is the parsed key of a file of the log.
type logName struct {
	kind    logKind
	version int64
	last    int64 // of a compacted file: the last of its versions
	// Of checkpoints: part and parts are 1 and 1 but for multi-part ones;
	// unique is the UUID of a V2 checkpoint.
	part, parts int
	unique      string
}

// parseLogKey reads a key under the log. Anything the protocol does not name
// is kindOther.
func parseLogKey(key string) logName {
	other := logName{kind: kindOther}
	name, ok := strings.CutPrefix(key, logDir)
	if !ok || len(name) < 21 || name[20] != '.' {
		return other
	}
	version, ok := parseDigits(name[:20])
	if !ok {
		return other
	}
	rest := name[21:]
	switch rest {
	case "json":
		return logName{kind: kindCommit, version: version}
	case "crc":
		return logName{kind: kindChecksum, version: version}
	case "checkpoint.parquet":
		return logName{kind: kindCheckpoint, version: version, part: 1, parts: 1}
	}
	middle, ok := strings.CutPrefix(rest, "checkpoint.")
	if !ok {
		return parseCompactedName(version, rest)
	}
	return parseCheckpointName(version, middle)
}

// parseCompactedName reads what follows the first version in the name of a
// log compaction file.
func parseCompactedName(version int64, rest string) logName {
	digits, ok := strings.CutSuffix(rest, ".compacted.json")
	last, number := parseDigits(digits)
	if !ok || !number || len(digits) != 20 || last <= version {
		return logName{kind: kindOther}
	}
	return logName{kind: kindCompacted, version: version, last: last}
}

// parseCheckpointName reads what stands between "checkpoint." and the end of
// the name of a multi-part or UUID-named checkpoint.
func parseCheckpointName(version int64, middle string) logName {
	words := strings.Split(middle, ".")
	switch {
	case len(words) == 3 && words[2] == "parquet":
		part, ok1 := parseDigits(words[0])
		parts, ok2 := parseDigits(words[1])
		if !ok1 || !ok2 || len(words[0]) != 10 || len(words[1]) != 10 || part < 1 || part > parts {
			break
		}
		return logName{kind: kindCheckpoint, version: version, part: int(part), parts: int(parts)}
	case len(words) == 2 && words[0] != "" && (words[1] == "parquet" || words[1] == "json"):
		return logName{kind: kindCheckpoint, version: version, part: 1, parts: 1, unique: words[0]}
	}
	return logName{kind: kindOther}
}

func parseDigits(s string) (int64, bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
