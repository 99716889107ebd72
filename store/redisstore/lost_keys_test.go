package redisstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// lossFixture is a store with every kind of key, whose state can be restored.
type lossFixture struct {
	*rollout // a plan of 70 tasks in every state, whose key is "busy"
	client   *redis.Client
	undo     plan.ID // a sequential plan that is being rolled back
	creation store.Creation
	held     []task.Task // by the worker, in the busy plan
	undoing  task.Task
	applied  store.Command // of the busy plan, sent before
	values   map[string]string
}

func newLossFixture(t *testing.T) *lossFixture {
	t.Helper()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	f := &lossFixture{client: client, rollout: startLabelled(t, s, 70, 20, "busy")}
	r := f.rollout
	r.ok(s.Join(r.ctx, "worker", time.Hour))
	jobs := r.claimAs("many", "worker", 6)
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
	ended := r.claimAs("ended", "worker", 1)[0] // one of those that waited
	end(ended, store.Complete)
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
	f.values = dump(t, client)
	return f
}

func (f *lossFixture) create(key, mark, hash string) store.Create {
	return store.Create{
		Plan: plan.Plan{Name: "plan", ExecutorType: "E", TaskCount: 4, IdempotencyKey: key}, Mark: mark, Hash: hash, TTL: time.Hour, Actor: "me",
	}
}

// reset makes everything as it was, and the store forget what it has seen.
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

// lossCall is a public call, with what of its answer does not depend on the time.
type lossCall struct {
	name string
	do   func(ctx context.Context) (any, error)
}

// claimed is the answer to a commit. Changes stand, whatever is in the way of claims, and who
// gets some tasks is not told of those that are damaged: that is for the next one who comes
// for tasks alone, or for the heartbeat.
type claimed struct {
	Stands  any
	Claimed []task.Task
	View    store.View
}

// calls are all public calls that touch what is stored.
func (f *lossFixture) calls() []lossCall {
	var all []lossCall
	add := func(name string, do func(context.Context) (any, error)) { all = append(all, lossCall{name, do}) }
	s := f.Store
	for name, id := range map[string]plan.ID{"busy": f.id, "undo": f.undo} {
		add("Plan "+name, func(ctx context.Context) (any, error) { return timelessPlan(s.Plan(ctx, id)) })
		for _, ordinal := range []int{1, 2, 3, 4, 5, 68} {
			if ordinal <= 5 || id == f.id {
				add(fmt.Sprint("Task ", name, " ", ordinal), func(ctx context.Context) (any, error) { return s.Task(ctx, task.NewID(id, ordinal)) })
			}
		}
		for _, q := range []store.TaskQuery{{}, {Unheld: true}, {States: []task.State{task.Failed}}, {After: 64}} {
			add(fmt.Sprintf("Tasks %s %+v", name, q), func(ctx context.Context) (any, error) {
				tasks, next, err := s.Tasks(ctx, id, q)
				return []any{tasks, next}, err
			})
		}
		add("TasksAt "+name, func(ctx context.Context) (any, error) { return s.TasksAt(ctx, id, []int{1, 3, 5}) })
		add("States "+name, func(ctx context.Context) (any, error) { return s.States(ctx, id, 0, 0) })
		add("Tenants "+name, func(ctx context.Context) (any, error) { return s.Tenants(ctx, id, 0, 0) })
		for _, after := range []int64{0, 5} {
			add(fmt.Sprint("Events ", name, after), func(ctx context.Context) (any, error) { return s.Events(ctx, id, after, 0) })
			add(fmt.Sprint("PlanEvents ", name, after), func(ctx context.Context) (any, error) { return s.PlanEvents(ctx, id, after, 0) })
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
	for _, kind := range []store.ChangeKind{store.Save, store.Complete, store.Fail, store.Yield, store.Undone, store.UndoFail} {
		for name, w := range map[string]store.Change{
			"busy": {Task: f.held[0].ID, Token: f.held[0].Token, Seq: 2, Kind: kind, Saved: store.Saved{Step: "B", Data: []byte("3"), UndoStep: "B", UndoData: []byte("4")}},
			"undo": {Task: f.undoing.ID, Token: f.undoing.Token, Seq: 2, Kind: kind, Saved: store.Saved{Step: "B", Data: []byte("3")}},
		} {
			if kind != store.Save {
				w.Saved = store.Saved{}
			}
			if undo := kind == store.Undone || kind == store.UndoFail; kind != store.Save && kind != store.Yield && undo != (name == "undo") {
				continue
			}
			for _, most := range []int{0, 1} {
				add(fmt.Sprint("change ", name, " ", kind, " claim ", most), func(ctx context.Context) (any, error) {
					b := &store.Batch{Plan: w.Task.Plan(), Changes: []store.Change{w}}
					b.Claim = store.Claim{ID: "with", Worker: "worker", Max: most}
					got, err := timelessBatch(ctx, s.Commit, b)
					after, err2 := s.Task(ctx, w.Task)
					after.Token, after.UpdatedAt, after.EndedAt = 0, time.Time{}, time.Time{}
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
	add("Join", func(ctx context.Context) (any, error) { return nil, s.Join(ctx, "another", time.Hour) })
	add("Leave", func(ctx context.Context) (any, error) { return nil, s.Leave(ctx, "worker") })
	add("Plans", func(ctx context.Context) (any, error) {
		plans, err := s.Plans(ctx, store.PlanQuery{})
		for i := range plans {
			plans[i].Idle = 0
		}
		return plans, err
	})
	add("Due", func(ctx context.Context) (any, error) {
		due, err := s.Due(ctx, 10)
		for i := range due {
			due[i].Stamp = 0
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
	add("Locks", func(ctx context.Context) (any, error) { return s.Locks(ctx, []string{"locked"}) })
	add("Replace", func(ctx context.Context) (any, error) {
		return s.Replace(ctx, lock, store.TenantLock{Tenant: "locked", Plan: f.undo})
	})
	add("Release", func(ctx context.Context) (any, error) { return nil, s.Release(ctx, []store.TenantLock{lock}) })
	add("Open", func(ctx context.Context) (any, error) { _, err := Open(ctx, f.client, Config{}); return nil, err })
	return all
}

func timelessPlan(p plan.Plan, err error) (plan.Plan, error) {
	p.Idle = 0
	return p, err
}

// timelessBatch commits a batch and returns what was answered, but for new times and tokens.
func timelessBatch(ctx context.Context, commit func(context.Context, *store.Batch) error, b *store.Batch) (claimed, error) {
	err := commit(ctx, b)
	for i := range b.Claimed {
		t := &b.Claimed[i]
		t.Token, t.UpdatedAt, t.StartedAt = 0, time.Time{}, time.Time{}
	}
	slices.SortFunc(b.Claimed, func(a, b task.Task) int { return cmp.Compare(a.ID, b.ID) })
	return claimed{b.Changes, b.Claimed, b.View}, err
}

// removal is something that is taken away.
type removal struct {
	kind, key, what string
	do              func()
}

// losses are all of a key: the whole, its type, and of what has parts one after the other.
func (f *lossFixture) losses(kind, key string) []removal {
	f.Helper()
	c, ctx := f.client, f.ctx
	all := []removal{{kind, key, "all", func() { c.Del(ctx, key) }}}
	typed := c.Type(ctx, key).Val()
	all = append(all, removal{kind, key, "its type", func() {
		c.Del(ctx, key)
		if typed == "string" {
			c.RPush(ctx, key, "in the way")
		} else {
			c.Set(ctx, key, "in the way", 0)
		}
	}})
	var parts []string
	remove := func(string) {}
	switch typed {
	case "hash":
		parts, remove = c.HKeys(ctx, key).Val(), func(part string) { c.HDel(ctx, key, part) }
	case "zset":
		parts, remove = c.ZRange(ctx, key, 0, -1).Val(), func(part string) { c.ZRem(ctx, key, part) }
	case "stream":
		for _, entry := range c.XRange(ctx, key, "-", "+").Val() {
			parts = append(parts, entry.ID)
		}
		remove = func(part string) { c.XDel(ctx, key, part) }
	case "list":
		parts, remove = []string{"last"}, func(string) { c.RPop(ctx, key) }
	case "string":
	default:
		f.Fatalf("%s (%s) is a %q", key, kind, typed)
	}
	slices.Sort(parts)
	if len(parts) > 30 { // labels of many tenants
		parts = append(parts[:20:20], parts[len(parts)-10:]...)
	}
	for _, part := range parts {
		all = append(all, removal{kind, key, part, func() { remove(part) }})
	}
	return all
}

// kindsOfKeys are the methods of keys, from the source.
func kindsOfKeys(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "keys.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name != "of" {
			kinds = append(kinds, f.Name.Name)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// byKind names the keys of the fixture by their kind.
func (f *lossFixture) byKind() map[string][]string {
	k, plans := f.keys, []plan.ID{f.id, f.undo}
	each := func(of func(plan.ID) string) []string { return []string{of(plans[0]), of(plans[1])} }
	return map[string][]string{
		"plan": append(each(k.plan), k.plan(f.creation.ID)), "tenants": {k.tenants(f.id, 0), k.tenants(f.id, 1), k.tenants(f.undo, 0), k.tenants(f.creation.ID, 0)},
		"extras": {k.extras(f.id, 0), k.extras(f.id, 1)}, "tasks": {k.tasks(f.id, 0), k.tasks(f.id, 1), k.tasks(f.undo, 0)},
		"held": each(k.held), "loose": {k.loose(f.id)}, "order": {k.order(f.undo)}, "events": each(k.events), "history": each(k.history),
		"commands": each(k.commands), "cursors": {k.cursors(f.id)},
		"ids": {k.ids()}, "tokens": {k.tokens()}, "plans": {k.plans()}, "agenda": {k.agenda()}, "stamps": {k.stamps()}, "version": {k.version()},
		"lease": {k.lease("worker")}, "tenant": {k.tenant("locked")}, "key": {k.key("busy"), k.key("creating")},
		"hints": nil, // a channel: nothing is kept there
	}
}

// meanNothing are the kinds of keys whose absence means something of its own, or that are
// restored from others after a while, and the calls that then answer otherwise.
var meanNothing = map[string][]string{ //nolint:gochecknoglobals // a table
	"lease":  {"Heartbeat", "Orphans"},        // it is over
	"tenant": {"Reserve", "Locks", "Replace"}, // it is free
	"key":    {"BeginCreate"},                 // restored by the sweep, see TestKeysAreRestored
	"agenda": {"Due"}, "stamps": {"Due"},      // likewise
	"plans": {"Plans", "BeginCreate", "Open", "Due"}, // likewise
}

// TestEveryKeyLost: whatever is lost, each call answers as before or names the key. Nothing
// that is missing is replaced by a default, and nothing is passed over.
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
	found := 0
	for kind, keys := range byKind {
		for _, key := range keys {
			f.reset()
			for _, l := range f.losses(kind, key) {
				found += f.try(l, calls, want)
			}
		}
	}
	if found < 500 {
		t.Errorf("only %d calls named the key: nothing was lost", found)
	}
}

// try makes all calls after a loss, and returns how many of them named the key.
func (f *lossFixture) try(l removal, calls []lossCall, want []answered) (found int) {
	f.Helper()
	for i, call := range calls {
		f.reset()
		l.do()
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

// reported reports whether one of those who hear of damage is reported of a key now.
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

// answered is an answer as a text; stands is the part of one to a commit that nothing changes.
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

// TestKeysAreRestored: what other keys say, too, is there again once the sweep has come by.
func TestKeysAreRestored(t *testing.T) {
	t.Parallel()
	f := newLossFixture(t)
	due := func() []store.DuePlan {
		plans, err := f.Due(f.ctx, 10)
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
			f.client.HDel(f.ctx, k.stamps(), "sweep") // its time has come
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
