//go:build crash

package crash

import (
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// figures are the costs of a fault; see the package comment.
type figures struct {
	takeOver                            time.Duration
	stale, rerun, attempts, lost, fails int
	doubles, runs                       int
}

func (f figures) String() string {
	over := "-"
	if f.takeOver > 0 {
		over = f.takeOver.Round(10 * time.Millisecond).String()
	}
	return fmt.Sprintf("take-over %7s  stale %d  re-run %d  attempts %d  lost %d  FAILED %d  doubles %d of %d runs",
		over, f.stale, f.rerun, f.attempts, f.lost, f.fails, f.doubles, f.runs)
}

// add adds g to f. The take-over is the longer of the two.
func (f *figures) add(g figures) {
	f.takeOver = max(f.takeOver, g.takeOver)
	f.stale += g.stale
	f.rerun += g.rerun
	f.attempts += g.attempts
	f.lost += g.lost
	f.fails += g.fails
	f.doubles += g.doubles
	f.runs += g.runs
}

// verdict checks a plan that is completed or rolled back, adds up the figures, and fails the test
// if a figure that must be 0 is not.
func (s *site) verdict(id plan.ID) {
	s.Helper()
	s.judge(id, byWork(s.entries()))
	if s.way.undo {
		s.checkUndos(id)
	}
}

// judge is verdict without checkUndos, for a ledger that the caller has read.
func (s *site) judge(id plan.ID, histories map[work]*history) {
	s.Helper()
	storetest.Check(s.T, s.store, id)
	var f figures
	for _, t := range s.tasks(id) {
		if s.way.undo && t.Attempt == 0 {
			continue // it never ran: the rollback has canceled it
		}
		want := s.endOf(t.ID.Ordinal())
		if want == task.Skipped && t.State == want {
			continue
		}
		undo := want == task.RolledBack
		h := histories[work{t.ID, undo}]
		if h == nil {
			s.Errorf("task %s is %s, but no executor ever ran", t.ID, t.State)
			continue
		}
		h.count(&f)
		if forth := histories[work{task: t.ID}]; forth != nil && undo {
			forth.count(&f)
		}
		f.attempts += t.Attempt - 1
		if s.expectRetry {
			f.attempts--
		}
		if t.State == task.Failed || t.State == task.RollbackFailed {
			f.fails++
		}
		if t.State != want {
			s.Errorf("task %s is %s", t.ID, t.State)
			f.lost += h.completions()
		}
	}
	f.attempts -= s.retried
	s.fig.add(f)
	if f.stale+f.rerun+f.attempts+f.fails > 0 || f.lost > 0 && !s.expectLoss {
		s.Errorf("%s\n%s", f, s.tail())
	}
}

// ends is in which states tasks end, by their ordinals.
type ends map[int]task.State

// endOf returns the expected final state of a task that ran, or was skipped.
func (s *site) endOf(ordinal int) task.State {
	if state, is := s.ends[ordinal]; is {
		return state
	}
	_, state := s.way.ends()
	return state
}

// work is the subject of a history: a task or its undo.
type work struct {
	task task.ID
	undo bool
}

// history is the part of the ledger about one work.
type history struct{ entries []entry }

func byWork(entries []entry) map[work]*history {
	all := make(map[work]*history)
	for _, e := range entries {
		if e.Task == 0 {
			continue
		}
		w := work{e.Task, e.Undo}
		h := all[w]
		if h == nil {
			h = &history{}
			all[w] = h
		}
		h.entries = append(h.entries, e)
	}
	return all
}

// run is the state of one run of an executor while count goes through the history.
type run struct {
	from int  // the step after which the run continues
	owed int  // the last step whose save was acknowledged before the run began
	late bool // whether its next write is sent after a newer run has begun
}

// count adds the figures of a history to f.
func (h *history) count(f *figures) {
	runs := make(map[task.Token]*run)
	effects := make(map[int]bool)
	acked, newest, completed := 0, task.Token(0), false
	for _, e := range h.entries {
		r := runs[e.Token]
		if r == nil {
			r = &run{late: true} // its start is among the skipped entries, so its data is gone
			runs[e.Token] = r
		}
		switch e.Kind {
		case started:
			runs[e.Token] = &run{from: e.Step, owed: acked}
			newest = max(newest, e.Token)
			f.runs++
			if e.Step < acked || completed {
				f.lost++
			}
		case effect:
			if r.late = r.late || e.Token < newest; e.Step <= r.owed {
				f.rerun++
			}
			if effects[e.Step] {
				f.doubles++
			}
			effects[e.Step] = true
		case done:
			r.late = r.late || e.Token < newest
		case saved:
			if r.late {
				f.stale++
			}
			acked = max(acked, e.Step)
		case ended:
			if e.finished() {
				completed = true
				if r.late {
					f.stale++
				}
			}
		case refused, ctxEnd, fault, lostOne, goneBy, ready, made:
		}
	}
}

// completions returns the number of acknowledged completions of the work.
func (h *history) completions() int {
	n := 0
	for _, e := range h.entries {
		if e.finished() {
			n++
		}
	}
	return n
}

// tookOver returns the longest time from the fault until another worker continued a task, or an
// undo, that the victim ran at the fault. It returns 0 if no other worker continued one.
func (s *site) tookOver(victim string, since time.Time) time.Duration {
	s.Helper()
	var longest time.Duration
	for _, h := range byWork(s.entries()) {
		held := false
		for _, e := range h.entries {
			switch {
			case e.At.Before(since) && e.Worker == victim && e.Kind == started:
				held = true
			case e.At.Before(since) && e.Kind == ended:
				held = false
			case held && e.Kind == started && e.Worker != victim:
				longest, held = max(longest, e.At.Sub(since)), false
			}
		}
	}
	s.fig.takeOver = max(s.fig.takeOver, longest)
	return longest
}
