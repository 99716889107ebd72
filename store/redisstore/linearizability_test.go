package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// The size of one history. The time of a check is exponential in the number of concurrent
// operations.
const (
	linTasks   = 5
	linHeld    = 3 // at once
	linClients = 4
	linOps     = 14 // per client
)

// TestLinearizable runs clients that claim, save, defer, end, take over, pause and read at once. It
// then searches for an order of these operations in which a simple sequential plan gives the same
// answers (Herlihy and Wing, 1990). A call that fails with a passing fault is repeated. All its
// repetitions count as one operation, so the test also detects a repetition that takes effect a
// second time.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		s := memstore.New()
		linearizable(t, some(400), func(int) store.Store { return s }, func() {})
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		server := redistest.Start(t)
		linearizable(t, some(30), func(int) store.Store { return openStore(t, server.Client(), Config{}) }, func() {})
	})
	t.Run("redis over a bad line", func(t *testing.T) {
		t.Parallel()
		server := redistest.Start(t)
		proxy := redistest.NewProxy(t, server.Addr())
		stores := make([]store.Store, linClients)
		for i := range stores {
			options := server.Options()
			options.Addr = proxy.Addr()
			options.MaxRetries = -1 // the test has to know of each repetition
			client := redis.NewClient(options)
			t.Cleanup(func() { _ = client.Close() })
			stores[i] = openStore(t, client, Config{})
		}
		linearizable(t, some(60), func(i int) store.Store { return stores[i] }, func() {
			switch rand.IntN(3) {
			case 0:
				proxy.DropReplies(1)
			case 1:
				proxy.DropRequests(1)
			case 2:
				proxy.Cut()
			}
		})
		if proxy.Dropped() == 0 {
			t.Error("nothing was lost on the line")
		}
	})
}

// some returns a number of histories, or a quarter of it if all is not asked for. Each run has
// other seeds.
func some(histories int) int {
	if sample.Whole() {
		return histories
	}
	return histories / 4
}

// linearizable records and checks histories. It calls harm repeatedly while clients are at work.
func linearizable(t *testing.T, histories int, stores func(client int) store.Store, harm func()) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for n := range histories {
		h := newLinHistory(ctx, t, stores(0))
		var clients sync.WaitGroup
		for i := range linClients {
			c := &linClient{linHistory: h, id: i, store: stores(i), rand: rand.New(rand.NewPCG(seed+uint64(n), uint64(i)))}
			clients.Go(func() { c.play(ctx) })
		}
		harming(&clients, harm)
		if t.Failed() {
			return
		}
		if h.ambiguous() {
			continue
		}
		switch porcupine.CheckOperationsTimeout(linModel(), h.ops, 5*time.Second) {
		case porcupine.Illegal:
			t.Fatalf("history %d of seed %d has no order:\n%s", n, seed, h)
		case porcupine.Unknown:
			t.Logf("history %d was given up: too much at once", n)
		case porcupine.Ok:
		}
	}
}

// harming calls harm until the clients are done.
func harming(clients *sync.WaitGroup, harm func()) {
	done := make(chan struct{})
	go func() {
		clients.Wait()
		close(done)
	}()
	for wait := 2 * time.Millisecond; ; wait = 20 * time.Millisecond { // long enough to connect again
		select {
		case <-done:
			return
		case <-time.After(wait):
			harm()
		}
	}
}

// linHistory is what the clients of one plan have seen.
type linHistory struct {
	t     *testing.T
	plan  plan.ID
	start time.Time

	mu  sync.Mutex
	ops []porcupine.Operation
}

// newLinHistory returns the empty history of a new, running plan.
func newLinHistory(ctx context.Context, t *testing.T, s store.Store) *linHistory {
	t.Helper()
	h := &linHistory{t: t, start: time.Now()}
	var made store.Creation
	h.insist(func() (err error) {
		made, err = s.BeginCreate(ctx, store.Create{Mark: fmt.Sprint(h.start.UnixNano()), TTL: time.Minute, Plan: plan.Plan{
			Name: "plan", ExecutorType: "X", TaskCount: linTasks,
			Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(linHeld)},
		}})
		return err
	})
	h.insist(func() error { return s.AddTenants(ctx, made, 1, plan.Tenants("a", "b", "c", "d", "e")) })
	h.insist(func() error { return s.FinishCreate(ctx, made) })
	h.plan = made.ID
	c := &linClient{linHistory: h, store: s, id: linClients}
	by := plan.By{Now: time.Now()}
	c.command(ctx, "mark", 0, func(p plan.Plan) (plan.Decision, error) { return p.MarkStarting(1, time.Minute, by) })
	c.command(ctx, "start", 0, func(p plan.Plan) (plan.Decision, error) { return p.Start(by) })
	h.ops = nil
	return h
}

// record adds an operation that was called at the given time and ends now.
func (c *linClient) record(called time.Time, in linInput, out linOutput) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ops = append(c.ops, porcupine.Operation{
		ClientId: c.id, Input: in, Output: out,
		Call: int64(called.Sub(c.start)), Return: int64(time.Since(c.start)),
	})
}

// ambiguous reports whether a task may have been claimed in a call whose answer was lost, and taken
// away before the claim was repeated. The answer to the repetition contains only the tasks that the
// claim still holds, so the history does not show the other task.
func (h *linHistory) ambiguous() bool {
	for _, c := range h.ops {
		in, _ := c.Input.(linInput)
		out, _ := c.Output.(linOutput)
		if in.op == "claim" && out.repeated && len(out.claimed) < in.limit && h.loses(c.Call, c.Return) {
			return true
		}
	}
	return false
}

// loses reports whether a task may have been taken from its holder between the two times.
func (h *linHistory) loses(from, to int64) bool {
	return slices.ContainsFunc(h.ops, func(o porcupine.Operation) bool {
		in, _ := o.Input.(linInput)
		out, _ := o.Output.(linOutput)
		return in.op == "lose" && !out.refused && o.Call <= to && o.Return >= from
	})
}

func (h *linHistory) String() string {
	slices.SortFunc(h.ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var text strings.Builder
	for _, o := range h.ops {
		fmt.Fprintf(&text, "%9d to %9d  client %d %+v -> %+v\n", o.Call, o.Return, o.ClientId, o.Input, o.Output)
	}
	return text.String()
}

// insist repeats a call as long as it ends with a passing fault. It reports whether the call was
// repeated, and whether it ended with a conflict. Other errors fail the test.
func (h *linHistory) insist(f func() error) (repeated, refused bool) {
	for {
		switch err := f(); {
		case store.Temporary(err):
			repeated = true
		case errors.Is(err, store.ErrConflict):
			return repeated, true
		default:
			if err != nil {
				h.t.Errorf("unexpected error: %v", err)
			}
			return repeated, false
		}
	}
}

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
