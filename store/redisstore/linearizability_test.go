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
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// Size of one history. Checking takes time exponential in what is concurrent.
const (
	linTasks   = 5
	linHeld    = 3 // at once
	linClients = 4
	linOps     = 14 // per client
)

// TestLinearizable lets clients claim, save, end, take over, pause and read at once,
// and looks for an order of what they saw in which a plan of a few fields could have
// answered the same, one after the other (Herlihy and Wing, 1990). A call that fails
// for now is sent again; all its sendings together count as one operation, so that
// what a repeat does a second time shows as well.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		s := memstore.New()
		linearizable(t, time.Second, func(int) store.Store { return s }, func() {})
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		server := redistest.Start(t)
		linearizable(t, 2*time.Second, func(int) store.Store { return openStore(t, server.Client(), Config{}) }, func() {})
	})
	t.Run("redis over a bad line", func(t *testing.T) {
		t.Parallel()
		server := redistest.Start(t)
		proxy := redistest.NewProxy(t, server.Addr())
		stores := make([]store.Store, linClients)
		for i := range stores {
			options := server.Options()
			options.Addr = proxy.Addr()
			client := redis.NewClient(options)
			t.Cleanup(func() { _ = client.Close() })
			stores[i] = openStore(t, client, Config{})
		}
		linearizable(t, 4*time.Second, func(i int) store.Store { return stores[i] }, func() {
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

// linearizable records and checks histories until the time is over. harm is called
// now and then while clients are at work.
func linearizable(t *testing.T, budget time.Duration, stores func(client int) store.Store, harm func()) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	n := 0
	for end := time.Now().Add(budget); n == 0 || time.Now().Before(end); n++ {
		h := newLinHistory(t, stores(0))
		var clients sync.WaitGroup
		for i := range linClients {
			c := &linClient{linHistory: h, id: i, store: stores(i), rand: rand.New(rand.NewPCG(seed+uint64(n), uint64(i)))}
			clients.Go(func() { c.play(t.Context()) })
		}
		done := make(chan struct{})
		go func() { clients.Wait(); close(done) }()
		for working := true; working; {
			select {
			case <-done:
				working = false
			case <-time.After(3 * time.Millisecond):
				harm()
			}
		}
		switch porcupine.CheckOperationsTimeout(linModel(), h.ops, 5*time.Second) {
		case porcupine.Illegal:
			t.Fatalf("history %d of seed %d has no order:\n%s", n, seed, h)
		case porcupine.Unknown:
			t.Logf("history %d was given up: too much at once", n)
		case porcupine.Ok:
		}
	}
	t.Logf("%d histories", n)
}

// TestModelRefusesTwoHolders: the model is not content with everything.
func TestModelRefusesTwoHolders(t *testing.T) {
	t.Parallel()
	in := linInput{op: "claim", limit: 1}
	out := func(token task.Token) linOutput { return linOutput{claimed: []linClaimed{{0, token}}} }
	twice := []porcupine.Operation{
		{ClientId: 0, Input: in, Output: out(1), Call: 1, Return: 4},
		{ClientId: 1, Input: in, Output: out(2), Call: 2, Return: 3},
	}
	if porcupine.CheckOperations(linModel(), twice) {
		t.Error("one task is held by two clients, and the model accepts it")
	}
	if !porcupine.CheckOperations(linModel(), twice[:1]) {
		t.Error("the model refuses a claim")
	}
}

// linInput is an operation, linOutput its answer.
type linInput struct {
	op      string // claim, save, complete, yield, pause, resume, lose, plan, task
	client  int
	limit   int // of a claim
	task    int
	token   task.Token
	seq     uint32
	version uint64 // that a command was decided on
}

type linOutput struct {
	claimed  []linClaimed
	refused  bool // fenced, or a conflict
	repeated bool // it was sent more than once: what it tells of others may be of later
	stop     task.Stop
	paused   bool
	version  uint64
	counters plan.Counters
	seen     linTask
}

type linClaimed struct {
	task  int
	token task.Token
}

// linPlan is the sequential plan. Its tasks' tokens are whatever the store said, as
// long as they grow.
type linPlan struct {
	paused  bool
	version uint64
	tasks   [linTasks]linTask
}

type linTask struct {
	state task.State
	held  bool
	token task.Token
	seq   uint32 // of the last save, as saved in the checkpoint
}

// linStarted is the version of a plan that was marked and started.
const linStarted = 3

func linModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return linPlan{version: linStarted} },
		Step: func(state, input, output any) (bool, any) {
			p, _ := state.(linPlan)
			in, _ := input.(linInput)
			out, _ := output.(linOutput)
			ok := p.step(in, out)
			return ok, p
		},
	}
}

// step carries an operation out and reports whether that could be its answer.
func (p *linPlan) step(in linInput, out linOutput) bool {
	t := &p.tasks[in.task]
	mine := t.held && t.token == in.token
	switch in.op {
	case "claim":
		return p.claim(in, out)
	case "save", "complete", "yield":
		if out.refused || !mine {
			return out.refused && !mine
		}
		return p.work(t, in, out)
	case "pause", "resume", "lose":
		fits := p.version == in.version && (in.op != "lose" || mine)
		if out.refused || !fits {
			return out.refused && !fits
		}
		p.version++
		if in.op == "lose" {
			t.held = false
			if p.paused {
				t.state = task.Paused
			}
		} else {
			p.paused = in.op == "pause"
		}
		return true
	case "plan":
		return out.paused == p.paused && out.version == p.version && out.counters == p.counters()
	case "task":
		return out.seen == *t
	}
	return false
}

// work is a change by the worker that holds the task.
func (p *linPlan) work(t *linTask, in linInput, out linOutput) bool {
	switch {
	case in.op == "save":
		t.seq = in.seq
		stop := task.Go
		if p.paused {
			stop = task.StopPause
		}
		return out.repeated || out.stop == stop
	case in.op == "complete":
		t.state, t.seq = task.Completed, 0
	case p.paused:
		t.state = task.Paused
	}
	t.held = false
	return true
}

// claim hands out tasks: those in flight that nobody holds first, then pending ones in
// their order, and none while the plan is paused.
func (p *linPlan) claim(in linInput, out linOutput) bool {
	for _, c := range out.claimed {
		t := &p.tasks[c.task]
		if !slices.Contains(p.claimable(), c.task) || c.token <= t.token {
			return false
		}
		t.state, t.held, t.token = task.Running, true, c.token
	}
	return len(out.claimed) == in.limit || len(p.claimable()) == 0
}

// claimable returns the tasks one of which a claim takes next.
func (p *linPlan) claimable() (free []int) {
	if p.paused || p.counters().Held >= linHeld {
		return nil
	}
	pending := -1
	for i, t := range p.tasks {
		switch {
		case t.state == task.Running && !t.held:
			free = append(free, i)
		case t.state == task.Pending && pending < 0:
			pending = i
		}
	}
	if len(free) == 0 && pending >= 0 {
		free = []int{pending}
	}
	return free
}

func (p *linPlan) counters() (c plan.Counters) {
	for _, t := range p.tasks {
		c.States[t.state]++
		if t.held {
			c.Held++
		}
	}
	return c
}

// linHistory is what the clients of one plan have seen.
type linHistory struct {
	plan  plan.ID
	start time.Time

	mu  sync.Mutex
	ops []porcupine.Operation
}

// newLinHistory makes a plan that runs.
func newLinHistory(t *testing.T, s store.Store) *linHistory {
	t.Helper()
	h := &linHistory{start: time.Now()}
	c := &linClient{linHistory: h, store: s}
	do := func(f func() error) {
		t.Helper()
		if _, err := insist(f); err != nil {
			t.Fatal(err)
		}
	}
	var made store.Creation
	do(func() (err error) {
		made, err = s.BeginCreate(t.Context(), store.Create{TTL: time.Minute, Plan: plan.Plan{
			Name: "plan", ExecutorType: "X", Tasks: linTasks,
			Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(linHeld)},
		}})
		return err
	})
	do(func() error { return s.AddTenants(t.Context(), made, 1, plan.Tenants("a", "b", "c", "d", "e")) })
	do(func() error { return s.FinishCreate(t.Context(), made) })
	h.plan = made.ID
	by := plan.By{Now: time.Now()}
	for _, decide := range []func(plan.Plan) (plan.Decision, error){
		func(p plan.Plan) (plan.Decision, error) { return p.MarkStarting(1, by) },
		func(p plan.Plan) (plan.Decision, error) { return p.Start(by) },
	} {
		c.command(t.Context(), "", 0, decide)
	}
	if p, err := s.Plan(t.Context(), h.plan); err != nil || p.State != plan.Running || p.Version != linStarted {
		t.Fatalf("plan %s of version %d, %v", p.State, p.Version, err)
	}
	return h
}

// record notes an operation that was called at that time.
func (h *linHistory) record(client int, called time.Time, in linInput, out linOutput) {
	in.client = client
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{
		ClientId: client, Input: in, Output: out,
		Call: int64(called.Sub(h.start)), Return: int64(time.Since(h.start)),
	})
}

func (h *linHistory) String() string {
	slices.SortFunc(h.ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var text strings.Builder
	for _, o := range h.ops {
		fmt.Fprintf(&text, "%9d to %9d  %+v -> %+v\n", o.Call, o.Return, o.Input, o.Output)
	}
	return text.String()
}

// insist makes a call until it does not fail for now, and tells whether it was sent
// more than once.
func insist(f func() error) (repeated bool, err error) {
	for {
		if err := f(); !store.Temporary(err) && !errors.Is(err, ErrWentBack) {
			return repeated, err
		}
		repeated = true
	}
}

// linClient works on the plan, one operation after the other.
type linClient struct {
	*linHistory
	id    int
	store store.Store
	rand  *rand.Rand
	held  []linHolding
	ids   int
}

// linHolding is a task that the client believes to hold.
type linHolding struct {
	task  int
	token task.Token
	seq   uint32
}

func (c *linClient) play(ctx context.Context) {
	for range linOps {
		switch n := c.rand.IntN(12); {
		case n < 2 || len(c.held) == 0 && n < 6:
			c.claim(ctx)
		case n < 8 && len(c.held) > 0:
			c.work(ctx)
		case n == 8:
			c.command(ctx, "pause", 0, func(p plan.Plan) (plan.Decision, error) { return p.Pause(plan.By{Now: time.Now()}) })
		case n == 9:
			c.command(ctx, "resume", 0, func(p plan.Plan) (plan.Decision, error) { return p.Resume(plan.By{Now: time.Now()}) })
		case n == 10:
			c.lose(ctx)
		default:
			c.read(ctx)
		}
	}
}

// commit sends a batch until it is answered. What it tells of the plan is a read of
// its own: it may be of later than the change.
func (c *linClient) commit(ctx context.Context, b *store.Batch) (called time.Time, repeated bool, err error) {
	called = time.Now()
	repeated, err = insist(func() error { return c.store.Commit(ctx, b) })
	if err == nil {
		v := b.View
		c.record(c.id, called, linInput{op: "plan"},
			linOutput{paused: v.State == plan.Paused, version: v.Version, counters: v.Counters})
	}
	return called, repeated, err
}

func (c *linClient) claim(ctx context.Context) {
	c.ids++
	in := linInput{op: "claim", limit: 1 + c.rand.IntN(2)}
	b := &store.Batch{Plan: c.plan, Claim: store.Claim{
		ID: fmt.Sprintf("%d-%d-%d", c.plan, c.id, c.ids), Worker: fmt.Sprintf("w%d", c.id), Max: in.limit,
	}}
	called, _, err := c.commit(ctx, b)
	if err != nil {
		return
	}
	var out linOutput
	for _, t := range b.Claimed {
		out.claimed = append(out.claimed, linClaimed{t.ID.Ordinal() - 1, t.Token})
		c.held = append(c.held, linHolding{task: t.ID.Ordinal() - 1, token: t.Token})
	}
	c.record(c.id, called, in, out)
}

// work saves or ends one of the tasks that are held.
func (c *linClient) work(ctx context.Context) {
	i := c.rand.IntN(len(c.held))
	h := &c.held[i]
	h.seq++
	in := linInput{op: "save", task: h.task, token: h.token, seq: h.seq}
	w := store.Work{Task: task.NewID(c.plan, h.task+1), Token: h.token, Seq: h.seq}
	switch c.rand.IntN(4) {
	case 0:
		in.op, w.Kind = "complete", store.Complete
	case 1:
		in.op, w.Kind = "yield", store.Yield
	default:
		w.Saved = store.Saved{Step: "S", Data: fmt.Appendf(nil, "%d", h.seq)}
	}
	b := &store.Batch{Plan: c.plan, Works: []store.Work{w}}
	called, repeated, err := c.commit(ctx, b)
	w = b.Works[0]
	if err != nil {
		return
	}
	c.record(c.id, called, in, linOutput{refused: w.Err != nil, repeated: repeated, stop: w.Stop})
	if w.Err != nil || in.op != "save" {
		c.held = slices.Delete(c.held, i, i+1)
	}
}

// lose takes a task from whoever holds it.
func (c *linClient) lose(ctx context.Context) {
	var t task.Task
	id := task.NewID(c.plan, 1+c.rand.IntN(linTasks))
	if _, err := insist(func() (err error) { t, err = c.store.Task(ctx, id); return err }); err != nil || t.Worker == "" {
		return
	}
	c.command(ctx, "lose", t.Token, func(p plan.Plan) (plan.Decision, error) {
		return p.LoseTasks([]task.Task{t}, 1000, plan.By{Now: time.Now()}), nil
	})
}

// command decides on the plan as it is, and commits.
func (c *linClient) command(ctx context.Context, op string, token task.Token, decide func(plan.Plan) (plan.Decision, error)) {
	var p plan.Plan
	if _, err := insist(func() (err error) { p, err = c.store.Plan(ctx, c.plan); return err }); err != nil {
		return
	}
	d, err := decide(p)
	if err != nil || !d.Changed {
		return
	}
	in := linInput{op: op, token: token, version: p.Version}
	if len(d.Edits) > 0 {
		in.task = d.Edits[0].ID.Ordinal() - 1
	}
	c.ids++
	cmd := store.Command{ID: fmt.Sprintf("%d-%d-%d", c.plan, c.id, c.ids), Version: p.Version, Failed: -1, Decision: d}
	called := time.Now()
	_, err = insist(func() error { _, err := c.store.Apply(ctx, cmd); return err })
	if op != "" && (err == nil || errors.Is(err, store.ErrConflict)) {
		c.record(c.id, called, in, linOutput{refused: err != nil})
	}
}

// read looks at the plan or at a task.
func (c *linClient) read(ctx context.Context) {
	called := time.Now()
	if c.rand.IntN(2) == 0 {
		var p plan.Plan
		if _, err := insist(func() (err error) { p, err = c.store.Plan(ctx, c.plan); return err }); err == nil {
			c.record(c.id, called, linInput{op: "plan"},
				linOutput{paused: p.State == plan.Paused, version: p.Version, counters: p.Counters})
		}
		return
	}
	in := linInput{op: "task", task: c.rand.IntN(linTasks)}
	var t task.Task
	if _, err := insist(func() (err error) { t, err = c.store.Task(ctx, task.NewID(c.plan, in.task+1)); return err }); err != nil {
		return
	}
	seen := linTask{state: t.State, held: t.Worker != "", token: t.Token}
	if t.Checkpoint != nil {
		_, _ = fmt.Sscan(string(t.Checkpoint.Data), &seen.seq)
	}
	c.record(c.id, called, in, linOutput{seen: seen})
}
