// Package hints tells the listeners in this process which plans may have changed, for the stores
// that learn of changes only from the calls of their own process.
package hints

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/cutover-go/cutover/store"
)

// Hints calls the listeners. The zero value is ready for use, by many goroutines.
type Hints struct {
	n atomic.Int64 // number of listeners; Give returns early if there are none

	mu        sync.RWMutex
	listeners map[*func(store.Hint)]struct{}
}

// Give calls every listener. The caller holds no lock.
func (h *Hints) Give(one store.Hint) {
	if h.n.Load() == 0 {
		return
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	for hint := range h.listeners {
		(*hint)(one)
	}
}

// Listen calls hint with every hint until ctx ends, and returns the cause of its end, as
// store.Agenda says.
func (h *Hints) Listen(ctx context.Context, hint func(store.Hint)) error {
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
