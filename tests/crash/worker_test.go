//go:build crash

package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/redisstore"
)

// orders are the instructions for a worker process.
type orders struct {
	Name   string
	Build  string `json:"-"` // the path of the program, this one if empty
	Target target
	Prefix string
	Ledger string

	Lease     time.Duration
	Capacity  int
	Steps     int
	Pace      time.Duration
	Replicas  int
	Retention time.Duration // of finished plans; 0 means the engine's default
	Death     death
	Stubborn  string // the tenant whose undo fails
	Canary    string // the URL of the services of canary releases, for workers that make some

	// Commission is a plan that the worker creates and starts, unless its Key is empty. Workers
	// with the same Key share one plan.
	Commission commission
}

// commission describes a plan that a worker or the test creates.
type commission struct {
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
	// Opens is when the window of the plan opens, to the minute; zero for none.
	Opens time.Time
}

// spec returns the spec of the plan.
func (c commission) spec() plan.Spec {
	ids := make([]string, c.Tenants)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%d", c.Name, i+1)
	}
	s := plan.Spec{
		Name: c.Name, ExecutorType: journeyType, Tenants: plan.Tenants(ids...), IdempotencyKey: c.Key,
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(c.Concurrency), FailureAction: c.Action},
	}
	if c.Waits {
		s.Strategy.Retry = strategy.Retry{Attempts: 2, First: shortWait, Max: shortWait}
		s.Strategy.MinSuccessTime = shortWait
	}
	if c.Waves {
		s.Strategy.Waves = []strategy.Wave{
			{Name: "canary", Size: strategy.Count(firstWave), Canary: true},
			{Size: strategy.Count(3), MaxConcurrency: strategy.Count(1), MaxFailures: strategy.Count(1)},
			{Size: strategy.Count(2), Approval: true},
			{},
		}
		s.Strategy.MaxFailures = strategy.Percent(100)
		s.Strategy.FirstBakeTime, s.Strategy.FinalBakeTime = shortWait, shortWait
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

// firstWave is the size of the first wave of a plan with waves.
const firstWave = 2

// broken reports whether the first attempt of a tenant fails.
func (c commission) broken(tenant string) bool {
	for i := range c.Broken {
		if tenant == fmt.Sprintf("%s-%d", c.Name, firstWave+i+1) {
			return true
		}
	}
	return false
}

// shortWait is how long the tasks of a plan with Waits wait each time.
const shortWait = 300 * time.Millisecond

// target describes how to connect to Redis.
type target struct {
	Addrs   []string
	Master  string // the name of the master, if Addrs are Sentinels
	Cluster bool
	User    string // the password is userPassword
}

// userPassword is the password of all Redis users in these tests.
const userPassword = "pw"

func (g target) client() redis.UniversalClient {
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if g.Cluster {
		// By default the client checks only once a minute which node has replaced a dead one.
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: g.Addrs, ClusterStateReloadInterval: time.Second, MaintNotificationsConfig: quiet,
		})
	}
	o := &redis.UniversalOptions{Addrs: g.Addrs, MasterName: g.Master, MaintNotificationsConfig: quiet}
	if g.User != "" {
		o.Username, o.Password = g.User, userPassword
	}
	return redis.NewUniversalClient(o)
}

// obey runs a worker until SIGTERM, or until its standard input ends because the test that started
// the worker is gone.
func obey(text string) error {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	l, err := openLedger(o.Ledger)
	if err != nil {
		return err
	}
	rdb := o.Target.client()
	defer func() { _ = rdb.Close() }()
	s, err := o.open(ctx, rdb, l)
	if err != nil {
		return err
	}
	return o.work(ctx, s, l)
}

// open opens the store, and tries again as long as the error is temporary.
func (o *orders) open(ctx context.Context, rdb redis.UniversalClient, l *ledger) (store.Store, error) {
	for {
		s, err := redisstore.Open(ctx, rdb, redisstore.Config{
			Prefix: o.Prefix, Replicas: o.Replicas,
			OnWentBack: func(e *redisstore.WentBackError) { l.note(entry{Worker: o.Name, Kind: goneBy, Note: e.Error()}) },
		})
		switch {
		case err == nil:
			return mortal(s, o.Death), nil
		case !store.Temporary(err):
			return nil, err
		}
		l.note(entry{Worker: o.Name, Kind: fault, Note: "open: " + err.Error()})
		time.Sleep(100 * time.Millisecond)
	}
}

func (o *orders) work(ctx context.Context, s store.Store, l *ledger) error {
	j := &journey{worker: o.Name, ledger: l, steps: o.Steps, pace: o.Pace, stubborn: o.Stubborn, waits: o.Commission.Waits, broken: o.Commission.broken}
	executors := executor.Registry{journeyType: j}
	if o.Canary != "" {
		release, err := canaryExecutor(o.Canary)
		if err != nil {
			return err
		}
		executors[canary.Type] = release
	}
	engine, err := cutover.New(s, cutover.Config{
		Executors: executors, Capacity: o.Capacity, Name: o.Name,
		LeaseTTL: o.Lease, Retention: o.Retention, PollInterval: 200 * time.Millisecond, Hooks: j.hooks(),
	})
	if err != nil {
		return err
	}
	l.note(entry{Worker: o.Name, Kind: ready})
	if o.Commission.Key != "" {
		go o.commission(ctx, engine, l)
	}
	return engine.Run(ctx)
}

// commission creates and starts the plan, unless another worker has done so first, and records its
// id.
func (o *orders) commission(ctx context.Context, engine *cutover.Engine, l *ledger) {
	for ctx.Err() == nil {
		p, err := engine.Create(ctx, o.Commission.spec())
		if err == nil && p.State == plan.Created {
			_, err = engine.Start(ctx, p.ID)
		}
		if err == nil || errors.Is(err, plan.ErrNotApplicable) {
			l.note(entry{Worker: o.Name, Kind: made, Step: int(p.ID)})
			if o.Commission.Waves {
				approve(ctx, engine, p.ID)
			}
			return
		}
		time.Sleep(100 * time.Millisecond)
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
