package storetest

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// forgets is a store that forgets one request of the edited tasks.
type forgets struct {
	mutant
	request task.Request
}

func (m *forgets) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	for i := range c.Edits {
		if e := &c.Edits[i]; e.Request == m.request {
			e.Request = task.NoRequest
		}
	}
	return m.Store.Apply(ctx, c)
}

// forgetting returns a wrapper that makes a store forget a request.
func forgetting(r task.Request) func(store.Store) store.Store {
	return func(s store.Store) store.Store {
		m := &forgets{request: r}
		m.Store = s
		return m
	}
}

// stopsExempt tells a worker that its task is to pause with its plan, although it is exempt.
type stopsExempt struct{ mutant }

func (m *stopsExempt) Commit(ctx context.Context, b *store.Batch) error {
	err := m.Store.Commit(ctx, b)
	for i := range b.Changes {
		if w := &b.Changes[i]; w.Kind == store.Save && w.Err == nil && b.View.State == plan.Paused {
			w.Stop = max(w.Stop, task.StopPause)
		}
	}
	return err
}

// endsExemption takes the exemption from a task that a worker gives back.
type endsExemption struct{ mutant }

func (m *endsExemption) Commit(ctx context.Context, b *store.Batch) error {
	first := store.Batch{Plan: b.Plan, Changes: b.Changes}
	if err := m.Store.Commit(ctx, &first); err != nil {
		return err
	}
	for _, w := range first.Changes {
		t, err := m.Task(ctx, w.Task)
		if err != nil || t.Worker != "" || t.Request != task.ExemptRequest {
			continue
		}
		p, err := m.Plan(ctx, b.Plan)
		if err != nil {
			return err
		}
		e := edited(t, t.State)
		e.Request = task.NoRequest
		c := store.Command{ID: fmt.Sprint("ends", m.fresh()), Version: p.Version, Failed: -1, Decision: plan.Decision{Plan: p, Edits: []task.Edit{e}}}
		if _, err := m.Apply(ctx, c); err != nil {
			return err
		}
	}
	rest := store.Batch{Plan: b.Plan, Claim: b.Claim}
	err := m.Store.Commit(ctx, &rest)
	b.Claimed, b.View = rest.Claimed, rest.View
	return err
}
