package ops_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
)

// situations lead a plan with three tasks, of which the first fails, into different situations by
// commands on it or on its first task, and by waits.
func situations() map[string][]string {
	return map[string][]string{
		"created":            nil,
		"asks for approval":  {"start"},
		"approved early":     {"approve", "start"},
		"one has failed":     {"start", "approve", "1h"},
		"failed and resumed": {"start", "approve", "1h", "resume"},
		"in flight":          {"start", "approve", "10s"},
		"paused":             {"start", "approve", "10s", "pause", "1h"},
		"pausing":            {"start", "approve", "10s", "pause"},
		"rejected":           {"start", "reject"},
		"canceled":           {"start", "approve", "1h", "cancel"},
		"canceling":          {"start", "approve", "10s", "cancel"},
		"rolling back":       {"start", "approve", "10s", "rollback"},
		"rolled back":        {"start", "approve", "1h", "rollback", "1h"},
		"completed":          {"start", "approve", "1h", "resume", "retry", "1h"},
		"a task is pausing":  {"start", "approve", "10s", "task pause"},
		"a task is paused":   {"start", "approve", "10s", "task pause", "10s"},
		"a task is canceled": {"start", "approve", "10s", "task cancel", "10s"},
		"in backoff":         {"with retries", "start", "approve", "70s"},
	}
}

// mixed fails for the first tenant once; it takes a minute for each.
type mixed struct{}

func (mixed) Execute(ctx context.Context, run *executor.Run) error {
	for n := range 60 {
		time.Sleep(time.Second)
		if err := run.Save(ctx, "tick", n); err != nil {
			return err
		}
	}
	if run.Tenant().ID == "a" && run.Attempt() == 1 {
		return executor.Retryable("FAILS", errors.New("fails"))
	}
	return nil
}

func (mixed) Rollback(context.Context, *executor.Run) error { return nil }

// A process that has the executor offers no rollback if the executor cannot undo, and says why it
// refuses one.
func TestNoRollbackWithoutAnUndo(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.start(s.create(plan.Spec{}, "a"))
	e, err := cutover.New(s.store, cutover.Config{Executors: executor.Registry{"X": executor.Func(succeed)}})
	if err != nil {
		t.Fatal(err)
	}
	without := &site{t: t, engine: e, handler: mount(t, e, ops.Config{})}
	for _, tt := range []struct {
		site *site
		want bool
	}{{s, true}, {without, false}} {
		actions := tt.site.send("GET", "plans/1", "").body["actions"].([]any)
		if slices.Contains(actions, any("rollback")) != tt.want || !slices.Contains(actions, any("cancel")) {
			t.Errorf("actions %v, want rollback: %v", actions, tt.want)
		}
	}
	r := without.send("POST", "plans/1/rollback", `{"reason":"r"}`)
	if r.status != http.StatusConflict || r.code() != "CANNOT_UNDO" || r.body["params"].(map[string]any)["executorType"] != "X" {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// The actions that a plan and its tasks list are those that change something: all others answer
// that nothing changed, or that they do not apply.
func TestActionsAreThePossibleOnes(t *testing.T) {
	t.Parallel()
	for name, steps := range situations() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, a := range []ops.Action{ops.Start, ops.Pause, ops.Resume, ops.Cancel, ops.Retry, ops.Rollback, ops.Tune, ops.Skip, ops.Approve, ops.Reject} {
				synctest.Test(t, func(t *testing.T) { checkAction(t, steps, "plans/1", a) })
			}
			for _, a := range []ops.Action{ops.Retry, ops.Pause, ops.Resume, ops.Cancel, ops.Skip, ops.Rollback} {
				synctest.Test(t, func(t *testing.T) { checkAction(t, steps, "tasks/1000001", a) })
				synctest.Test(t, func(t *testing.T) { checkAction(t, steps, "tasks/1000003", a) })
			}
		})
	}
}

func checkAction(t *testing.T, steps []string, about string, a ops.Action) {
	t.Helper()
	spec := plan.Spec{Strategy: strategy.Strategy{Waves: []strategy.Wave{{Approval: true}}}}
	if slices.Contains(steps, "with retries") {
		spec.Strategy.Retry = strategy.Retry{Attempts: 2, First: 10 * time.Minute}
	}
	withSteps(t, spec, steps, func(s *site) {
		before := s.send("GET", about, "")
		r := s.give(about, a)
		changed := r.status == http.StatusOK && r.body["unchanged"] != true
		listed := slices.Contains(before.body["actions"].([]any), any(string(a)))
		if changed != listed || r.status != http.StatusOK && r.status != http.StatusConflict {
			t.Errorf("%s of %s in state %s: listed %t, but it answers %d %s", a, about, before.body["state"], listed, r.status, r.text)
		}
	})
}

// withSteps checks a site whose engine runs and whose plan was led into a situation.
func withSteps(t *testing.T, spec plan.Spec, steps []string, check func(*site)) {
	t.Helper()
	e, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{"X": mixed{}}, Capacity: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	s := &site{t: t, engine: e, handler: mount(t, e, ops.Config{SelfApproval: true, ReasonFor: func(ops.Action) bool { return false }})}
	s.create(spec, "a", "b", "c")
	for _, step := range steps {
		s.take(step)
	}
	synctest.Wait() // until nothing happens any more without the clock
	check(s)
	if _, err := e.Cancel(t.Context(), 1); err != nil && !errors.Is(err, plan.ErrNotApplicable) {
		t.Error(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// The waves of a plan that list an undo are those whose undo changes something.
func TestUndosOfWavesAreThePossibleOnes(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][]string{
		"created":              nil,
		"the first is open":    {"start", "approve", "10s"},
		"paused in the first":  {"start", "approve", "10s", "pause"},
		"failed":               {"start", "approve", "1h"},
		"the second is open":   {"start", "approve", "1h", "resume", "10s"},
		"paused in the second": {"start", "approve", "1h", "resume", "10s", "pause"},
		"completed":            {"start", "approve", "1h", "resume", "1h"},
		"canceled":             {"start", "approve", "1h", "cancel"},
		"the first is undone":  {"start", "approve", "10s", "pause", "undo"},
		"the first was undone": {"start", "approve", "1h", "undo", "1h"},
		"rolling back":         {"start", "approve", "10s", "rollback"},
		"rolled back":          {"start", "approve", "1h", "rollback", "1h"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for wave := range 2 {
				synctest.Test(t, func(t *testing.T) { checkUndo(t, steps, wave+1) })
			}
		})
	}
}

func checkUndo(t *testing.T, steps []string, wave int) {
	t.Helper()
	withSteps(t, plan.Spec{Strategy: strategy.Strategy{Waves: []strategy.Wave{{Approval: true, Size: strategy.Count(2)}, {}}}}, steps, func(s *site) {
		own := s.send("GET", "plans/1", "").body["waves"].([]any)[wave-1].(map[string]any)
		actions, _ := own["actions"].([]any)
		r := s.send("POST", fmt.Sprintf("plans/1/waves/%d/rollback", wave), "")
		changed := r.status == http.StatusOK && r.body["unchanged"] != true
		if changed != slices.Contains(actions, any("rollback")) || r.status != http.StatusOK && r.status != http.StatusConflict {
			t.Errorf("wave %d: listed %v, but its undo answers %d %s", wave, actions, r.status, r.text)
		}
		after := s.send("GET", "plans/1", "").body["waves"].([]any)[wave-1].(map[string]any)
		if changed && after["undone"] != true {
			t.Errorf("wave %d is undone, but shown as %v", wave, after)
		}
	})
}

// take takes a step into a situation.
func (s *site) take(step string) {
	s.t.Helper()
	if d, err := time.ParseDuration(step); err == nil {
		time.Sleep(d)
		return
	}
	command, onTask := strings.CutPrefix(step, "task ")
	about := map[bool]string{false: "plans/1", true: "tasks/1000001"}[onTask]
	if step == "undo" {
		about, command = "plans/1/waves/1", "rollback"
	}
	if r := s.give(about, ops.Action(command)); step != "with retries" && r.status != http.StatusOK {
		s.t.Fatalf("%s: %d %s", step, r.status, r.text)
	}
}

// give gives a command on a plan or task.
func (s *site) give(about string, a ops.Action) reply {
	s.t.Helper()
	if a == ops.Approve || a == ops.Reject {
		version := fmt.Sprintf(`"%.0f"`, s.send("GET", "plans/1", "").body["version"])
		return s.send("POST", about+"/waves/1/"+string(a), "", "If-Match", version)
	}
	if a == ops.Skip && !strings.HasPrefix(about, "tasks") {
		return s.send("POST", about+"/tenants/exclude", `{"tenantIds":["a","b","c"]}`)
	}
	if a == ops.Add {
		return s.send("POST", about+"/tenants/add", `{"tenantIds":["late"]}`)
	}
	body := map[ops.Action]string{ops.Tune: `{"maxConcurrency":2}`, ops.Note: `{"reason":"r"}`}[a]
	return s.send("POST", about+"/"+string(a), body)
}

// Actions lists every action once.
func TestActions(t *testing.T) {
	t.Parallel()
	seen := map[ops.Action]int{}
	for _, a := range ops.Actions() {
		seen[a]++
	}
	if len(seen) != 17 || slices.Max(slices.Collect(maps.Values(seen))) != 1 {
		t.Errorf("%v", seen)
	}
	required := slices.DeleteFunc(ops.Actions(), func(a ops.Action) bool { return !ops.NeedsReason(a) })
	if want := []ops.Action{ops.Cancel, ops.Rollback, ops.Tune, ops.Reject, ops.Skip, ops.Note, ops.Delete}; !slices.Equal(required, want) {
		t.Errorf("%v need a reason, want %v", required, want)
	}
}
