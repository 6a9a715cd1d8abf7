package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/freshet/freshet/internal/dataset"
	"github.com/freshet/freshet/internal/session"
)

func newStream(std Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stream",
		Short: "Look after the flows of streaming tables",
		Long:  "Look after the flows that feed streaming tables: list them, look at one, stop it, or let it begin anew.",
		Example: `  freshet stream ls
  freshet stream status bronze
  freshet stream stop bronze`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		flowCommand("ls", "List the flows of the workspace", "", listFlows, std),
		flowCommand("status TABLE", "Show a flow and the progress of its last batch, as JSON", "", showFlow, std),
		flowCommand("stop TABLE", "Stop a flow after the batch that is running",
			"Stop a flow after the batch that is running, whoever runs it. It stays stopped, in a pipeline\n"+
				"that keeps going too, until a REFRESH statement or a new freshet run starts it.", stopFlow, std),
		newStreamReset(std),
	)
	return cmd
}

// flowCommand is a command that does one thing with the flow of args[0].
func flowCommand(use, short, long string, run func(context.Context, *session.Session, Streams, []string) error, std Streams) *cobra.Command {
	var opts workspaceOptions
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: usage(cobra.ExactArgs(strings.Count(use, " "))),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSession(cmd.Context(), &opts, std, func(s *session.Session) error { return run(cmd.Context(), s, std, args) })
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func withSession(ctx context.Context, opts *workspaceOptions, std Streams, run func(*session.Session) error) (err error) {
	if err := mustExist(opts.workspace); err != nil {
		return err
	}
	cfg, err := opts.config(std, 1)
	if err != nil {
		return err
	}
	s, err := session.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return run(s)
}

func listFlows(ctx context.Context, s *session.Session, std Streams, _ []string) error {
	flows, err := s.Datasets().Flows(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TABLE\tSTATE\tBATCH\tBACKLOG\tOWNER")
	for _, f := range flows {
		listFlow(table, "", f)
		for _, part := range f.Flows {
			listFlow(table, "  ", part)
		}
	}
	return table.Flush()
}

// listFlow writes the line of a flow. Those that fill a table which has no query
// of its own stand below it.
func listFlow(table io.Writer, indent string, f dataset.FlowInfo) {
	batch, waiting, owner := "-", "-", "-"
	if f.Batch >= 0 {
		batch = strconv.FormatInt(f.Batch, 10)
	}
	if f.BacklogFiles != nil {
		waiting = fmt.Sprintf("%d files", *f.BacklogFiles)
	}
	if f.Owner != nil {
		owner = fmt.Sprintf("process %d on %s", f.Owner.PID, f.Owner.Host)
	}
	fmt.Fprintf(table, "%s%s\t%s\t%s\t%s\t%s\n", indent, f.Name, f.State, batch, waiting, owner)
}

func showFlow(ctx context.Context, s *session.Session, std Streams, args []string) error {
	f, err := s.Datasets().Flow(ctx, args[0])
	if err != nil {
		return err
	}
	out := json.NewEncoder(std.Out)
	out.SetIndent("", "  ")
	return out.Encode(f)
}

func stopFlow(ctx context.Context, s *session.Session, std Streams, args []string) error {
	if err := s.Datasets().StopFlow(ctx, args[0]); err != nil {
		return err
	}
	f, err := s.Datasets().Flow(ctx, args[0])
	if err != nil {
		return err
	}
	if f.Owner != nil {
		fmt.Fprintf(std.Err, "%s stops after batch %d, which process %d on %s runs.\n", f.Name, f.Batch, f.Owner.PID, f.Owner.Host)
	} else {
		fmt.Fprintf(std.Err, "%s is stopped.\n", f.Name)
	}
	return nil
}

func newStreamReset(std Streams) *cobra.Command {
	var opts workspaceOptions
	var yes bool
	cmd := &cobra.Command{
		Use:   "reset TABLE",
		Short: "Let a flow begin anew, with the rows that its table has",
		Long: `Let a flow forget what it has read. The next refresh reads everything again and adds it to
the rows that the table has, so that rows come twice unless they were deleted before.
REFRESH … FULL reads everything again into an empty table.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSession(cmd.Context(), &opts, std, func(s *session.Session) error {
				f, err := s.Datasets().Flow(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if !yes && !confirmed(std, "The next refresh of "+f.Name+" will read everything again, besides the rows that are there. Go on?") {
					return errors.New("nothing was reset; --yes does without the question")
				}
				return s.Datasets().ResetFlow(cmd.Context(), args[0])
			})
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// confirmed asks a question and reports whether the answer was yes.
func confirmed(std Streams, question string) bool {
	fmt.Fprint(std.Err, question+" [y/N] ")
	answer, err := bufio.NewReader(std.In).ReadString('\n')
	if err != nil {
		return false
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}
