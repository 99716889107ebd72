package redisstore

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// TestClaimableAfterSaves: the view after a commit of saves alone, which the client completes, says
// the same as the view of any other commit.
func TestClaimableAfterSaves(t *testing.T) {
	t.Parallel()
	s := openStore(t, redistest.Start(t).Client(), Config{})
	pause := func(r *rollout) {
		r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Pause(plan.By{}) })
	}
	for name, c := range map[string]struct {
		after   time.Duration
		slots   int
		prepare func(r *rollout)
		want    bool
	}{
		"due, no free slot":        {after: 0, slots: 2, want: true},
		"waiting, no free slot":    {after: time.Hour, slots: 2, want: false},
		"waiting, a free slot":     {after: time.Hour, slots: 3, want: true},
		"due in a paused plan":     {after: 0, slots: 3, prepare: pause, want: false},
		"waiting in a paused plan": {after: time.Hour, slots: 3, prepare: pause, want: false},
		"due undo in a paused plan": {after: time.Hour, slots: 4, want: true, prepare: func(r *rollout) {
			r.undo(0)
			pause(r)
		}},
		"waiting undo in a paused plan": {after: 0, slots: 4, want: false, prepare: func(r *rollout) {
			r.undo(time.Hour)
			pause(r)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, s, 9, c.slots)
			jobs := r.claim("w", 2)
			r.put(jobs[0], task.WaitHold, c.after)
			if c.prepare != nil {
				c.prepare(r)
			}
			b := store.Batch{Plan: r.id, Changes: []store.Change{{Task: jobs[1].ID, Token: jobs[1].Token, Seq: 1}}}
			for _, script := range []string{"saves", "all changes"} { // a repetition needs the second
				r.ok(s.Commit(r.ctx, &b))
				r.ok(b.Changes[0].Err)
				if b.View.Claimable != c.want || b.View.Counters.Waiting == 0 || b.View.NextDue.IsZero() || b.View.Now.IsZero() {
					t.Errorf("with the script for %s: %+v, want claimable %v", script, b.View, c.want)
				}
			}
		})
	}
}

// undo rolls one more task back, whose undo waits for a duration.
func (r *rollout) undo(after time.Duration) {
	r.Helper()
	j := r.claim("w", 1)[0]
	r.ok(r.work(store.Change{Task: j.ID, Token: j.Token, Seq: 1, Kind: store.Fail}).Err)
	failed, err := r.Task(r.ctx, j.ID)
	r.ok(err)
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.RollbackTask(failed, plan.By{}) })
	r.put(r.claim("w", 1)[0], task.WaitHold, after)
}

// TestWaitsAreNeverCutShort: what is finer than a microsecond is rounded up.
func TestWaitsAreNeverCutShort(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]string{
		0: "h0:", 1: "h1:", 999: "h1:", time.Microsecond: "h1:", time.Microsecond + 1: "h2:", store.MaxWait: "h31622400000000:",
	} {
		if got := string(appendWait(nil, &store.Change{Wait: task.WaitHold, After: after})); got != want {
			t.Errorf("after %s: %q, want %q", after, got, want)
		}
	}
	for until, want := range map[time.Time]string{
		{}: "p0", time.Unix(0, 0): "p0", time.Unix(1, 5000): "p1000005", time.Unix(1, 5001): "p1000006", time.Unix(1, 999_999_999): "p2000000",
	} {
		if got := formatWait(task.Wait{Why: task.WaitProving, Until: until}); got != want {
			t.Errorf("until %s: %q, want %q", until, got, want)
		}
	}
	if got := formatWait(task.Wait{}); got != "0" {
		t.Errorf("no wait: %q", got)
	}
}
