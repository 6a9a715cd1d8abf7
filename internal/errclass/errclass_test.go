package errclass_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
)

func TestFormat(t *testing.T) {
	inner := errclass.New("A_CLASS", "42601", "column %d: %w", 3, io.EOF)
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"plain", io.EOF, "EOF"},
		{"classified", inner, "[A_CLASS] column 3: EOF SQLSTATE: 42601"},
		{"wrapped", fmt.Errorf("read a.csv: %w", inner), "[A_CLASS] read a.csv: column 3: EOF SQLSTATE: 42601"},
		{"the outer class decides", errclass.New("OUTER", "0A000", "x: %w", inner), "[OUTER] x: column 3: EOF SQLSTATE: 0A000"},
	} {
		if got := errclass.Format(tc.err); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
	if !errors.Is(inner, io.EOF) {
		t.Error("the cause is lost")
	}
}
