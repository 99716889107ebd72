package sqltest

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

// Operator works on a plan in a test. Errors that it does not expect end the test.
type Operator struct {
	testing.TB
	Ctx context.Context //nolint:containedctx // the test's
	ID  plan.ID
	// Sent is how many commands and claims it has sent: their ids end with these numbers.
	Sent int

	store func() store.Store
}

// NewOperator returns an operator without a plan. store returns the store, which may be another one
// later.
func NewOperator(t testing.TB, store func() store.Store) *Operator {
	t.Helper()
	return &Operator{TB: t, Ctx: t.Context(), store: store}
}

// OK ends the test if err is not nil.
func (o *Operator) OK(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

// Create creates a plan of n tenants, all of which may run at once.
func (o *Operator) Create(n int) {
	o.Helper()
	o.CreateAs(n, strategy.Strategy{MaxConcurrency: strategy.Percent(100), MaxFailures: strategy.Percent(100)})
}

// CreateAs creates a plan of n tenants.
func (o *Operator) CreateAs(n int, by strategy.Strategy) {
	o.Helper()
	s := o.store()
	c, err := s.BeginCreate(o.Ctx, store.Create{Mark: "mark", Hash: "hash", TTL: time.Minute, Plan: plan.Plan{
		Name: "plan", ExecutorType: "X", TaskCount: n, Strategy: by,
	}})
	o.OK(err)
	for first := 1; first <= n; first += store.MaxBatch {
		batch := make([]task.Tenant, min(store.MaxBatch, n+1-first))
		for i := range batch {
			batch[i].ID = fmt.Sprintf("tenant-%d", first+i)
		}
		o.OK(s.AddTenants(o.Ctx, c, first, batch))
	}
	o.OK(s.FinishCreate(o.Ctx, c))
	o.ID = c.ID
}

// Run starts the plan.
func (o *Operator) Run() {
	o.Helper()
	o.Decide(func(p plan.Plan) (plan.Decision, error) {
		return p.MarkStarting(1, time.Minute, plan.By{Now: time.Now()})
	})
	o.Decide(func(p plan.Plan) (plan.Decision, error) { return p.Start(plan.By{Now: time.Now()}) })
}

// Decide commits a decision about the plan.
func (o *Operator) Decide(f func(plan.Plan) (plan.Decision, error)) {
	o.Helper()
	p, err := o.store().Plan(o.Ctx, o.ID)
	o.OK(err)
	d, err := f(p)
	o.OK(err)
	o.Sent++
	_, err = o.store().Apply(o.Ctx, store.Command{ID: fmt.Sprint("command ", o.Sent), Version: p.Version, Failed: -1, Decision: d})
	o.OK(err)
}

// Claim claims n tasks, a hundred at a time.
func (o *Operator) Claim(worker string, n int) (tasks []task.Task) {
	o.Helper()
	for len(tasks) < n {
		o.Sent++
		b := store.Batch{Plan: o.ID, Claim: store.Claim{ID: fmt.Sprint("claim ", o.Sent), Worker: worker, Max: min(n-len(tasks), store.MaxBatch)}}
		o.OK(o.store().Commit(o.Ctx, &b))
		if len(b.Claimed) == 0 {
			o.Fatalf("%d tasks were claimed, not %d", len(tasks), n)
		}
		tasks = append(tasks, b.Claimed...)
	}
	return tasks
}

// Saves returns a batch that saves a checkpoint of each task.
func Saves(id plan.ID, tasks []task.Task, seq uint32, step string, data []byte) *store.Batch {
	b := &store.Batch{Plan: id}
	for _, t := range tasks {
		b.Changes = append(b.Changes, store.Change{Task: t.ID, Token: t.Token, Seq: seq, Kind: store.Save, Saved: store.Saved{Step: step, Data: data}})
	}
	return b
}

// Ends returns a batch that ends the hold of a task.
func Ends(t task.Task, kind store.ChangeKind, f *task.FailureInfo) *store.Batch {
	return &store.Batch{Plan: t.ID.Plan(), Changes: []store.Change{{Task: t.ID, Token: t.Token, Seq: 1, Kind: kind, Failure: f}}}
}

// Work commits a batch of which no change may be refused.
func (o *Operator) Work(b *store.Batch) {
	o.Helper()
	o.OK(o.store().Commit(o.Ctx, b))
	for i := range b.Changes {
		o.OK(b.Changes[i].Err)
	}
}

// End ends the hold of a task.
func (o *Operator) End(t task.Task, kind store.ChangeKind, f *task.FailureInfo) {
	o.Helper()
	o.Work(Ends(t, kind, f))
}
