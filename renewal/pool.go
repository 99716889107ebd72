package renewal

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"time"
)

// job is one call into code of the host.
type job interface {
	// run makes the call. The context ends with the budget.
	run(ctx context.Context)
	// giveUp is called, at most once and from another goroutine, when run has not
	// returned within the budget: err is ErrBudget; or when it never will, because
	// the goroutine was ended under it.
	giveUp(err error)
	// abandon is called instead of run if the pool is closed first.
	abandon()
}

// errGoexit is what a call into the host's code failed with that ended its goroutine.
var errGoexit = errors.New("renewal: function of the host called runtime.Goexit")

// pool runs jobs on a bounded number of goroutines that exist only while there is
// something to do. A job that overruns its budget keeps its goroutine but gives up
// its place: hung jobs delay nobody else.
type pool struct {
	max    int
	budget time.Duration
	ctx    context.Context //nolint:containedctx // parent of the calls; ends with cancel
	cancel context.CancelFunc

	mu      sync.Mutex
	queue   []job
	running int // places taken; overdue jobs hold none
	started int // goroutines
	closed  bool
}

func newPool(goroutines int, budget time.Duration) *pool {
	p := &pool{max: goroutines, budget: budget}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// submit queues a job and answers false if the pool is closed.
func (p *pool) submit(j job) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.queue = append(p.queue, j)
	p.spawn()
	return true
}

func (p *pool) spawn() {
	if p.running < p.max && len(p.queue) > 0 {
		p.running++
		p.started++
		go p.work()
	}
}

// next takes a job, or gives the place back.
func (p *pool) next() (job, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		p.running--
		p.queue = nil
		return nil, false
	}
	j := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	return j, true
}

func (p *pool) work() {
	defer func() {
		p.mu.Lock()
		p.started--
		p.mu.Unlock()
	}()
	for {
		j, ok := p.next()
		if !ok || !p.do(j) {
			return
		}
	}
}

// leave gives the place of an overdue or ended goroutine to another.
func (p *pool) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	p.spawn()
}

// do runs a job and answers whether the goroutine still holds its place.
func (p *pool) do(j job) (holds bool) {
	ctx, cancel := context.WithTimeout(p.ctx, p.budget)
	defer cancel()
	var once sync.Once // who comes first: the end of the job or the end of the budget
	late := time.AfterFunc(p.budget, func() {
		once.Do(func() {
			p.leave()
			j.giveUp(ErrBudget)
		})
	})
	returned := false
	defer func() {
		late.Stop()
		once.Do(func() {
			if holds = returned; !returned {
				p.leave()
				j.giveUp(errGoexit)
			}
		})
	}()
	j.run(ctx)
	returned = true
	return false
}

// idle tells whether nothing is queued or running; overdue jobs do not count.
func (p *pool) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue) == 0 && p.running == 0
}

// goroutines answers how many there are, overdue ones included.
func (p *pool) goroutines() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.started
}

// close refuses further jobs, abandons those that wait, and cancels the context of
// those that run.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	left := p.queue
	p.queue = nil
	p.mu.Unlock()
	p.cancel()
	for _, j := range left {
		j.abandon()
	}
}

// guard calls fn and turns a panic into an error.
func guard(where string, fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Where: where, Value: v, Stack: debug.Stack()}
		}
	}()
	return fn()
}
