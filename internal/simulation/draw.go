package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// script is the course of a history: its operations and its faults.
type script struct {
	temper    temper
	processes int
	ops       []op // in order of time
	// begins is when the history begins; the zero time is at once.
	begins time.Time
}

// temper is the frequency and size of the faults in a history.
type temper struct {
	// Lost is the probability that a call or its answer is lost, Late that a request arrives long
	// after its caller gave it up, Slow that a call takes longer than a lease.
	Lost, Late, Slow float64
	// Hiccup is the maximum time that a delayed call takes each way.
	Hiccup time.Duration
	// Failing is the probability that an executor fails, Rude that it misbehaves.
	Failing, Rude float64
	// Step is the maximum time of an executor between two saves.
	Step      time.Duration
	MaxLosses int
	// Holding is the probability that an executor asks to be resumed later.
	Holding float64
	// Steps is the size of the steps of the store's clock. Tasks that wait, wait for the store's
	// clock, so in histories in which they may wait the steps are small.
	Steps time.Duration
	// Steady means that the clock makes no steps at all.
	Steady bool
	// Windows means that plans may get windows.
	Windows bool
	// Retention is how long plans are kept after their end; 0 means for ever.
	Retention time.Duration
}

// op is one operation of a script.
type op struct {
	at   time.Duration
	name string
	// proc is the process that carries out the operation or suffers it; plan and task are its
	// subjects. Each number is taken modulo the number that exist.
	proc, plan, task int
	pause            time.Duration
	// apt replaces name with a command that makes sense for the plan in its state at that time;
	// luck selects the command.
	apt  bool
	luck int
	spec plan.Spec
}

func (o op) String() string {
	return fmt.Sprintf("%s process %d plan #%d task #%d for %s", o.name, o.proc, o.plan, o.task, o.pause)
}

// lasting is the time during which faults occur and commands are given.
const lasting = 12 * time.Second

// draw draws a script.
func draw(r *rand.Rand) script {
	s := script{
		temper: temper{
			Lost:      one(r, 0, 0, 0.02, 0.1),
			Late:      one(r, 0, 0, 0.02),
			Slow:      one(r, 0, 0, 0.01, 0.03),
			Hiccup:    one(r, 5*time.Millisecond, 50*time.Millisecond, time.Second),
			Failing:   one(r, 0, 0.1, 0.3, 0.6),
			Step:      one(r, 10*time.Millisecond, 500*time.Millisecond, 2*time.Second),
			Rude:      one(r, 0, 0.2, 0.5),
			MaxLosses: one(r, 0, -1, 1),
			Steps:     time.Hour,
			Retention: one(r, 0, 0, 0, 2*time.Second, 10*time.Second),
		},
		processes: 1 + r.IntN(4),
	}
	waits := r.IntN(2) == 0
	if waits {
		s.temper.Holding, s.temper.Steps = one(r, 0, 0.2, 0.5), steps
	}
	quotas := drawQuotas(r)
	var e edge
	if waits && r.IntN(2) == 0 {
		e = drawEdge(r)
		s.begins = e.at.Add(-2*time.Second - during(r, lasting))
		s.temper.Windows, s.temper.Steady = true, r.IntN(2) == 0
	}
	for range 1 + r.IntN(4) {
		o := op{at: during(r, 2*time.Second), name: "create", proc: r.IntN(8), spec: drawSpec(r, len(s.ops))}
		if n := r.IntN(4); waits && len(quotas) > 0 && n > 0 {
			o.spec.Strategy.Quotas = quotas[:min(n, len(quotas))]
		}
		if waits {
			drawWaits(r, &o.spec.Strategy)
		}
		if r.IntN(2) == 0 {
			drawWaves(r, &o.spec, waits)
		}
		if s.temper.Windows && r.IntN(3) > 0 {
			o.spec.Strategy.Windows = drawWindows(r, e)
		}
		s.ops = append(s.ops, o)
	}
	for i := range len(s.ops) {
		start := op{at: 2*time.Second + during(r, time.Second), name: "start", proc: r.IntN(8), plan: i}
		s.ops = append(s.ops, start)
		if s.ops[i].spec.Strategy.Conflict == strategy.Skip && r.IntN(2) == 0 {
			s.ops = append(s.ops, drawEnd(r, start))
		}
	}
	for range 2 + r.IntN(15) {
		s.ops = append(s.ops, drawBurst(r)...)
	}
	slices.SortStableFunc(s.ops, func(a, b op) int { return int(a.at - b.at) })
	return s
}

// drawEnd draws what becomes of a process in the middle of a start.
func drawEnd(r *rand.Rand, start op) op {
	end := start
	end.name, end.at, end.pause = one(r, "crash", "freeze", "shutdown"), start.at+during(r, one(r, 20*time.Millisecond, time.Second)), during(r, 3*leaseTTL)
	return end
}

// drawBurst draws a few operations at about the same time, often on the same plan and task, because
// that is where decisions race.
func drawBurst(r *rand.Rand) (ops []op) {
	at, apart := 2*time.Second+during(r, lasting), one(r, 5*time.Millisecond, 50*time.Millisecond, 2*time.Second)
	p, t := r.IntN(8), r.IntN(8)
	for range 1 + r.IntN(5) {
		o := op{
			at: at + during(r, apart), name: one(r, names...),
			proc: r.IntN(8), plan: p, task: t, pause: during(r, 3*leaseTTL),
			apt: r.IntN(3) > 0, luck: r.IntN(1000),
		}
		if r.IntN(3) == 0 {
			o.plan, o.task = r.IntN(8), r.IntN(8)
		}
		ops = append(ops, o)
	}
	return ops
}

// names are the operations that may be drawn; frequent operations are listed more than once.
var names = []string{ //nolint:gochecknoglobals // a constant table
	"start", "pause", "resume", "cancel", "rollback", "retry failed", "retry task", "retry task from scratch", "try task", "try task",
	"pause task", "pause task", "resume task", "resume task", "cancel task", "skip task", "rollback task", "rollback task",
	"crash", "freeze", "freeze", "shutdown", "spawn", "spawn", "approve", "reject", "tune", "add", "add", "many", "many", "many",
	"rollback wave",
}

// aptNames returns the commands that make sense for a plan in a state.
func aptNames(s plan.State) []string {
	switch s {
	case plan.Created:
		return []string{"start", "start", "start", "start", "cancel", "skip task", "approve", "add", "many"}
	case plan.Running:
		return []string{
			"pause", "pause", "pause task", "cancel task", "resume task", "skip task", "retry task", "rollback", "cancel",
			"approve", "approve", "approve", "reject", "tune", "tune", "add", "add", "many", "many", "many", "rollback wave",
		}
	case plan.Paused:
		return []string{
			"resume", "resume", "resume", "retry failed", "try task", "try task", "pause task", "resume task", "cancel", "rollback",
			"rollback task", "add", "many", "many", "rollback wave", "rollback wave",
		}
	case plan.Failed:
		return []string{
			"tune", "add", "resume", "resume", "retry failed", "retry failed", "retry task", "retry task from scratch", "try task", "try task",
			"pause", "skip task", "rollback task", "rollback", "many", "many", "rollback wave", "rollback wave",
		}
	case plan.Completed:
		return []string{"retry failed", "retry task", "retry task", "rollback task", "rollback task", "rollback", "many", "many", "rollback wave"}
	case plan.Canceled:
		return []string{"rollback task", "rollback task", "rollback", "many", "rollback wave"}
	case plan.RollingBack:
		return []string{"cancel"}
	case plan.RollbackFailed:
		return []string{"rollback", "rollback", "skip task", "rollback task", "many"}
	case plan.RolledBack:
	}
	return []string{"rollback"}
}

// tenants is the number of tenants that all plans share.
const tenants = 5

func drawSpec(r *rand.Rand, n int) plan.Spec {
	s := plan.Spec{
		Name: fmt.Sprintf("plan %d", n), ExecutorType: "X",
		Strategy: strategy.Strategy{
			MaxConcurrency:  one(r, strategy.Amount{}, strategy.Count(2), strategy.Count(4), strategy.Percent(50)),
			MaxFailures:     one(r, strategy.Amount{}, strategy.Amount{}, strategy.Count(1), strategy.Count(2), strategy.Percent(40)),
			MaxSameFailures: one(r, 0, 0, 1, 2, 3),
			FailureAction:   one(r, strategy.Stop, strategy.Pause, strategy.RollbackPlan),
			ConcurrencyMode: one(r, strategy.Soft, strategy.Strict),
			Conflict:        one(r, strategy.Reject, strategy.Reject, strategy.Wait, strategy.Skip, strategy.Skip),
		},
	}
	if r.IntN(4) == 0 {
		s.IdempotencyKey = s.Name
	}
	for _, i := range r.Perm(tenants)[:1+r.IntN(tenants)] {
		s.Tenants = append(s.Tenants, tenantOf(i))
	}
	return s
}

// drawWaits draws the rules of a strategy that make tasks wait, or that limit them.
func drawWaits(r *rand.Rand, s *strategy.Strategy) {
	s.Retry = one(r, strategy.Retry{}, strategy.Retry{Attempts: 2, First: 50 * time.Millisecond},
		strategy.Retry{Attempts: 4, First: 300 * time.Millisecond, Max: 3 * time.Second})
	s.MinSuccessTime = one(r, 0, 0, 20*time.Millisecond, time.Second, 2*leaseTTL)
	s.TaskTimeout = one(r, 0, 0, time.Second, 4*time.Second)
	s.ProgressDeadline = one(r, 0, 0, 700*time.Millisecond, 2*time.Second)
}

// drawWaves divides a spec into waves. Bakes are waits, too.
func drawWaves(r *rand.Rand, s *plan.Spec, bakes bool) {
	defer func() {
		if len(s.Strategy.Waves)+len(s.Strategy.WaveSizes) > 0 && r.IntN(3) == 0 {
			s.Strategy.FailureAction = strategy.RollbackWave
		}
	}()
	if bakes {
		s.Strategy.BakeTime = one(r, 0, 50*time.Millisecond, time.Second, leaseTTL)
		s.Strategy.FinalBakeTime = one(r, 0, 0, time.Second)
	}
	if r.IntN(3) == 0 {
		s.Strategy.WaveSizes = [][]strategy.Amount{{strategy.Count(1)}, {strategy.Count(1), strategy.Percent(50)}, {strategy.Percent(40)}}[r.IntN(3)]
		return
	}
	first := strategy.Wave{
		Size: strategy.Count(1 + r.IntN(max(1, len(s.Tenants)-1))), Canary: r.IntN(2) == 0, Approval: r.IntN(4) == 0,
		MaxConcurrency: one(r, strategy.Amount{}, strategy.Count(1), strategy.Percent(50)),
	}
	if !first.Canary {
		first.MaxFailures = one(r, strategy.Amount{}, strategy.Count(0), strategy.Count(1))
	}
	if first.Size.N < len(s.Tenants) {
		last := strategy.Wave{Approval: r.IntN(2) == 0, MaxFailures: one(r, strategy.Amount{}, strategy.Count(0), strategy.Percent(100))}
		s.Strategy.Waves = []strategy.Wave{first, last}
	}
}

// drawTuning returns a change of a strategy.
func drawTuning(r *rand.Rand) strategy.Tuning {
	same := one(r, 0, 1, 2)
	return strategy.Tuning{
		MaxConcurrency:  one(r, strategy.Amount{}, strategy.Count(1), strategy.Count(3)),
		MaxFailures:     one(r, strategy.Amount{}, strategy.Count(0), strategy.Count(1), strategy.Percent(100)),
		MaxSameFailures: one(r, nil, nil, &same),
	}
}

// drawAdded returns tenants to add, one or two of those that all plans share.
func drawAdded(r *rand.Rand) (added []task.Tenant) {
	for _, i := range r.Perm(tenants)[:1+r.IntN(2)] {
		added = append(added, tenantOf(i))
	}
	return added
}

func one[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func during(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }
