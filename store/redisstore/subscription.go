package redisstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// unreadSoon is when a plan is due again that could not be marked as read.
const unreadSoon = time.Second

// subscriptions has the methods of store.Subscriptions. Its keys are in the slot of the agenda, so
// that a plan becomes unread in the step that puts it on the agenda.
type subscriptions struct {
	client *client
	agenda *agenda
}

// Subscribe implements store.Subscriptions.
func (ss *subscriptions) Subscribe(ctx context.Context, name string, fromStart bool) (store.Subscription, error) {
	if err := store.CheckSubscription(name); err != nil {
		return store.Subscription{}, err
	}
	all, err := ss.read(ctx, "make", name, digit(fromStart))
	if err != nil || len(all) == 0 {
		return store.Subscription{}, err
	}
	return all[0], nil
}

// Unsubscribe implements store.Subscriptions.
func (ss *subscriptions) Unsubscribe(ctx context.Context, name string) error {
	if err := store.CheckSubscription(name); err != nil {
		return err
	}
	_, err := ss.agenda.call(ctx, ss.client.scripts.subscribe, "end", name)
	return err
}

// ListSubscriptions implements store.Subscriptions.
func (ss *subscriptions) ListSubscriptions(ctx context.Context) ([]store.Subscription, error) {
	all, err := ss.read(ctx, "list")
	slices.SortFunc(all, func(a, b store.Subscription) int { return cmp.Compare(a.Name, b.Name) })
	return all, err
}

// ReportSubscription implements store.Subscriptions.
func (ss *subscriptions) ReportSubscription(ctx context.Context, name string, status store.SubscriptionStatus) error {
	if err := cmp.Or(status.Check(), store.CheckSubscription(name)); err != nil {
		return err
	}
	ready := digit(status.Ready)
	status.Ready = false
	text, err := json.Marshal(status)
	if err != nil {
		return fmt.Errorf("redisstore: %w", err)
	}
	_, err = ss.agenda.call(ctx, ss.client.scripts.subscribe, "report", name, ready, text)
	return named(err, name)
}

// call calls one of the scripts. If it is damaged, the error names key, which has the type kind.
func (ss *subscriptions) call(ctx context.Context, sc *script, key, kind string, args ...any) (string, error) {
	answer, err := ss.agenda.call(ctx, sc, args...)
	if damage := (*store.CorruptError)(nil); errors.As(err, &damage) && damage.Key == ss.client.keys.agenda() {
		found, err := ask(ctx, ss.client, key, func(ctx context.Context) (string, error) { return ss.client.rdb.Type(ctx, key).Result() })
		if err == nil && found != kind && found != "none" {
			damage.Key = key
		}
	}
	return answer, err
}

// read calls subscribe.lua and returns the subscriptions in the answer.
func (ss *subscriptions) read(ctx context.Context, args ...any) (all []store.Subscription, err error) {
	answer, err := ss.agenda.call(ctx, ss.client.scripts.subscribe, args...)
	if err != nil {
		return nil, err
	}
	r := reader{key: ss.client.keys.subscriptions(), rest: answer[1:]}
	for r.more() {
		s := store.Subscription{Name: strings.Clone(r.until(';')), Cursor: strings.Clone(r.until(';')), Newest: plan.ID(r.number(';'))}
		s.Dropped, s.Unread, s.DeadLetters = int(r.number(';')), int(r.number(';')), int(r.number(';'))
		ready := r.until(';') == "1"
		if err := json.Unmarshal([]byte(r.take(int(r.number(';')))), &s.Status); err != nil {
			r.bad = true
		}
		s.Status.Ready = ready
		all = append(all, s)
	}
	return all, r.err()
}

// Unread implements store.Subscriptions.
func (ss *subscriptions) Unread(ctx context.Context, name string, limit int, hide time.Duration) ([]store.DuePlan, error) {
	if err := store.CheckUnread(name, limit, hide); err != nil {
		return nil, err
	}
	answer, err := ss.call(ctx, ss.client.scripts.unread, ss.client.keys.unread(name), "zset",
		"list", name, page(limit), hide.Microseconds(), store.MaxHide.Microseconds())
	if err != nil {
		return nil, named(err, name)
	}
	r := reader{key: ss.client.keys.unread(name), rest: answer[1:]}
	var plans []store.DuePlan
	for r.more() {
		plans = append(plans, store.DuePlan{ID: plan.ID(r.number(';')), Stamp: uint64(r.number(';')), Creating: r.until(';') == "1"})
	}
	return plans, r.err()
}

// MarkUnread implements store.Subscriptions.
func (ss *subscriptions) MarkUnread(ctx context.Context, name string, plans []plan.ID) error {
	if err := cmp.Or(store.CheckSubscription(name), store.CheckCount("plans", len(plans), store.MaxBatch)); err != nil {
		return err
	}
	args := []any{"mark", name}
	for _, id := range plans {
		args = append(args, int64(id))
	}
	_, err := ss.call(ctx, ss.client.scripts.unread, ss.client.keys.unread(name), "zset", args...)
	return named(err, name)
}

// MarkRead implements store.Subscriptions.
func (ss *subscriptions) MarkRead(ctx context.Context, name string, id plan.ID, stamp uint64, after time.Duration) error {
	if err := store.CheckMarkRead(name, after); err != nil {
		return err
	}
	wait := after.Microseconds()
	if after < 0 {
		wait = -1
	}
	_, err := ss.call(ctx, ss.client.scripts.unread, ss.client.keys.unread(name), "zset",
		"read", name, int64(id), strconv.FormatUint(stamp, 10), wait, unreadSoon.Microseconds())
	return named(err, name)
}

// Positions implements store.Subscriptions.
func (ss *subscriptions) Positions(ctx context.Context, cursor string, plans []plan.ID) ([]int64, error) {
	if err := store.CheckCount("plans", len(plans), store.MaxBatch); err != nil {
		return nil, err
	}
	keys := make([]string, len(plans))
	for i, id := range plans {
		keys[i] = ss.client.keys.cursors(id)
	}
	found := each(ctx, ss.client, answerTimeout, keys, func(pipe redis.Pipeliner, i int) func() (string, error) {
		return pipe.HGet(ctx, keys[i], cursor).Result
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	positions := make([]int64, len(plans))
	for i, entry := range found {
		switch {
		case errors.Is(entry.err, redis.Nil):
			continue
		case entry.err != nil:
			return nil, ss.client.fault(ctx, keys[i], entry.err)
		}
		r := reader{key: keys[i], rest: entry.value}
		positions[i] = r.number(' ')
		if err := r.err(); err != nil {
			return nil, err
		}
	}
	return positions, nil
}

// AddDeadLetter implements store.Subscriptions.
func (ss *subscriptions) AddDeadLetter(ctx context.Context, name string, d store.DeadLetter) error {
	if err := cmp.Or(d.Check(), store.CheckSubscription(name)); err != nil {
		return err
	}
	text, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("redisstore: %w", err)
	}
	_, err = ss.call(ctx, ss.client.scripts.letters, ss.client.keys.letters(name), "hash", "add", name, d.ID, text, store.MaxDeadLetters)
	return named(err, name)
}

// DeadLetters implements store.Subscriptions.
func (ss *subscriptions) DeadLetters(ctx context.Context, name string) ([]store.DeadLetter, error) {
	if err := store.CheckSubscription(name); err != nil {
		return nil, err
	}
	answer, err := ss.call(ctx, ss.client.scripts.letters, ss.client.keys.letters(name), "hash", "list", name)
	if err != nil {
		return nil, named(err, name)
	}
	type dated struct {
		added int64
		store.DeadLetter
	}
	var all []dated
	r := reader{key: ss.client.keys.letters(name), rest: answer[1:]}
	for r.more() {
		d := dated{added: r.number(';')}
		if err := json.Unmarshal([]byte(r.take(int(r.number(';')))), &d.DeadLetter); err != nil {
			r.bad = true
		}
		all = append(all, d)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b dated) int { return cmp.Or(cmp.Compare(a.added, b.added), cmp.Compare(a.ID, b.ID)) })
	var letters []store.DeadLetter
	for _, d := range all {
		letters = append(letters, d.DeadLetter)
	}
	return letters, nil
}

// DropDeadLetter implements store.Subscriptions.
func (ss *subscriptions) DropDeadLetter(ctx context.Context, name, id string) error {
	if err := store.CheckSubscription(name); err != nil {
		return err
	}
	_, err := ss.call(ctx, ss.client.scripts.letters, ss.client.keys.letters(name), "hash", "drop", name, id)
	return named(err, name)
}

// named adds the name to an error that there is no such subscription.
func named(err error, name string) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: subscription %q", err, name)
	}
	return err
}
