package storetest

import (
	"context"

	"github.com/cutover-go/cutover/store"
)

type choosesAny struct{ mutant }

func (m *choosesAny) Commit(ctx context.Context, b *store.Batch) error {
	asked := b.Claim
	if len(asked.Pending) > 0 {
		b.Claim.Chosen, b.Claim.Pending = false, nil
	}
	err := m.Store.Commit(ctx, b)
	b.Claim = asked
	return err
}

type choosesPendingOnly struct{ mutant }

func (m *choosesPendingOnly) Commit(ctx context.Context, b *store.Batch) error {
	asked := b.Claim
	if asked.Chosen {
		b.Claim.Max = min(b.Claim.Max, len(asked.Pending))
	}
	err := m.Store.Commit(ctx, b)
	b.Claim = asked
	return err
}

type raisesNoTokens struct{ mutant }

func (m *raisesNoTokens) Commit(ctx context.Context, b *store.Batch) error {
	asked := b.Claim
	b.Claim.RaiseTokens = false
	err := m.Store.Commit(ctx, b)
	b.Claim = asked
	return err
}
