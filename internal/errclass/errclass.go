// Package errclass gives errors the error classes and SQLSTATEs that
// Databricks and Spark users search for.
//
// An error of any package joins in by having the methods ErrorClass and
// SQLState; this package's [Error] is the ready-made one.
package errclass

import (
	"errors"
	"fmt"
)

// Classified is an error that names its class and SQLSTATE.
type Classified interface {
	error
	ErrorClass() string
	SQLState() string
}

// Error is an error with a class, such as
// COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE, and a five-character SQLSTATE.
// Its text is one sentence that says what is wrong, where, and what to do.
type Error struct {
	Class string
	State string
	Text  string
	Cause error // what it wraps, or nil; Text already tells it
}

// New returns an [*Error]. A %w verb in format makes its operand the cause.
func New(class, state, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Class: class, State: state, Text: err.Error(), Cause: errors.Unwrap(err)}
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// ErrorClass implements [Classified].
func (e *Error) ErrorClass() string { return e.Class }

// SQLState implements [Classified].
func (e *Error) SQLState() string { return e.State }

// Format returns err's text as users see it: "[CLASS] text SQLSTATE: 42601".
// The outermost classified error of the chain decides; an error without one
// is returned as it is.
func Format(err error) string {
	var c Classified
	if !errors.As(err, &c) {
		return err.Error()
	}
	return fmt.Sprintf("[%s] %s SQLSTATE: %s", c.ErrorClass(), err, c.SQLState())
}

// Ignore turns an error of the given class into success.
func Ignore(err error, class string) error {
	var c Classified
	if errors.As(err, &c) && c.ErrorClass() == class {
		return nil
	}
	return err
}

// Unsupported is the error of something that freshet does not do yet; where
// shows the part of the statement, or says what to do instead.
func Unsupported(what, where string) *Error {
	return New("UNSUPPORTED_FEATURE.TABLE_OPERATION", "0A000", "This version of freshet does not support %s (%s).", what, where)
}
