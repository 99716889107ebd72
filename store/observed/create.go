package observed

import (
	"context"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

type creator struct {
	inner store.Creator
	o     Observer
}

func (s creator) BeginCreate(ctx context.Context, c store.Create) (store.Creation, error) {
	ctx, mark := s.o.Begin(ctx, OpBeginCreate)
	answer, err := s.inner.BeginCreate(ctx, c)
	s.o.End(ctx, OpBeginCreate, mark, err)
	return answer, err
}

func (s creator) AddTenants(ctx context.Context, c store.Creation, first int, tenants []task.Tenant) error {
	ctx, mark := s.o.Begin(ctx, OpAddTenants)
	err := s.inner.AddTenants(ctx, c, first, tenants)
	s.o.End(ctx, OpAddTenants, mark, err)
	return err
}

func (s creator) FinishCreate(ctx context.Context, c store.Creation) error {
	ctx, mark := s.o.Begin(ctx, OpFinishCreate)
	err := s.inner.FinishCreate(ctx, c)
	s.o.End(ctx, OpFinishCreate, mark, err)
	return err
}

func (s creator) AppendTenants(ctx context.Context, id plan.ID, token uint64, first int, tenants []task.Tenant) error {
	ctx, mark := s.o.Begin(ctx, OpAppendTenants)
	err := s.inner.AppendTenants(ctx, id, token, first, tenants)
	s.o.End(ctx, OpAppendTenants, mark, err)
	return err
}

func (s creator) Remove(ctx context.Context, id plan.ID) (bool, error) {
	ctx, mark := s.o.Begin(ctx, OpRemove)
	answer, err := s.inner.Remove(ctx, id)
	s.o.End(ctx, OpRemove, mark, err)
	return answer, err
}

type writer struct {
	inner store.Writer
	o     Observer
}

func (s writer) Commit(ctx context.Context, b *store.Batch) error {
	op := OpCommit
	if len(b.Changes) == 0 {
		op = OpClaim
	}
	ctx, mark := s.o.Begin(ctx, op)
	err := s.inner.Commit(ctx, b)
	s.o.End(ctx, op, mark, err)
	return err
}

func (s writer) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	ctx, mark := s.o.Begin(ctx, OpApply)
	answer, err := s.inner.Apply(ctx, c)
	s.o.End(ctx, OpApply, mark, err)
	return answer, err
}
