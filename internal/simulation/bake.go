package simulation

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// bakes are what decisions about the bakes of a plan may be based on, by wave.
type bakes map[int]bake

// bake is what a decision about one bake may be based on.
type bake struct {
	ended time.Time // when the last task of the wave ended, by the store's clock
	seen  time.Time // the latest time that an engine was told since then
}

func (a *audit) bakesOf(id plan.ID) bakes {
	if a.bakes[id] == nil {
		a.bakes[id] = make(bakes)
	}
	return a.bakes[id]
}

// Plan implements store.Reader.
func (a *audit) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, err := a.Store.Plan(ctx, id)
	if err == nil {
		a.bakesOf(id).tell(p.Now)
	}
	return p, err
}

// tell records that an engine was told the time.
func (k bakes) tell(now time.Time) {
	for wave, b := range k {
		if now.After(b.seen) {
			k[wave] = bake{b.ended, now}
		}
	}
}

// end records that a task of a wave ended.
func (k bakes) end(wave int, now time.Time) { k[wave] = bake{ended: now} }

// ends records the tasks that a commit has ended. The time does not pass in a call, so this is the
// time that the store has read.
func (a *audit) ends(ctx context.Context, b *store.Batch) {
	for i := range b.Changes {
		if w := &b.Changes[i]; w.Err == nil && w.State.Ended() && !a.of(w.Task).repeats(w) {
			if p, err := a.Store.Plan(ctx, b.Plan); err == nil {
				a.bakesOf(b.Plan).end(p.WaveOf(w.Task.Ordinal()), p.Now)
			}
		}
	}
}

// baked checks that an engine was told the end of every bake that a command says is over. Then it
// records the tasks that the command has ended, and that its answer tells the time.
func (a *audit) baked(before plan.Plan, c store.Command, now time.Time) {
	k := a.bakesOf(c.Plan.ID)
	before.Tuning = c.Plan.Tuning
	rules := before.Rules()
	for _, e := range c.Events {
		switch {
		case e.Task != 0 && e.From != e.To:
			from, _ := task.ParseState(e.From)
			if to, _ := task.ParseState(e.To); !from.Ended() && to.Ended() {
				k.end(before.WaveOf(e.Task.Ordinal()), now)
			}
		case e.Cause == plan.ByBake.String():
			// A command that adds a wave settles the plan before and after it: the wave that was
			// the last one may bake for less time then.
			bake := min(rules.Bake(e.Wave, len(before.Waves)), rules.Bake(e.Wave, len(c.Plan.Waves)))
			if b := k[e.Wave]; b.ended.IsZero() || b.seen.Before(b.ended.Add(bake)) {
				a.w.faultf("plan %s: the bake of wave %d, which ended at %s, is over at %s", c.Plan.ID, e.Wave, b.ended, b.seen)
			}
		}
	}
	k.tell(now)
}
