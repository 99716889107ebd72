package sqlitestore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// operator works on a plan in a test.
type operator struct {
	testing.TB
	*Store
	ctx  context.Context //nolint:containedctx // the test's
	id   plan.ID
	sent int
}

func (o *operator) ok(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

// create creates a plan of n tenants, all of which may run at once.
func create(t testing.TB, s *Store, n int) *operator {
	t.Helper()
	return createAs(t, s, n, strategy.Strategy{MaxConcurrency: strategy.Percent(100), MaxFailures: strategy.Percent(100)})
}

func createAs(t testing.TB, s *Store, n int, by strategy.Strategy) *operator {
	t.Helper()
	o := &operator{TB: t, Store: s, ctx: t.Context()}
	c, err := s.BeginCreate(o.ctx, store.Create{Mark: "mark", Hash: "hash", TTL: time.Minute, Plan: plan.Plan{
		Name: "plan", ExecutorType: "X", TaskCount: n, Strategy: by,
	}})
	o.ok(err)
	for first := 1; first <= n; first += store.MaxBatch {
		batch := make([]task.Tenant, min(store.MaxBatch, n+1-first))
		for i := range batch {
			batch[i].ID = fmt.Sprintf("tenant-%d", first+i)
		}
		o.ok(s.AddTenants(o.ctx, c, first, batch))
	}
	o.ok(s.FinishCreate(o.ctx, c))
	o.id = c.ID
	return o
}

// start creates and starts a plan of n tenants.
func start(t testing.TB, s *Store, n int) *operator {
	t.Helper()
	o := create(t, s, n)
	o.run()
	return o
}

// run starts the plan.
func (o *operator) run() {
	o.Helper()
	o.decide(func(p plan.Plan) (plan.Decision, error) {
		return p.MarkStarting(1, time.Minute, plan.By{Now: time.Now()})
	})
	o.decide(func(p plan.Plan) (plan.Decision, error) { return p.Start(plan.By{Now: time.Now()}) })
}

// decide commits a decision about the plan.
func (o *operator) decide(f func(plan.Plan) (plan.Decision, error)) {
	o.Helper()
	p, err := o.Plan(o.ctx, o.id)
	o.ok(err)
	d, err := f(p)
	o.ok(err)
	o.sent++
	_, err = o.Apply(o.ctx, store.Command{ID: fmt.Sprint("command ", o.sent), Version: p.Version, Failed: -1, Decision: d})
	o.ok(err)
}

// claim claims n tasks, a hundred at a time.
func (o *operator) claim(worker string, n int) (tasks []task.Task) {
	o.Helper()
	for len(tasks) < n {
		o.sent++
		b := store.Batch{Plan: o.id, Claim: store.Claim{ID: fmt.Sprint("claim ", o.sent), Worker: worker, Max: min(n-len(tasks), store.MaxBatch)}}
		o.ok(o.Commit(o.ctx, &b))
		if len(b.Claimed) == 0 {
			o.Fatalf("%d tasks were claimed, not %d", len(tasks), n)
		}
		tasks = append(tasks, b.Claimed...)
	}
	return tasks
}

// saves returns a batch that saves a checkpoint of each task.
func saves(id plan.ID, tasks []task.Task, seq uint32, step string, data []byte) *store.Batch {
	b := &store.Batch{Plan: id}
	for _, t := range tasks {
		b.Changes = append(b.Changes, store.Change{Task: t.ID, Token: t.Token, Seq: seq, Kind: store.Save, Saved: store.Saved{Step: step, Data: data}})
	}
	return b
}

// commit commits a batch of which no change may be refused.
func (o *operator) commit(b *store.Batch) {
	o.Helper()
	o.ok(o.Commit(o.ctx, b))
	for i := range b.Changes {
		o.ok(b.Changes[i].Err)
	}
}

// end ends the hold of a task.
func (o *operator) end(t task.Task, kind store.ChangeKind, f *task.FailureInfo) {
	o.Helper()
	o.commit(&store.Batch{Plan: o.id, Changes: []store.Change{{Task: t.ID, Token: t.Token, Seq: 1, Kind: kind, Failure: f}}})
}

// together carries out commits in one transaction.
func (o *operator) together(batches ...*store.Batch) error {
	o.Helper()
	hold, held := make(chan struct{}), make(chan struct{})
	errs := make(chan error, len(batches)+1)
	go func() {
		errs <- o.writer.write(o.ctx, func(*tx) error {
			close(held)
			<-hold
			return nil
		})
	}()
	<-held
	for i, b := range batches {
		go func() { errs <- o.Commit(o.ctx, b) }()
		for o.queued() != i+1 {
			time.Sleep(time.Millisecond) // until it waits for the writer
		}
	}
	close(hold)
	var first error
	for range len(batches) + 1 {
		if err := <-errs; first == nil {
			first = err
		}
	}
	return first
}

func (o *operator) queued() int {
	o.writer.mu.Lock()
	defer o.writer.mu.Unlock()
	return len(o.writer.queue)
}
