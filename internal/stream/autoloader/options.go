package autoloader

import (
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/option"
)

// Options declares the options of the source besides those that files and
// formats have (semantics §2.2). Each may also be written with the prefix
// "cloudFiles.".
func Options() option.Set {
	set := option.Set{
		{Name: "format", Kind: option.Text, Doc: "Format of the files. Required."},
		{Name: "allowOverwrites", Kind: option.Bool, Default: "false", Doc: "Load a file again, whole, when it was modified after it was discovered."},
		{Name: "backfillInterval", Kind: option.Interval, Doc: "How often to list everything, where listings or notifications are otherwise partial."},
		{Name: "includeExistingFiles", Kind: option.Bool, Default: "true", Doc: "Load the files that are there at the very first start; later changes of the option have no effect."},
		{Name: "inferColumnTypes", Kind: option.Bool, Default: "false", Doc: "Type columns of text formats by their values; otherwise they are STRING."},
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
	for i := range set {
		set[i].Aliases = append(set[i].Aliases, prefix+set[i].Name)
	}
	return set
}

const prefix = "cloudFiles."

// minFileAge is the least that maxFileAge accepts.
const minFileAge = 14 * 24 * time.Hour

// check returns what is wrong with options taken together.
func check(opts option.Values, hasSchema bool) error {
	refuse := func(name, format string, args ...any) error {
		return errclass.New("CF_INVALID_OPTION", "42000", "Option "+prefix+name+": "+format, args...)
	}
	mode := modeOf(opts, hasSchema)
	switch {
	case opts.Given("maxFilesPerTrigger") && opts.Int("maxFilesPerTrigger") < 1:
		return refuse("maxFilesPerTrigger", "%d is no limit; it must be 1 or more.", opts.Int("maxFilesPerTrigger"))
	case opts.Given("maxBytesPerTrigger") && opts.Bytes("maxBytesPerTrigger") < 1:
		return refuse("maxBytesPerTrigger", "it must be 1 byte or more.")
	case opts.Given("maxFileAge") && opts.Interval("maxFileAge") < minFileAge:
		return refuse("maxFileAge", "%s is too short: files that are forgotten are loaded again. It must be 14 days or more, and 90 are recommended.", opts.Text("maxFileAge"))
	case hasSchema && (mode == evolve.AddNewColumns || mode == evolve.AddNewColumnsWithTypeWidening):
		return refuse("schemaEvolutionMode", "%s needs an inferred schema. Leave the schema out and give the types you know as schemaHints.", mode)
	case mode == evolve.AddNewColumnsWithTypeWidening && opts.Given("prefersDecimal") && strings.EqualFold(opts.Text("prefersDecimal"), "false"):
		return refuse("schemaEvolutionMode", "%s cannot be used with prefersDecimal false.", mode)
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
