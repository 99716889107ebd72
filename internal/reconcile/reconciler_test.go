package reconcile

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/lease"
	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reconcilerOf returns a reconciler whose cleaner does not run.
func reconcilerOf(s store.Store) *Reconciler {
	client := storeclient.New(s, storeclient.Options{
		Fault: func(string, error) {}, Applied: func(plan.Plan, []plan.Event) {}, Changed: func(plan.ID) {},
	})
	locks := tenantlock.NewManager(client, time.Minute)
	registry := lease.NewRegistry()
	return New(Options{
		Client: client, Locks: locks, Cleaner: tenantlock.NewCleaner(client, locks), Registry: registry,
		Keeper: lease.NewKeeper(lease.Options{Client: client, Registry: registry}), Due: signal.NewFlag(),
		LeaseTTL: 20 * time.Second, PollInterval: time.Second, Retention: time.Hour, MaxLosses: 3,
		WorkerLost: func(task.ID, string) {},
	})
}

// inFlight sets the counters of p to two running tasks, both held.
func inFlight(p *plan.Plan) {
	p.Counters.States[task.Running], p.Counters.Held = 2, 2
}

func TestNextCheck(t *testing.T) {
	t.Parallel()
	const stamp = 7
	for name, tt := range map[string]struct {
		state plan.State
		edit  func(p *plan.Plan)
		stamp uint64
		want  time.Duration
	}{
		"beside the agenda":       {plan.Running, inFlight, 0, 0},
		"never started":           {plan.Created, func(p *plan.Plan) { p.Version = 1 }, stamp, untilNextCommand},
		"at rest, locks to clean": {plan.Failed, nil, stamp, 5 * time.Second},
		"over, locks to clean":    {plan.Completed, nil, stamp, 5 * time.Second},
		"in flight":               {plan.Running, inFlight, stamp, 5 * time.Second},
		"being started": {plan.Created, func(p *plan.Plan) {
			p.Starting, p.Idle = &plan.Starting{Token: 1, TTL: 10 * time.Second}, 4*time.Second
		}, stamp, 6*time.Second + time.Millisecond},
		"waits briefly": {plan.Running, func(p *plan.Plan) {
			p.Counters.States[task.Running], p.Counters.Waiting = 1, 1
			p.Now = time.Unix(1e9, 0)
			p.NextDue = p.Now.Add(40 * time.Second)
		}, stamp, 40*time.Second + time.Millisecond},
		"waits for long": {plan.Running, func(p *plan.Plan) {
			p.Counters.States[task.Running], p.Counters.Waiting = 1, 1
			p.Now = time.Unix(1e9, 0)
			p.NextDue = p.Now.Add(24 * time.Hour)
		}, stamp, time.Minute},
		"a sweep that waits": {plan.Running, func(p *plan.Plan) { p.Sweeps = []plan.Sweep{{}} }, stamp, time.Second},
	} {
		p := plan.Plan{ID: 1, Strategy: strategy.Strategy{}, Control: plan.Control{State: tt.state}}
		p.Version = 2
		if tt.edit != nil {
			tt.edit(&p)
		}
		if got := reconcilerOf(memstore.New()).nextCheck(p, tt.stamp); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestReconcileAPlanThatIsRemoved(t *testing.T) {
	t.Parallel()
	r := reconcilerOf(memstore.New()).Reconcile(t.Context(), 5, 1)
	if !r.Removed || r.Settled || r.Next >= 0 {
		t.Errorf("%+v", r)
	}
}

func TestReconcileGivesUpAnAbandonedStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		ctx := t.Context()
		c, err := s.BeginCreate(ctx, store.Create{Mark: "m", TTL: time.Hour, Plan: plan.Plan{Name: "n", ExecutorType: "X", TaskCount: 1}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.AddTenants(ctx, c, 1, []task.Tenant{{ID: "t"}}); err != nil {
			t.Fatal(err)
		}
		if err := s.FinishCreate(ctx, c); err != nil {
			t.Fatal(err)
		}
		r := reconcilerOf(s)
		_, _, err = r.opts.Client.Decide(ctx, c.ID, func(p plan.Plan) (plan.Decision, error) {
			return p.MarkStarting(7, 10*time.Second, plan.By{Now: time.Now()})
		})
		if err != nil {
			t.Fatal(err)
		}
		got := r.Reconcile(ctx, c.ID, 1)
		if !got.Settled || got.Plan.Starting == nil || got.Next < 9*time.Second || got.Next > 11*time.Second {
			t.Fatalf("while the start is alive: %+v", got)
		}
		time.Sleep(got.Next)
		if got = r.Reconcile(ctx, c.ID, 1); !got.Settled || got.Plan.Starting != nil || got.Claimable {
			t.Errorf("later: %+v", got)
		}
	})
}
