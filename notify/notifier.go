package notify

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/internal/nilcheck"
	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Notifier sends the events of all plans of a store to a sink. It is safe for concurrent use.
type Notifier struct {
	// Immutable after construction.
	engine *cutover.Engine
	subs   *cutover.Subscriptions
	name   string
	sink   Sink
	cfg    Config
	owner  string // of the cursors that this process holds

	cursor  atomic.Pointer[string] // the name of its cursors; set before the first turn
	started atomic.Bool
	look    signal.Flag // a plan may have new events, or a turn has ended
	health  health

	mu       sync.Mutex
	followed map[plan.ID]*follow
	active   map[plan.ID]bool     // a turn is under way
	hinted   map[plan.ID]struct{} // look at these
}

// ErrRunning is the error of a second call of [Notifier.Run].
var ErrRunning = errors.New("notify: the notifier was started before")

// New returns a notifier of this name. All processes over a store that have a notifier of the same
// name share its work: configure them in the same way. It does nothing before Run. If an argument
// has faults, the error is an *[InvalidError].
func New(engine *cutover.Engine, name string, sink Sink, c Config) (*Notifier, error) {
	c = c.withDefaults()
	faults := c.faults(name)
	if engine == nil {
		faults = append(faults, "the engine is nil")
	}
	if nilcheck.IsNil(sink) {
		faults = append(faults, "the sink is nil")
	}
	if len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	return &Notifier{
		engine: engine, subs: engine.Subscriptions(), name: name, sink: sink, cfg: c, owner: rand.Text(),
		look: signal.NewFlag(), followed: make(map[plan.ID]*follow), active: make(map[plan.ID]bool), hinted: make(map[plan.ID]struct{}),
	}, nil
}

// Name returns the notifier's name.
func (n *Notifier) Name() string { return n.name }

// cursorName returns the name of the notifier's cursors, "" before Run has subscribed it.
func (n *Notifier) cursorName() string {
	if name := n.cursor.Load(); name != nil {
		return *name
	}
	return ""
}

// ttl is for how long a cursor belongs to this process.
func (n *Notifier) ttl() time.Duration { return max(3*time.Second, 3*n.cfg.Timeout) }

// Run sends messages until ctx ends, and returns nil when the sink has returned. If the notifier's
// name is new in the store, Run subscribes it. While the store is unavailable Run waits.
//
// A notifier runs once; a second call returns [ErrRunning]. The engine need not run in this
// process.
func (n *Notifier) Run(ctx context.Context) error {
	if !n.started.CompareAndSwap(false, true) {
		return ErrRunning
	}
	if !n.begin(ctx) {
		return nil
	}
	var background, turns sync.WaitGroup
	background.Go(func() { n.subs.Listen(ctx, n.hint) })
	background.Go(func() { n.walk(ctx) })
	for ctx.Err() == nil {
		n.lookAtHinted(ctx, &turns)
		n.lookAtDue(ctx, &turns)
		n.await(ctx)
	}
	turns.Wait()
	background.Wait()
	return nil
}

// minLook is the least time between two looks at the store, whatever the hints say.
const minLook = 50 * time.Millisecond

// await waits for a hint, the end of a turn, or the next poll.
func (n *Notifier) await(ctx context.Context) {
	wait.For(ctx, min(minLook, n.cfg.PollInterval))
	poll := time.NewTimer(wait.Jitter(n.cfg.PollInterval))
	defer poll.Stop()
	select {
	case <-ctx.Done():
	case <-n.look:
	case <-poll.C:
	}
}

// hint notes that a plan may have new events.
func (n *Notifier) hint(id plan.ID) {
	n.mu.Lock()
	n.hinted[id] = struct{}{}
	n.mu.Unlock()
	n.look.Raise()
}

// lookAtHinted begins a turn for each plan that this process follows and that a hint has named.
// Others are left to the store: it lists those that have something to read.
func (n *Notifier) lookAtHinted(ctx context.Context, turns *sync.WaitGroup) {
	n.mu.Lock()
	var begin []*follow
	for id := range n.hinted {
		f := n.followed[id]
		if f != nil && (n.active[id] || len(n.active)+len(begin) >= n.cfg.Concurrency) {
			continue // later
		}
		delete(n.hinted, id)
		if f != nil {
			begin = append(begin, f)
		}
	}
	n.mu.Unlock()
	for _, f := range begin {
		n.beginTurn(ctx, turns, store.DuePlan{ID: f.id})
	}
}

// lookAtDue begins a turn for each unread plan that is due, as far as there is room.
func (n *Notifier) lookAtDue(ctx context.Context, turns *sync.WaitGroup) {
	n.mu.Lock()
	room := n.cfg.Concurrency - len(n.active)
	n.mu.Unlock()
	if room <= 0 || ctx.Err() != nil {
		return // the end of a turn raises the flag
	}
	due, err := n.subs.Unread(ctx, n.name, room, n.ttl())
	if errors.Is(err, store.ErrNotFound) {
		n.begin(ctx) // somebody has ended the subscription, or it was lost
		return
	}
	n.fault("unread", err)
	for _, p := range due {
		n.beginTurn(ctx, turns, p)
	}
	if len(due) == room {
		n.look.Raise()
	}
}

// beginTurn begins a turn, unless one of the plan is under way.
func (n *Notifier) beginTurn(ctx context.Context, turns *sync.WaitGroup, p store.DuePlan) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.followed[p.ID]
	if f == nil {
		f = &follow{id: p.ID}
		n.followed[p.ID] = f
	}
	if n.active[p.ID] {
		n.hinted[p.ID] = struct{}{} // once more, when this turn has ended
		return
	}
	if p.Stamp != 0 {
		f.stamp = p.Stamp
	}
	n.active[p.ID] = true
	turns.Go(func() {
		defer n.endTurn(p.ID)
		after := n.turn(ctx, f)
		graceful, cancel := graceOf(ctx)
		defer cancel()
		if after == readToEnd || ctx.Err() != nil {
			n.release(graceful, f)
		}
		n.fault("mark read", n.subs.MarkRead(graceful, n.name, f.id, f.stamp, min(after, store.MaxHide)))
	})
}

// release gives the cursor to whoever asks next.
func (n *Notifier) release(ctx context.Context, f *follow) {
	_, err := n.subs.Cursor(ctx, f.id, n.cursorName(), n.owner, time.Millisecond)
	if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
		n.fault("release", err)
	}
}

func (n *Notifier) endTurn(id plan.ID) {
	n.mu.Lock()
	delete(n.active, id)
	n.mu.Unlock()
	n.look.Raise()
}

// forget drops what is known of a plan.
func (n *Notifier) forget(f *follow) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.followed[f.id] == f {
		delete(n.followed, f.id)
	}
}

// fault reports an error, unless this process has canceled the call itself.
func (n *Notifier) fault(op string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		n.cfg.OnFault(op, err)
	}
}
