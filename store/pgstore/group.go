package pgstore

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// groups carry out commits. While a transaction of a plan is under way, the next commits of the
// plan come together, and share the next transaction. There is no timer: a commit that finds no
// transaction of its plan under way is carried out at once.
type groups struct {
	s *Store

	mu     sync.Mutex
	plans  map[plan.ID][]*commit // those that wait; the key exists while a goroutine works on the plan
	closed bool
	work   sync.WaitGroup
}

// Limits of a transaction.
const (
	maxCommits = 512
	maxChanges = 1000
	// enough are so many commits that more in one transaction would save little.
	enough = 128
)

// commit is a commit under way. It belongs to the goroutine of its plan.
type commit struct {
	store.Batch
	claimed []task.Task
	err     error
	done    chan struct{}
}

// do carries out a commit. If ctx ends first, it may still take effect.
func (g *groups) do(ctx context.Context, c *commit) error {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return ErrClosed
	}
	waiting, busy := g.plans[c.Plan]
	if g.plans[c.Plan] = append(waiting, c); !busy {
		g.work.Add(1)
		go g.loop(c.Plan)
	}
	g.mu.Unlock()
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		g.withdraw(c)
		return ctx.Err()
	}
}

// withdraw removes a commit that has not begun.
func (g *groups) withdraw(c *commit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if waiting, busy := g.plans[c.Plan]; busy {
		g.plans[c.Plan] = slices.DeleteFunc(waiting, func(other *commit) bool { return other == c })
	}
}

// loop works on a plan until no commit of it waits.
func (g *groups) loop(id plan.ID) {
	defer g.work.Done()
	for {
		runtime.Gosched() // those who were just answered may join
		group := g.next(id)
		if group == nil {
			return
		}
		g.carryOut(id, group)
	}
}

// next takes some of the commits that wait. If there are none, the goroutine of the plan has to
// end.
func (g *groups) next(id plan.ID) []*commit {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.take(id)
}

// many takes some of the commits that wait, if they are many. A few should wait for those that are
// under way: each transaction has its price, and its sync of the disk.
func (g *groups) many(id plan.ID) []*commit {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.plans[id]) < enough {
		return nil
	}
	return g.take(id)
}

// take is next for who has the lock.
func (g *groups) take(id plan.ID) []*commit {
	waiting := g.plans[id]
	n, changes := 0, 0
	for ; n < min(len(waiting), maxCommits); n++ {
		if changes += len(waiting[n].Changes) + waiting[n].Claim.Max; n > 0 && changes > maxChanges {
			break
		}
	}
	if n == 0 {
		delete(g.plans, id)
		return nil
	}
	group := slices.Clone(waiting[:n])
	g.plans[id] = slices.Delete(waiting, 0, n)
	return group
}

// carryOut carries out a group, and some that come meanwhile, and answers their callers. If
// something permanent keeps a group from being carried out, each of its commits is carried out by
// itself.
func (g *groups) carryOut(id plan.ID, group []*commit) {
	for group != nil {
		failed, rest, err := g.s.carryOut(group, func() []*commit { return g.many(id) })
		group = rest
		if len(failed) > 1 && !store.Temporary(err) {
			for i := range failed {
				one, _, err := g.s.carryOut(failed[i:i+1], func() []*commit { return nil })
				answer(one, err)
			}
			continue
		}
		answer(failed, err)
	}
}

// answer tells the callers of commits that they were not carried out.
func answer(failed []*commit, err error) {
	for _, c := range failed {
		c.err = err
		close(c.done)
	}
}

// close waits for what is under way.
func (g *groups) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.work.Wait()
}
