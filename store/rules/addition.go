package rules

import (
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// CheckAppend returns an error that matches store.ErrConflict unless n tenants, the first of them
// with the ordinal first, may be stored for the addition with that token. Those from TaskCount +
// Marks.Appended + 1 on are new; the store compares the others with what it has.
func (p *Plan) CheckAppend(token uint64, first, n int) error {
	a := p.Adding
	if a == nil || a.Token != token || a.GivenUp {
		return fmt.Errorf("%w: plan %s has no such addition of tenants", store.ErrConflict, p.ID)
	}
	had := p.TaskCount + p.Marks.Appended
	if last := first + n - 1; first <= p.TaskCount || first > had+1 || last > p.TaskCount+a.Tenants {
		return fmt.Errorf("%w: tenants %d to %d for an addition of %d to plan %s, which has %d tasks and has stored tenants up to %d",
			store.ErrConflict, first, last, a.Tenants, p.ID, p.TaskCount, had)
	}
	return nil
}

// checkAddition returns an error if a decision adds tenants and those that were stored are others
// in number.
func (p *Plan) checkAddition(next *plan.Plan) error {
	if n := next.TaskCount - p.TaskCount; n != 0 && n != p.Marks.Appended {
		return fmt.Errorf("%w: plan %s is to get %d tasks more, and %d tenants are stored", store.ErrConflict, p.ID, n, p.Marks.Appended)
	}
	return nil
}

// grow makes tasks of the tenants that were added if next has them. If next has the mark of another
// addition, it drops what the one before has stored.
func (p *Plan) grow(next *plan.Plan, done *Outcome) {
	if next.TaskCount > p.TaskCount {
		p.TaskCount = next.TaskCount
		p.Counters.States[task.Pending] += p.Marks.Appended
		done.Added, p.Marks.Appended = p.Marks.Appended, 0
		p.WaveCounters = append(p.WaveCounters, waveCounters(len(next.Waves)-len(p.Waves))...)
	}
	if a, b := p.Adding, next.Adding; b != nil && (a == nil || a.Token != b.Token) {
		done.Dropped, p.Marks.Appended = true, 0
	}
}

// waveCounters returns the counters of that many waves, nil for a plan without waves.
func waveCounters(waves int) []plan.WaveCounters {
	if waves == 0 {
		return nil
	}
	return make([]plan.WaveCounters, waves)
}
