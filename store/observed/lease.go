package observed

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

type leaser struct {
	inner store.Leaser
	o     Observer
}

func (s leaser) Join(ctx context.Context, incarnation string, ttl time.Duration, p store.Process) error {
	ctx, mark := s.o.Begin(ctx, OpJoin)
	err := s.inner.Join(ctx, incarnation, ttl, p)
	s.o.End(ctx, OpJoin, mark, err)
	return err
}

func (s leaser) Heartbeat(ctx context.Context, incarnation string, ttl time.Duration, plans []plan.ID) ([]store.Holding, error) {
	ctx, mark := s.o.Begin(ctx, OpHeartbeat)
	answer, err := s.inner.Heartbeat(ctx, incarnation, ttl, plans)
	s.o.End(ctx, OpHeartbeat, mark, err)
	return answer, err
}

func (s leaser) Leave(ctx context.Context, incarnation string) error {
	ctx, mark := s.o.Begin(ctx, OpLeave)
	err := s.inner.Leave(ctx, incarnation)
	s.o.End(ctx, OpLeave, mark, err)
	return err
}

func (s leaser) Orphans(ctx context.Context, id plan.ID) ([]store.Holding, error) {
	ctx, mark := s.o.Begin(ctx, OpOrphans)
	answer, err := s.inner.Orphans(ctx, id)
	s.o.End(ctx, OpOrphans, mark, err)
	return answer, err
}

type registry struct {
	inner store.Registry
	o     Observer
}

func (s registry) Report(ctx context.Context, incarnation string, l store.Load) error {
	ctx, mark := s.o.Begin(ctx, OpReport)
	err := s.inner.Report(ctx, incarnation, l)
	s.o.End(ctx, OpReport, mark, err)
	return err
}

func (s registry) Workers(ctx context.Context, from string, limit int) ([]store.Worker, error) {
	ctx, mark := s.o.Begin(ctx, OpWorkers)
	answer, err := s.inner.Workers(ctx, from, limit)
	s.o.End(ctx, OpWorkers, mark, err)
	return answer, err
}

func (s registry) Holdings(ctx context.Context, id plan.ID, incarnation string) ([]store.Holding, error) {
	ctx, mark := s.o.Begin(ctx, OpHoldings)
	answer, err := s.inner.Holdings(ctx, id, incarnation)
	s.o.End(ctx, OpHoldings, mark, err)
	return answer, err
}

type locker struct {
	inner store.Locker
	o     Observer
}

func (s locker) Reserve(ctx context.Context, locks []store.TenantLock) ([]store.TenantLock, error) {
	ctx, mark := s.o.Begin(ctx, OpReserve)
	answer, err := s.inner.Reserve(ctx, locks)
	s.o.End(ctx, OpReserve, mark, err)
	return answer, err
}

func (s locker) Locks(ctx context.Context, tenants []string) ([]store.TenantLock, error) {
	ctx, mark := s.o.Begin(ctx, OpLocks)
	answer, err := s.inner.Locks(ctx, tenants)
	s.o.End(ctx, OpLocks, mark, err)
	return answer, err
}

func (s locker) Replace(ctx context.Context, old, next store.TenantLock) (bool, error) {
	ctx, mark := s.o.Begin(ctx, OpReplace)
	answer, err := s.inner.Replace(ctx, old, next)
	s.o.End(ctx, OpReplace, mark, err)
	return answer, err
}

func (s locker) Release(ctx context.Context, locks []store.TenantLock) error {
	ctx, mark := s.o.Begin(ctx, OpRelease)
	err := s.inner.Release(ctx, locks)
	s.o.End(ctx, OpRelease, mark, err)
	return err
}
