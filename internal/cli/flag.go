package cli

import (
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// defaultMemoryLimit keeps the whole process, with what lies outside of the
// limit (code, stacks, the engine's own needs), below 512 MB.
const defaultMemoryLimit = "400m"

// goMemoryPercent is the part of the memory limit that Go's heap may fill
// before it collects harder; the engine's memory is not Go's.
const goMemoryPercent = 75

// goGarbagePercent lets the heap grow to three times what is alive while the
// limit is far. Loads of many small files then take a sixth less processor time
// than with Go's own 100; loads of large files reach the limit and lose nothing.
const goGarbagePercent = 200

// limitMemory tells Go's collector how much of limit bytes the heap may fill.
func limitMemory(limit int64) {
	debug.SetMemoryLimit(limit * goMemoryPercent / 100)
	debug.SetGCPercent(goGarbagePercent)
}

func defaultWorkspace() string {
	if dir := os.Getenv("FRESHET_WORKSPACE"); dir != "" {
		return dir
	}
	return "./freshet-data"
}

// completeValues makes the shell complete a flag's values.
func completeValues(cmd *cobra.Command, flag string, values ...string) {
	must(cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)))
}

// must stops the program when a command names a flag it does not have, which
// every run and test would show.
func must(err error) {
	if err != nil {
		panic(err) //nolint:forbidigo // a mistake in the program, found by the first run
	}
}
