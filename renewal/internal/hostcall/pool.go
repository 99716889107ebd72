package hostcall

import (
	"context"
	"sync"
	"time"
)

// Call is one call of a host function.
type Call interface {
	// Run makes the call. The context ends when the budget is used up or the pool is closed. Run
	// must recover a panic of the host function.
	Run(ctx context.Context)
	// GiveUp is called at most once. It is called with ErrBudget, from another goroutine, if Run
	// has not returned within the budget; with ErrGoexit, by a deferred function of the same
	// goroutine, if the host function ended that goroutine.
	GiveUp(err error)
	// Abandon is called instead of Run if the pool is closed first.
	Abandon()
}

// Pool makes calls on a bounded number of goroutines, which exist only while there are calls to
// make. A call that exceeds the budget keeps its goroutine but no longer counts against the bound,
// so functions that hang do not delay the others.
type Pool struct {
	// Immutable after construction.
	max    int
	budget time.Duration
	ctx    context.Context //nolint:containedctx // parent of the contexts of calls; Close cancels it
	cancel context.CancelFunc

	mu      sync.Mutex
	queue   []Call
	running int // occupied places; a call that exceeded the budget occupies none
	started int // goroutines
	closed  bool
}

// NewPool returns a pool with a bound for its goroutines and a time budget for each call.
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

// spawn starts a goroutine if a call is queued and a place is free. The caller holds mu.
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

// next takes a call from the queue. If the queue is empty, it releases the goroutine's place.
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
	var once sync.Once // only the first counts: the end of the call or the end of the budget
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

// leave releases the place of an overdue call or an ended goroutine, and starts a goroutine for the
// next call in the queue, if any. The caller does not hold mu.
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

// Goroutines returns the number of goroutines, including those of calls that exceeded the budget.
func (p *Pool) Goroutines() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.started
}

// Close refuses further calls, abandons the queued calls, and cancels the contexts of the running
// calls.
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
