package engine

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// Each removal is told once, in the process that made it: who removed the plan and why, or that it
// was kept long enough. Plans that are not removed are not heard of.
func TestRemovalsAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var heard journal
		m := memstore.New()
		c := cutover.Config{Executors: agedExecutors(), Retention: time.Hour, Hooks: hook.Hooks{OnPlanRemoved: func(p plan.Plan, r hook.Removal) {
			heard.add("%s %q %s %d %+v", p.ID, p.Name, p.State, p.TaskCount, r)
		}}}
		e := newEngine(t, m, c)
		one, two, kept := create(t, e, spec("a")), create(t, e, spec("b", "c")), create(t, e, spec("d"))
		for _, id := range []plan.ID{one, two} {
			mustPlan(t)(e.Cancel(t.Context(), id))
		}
		if err := e.Remove(t.Context(), one, cutover.By("ada"), cutover.Because("too early")); err == nil {
			t.Error("removed at once")
		}
		time.Sleep(2 * plan.KeptAtLeast)
		if err := e.Remove(t.Context(), one, cutover.By("ada"), cutover.Because("a trial")); err != nil {
			t.Error(err)
		}
		if err := e.Remove(t.Context(), one, cutover.By("bob")); err == nil {
			t.Error("removed twice")
		}
		want := []string{`1 "n" CANCELLED 1 {Retention:false Actor:ada Reason:a trial}`}
		heard.expect(t, want...)
		startProcess(t, m, c)
		time.Sleep(2 * time.Hour)
		heard.expect(t, append(want, `2 "n" CANCELLED 2 {Retention:true Actor: Reason:}`)...)
		rests(t, e, kept, plan.Created)
	})
}

// Without a hook a removal is logged.
func TestRemovalsAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		e := newEngine(t, memstore.New(), cutover.Config{Logger: zap.New(core)})
		id := create(t, e, spec("a"))
		mustPlan(t)(e.Cancel(t.Context(), id))
		time.Sleep(2 * plan.KeptAtLeast)
		if err := e.Remove(t.Context(), id, cutover.By("ada"), cutover.Because("a trial")); err != nil {
			t.Fatal(err)
		}
		removed := logs.FilterMessage("plan removed").All()
		if len(removed) != 1 || !slices.Contains(removed[0].Context, zap.String("actor", "ada")) || !slices.Contains(removed[0].Context, zap.String("reason", "a trial")) {
			t.Errorf("logged %v", logs.All())
		}
	})
}
