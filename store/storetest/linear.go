package storetest

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

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
)

// The size of one history. The time of a check is exponential in the number of concurrent
// operations.
const (
	linTasks = 5
	linHeld  = 3  // at once
	linOps   = 14 // per client
)

// LinearClients is the number of clients of [Linearizable].
const LinearClients = 4

// Linearizable records what clients see who claim, save, defer, end, take over, pause and read at
// once, and searches for an order of these operations in which a simple sequential plan gives the
// same answers (Herlihy and Wing, 1990). A call that fails with a passing fault is repeated. All
// its repetitions count as one operation, so that a repetition that takes effect a second time is
// found, too.
//
// It makes so many histories, with other seeds each time. stores returns the store of each of the
// [LinearClients] clients, all on the same plans. harm, if not nil, is called again and again while
// they are at work.
func Linearizable(t *testing.T, histories int, stores func(client int) store.Store, harm func()) {
	t.Helper()
	if harm == nil {
		harm = func() {}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	ordered := 0
	for n := range histories {
		h := newLinHistory(ctx, t, stores(0))
		var clients sync.WaitGroup
		for i := range LinearClients {
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
			ordered++
		}
	}
	if t.Logf("%d of %d histories have an order", ordered, histories); ordered == 0 {
		t.Error("no history could be checked")
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
	c := &linClient{linHistory: h, store: s, id: LinearClients}
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
