package redisbackend

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover/internal/redisserver"
)

// refuseIfEvicting returns a *redisserver.Eviction for a server that may drop locks. The
// first time it asks the server; from then on it looks beside calls that are made anyway.
func (n *node) refuseIfEvicting(ctx context.Context) error {
	if !n.looked.Load() {
		if err := n.look(ctx); err != nil {
			return fmt.Errorf("whether %s may drop keys is not known: %w", n.label, err)
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

// watch looks at the server from time to time, for keys that are renewed in any case. The
// first look is beside the call, so that it delays none.
func (n *node) watch() {
	switch {
	case n.looked.Load():
		n.report(n.guard.Found())
	case n.looking.CompareAndSwap(false, true):
		go func() {
			defer n.looking.Store(false)
			_ = n.look(context.Background()) // the renewals meet the same server
		}()
	}
}

func (n *node) report(found *redisserver.Eviction) {
	if n.backend.opt.OnLook != nil {
		n.backend.opt.OnLook(n.label, found)
	}
}
