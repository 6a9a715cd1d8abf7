//go:build duckdb_arrow

package duckdb

import (
	"errors"
	"regexp"
	"strings"

	"github.com/freshet/freshet/internal/engine"
)

// failure is a classified error with the message of DuckDB's that it is made
// of.
type failure struct {
	error
	message string
}

func (f *failure) Unwrap() error { return f.error }

// excerptOf matches the line of the query that DuckDB shows below a message,
// cut short with points, and the caret under the place.
var excerptOf = regexp.MustCompile(`\n(LINE \d+: )(.*)\n( *)\^`)

// wide is the first character that may take two columns of a terminal, which
// DuckDB counts and this package does not.
const wide = '\u1100'

// place gives an error its place in the query, if the message shows one. What
// runs is the query, or has it in it.
func place(err error, query, runs string) error {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		return err
	}
	m := excerptOf.FindStringSubmatch(f.message)
	if m == nil {
		return err
	}
	line, column := m[2], len(m[3])-len(m[1])
	caret := len(line)
	for i, r := range line {
		if column <= 0 {
			caret = i
			break
		}
		if r >= wide {
			return err
		}
		column--
	}
	if rest, cut := strings.CutPrefix(line, "..."); cut {
		line, caret = rest, caret-len("...")
	}
	start := strings.Index(runs, strings.TrimSuffix(line, "..."))
	offset := start + caret - strings.Index(runs, query)
	if start < 0 || offset < 0 || offset >= len(query) {
		return err
	}
	return &engine.PlacedError{Err: err, Offset: offset}
}
