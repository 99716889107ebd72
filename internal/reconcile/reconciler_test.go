package reconcile

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/lease"
	"github.com/cutover-go/cutover/internal/quota"
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
		Client: client, Locks: locks, Cleaner: tenantlock.NewCleaner(client, locks, quota.NewManager(client)), Registry: registry,
		Keeper: lease.NewKeeper(lease.Options{Client: client, Registry: registry}), Due: signal.NewFlag(),
		LeaseTTL: 20 * time.Second, PollInterval: time.Second, Retention: time.Hour, MaxLosses: 3,
		WorkerLost: func(task.ID, string) {}, Knows: func(x string) bool { return x == "X" },
	})
}

// inFlight sets the counters of p to two running tasks, both held.
func inFlight(p *plan.Plan) {
	p.Counters.States[task.Running], p.Counters.Held = 2, 2
}

// pending gives a plan of an executor type a task to claim.
func pending(executorType string) func(*plan.Plan) {
	return func(p *plan.Plan) {
		p.ExecutorType, p.Counters.States[task.Pending], p.Grant = executorType, 1, strategy.Grant{LastOrdinal: 9, MaxSlots: 9, MaxFailed: 9}
	}
}

// due gives a plan a task whose wait is over, too.
func due(edit func(*plan.Plan)) func(*plan.Plan) {
	return func(p *plan.Plan) {
		edit(p)
		p.Counters.States[task.Running], p.Counters.Waiting = 1, 1
		p.Now = time.Unix(1e9, 0)
		p.NextDue = p.Now
	}
}

// A plan that only processes with another executor can advance is left to them for long.
func TestPlansAreLeft(t *testing.T) {
	t.Parallel()
	p := plan.Plan{ID: 1, Control: plan.Control{State: plan.Running}}
	p.Version = 2
	pending("Y")(&p)
	if !p.Claimable() {
		t.Fatal("there is nothing to claim")
	}
	if got := reconcilerOf(memstore.New()).nextCheck(p, 7); got < maxRestLeft*4/5 || got > maxRestLeft*6/5 {
		t.Errorf("it is left for %s", got)
	}
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
		"to be claimed here":          {plan.Running, pending("X"), stamp, 5 * time.Second},
		"to be claimed here, waiting": {plan.Running, due(pending("X")), stamp, 5 * time.Second},
		"left, in flight": {plan.Running, func(p *plan.Plan) {
			pending("Y")(p)
			inFlight(p)
		}, stamp, 5 * time.Second},
		"left, a window ends": {plan.Running, func(p *plan.Plan) {
			pending("Y")(p)
			p.Now = time.Unix(1e9, 0)
			p.Grant.NotAfter = p.Now.Add(40 * time.Second)
		}, stamp, 40*time.Second + time.Millisecond},
		"left, waiting": {plan.Running, due(pending("Y")), stamp, time.Minute},
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
	if !r.Removed || r.Settled || r.Next.After >= 0 {
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
		if !got.Settled || got.Plan.Starting == nil || got.Next.After < 9*time.Second || got.Next.After > 11*time.Second {
			t.Fatalf("while the start is alive: %+v", got)
		}
		time.Sleep(got.Next.After)
		if got = r.Reconcile(ctx, c.ID, 1); !got.Settled || got.Plan.Starting != nil || got.Claimable {
			t.Errorf("later: %+v", got)
		}
	})
}

// Tasks without a worker are read only if a stop may be in force for some of them.
func TestHalts(t *testing.T) {
	t.Parallel()
	wave := plan.Undo{First: 1, Last: 2}
	for name, tt := range map[string]struct {
		state                plan.State
		running, undos, held int
		starting, exempt     int // of those without a worker
		undo                 plan.Undo
		want                 bool
	}{
		"runs":                                  {state: plan.Running, running: 2},
		"runs, some to start":                   {state: plan.Running, running: 2, starting: 1},
		"paused":                                {state: plan.Paused, running: 2, held: 1, want: true},
		"paused, all held":                      {state: plan.Paused, running: 2, held: 2},
		"paused, some exempt":                   {state: plan.Paused, running: 3, held: 1, exempt: 1, want: true},
		"paused, all exempt or held":            {state: plan.Paused, running: 3, held: 1, exempt: 2},
		"paused, only undos":                    {state: plan.Paused, undos: 1},
		"paused, exempt in a wave to be undone": {state: plan.Paused, running: 1, exempt: 1, undo: wave, want: true},
		"cancelled, exempt":                     {state: plan.Canceled, running: 1, exempt: 1, want: true},
		"failed":                                {state: plan.Failed, running: 1},
		"failed, some to start":                 {state: plan.Failed, running: 2, starting: 1, want: true},
		"failed, exempt":                        {state: plan.Failed, running: 1, exempt: 1},
		"runs, a wave is to be undone":          {state: plan.Running, running: 1, undo: wave, want: true},
		"a wave is being undone":                {state: plan.Running, undos: 1, undo: wave},
		"undos are stopping":                    {state: plan.Running, undos: 1, undo: plan.Undo{Stopping: true}, want: true},
		"undos are stopping, all held":          {state: plan.Running, undos: 1, held: 1, undo: plan.Undo{Stopping: true}},
	} {
		var p plan.Plan
		p.State, p.Undo = tt.state, tt.undo
		p.Counters.States[task.Running], p.Counters.States[task.RollingBack] = tt.running, tt.undos
		p.Counters.Held, p.Counters.Starting, p.Counters.Exempt = tt.held, tt.starting, tt.exempt
		if got := halts(p); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
