package redisstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// lossCall is a public call. do returns the part of its answer that does not depend on the time.
type lossCall struct {
	name  string
	reads bool // it writes nothing, whatever was lost
	do    func(ctx context.Context) (any, error)
}

// claimed is the answer to a commit. Changes take effect even if damage prevents the claim, and a
// claim that gets some tasks does not report the damaged ones: the next commit that only claims
// reports them, or the next heartbeat.
type claimed struct {
	Stands  any
	Claimed []task.Task
	View    store.View
}

// calls returns all public calls that read or change stored data. Those that only read come first.
func (f *lossFixture) calls() []lossCall {
	var reads, writes []lossCall
	add := func(name string, do func(context.Context) (any, error)) {
		writes = append(writes, lossCall{name, false, do})
	}
	read := func(name string, do func(context.Context) (any, error)) {
		reads = append(reads, lossCall{name, true, do})
	}
	s := f.Store
	for name, id := range map[string]plan.ID{"busy": f.id, "undo": f.undo} {
		read("Plan "+name, func(ctx context.Context) (any, error) { return timelessPlan(s.Plan(ctx, id)) })
		for _, ordinal := range []int{1, 2, 3, 4, 5, 8, 68} {
			if ordinal <= 5 || id == f.id {
				read(fmt.Sprint("Task ", name, " ", ordinal), func(ctx context.Context) (any, error) { return s.Task(ctx, task.NewID(id, ordinal)) })
			}
		}
		for _, q := range []store.TaskQuery{{}, {Unheld: true}, {States: []task.State{task.Failed}}, {After: 64}} {
			as := read
			if q.Unheld {
				as = add // it may repair an index
			}
			as(fmt.Sprintf("Tasks %s %+v", name, q), func(ctx context.Context) (any, error) {
				tasks, next, err := s.Tasks(ctx, id, q)
				return []any{tasks, next}, err
			})
		}
		read("TasksAt "+name, func(ctx context.Context) (any, error) { return s.TasksAt(ctx, id, []int{1, 3, 5}) })
		read("States "+name, func(ctx context.Context) (any, error) { return s.States(ctx, id, 0, 0) })
		read("Tenants "+name, func(ctx context.Context) (any, error) { return s.Tenants(ctx, id, 0, 0) })
		for _, after := range []int64{0, 5} {
			read(fmt.Sprint("Events ", name, after), func(ctx context.Context) (any, error) { return s.Events(ctx, id, after, 0) })
			read(fmt.Sprint("PlanEvents ", name, after), func(ctx context.Context) (any, error) { return s.PlanEvents(ctx, id, after, 0) })
		}
		add("Orphans "+name, func(ctx context.Context) (any, error) { return s.Orphans(ctx, id) })
		add("Remove "+name, func(ctx context.Context) (any, error) { return s.Remove(ctx, id) })
		for _, claim := range []string{"new", "many", "ended", "undoing"} {
			add("claim "+name+" "+claim, func(ctx context.Context) (any, error) {
				return timelessBatch(ctx, s.Commit, &store.Batch{Plan: id, Claim: store.Claim{ID: claim, Worker: "worker", Max: 6}})
			})
		}
		add("Apply pause "+name, func(ctx context.Context) (any, error) {
			p, err := s.Plan(ctx, id)
			if err != nil {
				return nil, err
			}
			d, err := p.Pause(plan.By{})
			if err != nil {
				d = plan.Decision{Plan: p}
			}
			a, err := s.Apply(ctx, store.Command{ID: "pause", Version: p.Version, Failed: -1, Decision: d, RaiseTokens: true})
			p, err = timelessPlan(a.Plan, err)
			return []any{p, a.Repeated}, err
		})
	}
	for _, kind := range []store.ChangeKind{store.Save, store.Complete, store.Fail, store.Yield, store.Undone, store.UndoFail, store.Defer} {
		for name, w := range map[string]store.Change{
			"busy": {Task: f.held[0].ID, Token: f.held[0].Token, Seq: 2, Kind: kind, Saved: store.Saved{Step: "B", Data: []byte("3"), UndoStep: "B", UndoData: []byte("4")}},
			"undo": {Task: f.undoing.ID, Token: f.undoing.Token, Seq: 2, Kind: kind, Saved: store.Saved{Step: "B", Data: []byte("3")}},
		} {
			if kind != store.Save {
				w.Saved = store.Saved{}
			}
			either := kind == store.Save || kind == store.Yield || kind == store.Defer
			if undo := kind == store.Undone || kind == store.UndoFail; !either && undo != (name == "undo") {
				continue
			}
			if kind == store.Defer {
				w.Wait, w.After = task.WaitHold, 2*time.Hour
			}
			for _, most := range []int{0, 1} {
				add(fmt.Sprint("change ", name, " ", kind, " claim ", most), func(ctx context.Context) (any, error) {
					b := &store.Batch{Plan: w.Task.Plan(), Changes: []store.Change{w}}
					b.Claim = store.Claim{ID: "with", Worker: "worker", Max: most}
					got, err := timelessBatch(ctx, s.Commit, b)
					after, err2 := s.Task(ctx, w.Task)
					after.Token, after.UpdatedAt, after.EndedAt, after.Wait.Until = 0, time.Time{}, time.Time{}, time.Time{}
					if kind == store.Defer && name == "undo" {
						got.View.NextDue = time.Time{} // otherwise another task is due earlier
					}
					got.Stands = []any{b.Changes, after}
					return got, cmp.Or(err, b.Changes[0].Err, err2)
				})
			}
		}
	}
	add("Apply again", func(ctx context.Context) (any, error) {
		a, err := s.Apply(ctx, f.applied)
		p, err := timelessPlan(a.Plan, err)
		return []any{p, a.Repeated}, err
	})
	add("Apply outdated", func(ctx context.Context) (any, error) {
		c := f.applied
		c.ID = "outdated"
		_, err := s.Apply(ctx, c)
		return nil, err
	})
	add("retry", func(ctx context.Context) (any, error) {
		p, err := s.Plan(ctx, f.id)
		failed, err2 := s.Task(ctx, task.NewID(f.id, 2))
		if err := cmp.Or(err, err2); err != nil {
			return nil, err
		}
		d, err := p.RetryTask(failed, task.FromScratch, plan.By{})
		f.ok(err)
		_, err = s.Apply(ctx, store.Command{ID: "retry", Version: p.Version, Failed: -1, Decision: d})
		after, err2 := s.Task(ctx, failed.ID)
		after.UpdatedAt, after.RetriedAt = time.Time{}, time.Time{}
		return after, cmp.Or(err, err2)
	})
	add("cancel", func(ctx context.Context) (any, error) {
		p, err := s.Plan(ctx, f.id)
		waits, err2 := s.Task(ctx, task.NewID(f.id, 8))
		if err := cmp.Or(err, err2); err != nil {
			return nil, err
		}
		d, err := p.CancelTask(waits, plan.By{})
		f.ok(err)
		a, err := s.Apply(ctx, store.Command{ID: "cancel", Version: p.Version, Failed: -1, Decision: d})
		p, err = timelessPlan(a.Plan, err)
		return p, err
	})
	add("Cursor", func(ctx context.Context) (any, error) { return s.Cursor(ctx, f.id, "name", "owner", time.Hour) })
	add("Cursor of another", func(ctx context.Context) (any, error) { return s.Cursor(ctx, f.id, "name", "another", time.Hour) })
	add("Cursor new", func(ctx context.Context) (any, error) { return s.Cursor(ctx, f.id, "new", "owner", time.Hour) })
	add("MoveCursor", func(ctx context.Context) (any, error) { return nil, s.MoveCursor(ctx, f.id, "name", "owner", 3) })
	add("Heartbeat", func(ctx context.Context) (any, error) {
		held, err := s.Heartbeat(ctx, "worker", time.Hour, []plan.ID{f.id, f.undo})
		if partly := (*store.HeartbeatError)(nil); errors.As(err, &partly) {
			err = errors.Join(slices.Collect(maps.Values(partly.Faults))...)
		}
		slices.SortFunc(held, func(a, b store.Holding) int { return cmp.Compare(a.Task, b.Task) })
		return held, err
	})
	add("Join", func(ctx context.Context) (any, error) { return nil, s.Join(ctx, "another", time.Hour, store.Process{}) })
	add("Report", func(ctx context.Context) (any, error) { return nil, s.Report(ctx, "worker", store.Load{Held: 1}) })
	add("Workers", func(ctx context.Context) (any, error) {
		workers, err := s.Workers(ctx, "", 0)
		for i := range workers {
			workers[i].LeaseUntil = time.Time{}
		}
		return workers, err
	})
	add("Holdings", func(ctx context.Context) (any, error) { return s.Holdings(ctx, f.id, "worker") })
	add("Leave", func(ctx context.Context) (any, error) { return nil, s.Leave(ctx, "worker") })
	read("Plans", func(ctx context.Context) (any, error) {
		plans, err := s.Plans(ctx, store.PlanQuery{})
		for i := range plans {
			plans[i].Idle, plans[i].Now = 0, time.Time{}
		}
		return plans, err
	})
	add("Due", func(ctx context.Context) (any, error) {
		due, err := s.Due(ctx, []string{"E"}, 10)
		for i := range due {
			due[i].Stamp, due[i].Late = 0, 0
		}
		slices.SortFunc(due, func(a, b store.DuePlan) int { return cmp.Compare(a.ID, b.ID) })
		return due, err
	})
	for name, c := range map[string]store.Create{
		"busy": f.create("busy", rand.Text(), "h"), "busy other": f.create("busy", rand.Text(), "other"), "new": f.create("", "new", "h"),
		"creating again": f.create("creating", "mark", "hash"), "creating by another": f.create("creating", "another", "hash"),
	} {
		add("BeginCreate "+name, func(ctx context.Context) (any, error) {
			created, err := s.BeginCreate(ctx, c)
			created.Mark = ""
			return created, err
		})
	}
	add("AddTenants", func(ctx context.Context) (any, error) {
		return nil, s.AddTenants(ctx, f.creation, 4, plan.Tenants("d"))
	})
	add("create", func(ctx context.Context) (any, error) {
		err := cmp.Or(s.AddTenants(ctx, f.creation, 4, plan.Tenants("d")), s.FinishCreate(ctx, f.creation))
		if err != nil {
			return nil, err
		}
		events, err := s.Events(ctx, f.creation.ID, 0, 0)
		for i := range events {
			events[i].At = time.Time{}
		}
		return events, err
	})
	add("FinishCreate too early", func(ctx context.Context) (any, error) { return nil, s.FinishCreate(ctx, f.creation) })
	add("Remove creation", func(ctx context.Context) (any, error) { return s.Remove(ctx, f.creation.ID) })
	lock := store.TenantLock{Tenant: "locked", Plan: f.id, Ordinal: 1}
	add("Reserve", func(ctx context.Context) (any, error) {
		return s.Reserve(ctx, []store.TenantLock{{Tenant: "locked", Plan: f.undo, Ordinal: 1}})
	})
	read("Locks", func(ctx context.Context) (any, error) { return s.Locks(ctx, []string{"locked"}) })
	add("Replace", func(ctx context.Context) (any, error) {
		return s.Replace(ctx, lock, store.TenantLock{Tenant: "locked", Plan: f.undo})
	})
	add("Release", func(ctx context.Context) (any, error) { return nil, s.Release(ctx, []store.TenantLock{lock}) })
	add("Occupy", func(ctx context.Context) (any, error) {
		asked := []store.Occupation{{Place: lossPlace(f.undo), Max: 1}}
		return asked, s.Occupy(ctx, asked)
	})
	read("Places", func(ctx context.Context) (any, error) { return s.Places(ctx, lossPlace(0).QuotaKey) })
	read("CountPlaces", func(ctx context.Context) (any, error) {
		return s.CountPlaces(ctx, []store.QuotaKey{lossPlace(0).QuotaKey})
	})
	add("Vacate", func(ctx context.Context) (any, error) { return nil, s.Vacate(ctx, []store.Place{lossPlace(f.id)}) })
	f.subscriptionCalls(add)
	add("Open", func(ctx context.Context) (any, error) { _, err := Open(ctx, f.client, Config{}); return nil, err })
	return append(reads, writes...)
}

// subscriptionCalls adds the calls about subscriptions.
func (f *lossFixture) subscriptionCalls(add func(string, func(context.Context) (any, error))) {
	s := f.Store
	timeless := func(all []store.Subscription) []store.Subscription {
		for i := range all {
			all[i].Cursor, _, _ = strings.Cut(all[i].Cursor, "@")
		}
		return all
	}
	for name, call := range map[string]func(ctx context.Context) error{
		"ReportSubscription": func(ctx context.Context) error {
			return s.ReportSubscription(ctx, "mail", store.SubscriptionStatus{Error: "x"})
		},
		"MarkUnread":     func(ctx context.Context) error { return s.MarkUnread(ctx, "mail", []plan.ID{f.id}) },
		"MarkRead":       func(ctx context.Context) error { return s.MarkRead(ctx, "mail", f.id, 1, -1) },
		"AddDeadLetter":  func(ctx context.Context) error { return s.AddDeadLetter(ctx, "mail", store.DeadLetter{ID: "2"}) },
		"DropDeadLetter": func(ctx context.Context) error { return s.DropDeadLetter(ctx, "mail", "2") },
		"Unsubscribe":    func(ctx context.Context) error { return s.Unsubscribe(ctx, "mail") },
	} {
		add(name, func(ctx context.Context) (any, error) { return nil, call(ctx) })
	}
	add("ListSubscriptions", func(ctx context.Context) (any, error) {
		all, err := s.ListSubscriptions(ctx)
		return timeless(all), err
	})
	add("Subscribe", func(ctx context.Context) (any, error) {
		one, err := s.Subscribe(ctx, "mail", true)
		return timeless([]store.Subscription{one}), err
	})
	add("Unread", func(ctx context.Context) (any, error) {
		plans, err := s.Unread(ctx, "mail", 0, 0)
		for i := range plans {
			plans[i].Stamp = 0
		}
		return plans, err
	})
	add("DeadLetters", func(ctx context.Context) (any, error) { return s.DeadLetters(ctx, "mail") })
	add("Positions", func(ctx context.Context) (any, error) { return s.Positions(ctx, "name", []plan.ID{f.id, f.undo}) })
}

func timelessPlan(p plan.Plan, err error) (plan.Plan, error) {
	p.Idle, p.Now = 0, time.Time{}
	return p, err
}

// timelessBatch commits a batch and returns the answer without new times and tokens.
func timelessBatch(ctx context.Context, commit func(context.Context, *store.Batch) error, b *store.Batch) (claimed, error) {
	err := commit(ctx, b)
	for i := range b.Claimed {
		t := &b.Claimed[i]
		t.Token, t.UpdatedAt, t.StartedAt = 0, time.Time{}, time.Time{}
	}
	b.View.Now = time.Time{}
	slices.SortFunc(b.Claimed, func(a, b task.Task) int { return cmp.Compare(a.ID, b.ID) })
	return claimed{b.Changes, b.Claimed, b.View}, err
}

// answered is an answer as a string. For a commit, stands is the part about its changes, which
// damage of other data does not affect.
type answered struct{ all, stands string }

func answerOf(answer any, err error) answered {
	text, faulty := json.Marshal(answer)
	a := answered{all: fmt.Sprintf("%s, error %v", text, cmp.Or(err, faulty))}
	if c, ok := answer.(claimed); ok {
		text, faulty = json.Marshal(c.Stands)
		a.stands = fmt.Sprintf("%s, error %v", text, faulty)
	}
	return a
}
