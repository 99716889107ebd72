package rules_test

import (
	"testing"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// TestWritten: rows that were written serve the next commits as rows that are read would. Only what
// the next ones change has changed then, and what was forgotten is missing.
func TestWritten(t *testing.T) {
	t.Parallel()
	p := running(6)
	l := rules.NewLoaded(&p)
	for o := range uint32(4) {
		l.Put(o+1, rules.Task{})
	}
	l.Known(rules.Pending, 4, false)
	if n, last := l.Ahead(1); n != 4 || last != 4 {
		t.Fatalf("%d tasks are pending up to %d", n, last)
	}
	commit := func(b store.Batch) store.Batch {
		t.Helper()
		rules.Commit(&p, l, &b, rules.Moment{Now: 5e3, Newest: 100})
		if l.Err() != nil || len(b.Changes) > 0 && b.Changes[0].Err != nil {
			t.Fatal(l.Err(), b.Changes)
		}
		return b
	}
	written := func(tasks, claims, events int) {
		t.Helper()
		for range l.Tasks() {
			tasks--
		}
		for range l.Claims() {
			claims--
		}
		if tasks != 0 || claims != 0 || len(l.Events()) != events {
			t.Fatalf("%d tasks, %d claims, %d events are missing", tasks, claims, events-len(l.Events()))
		}
		l.Written(func(_ uint32, t *rules.Task) bool { return t.Claim != 0 || t.State == task.Pending })
	}
	commit(store.Batch{Plan: 7, Claim: store.Claim{ID: "a", Worker: "amy", Max: 2}})
	written(2, 1, 2)
	if n, _ := l.Ahead(p.Marks.Pending); n != 2 {
		t.Errorf("%d tasks are pending", n)
	}
	first := store.Change{Task: task.NewID(7, 1), Token: l.Task(1).Token, Seq: 1, Kind: store.Save, Saved: store.Saved{Step: "A"}}
	commit(store.Batch{Plan: 7, Changes: []store.Change{first}})
	written(1, 0, 0)
	first.Kind, first.Seq = store.Complete, 2
	second := store.Change{Task: task.NewID(7, 2), Token: l.Task(2).Token, Seq: 1, Kind: store.Complete}
	commit(store.Batch{Plan: 7, Changes: []store.Change{first, second}, Claim: store.Claim{ID: "b", Worker: "amy", Max: 1}})
	written(3, 2, 3)
	if _, known := l.Claim("a"); known || l.Task(3).Claim == 0 {
		t.Errorf("claim a is known: %t", known)
	}
	if l.Task(1) != nil || l.Err() == nil {
		t.Error("a task that was forgotten is there")
	}
}
