// Command freshet loads files into Delta Lake tables by SQL.
package main

import (
	"context"
	"os"

	"github.com/freshet/freshet/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
