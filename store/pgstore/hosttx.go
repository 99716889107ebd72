package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Tx is a transaction of the host's in which plans are created: see [Store.Tx].
type Tx struct {
	s  *Store
	tx pgx.Tx
}

// Tx returns the part of a store that works within a transaction of the host's, in the same
// database, for cutover.CreateIn. The transaction's user needs the rights of the store's, and the
// transaction stays the host's: Tx neither commits nor rolls it back, and changes no setting of
// it.
func (s *Store) Tx(tx pgx.Tx) *Tx { return &Tx{s, tx} }

// run sends the statements of f within the transaction.
func (h *Tx) run(ctx context.Context, f func(t *tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := &tx{s: h.s, ctx: ctx, db: h.tx, b: &pgx.Batch{}}
	err := f(t)
	if err == nil {
		err = t.flush()
	}
	return fault(ctx, err)
}

// BeginCreate is that of store.Creator. Without a key, a repeat begins another plan.
func (h *Tx) BeginCreate(ctx context.Context, c store.Create) (k store.Creation, err error) {
	if err := c.Check(); err != nil {
		return store.Creation{}, err
	}
	err = h.run(ctx, func(t *tx) (err error) { k, err = t.beginCreate(&c); return err })
	if err != nil {
		return store.Creation{}, err
	}
	return k, nil
}

// AddTenants is that of store.Creator.
func (h *Tx) AddTenants(ctx context.Context, c store.Creation, first int, tenants []task.Tenant) error {
	if err := store.CheckCount("tenants", len(tenants), store.MaxTenants); err != nil {
		return err
	}
	return h.run(ctx, func(t *tx) error { return t.addToCreation(c, first, tenants) })
}

// FinishCreate is that of store.Creator.
func (h *Tx) FinishCreate(ctx context.Context, c store.Creation) error {
	return h.run(ctx, func(t *tx) error { return t.finishCreate(c) })
}
