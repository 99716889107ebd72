package redisstore

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// TestShortcutsAmongWhatIsUnusual is TestShortcutsDoWhatCommitDoes with everything that a shortcut
// has to leave to commit.lua: other changes, changes and claims that come again, and commands.
func TestShortcutsAmongWhatIsUnusual(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	count := strategy.Count
	for name, p := range map[string]plan.Plan{
		"plain":    {Strategy: strategy.Strategy{MaxConcurrency: count(12), MaxFailures: strategy.Percent(100)}},
		"sequence": {Strategy: strategy.Strategy{MaxConcurrency: count(1), MaxFailures: strategy.Percent(100)}},
		"strict":   {Strategy: strategy.Strategy{MaxConcurrency: count(20), MaxFailures: count(12), ConcurrencyMode: strategy.Strict}},
		"groups":   {Strategy: strategy.Strategy{MaxConcurrency: count(12), MaxFailures: strategy.Percent(100), MaxSameFailures: 3}},
		"waves":    {Strategy: strategy.Strategy{MaxConcurrency: count(12), MaxFailures: count(30), Waves: make([]strategy.Wave, 3)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTwins(t, rdb)
			if p.TaskCount = 300; name == "waves" {
				p.Waves = []plan.Wave{{Last: 50}, {Last: 120}, {Last: 300}}
			}
			for k := range w.stores {
				s := openStore(t, rdb, Config{Prefix: fmt.Sprint("odd-", name, k, ":"), MaxEvents: 130})
				w.stores[k] = startPlan(t, s, p, func(int) map[string]string { return nil })
			}
			for w.rounds < 200 {
				if w.oddStep(); w.rounds%5 == 0 {
					w.compare()
				}
			}
			w.compare()
		})
	}
}

// oddStep makes one round, sends it once more now and then, and gives a command now and then.
func (w *twins) oddStep() {
	w.rounds++
	var batches [2][]store.Batch
	var changed []int
	for i := range w.held[0] {
		if w.rand.Intn(4) > 0 {
			changed = append(changed, i)
		}
	}
	drawn := make([]int, len(changed))
	rare := w.rand.Intn(2) == 0
	for n := range drawn {
		if drawn[n] = w.rand.Intn(40); rare && w.rand.Intn(3) == 0 {
			drawn[n] = 40 + w.rand.Intn(6)
		}
	}
	alone := w.rand.Intn(6) == 0 || len(w.held[0]) == 0
	for k := range batches {
		for n, i := range changed {
			batches[k] = append(batches[k], w.odd(k, i, drawn[n]))
		}
		if alone {
			claim := store.Claim{ID: fmt.Sprint("claim-", w.rounds), Worker: "alone", Max: 6}
			batches[k] = append(batches[k], store.Batch{Plan: w.stores[k].id, Claim: claim})
		}
		if len(batches[k]) > 0 {
			w.send(k, batches[k])
		}
	}
	w.sameAnswers(w.timeless(batches))
	if w.rand.Intn(3) == 0 && len(batches[0]) > 0 { // the answers were lost
		some := w.rand.Intn(len(batches[0]))
		for k := range batches {
			again := append([]store.Batch(nil), batches[k][some:]...)
			for i := range again {
				again[i].Changes, again[i].Claimed = append([]store.Change(nil), again[i].Changes...), nil
			}
			w.send(k, again)
			copy(batches[k][some:], again)
		}
		w.sameAnswers(w.timeless(batches))
	}
	w.follow(batches, changed)
	w.command()
	if len(w.held[0]) == 0 {
		w.openWave()
	}
}

// odd returns the batch of a worker.
func (w *twins) odd(k, i, drawn int) store.Batch {
	held := w.held[k][i]
	c := store.Change{Task: held.ID, Token: held.Token, Seq: w.seqs[i] + 1, Elapsed: time.Duration(i) * time.Second}
	claim := store.Claim{ID: fmt.Sprint("claim-", w.rounds, "-", i), Worker: fmt.Sprint("worker", i%3), Max: 1}
	switch {
	case held.State == task.RollingBack && drawn < 12: // a save of nothing
		claim = store.Claim{}
	case held.State == task.RollingBack:
		c.Kind = store.Undone
	case drawn < 12:
		c.Saved = store.Saved{Step: "step", Data: []byte(fmt.Sprint(drawn))}
		claim = store.Claim{}
	case drawn < 40:
		c.Kind = store.Complete
	case drawn == 40:
		c.Kind, c.Failure = store.Fail, &task.FailureInfo{Reason: "it failed", ErrorCode: fmt.Sprint(i % 4), Step: "step"}
	case drawn == 41:
		c.Kind = store.Yield
	case drawn == 42:
		c.Kind, c.Wait, c.After = store.Defer, task.WaitHold, 0
	case drawn == 43:
		c.Kind, c.Wait, c.Failure = store.Defer, task.WaitBackoff, &task.FailureInfo{ErrorCode: "AGAIN", Step: "step"}
	case drawn == 44:
		c.Saved = store.Saved{UndoStep: "undo", UndoData: []byte(`1`)}
		claim = store.Claim{}
	default:
		c.Kind, claim = store.Complete, store.Claim{}
	}
	return store.Batch{Plan: w.stores[k].id, Changes: []store.Change{c}, Claim: claim}
}

// command gives both plans a command now and then.
func (w *twins) command() {
	resume := func(p plan.Plan, _ task.Task, by plan.By) (plan.Decision, error) { return p.Resume(by) }
	ordinal, which := 1+w.rand.Intn(300), w.rand.Intn(110)
	commands := []func(plan.Plan, task.Task, plan.By) (plan.Decision, error){
		func(p plan.Plan, _ task.Task, by plan.By) (plan.Decision, error) { return p.Pause(by) },
		resume, resume, resume,
		func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) { return p.PauseTask(t, by) },
		func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) { return p.ResumeTask(t, by) },
		func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) { return p.SkipTask(t, by) },
		func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) { return p.CancelTask(t, by) },
		func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
			return p.RetryTask(t, task.FromScratch, by)
		},
		func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) { return p.RollbackTask(t, by) },
	}
	if which >= len(commands) {
		return
	}
	now, errs := time.Now(), [2]error{}
	for k, s := range w.stores {
		p, err := s.Plan(s.ctx, s.id)
		s.ok(err)
		tasks, err := s.TasksAt(s.ctx, s.id, []int{ordinal})
		s.ok(err)
		d, err := commands[which](p, tasks[0], plan.By{Now: now})
		if err == nil {
			_, err = s.Apply(s.ctx, store.Command{ID: fmt.Sprint("command-", w.rounds), Version: p.Version, Failed: -1, Decision: d})
		}
		errs[k] = err
	}
	if (errs[0] == nil) != (errs[1] == nil) {
		w.Fatalf("round %d: command %d: %v, want %v", w.rounds, which, errs[0], errs[1])
	}
}

// timeless returns batches without what depends on a clock.
func (w *twins) timeless(batches [2][]store.Batch) [2][]store.Batch {
	for k := range batches {
		batches[k] = slices.Clone(batches[k])
		for i := range batches[k] {
			b := &batches[k][i]
			if !b.View.NextDue.IsZero() {
				b.View.NextDue = time.Unix(1, 0)
			}
			b.Claimed = slices.Clone(b.Claimed)
			for n := range b.Claimed {
				c := &b.Claimed[n].Control
				c.Failure = nil
				if !c.Wait.Until.IsZero() {
					c.Wait.Until = time.Unix(1, 0)
				}
			}
		}
	}
	return batches
}
