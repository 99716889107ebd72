package simulation

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
)

// The times of every process are short, so that much happens in a history.
const (
	leaseTTL    = 3 * time.Second
	cancelGrace = 2 * time.Second
	drainGrace  = 2 * time.Second
)

// process is one engine and its view of the store.
type process struct {
	w      *world
	name   string
	view   *view
	engine *cutover.Engine
	stop   context.CancelFunc
	// done is closed when Run has returned.
	done chan struct{}
	// cut is closed by a crash, after which the process does nothing.
	cut chan struct{}

	mu     sync.Mutex
	frozen chan struct{} // closed by thaw; nil while the process is not frozen
}

// spawn starts a process.
func (w *world) spawn() *process {
	w.mu.Lock()
	p := &process{w: w, name: fmt.Sprintf("p%d", len(w.procs)), done: make(chan struct{}), cut: make(chan struct{})}
	w.procs = append(w.procs, p)
	p.view = newView(p)
	e, err := cutover.New(p.view, cutover.Config{
		Name:          p.name,
		Executors:     executor.Registry{"X": actor{w: w, p: p}},
		Capacity:      4,
		LeaseTTL:      leaseTTL,
		CancelGrace:   cancelGrace,
		ShutdownGrace: drainGrace,
		MaxLosses:     w.temper.MaxLosses,
		Retention:     w.temper.Retention,
		Logger:        zap.NewNop(),
	})
	if err != nil {
		panic(err)
	}
	p.engine = e
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	go func() {
		defer close(p.done)
		w.logf("%s runs", p.name)
		err := e.Run(ctx)
		w.logf("%s has run: %v", p.name, err)
	}()
	return p
}

// shutdown asks the process to shut down.
func (p *process) shutdown() { p.stop() }

// crash ends the process abruptly: from now on it does not reach the store.
func (p *process) crash() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.crashed() {
		close(p.cut)
		p.stop()
	}
}

// freeze blocks the store calls and the executors of the process until thaw.
func (p *process) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen == nil {
		p.frozen = make(chan struct{})
	}
}

func (p *process) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen != nil {
		close(p.frozen)
		p.frozen = nil
	}
}

// alive waits while the process is frozen and reports whether it has not crashed.
func (p *process) alive() bool {
	for {
		p.mu.Lock()
		frozen := p.frozen
		p.mu.Unlock()
		if p.crashed() {
			return false
		}
		if frozen == nil {
			return true
		}
		select {
		case <-frozen:
		case <-p.cut:
		}
	}
}

func (p *process) crashed() bool {
	select {
	case <-p.cut:
		return true
	default:
		return false
	}
}

// icy reports whether the process is frozen or has crashed.
func (p *process) icy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frozen != nil || p.crashed()
}
