// Package e2e runs freshet as users do: the whole program, by its command
// line. The program is inside the test binary.
package e2e_test

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/freshet/freshet/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"freshet": freshet})
}

func freshet() {
	os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// TestScripts runs each script of testdata in a directory of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
	})
}
