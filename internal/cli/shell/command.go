package shell

import (
	"context"
	"fmt"
	"strings"
)

// command is one of the shell's own commands, which are not SQL.
type command struct {
	names []string // the first is shown
	args  string
	help  string
	run   func(s *Shell, ctx context.Context, arg string) error
}

func commands() []command {
	return []command{
		{[]string{`\h`, `\?`, ".help", "help"}, "", "show this help", (*Shell).help},
		{[]string{`\q`, ".quit", ".exit", "exit", "quit"}, "", "quit", (*Shell).quit},
		{[]string{`\d`, ".tables", ".schema"}, "[TABLE]", "list tables, or the columns of one", (*Shell).describe},
		{[]string{`\dn`, ".schemas"}, "", "list schemas", func(s *Shell, ctx context.Context, _ string) error {
			return s.cfg.Run(ctx, "SHOW SCHEMAS")
		}},
		{[]string{`\timing`, ".timing"}, "[on|off]", "print how long each statement takes", (*Shell).setTiming},
	}
}

// isCommand reports whether a line is one of the shell's commands, known or
// not, instead of SQL.
func isCommand(line string) bool {
	if strings.HasPrefix(line, `\`) || strings.HasPrefix(line, ".") {
		return true
	}
	_, ok := find(strings.TrimSuffix(line, ";"))
	return ok
}

func find(name string) (command, bool) {
	for _, c := range commands() {
		for _, n := range c.names {
			if strings.EqualFold(n, name) {
				return c, true
			}
		}
	}
	return command{}, false
}

func (s *Shell) command(ctx context.Context, line string) error {
	name, arg, _ := strings.Cut(strings.TrimSuffix(line, ";"), " ")
	c, ok := find(name)
	if !ok {
		return fmt.Errorf(`unknown command %s; \h lists the commands`, name)
	}
	return c.run(s, ctx, strings.TrimSpace(arg))
}

func (s *Shell) help(context.Context, string) error {
	for _, c := range commands() {
		fmt.Fprintf(s.cfg.Out, "  %-20s %s\n", c.names[0]+" "+c.args, c.help)
	}
	fmt.Fprintln(s.cfg.Out, `  Anything else is SQL and ends with ";". Tab completes, Ctrl-C cancels a statement, Ctrl-D quits.`)
	return nil
}

func (s *Shell) quit(context.Context, string) error {
	s.ended = true
	return nil
}

func (s *Shell) describe(ctx context.Context, table string) error {
	if table == "" {
		return s.cfg.Run(ctx, "SHOW TABLES")
	}
	return s.cfg.Run(ctx, "DESCRIBE TABLE "+table)
}

func (s *Shell) setTiming(_ context.Context, arg string) error {
	switch strings.ToLower(arg) {
	case "":
		s.timing = !s.timing
	case "on":
		s.timing = true
	case "off":
		s.timing = false
	default:
		return fmt.Errorf(`\timing takes on or off, not %s`, arg)
	}
	fmt.Fprintf(s.cfg.Out, "Timing is %s.\n", map[bool]string{true: "on", false: "off"}[s.timing])
	return nil
}
