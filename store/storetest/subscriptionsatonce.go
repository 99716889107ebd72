package storetest

import (
	"errors"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// subscriptionsAtOnce: concurrent subscribers get one subscription, and an unread plan is handed
// out once.
func subscriptionsAtOnce() map[string]func(*env) {
	covered := map[string]func(*env){
		"Subscribe": func(e *env) {
			var made [callers]store.Subscription
			e.allOK("subscribe", func(i int) (err error) { made[i], err = e.Subscribe(e.ctx, "many", false); return err })
			for _, s := range made {
				equal(e, "subscription", s, made[0])
			}
			r := e.create(1, concurrently(1))
			e.allOK("mark unread", func(int) error { return e.MarkUnread(e.ctx, "many", []plan.ID{r.id}) })
			handedOut := errors.New("handed out to another")
			e.oneOK("unread", handedOut, func(int) error {
				plans, err := e.Unread(e.ctx, "many", 0, time.Minute)
				if err == nil && len(plans) == 0 {
					return handedOut
				}
				return err
			})
			e.allOK("positions", func(int) error { _, err := e.Positions(e.ctx, made[0].Cursor, []plan.ID{r.id}); return err })
			seen := e.unread("many", r.id)
			e.allOK("mark read", func(int) error { return e.MarkRead(e.ctx, "many", r.id, seen.Stamp, time.Minute) })
			e.allOK("report", func(int) error { return e.ReportSubscription(e.ctx, "many", store.SubscriptionStatus{Error: "x"}) })
			e.allOK("add", func(int) error { return e.AddDeadLetter(e.ctx, "many", store.DeadLetter{ID: "one", Plan: r.id}) })
			letters, err := e.DeadLetters(e.ctx, "many")
			e.ok(err)
			equal(e, "dead letters", len(letters), 1)
			e.allOK("dead letters", func(int) error { _, err := e.DeadLetters(e.ctx, "many"); return err })
			e.allOK("drop", func(int) error { return e.DropDeadLetter(e.ctx, "many", "one") })
			e.allOK("list", func(int) error { _, err := e.ListSubscriptions(e.ctx); return err })
			e.allOK("unsubscribe", func(int) error { return e.Unsubscribe(e.ctx, "many") })
		},
	}
	for _, with := range []string{
		"Unsubscribe", "ListSubscriptions", "ReportSubscription", "Unread", "MarkUnread", "MarkRead", "Positions",
		"AddDeadLetter", "DeadLetters", "DropDeadLetter",
	} {
		covered[with] = func(*env) {} // with Subscribe
	}
	return covered
}
