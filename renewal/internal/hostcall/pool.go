package hostcall

import (
	"context"
	"sync"
	"time"
)

// Call is one call of a function of the host.
type Call interface {
	// Run makes the call. The context ends with the budget.
	Run(ctx context.Context)
	// GiveUp is called at most once, from another goroutine: with ErrBudget when Run has
	// not returned within the budget, with ErrGoexit when it never will, because the
	// function ended the goroutine.
	GiveUp(err error)
	// Abandon is called instead of Run if the pool is closed first.
	Abandon()
}

// Pool makes calls on a bounded number of goroutines, which exist only while there are
// calls to make. A call that exceeds the budget keeps its goroutine but gives up its place
// in the bound, so functions that hang do not delay the others.
type Pool struct {
	// Immutable after construction.
	max    int
	budget time.Duration
	ctx    context.Context //nolint:containedctx // parent of the calls; ends with cancel
	cancel context.CancelFunc

	mu      sync.Mutex
	queue   []Call
	running int // places taken; calls that exceeded the budget hold none
	started int // goroutines
	closed  bool
}

// NewPool returns a pool with a maximum number of goroutines and a time budget for each call.
func NewPool(goroutines int, budget time.Duration) *Pool {
	p := &Pool{max: goroutines, budget: budget}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// Submit queues a call. It reports false, and does nothing, if the pool is closed.
func (p *Pool) Submit(c Call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.queue = append(p.queue, c)
	p.spawn()
	return true
}

// spawn starts a goroutine if there is a call and a place for it. The caller holds mu.
func (p *Pool) spawn() {
	if p.running < p.max && len(p.queue) > 0 {
		p.running++
		p.started++
		go p.work()
	}
}

func (p *Pool) work() {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.started--
	}()
	for {
		c, ok := p.next()
		if !ok || !p.call(c) {
			return
		}
	}
}

// next takes a call from the queue. If there is none, it gives the place back.
func (p *Pool) next() (Call, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		p.running--
		p.queue = nil
		return nil, false
	}
	c := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	return c, true
}

// call makes one call and reports whether the goroutine still holds its place.
func (p *Pool) call(c Call) (holds bool) {
	ctx, cancel := context.WithTimeout(p.ctx, p.budget)
	defer cancel()
	var once sync.Once // which comes first: the end of the call or the end of the budget
	late := time.AfterFunc(p.budget, func() {
		once.Do(func() {
			p.leave()
			c.GiveUp(ErrBudget)
		})
	})
	returned := false
	defer func() {
		late.Stop()
		once.Do(func() {
			if holds = returned; !returned {
				p.leave()
				c.GiveUp(ErrGoexit)
			}
		})
	}()
	c.Run(ctx)
	returned = true
	return false
}

// leave gives the place of an overdue or ended goroutine to another call.
func (p *Pool) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	p.spawn()
}

// Idle reports whether nothing is queued or running; calls that exceeded the budget do not
// count.
func (p *Pool) Idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue) == 0 && p.running == 0
}

// Goroutines returns how many goroutines there are, including those of calls that exceeded
// the budget.
func (p *Pool) Goroutines() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.started
}

// Close refuses further calls, abandons those in the queue, and cancels the context of
// those that run.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	queue := p.queue
	p.queue = nil
	p.mu.Unlock()
	p.cancel()
	for _, c := range queue {
		c.Abandon()
	}
}
