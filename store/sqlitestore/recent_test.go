package sqlitestore

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// copyOf opens a copy of the file as it is while the store works, as after a crash.
func copyOf(t *testing.T, s *Store) *Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return open(t, path, Config{})
}

// answers returns what the API says of the tasks of a plan, in several ways.
func (o *operator) answers(s *Store) map[string]any {
	o.Helper()
	got := make(map[string]any)
	note := func(name string, v any, err error) { o.OK(err); got[name] = v }
	var ordinals []int
	for _, q := range []store.TaskQuery{{}, {States: []task.State{task.Running}}, {States: []task.State{task.Pending}, Limit: 3}, {Unheld: true}, {After: 2, Limit: 4}} {
		tasks, next, err := s.Tasks(o.Ctx, o.ID, q)
		note(fmt.Sprint(q), []any{tasks, next}, err)
		if reflect.DeepEqual(q, store.TaskQuery{}) {
			for i := range tasks {
				ordinals = append(ordinals, tasks[i].ID.Ordinal())
			}
		}
	}
	var at []task.Task
	for some := range slices.Chunk(ordinals, store.MaxBatch) {
		tasks, err := s.TasksAt(o.Ctx, o.ID, some)
		o.OK(err)
		at = append(at, tasks...)
	}
	if !reflect.DeepEqual([]any{at, 0}, got[fmt.Sprint(store.TaskQuery{})]) {
		o.Error("TasksAt and Tasks do not agree")
	}
	states, err := s.States(o.Ctx, o.ID, 0, 0)
	note("states", states, err)
	for i := range at {
		if at[i].State != states[i] {
			o.Errorf("task %d is %s, States says %s", i+1, at[i].State, states[i])
		}
	}
	held, err := s.Holdings(o.Ctx, o.ID, "")
	note("holdings", held, err)
	events, err := s.Events(o.Ctx, o.ID, 0, 0)
	note("events", events, err)
	return got
}

// TestHeldTasksOverCrash: what changed of tasks that workers hold is told in every way before their
// rows are written, and is there after a crash: checkpoints, undo logs, requests and claims, also
// of those that were held, released and claimed again. The work goes on.
func TestHeldTasksOverCrash(t *testing.T) {
	t.Parallel()
	s := open(t, newFile(t), Config{})
	o := start(t, s, 12)
	held := o.Claim("worker", 6)
	first := o.Sent
	o.Work(sqltest.Saves(o.ID, held[:4], 1, "A \"quoted\" über\x00\n", []byte("{\"a\":1}\xff\x00")))
	o.Work(&store.Batch{Plan: o.ID, Changes: []store.Change{{
		Task: held[1].ID, Token: held[1].Token, Seq: 2, Kind: store.Save,
		Saved: store.Saved{Step: "B", Data: []byte("b"), UndoStep: "U", UndoData: []byte(`"undo"`)}, Elapsed: 3 * time.Second,
	}}})
	o.Work(sqltest.Saves(o.ID, held[2:3], 2, "LONG", make([]byte, maxLength+1))) // goes to its row
	o.End(held[5], store.Complete, nil)
	o.Work(&store.Batch{Plan: o.ID, Changes: []store.Change{{Task: held[4].ID, Token: held[4].Token, Seq: 1, Kind: store.Yield}}})
	again := o.Claim("other worker", 2)
	last := o.Sent
	o.Decide(func(p plan.Plan) (plan.Decision, error) { return p.Pause(plan.By{Now: time.Now()}) })
	compareViews(t, o)

	want := o.answers(s)
	crashed := copyOf(t, s)
	if n := query(t, crashed, "select count(*) as n from held")[0]["n"]; n != "5" {
		t.Errorf("%s tasks are in the view held, want 5", n)
	}
	if got := o.answers(crashed); !reflect.DeepEqual(want, got) {
		t.Errorf("there was\n%+v\nand is\n%+v", want, got)
	}
	o.Store = crashed
	compareViews(t, o)
	repeat := store.Batch{Plan: o.ID, Claim: store.Claim{ID: fmt.Sprint("claim ", last), Worker: "other worker", Max: 2}}
	if o.OK(o.Commit(o.Ctx, &repeat)); len(repeat.Claimed) != 2 || repeat.Claimed[0].ID != again[0].ID {
		t.Errorf("the claim again: %v", repeat.Claimed)
	}
	ended := store.Batch{Plan: o.ID, Claim: store.Claim{ID: fmt.Sprint("claim ", first), Worker: "worker", Max: 6}}
	if o.OK(o.Commit(o.Ctx, &ended)); len(ended.Claimed) != 4 {
		t.Errorf("%d tasks of the first claim are left", len(ended.Claimed))
	}
	o.Work(sqltest.Saves(o.ID, held[:3], 3, "C", []byte("c")))
	o.End(again[1], store.Complete, nil)
	storetest.Check(t, crashed, o.ID)
}

// TestRecentIsBounded: tasks that workers hold for long get their rows when so many transactions
// have come together, and all of them when the store is closed.
func TestRecentIsBounded(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s := open(t, path, Config{})
	o := start(t, s, 300)
	long := o.Claim("long", 2)
	for i := range 3 * maxRecentRows {
		w := o.Claim("worker", 1)[0]
		if o.Work(sqltest.Saves(o.ID, long, uint32(i+1), "A", fmt.Append(nil, i))); i%4 > 0 {
			o.End(w, store.Complete, nil)
		}
		if rows := query(t, s, "SELECT number FROM recent"); len(rows) > maxRecentRows+1 {
			t.Fatalf("%d rows are kept", len(rows))
		}
	}
	want := o.answers(s)
	if got := o.answers(copyOf(t, s)); !reflect.DeepEqual(want, got) {
		t.Error("after a crash the answers are others")
	}
	o.OK(s.Close())
	o.Store = open(t, path, Config{})
	if rows := query(t, o.Store, "select * from held"); len(rows) > 0 {
		t.Errorf("%d tasks have no rows", len(rows))
	}
	if got := o.answers(o.Store); !reflect.DeepEqual(want, got) {
		t.Error("in the next process the answers are others")
	}
	storetest.Check(t, o.Store, o.ID)
}

// TestManyClaims: a plan with more claims than are remembered knows them all by the table claim.
func TestManyClaims(t *testing.T) {
	t.Parallel()
	s := open(t, newFile(t), Config{})
	const n = maxClaims + 300
	o := start(t, s, n)
	batches := make([]*store.Batch, n)
	for i := range batches {
		batches[i] = &store.Batch{Plan: o.ID, Claim: store.Claim{ID: fmt.Sprint("many ", i), Worker: "worker", Max: 1}}
	}
	for some := range slices.Chunk(batches, 400) {
		o.OK(o.together(some...))
	}
	for _, b := range []*store.Batch{batches[0], batches[n/2], batches[n-1]} {
		has := b.Claimed[0]
		if o.OK(o.Commit(o.Ctx, b)); len(b.Claimed) != 1 || b.Claimed[0].ID != has.ID {
			t.Errorf("a claim again: %v, it was %v", b.Claimed, has.ID)
		}
		o.Work(sqltest.Saves(o.ID, b.Claimed, 1, "A", nil))
		o.Work(&store.Batch{Plan: o.ID, Changes: []store.Change{{Task: has.ID, Token: has.Token, Seq: 2, Kind: store.Complete}}})
	}
	if held, err := s.Holdings(o.Ctx, o.ID, "worker"); err != nil || len(held) != n-3 {
		t.Errorf("%d tasks are held, %v", len(held), err)
	}
	storetest.Check(t, copyOf(t, s), o.ID)
}

// TestDamagedRecent: a row of the table recent that makes no sense is named, and what it says of
// one task damages only that one.
func TestDamagedRecent(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"UPDATE recent SET tasks = '{' WHERE number = (SELECT max(number) FROM recent)":                                         "table recent, plan 1",
		"UPDATE recent SET tasks = '[[]]' WHERE number = (SELECT max(number) FROM recent)":                                      "table recent, plan 1",
		"UPDATE recent SET claims = x'01' WHERE number = (SELECT max(number) FROM recent)":                                      "table recent, plan 1",
		"UPDATE recent SET claims = x'01ffffffff' WHERE number = (SELECT max(number) FROM recent)":                              "table recent, plan 1",
		"UPDATE recent SET data = x'' WHERE number = (SELECT max(number) FROM recent)":                                          "table recent, plan 1",
		"UPDATE recent SET tasks = replace(tasks, '[1,1,1,', '[1,1,77,') WHERE number = (SELECT max(number) FROM recent)":       "ordinal 1",
		"UPDATE recent SET tasks = replace(tasks, '[1,1,1,', '[1,0,1,') WHERE number = (SELECT max(number) FROM recent)":        "ordinal 1",
		"UPDATE recent SET tasks = replace(tasks, '[1,1,1,1,', '[1,1,1,-1,') WHERE number = (SELECT max(number) FROM recent)":   "ordinal 1",
		"UPDATE recent SET tasks = replace(tasks, '[1,1,1,1,', '[1,1,1,\"\",') WHERE number = (SELECT max(number) FROM recent)": "ordinal 1",
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			s := open(t, newFile(t), Config{})
			o := start(t, s, 6)
			held := o.Claim("worker", 3)
			o.Work(sqltest.Saves(o.ID, held, 1, "A", []byte("data")))
			create(t, s, 1)
			path := filepath.Join(t.TempDir(), "copy.db")
			o.OK(s.Backup(o.Ctx, path))
			scribble(t, path, sql)
			o.Store = open(t, path, Config{})
			tasks, err := o.TasksAt(o.Ctx, 1, []int{1, 4})
			if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), want) {
				t.Errorf("%d tasks, %v", len(tasks), err)
			}
			b := sqltest.Saves(1, held[:2], 2, "B", nil)
			err = o.Commit(o.Ctx, b)
			if one := strings.Contains(want, "ordinal") && !strings.Contains(sql, `"`); one && (err != nil || b.Changes[1].Err != nil || !errors.Is(b.Changes[0].Err, store.ErrCorrupt)) {
				t.Errorf("a commit: %v, %v, %v", err, b.Changes[0].Err, b.Changes[1].Err)
			} else if !one && !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("a commit: %v", err)
			}
			if _, err := o.Plan(o.Ctx, 2); err != nil {
				t.Errorf("the other plan: %v", err)
			}
		})
	}
}
