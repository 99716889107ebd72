//go:build crash

package crashtest

import (
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// checkUndos checks the events and the ledger of a plan that was rolled back: each task that ran
// must have been undone once, and each task that did not run must be canceled. No undo may have
// begun while a task ran or, if the plan ran in sequence, before the undo of a task that ended
// later. If a task had effects, its undo must have found an undo log.
func (s *Site) checkUndos(id plan.ID) {
	s.Helper()
	record := replayUndos(s.Events(id), s.Way.InSequence)
	for _, fault := range record.faults {
		s.Error(fault)
	}
	histories := ByWork(s.Entries())
	for _, t := range s.Tasks(id) {
		ran := t.Attempt > 0
		if n := record.undone[t.ID]; ran && n != 1 || !ran && (n > 0 || t.State != task.Canceled) {
			s.Errorf("task %s is %s after attempt %d; its record says %d times that it was undone", t.ID, t.State, t.Attempt, n)
		}
		h, forth := histories[Work{t.ID, true}], histories[Work{t.ID, false}]
		if forth.has(Effect, "") && h.has(Started, noUndoLog) {
			s.Errorf("task %s: an undo began %s\n%s", t.ID, noUndoLog, s.Tail())
		}
	}
}

// has reports whether the history has an entry of a kind with a note.
func (h *History) has(k kind, note string) bool {
	return h != nil && slices.ContainsFunc(h.Entries, func(e Entry) bool { return e.Kind == k && e.Note == note })
}

// Events returns all events of a plan.
func (s *Site) Events(id plan.ID) (all []plan.Event) {
	s.Helper()
	for after := int64(0); ; after = all[len(all)-1].Seq {
		page, err := s.Store.Events(s.Context(), id, after, 0)
		if err != nil {
			s.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
	}
}

// undoReplay is the state of a plan according to the events replayed so far.
type undoReplay struct {
	InSequence bool
	round      int // the number of rollbacks that have begun
	running    map[task.ID]bool
	ended      []task.ID // the tasks whose work has ended, in order
	undone     map[task.ID]int
	failedIn   map[task.ID]int // the last round in which the undo failed
	faults     []string
}

// replayUndos replays the events of a plan and records the undos that begin too early as faults.
func replayUndos(events []plan.Event, inSequence bool) *undoReplay {
	r := &undoReplay{
		InSequence: inSequence,
		running:    make(map[task.ID]bool), undone: make(map[task.ID]int), failedIn: make(map[task.ID]int),
	}
	for _, e := range events {
		switch {
		case e.From == e.To:
		case e.Task == 0 && e.To == plan.RollingBack.String():
			r.round++
		case e.Task != 0:
			r.event(e)
		}
	}
	return r
}

func (r *undoReplay) event(e plan.Event) {
	delete(r.running, e.Task)
	switch e.To {
	case task.Running.String():
		r.running[e.Task] = true
	case task.Completed.String(), task.Canceled.String():
		r.ended = append(r.ended, e.Task)
	case task.RollingBack.String():
		r.Begin(e)
	case task.RollbackFailed.String():
		r.failedIn[e.Task] = r.round
	case task.RolledBack.String():
		r.undone[e.Task]++
	}
}

// Begin checks that the undo may begin: no task runs any more and, if the plan ran in sequence, the
// undos of all tasks that ended later are done, or have failed in the same round.
func (r *undoReplay) Begin(e plan.Event) {
	if len(r.running) > 0 {
		r.fault("event %d: the undo of task %s begins while %v run", e.Seq, e.Task, r.running)
	}
	if !r.InSequence {
		return
	}
	for _, later := range slices.Backward(r.ended) {
		if later == e.Task {
			return
		}
		if r.undone[later] == 0 && r.failedIn[later] != r.round {
			r.fault("event %d: the undo of task %s begins before that of %s; they ended in the order %v", e.Seq, e.Task, later, r.ended)
		}
	}
}

func (r *undoReplay) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}
