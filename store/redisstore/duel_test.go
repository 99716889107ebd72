package redisstore

import (
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

var duelSeed = flag.Int64("duel", 0, "run only the duel of this seed")

// TestDuel gives random histories of large batches, odd names and commands to this store and to
// package memstore, and compares all their answers. storetest.Model tests plans of few tasks more
// deeply. The name of a failed subtest is the seed that repeats it: -duel=<seed>.
func TestDuel(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	for range 12 {
		seed := *duelSeed
		if seed == 0 {
			seed = rand.Int63()
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			d := &duel{T: t, rand: rand.New(rand.NewSource(seed))}
			keep := pick(d, 0, 0, 1, 7)
			d.stores[0] = memstore.NewWith(memstore.Config{MaxEvents: keep})
			d.stores[1] = openStore(t, client, Config{Prefix: fmt.Sprintf("%s:", t.Name()), MaxEvents: keep})
			d.start()
			for range 80 {
				d.step()
				d.compare()
			}
			storetest.Check(t, d.stores[1], d.ids[1])
		})
	}
}

// duel makes the same calls to two stores.
type duel struct {
	*testing.T
	rand   *rand.Rand
	stores [2]store.Store
	ids    [2]plan.ID
	tasks  int
	jobs   []*duelJob
	last   [2]store.Batch
	named  int
	// decided is when the plan was last put on the agenda.
	decided time.Time
}

// duelJob is one claim of a task, in both stores.
type duelJob struct {
	claimed [2]task.Task
	seq     uint32
}

func pick[T any](d *duel, from ...T) T { return from[d.rand.Intn(len(from))] }

func (d *duel) by() plan.By {
	return plan.By{Actor: "somebody", Now: time.Unix(1_700_000_000, 0).UTC()}
}

func (d *duel) worker() string {
	return pick(d, "ann", "b ob", "c\nd", "\x00", strings.Repeat("w", 300), " ", "7 8")
}

// name returns a new id.
func (d *duel) name() string {
	d.named++
	return pick(d, "id", "a b", "a/1", "a", "%20", "\x00", "\t", "é") + fmt.Sprint("-", d.named)
}

// both calls f for each store, with the store's index.
func (d *duel) both(f func(k int, s store.Store) error) {
	d.Helper()
	for k, s := range d.stores {
		if err := f(k, s); err != nil {
			d.Fatalf("store %d: %v", k, err)
		}
	}
}

// start creates and starts the same plan in both stores.
func (d *duel) start() {
	d.tasks = pick(d, 1, 5, 63, 64, 65, 129)
	labels := pick(d, nil, map[string]string{"a": "b"})
	p := plan.Plan{Name: "plan", ExecutorType: "X", TaskCount: d.tasks, Strategy: strategy.Strategy{
		MaxConcurrency: strategy.Count(pick(d, 1, 3, 70, 200)), MaxFailures: strategy.Count(pick(d, 0, 2, 100)), MaxSameFailures: pick(d, 0, 0, 2, 5),
		FailureAction: pick(d, strategy.Stop, strategy.Pause, strategy.RollbackPlan), ConcurrencyMode: pick(d, strategy.Soft, strategy.Strict),
	}}
	d.divide(&p)
	list := make([]task.Tenant, d.tasks)
	for i := range list {
		list[i] = task.Tenant{ID: fmt.Sprintf("t\x00 \n%d%s", i, strings.Repeat("x", i%3*126)), Labels: labels}
	}
	d.both(func(k int, s store.Store) error {
		c, err := s.BeginCreate(d.Context(), store.Create{Plan: p, Mark: "m", Hash: "h", TTL: time.Minute})
		d.ids[k] = c.ID
		for first := 0; first < d.tasks; first += store.MaxBatch {
			err = errors.Join(err, s.AddTenants(d.Context(), c, first+1, list[first:min(first+store.MaxBatch, d.tasks)]))
		}
		return errors.Join(err, s.FinishCreate(d.Context(), c))
	})
	d.decide(func(p plan.Plan, _ []task.Task) (plan.Decision, error) { return p.MarkStarting(1, time.Minute, d.by()) })
	d.decide(func(p plan.Plan, _ []task.Task) (plan.Decision, error) { return p.Start(d.by()) })
}

// step commits a random batch, command or decision.
func (d *duel) step() {
	switch n := d.rand.Intn(20); {
	case n < 11:
		d.commit(d.batch())
	case n < 13: // an answer was lost
		jobs := d.jobs
		d.commit(d.last)
		d.jobs = jobs
	case n < 15:
		commands := []func(plan.Plan, plan.By) (plan.Decision, error){
			plan.Plan.Pause, plan.Plan.Resume, plan.Plan.Resume, plan.Plan.Resume,
		}
		if d.rand.Intn(4) == 0 {
			commands = append(commands, plan.Plan.Cancel, plan.Plan.Rollback)
		}
		c := pick(d, append(commands, d.ofWaves()...)...)
		d.decide(func(p plan.Plan, _ []task.Task) (plan.Decision, error) { return c(p, d.by()) })
	case n < 16:
		alone := d.rand.Intn(2) == 0
		commands := []func(plan.Plan, task.Task, plan.By) (plan.Decision, error){
			plan.Plan.PauseTask, plan.Plan.ResumeTask, plan.Plan.CancelTask, plan.Plan.SkipTask, plan.Plan.RollbackTask,
			func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
				by.StayStopped = alone
				return p.RetryTask(t, task.FromScratch, by)
			},
			func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
				by.StayStopped = true
				return p.RetryTask(t, task.FromCheckpoint, by)
			},
		}
		c, i := pick(d, commands...), d.rand.Intn(d.tasks)
		d.decide(func(p plan.Plan, tasks []task.Task) (plan.Decision, error) { return c(p, tasks[i], d.by()) })
	case n < 17 && d.rand.Intn(2) == 0:
		d.sweeps()
	case n < 17:
		d.rush()
	case n < 18 && d.rand.Intn(2) == 0:
		d.add()
	case n < 18:
		d.decide(func(p plan.Plan, tasks []task.Task) (plan.Decision, error) {
			idle := slices.DeleteFunc(tasks, func(t task.Task) bool { return t.State != task.Running || t.Worker != "" })
			return p.HaltTasks(idle[:min(len(idle), store.MaxBatch)], d.by()), nil
		})
	case n < 19:
		d.agenda()
	default:
		d.decide(func(p plan.Plan, _ []task.Task) (plan.Decision, error) { return p.Settle(d.by().Now), nil })
	}
}

// sweeps gives a command for the tasks that a random filter selects, or carries the plan's first
// sweep on by a few tasks.
func (d *duel) sweeps() {
	kind := pick(d, plan.SweepRetry, plan.SweepSkipTasks, plan.SweepPauseTasks, plan.SweepResumeTasks, plan.SweepCancelTasks, plan.SweepRollbackTasks)
	s := plan.Sweep{Kind: kind, From: pick(d, task.FromCheckpoint, task.FromScratch), Filter: task.Filter{
		States: pick(d, nil, []task.State{task.Failed}, []task.State{task.Pending, task.Paused}), Codes: pick(d, nil, nil, []string{"CODE"}),
		Tenant: pick(d, "", "t\x00 \n1"), Labels: pick(d, nil, nil, map[string]string{"none": ""}),
	}}
	d.decide(func(p plan.Plan, tasks []task.Task) (plan.Decision, error) {
		var reach plan.Reach
		for i := range tasks {
			reach.Count(&s, &p, &tasks[i])
		}
		return s.Queue(p, reach, d.by())
	})
	d.compare()
	for range d.rand.Intn(4) {
		most := d.rand.Intn(store.MaxBatch)
		d.decide(func(p plan.Plan, tasks []task.Task) (plan.Decision, error) {
			if len(p.Sweeps) == 0 {
				return plan.Decision{}, nil
			}
			s := &p.Sweeps[0]
			var page []task.Task
			for at := s.After + 1; at <= min(len(tasks), s.After+most); at++ {
				if o := s.Place(&p, at); o > 0 { // which comes at that place: the way back is the same
					page = append(page, tasks[o-1])
				}
			}
			next := s.After + most
			if next >= len(tasks) {
				next = 0
			}
			return p.Sweep(page, next, func(task.ID) bool { return false }, d.by()), nil
		})
		d.compare()
	}
}

// batch returns changes to recently claimed tasks, often with a claim, for each store.
func (d *duel) batch() (b [2]store.Batch) {
	size := min(store.MaxBatch, d.tasks)
	taken := make(map[int]bool)
	for range d.rand.Intn(size + 1) {
		if len(d.jobs) == 0 {
			break
		}
		j := d.jobs[len(d.jobs)-1-d.rand.Intn(min(len(d.jobs), 2*size))]
		if o := j.claimed[0].ID.Ordinal(); !taken[o] {
			taken[o] = true
			w := d.work(j)
			for k := range b {
				b[k].Changes = append(b[k].Changes, w)
				b[k].Changes[len(b[k].Changes)-1].Task, b[k].Changes[len(b[k].Changes)-1].Token = j.claimed[k].ID, j.claimed[k].Token
			}
		}
	}
	var claim store.Claim
	if d.rand.Intn(3) > 0 {
		claim = store.Claim{ID: d.name(), Worker: d.worker(), Max: 1 + d.rand.Intn(size)}
		if d.rand.Intn(3) == 0 {
			claim.Chosen, claim.Pending = true, d.rand.Perm(d.tasks)[:d.rand.Intn(size+1)]
			for i := range claim.Pending {
				claim.Pending[i]++
			}
		}
	}
	for k := range b {
		// A store may make the changes of a batch in any order. Sorted by task, they give both
		// stores the same order of events.
		slices.SortFunc(b[k].Changes, func(a, b store.Change) int { return int(a.Task - b.Task) })
		b[k].Plan, b[k].Claim = d.ids[k], claim
	}
	return b
}

// work returns one random change, rarely one that the stores have to refuse.
func (d *duel) work(j *duelJob) store.Change {
	j.seq += pick(d, uint32(1), 1, 1, 1, 9)
	w := store.Change{Seq: j.seq, Kind: pick(d, store.Save, store.Save, store.Yield, store.Complete, store.Fail, store.Undone, store.UndoFail,
		store.Defer, store.Defer, store.Defer)}
	w.Elapsed = pick(d, 0, 0, 0, 1500*time.Microsecond, time.Minute)
	if d.rand.Intn(10) == 0 {
		w.Seq = max(1, w.Seq-9)
	}
	if w.Kind != store.Save {
		w.Failure = &task.FailureInfo{Reason: "no\n\t\x00" + strings.Repeat("z", d.rand.Intn(300)), ErrorCode: d.odd(), Step: d.odd()}
		if w.Kind == store.Defer {
			w.Wait = pick(d, task.WaitHold, task.WaitHold, task.WaitBackoff, task.WaitProving, task.WaitPlace)
			w.After = pick(d, 0, 0, time.Hour, 2*time.Hour) // whether it is over must not depend on the clocks
		}
		return w
	}
	if w.Step = pick(d, "", "A", "1:2", "ß 5:"); w.Step != "" {
		w.Data = fmt.Appendf(nil, "%q", strings.Repeat("y", pick(d, 0, 200, 249, 250, 251, 252, 300, 70_000)))
	}
	if w.UndoStep = pick(d, "", "A", "1:2", "\n3:x"); w.UndoStep != "" {
		w.UndoData = fmt.Appendf(nil, "%q", strings.Repeat("5:", d.rand.Intn(200)))
	}
	return w
}

// commit sends a batch to both stores and compares the answers.
func (d *duel) commit(b [2]store.Batch) {
	d.Helper()
	for k := range b {
		b[k].Plan = d.ids[k]
		d.last[k] = store.Batch{Changes: slices.Clone(b[k].Changes), Claim: b[k].Claim}
	}
	d.both(func(k int, s store.Store) error { return s.Commit(d.Context(), &b[k]) })
	for i := range b[0].Changes {
		x, y := &b[0].Changes[i], &b[1].Changes[i]
		if (x.Err == nil) != (y.Err == nil) || errors.Is(x.Err, store.ErrFenced) != errors.Is(y.Err, store.ErrFenced) ||
			x.Err == nil && (x.State != y.State || x.Stop != y.Stop) {
			d.Fatalf("change %d of kind %d of %s: %v, %s, %s; want %v, %s, %s", y.Seq, y.Kind, y.Task, y.Err, y.State, y.Stop, x.Err, x.State, x.Stop)
		}
	}
	for k := range b {
		b[k].View.Now, b[k].View.NextDue = timeless(b[k].View.Now, b[k].View.NextDue)
	}
	if b[0].View != b[1].View {
		d.Fatalf("view %+v, want %+v", b[1].View, b[0].View)
	}
	for k := range b {
		slices.SortFunc(b[k].Claimed, func(a, b task.Task) int { return int(a.ID - b.ID) })
	}
	if len(b[0].Claimed) != len(b[1].Claimed) {
		d.Fatalf("claimed %d tasks, want %d", len(b[1].Claimed), len(b[0].Claimed))
	}
	for i := range b[0].Claimed {
		d.same(b[1].Claimed[i], b[0].Claimed[i])
		d.jobs = append(d.jobs, &duelJob{claimed: [2]task.Task{b[0].Claimed[i], b[1].Claimed[i]}})
	}
}

// decide commits the same decision to both stores.
func (d *duel) decide(f func(plan.Plan, []task.Task) (plan.Decision, error)) {
	d.Helper()
	var refused [2]error
	id := d.name()
	d.decided = time.Now()
	d.both(func(k int, s store.Store) error {
		p, tasks := d.read(k)
		var c plan.Decision
		if c, refused[k] = f(p, tasks); refused[k] != nil || !c.Changed {
			return nil
		}
		_, err := s.Apply(d.Context(), store.Command{ID: id, Version: p.Version, Failed: -1, Decision: c})
		return err
	})
	if (refused[0] == nil) != (refused[1] == nil) {
		d.Fatalf("decided %v, want %v", refused[1], refused[0])
	}
}

// odd returns a code or a step that a script could mistake for something else.
func (d *duel) odd() string {
	return pick(d, "CODE", "CODE", "CODE", "", "\t", "CODE\tCODE", "\n", `\n`, "1\t1\tCODE\t\n", "\x00", "%s", strings.Repeat("é", 40), "\xff")
}
