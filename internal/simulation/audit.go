package simulation

import (
	"bytes"
	"context"
	"sync"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// audit is the store of the world. It also records, by simple means, what each task must have saved
// and which worker may write the task, and compares the store with these records.
type audit struct {
	store.Store
	w *world

	mu    sync.Mutex
	tasks map[task.ID]*account
	// starts are the tokens of the starts that succeeded.
	starts map[uint64]struct{}
	bakes  map[plan.ID]bakes
	// unheard are the locks that late requests have taken, of which their starts do not know.
	unheard map[store.TenantLock]struct{}
}

// account is the expected content of a task.
type account struct {
	token task.Token // the token of the last claim
	held  bool
	// wrote is the greatest token under which a change was accepted, seq the number of that change.
	wrote      task.Token
	seq        uint32
	checkpoint *checkpoint.Checkpoint
	undo       checkpoint.UndoLog
	begins     begins
}

func newAudit(w *world, s store.Store) *audit {
	return &audit{
		Store: s, w: w, tasks: make(map[task.ID]*account), starts: make(map[uint64]struct{}), bakes: make(map[plan.ID]bakes),
		unheard: make(map[store.TenantLock]struct{}),
	}
}

// of returns the account of a task. The caller has the lock.
func (a *audit) of(id task.ID) *account {
	acc := a.tasks[id]
	if acc == nil {
		acc = &account{}
		a.tasks[id] = acc
	}
	return acc
}

// current reports whether the task is held under that token.
func (a *audit) current(id task.ID, token task.Token) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.of(id)
	return acc.held && acc.token == token
}

// Commit implements store.Writer.
func (a *audit) Commit(ctx context.Context, b *store.Batch) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.Store.Commit(ctx, b); err != nil {
		return err
	}
	a.ends(ctx, b)
	for i := range b.Changes {
		if w := &b.Changes[i]; w.Err == nil {
			a.accepted(w)
		}
	}
	begins := false
	for _, t := range b.Claimed {
		if a.of(t.ID).token == 0 {
			begins = true
			a.begins(ctx, b, t)
		}
		if acc := a.of(t.ID); !acc.held || acc.token != t.Token { // not an answer that is repeated
			a.begin(b, t)
		}
		a.claimed(t, b.Claim)
	}
	if len(b.Claimed) > 0 {
		a.slots(ctx, b, begins)
	}
	if begins {
		a.heldBack(ctx, b.Plan)
	}
	return nil
}

// slots checks that a claim has left no more slots taken than the plan has. If a task begins, the
// bound is also that of the open wave; other tasks have kept theirs over the opening of a wave.
func (a *audit) slots(ctx context.Context, b *store.Batch, begins bool) {
	p, err := a.Store.Plan(ctx, b.Plan)
	if err != nil || !p.Tuning.IsZero() {
		return
	}
	most := p.Strategy.MaxConcurrency.AtLeastOne(p.TaskCount)
	if begins && p.Wave > 0 {
		own := p.Strategy.MaxConcurrency
		if p.Wave <= len(p.Strategy.Waves) { // it was not added
			if w := p.Strategy.Waves[p.Wave-1].MaxConcurrency; w.Kind != strategy.AmountUnset {
				own = w
			}
		}
		most = min(most, own.AtLeastOne(p.SizeOf(p.Wave)))
	}
	if taken := b.View.Counters.Held + b.View.Counters.Waiting; taken > most {
		a.w.faultf("plan %s has %d slots taken of %d, wave %d is open", b.Plan, taken, most, p.Wave)
	}
}

// repeats reports whether a change that was accepted before is sent again.
func (acc *account) repeats(w *store.Change) bool { return w.Token == acc.wrote && w.Seq <= acc.seq }

// accepted checks a worker's change that the store accepted, and records it.
func (a *audit) accepted(w *store.Change) {
	acc := a.of(w.Task)
	if acc.repeats(w) {
		return
	}
	if w.Token < acc.wrote {
		a.w.faultf("task %s: a write under token %d was accepted after one under %d", w.Task, w.Token, acc.wrote)
	}
	if w.Token != acc.token || !acc.held {
		a.w.faultf("task %s: a write under token %d was accepted, the last is %d, held %t", w.Task, w.Token, acc.token, acc.held)
	}
	acc.wrote, acc.seq = w.Token, w.Seq
	if w.Kind != store.Save {
		a.w.logf("task %s: released under %d as %s", w.Task, w.Token, w.State)
		acc.held = false
		acc.begins.ended(w)
	}
	switch w.Kind {
	case store.Save:
		acc.saved(w)
	case store.Complete:
		acc.checkpoint = nil
	case store.Undone:
		acc.checkpoint, acc.undo = nil, nil
	case store.Fail, store.Yield, store.UndoFail, store.Defer:
	}
}

// saved records a checkpoint, an undo entry or both.
func (acc *account) saved(w *store.Change) {
	if w.Step != "" {
		acc.checkpoint = &checkpoint.Checkpoint{Step: w.Step, Data: w.Data}
	}
	if _, had := acc.undo.Get(w.UndoStep); w.UndoStep != "" && !had {
		acc.undo = append(acc.undo, checkpoint.Undo{Step: w.UndoStep, Data: w.UndoData})
	}
}

// claimed checks a task that a claim was assigned, and records it.
func (a *audit) claimed(t task.Task, c store.Claim) {
	acc := a.of(t.ID)
	if acc.held && t.Token == acc.token {
		return // sent again
	}
	a.w.logf("task %s (%s): claimed by %s under %d in %s, attempt %d", t.ID, t.Tenant.ID, c.Worker, t.Token, t.State, t.Attempt)
	if now := a.w.clock(); t.Wait.Until.After(now) {
		a.w.faultf("task %s: claimed at %s, it waits for %+v", t.ID, now, t.Wait)
	}
	if acc.held || t.Token <= acc.token {
		a.w.faultf("task %s: claimed under token %d, the last is %d, held %t", t.ID, t.Token, acc.token, acc.held)
	}
	acc.token, acc.held = t.Token, true
	a.compare(t)
}

// compare checks the saved data of a task. The caller has the lock.
func (a *audit) compare(t task.Task) {
	acc := a.of(t.ID)
	if (t.Checkpoint == nil) != (acc.checkpoint == nil) ||
		t.Checkpoint != nil && (t.Checkpoint.Step != acc.checkpoint.Step || !bytes.Equal(t.Checkpoint.Data, acc.checkpoint.Data)) {
		a.w.faultf("task %s has the checkpoint %v, it must be %v", t.ID, t.Checkpoint, acc.checkpoint)
	}
	same := len(t.Undo) == len(acc.undo)
	for i := 0; same && i < len(t.Undo); i++ {
		same = t.Undo[i].Step == acc.undo[i].Step && bytes.Equal(t.Undo[i].Data, acc.undo[i].Data)
	}
	if !same {
		a.w.faultf("task %s has the undo log %v, it must be %v", t.ID, t.Undo, acc.undo)
	}
}

// Apply implements store.Writer.
func (a *audit) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	before, _ := a.Store.Plan(ctx, c.Plan.ID)
	touched := a.touched(ctx, before, c)
	applied, err := a.Store.Apply(ctx, c)
	if err != nil || applied.Repeated {
		return applied, err
	}
	a.baked(before, c, applied.Plan.Now)
	a.swept(before, c, touched)
	a.begun(ctx, before, c)
	for _, e := range c.Events {
		a.w.logf("plan %s task %s: %s by %q, %s -> %s", e.Plan, e.Task, e.Cause, e.Actor, e.From, e.To)
	}
	for i := range c.Edits {
		e := &c.Edits[i]
		acc := a.of(e.ID)
		acc.begins.edited(before, c, e)
		if e.Release || !e.State.InFlight() {
			acc.held = false
		}
		if e.DropCheckpoint {
			acc.checkpoint = nil
		}
		if e.DropUndo {
			a.w.faultf("a command drops the undo log of task %s", e.ID) // only a finished undo may
		}
	}
	return applied, nil
}

// check compares every task of a plan with its account.
func (a *audit) check(tasks []task.Task) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range tasks {
		a.compare(t)
		if acc := a.of(t.ID); acc.token != t.Token || acc.held != (t.Worker != "") {
			a.w.faultf("task %s: token %d, worker %q; it must be token %d, held %t", t.ID, t.Token, t.Worker, acc.token, acc.held)
		}
	}
}

// started reports whether the start under which a lock was taken has succeeded.
func (a *audit) started(l store.TenantLock) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, has := a.starts[l.Start]
	return has
}

// Reserve implements store.Locker.
func (a *audit) Reserve(ctx context.Context, locks []store.TenantLock) ([]store.TenantLock, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	free := a.free(ctx, locks)
	held, err := a.Store.Reserve(ctx, locks)
	if err == nil {
		a.taken(ctx, locks, held, free)
	}
	a.w.logf("reserve %v: held %v, %v", locks, held, err)
	return held, err
}

// Replace implements store.Locker.
func (a *audit) Replace(ctx context.Context, old, next store.TenantLock) (bool, error) {
	done, err := a.Store.Replace(ctx, old, next)
	a.w.logf("replace %v by %v: %t, %v", old, next, done, err)
	return done, err
}

// Release implements store.Locker.
func (a *audit) Release(ctx context.Context, locks []store.TenantLock) error {
	err := a.Store.Release(ctx, locks)
	a.w.logf("release %v: %v", locks, err)
	return err
}
