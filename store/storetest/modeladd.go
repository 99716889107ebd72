package storetest

import (
	"errors"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// mostTasks is how many tasks additions leave a plan with.
const mostTasks = 12

// add takes the next step of an addition of tenants, or begins one.
func (m *machine) add(rt *rapid.T) {
	p := &m.o.plan
	if p.Adding == nil {
		if len(m.o.tasks) == mostTasks {
			rt.Skip("the plan has enough tasks")
		}
		a := plan.Adding{
			Token: uint64(1000 + m.ids), TTL: time.Minute, Actor: "operator",
			Tenants: rapid.IntRange(1, min(3, mostTasks-len(m.o.tasks))).Draw(rt, "tenants"),
		}
		m.decide(rt, false, func(p plan.Plan) (plan.Decision, error) { return a.Mark(p, by()) })
		return
	}
	a := *p.Adding
	later := rapid.IntRange(0, 4).Draw(rt, "later") == 0
	switch rapid.SampledFrom([]string{"all", "all", "append", "append", "append", "complete", "give up"}).Draw(rt, "step") {
	case "all":
		for left := a.Tenants - len(m.o.tail); left > 0 && !a.GivenUp; left = a.Tenants - len(m.o.tail) {
			m.appendTo(rt, a, len(m.o.tasks)+len(m.o.tail)+1, left)
		}
		m.decide(rt, false, func(p plan.Plan) (plan.Decision, error) { return a.Complete(p, by()) })
	case "append":
		m.appendTenants(rt, a)
	case "complete":
		m.decide(rt, later, func(p plan.Plan) (plan.Decision, error) { return a.Complete(p, by()) })
	case "give up":
		m.decide(rt, later, func(p plan.Plan) (plan.Decision, error) {
			if a.GivenUp {
				return a.Drop(p, rapid.IntRange(0, 1).Draw(rt, "left"), by()), nil
			}
			return a.GiveUp(p, by()), nil
		})
	}
}

// appendTenants stores tenants of an addition, some of them again, and rarely more than it has
// announced or for another one.
func (m *machine) appendTenants(rt *rapid.T, a plan.Adding) {
	had := len(m.o.tasks) + len(m.o.tail)
	first := rapid.IntRange(len(m.o.tasks)+1, had+1).Draw(rt, "first")
	if rapid.IntRange(0, 7).Draw(rt, "another") == 0 {
		a.Token++
	}
	m.appendTo(rt, a, first, rapid.IntRange(1, 3).Draw(rt, "count"))
}

// appendTo stores n tenants for an addition.
func (m *machine) appendTo(rt *rapid.T, a plan.Adding, first, n int) {
	list := make([]task.Tenant, n)
	for i := range list {
		list[i].ID = fmt.Sprintf("tenant-%d of %d", first+i, a.Token)
	}
	err := m.try(rt, func() error { return m.store.AppendTenants(m.ctx, m.id, a.Token, first, list) })
	fits := a.Token == m.o.plan.Adding.Token && !a.GivenUp && first+n-1 <= len(m.o.tasks)+a.Tenants
	switch {
	case !fits && !errors.Is(err, store.ErrConflict):
		rt.Fatalf("appended %d tenants from %d on to %+v: %v", n, first, a, err)
	case fits && err != nil:
		rt.Fatalf("append %d tenants from %d on to %+v: %v", n, first, a, err)
	case fits:
		m.o.tail = append(m.o.tail, list[min(n, len(m.o.tasks)+len(m.o.tail)+1-first):]...)
	}
}

// grow makes tasks of the tenants that were stored if the plan after a command has them. A command
// that marks another addition drops what the one before has stored.
func (o *oracle) grow(after *plan.Plan) {
	if after.TaskCount > o.plan.TaskCount {
		for _, t := range o.tail {
			id := task.NewID(o.plan.ID, len(o.tasks)+1)
			o.tasks = append(o.tasks, oracleTask{Task: task.Task{ID: id, Tenant: t}, must: true})
		}
		o.plan.TaskCount, o.tail = after.TaskCount, nil
	}
	if a, b := o.plan.Adding, after.Adding; b != nil && (a == nil || a.Token != b.Token) {
		o.tail = nil
	}
}
