package promcutover

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/observed"
	"github.com/cutover-go/cutover/task"
)

// sender sends metrics to a registry. A metric that cannot be made is left out.
type sender struct{ to chan<- prometheus.Metric }

func (s sender) value(f *family, v float64, labels ...string) {
	if m, err := prometheus.NewConstMetric(f.desc, f.kind, v, labels...); err == nil {
		s.to <- m
	}
}

func (s sender) count(f *family, n int, labels ...string) { s.value(f, float64(n), labels...) }

func (s sender) total(f *family, n uint64, labels ...string) { s.value(f, float64(n), labels...) }

func (s sender) histogram(f *family, h *histogram, labels ...string) {
	if m, err := h.metric(f.desc, labels...); err == nil {
		s.to <- m
	}
}

// stale is after how many intervals what the store has told is not exported any more: whoever takes
// the maximum over all processes would get what one of them saw long ago.
const stale = 5

func (m *Collector) sendTally(s sender) {
	f := m.families
	m.mu.Lock()
	c := m.tally
	m.mu.Unlock()
	s.total(f.failedRefreshes, m.failures.Load())
	if c == nil {
		s.value(f.age, time.Since(m.began).Seconds())
		return
	}
	age := time.Since(c.at)
	s.value(f.age, age.Seconds())
	s.value(f.refreshTime, c.took.Seconds())
	if age > stale*m.cfg.Interval {
		return
	}
	for state, n := range c.plans {
		s.count(f.plans, n, plan.State(state).String())
	}
	for state, n := range c.tasks {
		s.count(f.tasks, n, task.State(state).String())
	}
	s.count(f.inFlightTasks, c.inFlight)
	s.count(f.heldTasks, c.held)
	s.count(f.waitingTasks, c.waiting)
	s.count(f.activePlans, c.active)
	s.count(f.orphanPlans, c.orphans)
	incomplete := 0
	if c.incomplete {
		incomplete = 1
	}
	s.count(f.incomplete, incomplete)
	s.value(f.dueLag, c.dueLag.Seconds())
	s.count(f.workers, c.workers)
	s.count(f.capacity, c.capacity)
	s.count(f.used, c.taken)
	for _, n := range c.notifiers {
		s.value(f.notifierLag, float64(n.lag), n.name)
		s.count(f.notifierUnread, n.unread, n.name)
		s.value(f.notifierFailing, n.failing.Seconds(), n.name)
		s.count(f.letters, n.letters, n.name)
	}
}

func (m *Collector) sendProcess(s sender) {
	f, p := m.families, m.process
	ended, withoutOutcome, inFlight := p.executions()
	saves := p.saves.Load()
	s.total(f.inFlight, inFlight)
	s.total(f.claims, ended+inFlight)
	s.total(f.commits, saves+ended-withoutOutcome)
	s.total(f.saves, saves)
	s.total(f.retries, p.tasks[retried].total())
	s.total(f.takeovers, p.takeovers.Load())
	s.total(f.leasesLost, p.leasesLost.Load())
	s.total(f.tasksLost, withoutOutcome)
	p.failures.each(func(code string, n uint64) { s.total(f.failures, n, code) })
	p.faults.each(func(op string, n uint64) { s.total(f.faults, n, op) })
	for o, h := range p.tasks {
		s.histogram(f.taskTime, h, outcomeNames[o])
	}
	s.histogram(f.stopTime, p.stops)
}

// sendCalls sends the methods that were called, and all purposes.
func (m *Collector) sendCalls(s sender) {
	for op := range observed.Op(observed.NumOps) {
		if n := m.calls.counts[op].Load(); n > 0 {
			s.total(m.families.calls, n, op.String())
		}
	}
	for p, h := range m.calls.times {
		s.histogram(m.families.callTime, h, purposeNames[p])
	}
}
