package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/session"
)

// workspaceOptions are the flags of commands that work in a workspace.
type workspaceOptions struct {
	workspace   string
	memoryLimit string
}

func (o *workspaceOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.workspace, "workspace", "w", defaultWorkspace(), "directory of catalog and tables; environment FRESHET_WORKSPACE")
	f.StringVar(&o.memoryLimit, "memory-limit", defaultMemoryLimit, "most memory to use, such as 400m or 2g")
	must(cmd.MarkFlagDirname("workspace"))
}

// mustExist refuses a workspace that nothing was made in, for commands that
// look at what there is.
func mustExist(workspace string) error {
	if _, err := os.Stat(workspace); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no workspace at %s; name one with --workspace or FRESHET_WORKSPACE", workspace)
	} else if err != nil {
		return fmt.Errorf("open workspace: %w", err)
	}
	return nil
}

// usage returns check, whose errors say how the command is used.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return fmt.Errorf("%w; usage: %s", err, cmd.UseLine())
		}
		return nil
	}
}

// config returns the configuration of sessions, of which so many share the
// memory. Warnings go to standard error.
func (o *workspaceOptions) config(std Streams, sessions int) (session.Config, error) {
	limit, err := option.ParseBytes(o.memoryLimit)
	if err != nil || limit == 0 {
		return session.Config{}, fmt.Errorf("--memory-limit: %q is not a size such as 400m", o.memoryLimit)
	}
	limitMemory(limit)
	return session.Config{
		Workspace: o.workspace, MemoryLimit: limit / int64(sessions), Version: version,
		Logger: warnings(std),
	}, nil
}

// warnings is a logger that writes warnings and errors to standard error.
func warnings(std Streams) *slog.Logger {
	return slog.New(slog.NewTextHandler(std.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
