package deltalog

import (
	"regexp"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/option"
)

// Options declares the options of the source (semantics §10.9).
func Options() option.Set {
	return option.Set{
		{Name: "allowSourceColumnDrop", Kind: option.Text, Doc: "Go on with a schema, tracked by schemaTrackingLocation, that lacks a column: always, or in this version."},
		{Name: "allowSourceColumnRename", Kind: option.Text, Doc: "Go on with a schema, tracked by schemaTrackingLocation, that renames a column: always, or in this version."},
		{Name: "allowSourceColumnTypeChange", Kind: option.Text, Doc: "Go on with a schema, tracked by schemaTrackingLocation, in which a column has another type: always, or in this version."},
		{Name: "excludeRegex", Kind: option.Text, Doc: "Leave out data files whose path this regular expression matches anywhere."},
		{Name: "failOnDataLoss", Kind: option.Bool, Default: "true", Doc: "Fail when the log no longer holds commits that were not read yet; otherwise go on with the oldest that is there."},
		{Name: "ignoreChanges", Kind: option.Bool, Default: "false", Doc: "Read whole files again that UPDATE, MERGE or DELETE have rewritten, whose unchanged rows then come twice. Deprecated."},
		{Name: "ignoreDeletes", Kind: option.Bool, Default: "false", Doc: "Pass over commits that only delete rows."},
		{Name: "maxBytesPerTrigger", Kind: option.Bytes, Doc: "Soft limit of a batch: files are added until their sizes reach it."},
		{Name: "maxFilesPerTrigger", Kind: option.Int, Default: "1000", Doc: "Limit of the files in a batch."},
		{Name: "readChangeFeed", Kind: option.Bool, Default: "false", Doc: "Read what happened to rows, from the table's change data feed, with _change_type, _commit_version and _commit_timestamp.", Aliases: []string{"readChangeData"}},
		{Name: "schemaTrackingLocation", Kind: option.Text, Doc: "A folder in the checkpoint where the table's schemas are kept as the stream comes to them, so that columns may be renamed, dropped and retyped.", Aliases: []string{"schemaLocation"}},
		{Name: "skipChangeCommits", Kind: option.Bool, Default: "false", Doc: "Pass over commits that delete or rewrite rows."},
		{Name: "startingTimestamp", Kind: option.Text, Doc: "Begin a new stream with the first version committed at or after this time, instead of with all rows."},
		{Name: "startingVersion", Kind: option.Text, Doc: "Begin a new stream with this version, or with what comes after the latest one, instead of with all rows."},
		{Name: "withEventTimeOrder", Kind: option.Bool, Default: "false", Doc: "Read the rows that a new stream begins with in the order of the watermark's column, so that none of them are late."},
	}
}

// check returns what is wrong with options taken together.
func (s *Source) check() (err error) {
	refuse := func(name, format string, args ...any) error {
		return option.Refuse(name, errclass.New("DELTA_ILLEGAL_OPTION", "42616", "Invalid value for option %s: "+format, append([]any{name}, args...)...))
	}
	opts := s.opts
	switch {
	case opts.Int("maxFilesPerTrigger") < 1:
		return refuse("maxFilesPerTrigger", "%d is no limit; it must be 1 or more.", opts.Int("maxFilesPerTrigger"))
	case opts.Given("maxBytesPerTrigger") && opts.Bytes("maxBytesPerTrigger") < 1:
		return refuse("maxBytesPerTrigger", "it must be 1 byte or more.")
	case opts.Bool("readChangeFeed") && opts.Text("schemaTrackingLocation") != "":
		return refuse("schemaTrackingLocation", "it does not go together with readChangeFeed.")
	case opts.Given("startingVersion") && opts.Given("startingTimestamp"):
		return errclass.New("DELTA_STARTING_VERSION_AND_TIMESTAMP_BOTH_SET", "42613", "Please either provide 'startingVersion' or 'startingTimestamp', not both.")
	}
	if text := opts.Text("excludeRegex"); text != "" {
		if s.exclude, err = regexp.Compile(text); err != nil {
			return refuse("excludeRegex", "%w.", err)
		}
	}
	return nil
}
