package storetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// listsGone keeps showing every worker that it ever showed.
type listsGone struct {
	mutant
	mu   sync.Mutex
	seen []store.Worker
}

func (m *listsGone) Workers(ctx context.Context, from string, limit int) ([]store.Worker, error) {
	workers, err := m.Store.Workers(ctx, from, limit)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.seen {
		if !slices.ContainsFunc(workers, func(o store.Worker) bool { return o.Name == w.Name }) {
			workers = append(workers, w)
		}
	}
	m.seen = workers
	return slices.Clone(workers), err
}

type forgetsProcess struct{ mutant }

func (m *forgetsProcess) Join(ctx context.Context, incarnation string, ttl time.Duration, p store.Process) error {
	p.Executors = nil
	return m.Store.Join(ctx, incarnation, ttl, p)
}

type ignoresReports struct{ mutant }

func (m *ignoresReports) Report(ctx context.Context, incarnation string, _ store.Load) error {
	return m.Store.Report(ctx, incarnation, store.Load{})
}

type reportsRenew struct{ mutant }

func (m *reportsRenew) Report(ctx context.Context, incarnation string, l store.Load) error {
	if _, err := m.Heartbeat(ctx, incarnation, time.Hour, nil); err != nil {
		return err
	}
	return m.Store.Report(ctx, incarnation, l)
}

type anyOrder struct{ mutant }

func (m *anyOrder) Workers(ctx context.Context, from string, limit int) ([]store.Worker, error) {
	workers, err := m.Store.Workers(ctx, from, limit)
	slices.Reverse(workers)
	return workers, err
}

type holdingsOfAll struct{ mutant }

func (m *holdingsOfAll) Holdings(ctx context.Context, id plan.ID, _ string) ([]store.Holding, error) {
	return m.Store.Holdings(ctx, id, "")
}
