package pgstore

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/cutover-go/cutover/store"
)

// hints calls the listeners with the plans that may have changed.
type hints struct {
	n atomic.Int64 // number of listeners; give returns early if there are none

	mu        sync.RWMutex
	listeners map[*func(store.Hint)]struct{}
}

// give calls every listener. The caller holds no lock.
func (h *hints) give(one store.Hint) {
	if h.n.Load() == 0 {
		return
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	for hint := range h.listeners {
		(*hint)(one)
	}
}

// Listen implements store.Agenda. It returns the cause of ctx's end.
func (s *Store) Listen(ctx context.Context, hint func(store.Hint)) error {
	h := &s.hints
	h.mu.Lock()
	if h.listeners == nil {
		h.listeners = make(map[*func(store.Hint)]struct{})
	}
	h.listeners[&hint] = struct{}{}
	h.n.Add(1)
	h.mu.Unlock()

	<-ctx.Done()

	h.mu.Lock()
	delete(h.listeners, &hint)
	h.n.Add(-1)
	h.mu.Unlock()
	return ctx.Err()
}
