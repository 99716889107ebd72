package strategy

import "fmt"

// Warnings returns what is valid but suspicious for a plan. sizes are as in [Strategy.Preview].
func (s Strategy) Warnings(sizes ...int) []Fault {
	w := warner{s: &s}
	for _, n := range sizes {
		w.tasks += n
	}
	w.plan()
	w.times()
	for i := range min(len(s.Waves), len(sizes)) {
		w.wave(i, sizes[i])
	}
	w.inherited(sizes)
	w.names()
	return w.found
}

// warner collects warnings of a strategy.
type warner struct {
	s     *Strategy
	tasks int // of the plan
	found []Fault
}

func (w *warner) add(field, format string, args ...any) {
	w.found = append(w.found, Fault{Field: field, Problem: fmt.Sprintf(format, args...)})
}

// plan warns of amounts of the whole plan.
func (w *warner) plan() {
	c, f, tasks := w.s.MaxConcurrency, w.s.MaxFailures, w.tasks
	w.concurrency("MaxConcurrency", c, tasks)
	w.failures("MaxFailures", f, tasks)
	if n, most := w.s.MaxSameFailures, f.Of(tasks); n > most && tasks > 0 {
		w.add("MaxSameFailures", "%d has no effect: %d failures of any kind are a breach already", n, most+1)
	}
	if n := f.Of(tasks) + 1; w.s.ConcurrencyMode == Strict && w.s.Concurrency(tasks) > n {
		w.add("MaxConcurrency", "%s of %d tasks is never reached: Strict has %d in flight at most", c, tasks, n)
	}
}

// concurrency warns of a concurrency that comes to less than one task.
func (w *warner) concurrency(field string, c Amount, tasks int) {
	if c.Kind != AmountUnset && tasks > 0 && c.Of(tasks) == 0 {
		w.add(field, "%s of %d tasks is less than one; it counts as 1", c, tasks)
	}
}

// failures warns of a tolerance that comes to nothing, or to everything.
func (w *warner) failures(field string, f Amount, tasks int) {
	if f.Kind == AmountPercent && f.N > 0 && f.Of(tasks) == 0 {
		w.add(field, "%s of %d tasks is less than one; no failure is tolerated", f, tasks)
	}
	if tasks > 0 && f.Of(tasks) >= tasks {
		w.add(field, "%s of %d tasks tolerates that all of them fail", f, tasks)
	}
}

// times warns of times that exclude each other, or have no effect.
func (w *warner) times() {
	if r := w.s.Retry; r.Attempts <= 1 && (r.First > 0 || r.Max > 0) {
		w.add("Retry", "First and Max have no effect: without more Attempts nothing is tried again")
	}
	if d := w.s.ProgressDeadline; d > 0 && w.s.TaskTimeout > 0 && d >= w.s.TaskTimeout {
		w.add("ProgressDeadline", "%s is never reached: an attempt ends after %s", d, w.s.TaskTimeout)
	}
}

// wave warns of the amounts that a wave of that size has of its own.
func (w *warner) wave(i, tasks int) {
	own, field := &w.s.Waves[i], fmt.Sprintf("Waves[%d]", i)
	w.concurrency(field+".MaxConcurrency", own.MaxConcurrency, tasks)
	slots := own.MaxConcurrency.AtLeastOne(tasks)
	switch all := w.s.Concurrency(w.tasks); {
	case own.MaxConcurrency.Kind == AmountUnset:
	case slots > all:
		w.add(field+".MaxConcurrency", "%s of %d tasks is never reached: the plan has %d at once", own.MaxConcurrency, tasks, all)
	case own.Canary && slots > 1:
		w.add(field+".MaxConcurrency", "%s of %d tasks is never reached: a canary has 1 in flight at most", own.MaxConcurrency, tasks)
	}
	if own.Canary || own.MaxFailures.Kind == AmountUnset {
		return
	}
	w.failures(field+".MaxFailures", own.MaxFailures, tasks)
	if f, all := own.MaxFailures.Of(tasks), w.s.MaxFailures.Of(w.tasks); f > all {
		w.add(field+".MaxFailures", "%s of %d tasks is never reached: the plan tolerates %d", own.MaxFailures, tasks, all)
	}
}

// inherited warns of a percentage of the plan that tolerates failures, but comes to none in waves
// that have no tolerance of their own.
func (w *warner) inherited(sizes []int) {
	f := w.s.MaxFailures
	if f.Kind != AmountPercent || f.Of(w.tasks) == 0 {
		return
	}
	n, first := 0, 0
	for i := range min(len(w.s.Waves), len(sizes)) {
		if own := &w.s.Waves[i]; own.Canary || own.MaxFailures.Kind != AmountUnset || f.Of(sizes[i]) > 0 {
			continue
		}
		if n++; n == 1 {
			first = i
		}
	}
	if n > 0 {
		w.add("Waves", "%s of the tasks is less than one in %d waves, the first is Waves[%d] with %d tasks: no failure is tolerated there",
			f, n, first, sizes[first])
	}
}

// names warns of waves that cannot be told apart.
func (w *warner) names() {
	seen := make(map[string]int)
	for i, own := range w.s.Waves {
		if first, twice := seen[own.Name]; twice && own.Name != "" {
			w.add(fmt.Sprintf("Waves[%d].Name", i), "%.64q is also the name of Waves[%d]", own.Name, first)
			continue
		}
		seen[own.Name] = i
	}
}
