package autoloader

import (
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/option"
)

// prefix may stand before the name of each option of the source.
const prefix = "cloudFiles."

// Options declares the options of the source besides those that files and
// formats have (semantics §2.2). Each may also be written with the prefix
// "cloudFiles.".
func Options() option.Set {
	set := slices.Concat(loading, finding, queues)
	for i := range set {
		set[i].Aliases = []string{prefix + set[i].Name}
	}
	return set
}

// loading is what is loaded of the files found, and as what.
var loading = option.Set{
	{Name: "format", Kind: option.Text, Doc: "Format of the files. Required, except of `STREAM read_files`, which finds it."},
	{Name: "allowOverwrites", Kind: option.Bool, Default: "false", Doc: "Load a file again, whole, when it was modified after it was discovered."},
	{Name: "cleanSource", Kind: option.Enum, Values: []string{cleanOff, cleanDelete, cleanMove}, Default: cleanOff, Doc: "What happens to files that were loaded, once the retention time after their commit is over."},
	{Name: "cleanSource.moveDestination", Kind: option.Text, Doc: "Directory to which MOVE moves files, outside of the source; they keep their path below the source."},
	{Name: "cleanSource.retentionDuration", Kind: option.Interval, Default: "30 days", Doc: "For how long loaded files stay; more than 7 days for DELETE."},
	{Name: "includeExistingFiles", Kind: option.Bool, Default: "true", Doc: "Load the files that are there at the very first start; later changes of the option have no effect."},
	{Name: "inferColumnTypes", Kind: option.Bool, Default: "false", Doc: "Type columns of text formats by their values; otherwise they are STRING. `STREAM read_files` does so unless told not to."},
	{Name: "maxBytesPerTrigger", Kind: option.Bytes, Doc: "Soft limit of a batch: files are added until their sizes reach it."},
	{Name: "maxFilesPerTrigger", Kind: option.Int, Default: "1000", Doc: "Hard limit of a batch."},
	{Name: "maxFileAge", Kind: option.Interval, Doc: "For how long files are remembered, at least 14 days; older ones still there may be loaded again. For ever by default."},
	{
		Name: "schemaEvolutionMode", Kind: option.Enum, Values: evolve.ModeNames(),
		Doc: "What happens when data no longer fits the schema: addNewColumns by default, none when a schema is given.",
	},
	{Name: "schemaLocation", Kind: option.Text, Doc: "Directory that keeps the inferred schema and its versions; the checkpoint by default."},
	{Name: "validateOptions", Kind: option.Bool, Default: "true", Doc: "Refuse options that are unknown or exclude each other."},
}

// finding is how files are found.
var finding = option.Set{
	{Name: "backfillInterval", Kind: option.Interval, Doc: "How often to list everything, where listings or notifications are otherwise partial."},
	{Name: "useIncrementalListing", Kind: option.Enum, Values: []string{listAuto, "true", "false"}, Default: "false", Doc: "List only what sorts after the last file seen, and everything every eighth time; `auto` does so when the names have come in order so far."},
	{Name: "useManagedFileEvents", Kind: option.Bool, Default: "false", Doc: "A service of Databricks: refused, with what to use instead."},
	{Name: "useNotifications", Kind: option.Bool, Default: "false", Doc: "Be told of new files instead of listing, while a flow keeps running. For local folders on Linux."},
	{Name: "useStrictGlobber", Kind: option.Bool, Default: "false", Doc: "Match globs of the path segment by segment, as Spark does; otherwise * crosses slashes and the end of a glob is a prefix."},
}

// queues is what Databricks needs to set up or reach the queues of a cloud.
// Listing needs none of it, and there it is accepted, as on Databricks.
var queues = func() option.Set {
	set := option.Set{
		{Name: "fetchParallelism", Kind: option.Int, Default: "1"},
		{Name: "pathRewrites", Kind: option.Text},
		{Name: "restrictNotificationSetupToSameAWSAccountId", Kind: option.Bool, Default: "false"},
	}
	for _, name := range []string{
		"awsAccessKey", "awsSecretKey", "client", "clientEmail", "clientId", "clientSecret", "connectionString", "privateKey",
		"privateKeyId", "projectId", "queueName", "queueUrl", "region", "resourceGroup", "roleArn", "roleExternalId",
		"roleSessionName", "stsEndpoint", "subscription", "subscriptionId", "tenantId",
	} {
		set = append(set, option.Option{Name: name, Kind: option.Text})
	}
	for i := range set {
		set[i].Doc = "For queues of a cloud: accepted and without effect when files are listed."
	}
	return set
}()

// Options that are not names but families of them, or that never have the
// prefix.
const (
	resourceTag = "resourceTag."
	credential  = "databricks.serviceCredential"
)

// prefixed are options of files that have the prefix on Databricks.
var prefixed = []string{"schemaHints", "partitionColumns"}

// plainNames takes the prefix off the names of options, and leaves out those
// that only label what a cloud is told to make. With validateOptions=false it
// also leaves out those that nothing declares.
func plainNames(options map[string]string) (map[string]string, error) {
	given := make(map[string]string, len(options))
	own := Options()
	var tags []string
	for name, value := range options {
		plain, has := cutPrefix(name)
		o, known := own.Lookup(plain)
		switch {
		case hasFold(plain, resourceTag):
			tags = append(tags, plain)
			continue
		case strings.EqualFold(name, credential):
			continue
		case known:
			plain = o.Name
		case has && !slices.ContainsFunc(prefixed, func(p string) bool { return strings.EqualFold(p, plain) }):
			plain = name // an option of the format, which has no prefix, or none at all
		}
		if _, twice := given[plain]; twice {
			return nil, errclass.New("CF_INVALID_OPTION", "42000",
				"Option %s is given twice: names ignore case, and options of Auto Loader may do without the prefix %q.", plain, prefix)
		}
		given[plain] = value
	}
	if strings.EqualFold(given["validateOptions"], "false") {
		return knownOnly(given), nil
	}
	return given, checkTags(tags, given)
}

func cutPrefix(name string) (plain string, has bool) {
	if hasFold(name, prefix) {
		return name[len(prefix):], true
	}
	return name, false
}

func hasFold(text, start string) bool {
	return len(text) > len(start) && strings.EqualFold(text[:len(start)], start)
}

// knownOnly leaves out options that nothing declares.
func knownOnly(given map[string]string) map[string]string {
	declared, err := ingest.Declared(given["format"], Options())
	if err != nil {
		return given
	}
	for name := range given {
		if _, ok := declared.Lookup(name); !ok {
			delete(given, name)
		}
	}
	return given
}
