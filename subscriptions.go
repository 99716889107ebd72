package cutover

import (
	"context"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Subscriptions is access to the store's durable subscriptions and cursors, for those who follow
// the events of all plans over restarts. Package notify does that; most hosts use it, and not this.
//
// Its calls are those of the store: they are not repeated.
type Subscriptions struct {
	store.Subscriptions
	store.Cursors

	engine *Engine
}

// Subscriptions returns access to the durable subscriptions in the engine's store.
func (e *Engine) Subscriptions() *Subscriptions {
	return &Subscriptions{Subscriptions: e.client.Store, Cursors: e.client.Store, engine: e}
}

// Listen calls changed, until ctx ends, for every plan of which this process hears that it may have
// changed: by its own commands and workers, or by a hint of the store. Hints can be lost, repeated
// and late. changed must not block.
func (s *Subscriptions) Listen(ctx context.Context, changed func(plan.ID)) {
	cancel := s.engine.events.Tap(changed)
	defer cancel()
	release := s.engine.listener.acquire()
	<-ctx.Done()
	release()
}
