package observed

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

type subscriptions struct {
	inner store.Subscriptions
	o     Observer
}

func (s subscriptions) Subscribe(ctx context.Context, name string, fromStart bool) (store.Subscription, error) {
	ctx, mark := s.o.Begin(ctx, OpSubscribe)
	answer, err := s.inner.Subscribe(ctx, name, fromStart)
	s.o.End(ctx, OpSubscribe, mark, err)
	return answer, err
}

func (s subscriptions) Unsubscribe(ctx context.Context, name string) error {
	ctx, mark := s.o.Begin(ctx, OpUnsubscribe)
	err := s.inner.Unsubscribe(ctx, name)
	s.o.End(ctx, OpUnsubscribe, mark, err)
	return err
}

func (s subscriptions) ListSubscriptions(ctx context.Context) ([]store.Subscription, error) {
	ctx, mark := s.o.Begin(ctx, OpListSubscriptions)
	answer, err := s.inner.ListSubscriptions(ctx)
	s.o.End(ctx, OpListSubscriptions, mark, err)
	return answer, err
}

func (s subscriptions) ReportSubscription(ctx context.Context, name string, status store.SubscriptionStatus) error {
	ctx, mark := s.o.Begin(ctx, OpReportSubscription)
	err := s.inner.ReportSubscription(ctx, name, status)
	s.o.End(ctx, OpReportSubscription, mark, err)
	return err
}

func (s subscriptions) Unread(ctx context.Context, name string, limit int, hide time.Duration) ([]store.DuePlan, error) {
	ctx, mark := s.o.Begin(ctx, OpUnread)
	answer, err := s.inner.Unread(ctx, name, limit, hide)
	s.o.End(ctx, OpUnread, mark, err)
	return answer, err
}

func (s subscriptions) MarkUnread(ctx context.Context, name string, plans []plan.ID) error {
	ctx, mark := s.o.Begin(ctx, OpMarkUnread)
	err := s.inner.MarkUnread(ctx, name, plans)
	s.o.End(ctx, OpMarkUnread, mark, err)
	return err
}

func (s subscriptions) MarkRead(ctx context.Context, name string, id plan.ID, stamp uint64, after time.Duration) error {
	ctx, mark := s.o.Begin(ctx, OpMarkRead)
	err := s.inner.MarkRead(ctx, name, id, stamp, after)
	s.o.End(ctx, OpMarkRead, mark, err)
	return err
}

func (s subscriptions) Positions(ctx context.Context, cursor string, plans []plan.ID) ([]int64, error) {
	ctx, mark := s.o.Begin(ctx, OpPositions)
	answer, err := s.inner.Positions(ctx, cursor, plans)
	s.o.End(ctx, OpPositions, mark, err)
	return answer, err
}

func (s subscriptions) AddDeadLetter(ctx context.Context, name string, d store.DeadLetter) error {
	ctx, mark := s.o.Begin(ctx, OpAddDeadLetter)
	err := s.inner.AddDeadLetter(ctx, name, d)
	s.o.End(ctx, OpAddDeadLetter, mark, err)
	return err
}

func (s subscriptions) DeadLetters(ctx context.Context, name string) ([]store.DeadLetter, error) {
	ctx, mark := s.o.Begin(ctx, OpDeadLetters)
	answer, err := s.inner.DeadLetters(ctx, name)
	s.o.End(ctx, OpDeadLetters, mark, err)
	return answer, err
}

func (s subscriptions) DropDeadLetter(ctx context.Context, name, id string) error {
	ctx, mark := s.o.Begin(ctx, OpDropDeadLetter)
	err := s.inner.DropDeadLetter(ctx, name, id)
	s.o.End(ctx, OpDropDeadLetter, mark, err)
	return err
}
