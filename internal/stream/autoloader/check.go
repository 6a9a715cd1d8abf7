package autoloader

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/option"
)

// Values of options.
const (
	cleanOff    = "OFF"
	cleanDelete = "DELETE"
	cleanMove   = "MOVE"
	listAuto    = "auto"
)

const (
	// minFileAge is the least that maxFileAge accepts.
	minFileAge = 14 * 24 * time.Hour
	// minDeleteAfter is what the retention of DELETE has to exceed.
	minDeleteAfter = 7 * 24 * time.Hour
)

// unknown explains an option that nothing declares the way Auto Loader does.
func unknown(err error) error {
	var c errclass.Classified
	if err == nil || !errors.As(err, &c) || c.ErrorClass() != "UNKNOWN_OPTION" {
		return err
	}
	return errclass.New("CF_UNKNOWN_OPTION_KEYS_ERROR", "42000",
		"Found an option that Auto Loader does not know: %w To pass over such options, set %svalidateOptions to false.", err, prefix)
}

func refuse(class, state, name, format string, args ...any) error {
	return option.Refuse(name, errclass.New(class, state, "Option "+prefix+name+": "+format, args...))
}

// check returns what is wrong with options, alone and taken together, for
// files at path. base is the directory below which they are.
func check(opts option.Values, hasSchema bool, base string) error {
	err := errors.Join(checkLimits(opts), checkCleaning(opts, base), checkEvolution(opts, hasSchema))
	if err == nil && opts.Bool("validateOptions") {
		err = checkFinding(opts)
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()[0] // one at a time is easier to act on
	}
	return err
}

func checkLimits(opts option.Values) error {
	switch {
	case opts.Given("maxFilesPerTrigger") && opts.Int("maxFilesPerTrigger") < 1:
		return refuse("CF_MAX_MUST_BE_POSITIVE", "42000", "maxFilesPerTrigger", "%d is no limit; it must be 1 or more.", opts.Int("maxFilesPerTrigger"))
	case opts.Given("maxBytesPerTrigger") && opts.Bytes("maxBytesPerTrigger") < 1:
		return refuse("CF_MAX_MUST_BE_POSITIVE", "42000", "maxBytesPerTrigger", "it must be 1 byte or more.")
	case opts.Given("maxFileAge") && opts.Interval("maxFileAge") < minFileAge:
		return refuse("CF_INVALID_OPTION", "42000", "maxFileAge", "%s is too short: files that are forgotten are loaded again. It must be 14 days or more, and 90 are recommended.", opts.Text("maxFileAge"))
	case opts.Given("backfillInterval") && opts.Interval("backfillInterval") == 0:
		return refuse("CF_INVALID_OPTION", "42000", "backfillInterval", "it must be longer than nothing, such as 1 day.")
	}
	return nil
}

func checkEvolution(opts option.Values, hasSchema bool) error {
	mode := modeOf(opts, hasSchema)
	switch {
	case hasSchema && (mode == evolve.AddNewColumns || mode == evolve.AddNewColumnsWithTypeWidening):
		return refuse("CF_ADD_NEW_NOT_SUPPORTED", "0A000", "schemaEvolutionMode",
			"%s needs an inferred schema. Leave the schema out and give the types you know as schemaHints.", mode)
	case mode == evolve.AddNewColumnsWithTypeWidening && opts.Given("prefersDecimal") && strings.EqualFold(opts.Text("prefersDecimal"), "false"):
		return refuse("CF_INVALID_OPTION", "42000", "schemaEvolutionMode", "%s cannot be used with prefersDecimal false.", mode)
	}
	return nil
}

// checkCleaning refuses what would clean too early, twice, or in a circle
// (semantics §2.8).
func checkCleaning(opts option.Values, base string) error {
	mode, after := opts.Enum("cleanSource"), opts.Interval("cleanSource.retentionDuration")
	switch {
	case mode == cleanOff:
		return nil
	case opts.Bool("allowOverwrites"):
		return refuse("CF_CLEAN_SOURCE_ALLOW_OVERWRITES_BOTH_ON", "42000", "cleanSource",
			"it cannot be on together with allowOverwrites, as a file may be overwritten while it is cleaned. Turn one of them off.")
	case opts.Given("maxFileAge") && after > opts.Interval("maxFileAge"):
		return refuse("CF_RETENTION_GREATER_THAN_MAX_FILE_AGE", "42000", "cleanSource.retentionDuration",
			"%s is longer than maxFileAge, %s: files would be forgotten before they are cleaned. Make it shorter.", opts.Text("cleanSource.retentionDuration"), opts.Text("maxFileAge"))
	case mode == cleanDelete && after <= minDeleteAfter:
		return refuse("CF_INVALID_OPTION", "42000", "cleanSource.retentionDuration",
			"%s is too short for DELETE, which needs more than 7 days. Make it longer, or use MOVE.", opts.Text("cleanSource.retentionDuration"))
	case mode == cleanMove && opts.Text("cleanSource.moveDestination") == "":
		return refuse("CF_INVALID_OPTION", "42000", "cleanSource.moveDestination", "MOVE needs to know where to; give a directory outside of the source.")
	case mode == cleanMove:
		loc, err := location.Parse(opts.Text("cleanSource.moveDestination"), "")
		if err != nil {
			return option.Refuse("cleanSource.moveDestination", err)
		}
		if to := strings.TrimRight(loc.String(), "/") + "/"; strings.HasPrefix(to, base) {
			return refuse("CF_INVALID_OPTION", "42000", "cleanSource.moveDestination",
				"%s is within the source, so that moved files would be loaded again. Give a directory outside of it.", opts.Text("cleanSource.moveDestination"))
		}
	}
	return nil
}

// ofManagedEvents are options that cannot go with useManagedFileEvents
// (semantics §2.6).
var ofManagedEvents = []string{"useIncrementalListing", "useNotifications", "fetchParallelism", "backfillInterval", "pathRewrites"}

// checkFinding refuses ways to find files that exclude each other, or that
// are not to be had here.
func checkFinding(opts option.Values) error {
	if opts.Bool("useManagedFileEvents") {
		var clash []string
		for _, name := range ofManagedEvents {
			if opts.Given(name) {
				clash = append(clash, prefix+name)
			}
		}
		if len(clash) > 0 {
			return option.Refuse(clash[0], errclass.New("CF_INVALID_MANAGED_FILE_EVENTS_OPTION_KEYS", "42000",
				"Auto Loader does not support the following options when used with managed file events: %s.", strings.Join(clash, ", ")))
		}
		return refuse("CF_MANAGED_FILE_EVENTS_ONLY_ON_SERVERLESS", "0A000", "useManagedFileEvents",
			"file events are a service of Databricks. Leave it out to list files, or set useNotifications for a local folder.")
	}
	if opts.Given("pathRewrites") {
		var rewrites map[string]string
		if err := json.Unmarshal([]byte(opts.Text("pathRewrites")), &rewrites); err != nil {
			return refuse("CF_INVALID_OPTION", "42000", "pathRewrites", "it must be a JSON object of prefixes, such as {\"bucket/a\":\"dbfs:/mnt/a\"}: %w.", err)
		}
	}
	if opts.Given("fetchParallelism") && opts.Int("fetchParallelism") < 1 {
		return refuse("CF_MAX_MUST_BE_POSITIVE", "42000", "fetchParallelism", "%d is too few; it must be 1 or more.", opts.Int("fetchParallelism"))
	}
	if !opts.Bool("useNotifications") {
		return nil
	}
	if mode := opts.Enum("useIncrementalListing"); mode == "true" {
		return refuse("CF_INVALID_OPTION", "42000", "useIncrementalListing", "files are listed or notified of, not both. Leave it or useNotifications out.")
	}
	for _, o := range queues {
		if opts.Given(o.Name) {
			return refuse("CF_SOURCE_UNSUPPORTED", "0A000", o.Name,
				"queues of clouds are not supported by this version: useNotifications is for local folders, which need none of this. Leave one of them out.")
		}
	}
	return nil
}

// reservedTags label what Databricks makes itself.
var reservedTags = []string{"vendor", "path", "checkpointLocation", "streamId"}

// checkTags refuses labels that are taken.
func checkTags(tags []string, given map[string]string) error {
	if len(tags) > 0 && strings.EqualFold(given["useManagedFileEvents"], "true") {
		return errclass.New("CF_INVALID_MANAGED_FILE_EVENTS_OPTION_KEYS", "42000",
			"Auto Loader does not support the following options when used with managed file events: %s.", prefix+tags[0])
	}
	for _, tag := range tags {
		key := tag[len(resourceTag):]
		if slices.ContainsFunc(reservedTags, func(r string) bool { return strings.EqualFold(r, key) }) {
			return refuse("CF_INVALID_OPTION", "42000", tag, "the keys %s are reserved; choose another.", strings.Join(reservedTags, ", "))
		}
	}
	return nil
}

// modeOf returns the evolution mode in force (semantics §3.6).
func modeOf(opts option.Values, hasSchema bool) evolve.Mode {
	if !opts.Given("schemaEvolutionMode") {
		if hasSchema {
			return evolve.None
		}
		return evolve.AddNewColumns
	}
	mode, err := evolve.ParseMode(opts.Text("schemaEvolutionMode"))
	if err != nil {
		return evolve.AddNewColumns // the set has checked the value
	}
	return mode
}
