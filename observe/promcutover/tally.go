package promcutover

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// tally is what the store told at one moment.
type tally struct {
	at   time.Time
	took time.Duration

	plans                    [plan.NumStates]int
	tasks                    [task.NumStates]int
	inFlight, held, waiting  int
	active, orphans          int
	incomplete               bool
	dueLag                   time.Duration
	workers, capacity, taken int
	notifiers                []notifierTally
}

type notifierTally struct {
	name            string
	lag             int64
	unread, letters int
	failing         time.Duration
}

// lasting are the states of plans that are not over, past those of plans that may be.
//
//nolint:gochecknoglobals // constant tables
var (
	lasting = []plan.State{plan.Created, plan.Running, plan.Paused, plan.Failed, plan.RollingBack, plan.RollbackFailed}
	past    = []plan.State{plan.Completed, plan.Canceled, plan.RolledBack}
)

// take reads everything. What cannot be read for now fails it, unless it is a part of a page.
func take(ctx context.Context, engine *cutover.Engine, maxPlans int) (*tally, error) {
	began := time.Now()
	c := new(tally)
	executors, err := c.countWorkers(ctx, engine)
	if err != nil {
		return nil, err
	}
	for _, states := range [][]plan.State{lasting, past} {
		if err := c.countPlans(ctx, engine, states, executors, maxPlans); err != nil {
			return nil, err
		}
	}
	if c.dueLag, err = engine.Lookup().Overdue(ctx); err != nil {
		return nil, err
	}
	if err := c.countNotifiers(ctx, engine); err != nil {
		return nil, err
	}
	c.at = time.Now()
	c.took = c.at.Sub(began)
	return c, nil
}

// countWorkers returns the executor types that workers have; nil if some workers cannot be read, so
// that nobody knows.
func (c *tally) countWorkers(ctx context.Context, engine *cutover.Engine) (map[string]bool, error) {
	executors := make(map[string]bool)
	for after := ""; ; {
		workers, err := engine.Lookup().Workers(ctx, after, store.MaxPage)
		if err != nil && (len(workers) == 0 || ctx.Err() != nil) {
			return nil, err
		}
		if err != nil {
			c.incomplete, executors = true, nil
		}
		for _, w := range workers {
			c.workers++
			c.capacity += w.Capacity
			c.taken += w.Held
			for _, x := range w.Executors {
				if executors != nil {
					executors[x] = true
				}
			}
		}
		if len(workers) < store.MaxPage {
			return executors, nil
		}
		after = workers[len(workers)-1].Name
	}
}

func (c *tally) countPlans(ctx context.Context, engine *cutover.Engine, states []plan.State, executors map[string]bool, most int) error {
	counted := 0
	for _, n := range c.plans {
		counted += n
	}
	for q := (store.PlanQuery{States: states}); ; {
		q.Limit = min(store.MaxPage, most-counted+1) // one more tells whether some are left
		plans, err := engine.Plans(ctx, q)
		switch {
		case err == nil:
		case ctx.Err() == nil && (len(plans) > 0 || errors.Is(err, store.ErrCorrupt)):
			c.incomplete = true
		default:
			return err
		}
		for _, p := range plans {
			if counted == most {
				c.incomplete = true
				return nil
			}
			counted++
			c.countPlan(&p, executors)
			q.Before = p.ID
		}
		if len(plans) < q.Limit {
			return nil
		}
	}
}

func (c *tally) countPlan(p *plan.Plan, executors map[string]bool) {
	c.plans[p.State]++
	if p.Over() {
		return
	}
	for state, n := range p.Counters.States {
		c.tasks[state] += n
	}
	c.inFlight += p.Counters.InFlight()
	c.held += p.Counters.Held
	c.waiting += p.Counters.Waiting
	claimable := p.Claimable()
	if claimable || p.Counters.Held > 0 {
		c.active++
	}
	if claimable && executors != nil && !executors[p.ExecutorType] {
		c.orphans++
	}
}

// maxNotifiers is how many notifiers have series of their own.
const maxNotifiers = 50

func (c *tally) countNotifiers(ctx context.Context, engine *cutover.Engine) error {
	statuses, err := notify.Statuses(ctx, engine)
	if err != nil {
		return err
	}
	rest := -1 // where the others are; one may have their name
	for i, s := range statuses {
		n := notifierTally{name: labelValue(s.Name), lag: s.Lag, unread: s.Unread, letters: s.DeadLetters}
		if since := s.Status.FailingSince; !since.IsZero() {
			n.failing = max(0, time.Since(since))
		}
		if i < maxNotifiers && n.name != other {
			c.notifiers = append(c.notifiers, n)
			continue
		}
		if rest < 0 {
			rest = len(c.notifiers)
			c.notifiers = append(c.notifiers, notifierTally{name: other})
		}
		r := &c.notifiers[rest]
		r.lag, r.unread, r.letters, r.failing = r.lag+n.lag, r.unread+n.unread, r.letters+n.letters, max(r.failing, n.failing)
	}
	return nil
}
