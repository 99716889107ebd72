package redisbackend

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover/internal/redisserver"
)

// refuseIfEvicting returns a *redisserver.Eviction for a server that may evict locks. The first
// call waits for a check of the server; later checks run in the background.
func (n *node) refuseIfEvicting(ctx context.Context) error {
	if !n.looked.Load() {
		if err := n.look(ctx); err != nil {
			return fmt.Errorf("cannot check whether %s may evict keys: %w", n.label, err)
		}
	}
	found := n.guard.Found()
	n.report(found)
	if found == nil {
		return nil
	}
	if found.Addr == "" {
		named := *found
		named.Addr = n.label
		found = &named
	}
	return found
}

func (n *node) look(ctx context.Context) error {
	found, err := n.guard.Look(ctx)
	if err == nil {
		n.looked.Store(true)
		n.report(found)
	}
	return err
}

// watch checks the server periodically. Keys are renewed whatever the result, so the first check
// runs in the background and does not delay the call.
func (n *node) watch() {
	switch {
	case n.looked.Load():
		n.report(n.guard.Found())
	case n.looking.CompareAndSwap(false, true):
		go func() {
			defer n.looking.Store(false)
			_ = n.look(context.Background()) // if the server fails, the renewals report so
		}()
	}
}

func (n *node) report(found *redisserver.Eviction) {
	if n.backend.opt.OnLook != nil {
		n.backend.opt.OnLook(n.label, found)
	}
}
