package redisstore

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Every sweepGap, one of the processes checks whether plans with the next sweepShare ids have lost
// their agenda entries. When a whole round has found nothing, it does so every sweepSlow, until
// something is found again, a process starts, or one did not get an answer.
const (
	sweepGap   = 15 * time.Second
	sweepSlow  = time.Minute
	sweepShare = 20
)

// Due implements store.Agenda. From time to time it also restores lost entries of a few plans.
func (s *Store) Due(ctx context.Context, executors []string, limit int) ([]store.DuePlan, error) {
	if err := store.CheckDue(limit); err != nil {
		return nil, err
	}
	sure := s.agenda.sure.Swap(true)
	args := []any{page(limit), sweepGap.Microseconds(), sweepSlow.Microseconds(), sweepShare, digit(!sure)}
	for _, x := range executors {
		args = append(args, x)
	}
	answer, err := s.agenda.call(ctx, s.client.scripts.due, args...)
	if err != nil {
		s.agenda.sure.Store(false)
		return nil, err
	}
	r := reader{key: s.keys.agenda(), rest: answer[1:]}
	from, to := plan.ID(r.number(' ')), plan.ID(r.number(' '))
	var plans []store.DuePlan
	var sweep []plan.ID
	for r.more() {
		p := store.DuePlan{ID: plan.ID(r.number(';')), Stamp: uint64(r.number(';'))}
		p.Late = time.Duration(r.number(';')) * time.Microsecond
		kind := r.until(';')
		if p.Creating = kind == "c"; kind == "-" {
			sweep = append(sweep, p.ID) // the sweep gives the plan a stamp, and the next call returns it
		} else {
			plans = append(plans, p)
		}
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	for id := from; id > 0 && id <= to; id++ {
		sweep = append(sweep, id)
	}
	return plans, s.agenda.sweep(ctx, sweep)
}

// Reschedule implements store.Agenda.
func (s *Store) Reschedule(ctx context.Context, id plan.ID, stamp uint64, next store.Next) error {
	wait := next.After.Microseconds()
	if next.After < 0 {
		wait = -1
	}
	_, err := s.agenda.call(ctx, s.client.scripts.reschedule, int64(id), strconv.FormatUint(stamp, 10), wait, next.Executor)
	return err
}

// Remind implements store.Agenda.
func (s *Store) Remind(ctx context.Context, plans map[plan.ID]time.Duration) error {
	if err := store.CheckCount("plans", len(plans), store.MaxBatch); err != nil || len(plans) == 0 {
		return err
	}
	args := make([]any, 0, 2*len(plans))
	for id, after := range plans {
		args = append(args, int64(id), max(0, after).Microseconds())
	}
	_, err := s.agenda.call(ctx, s.client.scripts.remind, args...)
	return err
}

// Listen implements store.Agenda. It returns when ctx ends, or when the connection is lost and
// cannot be restored.
func (s *Store) Listen(ctx context.Context, hint func(store.Hint)) error {
	listening, stop := context.WithCancel(ctx)
	defer stop()
	sub, err := ask(ctx, s.client, s.keys.hints(), func(context.Context) (*redis.PubSub, error) {
		sub := s.client.rdb.Subscribe(listening, s.keys.hints())
		// Close the subscription even after Listen has returned: Receive waits for a silent server
		// even after its context has ended, and Close may wait, too.
		context.AfterFunc(listening, func() { _ = sub.Close() })
		_, err := sub.Receive(listening)
		return sub, err
	})
	if err != nil {
		return s.client.fault(ctx, s.keys.hints(), err)
	}
	messages := sub.Channel()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m, ok := <-messages:
			if !ok {
				return &store.TemporaryError{Err: redis.ErrClosed}
			}
			text, onlyEvents := strings.CutPrefix(m.Payload, "e")
			if n, err := strconv.ParseInt(text, 10, 64); err == nil && plan.ID(n).Valid() {
				hint(store.Hint{Plan: plan.ID(n), OnlyEvents: onlyEvents})
			}
		}
	}
}
