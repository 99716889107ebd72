package memstore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// subscriptions has the methods of store.Subscriptions. Its lock is held, too, while a plan is put
// on the agenda.
type subscriptions struct {
	store *Store

	mu     sync.Mutex
	byName map[string]*subscription
	made   int // how many there were
}

// subscription is a subscription with the times at which its unread plans are due.
type subscription struct {
	store.Subscription
	unread  map[plan.ID]time.Time
	letters []store.DeadLetter
}

// snapshot returns a copy with the numbers filled in.
func (s *subscription) snapshot() store.Subscription {
	c := s.Subscription
	c.Unread, c.DeadLetters = len(s.unread), len(s.letters)
	return c
}

// show makes a plan due at a time, unless it is due earlier.
func (s *subscription) show(id plan.ID, at time.Time) {
	if due, unread := s.unread[id]; !unread || due.After(at) {
		s.unread[id] = at
	}
}

// soon is when a plan is due again that could not be marked as read.
const soon = time.Second

// Subscribe implements store.Subscriptions.
func (ss *subscriptions) Subscribe(ctx context.Context, name string, fromStart bool) (store.Subscription, error) {
	if err := cmp.Or(store.CheckSubscription(name), ctx.Err()); err != nil {
		return store.Subscription{}, err
	}
	var newest plan.ID
	if !fromStart {
		ss.store.mu.RLock()
		newest = ss.store.lastID
		ss.store.mu.RUnlock()
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := ss.byName[name]
	if s == nil {
		ss.made++
		s = &subscription{unread: make(map[plan.ID]time.Time)}
		s.Name, s.Cursor, s.Newest = name, fmt.Sprintf("%s@%d", name, ss.made), newest
		ss.byName[name] = s
	}
	return s.snapshot(), nil
}

// Unsubscribe implements store.Subscriptions.
func (ss *subscriptions) Unsubscribe(ctx context.Context, name string) error {
	if err := cmp.Or(store.CheckSubscription(name), ctx.Err()); err != nil {
		return err
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	delete(ss.byName, name)
	return nil
}

// ListSubscriptions implements store.Subscriptions.
func (ss *subscriptions) ListSubscriptions(ctx context.Context) ([]store.Subscription, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	var all []store.Subscription
	for _, name := range slices.Sorted(maps.Keys(ss.byName)) {
		all = append(all, ss.byName[name].snapshot())
	}
	return all, nil
}

// with calls f with the subscription of a name, under the lock.
func (ss *subscriptions) with(ctx context.Context, invalid error, name string, f func(s *subscription)) error {
	if err := cmp.Or(invalid, store.CheckSubscription(name), ctx.Err()); err != nil {
		return err
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := ss.byName[name]
	if s == nil {
		return fmt.Errorf("%w: subscription %q", store.ErrNotFound, name)
	}
	f(s)
	return nil
}

// ReportSubscription implements store.Subscriptions.
func (ss *subscriptions) ReportSubscription(ctx context.Context, name string, status store.SubscriptionStatus) error {
	return ss.with(ctx, status.Check(), name, func(s *subscription) {
		status.Ready = status.Ready || s.Status.Ready
		s.Status = status
	})
}

// Unread implements store.Subscriptions.
func (ss *subscriptions) Unread(ctx context.Context, name string, limit int, hide time.Duration) (plans []store.DuePlan, err error) {
	err = ss.with(ctx, store.CheckUnread(name, limit, hide), name, func(s *subscription) {
		now := time.Now()
		var due []plan.ID
		for id, at := range s.unread {
			if hide == 0 || !at.After(now) {
				due = append(due, id)
			}
		}
		slices.SortFunc(due, func(x, y plan.ID) int { return cmp.Or(s.unread[x].Compare(s.unread[y]), cmp.Compare(x, y)) })
		for _, id := range due[:min(len(due), cmp.Or(limit, store.MaxPage))] {
			p, _ := ss.store.agenda.Entry(id)
			plans = append(plans, p)
			if hide > 0 {
				s.unread[id] = now.Add(hide)
			}
		}
	})
	return plans, err
}

// MarkUnread implements store.Subscriptions.
func (ss *subscriptions) MarkUnread(ctx context.Context, name string, plans []plan.ID) error {
	return ss.with(ctx, store.CheckCount("plans", len(plans), store.MaxBatch), name, func(s *subscription) {
		for _, id := range plans {
			s.show(id, time.Now())
		}
	})
}

// MarkRead implements store.Subscriptions.
func (ss *subscriptions) MarkRead(ctx context.Context, name string, id plan.ID, stamp uint64, after time.Duration) error {
	return ss.with(ctx, store.CheckMarkRead(name, after), name, func(s *subscription) {
		now := time.Now()
		switch present, is := ss.store.agenda.Entry(id); {
		case is && present.Stamp != stamp:
			s.show(id, now.Add(soon))
		case after < 0:
			delete(s.unread, id)
		default:
			s.unread[id] = now.Add(after)
		}
	})
}

// Positions implements store.Subscriptions.
func (ss *subscriptions) Positions(ctx context.Context, cursor string, plans []plan.ID) ([]int64, error) {
	if err := cmp.Or(store.CheckCount("plans", len(plans), store.MaxBatch), ctx.Err()); err != nil {
		return nil, err
	}
	positions := make([]int64, len(plans))
	for i, id := range plans {
		if p, err := ss.store.rollout(id); err == nil {
			positions[i] = p.cursors[cursor].seq
			p.mu.Unlock()
		}
	}
	return positions, nil
}

// AddDeadLetter implements store.Subscriptions.
func (ss *subscriptions) AddDeadLetter(ctx context.Context, name string, d store.DeadLetter) error {
	return ss.with(ctx, d.Check(), name, func(s *subscription) {
		if i := s.letter(d.ID); i >= 0 {
			s.letters[i] = d
			return
		}
		s.letters = append(s.letters, d)
		if over := len(s.letters) - store.MaxDeadLetters; over > 0 {
			s.letters = slices.Delete(s.letters, 0, over)
			s.Dropped += over
		}
	})
}

// DeadLetters implements store.Subscriptions.
func (ss *subscriptions) DeadLetters(ctx context.Context, name string) (letters []store.DeadLetter, err error) {
	err = ss.with(ctx, nil, name, func(s *subscription) { letters = slices.Clone(s.letters) })
	return letters, err
}

// DropDeadLetter implements store.Subscriptions.
func (ss *subscriptions) DropDeadLetter(ctx context.Context, name, id string) error {
	return ss.with(ctx, nil, name, func(s *subscription) {
		if i := s.letter(id); i >= 0 {
			s.letters = slices.Delete(s.letters, i, i+1)
		}
	})
}

// letter returns the index of a dead letter, -1 if there is none.
func (s *subscription) letter(id string) int {
	return slices.IndexFunc(s.letters, func(d store.DeadLetter) bool { return d.ID == id })
}
