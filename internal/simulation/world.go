package simulation

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// world is one history: the store, the processes on it, and the faults found.
type world struct {
	seed  uint64
	began time.Time
	store *audit
	// temper is the frequency and size of the faults in this history.
	temper temper
	// calm reports whether the faults have ended and executors behave.
	calm atomic.Bool
	// calmed is closed when calm becomes true.
	calmed chan struct{}
	// commands are the operations that the script has begun; loose are requests that arrive late
	// and goroutines that executors left behind.
	commands, loose sync.WaitGroup

	ledger ledger

	mu     sync.Mutex
	procs  []*process
	lines  []string
	faults []string
}

func newWorld(seed uint64) *world {
	w := &world{seed: seed, began: time.Now(), calmed: make(chan struct{})}
	w.ledger = ledger{w: w, active: make(map[*engagement]struct{}), runs: make(map[string]int), newest: make(map[string]task.Token)}
	return w
}

// dice returns random numbers that depend only on the seed and the name.
func (w *world) dice(name ...any) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, name...)
	return rand.New(rand.NewPCG(w.seed, h.Sum64()))
}

// clock returns the time of the store's clock, which is set back and forth every few seconds.
func (w *world) clock() time.Time {
	now := time.Now()
	if w.temper.Steady {
		return now
	}
	off := []time.Duration{0, 0, steps, -steps, w.temper.Steps, -w.temper.Steps}
	r := w.dice("clock", now.Unix()/5)
	return now.Add(off[r.IntN(len(off))])
}

// logf records what happened, for the report of a failed history.
func (w *world) logf(format string, args ...any) {
	line := fmt.Sprintf("%9.3fs ", time.Since(w.began).Seconds()) + fmt.Sprintf(format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, line)
}

// faultf records a violation of a rule.
func (w *world) faultf(format string, args ...any) {
	w.logf("FAULT "+format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

func (w *world) report() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return "faults:\n" + strings.Join(w.faults, "\n") + "\n\nhistory:\n" + strings.Join(w.lines, "\n")
}

// play carries out the script, and then checks that every plan ends as it must.
func (w *world) play(ctx context.Context, s script) {
	if !s.begins.IsZero() {
		time.Sleep(time.Until(s.begins))
		w.began = time.Now()
	}
	w.temper = s.temper
	w.logf("temper %+v", s.temper)
	for range s.processes {
		w.spawn()
	}
	observed := w.observe(ctx)
	for _, o := range s.ops {
		time.Sleep(o.at - time.Since(w.began))
		w.commands.Go(func() { w.do(ctx, o) })
	}
	w.settle(ctx)
	observed()
	for _, p := range w.all() {
		p.shutdown()
	}
	for _, p := range w.all() {
		<-p.done
	}
	w.loose.Wait()
	w.checkPlans(ctx)
}

// all returns all processes, crashed ones too.
func (w *world) all() []*process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*process(nil), w.procs...)
}

// pick returns the n-th process that has not crashed, modulo their number. If all have crashed it
// starts one.
func (w *world) pick(n int) *process {
	procs := slices.DeleteFunc(w.all(), (*process).crashed)
	if len(procs) == 0 {
		return w.spawn()
	}
	return procs[n%len(procs)]
}

// plans returns the visible plans, by ascending id.
func (w *world) plans(ctx context.Context) []plan.Plan {
	plans, err := w.store.Plans(ctx, store.PlanQuery{})
	if err != nil {
		w.faultf("plans: %v", err)
	}
	for i, j := 0, len(plans)-1; i < j; i, j = i+1, j-1 {
		plans[i], plans[j] = plans[j], plans[i]
	}
	return plans
}
