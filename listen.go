package cutover

import (
	"context"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// listener passes the store's hints on while somebody needs them: Run, and all who watch or wait.
// They share one subscription.
type listener struct {
	// Immutable after construction.
	client *storeclient.Client
	pause  time.Duration // after a fault
	hint   func(store.Hint)

	mu    sync.Mutex
	users int
	stop  context.CancelFunc
	ended chan struct{} // closed when listen has returned
}

// acquire starts the listener unless it runs. release has to be called once; the last one stops the
// listener, and returns a channel that is closed when it has ended.
func (l *listener) acquire() (release func() <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users++; l.users == 1 {
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		l.stop, l.ended = stop, ended
		go func() {
			defer close(ended)
			l.listen(ctx)
		}()
	}
	return l.release
}

// release returns nil if others still need the listener.
func (l *listener) release() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users--; l.users > 0 {
		return nil
	}
	l.stop()
	return l.ended
}

// listen passes the store's hints on until ctx ends.
func (l *listener) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := l.client.Store.Listen(ctx, l.hint)
		if ctx.Err() == nil {
			l.client.Fault("listen", err)
			wait.For(ctx, l.pause)
		}
	}
}

// hinted wakes the goroutines of this process whom a hint concerns.
func (e *Engine) hinted(h store.Hint) {
	if h.OnlyEvents {
		e.events.Notify(h.Plan)
		return
	}
	e.changed(h.Plan)
}

// subscription is how a caller of Watch or Wait learns that a plan may have changed. It belongs to
// one goroutine.
type subscription struct {
	listener *listener
	poll     time.Duration // the PollInterval
	changed  signal.Flag
	cancel   func()
	release  func() <-chan struct{} // nil while the caller has not had to wait
	pause    time.Duration          // the next wait for a hint
}

// subscribe subscribes to a plan, at one of the engine's broadcasters. The subscription has to be
// closed.
func subscribe(e *Engine, b *signal.Broadcaster, id plan.ID) *subscription {
	s := &subscription{listener: e.listener, poll: e.cfg.PollInterval}
	s.changed, s.cancel = b.Subscribe(id)
	s.active()
	return s
}

func (s *subscription) close() {
	s.cancel()
	if s.release != nil {
		s.release()
	}
}

// active notes that the plan has changed. It is looked at again soon, because the store may have
// left out the hint for what followed at once.
func (s *subscription) active() {
	s.pause = min(s.poll/2, store.HintPause*3/2)
}

// await waits until the plan may have changed, or until it is time to look without a hint: soon
// after a change, and the longer nothing happens the later, up to two PollIntervals.
func (s *subscription) await(ctx context.Context) error {
	if s.release == nil {
		s.release = s.listener.acquire()
	}
	t := time.NewTimer(wait.Jitter(s.pause))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.changed:
		s.active()
	case <-t.C:
		s.pause = min(2*s.pause, 2*s.poll)
	}
	return nil
}
