package autoloader

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/source/files/notify"
	"github.com/freshet/freshet/internal/stream"
)

var _ stream.Watcher = (*Source)(nil)

// Watch implements [stream.Watcher]: with useNotifications the source is told
// of files from now on, and lists them only to begin with, when notices were
// lost, and every backfillInterval (semantics §2.6).
func (s *Source) Watch(context.Context) (stop func() error, err error) {
	if !s.opts.Bool("useNotifications") {
		return func() error { return nil }, nil
	}
	dir := strings.TrimSuffix(strings.TrimPrefix(s.set.Base(), fileURI), "/")
	q, err := notify.Watch(dir)
	switch {
	case errors.Is(err, notify.ErrLimit):
		return nil, fmt.Errorf("%w: %w", stream.ErrUnwatched, err)
	case err != nil:
		return nil, err
	case !s.tells(dir):
		return nil, errors.Join(fmt.Errorf("%w: %s is of a file system that tells nothing of what other machines write", stream.ErrUnwatched, dir), q.Close())
	}
	s.queue = q
	return func() error {
		s.queue, s.unwatched = nil, nil
		return q.Close()
	}, nil
}

// Ready implements [stream.Watcher]: folders that are watched in part are
// looked at as if they were not.
func (s *Source) Ready() <-chan struct{} {
	if s.queue == nil || s.unwatched != nil {
		return nil
	}
	return s.queue.Ready()
}

// Unwatched implements [stream.Watcher].
func (s *Source) Unwatched() error { return s.unwatched }

// Base returns the place below which the files come, as a URI.
func (s *Source) Base() string { return strings.TrimSuffix(s.set.Base(), "/") }

const fileURI = "file://"

// checkWatch refuses notifications of places that none come from.
func (s *Source) checkWatch() error {
	if !s.opts.Bool("useNotifications") || strings.HasPrefix(s.set.Base(), fileURI) {
		return nil
	}
	return errclass.New("CF_SOURCE_UNSUPPORTED", "0A000",
		"Option %suseNotifications is for local folders in this version, and %s is none. Leave it out to list the files.", prefix, s.cfg.Path)
}

// notices takes what the queue tells; nil says that files are to be listed.
func (s *Source) notices(ctx context.Context) (paths []string, err error) {
	if s.queue == nil {
		return nil, nil
	}
	n, err := s.queue.Take(ctx)
	if err != nil {
		return nil, err
	}
	s.relist, s.unwatched = s.relist || n.Lost, n.Unwatched
	if s.relist {
		return nil, nil
	}
	paths = make([]string, len(n.Paths))
	for i, p := range n.Paths {
		paths[i] = fileURI + p
	}
	return paths, nil
}

// told tells the queue how a discovery of what it told has ended.
func (s *Source) told(ctx context.Context, err error) error {
	if s.queue == nil {
		return err
	}
	if s.relist = err != nil; s.relist {
		return err // the notices are gone; a listing makes up for them
	}
	return errors.Join(err, s.queue.Ack(ctx))
}
