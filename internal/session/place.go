package session

import (
	"errors"
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
)

// placedError is an error about a name in the statement's text.
type placedError struct {
	err   error
	place sql.Error // for its position and excerpt
}

func (e *placedError) Error() string {
	line, pos := sql.Position(e.place.SQL, e.place.Range.Start)
	return fmt.Sprintf("%s (line %d, pos %d)", e.err, line, pos)
}

func (e *placedError) Unwrap() error { return e.err }

// Excerpt returns the line of SQL that the error is about, with carets below
// the place.
func (e *placedError) Excerpt() string { return e.place.Excerpt() }

// place says where in the running text the name stands that err is about. The
// names in a view's query have no place there.
func (s *Session) place(n *sql.Name, err error) error {
	var classified errclass.Classified
	var placed *placedError
	if err == nil || !errors.As(err, &classified) || errors.As(err, &placed) || len(n.Parts) == 0 {
		return err
	}
	at := n.Pos()
	if at.Start < 0 || at.End > len(s.text) || at.Start >= at.End ||
		!strings.Contains(strings.ToLower(s.text[at.Start:at.End]), strings.ToLower(n.Parts[len(n.Parts)-1])) {
		return err
	}
	return &placedError{err: err, place: sql.Error{Range: at, SQL: s.text}}
}

// locate gives an error in a statement's tree the text that it is in.
func locate(err error, text string) error {
	if e, ok := errors.AsType[*sql.Error](err); ok {
		return e.In(text)
	}
	return err
}
