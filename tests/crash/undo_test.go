//go:build crash

package crash

import (
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// checkUndos checks what is special about a plan that was rolled back: by its own record
// each task that ran was undone once and those that did not were cancelled, in a
// sequence in the reverse order of completion, and no undo log was dropped too early.
func (s *site) checkUndos(id plan.ID) {
	s.Helper()
	undone := s.replayUndos(s.events(id))
	histories := byWork(s.entries())
	for _, t := range s.tasks(id) {
		ran := t.Attempt > 0
		if n := undone[t.ID]; ran && n != 1 || !ran && (n > 0 || t.State != task.Cancelled) {
			s.Errorf("task %s is %s after attempt %d; its record says %d times that it was undone", t.ID, t.State, t.Attempt, n)
		}
		h, forth := histories[work{t.ID, true}], histories[work{t.ID, false}]
		if forth.has(effect, "") && h.has(started, noUndoLog) {
			s.Errorf("task %s: an undo began %s\n%s", t.ID, noUndoLog, s.tail())
		}
	}
}

// has says whether there is an entry of a kind with a note.
func (h *history) has(k kind, note string) bool {
	return h != nil && slices.ContainsFunc(h.entries, func(e entry) bool { return e.Kind == k && e.Note == note })
}

// events returns the plan's log.
func (s *site) events(id plan.ID) (all []plan.Event) {
	s.Helper()
	for after := int64(0); ; after = all[len(all)-1].Seq {
		page, err := s.store.Events(s.Context(), id, after, 0)
		if err != nil {
			s.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
	}
}

// replayUndos goes through a plan's log and returns how often each task was undone. In
// a sequence no undo may begin before those of all tasks that ended later are done, or
// have failed in the same round.
func (s *site) replayUndos(events []plan.Event) map[task.ID]int {
	s.Helper()
	undone, failedIn := make(map[task.ID]int), make(map[task.ID]int)
	var ran []task.ID // as they ended, the last one last
	round := 0
	for _, e := range events {
		switch {
		case e.Task == 0 && e.From != e.To && e.To == plan.RollingBack.String():
			round++
		case e.Task == 0 || e.From == e.To:
		case e.To == task.Completed.String(), e.To == task.Cancelled.String():
			ran = append(ran, e.Task)
		case e.To == task.RollbackFailed.String():
			failedIn[e.Task] = round
		case e.To == task.RolledBack.String():
			undone[e.Task]++
		case e.To == task.RollingBack.String() && s.way.inSequence:
			for i := len(ran) - 1; i >= 0 && ran[i] != e.Task; i-- {
				if later := ran[i]; undone[later] == 0 && failedIn[later] != round {
					s.Errorf("event %d: the undo of task %s begins before that of %s, which ended later: %v", e.Seq, e.Task, later, ran)
				}
			}
		}
	}
	return undone
}
