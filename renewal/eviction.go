package renewal

import (
	"cmp"
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/internal/redisserver"
)

// Eviction tells that a server may drop keys by itself, or not any more: it has a memory
// limit and another maxmemory-policy than noeviction. Such a server lets two hold one lock.
type Eviction struct {
	Node   string
	Begun  bool
	Policy string // maxmemory-policy, if Begun
	Limit  int64  // maxmemory in bytes, if Begun
}

// EvictionError says which server may drop keys by itself, so that Acquire takes no lock on
// it. It matches ErrEviction.
type EvictionError struct {
	Node   string
	Policy string // its maxmemory-policy
	Limit  int64  // its maxmemory in bytes
}

func (e *EvictionError) Error() string {
	return fmt.Sprintf("renewal: redis at %s may drop locks: at maxmemory %d its maxmemory-policy is %s; set it to noeviction",
		e.Node, e.Limit, e.Policy)
}

// Is matches ErrEviction.
func (e *EvictionError) Is(target error) bool { return target == ErrEviction }

// mayLock refuses locks on a server that may drop them. The first time it asks the server,
// from then on beside the calls that are made anyway.
func (n *redisNode) mayLock(ctx context.Context) error {
	if !n.looked.Load() {
		if err := n.look(ctx); err != nil {
			return fmt.Errorf("whether %s may drop keys is not known: %w", n.label, err)
		}
	}
	found := n.guard.Found()
	n.tell(found)
	if found != nil {
		return &EvictionError{Node: cmp.Or(found.Addr, n.label), Policy: found.Policy, Limit: found.Limit}
	}
	return nil
}

func (n *redisNode) look(ctx context.Context) error {
	found, err := n.guard.Look(ctx)
	if err == nil {
		n.looked.Store(true)
		n.tell(found)
	}
	return err
}

// watch looks at the server from time to time, for keys that are renewed in any case. The
// first look is beside the call, so that it delays none.
func (n *redisNode) watch() {
	switch {
	case n.looked.Load():
		n.tell(n.guard.Found())
	case n.looking.CompareAndSwap(false, true):
		go func() {
			defer n.looking.Store(false)
			_ = n.look(context.Background()) // the renewals meet the same server
		}()
	}
}

// tell hands on what was found.
func (n *redisNode) tell(found *redisserver.Eviction) {
	e := Eviction{Node: n.label}
	if found != nil {
		e.Begun, e.Policy, e.Limit = true, found.Policy, found.Limit
	}
	n.backend.evictions(e)
}

// eviction is told what a server was found to do, as often as it is looked at.
func (m *meter) eviction(e Eviction, log *zap.Logger) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.Begun == m.evicting[e.Node] {
		return
	}
	m.evicting[e.Node] = e.Begun
	if e.Begun {
		log.Warn("redis node may drop keys that are in use; set maxmemory-policy to noeviction",
			zap.String("node", e.Node), zap.String("policy", e.Policy), zap.Int64("maxmemory", e.Limit))
	} else {
		log.Info("redis node does not drop keys any more", zap.String("node", e.Node))
	}
	if m.hooks.Eviction != nil {
		m.evictions = append(m.evictions, e)
		m.deliver()
	}
}
