package simulation

import (
	"context"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
)

// observe watches the first plan from its beginning, with a separate view, until the returned
// function is called. That function compares the events seen with the log.
func (w *world) observe(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	p := &process{w: w, name: "observer", cut: make(chan struct{})}
	p.view = newView(p)
	e, err := cutover.New(p.view, cutover.Config{Logger: zap.NewNop()})
	if err != nil {
		panic(err)
	}
	var seen []plan.Event
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			// An error ends one watch; the next goes on after the last event seen.
			for ev, err := range e.Watch(ctx, 1, int64(len(seen))) {
				if err == nil {
					seen = append(seen, ev)
				}
			}
			_ = pass(ctx, leaseTTL)
		}
	}()
	return func() {
		_ = pass(ctx, 2*leaseTTL) // to receive the last events
		cancel()
		<-done
		w.compareSeen(seen)
	}
}

func (w *world) compareSeen(seen []plan.Event) {
	if _, err := w.store.Plan(context.Background(), 1); err != nil {
		return // its creation was never completed, or the plan is removed
	}
	log := w.events(context.Background(), 1)
	if len(seen) != len(log) {
		w.faultf("of %d events %d were seen", len(log), len(seen))
		return
	}
	for i := range log {
		if a, b := seen[i], log[i]; a.Seq != b.Seq || a.Task != b.Task || a.From != b.From || a.To != b.To || a.AtRest != b.AtRest {
			w.faultf("event %d was seen as %+v, it is %+v", i+1, a, b)
		}
	}
}
