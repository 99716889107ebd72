package storetest

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// readsAnyway marks plans as read although commands came in between.
type readsAnyway struct{ mutant }

func (m *readsAnyway) MarkRead(ctx context.Context, name string, id plan.ID, stamp uint64, after time.Duration) error {
	plans, err := m.Unread(ctx, name, 0, 0)
	for _, p := range plans {
		if p.ID == id {
			stamp = p.Stamp
		}
	}
	if err != nil {
		return err
	}
	return m.Store.MarkRead(ctx, name, id, stamp, after)
}

type neverUnread struct{ mutant }

func (m *neverUnread) Unread(ctx context.Context, name string, limit int, hide time.Duration) ([]store.DuePlan, error) {
	_, err := m.Store.Unread(ctx, name, limit, hide)
	return nil, err
}

// showsToAll hands an unread plan out to everybody.
type showsToAll struct{ mutant }

func (m *showsToAll) Unread(ctx context.Context, name string, limit int, hide time.Duration) ([]store.DuePlan, error) {
	if err := store.CheckUnread(name, limit, hide); err != nil {
		return nil, err
	}
	return m.Store.Unread(ctx, name, limit, 0)
}

type putsOffNothing struct{ mutant }

func (m *putsOffNothing) MarkRead(ctx context.Context, name string, id plan.ID, stamp uint64, after time.Duration) error {
	if after > 0 && after <= store.MaxHide {
		after = 0
	}
	return m.Store.MarkRead(ctx, name, id, stamp, after)
}

// oneCursor gives all subscriptions of a name one cursor.
type oneCursor struct{ mutant }

func (m *oneCursor) Subscribe(ctx context.Context, name string, fromStart bool) (store.Subscription, error) {
	s, err := m.Store.Subscribe(ctx, name, fromStart)
	s.Cursor = name
	return s, err
}

type begins struct{ mutant }

func (m *begins) Subscribe(ctx context.Context, name string, _ bool) (store.Subscription, error) {
	return m.Store.Subscribe(ctx, name, true)
}

type unready struct{ mutant }

func (m *unready) ListSubscriptions(ctx context.Context) ([]store.Subscription, error) {
	all, err := m.Store.ListSubscriptions(ctx)
	for i := range all {
		all[i].Status.Ready = false
	}
	return all, err
}

type losesLetters struct{ mutant }

func (m *losesLetters) DeadLetters(ctx context.Context, name string) ([]store.DeadLetter, error) {
	letters, err := m.Store.DeadLetters(ctx, name)
	return letters[:len(letters)/2], err
}

type keepsLetters struct{ mutant }

func (m *keepsLetters) DropDeadLetter(ctx context.Context, name, _ string) error {
	return m.Store.DropDeadLetter(ctx, name, "none")
}

type keepsSubscriptions struct{ mutant }

func (m *keepsSubscriptions) Unsubscribe(_ context.Context, name string) error {
	return store.CheckSubscription(name)
}

type onePosition struct{ mutant }

func (m *onePosition) Positions(ctx context.Context, cursor string, plans []plan.ID) ([]int64, error) {
	positions, err := m.Store.Positions(ctx, cursor, plans)
	for i := range positions {
		positions[i] = positions[0]
	}
	return positions, err
}
