//go:build crash

package crash

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// death says where a worker kills itself: at the Nth call of an operation, before it
// is sent or after it was carried out, when nobody has heard of it yet. The zero
// value is no death.
type death struct {
	Op    string
	After bool
	N     int
}

func (d death) String() string {
	when := "before"
	if d.After {
		when = "after"
	}
	return fmt.Sprintf("%s %s %d", when, d.Op, d.N)
}

// bothSides returns the deaths before and after each call.
func bothSides(calls ...death) []death {
	var all []death
	for _, d := range calls {
		all = append(all, d)
		d.After = true
		all = append(all, d)
	}
	return all
}

// The operations at which workers die.
const (
	opClaim    = "claim"
	opUndo     = "undo entry"
	opSave     = "save"
	opComplete = "complete"
	opUndone   = "undone"
	opUndoFail = "undo failure"
	opYield    = "hand-back"
	opRenew    = "heartbeat"
	opApply    = "command"
	opBegin    = "begin create"
	opAdd      = "add tenants"
	opFinish   = "finish create"
	opReserve  = "reserve"
	opRelease  = "release"
	opRest     = "rest"
)

// mortal is a store whose process dies as it is told.
type mortal struct {
	store.Store
	death death
	calls atomic.Int64
}

// at makes a call, and dies before or after it if this is the one.
func (m *mortal) at(op string, call func() error) error {
	fatal := op == m.death.Op && int(m.calls.Add(1)) == m.death.N
	if fatal && !m.death.After {
		die()
	}
	err := call()
	if fatal && m.death.After {
		die()
	}
	return err
}

// die ends the process as kill -9 does: nothing is flushed, closed or given back.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func (m *mortal) Commit(ctx context.Context, b *store.Batch) error {
	return m.at(opOf(b), func() error { return m.Store.Commit(ctx, b) })
}

// opOf names what a batch of an engine does: it has one change, or only a claim.
func opOf(b *store.Batch) string {
	if len(b.Works) == 0 {
		return opClaim
	}
	switch w := b.Works[0]; w.Kind {
	case store.Save:
		if w.Step == "" {
			return opUndo
		}
		return opSave
	case store.Complete:
		return opComplete
	case store.Undone:
		return opUndone
	case store.UndoFail:
		return opUndoFail
	case store.Yield:
		return opYield
	case store.Fail:
	}
	return "other"
}

func (m *mortal) Apply(ctx context.Context, c store.Command) (a store.Applied, err error) {
	err = m.at(opApply, func() error {
		a, err = m.Store.Apply(ctx, c)
		return err
	})
	return a, err
}

func (m *mortal) Heartbeat(ctx context.Context, incarnation string, ttl time.Duration, plans []plan.ID) (h []store.Holding, err error) {
	err = m.at(opRenew, func() error {
		h, err = m.Store.Heartbeat(ctx, incarnation, ttl, plans)
		return err
	})
	return h, err
}

func (m *mortal) BeginCreate(ctx context.Context, c store.Create) (begun store.Creation, err error) {
	err = m.at(opBegin, func() error {
		begun, err = m.Store.BeginCreate(ctx, c)
		return err
	})
	return begun, err
}

func (m *mortal) AddTenants(ctx context.Context, c store.Creation, first int, tenants []task.Tenant) error {
	return m.at(opAdd, func() error { return m.Store.AddTenants(ctx, c, first, tenants) })
}

func (m *mortal) FinishCreate(ctx context.Context, c store.Creation) error {
	return m.at(opFinish, func() error { return m.Store.FinishCreate(ctx, c) })
}

func (m *mortal) Reserve(ctx context.Context, locks []store.TenantLock) (held []store.TenantLock, err error) {
	err = m.at(opReserve, func() error {
		held, err = m.Store.Reserve(ctx, locks)
		return err
	})
	return held, err
}

func (m *mortal) Release(ctx context.Context, locks []store.TenantLock) error {
	return m.at(opRelease, func() error { return m.Store.Release(ctx, locks) })
}

func (m *mortal) Rest(ctx context.Context, id plan.ID, stamp uint64, after time.Duration) error {
	return m.at(opRest, func() error { return m.Store.Rest(ctx, id, stamp, after) })
}
