package simulation

import (
	"fmt"
	"sync"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/quota"
	"github.com/cutover-go/cutover/task"
)

// ledger records which executors are at work, and on which tenants.
type ledger struct {
	w *world

	mu     sync.Mutex
	active map[*engagement]struct{}
	runs   map[string]int
	// newest is the greatest token that has worked on a tenant, in any plan. A service that refuses
	// older tokens would remember it.
	newest map[string]task.Token
}

// engagement is an executor at work.
type engagement struct {
	tenant string
	task   task.ID
	token  task.Token
	bounds []quota.Bound // the quotas that bind the task
}

// begin records that an executor starts, and checks that no other executor whose writes the store
// still accepts works on the tenant, and that no run with a greater token has worked on it before.
// It returns the number of earlier runs of the same task, attempt and direction.
func (l *ledger) begin(run *executor.Run, undo bool) (e *engagement, before int) {
	e = &engagement{tenant: run.Tenant().ID, task: run.ID(), token: run.Token(), bounds: l.w.bounds(run.ID(), run.Tenant())}
	name := fmt.Sprint(run.ID(), run.Attempt(), undo)
	l.mu.Lock()
	defer l.mu.Unlock()
	for other := range l.active {
		if other.tenant != e.tenant || other.task == e.task && other.token != e.token {
			continue // an older worker of the same task is fenced; audit checks that
		}
		if l.w.store.current(e.task, e.token) && l.w.store.current(other.task, other.token) {
			l.w.faultf("tenant %s is worked on by task %s and task %s", e.tenant, other.task, e.task)
		}
	}
	if newest := l.newest[e.tenant]; e.token < newest && l.w.store.current(e.task, e.token) {
		l.w.faultf("tenant %s is worked on by task %s under token %d after %d", e.tenant, e.task, e.token, newest)
	}
	l.newest[e.tenant] = max(l.newest[e.tenant], e.token)
	l.active[e] = struct{}{}
	l.checkQuotas(e)
	before = l.runs[name]
	l.runs[name]++
	return e, before
}

func (l *ledger) end(e *engagement) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.active, e)
}
