package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/freshet/freshet/internal/cli/render"
	"github.com/freshet/freshet/internal/session"
	"github.com/freshet/freshet/internal/sql"
)

// filesOptions are the flags that all commands of freshet files have.
type filesOptions struct {
	format    string
	workspace string
}

// newFiles makes freshet files: the file ledger of streaming tables, and what
// was rescued from files. Each command is one SQL statement.
func newFiles(std Streams) *cobra.Command {
	var opts filesOptions
	cmd := &cobra.Command{
		Use:   "files",
		Short: "Show and edit what streaming tables know of their files",
		Example: `  freshet files ls bronze
  freshet files retry bronze 2026-01-31.json
  freshet files rescued bronze`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := cmd.PersistentFlags()
	f.StringVar(&opts.format, "format", render.Formats()[0], "how to print results: table, json (an object a line) or csv")
	f.StringVarP(&opts.workspace, "workspace", "w", defaultWorkspace(), "directory of catalog and tables; environment FRESHET_WORKSPACE")
	completeValues(cmd, "format", render.Formats()...)
	must(cmd.MarkPersistentFlagDirname("workspace"))
	cmd.AddCommand(
		newFilesQuery(std, &opts, "ls TABLE", "List the files at a streaming table's source, and why some are not loaded",
			"SELECT path, size, state, commit_time, reason FROM file_ledger(TABLE(%s)) ORDER BY path"),
		newFilesQuery(std, &opts, "rescued TABLE", "Show what a table's rescued data has, and why",
			"SELECT * FROM rescued_values(TABLE(%s)) ORDER BY num_values DESC, path"),
		newFilesEdit(std, &opts, "RETRY", "Offer files again that were skipped"),
		newFilesEdit(std, &opts, "FORGET", "Forget files: they are loaded when they are listed again"),
		newFilesEdit(std, &opts, "REPLAY", "Load files again, in the place of the rows that they gave"),
	)
	return cmd
}

// newFilesQuery makes a command that runs a query over a table.
func newFilesQuery(std Streams, opts *filesOptions, use, short, query string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := sql.ParseName(args[0])
			if err != nil {
				return err
			}
			return opts.run(cmd.Context(), std, fmt.Sprintf(query, name))
		},
	}
}

// newFilesEdit makes a command that edits files by their names.
func newFilesEdit(std Streams, opts *filesOptions, action, short string) *cobra.Command {
	stmt := sql.EditFiles{Action: action}
	cmd := &cobra.Command{
		Use: strings.ToLower(action) + " TABLE FILE…", Short: short, Args: usage(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if stmt.Table, err = sql.ParseName(args[0]); err != nil {
				return err
			}
			stmt.Files = args[1:]
			return opts.run(cmd.Context(), std, stmt.String())
		},
	}
	if action == "REPLAY" {
		cmd.Flags().BoolVar(&stmt.Append, "append", false, "keep the rows there are, and add the files' rows to them")
	}
	return cmd
}

// run runs a statement and prints its result.
func (o *filesOptions) run(ctx context.Context, std Streams, statement string) (err error) {
	printer, err := render.New(o.format, std.Out)
	if err != nil {
		return err
	}
	if err := mustExist(o.workspace); err != nil {
		return err
	}
	s, err := session.Open(ctx, session.Config{Workspace: o.workspace, Version: version})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ctx, stop := interruptible(ctx)
	defer stop()
	c := console{std: std, printer: printer, quiet: true, session: s}
	return c.run(ctx, statement)
}
