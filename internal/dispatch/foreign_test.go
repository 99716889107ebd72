package dispatch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

func TestForeignPlansAreRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := foreign{plans: make(map[plan.ID]foreignPlan)}
		f.add(1, 5, time.Minute)
		f.add(2, 6, time.Hour)
		for due, want := range map[store.DuePlan]bool{{ID: 1, Stamp: 5}: true, {ID: 2, Stamp: 6}: true, {ID: 3, Stamp: 5}: false} {
			if f.has(due) != want {
				t.Errorf("%+v: %t", due, !want)
			}
		}
		if f.has(store.DuePlan{ID: 1, Stamp: 7}) || f.has(store.DuePlan{ID: 1, Stamp: 5}) {
			t.Error("a plan that was put on the agenda anew is still foreign")
		}
		f.add(1, 7, time.Minute)
		time.Sleep(time.Minute)
		if f.has(store.DuePlan{ID: 1, Stamp: 7}) || !f.has(store.DuePlan{ID: 2, Stamp: 6}) {
			t.Error("the time is wrong")
		}
		for id := range plan.ID(2 * maxForeign) {
			f.add(id+10, 1, time.Second)
		}
		if len(f.plans) > maxForeign {
			t.Errorf("%d plans are remembered", len(f.plans))
		}
		time.Sleep(time.Second)
		if f.add(9, 1, time.Second); len(f.plans) != 2 {
			t.Errorf("%d plans are remembered after their time", len(f.plans))
		}
	})
}
