package redisstore

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// names fails the test unless err reports damage of the key.
func names(t *testing.T, err error, key string) {
	t.Helper()
	var corrupt *store.CorruptError
	if !errors.As(err, &corrupt) || corrupt.Key != key {
		t.Errorf("error %v, want one that names %s", err, key)
	}
}

// TestDamagedUndoLogs: if an undo log is malformed, or was written by a newer library, the store
// refuses to add an entry, and carries out all other changes of the commit.
func TestDamagedUndoLogs(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	for _, log := range []string{"garbage", "2:1:A1:1", "1:5:A", "1:1:A", "1:1:A9:1", "1:1:A1:1z"} {
		r := start(t, s, 70, 70)
		jobs := r.claim("w", 70)
		first := r.work(store.Change{Task: jobs[68].ID, Token: jobs[68].Token, Seq: 1, Saved: store.Saved{UndoStep: "A", UndoData: []byte("1")}})
		r.ok(first.Err)
		saved := client.HGet(r.ctx, s.keys.tasks(r.id, 1), "4u").Val()
		client.HSet(r.ctx, s.keys.tasks(r.id, 1), "4u", log) // task 69
		b := store.Batch{Plan: r.id}
		for _, i := range []int{0, 68, 69} {
			b.Changes = append(b.Changes, store.Change{Task: jobs[i].ID, Token: jobs[i].Token, Seq: 1, Kind: store.Complete})
		}
		b.Changes[1].Seq, b.Changes[1].Kind, b.Changes[1].Saved = 2, store.Save, store.Saved{UndoStep: "B", UndoData: []byte("1")}
		r.ok(s.Commit(r.ctx, &b))
		if b.Changes[0].Err != nil || b.Changes[2].Err != nil {
			t.Errorf("log %q: errors %v and %v of other tasks", log, b.Changes[0].Err, b.Changes[2].Err)
		}
		names(t, b.Changes[1].Err, s.keys.tasks(r.id, 1))
		client.HSet(r.ctx, s.keys.tasks(r.id, 1), "4u", saved)
		storetest.Check(t, s, r.id)
	}
}

// TestDamagedHeadsAreNotClaimed: a claim that meets a task with a malformed head claims nothing.
// Sent alone, it reports the damage. Changes that were sent with the claim take effect, without an
// error.
func TestDamagedHeadsAreNotClaimed(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	for _, head := range []string{"r0", "r0 1 2 3 4 ", "r0 1 2 3 4 5", "r0 1 1 0 1 x 1 0 1 0 0 0 0 ", "P", "P0 x"} {
		r := start(t, s, 10, 10)
		jobs := r.claim("w", 3)
		place := "3" // never touched
		if head[0] == 'r' {
			r.work(store.Change{Task: jobs[2].ID, Token: jobs[2].Token, Seq: 1, Kind: store.Yield})
			place = "2"
		}
		key := s.keys.tasks(r.id, 0)
		saved := client.HGet(r.ctx, key, place).Val()
		client.HSet(r.ctx, key, place, head)
		b := store.Batch{
			Plan:    r.id,
			Changes: []store.Change{{Task: jobs[0].ID, Token: jobs[0].Token, Seq: 1, Kind: store.Complete}},
			Claim:   store.Claim{ID: "with", Worker: "w", Max: 2},
		}
		r.ok(s.Commit(r.ctx, &b))
		if b.Changes[0].Err != nil || len(b.Claimed) != 0 {
			t.Errorf("head %q: error %v, claimed %v", head, b.Changes[0].Err, b.Claimed)
		}
		names(t, s.Commit(r.ctx, &store.Batch{Plan: r.id, Claim: store.Claim{ID: "alone", Worker: "w", Max: 2}}), key)
		if saved == "" {
			client.HDel(r.ctx, key, place)
		} else {
			client.HSet(r.ctx, key, place, saved)
		}
		if got := r.claim("w", 1); len(got) != 1 {
			t.Errorf("head %q mended: claimed %v", head, got)
		}
		storetest.Check(t, s, r.id)
	}
}

// TestDamagedTaskStopsNoNeighbour: a claim that chooses its tasks takes those that are sound, even
// beside damaged ones in the same bucket or a bucket that cannot be read. It reports damage only if
// it gets no task.
func TestDamagedTaskStopsNoNeighbour(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := start(t, s, 200, 200)
	client.HSet(r.ctx, s.keys.tasks(r.id, 0), "2", "P0 x") // task 3
	client.Set(r.ctx, s.keys.tasks(r.id, 1), "no hash", 0) // tasks 65 to 128
	choose := func(id string, most int, chosen ...int) ([]int, error) {
		b := store.Batch{Plan: r.id, Claim: store.Claim{ID: id, Worker: "w", Max: most, Chosen: true, Pending: chosen}}
		err := s.Commit(r.ctx, &b)
		var got []int
		for _, task := range b.Claimed {
			got = append(got, task.ID.Ordinal())
		}
		return got, err
	}
	if got, err := choose("a", 3, 3, 4, 70, 2, 71, 130, 131); err != nil || !slices.Equal(got, []int{4, 2, 130}) {
		t.Errorf("claimed %v, %v", got, err)
	}
	got, err := choose("b", 3, 3, 70)
	names(t, err, s.keys.tasks(r.id, 0))
	if len(got) > 0 {
		t.Errorf("claimed %v", got)
	}
	if p, err := s.Plan(r.ctx, r.id); err != nil || p.Counters.Held != 3 || p.Counters.Of(task.Running) != 3 {
		t.Errorf("%+v, %v", p.Counters, err)
	}
}

// TestDamagedHeadOfRepeatedClaim: a repeated claim returns its sound tasks, even if the head of
// another of its tasks is damaged.
func TestDamagedHeadOfRepeatedClaim(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := start(t, s, 10, 10)
	r.claimAs("again", "w", 2)
	key := s.keys.tasks(r.id, 0)
	saved := client.HGet(r.ctx, key, "0").Val()
	client.HSet(r.ctx, key, "0", "R0 no head")
	if got := r.claimAs("again", "w", 2); len(got) != 1 || got[0].ID.Ordinal() != 2 {
		t.Errorf("claimed again: %v", got)
	}
	client.Del(r.ctx, s.keys.held(r.id))
	_, err := s.Orphans(r.ctx, r.id)
	names(t, err, key)
	client.HSet(r.ctx, key, "0", saved)
	storetest.Check(t, s, r.id)
}

// TestLooseMembersThatAreNone: a claim removes from the index loose the entries that do not belong
// to any task.
func TestLooseMembersThatAreNone(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := busy(t, s)
	client.ZAdd(r.ctx, s.keys.loose(r.id), redis.Z{Score: 7, Member: "abc"}, redis.Z{Score: 8, Member: "-4"}, redis.Z{Score: 9, Member: "1e9"})
	if got := r.claim("worker", 6); len(got) != 6 {
		t.Errorf("claimed %d tasks", len(got))
	}
	if left := client.ZRange(r.ctx, s.keys.loose(r.id), 0, -1).Val(); !slices.Equal(left, []string{"5"}) {
		t.Errorf("left: %q, want the task that is waiting", left)
	}
	storetest.Check(t, s, r.id)
}

// TestLostLooseOfCanceledPlan: the index of tasks that wait for a worker is rebuilt from the heads,
// even in a canceled plan, whose tasks are no longer claimed.
func TestLostLooseOfCanceledPlan(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := busy(t, s)
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Cancel(plan.By{}) })
	client.Del(r.ctx, s.keys.loose(r.id))
	r.end()
}

// TestLostOrder: a rollback in reverse order stops if the order is lost, and never counts as
// complete.
func TestLostOrder(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	for _, undone := range []int{0, 2} {
		r := start(t, s, 5, 1)
		for range 5 {
			j := r.claim("w", 1)[0]
			r.work(store.Change{Task: j.ID, Token: j.Token, Seq: 1, Kind: store.Complete})
		}
		r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Rollback(plan.By{}) })
		if undone == 0 {
			client.Del(r.ctx, s.keys.order(r.id))
		}
		r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Settle(time.Now()), nil })
		for range undone {
			j := r.claim("w", 1)[0]
			r.work(store.Change{Task: j.ID, Token: j.Token, Seq: 1, Kind: store.Undone})
		}
		client.Del(r.ctx, s.keys.order(r.id))
		for _, id := range []string{"once", "twice"} {
			names(t, s.Commit(r.ctx, &store.Batch{Plan: r.id, Claim: store.Claim{ID: id, Worker: "w", Max: 1}}), s.keys.order(r.id))
		}
		p, err := s.Plan(r.ctx, r.id)
		r.ok(err)
		if p.UndosExhausted || p.Counters.Of(task.Completed) != 5-undone {
			t.Errorf("the round is dry: %v, of %s", p.UndosExhausted, p.Counters)
		}
		storetest.Check(t, s, r.id)
	}
}

// TestDamagedDetailsOfClaimedTasks: a task whose checkpoint is malformed is not returned to its
// worker. Other tasks of the claim are; a claim without other tasks and changes gets the error.
func TestDamagedDetailsOfClaimedTasks(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := start(t, s, 10, 10)
	jobs := r.claim("w", 3)
	for _, j := range jobs[1:] {
		r.work(store.Change{Task: j.ID, Token: j.Token, Seq: 1, Saved: store.Saved{Step: "A", Data: []byte("1")}})
		r.work(store.Change{Task: j.ID, Token: j.Token, Seq: 2, Kind: store.Yield})
	}
	key := s.keys.tasks(r.id, 0)
	saved := client.HGet(r.ctx, key, "1c").Val()
	client.HSet(r.ctx, key, "1c", "garbage")
	both := r.claimAs("both", "w", 2)
	if len(both) != 1 || both[0].ID != jobs[2].ID {
		t.Fatalf("claimed %v, want task 3 alone", both)
	}
	names(t, s.Commit(r.ctx, &store.Batch{Plan: r.id, Claim: store.Claim{ID: "both", Worker: "w", Max: 1}}), key)
	held, err := s.Orphans(r.ctx, r.id) // no worker has joined, so all held tasks are orphans
	r.ok(err)
	b := store.Batch{Plan: r.id, Claim: store.Claim{ID: "with", Worker: "w", Max: 1}}
	for _, h := range held {
		if h.Task == jobs[1].ID {
			b.Changes = []store.Change{{Task: h.Task, Token: h.Token, Seq: 1, Kind: store.Yield}}
		}
	}
	r.ok(s.Commit(r.ctx, &b))
	if len(b.Changes) != 1 || b.Changes[0].Err != nil || len(b.Claimed) != 0 || b.View.Counters.Held != 3 {
		t.Errorf("handed back and claimed again: %+v, %v, %s", b.Changes, b.Claimed, b.View.Counters)
	}
	r.ok(client.HSet(r.ctx, key, "1c", saved).Err())
	storetest.Check(t, s, r.id)
}

// TestLostFieldsOfRecord: if a field of the record is lost, a save, a completion and a read of the
// plan report the record, and nothing is written.
func TestLostFieldsOfRecord(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := start(t, s, 2, 2)
	j := r.claim("w", 1)[0]
	key := s.keys.plan(r.id)
	for _, field := range []string{"version", "rules", "facts"} {
		saved := client.HGet(r.ctx, key, field).Val()
		client.HDel(r.ctx, key, field)
		for _, kind := range []store.ChangeKind{store.Save, store.Complete} {
			w := store.Change{Task: j.ID, Token: j.Token, Seq: 1, Kind: kind}
			names(t, s.Commit(r.ctx, &store.Batch{Plan: r.id, Changes: []store.Change{w}}), key)
		}
		_, err := s.Plan(r.ctx, r.id)
		names(t, err, key)
		client.HSet(r.ctx, key, field, saved)
	}
	if w := r.work(store.Change{Task: j.ID, Token: j.Token, Seq: 1, Kind: store.Complete}); w.Err != nil || w.State != task.Completed {
		t.Errorf("mended: %+v", w)
	}
	storetest.Check(t, s, r.id)
}
