package notify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
)

func TestMain(m *testing.M) {
	if childMain() {
		return
	}
	goleak.VerifyTestMain(m)
}

// world is a store with an engine that runs, until the test ends. Tenants named bad-... fail, and
// every tenant takes the time took.
type world struct {
	*testing.T
	store  store.Store
	engine *cutover.Engine
	stop   func()
	took   time.Duration
}

func newWorld(t *testing.T, s store.Store) *world {
	t.Helper()
	w := &world{T: t, store: s}
	work := executor.Func(func(ctx context.Context, run *executor.Run) error {
		select {
		case <-time.After(w.took):
		case <-ctx.Done():
			return ctx.Err()
		}
		if strings.HasPrefix(run.Tenant().ID, "bad") {
			return executor.Fail("GATEWAY_TIMEOUT", errors.New("no answer"))
		}
		return nil
	})
	w.engine = w.engineOver(s, executor.Registry{"MOVE": work})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = w.engine.Run(ctx) })
	w.stop = func() { cancel(); running.Wait() }
	t.Cleanup(w.stop)
	return w
}

func (w *world) engineOver(s store.Store, executors executor.Registry) *cutover.Engine {
	w.Helper()
	e, err := cutover.New(s, cutover.Config{Executors: executors, Capacity: 1000})
	w.ok(err)
	return e
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// create creates a plan whose tenants all may fail.
func (w *world) create(name string, concurrency int, tenants ...string) plan.ID {
	w.Helper()
	p, err := w.engine.Create(w.Context(), plan.Spec{
		Name: name, ExecutorType: "MOVE", Tenants: plan.Tenants(tenants...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(concurrency), MaxFailures: strategy.Percent(100)},
	})
	w.ok(err)
	return p.ID
}

// finish starts a plan and waits until it is at rest.
func (w *world) finish(id plan.ID) plan.Plan {
	w.Helper()
	_, err := w.engine.Start(w.Context(), id)
	w.ok(err)
	p, err := w.engine.Wait(w.Context(), id)
	w.ok(err)
	return p
}

// notifier runs a notifier until stop is called, or the test ends.
func (w *world) notifier(e *cutover.Engine, sink notify.Sink, c notify.Config) (n *notify.Notifier, stop func()) {
	w.Helper()
	n, err := notify.New(e, "pager", sink, c)
	w.ok(err)
	ctx, cancel := context.WithCancel(w.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := n.Run(ctx); err != nil {
			w.Error(err)
		}
	})
	stop = func() { cancel(); running.Wait() }
	w.Cleanup(stop)
	return n, stop
}

// inbox is a sink that keeps what it gets. refuse, if not nil, may refuse a message.
type inbox struct {
	refuse func(notify.Message) error

	mu  sync.Mutex
	all []notify.Message
}

func (b *inbox) Send(_ context.Context, m notify.Message) error {
	if b.refuse != nil {
		if err := b.refuse(m); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, m)
	return nil
}

func (b *inbox) messages() []notify.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.all)
}

// causes returns the causes of the messages about events, and "failures n" and the like for others.
func (b *inbox) causes() []string {
	var list []string
	for _, m := range b.messages() {
		switch {
		case m.Event != nil:
			list = append(list, m.Event.Cause)
		case m.Kind == notify.KindFailures:
			list = append(list, fmt.Sprint("failures ", m.Failures))
		default:
			list = append(list, string(m.Kind))
		}
	}
	return list
}

func (w *world) equal(what string, got, want []string) {
	w.Helper()
	if !slices.Equal(got, want) {
		w.Errorf("%s: %v, want %v", what, got, want)
	}
}

// numbered returns tenants: prefix-1, prefix-2 and so on.
func numbered(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s-%d", prefix, i+1)
	}
	return list
}
