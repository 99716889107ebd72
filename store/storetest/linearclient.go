package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// linClient works on the plan, one operation at a time.
type linClient struct {
	*linHistory
	id    int
	store store.Store
	rand  *rand.Rand
	held  []linHolding
	ids   int
}

// linHolding is a task that the client believes it holds.
type linHolding struct {
	task  int
	token task.Token
	seq   uint32
}

func (c *linClient) play(ctx context.Context) {
	for range linOps {
		if ctx.Err() != nil {
			return
		}
		switch n := c.rand.IntN(12); {
		case n < 2 || len(c.held) == 0 && n < 6:
			c.claim(ctx)
		case n < 8 && len(c.held) > 0:
			c.work(ctx)
		case n == 8:
			c.command(ctx, "pause", 0, func(p plan.Plan) (plan.Decision, error) { return p.Pause(plan.By{Now: time.Now()}) })
		case n == 9:
			c.command(ctx, "resume", 0, resumeAtOnce)
		case n == 10:
			c.lose(ctx)
		default:
			c.read(ctx)
		}
	}
}

// resumeAtOnce resumes a plan without the sweep that wakes its tasks: no client carries sweeps out,
// and nothing pending could be claimed before the end of the sweep.
func resumeAtOnce(p plan.Plan) (plan.Decision, error) {
	d, err := p.Resume(plan.By{Now: time.Now()})
	if err == nil && d.Changed {
		d.Plan.Sweeps, d.Plan.Grant.LastOrdinal = nil, linTasks
	}
	return d, err
}

// commit sends a batch until it is answered. It records the view in the answer as a separate read,
// because the view may be of a later time than the change.
func (c *linClient) commit(ctx context.Context, b *store.Batch) (called time.Time, repeated bool) {
	called = time.Now()
	repeated, _ = c.insist(func() error { return c.store.Commit(ctx, b) })
	v := b.View
	c.record(called, linInput{op: "plan"}, linOutput{paused: v.State == plan.Paused, version: v.Version, counters: v.Counters})
	return called, repeated
}

func (c *linClient) unique() string {
	c.ids++
	return fmt.Sprintf("%d-%d-%d", c.plan, c.id, c.ids)
}

func (c *linClient) claim(ctx context.Context) {
	in := linInput{op: "claim", limit: 1 + c.rand.IntN(2)}
	b := &store.Batch{Plan: c.plan, Claim: store.Claim{ID: c.unique(), Worker: fmt.Sprintf("w%d", c.id), Max: in.limit}}
	called, repeated := c.commit(ctx, b)
	out := linOutput{repeated: repeated}
	for _, t := range b.Claimed {
		out.claimed = append(out.claimed, linClaimed{t.ID.Ordinal() - 1, t.Token})
		c.held = append(c.held, linHolding{task: t.ID.Ordinal() - 1, token: t.Token})
	}
	c.record(called, in, out)
}

// work saves or ends one of the held tasks.
func (c *linClient) work(ctx context.Context) {
	i := c.rand.IntN(len(c.held))
	h := &c.held[i]
	h.seq++
	in := linInput{op: "save", task: h.task, token: h.token, seq: h.seq}
	w := store.Change{Task: task.NewID(c.plan, h.task+1), Token: h.token, Seq: h.seq}
	switch c.rand.IntN(12) {
	case 0, 1, 2:
		in.op, w.Kind = "complete", store.Complete
	case 3, 4:
		in.op, w.Kind = "yield", store.Yield
	case 5, 6:
		in.op, w.Kind, w.Wait = "hold", store.Defer, task.WaitHold
	case 7:
		in.op, w.Kind, w.Wait, w.After = "prove", store.Defer, task.WaitProving, time.Hour
	default:
		w.Saved = store.Saved{Step: "S", Data: fmt.Appendf(nil, "%d", h.seq)}
	}
	b := &store.Batch{Plan: c.plan, Changes: []store.Change{w}}
	called, repeated := c.commit(ctx, b)
	w = b.Changes[0]
	c.record(called, in, linOutput{refused: w.Err != nil, repeated: repeated, stop: w.Stop})
	if w.Err != nil || in.op != "save" {
		c.held = slices.Delete(c.held, i, i+1)
	}
}

// lose takes a random task from its holder, if it has one.
func (c *linClient) lose(ctx context.Context) {
	id := task.NewID(c.plan, 1+c.rand.IntN(linTasks))
	var t task.Task
	c.insist(func() (err error) { t, err = c.store.Task(ctx, id); return err })
	if t.Worker == "" {
		return
	}
	c.command(ctx, "lose", t.Token, func(p plan.Plan) (plan.Decision, error) {
		return p.LoseTasks([]task.Task{t}, 1000, plan.By{Now: time.Now()}), nil
	})
}

// command reads the plan, decides, and commits the decision.
func (c *linClient) command(ctx context.Context, op string, token task.Token, decide func(plan.Plan) (plan.Decision, error)) {
	p := c.readPlan(ctx)
	d, err := decide(p)
	if err != nil || !d.Changed {
		return
	}
	in := linInput{op: op, token: token, version: p.Version}
	if len(d.Edits) > 0 {
		in.task = d.Edits[0].ID.Ordinal() - 1
	}
	cmd := store.Command{ID: c.unique(), Version: p.Version, Failed: -1, Decision: d}
	called := time.Now()
	_, refused := c.insist(func() error { _, err := c.store.Apply(ctx, cmd); return err })
	c.record(called, in, linOutput{refused: refused})
}

func (c *linClient) readPlan(ctx context.Context) (p plan.Plan) {
	c.insist(func() (err error) { p, err = c.store.Plan(ctx, c.plan); return err })
	return p
}

// read reads the plan or a task.
func (c *linClient) read(ctx context.Context) {
	called := time.Now()
	if c.rand.IntN(2) == 0 {
		p := c.readPlan(ctx)
		c.record(called, linInput{op: "plan"}, linOutput{paused: p.State == plan.Paused, version: p.Version, counters: p.Counters})
		return
	}
	in := linInput{op: "task", task: c.rand.IntN(linTasks)}
	var t task.Task
	c.insist(func() (err error) { t, err = c.store.Task(ctx, task.NewID(c.plan, in.task+1)); return err })
	seen := linTask{state: t.State, held: t.Worker != "", wait: t.Wait.Why, waiting: t.Waiting, token: t.Token}
	if t.Checkpoint != nil {
		_, _ = fmt.Sscan(string(t.Checkpoint.Data), &seen.seq)
	}
	c.record(called, in, linOutput{seen: seen})
}
