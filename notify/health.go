package notify

import (
	"context"
	"sync"
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Status is reported at most this often, except when the first message fails, or succeeds again.
const reportGap = 10 * time.Second

// health is how sending goes: what this process has seen, after what others had reported when it
// started.
type health struct {
	mu       sync.Mutex
	status   store.SubscriptionStatus
	reported time.Time
}

func (h *health) load(s store.SubscriptionStatus) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = s
}

// ready returns the status of a subscription that has begun.
func (h *health) ready() store.SubscriptionStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status.Ready = true
	return h.status
}

// change changes the status, and reports whether it is time to report it.
func (h *health) change(f func(s *store.SubscriptionStatus)) (now store.SubscriptionStatus, report bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	failing := h.status.FailingSince.IsZero()
	f(&h.status)
	report = h.status.FailingSince.IsZero() != failing || time.Since(h.reported) >= reportGap
	if report {
		h.reported = time.Now()
	}
	return h.status, report
}

func (n *Notifier) noteSuccess(ctx context.Context) {
	now, report := n.health.change(func(s *store.SubscriptionStatus) {
		s.FailingSince, s.DeliveredAt = time.Time{}, time.Now().UTC().Truncate(time.Millisecond)
	})
	n.report(ctx, now, report)
}

// noteFailure returns since when nothing could be sent.
func (n *Notifier) noteFailure(ctx context.Context, err error) time.Time {
	now, report := n.health.change(func(s *store.SubscriptionStatus) {
		s.ErrorAt, s.Error = time.Now().UTC().Truncate(time.Millisecond), task.Cut(err.Error(), store.MaxText)
		if s.FailingSince.IsZero() {
			s.FailingSince = s.ErrorAt
		}
	})
	n.report(ctx, now, report)
	return now.FailingSince
}

func (n *Notifier) report(ctx context.Context, s store.SubscriptionStatus, due bool) {
	if due {
		n.fault("report", n.subs.ReportSubscription(ctx, n.name, s))
	}
}
