package storetest

import (
	"context"
	"sync"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// forgetsAttempts keeps no attempts of workers.
type forgetsAttempts struct{ mutant }

func (m *forgetsAttempts) Commit(ctx context.Context, b *store.Batch) error {
	for i := range b.Changes {
		b.Changes[i].Attempts = nil
	}
	return m.Store.Commit(ctx, b)
}

// clearsAttempts shows no attempts of a task without a failure.
type clearsAttempts struct{ mutant }

func (m *clearsAttempts) Task(ctx context.Context, id task.ID) (task.Task, error) {
	t, err := m.Store.Task(ctx, id)
	if t.Failure == nil {
		t.Attempts = nil
	}
	return t, err
}

// keepsAnyAttempt keeps an attempt although its failure is dropped, because the task is paused.
type keepsAnyAttempt struct {
	mutant
	given sync.Map // task.ID to its last attempts
}

func (m *keepsAnyAttempt) Commit(ctx context.Context, b *store.Batch) error {
	err := m.Store.Commit(ctx, b)
	for i := range b.Changes {
		if w := &b.Changes[i]; len(w.Attempts) > 0 {
			m.given.Store(w.Task, w.Attempts)
		}
	}
	return err
}

func (m *keepsAnyAttempt) Task(ctx context.Context, id task.ID) (task.Task, error) {
	t, err := m.Store.Task(ctx, id)
	if given, ok := m.given.Load(id); ok {
		t.Attempts, _ = given.([]task.Attempt)
	}
	return t, err
}
