package session

import (
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// deltaProperty is a property whose name belongs to Delta.
type deltaProperty struct {
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

// deltaProperties are the delta.* table properties that may be set (Delta
// table properties reference).
var deltaProperties = []deltaProperty{
	{"delta.appendOnly", propertyBool, "true or false"},
	{"delta.autoOptimize.autoCompact", propertyOneOf("true", "false", "auto", "legacy"), "true, false, auto or legacy"},
	{"delta.autoOptimize.optimizeWrite", propertyBool, "true or false"},
	{"delta.checkpoint.writeStatsAsJson", propertyBool, "true or false"},
	{"delta.checkpoint.writeStatsAsStruct", propertyBool, "true or false"},
	{"delta.checkpointInterval", propertyInt(1), "a positive integer"},
	{"delta.checkpointPolicy", propertyOneOf("classic", "v2"), "classic or v2"},
	{"delta.checkpointRetentionDuration", delta.ValidInterval, intervalRule},
	{"delta.columnMapping.mode", propertyOneOf("none", "name", "id"), "none, name or id"},
	{"delta.compatibility.symlinkFormatManifest.enabled", propertyOneOf("false"), "false: symlink manifests are not written"},
	{"delta.dataSkippingNumIndexedCols", propertyInt(-1), "larger than or equal to -1"},
	{"delta.dataSkippingStatsColumns", propertyAny, ""},
	{"delta.dataSkippingStringPrefixLength", propertyInt(0), "a number of characters"},
	{"delta.deletedFileRetentionDuration", delta.ValidInterval, intervalRule},
	{"delta.enableChangeDataFeed", propertyBool, "true or false"},
	{"delta.enableDeletionVectors", propertyBool, "true or false"},
	{"delta.enableExpiredLogCleanup", propertyBool, "true or false"},
	{"delta.enableInCommitTimestamps", propertyBool, "true or false"},
	{"delta.enableRowTracking", propertyBool, "true or false"},
	{"delta.enableTypeWidening", propertyBool, "true or false"},
	{"delta.isolationLevel", propertyOneOf("Serializable", "WriteSerializable"), "Serializable or WriteSerializable"},
	{"delta.logRetentionDuration", delta.ValidInterval, intervalRule},
	{"delta.minReaderVersion", propertyInt(1), "a protocol version"},
	{"delta.minWriterVersion", propertyInt(1), "a protocol version"},
	{"delta.parquet.compression.codec", propertyOneOf("none", "uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4", "lz4_raw"), "the name of a Parquet codec, such as snappy or zstd"},
	{"delta.randomizeFilePrefixes", propertyBool, "true or false"},
	{"delta.randomPrefixLength", propertyInt(1), "a positive integer"},
	{"delta.setTransactionRetentionDuration", delta.ValidInterval, intervalRule},
	{"delta.targetFileSize", propertyAny, ""},
	{"delta.tuneFileSizesForRewrites", propertyBool, "true or false"},
}

const intervalRule = "an interval such as '2 weeks'; months and years are not accepted, 365 days are"

// tableProperties checks TBLPROPERTIES and returns what the table keeps, in
// Delta's spelling.
func tableProperties(list []*sql.Property) (map[string]string, error) {
	out := make(map[string]string, len(list))
	for _, p := range list {
		key, err := propertyName(p.Key)
		if err == nil {
			err = checkProperty(key, p.Value)
		}
		if err != nil {
			return nil, err
		}
		if _, twice := out[key]; twice {
			return nil, errclass.New("DUPLICATE_KEY", "23505", "Found duplicate keys %s.", schema.QuoteIdent(p.Key))
		}
		out[key] = p.Value
	}
	return out, nil
}

const featurePrefix = "delta.feature."

// propertyName returns a property's name as Delta spells it. Other programs'
// names stay as they are.
func propertyName(key string) (string, error) {
	lower := strings.ToLower(key)
	switch {
	case strings.HasPrefix(lower, featurePrefix):
		for _, f := range delta.Features() {
			if strings.EqualFold(f.Name, key[len(featurePrefix):]) {
				return featurePrefix + f.Name, nil
			}
		}
		return "", errclass.New("DELTA_UNSUPPORTED_FEATURES_IN_CONFIG", "56038",
			"Table features configured in Delta table properties are not recognized by this version of freshet: %s.", key)
	case strings.HasPrefix(lower, "delta.constraints."):
		return "", errclass.New("DELTA_ADD_CONSTRAINTS", "0A000", "Please use ALTER TABLE ADD CONSTRAINT to add CHECK constraints; the property %s cannot be set.", key)
	case lower == "delta.columnmapping.maxcolumnid":
		return "", errclass.New("DELTA_CANNOT_MODIFY_TABLE_PROPERTY", "42939", "The Delta table configuration %s cannot be specified by the user.", key)
	case strings.HasPrefix(lower, "delta.universalformat."):
		return "", unsupported("UniForm", key)
	case strings.HasPrefix(lower, "delta."):
		for _, p := range deltaProperties {
			if strings.EqualFold(p.name, key) {
				return p.name, nil
			}
		}
		return "", errclass.New("DELTA_UNKNOWN_CONFIGURATION", "F0000", "Unknown configuration was specified: %s. Properties of your own must not begin with \"delta.\".", key)
	}
	return key, nil
}

func checkProperty(name, value string) error {
	if strings.HasPrefix(name, featurePrefix) && !strings.EqualFold(value, "supported") {
		return errclass.New("DELTA_UNSUPPORTED_FEATURE_STATUS", "0AKDE",
			"Expecting the status for table feature %s to be \"supported\", but got \"%s\".", name[len(featurePrefix):], value)
	}
	for _, p := range deltaProperties {
		if p.name == name && !p.valid(value) {
			return errclass.New("UNSUPPORTED_TABLE_CHANGE", "0A000", "Unsupported table change: %s is %q, and needs to be %s.", name, value, p.rule)
		}
	}
	return nil
}

// checkCreate refuses clauses that need what freshet does not write yet.
func checkCreate(stmt *sql.CreateTable) error {
	switch {
	case stmt.Using != "" && !strings.EqualFold(stmt.Using, "delta"):
		return unsupported("tables of a format other than Delta", "USING "+stmt.Using)
	case stmt.ClusterByAuto:
		return unsupported("CLUSTER BY AUTO", "name the columns")
	case stmt.External && stmt.Location == "":
		return errclass.New("CREATE_EXTERNAL_TABLE_WITHOUT_LOCATION", "42601", "CREATE EXTERNAL TABLE must be accompanied by LOCATION.")
	case stmt.OrReplace && stmt.IfNotExists:
		return errclass.New("PARSE_SYNTAX_ERROR", "42601", "CREATE OR REPLACE TABLE and IF NOT EXISTS exclude each other.")
	}
	return nil
}

// unsupported refuses something by name.
func unsupported(what, where string) error {
	return errclass.New("UNSUPPORTED_FEATURE.TABLE_OPERATION", "0A000", "This version of freshet does not support %s (%s).", what, where)
}
