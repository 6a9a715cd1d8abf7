package autoloader_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/schema"
)

// TestEveryOptionIsTaken with and without its prefix, where it does nothing
// too (semantics §2.2).
func TestEveryOptionIsTaken(t *testing.T) {
	values := map[string]string{
		"format": "json", "allowOverwrites": "true", "backfillInterval": "1 day", "cleanSource": "move", "cleanSource.retentionDuration": "0 seconds",
		"cleanSource.moveDestination": "s3://bucket/done", "includeExistingFiles": "true", "inferColumnTypes": "true", "maxBytesPerTrigger": "10g",
		"maxFilesPerTrigger": "10", "maxFileAge": "90 days", "schemaEvolutionMode": "rescue", "schemaLocation": "s3://bucket/schema",
		"validateOptions": "true", "useIncrementalListing": "auto", "useManagedFileEvents": "false", "useNotifications": "false",
		"useStrictGlobber": "true", "fetchParallelism": "2", "pathRewrites": `{"a":"b"}`, "restrictNotificationSetupToSameAWSAccountId": "true",
	}
	for _, o := range autoloader.Options() {
		value, known := values[o.Name]
		if !known {
			value = "text"
		}
		for _, name := range []string{o.Name, "cloudFiles." + o.Name, strings.ToUpper("cloudFiles." + o.Name)} {
			given := map[string]string{"cloudFiles.format": "json", name: value}
			if strings.EqualFold(o.Name, "format") {
				delete(given, "cloudFiles.format")
				given[name] = value
			}
			if o.Name == "cleanSource" {
				given["cloudFiles.cleanSource.moveDestination"] = "s3://bucket/done"
			}
			if _, err := newLanding(t, given).open(); err != nil {
				t.Errorf("%s => %s: %v", name, value, err)
			}
		}
		if o.Doc == "" {
			t.Errorf("%s is not described", o.Name)
		}
	}
	for name, value := range map[string]string{
		"cloudFiles.schemaHints": "a INT", "schemaHints": "a INT", "cloudFiles.partitionColumns": "", "partitionColumns": "year",
		"cloudFiles.resourceTag.team": "x", "resourceTag.team": "x", "databricks.serviceCredential": "c", "pathGlobFilter": "*.json",
		"fileNamePattern": "*.json", "modifiedAfter": "2021-01-01T00:00:00", "modifiedBefore": "2031-01-01 00:00:00.000000 UTC+0",
		"recursiveFileLookup": "true", "ignoreCorruptFiles": "true", "ignoreMissingFiles": "true", "ignoredPathSegmentRegex": "^x",
	} {
		if _, err := newLanding(t, json(name, value)).open(); err != nil {
			t.Errorf("%s => %s: %v", name, value, err)
		}
	}
}

// TestAssertion28And29_Refusals: options that are unknown, say nothing, or
// exclude each other are refused by name and class.
func TestAssertion28And29_Refusals(t *testing.T) {
	hinted := schema.New(schema.Col("a", schema.Integer))
	for _, c := range []struct {
		name    string
		options map[string]string
		schema  *schema.Struct
		class   string // "" is accepted
		says    string
	}{
		{"unknown", json("cloudFiles.maxFilePerTrigger", "1"), nil, "CF_UNKNOWN_OPTION_KEYS_ERROR", "maxFilesPerTrigger"},
		{"format option with prefix", json("cloudFiles.multiLine", "true"), nil, "CF_UNKNOWN_OPTION_KEYS_ERROR", "cloudFiles.multiLine"},
		{"twice", json("format", "json"), nil, "CF_INVALID_OPTION", "twice"},
		{"no format", map[string]string{}, nil, "CF_FILE_FORMAT_REQUIRED", "cloudFiles.format"},
		{"no limit", json("maxFilesPerTrigger", "0"), nil, "CF_MAX_MUST_BE_POSITIVE", "maxFilesPerTrigger"},
		{"young", json("maxFileAge", "13 days"), nil, "CF_INVALID_OPTION", "14 days"},
		{"never", json("backfillInterval", "0 seconds"), nil, "CF_INVALID_OPTION", "backfillInterval"},
		{"evolving a given schema", json("schemaEvolutionMode", "addNewColumns"), hinted, "CF_ADD_NEW_NOT_SUPPORTED", "schemaHints"},
		{"no such clean-up", json("cleanSource", "BURN"), nil, "INVALID_OPTION_VALUE", "OFF, DELETE, MOVE"},
		{"delete too early", json("cleanSource", "DELETE", "cleanSource.retentionDuration", "7 days"), nil, "CF_INVALID_OPTION", "more than 7 days"},
		{"delete late", json("cleanSource", "DELETE", "cleanSource.retentionDuration", "8 days"), nil, "", ""},
		{"delete by default", json("cleanSource", "delete"), nil, "", ""},
		{"move at once", json("cleanSource", "MOVE", "cleanSource.retentionDuration", "0 seconds", "cleanSource.moveDestination", "s3://bucket/done/"), nil, "", ""},
		{"move nowhere", json("cleanSource", "MOVE"), nil, "CF_INVALID_OPTION", "moveDestination"},
		{"move within", json("cleanSource", "MOVE", "cleanSource.moveDestination", "s3://bucket/in/done"), nil, "CF_INVALID_OPTION", "loaded again"},
		{"move to itself", json("cleanSource", "MOVE", "cleanSource.moveDestination", "s3://bucket/in"), nil, "CF_INVALID_OPTION", "loaded again"},
		{"move beside", json("cleanSource", "MOVE", "cleanSource.moveDestination", "s3://bucket/in2"), nil, "", ""},
		{"clean what changes", json("cleanSource", "DELETE", "allowOverwrites", "true"), nil, "CF_CLEAN_SOURCE_ALLOW_OVERWRITES_BOTH_ON", "allowOverwrites"},
		{"clean what is forgotten", json("cleanSource", "DELETE", "maxFileAge", "14 days"), nil, "CF_RETENTION_GREATER_THAN_MAX_FILE_AGE", "maxFileAge"},
		{"service", json("useManagedFileEvents", "true"), nil, "CF_MANAGED_FILE_EVENTS_ONLY_ON_SERVERLESS", "useNotifications"},
		{"service and more", json("useManagedFileEvents", "true", "backfillInterval", "1 day"), nil, "CF_INVALID_MANAGED_FILE_EVENTS_OPTION_KEYS", "backfillInterval"},
		{"service and tag", json("useManagedFileEvents", "true", "resourceTag.a", "b"), nil, "CF_INVALID_MANAGED_FILE_EVENTS_OPTION_KEYS", "resourceTag.a"},
		{"listed and notified", json("useNotifications", "true", "useIncrementalListing", "true"), nil, "CF_INVALID_OPTION", "not both"},
		{"queue of a cloud", json("useNotifications", "true", "queueUrl", "https://sqs"), nil, "CF_SOURCE_UNSUPPORTED", "queueUrl"},
		{"rewrites", json("pathRewrites", "a=b"), nil, "CF_INVALID_OPTION", "JSON object"},
		{"no readers", json("fetchParallelism", "0"), nil, "CF_MAX_MUST_BE_POSITIVE", "fetchParallelism"},
		{"reserved tag", json("resourceTag.streamId", "x"), nil, "CF_INVALID_OPTION", "reserved"},
		{"without validation", json("useManagedFileEvents", "true", "validateOptions", "false", "no.such", "x"), nil, "", ""},
		{"without validation, still too early", json("cleanSource", "DELETE", "cleanSource.retentionDuration", "1 day", "validateOptions", "false"), nil, "CF_INVALID_OPTION", "7 days"},
	} {
		l := newLanding(t, c.options)
		l.schema = c.schema
		_, err := l.open()
		if c.class == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var known errclass.Classified
		if !errors.As(err, &known) || known.ErrorClass() != c.class || !strings.Contains(known.Error(), c.says) {
			t.Errorf("%s: got %v, want class %s and a text with %q", c.name, err, c.class, c.says)
		}
	}
}
