package lease

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// uncertainTTLs is how long a plan stays uncertain, in TTLs.
const uncertainTTLs = 2

// heartbeat renews the lease and compares the tasks that this process holds according to the store
// with its runs. Returns store.ErrLeaseExpired if the lease is over. seen holds the claims that the
// previous heartbeat found untracked; heartbeat updates it.
func (k *Keeper) heartbeat(ctx context.Context, l *Lease, seen untracked) error {
	sent := time.Now()
	ctx, cancel := context.WithTimeout(ctx, max(l.Left(), time.Millisecond))
	defer cancel()
	r := report{sent: sent, unread: make(map[plan.ID]error)}
	asked := k.registry.plans(l, seen, uncertainTTLs*k.ttl)
	for plans := asked; ; {
		batch := plans[:min(len(plans), store.MaxBatch)]
		plans = plans[len(batch):]
		held, err := k.client.Store.Heartbeat(ctx, l.name, k.ttl, batch)
		if partly := new(store.HeartbeatError); errors.As(err, &partly) {
			k.client.Fault("heartbeat", err) // a damaged plan must not affect the others
			maps.Copy(r.unread, partly.Faults)
			err = nil
		}
		if err != nil {
			k.registry.MarkUncertain(asked...) // the next heartbeat has to ask about them again
			return err
		}
		r.held = append(r.held, held...)
		if len(plans) == 0 {
			break
		}
	}
	if !l.Alive() {
		return store.ErrLeaseExpired // too late: runs may have been marked lost
	}
	l.renewed(sent, k.ttl)
	k.compare(ctx, l, r, seen)
	return nil
}

// report is what the store answers to a heartbeat: the tasks that this process holds.
type report struct {
	sent time.Time
	held []store.Holding
	// unread are the plans that the store could not read: held does not contain their tasks.
	unread map[plan.ID]error
}

// untracked are claims that this incarnation holds according to the store but does not run, as of
// the last heartbeat.
type untracked map[task.ID]untrackedClaim

type untrackedClaim struct {
	token task.Token
	// since is when the first heartbeat that found the claim untracked was sent.
	since time.Time
}

// compare acts on the answer to a heartbeat: it marks runs lost whose tasks this process does not
// hold any more, passes stops on to the other runs, and yields tasks that it holds but does not
// run.
func (k *Keeper) compare(ctx context.Context, l *Lease, r report, seen untracked) {
	held := make(map[task.ID]store.Holding, len(r.held))
	for _, h := range r.held {
		held[h.Task] = h
	}
	for _, e := range k.registry.under(l) {
		id := e.run.ID()
		h, ok := held[id]
		switch {
		case r.unread[id.Plan()] != nil: // unknown: this process may still hold the task
		case ok && h.Token == e.run.Token():
			delete(held, id)
			e.run.ApplyStop(h.Stop)
		case e.began.Before(r.sent):
			e.run.MarkLost()
		}
	}
	now := k.yieldUntracked(ctx, l, r, held, seen)
	clear(seen)
	maps.Copy(seen, now)
}

// yieldUntracked yields tasks that are held but not run, and returns those that the next heartbeat
// has to check again. A claim whose answer is under way looks the same, so a claim is yielded only
// when it has been untracked for a quarter of the TTL, about the time between two heartbeats.
func (k *Keeper) yieldUntracked(ctx context.Context, l *Lease, r report, held map[task.ID]store.Holding, before untracked) untracked {
	now := make(untracked)
	for id, b := range before {
		if r.unread[id.Plan()] != nil {
			now[id] = b
		}
	}
	for id, h := range held {
		if k.registry.isRun(claim{id, h.Token}) {
			continue
		}
		found := untrackedClaim{token: h.Token, since: r.sent}
		if b := before[id]; b.token == h.Token {
			found.since = b.since
		}
		if r.sent.Sub(found.since) >= k.ttl/4 && k.yield(ctx, l, h) {
			continue
		}
		now[id] = found
	}
	return now
}

// yield yields a task that this process holds according to the store, unless this process runs the
// task by now. It returns false if the next heartbeat has to check the task again.
func (k *Keeper) yield(ctx context.Context, l *Lease, h store.Holding) bool {
	t, err := k.client.Store.Task(ctx, h.Task)
	if err != nil && !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrNotFound) {
		k.client.Fault("yield", err)
		return false
	}
	if !l.Alive() || !k.registry.revoke(claim{h.Task, h.Token}) {
		return false
	}
	b := store.Batch{Plan: h.Task.Plan(), Changes: []store.Change{yieldOf(t, h)}}
	if err := k.client.Store.Commit(ctx, &b); err != nil {
		k.client.Fault("yield", err)
		return false
	}
	k.queue.Enqueue(h.Task.Plan())
	return true
}

// yieldOf returns the change that yields the task of h. t is the task, or empty if it is damaged or
// gone. An undo keeps the failure if its rollback was canceled meanwhile.
func yieldOf(t task.Task, h store.Holding) store.Change {
	c := store.Change{Task: h.Task, Token: h.Token, Seq: yieldSeq, Kind: store.Yield}
	switch {
	case t.ID != h.Task:
		c.Failure = task.RollbackStopped(1, "", time.Now())
	case t.State == task.RollingBack:
		c.Failure = task.RollbackStopped(t.Attempt, "", time.Now())
		c.Attempts = t.Tried(c.Failure)
	}
	return c
}

// yieldSeq numbers the change that yields an untracked claim. It is greater than any other number,
// so that the store does not take the change for a repetition of an earlier one. The store would
// answer every later save under the token as already done; revoke makes sure that there is none.
const yieldSeq = 1<<32 - 1
