package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// host is a service that exists in several versions. It records what their steps did.
type host struct {
	mu    sync.Mutex
	did   []string
	fails string // the step that fails
}

func (h *host) do(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if name == h.fails {
		return errors.New("not today")
	}
	h.did = append(h.did, name)
	return nil
}

// take returns what the steps did since the previous call.
func (h *host) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	did := h.did
	h.did = nil
	return did
}

func (h *host) failAt(step string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails = step
}

type oldJourney struct {
	Seen []string `json:"seen,omitempty"`
}

type newJourney struct {
	Seen   []string `json:"seen,omitempty"`
	Ticket string   `json:"ticket,omitempty"`
}

// versionOf returns the config of one version, with steps of the given names. Each step passes its
// state to see.
func versionOf[S any](t *testing.T, h *host, see func(name string, s *S), names ...string) cutover.Config {
	t.Helper()
	var steps []executor.Step[S]
	for _, name := range names {
		steps = append(steps, executor.Step[S]{
			Name: name,
			Do: func(_ context.Context, _ *executor.Run, s *S) error {
				if err := h.do(name); err != nil {
					return err
				}
				see(name, s)
				return nil
			},
			Undo: func(context.Context, *executor.Run, *S) error { return h.do("undo " + name) },
		})
	}
	x, err := executor.NewSteps(steps...)
	if err != nil {
		t.Fatal(err)
	}
	return cutover.Config{Executors: executor.Registry{"X": x}}
}

// TestVersionsOfStepsUndoInTheOrderDone: one version of the host does A, B and C, and fails in D.
// The next version has a step X before B: it does X and D, and undoes all steps in the reverse of
// the order in which they were done.
func TestVersionsOfStepsUndoInTheOrderDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, h := memstore.New(), &host{fails: "D"}
		nothing := func(string, *oldJourney) {}
		older := startProcess(t, s, versionOf(t, h, nothing, "A", "B", "C", "D"))
		id := launch(t, older.Engine, spec("a"))
		rests(t, older.Engine, id, plan.Failed)
		older.stop()
		h.failAt("")

		newer := startProcess(t, s, versionOf(t, h, nothing, "A", "X", "B", "C", "D"))
		mustPlan(t)(newer.RetryFailed(t.Context(), id, task.FromCheckpoint))
		rests(t, newer.Engine, id, plan.Completed)
		if did := h.take(); !slices.Equal(did, []string{"A", "B", "C", "X", "D"}) {
			t.Errorf("did %v", did)
		}
		mustPlan(t)(newer.Rollback(t.Context(), id))
		rests(t, newer.Engine, id, plan.RolledBack)
		if did := h.take(); !slices.Equal(did, []string{"undo X", "undo D", "undo C", "undo B", "undo A"}) {
			t.Errorf("undid %v", did)
		}
	})
}

// TestAnOlderHostRefusesNewerSteps: the older version can neither continue nor undo the task, names
// the reason and leaves everything unchanged; the newer version can still undo the task.
func TestAnOlderHostRefusesNewerSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, h := memstore.New(), &host{fails: "B"}
		nothing := func(string, *oldJourney) {}
		newer := startProcess(t, s, versionOf(t, h, nothing, "A", "X", "B"))
		id := launch(t, newer.Engine, spec("a"))
		rests(t, newer.Engine, id, plan.Failed)
		newer.stop()
		h.failAt("")
		h.take()
		before := taskOf(t, newer.Engine, id, 1)

		older := startProcess(t, s, versionOf(t, h, nothing, "A", "B"))
		mustPlan(t)(older.RetryFailed(t.Context(), id, task.FromCheckpoint))
		rests(t, older.Engine, id, plan.Failed)
		ends(t, older.Engine, id, 1, task.Failed, executor.CodeCheckpointInvalid)
		mustPlan(t)(older.Rollback(t.Context(), id))
		rests(t, older.Engine, id, plan.RollbackFailed)
		ends(t, older.Engine, id, 1, task.RollbackFailed, executor.CodeCheckpointInvalid)
		after := taskOf(t, older.Engine, id, 1)
		if did := h.take(); len(did) > 0 || after.Checkpoint.String() != before.Checkpoint.String() || len(after.Undo) != len(before.Undo) {
			t.Errorf("it did %v, checkpoint %s, undo log %s", did, after.Checkpoint, after.Undo)
		}
		if reason := after.Failure.Reason; !strings.Contains(reason, `"X"`) {
			t.Errorf("the reason is %q", reason)
		}
		older.stop()

		newer = startProcess(t, s, versionOf(t, h, nothing, "A", "X", "B"))
		mustPlan(t)(newer.Rollback(t.Context(), id))
		rests(t, newer.Engine, id, plan.RolledBack)
		if did := h.take(); !slices.Equal(did, []string{"undo B", "undo X", "undo A"}) {
			t.Errorf("undid %v", did)
		}
	})
}

// TestAnOlderHostKeepsNewerState: the fields that only the newer version's S has survive a step of
// the older version.
func TestAnOlderHostKeepsNewerState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, h := memstore.New(), &host{fails: "B"}
		var found newJourney
		see := func(name string, s *newJourney) {
			s.Seen = append(s.Seen, name)
			if name == "A" {
				s.Ticket = "T-1"
			}
			found = *s
		}
		config := versionOf(t, h, see, "A", "B", "C")
		newer := startProcess(t, s, config)
		id := launch(t, newer.Engine, spec("a"))
		rests(t, newer.Engine, id, plan.Failed)
		newer.stop()

		h.failAt("C")
		older := startProcess(t, s, versionOf(t, h, func(name string, s *oldJourney) { s.Seen = append(s.Seen, name) }, "A", "B", "C"))
		mustPlan(t)(older.RetryFailed(t.Context(), id, task.FromCheckpoint))
		rests(t, older.Engine, id, plan.Failed)
		older.stop()

		h.failAt("")
		newer = startProcess(t, s, config)
		mustPlan(t)(newer.RetryFailed(t.Context(), id, task.FromCheckpoint))
		rests(t, newer.Engine, id, plan.Completed)
		if !slices.Equal(found.Seen, []string{"A", "B", "C"}) || found.Ticket != "T-1" {
			t.Errorf("in the end the state is %+v", found)
		}
	})
}
