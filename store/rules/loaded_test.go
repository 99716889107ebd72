package rules_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// running is a plan of n tasks that runs.
func running(n int) rules.Plan {
	p := rules.New(7, &store.Create{Plan: plan.Plan{TaskCount: n, Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(n)}}}, 1)
	p.State, p.Grant = plan.Running, strategy.Grant{LastOrdinal: n, MaxSlots: n, MaxFailed: n}
	p.Counters.States[task.Pending] = n
	return p
}

// TestWindowWithoutAnswer checks that a claim whose window has no pending task moves on to the
// window's end, and that the view says that there is more.
func TestWindowWithoutAnswer(t *testing.T) {
	t.Parallel()
	p := running(10)
	p.Counters.States[task.Pending], p.Counters.States[task.Skipped] = 1, 9
	claim := func(i int) store.Batch {
		b := store.Batch{Plan: 7, Claim: store.Claim{ID: fmt.Sprint(i), Worker: "amy", Max: 1}}
		n := rules.Needs(&p, []*store.Batch{&b})
		if want := (rules.Window{From: uint32(4*i + 1), Until: 10}); n.Pending != want || !n.Undoable.Empty() {
			t.Fatalf("commit %d needs %+v, want pending tasks %+v", i, n, want)
		}
		l := rules.NewLoaded(&p)
		last := min(n.Pending.From+3, n.Pending.Until)
		for o := n.Pending.From; o <= last; o++ {
			state := task.Skipped
			if o == 10 {
				state = task.Pending
			}
			l.Put(o, rules.Task{State: state})
		}
		l.Known(rules.Pending, last, last == n.Pending.Until)
		done := rules.Commit(&p, l, &b, rules.Moment{Now: 5e3, Newest: 100})
		if i == 2 && (!slices.Equal(done.Claimed, []uint32{10}) || done.Newest != 100) {
			t.Fatalf("the last window: %+v", done)
		}
		return b
	}
	for i := range 2 {
		if b := claim(i); !b.View.Claimable {
			t.Fatalf("window %d: not claimable", i)
		}
	}
	if b := claim(2); b.View.Claimable || b.View.Counters.Held != 1 {
		t.Fatalf("after the claim: %+v", b.View)
	}
}

// TestUndoWindowWithoutAnswer checks that an undo round that has seen no task to undo in its window
// goes on below it, and is exhausted at the end of the plan alone.
func TestUndoWindowWithoutAnswer(t *testing.T) {
	t.Parallel()
	p := running(6)
	p.State, p.Undo = plan.RollingBack, plan.Undo{Round: 1, Open: true}
	p.Marks.Round = 1
	for i, want := range []rules.Window{{From: 6, Until: 1}, {From: 3, Until: 1}} {
		var b store.Batch
		n := rules.Needs(&p, []*store.Batch{&b})
		if n.Undoable != want {
			t.Fatalf("commit %d needs %+v", i, n)
		}
		l := rules.NewLoaded(&p)
		for o := want.From; o > want.From-3; o-- {
			l.Put(o, rules.Task{State: task.Canceled})
		}
		l.Known(rules.Undoable, want.From-2, i == 1)
		rules.Commit(&p, l, &b, rules.Moment{Now: 5})
		if last := i == 1; b.View.Claimable == last || p.UndosExhausted != last {
			t.Fatalf("commit %d: claimable %t, exhausted %t", i, b.View.Claimable, p.UndosExhausted)
		}
	}
}

// TestShortQueue checks that a claim ends where too little of a queue was read: it takes neither a
// task that came into the queue behind what was read, nor a pending one.
func TestShortQueue(t *testing.T) {
	t.Parallel()
	p := running(9)
	p.Counters.States[task.Pending], p.Counters.States[task.Running] = 1, 8
	p.Counters.Held, p.Marks.Claims = 1, 1
	l := rules.NewLoaded(&p)
	for _, o := range []uint32{2, 3} { // and 4 to 8, which are not read
		l.Put(o, rules.Task{State: task.Running, Attempt: 1})
	}
	l.Known(rules.Running, 3, false)
	l.Put(9, rules.Task{State: task.Running, Attempt: 1, Claim: 1, Token: 7})
	l.PutClaim(rules.ClaimRow{Number: 1, ID: "had", Worker: "bob", Held: []uint32{9}})
	l.Put(1, rules.Task{})
	l.Known(rules.Pending, 9, true)
	b := store.Batch{
		Plan: 7, Changes: []store.Change{{Task: task.NewID(7, 9), Token: 7, Seq: 1, Kind: store.Yield}},
		Claim: store.Claim{ID: "new", Worker: "amy", Max: 5},
	}
	done := rules.Commit(&p, l, &b, rules.Moment{Now: 5})
	if err := l.Err(); err != nil || !slices.Equal(done.Claimed, []uint32{2, 3}) || !b.View.Claimable {
		t.Fatalf("claimed %v, claimable %t, %v", done.Claimed, b.View.Claimable, err)
	}
}

// TestUndoInTurn checks that a plan that runs its tasks one by one undoes them in the reverse order
// of their releases, each once, whatever becomes of the undo, with windows of one task.
func TestUndoInTurn(t *testing.T) {
	t.Parallel()
	p := rules.New(7, &store.Create{Plan: plan.Plan{TaskCount: 4, Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(1)}}}, 1)
	p.State, p.Grant = plan.Running, strategy.Grant{LastOrdinal: 4, MaxSlots: 1, MaxFailed: 4}
	p.Counters.States[task.Pending] = 4
	d := database{rt: t, p: p, window: 1}
	for i := range 4 {
		d.tasks = append(d.tasks, rules.NewTask(tenant(i+1)))
	}
	claims := 0
	work := func(kind store.ChangeKind, c store.Claim) int {
		claims++
		c.ID, c.Worker, c.Max = fmt.Sprint(claims), "amy", 1
		b := store.Batch{Plan: 7, Claim: c}
		if d.commit(5, &b); len(b.Claimed) == 0 {
			return 0
		}
		got := &b.Claimed[0]
		end := store.Batch{Plan: 7, Changes: []store.Change{{Task: got.ID, Token: got.Token, Seq: 1, Kind: kind}}}
		if d.commit(5, &end); end.Changes[0].Err != nil {
			t.Fatal(end.Changes[0].Err)
		}
		return got.ID.Ordinal()
	}
	for _, o := range []int{3, 1, 2} {
		if got := work(store.Complete, store.Claim{Chosen: true, Pending: []int{o}}); got != o {
			t.Fatalf("claimed %d, want %d", got, o)
		}
	}
	c := store.Command{ID: "undo", Version: p.Version, Failed: -1, Decision: plan.Decision{Plan: d.p.Plan}}
	c.Plan.State, c.Plan.Undo = plan.RollingBack, plan.Undo{Round: 1, Open: true}
	if err := d.apply(5, &c); err != nil {
		t.Fatal(err)
	}
	var order []int
	for i := 0; i < 20 && !d.p.UndosExhausted; i++ {
		if o := work(store.UndoFail, store.Claim{}); o != 0 {
			order = append(order, o)
		}
	}
	if !slices.Equal(order, []int{2, 1, 3}) || !d.p.UndosExhausted {
		t.Fatalf("undone: %v, exhausted %t", order, d.p.UndosExhausted)
	}
}

// TestNeeds checks what is to be read for commits and commands.
func TestNeeds(t *testing.T) {
	t.Parallel()
	id := func(ordinal int) task.ID { return task.NewID(7, ordinal) }
	p := running(9)
	p.Counters.States = [task.NumStates]int{task.Pending: 4, task.Running: 4, task.RollingBack: 1}
	p.Counters.Held, p.Counters.Waiting, p.Counters.Exempt = 1, 1, 1
	work := []*store.Batch{
		{Plan: 7, Changes: []store.Change{{Task: id(8), Saved: store.Saved{UndoStep: "A"}}, {Task: id(2)}, {Task: id(10)}, {Task: task.NewID(8, 1)}}},
		{Plan: 7, Changes: []store.Change{{Task: id(2)}}, Claim: store.Claim{ID: "a", Max: 3}},
		{Plan: 7, Claim: store.Claim{ID: "b", Max: 2, Chosen: true, Pending: []int{5, 11}}},
	}
	n := rules.Needs(&p, work)
	queues := n.Queues
	n.Queues = 0
	want := rules.Need{
		Tasks: []uint32{2, 5, 8}, UndoLogs: []uint32{8}, Claims: []string{"a", "b"}, First: 6, Pending: rules.Window{From: 1, Until: 9},
	}
	if !reflect.DeepEqual(n, want) {
		t.Errorf("commits need %+v, want %+v", n, want)
	}
	for q := rules.Exempt; q <= rules.WaitingUndos; q++ {
		if queues.Has(q) != (q != rules.Starting) {
			t.Errorf("queue %d: %t", q, queues.Has(q))
		}
	}

	idle := running(9)
	c := store.Command{Decision: plan.Decision{Plan: idle.Plan, Edits: []task.Edit{{ID: id(4)}, {ID: id(1)}}}}
	c.Plan.Waves = []plan.Wave{{Last: 3}, {Last: 7}, {Last: 9}}
	c.Plan.Undo = plan.Undo{Round: 1, Open: true, First: 4, Last: 7}
	want = rules.Need{Tasks: []uint32{1, 4}, First: 3, Undoable: rules.Window{From: 7, Until: 4}}
	if n := rules.NeedsOf(&idle, &c); !reflect.DeepEqual(n, want) {
		t.Errorf("a command needs %+v, want %+v", n, want)
	}
}

// TestLostRows checks that a step on a task or a claim that was not put is noticed.
func TestLostRows(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(*rules.Loaded){
		"task":  func(*rules.Loaded) {},
		"claim": func(l *rules.Loaded) { l.Put(1, rules.Task{State: task.Running, Claim: 3, Token: 9}) },
	} {
		p := running(1)
		l := rules.NewLoaded(&p)
		put(l)
		b := store.Batch{Plan: 7, Changes: []store.Change{{Task: task.NewID(7, 1), Token: 9, Seq: 1, Kind: store.Complete}}}
		rules.Commit(&p, l, &b, rules.Moment{Now: 5})
		if err := l.Err(); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("without its %s: %v", name, err)
		}
	}
}

// TestKeptCommands checks that a plan remembers as many commands as it has to, and no more.
func TestKeptCommands(t *testing.T) {
	t.Parallel()
	p := running(1)
	for i := range 3*store.KeptCommands + 5 {
		c := store.Command{ID: fmt.Sprint(i), Version: p.Version, Failed: -1, Decision: plan.Decision{Plan: p.Plan}}
		if done, err := rules.Apply(&p, rules.NewLoaded(&p), &c, rules.Moment{Now: 5}); err != nil || done.Repeated {
			t.Fatalf("command %d: %+v, %v", i, done, err)
		}
		for back := range store.KeptCommands + 1 {
			want := back < store.KeptCommands && back <= i
			if p.Commands.Has(fmt.Sprint(i-back)) != want {
				t.Fatalf("after %d: %d is remembered: %v", i, i-back, !want)
			}
		}
	}
}
