package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

func subscriptionCases() []testCase {
	return []testCase{
		{name: "subscribe", run: subscribes},
		{name: "every command makes a plan unread", run: unreadByCommands},
		{name: "unread plans are handed out once", run: unreadHidden},
		{name: "read only if nothing came in between", run: readUnlessChanged},
		{name: "put off", run: unreadLater},
		{name: "positions", run: cursorPositions},
		{name: "dead letters", run: deadLetters},
		{name: "the newest dead letters", run: newestLetters},
		{name: "unsubscribe", run: unsubscribes},
		{name: "invalid arguments", run: subscriptionArguments},
	}
}

// subscribed makes a subscription that has read all plans.
func (e *env) subscribed(name string) store.Subscription {
	e.Helper()
	s, err := e.Subscribe(e.ctx, name, false)
	e.ok(err)
	return s
}

// unread returns the entry of a plan among all unread plans, nil if it has been read.
func (e *env) unread(name string, id plan.ID) *store.DuePlan {
	e.Helper()
	plans, err := e.Unread(e.ctx, name, 0, 0)
	e.ok(err)
	for _, p := range plans {
		if p.ID == id {
			return &p
		}
	}
	return nil
}

// read marks a plan as read. A store may have to wait for a command that may be under way.
func (e *env) read(name string, id plan.ID) {
	e.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(50 * time.Millisecond) {
		p := e.unread(name, id)
		if p == nil {
			return
		}
		e.ok(e.MarkRead(e.ctx, name, id, p.Stamp, -1))
	}
	e.Fatalf("plan %s stays unread", id)
}

func subscribes(e *env) {
	r := e.create(1, concurrently(1))
	mail := e.subscribed("mail")
	again, err := e.Subscribe(e.ctx, "mail", true)
	e.ok(err)
	equal(e, "the subscription, made again", again, mail)
	equal(e, "the newest plan", mail.Newest, r.id)
	chat, err := e.Subscribe(e.ctx, "Chat.2_x-y", true)
	e.ok(err)
	equal(e, "the newest plan of one from the start", chat.Newest, 0)
	if mail.Cursor == chat.Cursor || mail.Cursor == "" {
		e.Errorf("cursors %q and %q", mail.Cursor, chat.Cursor)
	}
	status := store.SubscriptionStatus{
		Ready: true, FailingSince: time.UnixMilli(1).UTC(), ErrorAt: time.UnixMilli(2).UTC(),
		Error: `it said "no"; ` + strings.Repeat("x", 500), DeliveredAt: time.UnixMilli(3).UTC(),
	}
	e.ok(e.ReportSubscription(e.ctx, "mail", status))
	e.ok(e.ReportSubscription(e.ctx, "mail", store.SubscriptionStatus{Error: "later"}))
	all, err := e.ListSubscriptions(e.ctx)
	e.ok(err)
	mail.Status = store.SubscriptionStatus{Ready: true, Error: "later"}
	equal(e, "all, by name", all, []store.Subscription{chat, mail})
	e.ok(e.ReportSubscription(e.ctx, "mail", status))
	all, err = e.ListSubscriptions(e.ctx)
	e.ok(err)
	equal(e, "the status", all[1].Status, status)
}

// unreadByCommands: a plan is unread from its creation on, and after each command. What workers
// write does not make it unread, because until then its reader has not marked it.
func unreadByCommands(e *env) {
	before := e.create(1, concurrently(1))
	e.subscribed("mail")
	if p := e.unread("mail", before.id); p != nil {
		e.Errorf("a plan from before the subscription is unread: %+v", *p)
	}
	r := e.create(2, concurrently(2))
	for what, step := range []func(){
		func() {}, r.launch, func() { r.give(plan.Plan.Pause) }, func() { r.give(plan.Plan.Resume) }, func() { r.give(plan.Plan.Cancel) },
	} {
		step()
		if e.unread("mail", r.id) == nil {
			e.Errorf("after step %d the plan counts as read", what)
		}
		e.read("mail", r.id)
		if e.unread("mail", r.id) != nil {
			e.Errorf("after step %d it is unread, although it was read", what)
		}
	}
	before.launch()
	if e.unread("mail", before.id) == nil {
		e.Error("a plan from before the subscription is not unread after a command")
	}
	e.ok(e.MarkUnread(e.ctx, "mail", []plan.ID{r.id}))
	all, err := e.ListSubscriptions(e.ctx)
	e.ok(err)
	equal(e, "unread", all[0].Unread, 2)
}

// unreadHidden: what one caller got no other gets, for a while.
func unreadHidden(e *env) {
	e.subscribed("mail")
	var ids []plan.ID
	for range 5 {
		ids = append(ids, e.create(1, concurrently(1)).id)
	}
	e.inTime(func(ttl time.Duration) bool {
		e.ok(e.MarkUnread(e.ctx, "mail", ids))
		began := time.Now()
		seen := make(map[plan.ID]bool)
		for range 3 {
			plans, err := e.Unread(e.ctx, "mail", 2, ttl)
			e.ok(err)
			for _, p := range plans {
				if seen[p.ID] && time.Since(began) < ttl {
					e.Errorf("plan %s was handed out twice", p.ID)
				}
				seen[p.ID] = true
			}
		}
		if time.Since(began) >= ttl {
			return false
		}
		equal(e, "handed out", len(seen), 5)
		equal(e, "still listed", e.unread("mail", ids[0]) != nil, true)
		e.outlast(ttl)
		plans, err := e.Unread(e.ctx, "mail", 0, ttl)
		e.ok(err)
		equal(e, "handed out again", len(plans), 5)
		// A command brings one forward.
		r := &rollout{env: e, id: ids[3]}
		r.give(plan.Plan.Cancel)
		plans, err = e.Unread(e.ctx, "mail", 0, ttl)
		e.ok(err)
		if len(plans) == 0 || plans[0].ID != ids[3] && len(plans) == 1 {
			e.Errorf("after a command, %v are due", plans)
		}
		ids = ids[:0]
		for range 5 {
			ids = append(ids, e.create(1, concurrently(1)).id)
		}
		return true
	})
}

// readUnlessChanged: a reader cannot mark a plan that got a command since it looked.
func readUnlessChanged(e *env) {
	e.subscribed("mail")
	r := e.start(1, concurrently(1))
	for range 3 {
		seen := e.unread("mail", r.id)
		if seen == nil {
			e.Fatal("the plan is not unread")
		}
		r.give(plan.Plan.Pause)
		e.ok(e.MarkRead(e.ctx, "mail", r.id, seen.Stamp, -1))
		if e.unread("mail", r.id) == nil {
			e.Fatal("the plan counts as read, although a command came in between")
		}
		e.ok(e.MarkRead(e.ctx, "mail", r.id, seen.Stamp, store.MaxHide))
		for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			plans, err := e.Unread(e.ctx, "mail", 0, time.Millisecond)
			e.ok(err)
			if len(plans) > 0 {
				break
			}
			if time.Since(began) > 20*time.Second {
				e.Fatal("a plan that got a command was put off")
			}
		}
		r.give(plan.Plan.Resume)
	}
	e.ok(e.MarkRead(e.ctx, "mail", 999_999, 1, -1)) // a plan that was removed can be marked
	equal(e, "a plan that does not exist is unread", e.unread("mail", 999_999) != nil, false)
}

func unreadLater(e *env) {
	e.subscribed("mail")
	r := e.create(1, concurrently(1))
	e.read("mail", r.id)
	e.inTime(func(ttl time.Duration) bool {
		e.ok(e.MarkUnread(e.ctx, "mail", []plan.ID{r.id}))
		plans, err := e.Unread(e.ctx, "mail", 0, store.MaxHide)
		e.ok(err)
		if len(plans) != 1 {
			e.Fatalf("due are %v", plans)
		}
		put := time.Now()
		e.ok(e.MarkRead(e.ctx, "mail", r.id, plans[0].Stamp, ttl))
		early, err := e.Unread(e.ctx, "mail", 0, time.Millisecond)
		e.ok(err)
		if time.Since(put) >= ttl {
			return false
		}
		equal(e, "due while it is put off", len(early), 0)
		e.outlast(ttl)
		plans, err = e.Unread(e.ctx, "mail", 0, store.MaxHide)
		e.ok(err)
		equal(e, "due after that", len(plans), 1)
		return true
	})
}

func cursorPositions(e *env) {
	one, two := e.start(3, concurrently(3)), e.create(1, concurrently(1))
	one.take("worker", 3)
	_, err := e.Cursor(e.ctx, one.id, "mail@1", "me", time.Minute)
	e.ok(err)
	e.ok(e.MoveCursor(e.ctx, one.id, "mail@1", "me", 4))
	got, err := e.Positions(e.ctx, "mail@1", []plan.ID{two.id, one.id, 999_999})
	e.ok(err)
	equal(e, "positions", got, []int64{0, 4, 0})
	got, err = e.Positions(e.ctx, "mail@2", []plan.ID{one.id})
	e.ok(err)
	equal(e, "positions of another cursor", got, []int64{0})
}

func deadLetters(e *env) {
	e.subscribed("mail")
	e.subscribed("chat")
	letter := func(n int) store.DeadLetter {
		return store.DeadLetter{
			ID: fmt.Sprint("letter ", n), Plan: 7, First: int64(n), Last: int64(n + 1), At: time.UnixMilli(int64(n)).UTC(),
			Reason: fmt.Sprintf("reason \"%d\"\n", n),
		}
	}
	for _, n := range []int{3, 1, 2} {
		e.ok(e.AddDeadLetter(e.ctx, "mail", letter(n)))
	}
	changed := letter(1)
	changed.Reason = "another"
	e.ok(e.AddDeadLetter(e.ctx, "mail", changed))
	list := func(name string, want ...store.DeadLetter) {
		e.Helper()
		got, err := e.DeadLetters(e.ctx, name)
		e.ok(err)
		equal(e, "dead letters of "+name, append([]store.DeadLetter{}, got...), append([]store.DeadLetter{}, want...))
	}
	list("mail", letter(3), changed, letter(2))
	list("chat")
	e.ok(e.DropDeadLetter(e.ctx, "mail", changed.ID))
	e.ok(e.DropDeadLetter(e.ctx, "mail", changed.ID))
	list("mail", letter(3), letter(2))
	all, err := e.ListSubscriptions(e.ctx)
	e.ok(err)
	equal(e, "number of dead letters", all[1].DeadLetters, 2)
}

func newestLetters(e *env) {
	e.subscribed("mail")
	const over = 3
	for n := range store.MaxDeadLetters + over {
		e.ok(e.AddDeadLetter(e.ctx, "mail", store.DeadLetter{ID: fmt.Sprint(n), Plan: 1, First: int64(n)}))
	}
	got, err := e.DeadLetters(e.ctx, "mail")
	e.ok(err)
	if len(got) != store.MaxDeadLetters || got[0].First != over {
		e.Errorf("%d dead letters, the first is %+v", len(got), got[0])
	}
	all, err := e.ListSubscriptions(e.ctx)
	e.ok(err)
	equal(e, "dropped", all[0].Dropped, over)
}

func unsubscribes(e *env) {
	old := e.subscribed("mail")
	r := e.create(1, concurrently(1))
	e.ok(e.AddDeadLetter(e.ctx, "mail", store.DeadLetter{ID: "1", Plan: r.id}))
	e.ok(e.Unsubscribe(e.ctx, "mail"))
	e.ok(e.Unsubscribe(e.ctx, "mail"))
	for what, err := range map[string]error{
		"report": e.ReportSubscription(e.ctx, "mail", store.SubscriptionStatus{}), "mark unread": e.MarkUnread(e.ctx, "mail", []plan.ID{r.id}),
		"mark read": e.MarkRead(e.ctx, "mail", r.id, 1, -1), "add": e.AddDeadLetter(e.ctx, "mail", store.DeadLetter{ID: "1"}),
		"drop": e.DropDeadLetter(e.ctx, "mail", "1"),
	} {
		if err == nil {
			e.Errorf("%s: no error", what)
		} else {
			e.is(err, store.ErrNotFound)
		}
	}
	_, err := e.Unread(e.ctx, "mail", 0, 0)
	e.is(err, store.ErrNotFound)
	_, err = e.DeadLetters(e.ctx, "mail")
	e.is(err, store.ErrNotFound)
	r.launch() // a command goes on without the subscription
	again := e.subscribed("mail")
	if again.Cursor == old.Cursor || again.Unread != 0 || again.DeadLetters != 0 {
		e.Errorf("subscribed again: %+v, before %+v", again, old)
	}
}

func subscriptionArguments(e *env) {
	e.subscribed("mail")
	for _, name := range []string{"", strings.Repeat("x", store.MaxID+1), "a b", "a:b", "a{b}", "名"} {
		_, err := e.Subscribe(e.ctx, name, false)
		e.is(err, store.ErrInvalid)
		e.is(e.Unsubscribe(e.ctx, name), store.ErrInvalid)
		_, err = e.Unread(e.ctx, name, 0, 0)
		e.is(err, store.ErrInvalid)
	}
	_, err := e.Unread(e.ctx, "mail", -1, 0)
	e.is(err, store.ErrInvalid)
	_, err = e.Unread(e.ctx, "mail", 0, store.MaxHide+1)
	e.is(err, store.ErrInvalid)
	_, err = e.Unread(e.ctx, "mail", 0, -1)
	e.is(err, store.ErrInvalid)
	e.is(e.MarkRead(e.ctx, "mail", 1, 1, store.MaxHide+1), store.ErrInvalid)
	e.is(e.MarkUnread(e.ctx, "mail", make([]plan.ID, store.MaxBatch+1)), store.ErrInvalid)
	_, err = e.Positions(e.ctx, "mail@1", make([]plan.ID, store.MaxBatch+1))
	e.is(err, store.ErrInvalid)
	long := strings.Repeat("x", store.MaxText+1)
	e.is(e.ReportSubscription(e.ctx, "mail", store.SubscriptionStatus{Error: long}), store.ErrInvalid)
	e.is(e.AddDeadLetter(e.ctx, "mail", store.DeadLetter{ID: "1", Reason: long}), store.ErrInvalid)
	e.is(e.AddDeadLetter(e.ctx, "mail", store.DeadLetter{}), store.ErrInvalid)
}
