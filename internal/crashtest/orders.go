//go:build crash

package crashtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/store"
)

// Orders are the instructions for a worker process.
type Orders struct {
	Name   string
	Build  string `json:"-"` // the path of the program, this one if empty
	Ledger string

	Lease     time.Duration
	Capacity  int
	Steps     int
	Pace      time.Duration
	Retention time.Duration // of finished plans; 0 means the engine's default
	Death     Death
	Stubborn  string // the tenant whose undo fails

	// Through lets the worker end by itself when the plan of its commission has come to its end.
	Through bool
	// Commission is a plan that the worker creates and starts, unless its Key is empty. Workers
	// with the same Key share one plan.
	Commission Commission
}

// Commission describes a plan that a worker or the test creates.
type Commission struct {
	Key         string
	Name        string
	Tenants     int
	Concurrency int
	// Waits makes every task wait in each way there is: within an attempt, before the second one,
	// and after its success.
	Waits bool
	// Waves divides the plan into waves with bakes and an approval, which the worker itself gives.
	Waves bool
	// Action is what a breach does.
	Action strategy.Action
	// Broken is the number of tenants, from the first one of the second wave, whose first attempt
	// fails.
	Broken int
	// Undo rolls the plan back when it is completed, if the worker goes through with it.
	Undo bool
	// Opens is when the window of the plan opens, to the minute; zero for none.
	Opens time.Time
}

// Spec returns the spec of the plan.
func (c Commission) Spec() plan.Spec {
	ids := make([]string, c.Tenants)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%d", c.Name, i+1)
	}
	s := plan.Spec{
		Name: c.Name, ExecutorType: JourneyType, Tenants: plan.Tenants(ids...), IdempotencyKey: c.Key,
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(c.Concurrency), FailureAction: c.Action},
	}
	if c.Waits {
		s.Strategy.Retry = strategy.Retry{Attempts: 2, First: ShortWait, Max: ShortWait}
		s.Strategy.MinSuccessTime = ShortWait
	}
	if c.Waves {
		s.Strategy.Waves = []strategy.Wave{
			{Name: "canary", Size: strategy.Count(FirstWave), Canary: true},
			{Size: strategy.Count(3), MaxConcurrency: strategy.Count(1), MaxFailures: strategy.Count(1)},
			{Size: strategy.Count(2), Approval: true},
			{},
		}
		s.Strategy.MaxFailures = strategy.Percent(100)
		s.Strategy.FirstBakeTime, s.Strategy.FinalBakeTime = ShortWait, ShortWait
	}
	if at := c.Opens.UTC(); !at.IsZero() {
		until := at.Add(time.Hour)
		s.Strategy.Windows = []window.Window{{
			Kind: window.Allow, Zone: "UTC",
			From: window.TimeOfDay{Hour: at.Hour(), Minute: at.Minute()}, To: window.TimeOfDay{Hour: until.Hour(), Minute: until.Minute()},
		}}
	}
	return s
}

// FirstWave is the size of the first wave of a plan with waves.
const FirstWave = 2

// broken reports whether the first attempt of a tenant fails.
func (c Commission) broken(tenant string) bool {
	for i := range c.Broken {
		if tenant == fmt.Sprintf("%s-%d", c.Name, FirstWave+i+1) {
			return true
		}
	}
	return false
}

// ShortWait is how long the tasks of a plan with Waits wait each time.
const ShortWait = 300 * time.Millisecond

// Obey runs a worker over the store that open returns, until SIGTERM, or until its standard input
// ends because the test that started the worker has ended. It calls open again as long as the error
// is temporary. more are executors beside that of journeys.
func Obey(o *Orders, more executor.Registry, open func(context.Context, *Ledger) (store.Store, error)) error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	l, err := OpenLedger(o.Ledger)
	if err != nil {
		return err
	}
	for {
		s, err := open(ctx, l)
		switch {
		case err == nil:
			return o.work(ctx, mortal(s, o.Death), l, more)
		case !store.Temporary(err):
			return err
		}
		l.Note(Entry{Worker: o.Name, Kind: Fault, Note: "open: " + err.Error()})
		time.Sleep(100 * time.Millisecond)
	}
}

// work runs an engine over a store until ctx ends.
func (o *Orders) work(ctx context.Context, s store.Store, l *Ledger, more executor.Registry) error {
	j := &journey{worker: o.Name, Ledger: l, steps: o.Steps, pace: o.Pace, stubborn: o.Stubborn, waits: o.Commission.Waits, broken: o.Commission.broken}
	ctx, end := context.WithCancel(ctx)
	defer end()
	executors := executor.Registry{JourneyType: j}
	maps.Copy(executors, more)
	engine, err := cutover.New(s, cutover.Config{
		Executors: executors, Capacity: o.Capacity, Name: o.Name,
		LeaseTTL: o.Lease, Retention: o.Retention, PollInterval: 200 * time.Millisecond, Hooks: j.hooks(),
	})
	if err != nil {
		return err
	}
	l.Note(Entry{Worker: o.Name, Kind: Ready})
	if o.Commission.Key != "" {
		go func() {
			o.create(ctx, engine, l)
			if o.Through {
				end()
			}
		}()
	}
	return engine.Run(ctx)
}

// create creates and starts the plan, unless another worker has done so first, and records its
// id.
func (o *Orders) create(ctx context.Context, engine *cutover.Engine, l *Ledger) {
	for ctx.Err() == nil {
		p, err := engine.Create(ctx, o.Commission.Spec())
		if err == nil && p.State == plan.Created {
			_, err = engine.Start(ctx, p.ID)
		}
		if err == nil || errors.Is(err, plan.ErrNotApplicable) {
			l.Note(Entry{Worker: o.Name, Kind: Made, Step: int(p.ID)})
			if o.Commission.Waves {
				approve(ctx, engine, p.ID)
			}
			if o.Through {
				o.goThrough(ctx, engine, p.ID)
			}
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// goThrough waits for the end of the plan, which it may roll back. Errors need no answer: it tries
// again.
func (o *Orders) goThrough(ctx context.Context, engine *cutover.Engine, id plan.ID) {
	for ctx.Err() == nil {
		p, err := engine.Wait(ctx, id)
		switch {
		case err != nil:
			time.Sleep(100 * time.Millisecond)
		case o.Commission.Undo && p.State == plan.Completed:
			_, _ = engine.Rollback(ctx, id)
		default:
			return
		}
	}
}

// approve tunes the plan and approves of its next wave when the plan asks for that, until the plan
// is over. Errors need no answer: it tries again.
func approve(ctx context.Context, engine *cutover.Engine, id plan.ID) {
	for ctx.Err() == nil {
		p, err := engine.Plan(ctx, id)
		if err == nil && p.Over() {
			return
		}
		if err == nil && p.Gate == plan.GateApproval {
			if _, err := engine.Tune(ctx, id, strategy.Tuning{MaxConcurrency: strategy.Count(5)}); err == nil {
				_, _ = engine.Approve(ctx, id, p.Wave+1)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}
