package redisstore

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// lossFixture is a store with every kind of key, whose state can be restored.
type lossFixture struct {
	*rollout // a plan of 70 tasks in every state, whose key is "busy"
	client   *redis.Client
	undo     plan.ID // a sequential plan during its rollback
	creation store.Creation
	held     []task.Task // by the worker, in the busy plan
	undoing  task.Task
	applied  store.Command // a command of the busy plan that was applied before
	values   map[string]string
}

func newLossFixture(t *testing.T) *lossFixture {
	t.Helper()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	if _, err := s.Subscribe(t.Context(), "mail", true); err != nil {
		t.Fatal(err)
	}
	f := &lossFixture{client: client, rollout: startLabelled(t, s, 70, 20, "busy")}
	r := f.rollout
	r.ok(s.Join(r.ctx, "worker", time.Hour, store.Process{}))
	jobs := r.claimAs("many", "worker", 8)
	save := func(j task.Task, seq uint32) {
		r.ok(r.work(store.Change{Task: j.ID, Token: j.Token, Seq: seq, Saved: store.Saved{
			Step: "A", Data: []byte("1"), UndoStep: "A", UndoData: []byte("2"),
		}}).Err)
	}
	end := func(j task.Task, kind store.ChangeKind) {
		w := store.Change{Task: j.ID, Token: j.Token, Seq: 9, Kind: kind}
		if kind == store.Fail {
			w.Failure = &task.FailureInfo{Reason: "r", ErrorCode: "c", Timestamp: time.Unix(1, 0)}
		}
		r.ok(r.work(w).Err)
	}
	for _, j := range jobs[:5] {
		save(j, 1)
	}
	end(jobs[0], store.Complete)
	end(jobs[1], store.Fail)
	end(jobs[2], store.Yield)
	end(jobs[5], store.Yield)
	f.held = jobs[3:5]
	ended := r.claimAs("ended", "worker", 1)[0] // a task that waited for a worker
	end(ended, store.Complete)
	wait := func(j task.Task, why task.WaitReason, after time.Duration) {
		w := store.Change{Task: j.ID, Token: j.Token, Seq: 9, Kind: store.Defer, Wait: why, After: after, Failure: &task.FailureInfo{ErrorCode: "c"}}
		r.ok(r.work(w).Err)
	}
	wait(jobs[6], task.WaitHold, 0)
	wait(jobs[7], task.WaitBackoff, time.Hour)
	r.skip(68)
	_, err := s.Cursor(r.ctx, r.id, "name", "owner", time.Hour)
	r.ok(err)
	p, err := s.Plan(r.ctx, r.id)
	r.ok(err)
	d, err := p.Pause(plan.By{})
	r.ok(err)
	f.applied = store.Command{ID: "applied", Version: p.Version, Failed: -1, Decision: d}
	_, err = s.Apply(r.ctx, f.applied)
	r.ok(err)
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Resume(plan.By{}) })

	u := start(t, s, 5, 1)
	for range 3 {
		j := u.claim("worker", 1)[0]
		u.ok(u.work(store.Change{Task: j.ID, Token: j.Token, Seq: 1, Saved: store.Saved{UndoStep: "A", UndoData: []byte("2")}}).Err)
		u.ok(u.work(store.Change{Task: j.ID, Token: j.Token, Seq: 2, Kind: store.Complete}).Err)
	}
	u.decide(func(p plan.Plan) (plan.Decision, error) { return p.Rollback(plan.By{}) })
	u.decide(func(p plan.Plan) (plan.Decision, error) { return p.Settle(time.Now()), nil })
	f.undo, f.undoing = u.id, u.claimAs("undoing", "worker", 1)[0]

	f.creation, err = s.BeginCreate(r.ctx, f.create("creating", "mark", "hash"))
	r.ok(err)
	r.ok(s.AddTenants(r.ctx, f.creation, 1, plan.Tenants("a", "b", "c")))
	_, err = s.Reserve(r.ctx, []store.TenantLock{{Tenant: "locked", Plan: r.id, Ordinal: 1}})
	r.ok(err)
	r.ok(s.Occupy(r.ctx, []store.Occupation{{Place: lossPlace(r.id), Max: 1}}))
	r.ok(s.AddDeadLetter(r.ctx, "mail", store.DeadLetter{ID: "1", Plan: r.id}))
	due, err := s.Due(r.ctx, nil, 10)
	r.ok(err)
	for _, d := range due {
		if d.ID == r.id {
			r.ok(s.Reschedule(r.ctx, d.ID, d.Stamp, store.Next{Executor: "E"}))
		}
	}
	f.values = dump(t, client)
	return f
}

// lossPlace is a place of a plan that is taken.
func lossPlace(id plan.ID) store.Place {
	return store.Place{QuotaKey: store.QuotaKey{Label: "shard", Value: "a"}, Plan: id, Ordinal: 1}
}

func (f *lossFixture) create(key, mark, hash string) store.Create {
	return store.Create{
		Plan: plan.Plan{Name: "plan", ExecutorType: "E", TaskCount: 4, IdempotencyKey: key}, Mark: mark, Hash: hash, TTL: time.Hour, Actor: "me",
	}
}

// reset restores all keys, and clears what the store remembers of plans.
func (f *lossFixture) reset() {
	f.Helper()
	pipe := f.client.Pipeline()
	pipe.FlushDB(f.ctx)
	for key, value := range f.values {
		ttl := time.Duration(0)
		if strings.HasPrefix(key, f.keys.lease("")) {
			ttl = time.Hour
		}
		pipe.Restore(f.ctx, key, ttl, value)
	}
	_, err := pipe.Exec(f.ctx)
	f.ok(err)
	f.queues.mu.Lock()
	clear(f.queues.byPlan)
	f.queues.mu.Unlock()
}

// meanNothing are the kinds of keys whose absence is no damage, because it has a meaning or because
// the sweep restores the key, with the calls that answer differently in that case.
var meanNothing = map[string][]string{ //nolint:gochecknoglobals // a table
	"lease":   {"Heartbeat", "Orphans", "Report", "Workers"}, // the lease is over
	"workers": {"Workers"},                                   // restored by the next report
	"tenant":  {"Reserve", "Locks", "Replace"},               // the tenant is free
	"quota":   {"Occupy", "Places", "CountPlaces"},           // the place is free
	"key":     {"BeginCreate"},                               // restored by the sweep, see TestKeysAreRestored
	"agenda":  {"Due"}, "stamps": {"Due"}, "left": {"Due"},   // likewise
	"plans": {"Plans", "BeginCreate", "Open", "Due"}, // likewise

	"subscriptions": {"ListSubscriptions", "Subscribe", "ReportSubscription", "Unread", "MarkUnread", "MarkRead", "AddDeadLetter", "DeadLetters", "DropDeadLetter"}, // nobody has subscribed
	"unread":        {"ListSubscriptions", "Subscribe", "Unread"},                                                                                                   // restored by the walk of its reader
	"letters":       {"ListSubscriptions", "Subscribe", "DeadLetters"},                                                                                              // there are none
}

// TestEveryKeyLost: after any loss, each call gives the same answer as before or reports the key.
// No call replaces missing data with a default, or leaves it out silently. With -short, each run
// loses other keys.
func TestEveryKeyLost(t *testing.T) {
	t.Parallel()
	f := newLossFixture(t)
	byKind := f.byKind()
	if known := slices.Sorted(maps.Keys(byKind)); !slices.Equal(known, kindsOfKeys(t)) {
		t.Fatalf("kinds of keys %v, this test has %v", kindsOfKeys(t), known)
	}
	calls := f.calls()
	want := make([]answered, len(calls))
	for i, call := range calls {
		f.reset()
		want[i] = answerOf(call.do(f.ctx))
		f.reset()
		if again := answerOf(call.do(f.ctx)); again != want[i] {
			t.Fatalf("%s answers %+v\nand then %+v", call.name, want[i], again)
		}
	}
	type kindOfKey struct{ kind, key string }
	var all []kindOfKey
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		for _, key := range byKind[kind] {
			all = append(all, kindOfKey{kind, key})
		}
	}
	found := 0
	for _, i := range sample.Of(t, 10, uint64(len(all))) {
		f.reset()
		for _, l := range f.losses(all[i].kind, all[i].key) {
			found += f.try(l, calls, want)
		}
	}
	if found < 500 && sample.Whole() {
		t.Errorf("only %d calls named the key: nothing was lost", found)
	}
}

// try makes all calls, each after the same loss, and returns how many of them reported the key. The
// calls that only read share one loss, and leave everything as it is.
func (f *lossFixture) try(l removal, calls []lossCall, want []answered) (found int) {
	f.Helper()
	var lost string // the number of changes after the loss
	for i, call := range calls {
		if i > 0 && !call.reads && calls[i-1].reads && f.changes() != lost {
			f.Fatalf("%s without %s: a call that only reads has changed something", l.key, l.what)
		}
		if i == 0 || !call.reads {
			f.reset()
			l.do()
		}
		if i == 0 {
			lost = f.changes()
		}
		answer, err := call.do(f.ctx)
		got := answerOf(answer, err)
		var corrupt *store.CorruptError
		switch {
		case got == want[i]:
		case err == nil && got.stands != "" && got.stands == want[i].stands && f.reported(l.key):
			found++
		case errors.As(err, &corrupt) && corrupt.Key == l.key:
			found++
		case slices.ContainsFunc(meanNothing[l.kind], func(name string) bool { return strings.HasPrefix(call.name, name) }) && l.what != "its type":
		default:
			f.Errorf("%s without %s: %s answers\n%.900s\nwant\n%.900s", l.key, l.what, call.name, got.all, want[i].all)
		}
	}
	return found
}

// changes returns the server's count of changes to its keys.
func (f *lossFixture) changes() string {
	f.Helper()
	info, err := f.client.Info(f.ctx, "persistence").Result()
	f.ok(err)
	return redisserver.Field(info, "rdb_changes_since_last_save")
}

// reported reports whether a heartbeat or a commit that only claims reports the key as damaged.
func (f *lossFixture) reported(key string) bool {
	for _, id := range []plan.ID{f.id, f.undo} {
		_, held := f.Heartbeat(f.ctx, "worker", time.Hour, []plan.ID{id})
		if partly := (*store.HeartbeatError)(nil); errors.As(held, &partly) {
			held = partly.Faults[id]
		}
		claim := f.Commit(f.ctx, &store.Batch{Plan: id, Claim: store.Claim{ID: "told", Worker: "worker", Max: 6}})
		for _, err := range []error{held, claim} {
			if corrupt := (*store.CorruptError)(nil); errors.As(err, &corrupt) && corrupt.Key == key {
				return true
			}
		}
	}
	return false
}

// TestKeysAreRestored: the sweep restores entries and keys whose values follow from other keys.
func TestKeysAreRestored(t *testing.T) {
	t.Parallel()
	f := newLossFixture(t)
	due := func() []store.DuePlan {
		plans, err := f.Due(f.ctx, nil, 10)
		f.ok(err)
		slices.SortFunc(plans, func(a, b store.DuePlan) int { return cmp.Compare(a.ID, b.ID) })
		return plans
	}
	pending := due()
	k := f.keys
	for _, key := range []string{k.key("busy"), k.plans(), k.agenda(), k.stamps()} {
		f.reset()
		for _, l := range f.losses("", key) {
			if l.what == "its type" || l.what == "sweep" || l.what == f.creation.ID.String() && key == k.agenda() {
				continue // a creation is due at once
			}
			f.reset()
			l.do()
			f.client.HDel(f.ctx, k.stamps(), "sweep") // so that the next Due sweeps
			due()
			plans, err := f.Plans(f.ctx, store.PlanQuery{})
			f.ok(err)
			created, err := f.BeginCreate(f.ctx, f.create("busy", "another", "h"))
			f.ok(err)
			if len(plans) != 2 || !created.Exists || created.ID != f.id {
				t.Errorf("%s without %s: %d plans, the key names %+v", key, l.what, len(plans), created)
			}
			got := due()
			if len(got) < len(pending) || got[0].ID != pending[0].ID || got[1].ID != pending[1].ID {
				t.Errorf("%s without %s: due are %v, want %v", key, l.what, got, pending)
			}
		}
	}
}
