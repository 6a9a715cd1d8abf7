package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/freshet/freshet/internal/factory"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/option"
)

// generateOptions are the flags of freshet generate.
type generateOptions struct {
	out, size, compress string
	kinds, formats      []string
	cfg                 factory.Config
}

func newGenerate(std Streams) *cobra.Command {
	var opts generateOptions
	cmd := &cobra.Command{
		Use:   "generate --out DIR {--size BYTES | --rows N}",
		Short: "Make manufacturing data to try freshet with",
		Long: `Make the data of a factory: sensor readings (CSV and JSON), equipment logs (JSON) and
quality metrics (CSV and Parquet), with late files, new columns, changed types, duplicates
and bad rows as asked. The same flags make the same bytes, on any machine.

Files go to DIR/KIND/FORMAT; DIR/truth.json tells exactly what they hold.`,
		Example: `  freshet generate --out data --size 100MB --bad 0.01 --drift
  freshet generate --out data --rows 1000000 --kinds sensors --format csv --compress zstd`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runGenerate(cmd, opts, std) },
	}
	f := cmd.Flags()
	f.StringVar(&opts.out, "out", "", "directory to write to")
	f.StringVar(&opts.size, "size", "", "about how much to make over all, before compression, such as 100MB or 10g")
	f.Int64Var(&opts.cfg.Rows, "rows", 0, "how many rows to make over all")
	f.Uint64Var(&opts.cfg.Seed, "seed", 1, "another seed makes other data")
	f.StringSliceVar(&opts.kinds, "kinds", nil, "sensors, logs, quality (default all)")
	f.StringSliceVar(&opts.formats, "format", nil, "csv, json, parquet (default all)")
	f.IntVar(&opts.cfg.Files, "files", 0, "files of each kind and format (default one for 64 MB, at least 8)")
	f.StringVar(&opts.compress, "compress", "", "gzip or zstd for text files")
	f.Float64Var(&opts.cfg.Late, "late", 0, "share of files that tell of an earlier time, 0 to 1")
	f.Float64Var(&opts.cfg.Duplicates, "duplicates", 0, "share of rows that repeat the one before, 0 to 1")
	f.Float64Var(&opts.cfg.Bad, "bad", 0, "share of rows with a fault, 0 to 1")
	f.BoolVar(&opts.cfg.Drift, "drift", false, "new columns in the later half of the files, a changed type in the last quarter")
	cmd.MarkFlagsOneRequired("size", "rows")
	cmd.MarkFlagsMutuallyExclusive("size", "rows")
	must(cmd.MarkFlagRequired("out"))
	completeValues(cmd, "kinds", "sensors", "logs", "quality")
	completeValues(cmd, "format", "csv", "json", "parquet")
	completeValues(cmd, "compress", "gzip", "zstd")
	return cmd
}

func runGenerate(cmd *cobra.Command, opts generateOptions, std Streams) error {
	cfg := opts.cfg
	if opts.size != "" {
		size, err := option.ParseBytes(opts.size)
		if err != nil {
			return fmt.Errorf("--size: %w", err)
		}
		cfg.Size = size
	}
	for _, k := range opts.kinds {
		cfg.Kinds = append(cfg.Kinds, factory.Kind(strings.ToLower(k)))
	}
	for _, f := range opts.formats {
		cfg.Formats = append(cfg.Formats, factory.Format(strings.ToLower(f)))
	}
	cfg.Compress = factory.Compression(opts.compress)
	cfg.Store = local.New(opts.out)
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	truth, err := factory.Generate(ctx, cfg)
	if err != nil {
		return fmt.Errorf("generate: %w", err)
	}
	for _, d := range truth.Datasets {
		var bytes int64
		for _, f := range d.Files {
			bytes += f.Bytes
		}
		fmt.Fprintf(std.Out, "%-16s %4d files %10d rows %8s, %d bad, %d duplicates, %d late files\n",
			d.Directory, len(d.Files), d.Rows, formatBytes(bytes), d.BadRows, d.Duplicates, d.LateFiles)
	}
	return nil
}
