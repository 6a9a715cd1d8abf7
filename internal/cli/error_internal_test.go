package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
)

// TestPrintError: each error has its lines, and one that is interrupted says
// what, and hides no other.
func TestPrintError(t *testing.T) {
	disk := errors.New("the disk is full")
	table := fmt.Errorf("main.default.t: %w", context.Canceled)
	classed := errclass.New("TABLE_STORAGE_FAILED", "58030", "The files of t cannot be used: %w", context.Canceled)
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"plain":                       {disk, "Error: the disk is full\n"},
		"interrupted":                 {context.Canceled, "Error: interrupted\n"},
		"interrupted twice":           {errors.Join(context.Canceled, errors.Join(context.Canceled)), "Error: interrupted\n"},
		"what is interrupted":         {table, "Error: main.default.t: interrupted\n"},
		"what, and that":              {errors.Join(context.Canceled, table), "Error: main.default.t: interrupted\n"},
		"with a class":                {classed, "[TABLE_STORAGE_FAILED] The files of t cannot be used: interrupted SQLSTATE: 58030\n"},
		"of several causes":           {fmt.Errorf("neither %w nor %w", disk, context.Canceled), "Error: neither the disk is full nor interrupted\n"},
		"beside another":              {errors.Join(context.Canceled, disk), "Error: interrupted\nError: the disk is full\n"},
		"beside another, and of what": {errors.Join(disk, errors.Join(table, context.Canceled)), "Error: the disk is full\nError: main.default.t: interrupted\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			printError(&out, c.err)
			if out.String() != c.want {
				t.Errorf("got\n%swant\n%s", out.String(), c.want)
			}
		})
	}
}

// TestEndedIn: of several statements the one is named that the signal ended.
func TestEndedIn(t *testing.T) {
	const text = "SELECT 1;\nCREATE TABLE t AS\n SELECT * FROM read_files('x'); DROP TABLE t"
	for at, want := range []string{
		"SELECT 1: context canceled", "CREATE TABLE t AS SELECT …: context canceled", "DROP TABLE t: context canceled", "context canceled",
	} {
		if got := endedIn(text, at, context.Canceled).Error(); got != want {
			t.Errorf("statement %d: got %q, want %q", at, got, want)
		}
	}
	if err := errors.New("other"); !errors.Is(endedIn(text, 0, err), err) || endedIn(text, 0, err).Error() != "other" {
		t.Error("an error that is no interruption is changed")
	}
}
