package delta

import (
	"slices"
	"strconv"
	"strings"
)

// propertyRule is a property whose name belongs to Delta.
type propertyRule struct {
	name  string
	valid func(value string) bool
	rule  string // what valid wants, for the error
}

func propertyBool(v string) bool {
	return strings.EqualFold(v, "true") || strings.EqualFold(v, "false")
}

func propertyInt(least int64) func(string) bool {
	return func(v string) bool {
		n, err := strconv.ParseInt(v, 10, 64)
		return err == nil && n >= least
	}
}

func propertyOneOf(words ...string) func(string) bool {
	return func(v string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, v) })
	}
}

func propertyAny(string) bool { return true }

// tableProperties are the delta.* table properties that may be set (Delta
// table properties reference).
var tableProperties = []propertyRule{
	{"delta.appendOnly", propertyBool, "true or false"},
	{"delta.autoOptimize.autoCompact", propertyOneOf("true", "false", "auto", "legacy"), "true, false, auto or legacy"},
	{"delta.autoOptimize.optimizeWrite", propertyBool, "true or false"},
	{"delta.checkpoint.writeStatsAsJson", propertyBool, "true or false"},
	{"delta.checkpoint.writeStatsAsStruct", propertyBool, "true or false"},
	{"delta.checkpointInterval", propertyInt(1), "a positive integer"},
	{"delta.checkpointPolicy", propertyOneOf("classic", "v2"), "classic or v2"},
	{"delta.checkpointRetentionDuration", validInterval, intervalRule},
	{"delta.columnMapping.mode", propertyOneOf("none", "name", "id"), "none, name or id"},
	{"delta.compatibility.symlinkFormatManifest.enabled", propertyOneOf("false"), "false: symlink manifests are not written"},
	{"delta.dataSkippingNumIndexedCols", propertyInt(-1), "larger than or equal to -1"},
	{"delta.dataSkippingStatsColumns", propertyAny, ""},
	{"delta.dataSkippingStringPrefixLength", propertyInt(0), "a number of characters"},
	{"delta.deletedFileRetentionDuration", validInterval, intervalRule},
	{"delta.enableChangeDataFeed", propertyBool, "true or false"},
	{"delta.enableDeletionVectors", propertyBool, "true or false"},
	{"delta.enableExpiredLogCleanup", propertyBool, "true or false"},
	{"delta.enableInCommitTimestamps", propertyBool, "true or false"},
	{"delta.enableRowTracking", propertyBool, "true or false"},
	{"delta.enableTypeWidening", propertyBool, "true or false"},
	{"delta.isolationLevel", propertyOneOf("Serializable", "WriteSerializable"), "Serializable or WriteSerializable"},
	{"delta.logRetentionDuration", validInterval, intervalRule},
	{"delta.minReaderVersion", propertyInt(1), "a protocol version"},
	{"delta.minWriterVersion", propertyInt(1), "a protocol version"},
	{"delta.parquet.compression.codec", propertyOneOf("none", "uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4", "lz4_raw"), "the name of a Parquet codec, such as snappy or zstd"},
	{"delta.randomizeFilePrefixes", propertyBool, "true or false"},
	{"delta.randomPrefixLength", propertyInt(1), "a positive integer"},
	{"delta.setTransactionRetentionDuration", validInterval, intervalRule},
	{"delta.targetFileSize", propertyAny, ""},
	{"delta.tuneFileSizesForRewrites", propertyBool, "true or false"},
}

const intervalRule = "an interval such as '2 weeks'; months and years are not accepted, 365 days are"

// FeaturePrefix begins the properties that ask for a table feature.
const FeaturePrefix = "delta.feature."

// PropertyName returns the name of a table property as Delta spells it, or an
// [AlterError] for one that begins like Delta's and is none, or that may not be
// set. Names of other programs stay as they are.
func PropertyName(key string) (string, error) {
	lower := strings.ToLower(key)
	switch {
	case strings.HasPrefix(lower, FeaturePrefix):
		for _, f := range Features() {
			if strings.EqualFold(f.Name, key[len(FeaturePrefix):]) {
				return FeaturePrefix + f.Name, nil
			}
		}
		return "", refuse("DELTA_UNSUPPORTED_FEATURES_IN_CONFIG", "56038",
			"Table features configured in Delta table properties are not recognized: %s.", key)
	case strings.HasPrefix(lower, "delta.constraints."):
		return "", refuse("DELTA_ADD_CONSTRAINTS", "0A000", "Please use ALTER TABLE ADD CONSTRAINT to add CHECK constraints; the property %s cannot be set.", key)
	case lower == "delta.columnmapping.maxcolumnid":
		return "", refuse("DELTA_CANNOT_MODIFY_TABLE_PROPERTY", "42939", "The Delta table configuration %s cannot be specified by the user.", key)
	case strings.HasPrefix(lower, "delta.universalformat."):
		return "", refuse("UNSUPPORTED_FEATURE.TABLE_OPERATION", "0A000", "UniForm (%s) is not supported.", key)
	case strings.HasPrefix(lower, "delta."):
		for _, p := range tableProperties {
			if strings.EqualFold(p.name, key) {
				return p.name, nil
			}
		}
		return "", refuse("DELTA_UNKNOWN_CONFIGURATION", "F0000", "Unknown configuration was specified: %s. Properties of your own must not begin with \"delta.\".", key)
	}
	return key, nil
}

// CheckProperty returns an [AlterError] when a property, named as [PropertyName]
// returns it, cannot have a value.
func CheckProperty(name, value string) error {
	if strings.HasPrefix(name, FeaturePrefix) && !strings.EqualFold(value, "supported") {
		return refuse("DELTA_UNSUPPORTED_FEATURE_STATUS", "0AKDE",
			"Expecting the status for table feature %s to be \"supported\", but got \"%s\".", name[len(FeaturePrefix):], value)
	}
	for _, p := range tableProperties {
		if p.name == name && !p.valid(value) {
			return refuse("UNSUPPORTED_TABLE_CHANGE", "0A000", "Unsupported table change: %s is %q, and needs to be %s.", name, value, p.rule)
		}
	}
	return nil
}
