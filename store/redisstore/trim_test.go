package redisstore

import (
	"testing"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// TestTrimmingIsBounded: after MaxEvents was lowered, each commit removes only a bounded part of
// the excess entries, and no event of the plan itself is removed from the history.
func TestTrimmingIsBounded(t *testing.T) {
	t.Parallel()
	const entries, keep = 2500, 50
	client := redistest.Start(t).Client()
	all := openStore(t, client, Config{MaxEvents: -1})
	r := start(t, all, 1, 1)
	command := func() {
		t.Helper()
		r.decide(func(p plan.Plan) (plan.Decision, error) {
			if p.State == plan.Running {
				return p.Pause(plan.By{})
			}
			return p.Resume(plan.By{})
		})
	}
	for range entries {
		command()
	}
	length := func() int64 {
		n, err := client.XLen(r.ctx, all.keys.events(r.id)).Result()
		r.ok(err)
		return n
	}
	if n := length(); n < entries {
		t.Fatalf("%d entries are left, nothing was to be dropped", n)
	}
	r.Store = openStore(t, client, Config{MaxEvents: keep})
	for before := length(); ; before = length() {
		command()
		if before-length() > 1000 {
			t.Fatalf("one commit left %d of %d entries", length(), before)
		}
		if length() >= before {
			break
		}
	}
	if n := length(); n > 3*keep {
		t.Errorf("%d entries are left, %d were to be kept", n, keep)
	}
	own := 0
	for after := int64(0); ; {
		events, err := r.PlanEvents(r.ctx, r.id, after, 0)
		r.ok(err)
		if len(events) == 0 {
			break
		}
		own, after = own+len(events), events[len(events)-1].Seq
	}
	if own < entries {
		t.Errorf("%d events of the plan are left of more than %d", own, entries)
	}
}

// TestConfigDefaults: MaxEvents 0 is the default, and a negative number means that all events are
// kept.
func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	for set, want := range map[int]int{0: store.KeptEvents, -1: 0, -1 << 63: 0, 7: 7} {
		if got := (Config{MaxEvents: set}).withDefaults().MaxEvents; got != want {
			t.Errorf("MaxEvents %d is %d, want %d", set, got, want)
		}
	}
}
