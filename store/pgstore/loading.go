package pgstore

import (
	"errors"
	"reflect"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
)

// loading is the read of a plan, and of what commits of it need. Its statements are queued, and
// perhaps sent, by queueFor; finish has to be called after the flush.
type loading struct {
	p        *rollout
	r        *rows // what was guessed; nil if nothing was
	work     []*store.Batch
	expected rules.Need // that guess
	all      bool
	simple   bool // waves and failure groups were left out
}

// queueFor adds the statements that lock and read a plan, and what commits of it need. last is the
// plan as this process has left it, or is about to, nil if it is not known: it decides where to
// look. With all, the claims of tasks are read that are only saved, too: who holds one is asked for
// if the save is fenced.
func (t *tx) queueFor(id plan.ID, work []*store.Batch, last *rules.Plan, all bool) *loading {
	l := &loading{p: t.queueMain(id, true), work: work, all: all}
	l.p.known.last = last
	if last != nil {
		l.expected = rules.Needs(last, work)
		l.r = expectRows(l.p, last.Sequential())
		l.r.only(work, all)
		l.r.queue(t, &l.expected)
	}
	if l.simple = l.p.known.simple(); !l.simple {
		t.queueParts(l.p)
	}
	return l
}

// finish returns what was read, after the flush with the statements that returned err. If the guess
// was wrong, it reads again.
func (l *loading) finish(t *tx, err error) (*rollout, *rows, error) {
	p, r := l.p, l.r
	if err != nil && (r == nil || !errors.Is(err, store.ErrCorrupt)) {
		return nil, nil, err
	}
	damage := t.err
	t.err = nil
	if l.simple && !p.stillSimple() {
		t.queueParts(p)
		if err := t.flush(); err != nil {
			return nil, nil, err
		}
	}
	if err := p.parse(); err != nil {
		return nil, nil, err
	}
	n := rules.Needs(&p.Plan, l.work)
	if r != nil && reflect.DeepEqual(n, l.expected) && r.sequential == p.Sequential() {
		if damage != nil {
			return nil, nil, damage
		}
		return p, r, t.settle(r, &n)
	}
	r = expectRows(p, p.Sequential())
	r.only(l.work, l.all)
	r.queue(t, &n)
	if err := t.flush(); err != nil {
		return nil, nil, err
	}
	return p, r, t.settle(r, &n)
}

// only says of which tasks the claims are read: not of those that are only saved, unless all is
// set.
func (r *rows) only(work []*store.Batch, all bool) {
	if all {
		return
	}
	r.ends = []int32{}
	for _, b := range work {
		for i := range b.Changes {
			if w := &b.Changes[i]; w.Kind != store.Save {
				r.ends = append(r.ends, int32(w.Task.Ordinal())) //nolint:gosec // ordinals are below 2^20
			}
		}
	}
}
