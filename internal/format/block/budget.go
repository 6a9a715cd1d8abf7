package block

import (
	"context"
	"sync"
)

// budget is memory that the blocks of several files share.
//
// Files that are read ahead of their turn may use half of it. The file whose
// turn it is may use all, and may always hold one block, however large: so
// there is progress whatever the others hold.
type budget struct {
	mu      sync.Mutex
	changed *sync.Cond
	free    int
	reserve int // bytes that only the leading file may use
}

func newBudget(size int) *budget {
	b := &budget{free: size, reserve: size / 2}
	b.changed = sync.NewCond(&b.mu)
	return b
}

// share is what one file holds of the budget.
type share struct {
	budget  *budget
	held    int
	leading bool
}

func (b *budget) share() *share { return &share{budget: b} }

// take waits until the file may hold n bytes more. own is what the block in
// question holds already.
func (s *share) take(ctx context.Context, n, own int) error {
	b := s.budget
	stop := context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.changed.Broadcast()
	})
	defer stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	for !s.may(n, own) {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.changed.Wait()
	}
	b.free -= n
	s.held += n
	return nil
}

func (s *share) may(n, own int) bool {
	if s.leading {
		return s.budget.free >= n || s.held == own
	}
	return s.budget.free-n >= s.budget.reserve
}

// give returns n bytes.
func (s *share) give(n int) {
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	s.budget.free += n
	s.held -= n
	s.budget.changed.Broadcast()
}

// lead makes the file the one whose turn it is.
func (s *share) lead() {
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	s.leading = true
	s.budget.changed.Broadcast()
}
