package rules_test

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// TestWindows compares a plan of which every step sees a few rows with one of which it sees all, in
// random histories. What a window is too short for, the next commits find.
func TestWindows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"":          func(*rapid.T) { w.compare() },
			"claim":     w.claim,
			"claim 2":   w.claim,
			"changes":   w.changes,
			"changes 2": w.changes,
			"again":     w.again,
			"plan":      w.planCommand,
			"task":      w.taskCommand,
			"tasks":     w.tasksCommand,
			"engine":    w.engine,
			"engine 2":  w.engine,
			"add":       w.addition,
			"time":      func(rt *rapid.T) { w.now += rules.Stamp(rapid.IntRange(1, 40).Draw(rt, "ms")) * 1e6 },
		})
	})
}

// world is a plan in memory and in a database.
type world struct {
	rt     *rapid.T
	now    rules.Stamp
	memory memory
	rows   database
	n      int // what unique returned
	sent   []store.Change
	ids    []string            // of claims
	parts  map[string][]string // the further claims of each, in rows
}

func tenant(ordinal int) task.Tenant { return task.Tenant{ID: fmt.Sprint("tenant-", ordinal)} }

func newWorld(rt *rapid.T) *world {
	w := &world{rt: rt, parts: make(map[string][]string), now: rules.StampOf(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))}
	n := rapid.IntRange(1, 14).Draw(rt, "tasks")
	s, waves := drawStrategy(rt, n)
	c := store.Create{Actor: "ann", Plan: plan.Plan{Name: "plan", ExecutorType: "X", TaskCount: n, Strategy: s, Control: plan.Control{Waves: waves}}}
	w.memory = memory{rt: rt, p: rules.New(7, &c, w.now), places: make([]rules.Place, n)}
	w.rows = database{rt: rt, p: rules.New(7, &c, w.now), window: rapid.IntRange(1, 3).Draw(rt, "window"), short: rapid.Bool().Draw(rt, "short")}
	for i := range n {
		w.memory.tasks = append(w.memory.tasks, rules.NewTask(tenant(i+1)))
		w.rows.tasks = append(w.rows.tasks, rules.NewTask(tenant(i+1)))
	}
	first, _ := rules.Finish(&w.memory.p, w.now)
	w.memory.log = append(w.memory.log, fmt.Sprint(first))
	first, _ = rules.Finish(&w.rows.p, w.now)
	w.rows.log = append(w.rows.log, fmt.Sprint(first))
	w.decide(func(p plan.Plan) (plan.Decision, error) { return p.MarkStarting(1, time.Minute, w.by()) })
	w.decide(func(p plan.Plan) (plan.Decision, error) { return p.Start(w.by()) })
	return w
}

func (w *world) by() plan.By { return plan.By{Actor: "ann", Now: w.now.Time()} }

func (w *world) unique(what string) string {
	w.n++
	return fmt.Sprint(what, "-", w.n)
}

// tasks returns all tasks.
func (w *world) tasks() []task.Task {
	var list []task.Task
	for i := range w.memory.tasks {
		list = append(list, w.memory.export(uint32(i+1)))
	}
	return list
}

// commit commits the same batches on both sides, compares the answers, and gives the rows further
// commits until they have found what memory has.
func (w *world) commit(batches ...*store.Batch) {
	var copies []*store.Batch
	for _, b := range batches {
		c := &store.Batch{Plan: b.Plan, Changes: slices.Clone(b.Changes), Claim: b.Claim}
		if err := c.Check(); err != nil {
			w.rt.Fatal(err)
		}
		copies = append(copies, c)
	}
	w.memory.commit(w.now, batches...)
	w.rows.commit(w.now, copies...)
	for i, b := range batches {
		for j := range b.Changes {
			x, y := &b.Changes[j], &copies[i].Changes[j]
			if x.State != y.State || x.Stop != y.Stop || fmt.Sprint(x.Err) != fmt.Sprint(y.Err) {
				w.rt.Fatalf("change %+v: %s, %s, %v, and in rows %s, %s, %v", x, x.State, x.Stop, x.Err, y.State, y.Stop, y.Err)
			}
		}
	}
	want, got := batches[len(batches)-1], copies[len(copies)-1]
	w.more(want, got)
	byID := func(a, b task.Task) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortStableFunc(want.Claimed, byID)
	slices.SortStableFunc(got.Claimed, byID)
	if !reflect.DeepEqual(want.Claimed, got.Claimed) {
		w.rt.Fatalf("claimed %+v, and in rows %+v", want.Claimed, got.Claimed)
	}
	w.look()
}

// more goes on with a claim in rows until it has as many tasks as in memory, or says that there are
// none.
func (w *world) more(want, got *store.Batch) {
	for turns := 0; len(got.Claimed) < len(want.Claimed) && got.View.Claimable; turns++ {
		if turns > len(w.rows.tasks)+2 {
			w.rt.Fatal("it claims nothing and says that there is something")
		}
		next := got.Claim
		next.ID, next.Max, next.RaiseTokens = w.unique("more"), want.Claim.Max-len(got.Claimed), false
		w.parts[want.Claim.ID] = append(w.parts[want.Claim.ID], next.ID)
		b := &store.Batch{Plan: got.Plan, Claim: next}
		w.rows.commit(w.now, b)
		got.Claimed, got.View = append(got.Claimed, b.Claimed...), b.View
	}
}

// look commits nothing on both sides, in rows until the view is that of memory.
func (w *world) look() {
	var want, got store.Batch
	w.memory.commit(w.now, &want)
	for range len(w.rows.tasks) + 2 {
		w.rows.commit(w.now, &got)
		if got.View.Claimable == want.View.Claimable {
			break
		}
	}
	if got.View.Claimable != want.View.Claimable {
		w.rt.Fatalf("claimable in memory: %t, in rows: %t, for ever", want.View.Claimable, got.View.Claimable)
	}
	w.catchUp()
}

// catchUp lets the rows look as far for tasks to undo as memory has. While tasks are in flight they
// do not do so by themselves: what memory has passed may be undone in rows if its undo fails.
func (w *world) catchUp() {
	x, y := &w.memory.p, &w.rows.p
	if x.Undo.Open && x.Counters.InFlight() > 0 {
		if ahead := y.UndosExhausted && !x.UndosExhausted || !x.UndosExhausted && y.Marks.Undo > 0 && y.Marks.Undo < x.Marks.Undo; ahead {
			w.rt.Fatalf("the undo round has passed %d, in rows %d", x.Marks.Undo, y.Marks.Undo)
		}
		y.UndosExhausted, y.Marks.Undo = x.UndosExhausted, x.Marks.Undo
	}
}

// apply gives a command to both sides.
func (w *world) apply(c *store.Command) {
	if err := c.Check(); err != nil {
		w.rt.Fatal(err)
	}
	x, y := w.memory.apply(w.now, c), w.rows.apply(w.now, c)
	if fmt.Sprint(x) != fmt.Sprint(y) {
		w.rt.Fatalf("command: %v, and in rows %v", x, y)
	}
	w.look()
}

// decide decides on the plan and commits the decision.
func (w *world) decide(f func(plan.Plan) (plan.Decision, error)) {
	p := w.memory.p.Snapshot(&w.memory, w.now)
	d, err := f(p)
	if err != nil || !d.Changed {
		return
	}
	c := store.Command{ID: w.unique("command"), Version: p.Version, Failed: -1, Decision: d}
	if w.n%7 == 0 {
		c.RaiseTokens = true
	}
	if w.n%11 == 0 {
		c.Version++ // stale
	}
	w.apply(&c)
	w.apply(&c) // again
}

// compare compares both sides.
func (w *world) compare() {
	x, y := w.memory.p.Snapshot(&w.memory, w.now), w.rows.snapshot(w.now)
	if !reflect.DeepEqual(x, y) {
		w.rt.Fatalf("plan %+v\nin rows %+v", x, y)
	}
	for i, x := range w.tasks() {
		if y := w.rows.export(uint32(i + 1)); !reflect.DeepEqual(x, y) {
			w.rt.Fatalf("task %+v\nin rows %+v", x, y)
		}
	}
	if !slices.Equal(w.memory.log, w.rows.log) {
		w.rt.Fatalf("log %q\nin rows %q", w.memory.log, w.rows.log)
	}
	if x, y := w.memory.p.Marks, w.rows.p.Marks; x.Floor != y.Floor || x.Releases != y.Releases || x.Round != y.Round || w.memory.newest != w.rows.newest {
		w.rt.Fatalf("marks %+v, %d, in rows %+v, %d", x, w.memory.newest, y, w.rows.newest)
	}
}

func (w *world) claim(rt *rapid.T) {
	b := w.batch()
	b.Claim = store.Claim{ID: w.unique("claim"), Worker: rapid.SampledFrom([]string{"amy", "bob"}).Draw(rt, "worker"), Max: rapid.IntRange(1, 4).Draw(rt, "max")}
	b.Claim.RaiseTokens = rapid.IntRange(0, 5).Draw(rt, "raise") == 0
	if rapid.IntRange(0, 4).Draw(rt, "chosen") == 0 {
		b.Claim.Chosen = true
		b.Claim.Pending = rapid.SliceOfN(rapid.IntRange(1, len(w.memory.tasks)+1), 0, 5).Draw(rt, "choice")
	}
	w.ids = append(w.ids, b.Claim.ID)
	w.commit(b)
}

func (w *world) batch() *store.Batch { return &store.Batch{Plan: w.memory.p.ID} }

// changes commits changes of tasks that workers hold, in one batch or two, and then perhaps claims.
func (w *world) changes(rt *rapid.T) {
	held := slices.DeleteFunc(w.tasks(), func(t task.Task) bool { return t.Worker == "" })
	if len(held) == 0 {
		rt.Skip("nothing is held")
	}
	held = rapid.Permutation(held).Draw(rt, "tasks")
	held = held[:rapid.IntRange(1, min(4, len(held))).Draw(rt, "count")]
	batches := []*store.Batch{w.batch(), w.batch()}
	for i := range held {
		c := w.change(rt, &held[i])
		b := batches[rapid.IntRange(0, 1).Draw(rt, "batch")]
		b.Changes = append(b.Changes, c)
		w.sent = append(w.sent, c)
	}
	if rapid.Bool().Draw(rt, "claims") {
		batches[1].Claim = store.Claim{ID: w.unique("claim"), Worker: "amy", Max: rapid.IntRange(1, 3).Draw(rt, "max")}
	}
	w.commit(batches...)
}

// change draws a change of a task that a worker holds.
func (w *world) change(rt *rapid.T, t *task.Task) store.Change {
	kinds := []store.ChangeKind{store.Save, store.Complete, store.Complete, store.Fail, store.Yield, store.Defer}
	if t.State == task.RollingBack {
		kinds = []store.ChangeKind{store.Save, store.Undone, store.Undone, store.UndoFail, store.Yield, store.Defer}
	}
	c := store.Change{Task: t.ID, Token: t.Token, Seq: uint32(w.n), Kind: rapid.SampledFrom(kinds).Draw(rt, "kind")}
	w.n++
	c.Elapsed = time.Duration(rapid.IntRange(0, 3).Draw(rt, "elapsed")) * time.Second
	switch c.Kind {
	case store.Save:
		c.Step, c.Data = rapid.SampledFrom([]string{"", "A", "B"}).Draw(rt, "step"), []byte("data")
		c.UndoStep, c.UndoData = rapid.SampledFrom([]string{"", "A", "B"}).Draw(rt, "undo"), []byte("undo")
	case store.Defer:
		c.Wait = rapid.SampledFrom([]task.WaitReason{task.WaitHold, task.WaitBackoff, task.WaitProving}).Draw(rt, "wait")
		c.After = time.Duration(rapid.IntRange(0, 30).Draw(rt, "after")) * time.Millisecond
		c.Failure = &task.FailureInfo{ErrorCode: "WAITS"}
	case store.Fail, store.UndoFail, store.Yield:
		c.Failure = &task.FailureInfo{ErrorCode: rapid.SampledFrom([]string{"ONE", "TWO"}).Draw(rt, "code"), Step: "A"}
		c.RaiseTokens = rapid.IntRange(0, 5).Draw(rt, "raise") == 0
	case store.Complete, store.Undone:
	}
	if rapid.IntRange(0, 9).Draw(rt, "stale") == 0 {
		c.Token--
	}
	return c
}

// again sends something that was sent before.
func (w *world) again(rt *rapid.T) {
	b := w.batch()
	if len(w.sent) > 0 {
		b.Changes = append(b.Changes, rapid.SampledFrom(w.sent).Draw(rt, "change"))
	}
	w.commit(b)
	if len(w.ids) == 0 {
		return
	}
	id := rapid.SampledFrom(w.ids).Draw(rt, "claim")
	want := repeat(id, w.memory.Claim, func(b *store.Batch) { w.memory.commit(w.now, b) })
	known := func(id string) (uint32, bool) {
		i := slices.IndexFunc(w.rows.claims, func(c rules.ClaimRow) bool { return c.ID == id })
		return 0, i >= 0
	}
	var got []task.ID
	for _, part := range append(w.parts[id], id) {
		got = append(got, repeat(part, known, func(b *store.Batch) { w.rows.commit(w.now, b) })...)
	}
	slices.Sort(got)
	if !slices.Equal(want, got) {
		rt.Fatalf("claim %s again: %v, and in rows %v", id, want, got)
	}
}

// repeat sends a claim again and returns its tasks. One that is not known would be a new one.
func repeat(id string, known func(string) (uint32, bool), commit func(*store.Batch)) (ids []task.ID) {
	if _, is := known(id); !is {
		return nil
	}
	b := store.Batch{Plan: 7, Claim: store.Claim{ID: id, Worker: "amy", Max: 2}}
	commit(&b)
	for _, t := range b.Claimed {
		ids = append(ids, t.ID)
	}
	return ids
}

// TestRefusals checks what a change is refused for, and that it has no effect then.
func TestRefusals(t *testing.T) {
	t.Parallel()
	id := func(ordinal int) task.ID { return task.NewID(7, ordinal) }
	for name, c := range map[string]struct {
		change store.Change
		want   error
	}{
		"no such task":           {store.Change{Task: id(2), Token: 9, Seq: 1, Kind: store.Complete}, store.ErrNotFound},
		"another plan's":         {store.Change{Task: task.NewID(8, 1), Token: 9, Seq: 1, Kind: store.Complete}, store.ErrNotFound},
		"an old token":           {store.Change{Task: id(1), Token: 8, Seq: 1, Kind: store.Complete}, store.ErrFenced},
		"an undo that is none":   {store.Change{Task: id(1), Token: 9, Seq: 1, Kind: store.Undone}, store.ErrCorrupt},
		"too many undo entries":  {store.Change{Task: id(1), Token: 9, Seq: 1, Saved: store.Saved{UndoStep: "new"}}, checkpoint.ErrTooLarge},
		"a kind that is unknown": {store.Change{Task: id(1), Token: 9, Seq: 1, Kind: store.Defer + 1}, store.ErrCorrupt},
	} {
		p := rules.Plan{Plan: plan.Plan{ID: 7, TaskCount: 1, Control: plan.Control{State: plan.Running}}}
		p.Counters.States[task.Running], p.Counters.Held = 1, 1
		l := rules.NewLoaded(&p)
		held := rules.Task{State: task.Running, Attempt: 1, Claim: 3, Token: 9, Version: 2, More: &rules.More{}}
		for i := range checkpoint.MaxUndoEntries {
			held.More.Undo = append(held.More.Undo, checkpoint.Undo{Step: fmt.Sprint(i)})
		}
		l.Put(1, held)
		l.PutClaim(rules.ClaimRow{Number: 3, ID: "claim", Worker: "amy", Held: []uint32{1}})
		before := p.Facts
		b := store.Batch{Plan: 7, Changes: []store.Change{c.change}}
		rules.Commit(&p, l, &b, rules.Moment{Now: 1})
		if !errors.Is(b.Changes[0].Err, c.want) || l.Err() != nil {
			t.Errorf("%s: %v, %v; want %v", name, b.Changes[0].Err, l.Err(), c.want)
		}
		for range l.Tasks() {
			t.Errorf("%s: a task was changed", name)
		}
		if !reflect.DeepEqual(p.Facts, before) || len(l.Events()) > 0 {
			t.Errorf("%s: facts %+v, events %v", name, p.Facts, l.Events())
		}
	}
}
