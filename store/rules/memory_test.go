package rules_test

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// memory has all tasks of a plan and knows every answer: it looks at all of them each time. It
// compares what the rules tell it with what it sees.
type memory struct {
	rt     *rapid.T
	p      rules.Plan
	tasks  []rules.Task // by ordinal - 1
	places []rules.Place
	claims []rules.ClaimRow // by number - 1
	log    []string
	newest task.Token
	calls  int // of the methods that are called for each change and each task claimed
}

func (m *memory) Task(ordinal uint32) *rules.Task {
	m.calls++
	return &m.tasks[ordinal-1]
}

func (m *memory) Next(q rules.Queue, from, until uint32) (first uint32, known bool) {
	m.calls++
	var best [2]int64
	for i := range m.tasks {
		ordinal, t := uint32(i+1), &m.tasks[i]
		if place, in := placeIn(&m.p, q, ordinal, t, from, until); in && (first == 0 || place[0] < best[0] || place[0] == best[0] && place[1] < best[1]) {
			first, best = ordinal, place
		}
	}
	return first, true
}

// placeIn returns where a task is in a queue, if it is in it: what is first has the least numbers.
func placeIn(p *rules.Plan, q rules.Queue, ordinal uint32, t *rules.Task, from, until uint32) (place [2]int64, in bool) {
	o := int64(ordinal)
	switch q {
	case rules.Pending:
		return [2]int64{o}, t.State == task.Pending && from <= ordinal && ordinal <= until
	case rules.Undoable:
		position := position(p, ordinal, t)
		undoable := task.Control{State: t.State, Attempt: int(t.Attempt)}.Undoable()
		return [2]int64{-int64(position)}, undoable && until <= position && position <= from
	case rules.Undoing:
		o = -o
	case rules.Waiting, rules.WaitingExempt, rules.WaitingUndos:
		return [2]int64{int64(t.WaitUntil()), o}, t.Place().Queue == q
	case rules.Exempt, rules.Running, rules.Starting:
	}
	return [2]int64{o}, t.Place().Queue == q
}

// position returns a task's position in Undoable.
func position(p *rules.Plan, ordinal uint32, t *rules.Task) uint32 {
	if p.Sequential() {
		return t.Released
	}
	return ordinal
}

func (m *memory) Changed(ordinal uint32, t *rules.Task, from rules.Place) {
	m.calls++
	if m.places[ordinal-1] != from {
		m.rt.Fatalf("task %d was at %+v, not at %+v", ordinal, m.places[ordinal-1], from)
	}
	m.places[ordinal-1] = t.Place()
}

func (m *memory) Log(e rules.Event) {
	m.calls++
	m.log = append(m.log, logged(e))
}

func logged(e rules.Event) string {
	text := fmt.Sprintf("%d: task %d, attempt %d: %s from %s to %s", e.At, e.Ordinal, e.Attempt, e.Cause, e.From, e.To)
	if e.Failure != nil {
		text += ", " + e.Failure.ErrorCode
	}
	return text
}

func (m *memory) Claim(id string) (number uint32, known bool) {
	i := slices.IndexFunc(m.claims, func(c rules.ClaimRow) bool { return c.ID == id })
	return uint32(i + 1), i >= 0
}

func (m *memory) Open(id, worker string) (number uint32) {
	m.claims = append(m.claims, rules.ClaimRow{ID: id, Worker: worker})
	return uint32(len(m.claims))
}

func (m *memory) Held(number uint32, to []uint32) []uint32 {
	for i := range m.tasks {
		if m.tasks[i].Claim == number {
			to = append(to, uint32(i+1))
		}
	}
	return to
}

func (m *memory) Worker(number uint32) string { return m.claims[number-1].Worker }

// commit commits batches one after the other.
func (m *memory) commit(now rules.Stamp, batches ...*store.Batch) {
	for _, b := range batches {
		m.calls = 0
		done := rules.Commit(&m.p, m, b, rules.Moment{Now: now, Newest: m.newest})
		b.Claimed = nil
		for _, ordinal := range done.Claimed {
			b.Claimed = append(b.Claimed, m.export(ordinal))
		}
		if most := 4*len(b.Changes) + 14; b.Claim.Max == 0 && m.calls > most { // 14: the view
			m.rt.Fatalf("%d calls for %d changes", m.calls, len(b.Changes))
		}
		m.end(done)
	}
}

func (m *memory) export(ordinal uint32) (c task.Task) {
	t, worker := &m.tasks[ordinal-1], ""
	if t.Claim != 0 {
		worker = m.claims[t.Claim-1].Worker
	}
	m.p.Export(ordinal, t, worker, &c)
	return c
}

// end checks that every task is where the rules said, and marks the end of a step in the log.
func (m *memory) end(done rules.Outcome) {
	for i := range m.tasks {
		if place := m.tasks[i].Place(); place != m.places[i] {
			m.rt.Fatalf("task %d is at %+v, and was said to be at %+v", i+1, place, m.places[i])
		}
	}
	m.newest = done.Newest
	if done.AtRest {
		m.log[len(m.log)-1] += ", at rest"
	}
}

func (m *memory) apply(now rules.Stamp, c *store.Command) error {
	done, err := rules.Apply(&m.p, m, c, rules.Moment{Now: now, Newest: m.newest})
	if err != nil || done.Repeated {
		return err
	}
	for range done.Added {
		m.tasks = append(m.tasks, rules.NewTask(tenant(len(m.tasks)+1)))
		m.places = append(m.places, rules.Place{})
	}
	for _, e := range c.Events {
		m.log = append(m.log, fmt.Sprint(e))
	}
	m.end(done)
	return nil
}
