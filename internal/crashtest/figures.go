//go:build crash

package crashtest

import (
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// Figures are the costs of a fault; see the package comment.
type Figures struct {
	takeOver                            time.Duration
	stale, rerun, attempts, Lost, fails int
	doubles, runs                       int
}

func (f Figures) String() string {
	over := "-"
	if f.takeOver > 0 {
		over = f.takeOver.Round(10 * time.Millisecond).String()
	}
	return fmt.Sprintf("take-over %7s  stale %d  re-run %d  attempts %d  lost %d  FAILED %d  doubles %d of %d runs",
		over, f.stale, f.rerun, f.attempts, f.Lost, f.fails, f.doubles, f.runs)
}

// add adds g to f. The take-over is the longer of the two.
func (f *Figures) add(g Figures) {
	f.takeOver = max(f.takeOver, g.takeOver)
	f.stale += g.stale
	f.rerun += g.rerun
	f.attempts += g.attempts
	f.Lost += g.Lost
	f.fails += g.fails
	f.doubles += g.doubles
	f.runs += g.runs
}

// Verdict checks a plan that is completed or rolled back, adds up the figures, and fails the test
// if a figure that must be 0 is not.
func (s *Site) Verdict(id plan.ID) {
	s.Helper()
	s.Judge(id, ByWork(s.Entries()))
	if s.Way.Undo {
		s.checkUndos(id)
	}
}

// Judge is verdict without checkUndos, for a ledger that the caller has read.
func (s *Site) Judge(id plan.ID, histories map[Work]*History) {
	s.Helper()
	storetest.Check(s.T, s.Store, id)
	var f Figures
	for _, t := range s.Tasks(id) {
		if s.Way.Undo && t.Attempt == 0 {
			continue // it never ran: the rollback has canceled it
		}
		want := s.endOf(t.ID.Ordinal())
		if want == task.Skipped && t.State == want {
			continue
		}
		undo := want == task.RolledBack
		h := histories[Work{t.ID, undo}]
		if h == nil {
			s.Errorf("task %s is %s, but no executor ever ran", t.ID, t.State)
			continue
		}
		h.Count(&f)
		if forth := histories[Work{Task: t.ID}]; forth != nil && undo {
			forth.Count(&f)
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
			f.Lost += h.completions()
		}
	}
	f.attempts -= s.Retried
	s.Fig.add(f)
	if f.stale+f.attempts+f.fails > 0 || f.rerun > 0 && !s.GoesBack || f.Lost > 0 && !s.ExpectLoss {
		s.Errorf("%s\n%s", f, s.Tail())
	}
}

// Ends is in which states tasks end, by their ordinals.
type Ends map[int]task.State

// endOf returns the expected final state of a task that ran, or was skipped.
func (s *Site) endOf(ordinal int) task.State {
	if state, is := s.Ends[ordinal]; is {
		return state
	}
	_, state := s.Way.Ends()
	return state
}

// Work is the subject of a history: a task or its undo.
type Work struct {
	Task task.ID
	Undo bool
}

// History is the part of the ledger about one work.
type History struct{ Entries []Entry }

// ByWork returns the histories of all works in the ledger.
func ByWork(entries []Entry) map[Work]*History {
	all := make(map[Work]*History)
	for _, e := range entries {
		if e.Task == 0 {
			continue
		}
		w := Work{e.Task, e.Undo}
		h := all[w]
		if h == nil {
			h = &History{}
			all[w] = h
		}
		h.Entries = append(h.Entries, e)
	}
	return all
}

// run is the state of one run of an executor while count goes through the history.
type run struct {
	from int  // the step after which the run continues
	owed int  // the last step whose save was acknowledged before the run began
	late bool // whether its next write is sent after a newer run has begun
}

// Count adds the figures of a history to f.
func (h *History) Count(f *Figures) {
	runs := make(map[task.Token]*run)
	effects := make(map[int]bool)
	acked, newest, completed := 0, task.Token(0), false
	for _, e := range h.Entries {
		r := runs[e.Token]
		if r == nil {
			r = &run{late: true} // its start is among the skipped entries, so its data is gone
			runs[e.Token] = r
		}
		switch e.Kind {
		case Started:
			runs[e.Token] = &run{from: e.Step, owed: acked}
			newest = max(newest, e.Token)
			f.runs++
			if e.Step < acked || completed {
				f.Lost++
			}
		case Effect:
			if r.late = r.late || e.Token < newest; e.Step <= r.owed {
				f.rerun++
			}
			if effects[e.Step] {
				f.doubles++
			}
			effects[e.Step] = true
		case Done:
			r.late = r.late || e.Token < newest
		case Saved:
			if r.late {
				f.stale++
			}
			acked = max(acked, e.Step)
		case Ended:
			if e.finished() {
				completed = true
				if r.late {
					f.stale++
				}
			}
		case Refused, CtxEnd, Fault, LostOne, GoneBy, Ready, Made:
		}
	}
}

// completions returns the number of acknowledged completions of the work.
func (h *History) completions() int {
	n := 0
	for _, e := range h.Entries {
		if e.finished() {
			n++
		}
	}
	return n
}

// TookOver returns the longest time from the fault until another worker continued a task, or an
// undo, that the victim ran at the fault. It returns 0 if no other worker continued one.
func (s *Site) TookOver(victim string, since time.Time) time.Duration {
	s.Helper()
	var longest time.Duration
	for _, h := range ByWork(s.Entries()) {
		held := false
		for _, e := range h.Entries {
			switch {
			case e.At.Before(since) && e.Worker == victim && e.Kind == Started:
				held = true
			case e.At.Before(since) && e.Kind == Ended:
				held = false
			case held && e.Kind == Started && e.Worker != victim:
				longest, held = max(longest, e.At.Sub(since)), false
			}
		}
	}
	s.Fig.takeOver = max(s.Fig.takeOver, longest)
	return longest
}
