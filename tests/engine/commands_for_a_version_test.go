package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// A command that is given for a version of the plan is carried out only on that version.
func TestIfVersion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(untilFailed)})
		id := create(t, e, spec("a", "b"))
		read := func() plan.Plan {
			p, err := e.Plan(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		refused := func(name string, err error) {
			t.Helper()
			var v *plan.VersionError
			if found := read().Version; !errors.Is(err, plan.ErrVersion) || !errors.As(err, &v) || v.Want != 99 || v.Found != found || v.Plan != id {
				t.Errorf("%s: %v", name, err)
			}
		}
		old := cutover.IfVersion(99)
		before := read()
		_, err := e.Start(t.Context(), id, old)
		refused("start", err)
		if p := read(); p.Version != before.Version || p.State != plan.Created {
			t.Fatalf("a refused start changed the plan: %s, version %d", p.State, p.Version)
		}
		mustPlan(t)(e.Start(t.Context(), id, cutover.IfVersion(before.Version)))
		rests(t, e, id, plan.Failed)

		for name, command := range map[string]func(context.Context, plan.ID, ...cutover.CommandOption) (cutover.PlanResult, error){
			"pause": e.Pause, "resume": e.Resume, "cancel": e.Cancel, "rollback": e.Rollback,
		} {
			_, err := command(t.Context(), id, old)
			refused(name, err)
		}
		_, err = e.RetryFailed(t.Context(), id, cutover.FromScratch, old)
		refused("retry failed", err)
		_, err = e.SkipTask(t.Context(), task.NewID(id, 1), old)
		refused("skip", err)
		ends(t, e, id, 1, task.Failed, executor.CodeExecutorFailed)

		mustTask(t)(e.SkipTask(t.Context(), task.NewID(id, 1), cutover.IfVersion(read().Version)))
		mustPlan(t)(e.Cancel(t.Context(), id, cutover.IfVersion(read().Version)))
		_, err = e.Resume(t.Context(), id, cutover.IfVersion(read().Version))
		if !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("resume of the version there is: %v", err)
		}
	})
}
