package session

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/freshet/freshet/internal/dataset"
	"github.com/freshet/freshet/internal/sql"
)

// aside are the refreshes that REFRESH … ASYNC has begun. Its zero value has
// begun none.
type aside struct {
	running sync.WaitGroup
	cancel  []context.CancelFunc
}

// end cancels the refreshes, and waits until they have ended.
func (a *aside) end() {
	for _, cancel := range a.cancel {
		cancel()
	}
	a.running.Wait()
}

// refreshAside begins REFRESH … ASYNC in a session of its own, and returns.
// That the dataset is there is found out before. What becomes of the refresh is
// in the event log; a failure is logged too.
func (s *Session) refreshAside(ctx context.Context, stmt *sql.Refresh) (*Result, error) {
	entry, err := s.datasets.Refreshable(ctx, stmt)
	if err != nil {
		return nil, err
	}
	other, err := s.Fork(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.aside.cancel = append(s.aside.cancel, cancel)
	s.aside.running.Go(func() {
		defer cancel()
		_, err := other.datasets.Refresh(ctx, stmt, dataset.Refreshing{})
		if err = errors.Join(err, other.Close()); err != nil && ctx.Err() == nil { //nolint:contextcheck // it waits on its own, also when ctx is done
			s.ws.Logger.ErrorContext(ctx, "a refresh has failed", slog.String("table", entry.Name.String()), slog.Any("error", err))
		}
	})
	return &Result{}, nil
}

// Wait waits for the refreshes that REFRESH … ASYNC has begun. When ctx is done
// they are cancelled, and the error is its cause.
func (s *Session) Wait(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		for _, cancel := range s.aside.cancel {
			cancel()
		}
	})()
	s.aside.running.Wait()
	s.aside.cancel = nil
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
