package engine

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

// A plan that has been over for a minute is removed by a command, with its key and its locks; all
// others stay.
func TestRemoveByCommand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		e := running(t, s, agedExecutors())
		began := time.Now()
		ids := aged(t, e)
		time.Sleep(plan.KeptAtLeast - time.Since(began))
		if err := e.Remove(t.Context(), ids[plan.RolledBack]); !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("a plan that was over a moment ago: %v", err)
		}
		time.Sleep(time.Hour)
		for state, id := range ids {
			err := e.Remove(t.Context(), id, cutover.By("ada"), cutover.Because("r"), cutover.IfVersion(1e9))
			if !errors.Is(err, plan.ErrVersion) {
				t.Errorf("%s, another version: %v", state, err)
			}
			over := state == plan.Completed || state == plan.Canceled || state == plan.RolledBack
			err = e.Remove(t.Context(), id, cutover.By("ada"), cutover.Because("r"))
			if over != (err == nil) || !over && !errors.Is(err, plan.ErrNotApplicable) {
				t.Errorf("%s: %v", state, err)
			}
			if _, err := e.Plan(t.Context(), id); over != errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s afterwards: %v", state, err)
			}
			if err := e.Remove(t.Context(), id); over && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s, again: %v", state, err)
			}
		}
		again := spec("completed", "completed2")
		again.IdempotencyKey = "k2"
		if id := create(t, e, again); id == ids[plan.Completed] {
			t.Error("the key still names the plan")
		}
	})
}
