package cutover

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// doubtTTLs is how many lease times a plan stays in doubt.
const doubtTTLs = 2

// heartbeat renews the lease and compares what the store says that it holds with
// what this process runs.
func (e *Engine) heartbeat(ctx context.Context, l *lease, strays strays) error {
	sent := time.Now()
	ctx, cancel := context.WithTimeout(ctx, max(l.left(), time.Millisecond))
	defer cancel()
	var held []store.Holding
	unread := make(map[plan.ID]error)
	asked := e.jobs.plans(l, strays, doubtTTLs*e.cfg.LeaseTTL)
	for plans := asked; ; {
		batch := plans[:min(len(plans), store.MaxBatch)]
		plans = plans[len(batch):]
		h, err := e.store.Heartbeat(ctx, l.name, e.cfg.LeaseTTL, batch)
		if partly := new(store.HeartbeatError); errors.As(err, &partly) {
			e.client.Fault("heartbeat", err) // a damaged plan must not take the others with it
			maps.Copy(unread, partly.Faults)
			err = nil
		}
		if err != nil {
			e.jobs.doubt(asked...) // the next one has to ask again
			return err
		}
		held = append(held, h...)
		if len(plans) == 0 {
			break
		}
	}
	if !l.alive() {
		return store.ErrLeaseExpired // too late: runs may have been told that they are lost
	}
	l.renewed(sent, e.cfg.LeaseTTL)
	e.compare(ctx, l, report{sent, held, unread}, strays)
	return nil
}

// strays are tasks that the store says this incarnation holds and that it does not
// run, as of the last heartbeat.
type strays map[task.ID]stray

// stray is a claim that nobody runs.
type stray struct {
	token task.Token
	// since is when the first heartbeat that found it so was sent.
	since time.Time
}

// report is what a heartbeat says that this process holds.
type report struct {
	sent time.Time
	held []store.Holding
	// unread are plans that it says nothing about.
	unread map[plan.ID]error
}

// compare acts on a heartbeat's answer: executors of tasks that are lost are
// interrupted, stops are passed on, and tasks that nobody runs are handed back.
func (e *Engine) compare(ctx context.Context, l *lease, r report, before strays) {
	mine := make(map[task.ID]store.Holding, len(r.held))
	for _, h := range r.held {
		mine[h.Task] = h
	}
	for _, j := range e.jobs.of(l) {
		h, ok := mine[j.task.ID]
		switch {
		case r.unread[j.task.ID.Plan()] != nil: // it may well be ours
		case ok && h.Token == j.task.Token:
			delete(mine, h.Task)
			j.hear(h.Stop)
		case j.began.Before(r.sent):
			j.lose()
		}
	}
	// A claim whose answer is under way looks like a stray. Only what has been one for
	// about the time between two heartbeats is one.
	now := strays{}
	for id, b := range before {
		if r.unread[id.Plan()] != nil {
			now[id] = b
		}
	}
	for id, h := range mine {
		if e.jobs.runs(id, h.Token) {
			continue
		}
		found := stray{token: h.Token, since: r.sent}
		if b := before[id]; b.token == h.Token {
			found.since = b.since
		}
		if r.sent.Sub(found.since) >= e.cfg.LeaseTTL/4 && e.handBack(ctx, l, h) {
			continue
		}
		now[id] = found
	}
	clear(before)
	maps.Copy(before, now)
}

// handBack releases a task that the store says this process holds, and reports
// whether it need not be looked after any more.
func (e *Engine) handBack(ctx context.Context, l *lease, h store.Holding) bool {
	if !l.alive() || !e.jobs.disown(l, h.Task, h.Token) {
		return false
	}
	b := store.Batch{Plan: h.Task.Plan(), Changes: []store.Change{{
		Task: h.Task, Token: h.Token, Seq: handBackSeq, Kind: store.Yield,
		Failure: task.RollbackStopped(1, "", time.Now()),
	}}}
	if err := e.store.Commit(ctx, &b); err != nil {
		e.client.Fault("hand back", err)
		return false
	}
	e.capacity.Enqueue(h.Task.Plan())
	return true
}

// handBackSeq numbers the change that hands a stray back: greater than any other,
// so that it cannot be taken for one that was made before. Every later save under
// the token would be answered as done before: disown sees to it that there is none.
const handBackSeq = 1<<32 - 1
