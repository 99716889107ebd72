package renewal

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover/renewal/internal/nodequeue"
)

// TestDeadlineCountsFromTheSending: what an answer took is not time that the key lives.
func TestDeadlineCountsFromTheSending(t *testing.T) {
	t.Parallel()
	bubble(t, Config{CallTimeout: time.Minute}, func(w *world) {
		t := w.t
		p := every(10 * time.Second) // TTL 40 s, margin 0.8 s
		h := w.lease(t, "k", p)
		w.at("main").slow(5 * time.Second)
		sent := time.Now()
		if err := h.RenewNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := h.Status().Deadline.Sub(sent), 39200*time.Millisecond; got < want-time.Second || got > want+time.Second {
			t.Errorf("the deadline is %v after the request was sent, want %v", got, want)
		}
	})
}

// TestStallKeepsThePhase: after missed ticks the rate goes on where it was.
func TestStallKeepsThePhase(t *testing.T) {
	t.Parallel()
	s := newIdle(t, Config{})
	h := register(t, s, Task{Keys: []string{"k"}, Policy: every(time.Second)})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.due = 300 * time.Millisecond
	h.tick(3500 * time.Millisecond)
	if want := 4300 * time.Millisecond; h.due != want {
		t.Errorf("next due at %v, want %v", h.due, want)
	}
}

// TestCancelAndWaitForAPolicy: a function under way is waited for, also one of a task
// that nothing else has happened to.
func TestCancelAndWaitForAPolicy(t *testing.T) {
	t.Parallel()
	bubble(t, Config{UserBudget: time.Minute}, func(w *world) {
		t := w.t
		var running atomic.Bool
		p := every(10 * time.Second)
		p.RenewAtOnce = true
		p.Stop = []StopRule{If(func(context.Context, Status) (bool, error) {
			running.Store(true)
			time.Sleep(3 * time.Second)
			running.Store(false)
			return false, nil
		})}
		h := w.lease(t, "k", p)
		pass(time.Second)
		if !running.Load() {
			t.Fatal("the function does not run: nothing is tested")
		}
		if err := h.CancelAndWait(t.Context()); err != nil || running.Load() {
			t.Errorf("%v, function still running: %v", err, running.Load())
		}
	})
}

// TestRenewNowLiftsWhatIsQueued: a key that waits for its turn gets a place ahead.
func TestRenewNowLiftsWhatIsQueued(t *testing.T) {
	t.Parallel()
	s := newIdle(t, Config{})
	h := register(t, s, Task{Keys: []string{"k"}, Policy: every(time.Second)})
	pushed := &pushes{nodeQueues: s.router}
	s.shared.queues = pushed
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refresh(0)
	h.x().waits.add()
	for range 3 { // once is enough
		h.refresh(0)
	}
	if want := []nodequeue.Rank{nodequeue.RankDue, nodequeue.RankFirst}; !slices.Equal(pushed.ranks, want) {
		t.Errorf("queued with ranks %v, want %v", pushed.ranks, want)
	}
}

// pushes records the ranks with which keys are queued.
type pushes struct {
	nodeQueues
	ranks []nodequeue.Rank
}

func (p *pushes) push(it nodequeue.Item[taskKey], r nodequeue.Rank) {
	p.ranks = append(p.ranks, r)
	p.nodeQueues.push(it, r)
}
