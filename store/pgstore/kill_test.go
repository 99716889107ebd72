package pgstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/task"
)

// killed claims tasks and completes them until ctx ends or none is left; it sends again what failed
// for now, as an engine does.
type killed struct {
	*operator
	mu   sync.Mutex
	done map[task.ID]bool // those of which the completion was answered
}

// send sends a commit until it is answered; it returns false when ctx has ended.
func (k *killed) send(ctx context.Context, b *store.Batch) bool {
	for {
		limited, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := k.Commit(limited, b)
		cancel()
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil:
			return false
		case !store.Temporary(err) && !errors.Is(err, context.DeadlineExceeded):
			k.Errorf("a commit: %v", err)
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (k *killed) work(ctx context.Context, name string) {
	for n := 0; ; n++ {
		claim := store.Batch{Plan: k.ID, Claim: store.Claim{ID: fmt.Sprint(name, " ", n), Worker: name, Max: 2}}
		if !k.send(ctx, &claim) || len(claim.Claimed) == 0 {
			return
		}
		tasks := claim.Claimed
		if !k.send(ctx, sqltest.Saves(k.ID, tasks, 1, "A", []byte("data"))) {
			return
		}
		b := &store.Batch{Plan: k.ID}
		for _, t := range tasks {
			b.Changes = append(b.Changes, store.Change{Task: t.ID, Token: t.Token, Seq: 2, Kind: store.Complete})
		}
		if !k.send(ctx, b) {
			return
		}
		k.mu.Lock()
		for i := range b.Changes {
			if w := &b.Changes[i]; w.Err == nil {
				k.done[w.Task] = true
			} else {
				k.Errorf("task %s was completed, and sent again: %v", w.Task, w.Err)
			}
		}
		k.mu.Unlock()
	}
}

// TestServerIsKilled: what was answered outlives kill -9 of the server in the middle of commits,
// what was not is there as a whole or not at all, and the stores go on when the server is back.
func TestServerIsKilled(t *testing.T) {
	t.Parallel()
	const tasks, workers = 600, 6
	server := newSchemas(t, "fsync=on")
	o := start(t, server.open(t, Config{Timeout: 5 * time.Second}), tasks)
	k := &killed{operator: o, done: make(map[task.ID]bool)}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for n := range workers {
		all.Go(func() { k.work(ctx, fmt.Sprint("worker ", n)) })
	}
	over := make(chan struct{})
	go func() { all.Wait(); close(over) }()
	crashes := 0
	for working := true; working; {
		select {
		case <-over:
			working = false
		case <-time.After(time.Duration(100+40*crashes) * time.Millisecond): // in the middle of something
			server.Restart()
			crashes++
		}
	}
	if ctx.Err() != nil || crashes < 2 {
		t.Fatalf("the work has not come to its end, or has met too few crashes: %d", crashes)
	}
	// Idle connections of the store before may be of the server that was killed last.
	o.Store = open(t, server.url(), Config{Schema: o.cfg.Schema})
	p, err := o.Plan(t.Context(), o.ID)
	if err != nil || p.Counters.Of(task.Completed) != tasks || len(k.done) != tasks {
		t.Errorf("%d tasks are completed, %d were answered, %v", p.Counters.Of(task.Completed), len(k.done), err)
	}
	states, err := o.States(t.Context(), o.ID, 0, 0)
	if err != nil || len(states) != tasks {
		t.Fatalf("%d states, %v", len(states), err)
	}
	for i, state := range states {
		if state != task.Completed {
			t.Errorf("task %d is %s", i+1, state)
		}
	}
	o.checkEvents(tasks)
}

// checkEvents compares the log with what has happened: every task has begun and ended once.
func (o *operator) checkEvents(tasks int) {
	o.Helper()
	began, ended, after := 0, 0, int64(0)
	for {
		events, err := o.Events(o.Ctx, o.ID, after, 0)
		o.OK(err)
		if len(events) == 0 {
			break
		}
		for i := range events {
			after++
			if events[i].Seq != after {
				o.Fatalf("event %d follows %d", events[i].Seq, after-1)
			}
			switch events[i].To {
			case task.Completed.String():
				ended++
			case task.Running.String():
				if events[i].Task != 0 {
					began++
				}
			}
		}
	}
	if began != tasks || ended != tasks {
		o.Errorf("the log has %d beginnings and %d ends of %d tasks", began, ended, tasks)
	}
}

// TestFrozenServer: while the server answers nothing, calls end with their contexts or, without
// one, with the time limit of the store; later ones succeed.
func TestFrozenServer(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	o := start(t, server.open(t, Config{Timeout: time.Second, Connections: 3}), 3)
	held := o.Claim("worker", 2)
	server.Freeze()
	for name, call := range publicCalls(o.ID) {
		if name == "Listen" {
			continue // it waits for its context
		}
		before := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := call(ctx, o.Store); !errors.Is(err, context.DeadlineExceeded) || store.Temporary(err) {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		if took := time.Since(before); took > 5*time.Second {
			t.Errorf("%s ends after %s", name, took)
		}
	}
	if _, err := o.Plan(t.Context(), o.ID); !store.Temporary(err) {
		t.Errorf("without a time limit: %v", err)
	}
	if err := o.Commit(t.Context(), sqltest.Saves(o.ID, held, 1, "A", nil)); !store.Temporary(err) {
		t.Errorf("a commit without a time limit: %v", err)
	}
	server.Thaw()
	o.Work(sqltest.Saves(o.ID, held, 1, "A", nil))
}
