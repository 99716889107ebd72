package storeclient_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = &store.TemporaryError{Err: errors.New("away")}

// recorder records what a client reports.
type recorder struct {
	faults  []string
	applied []plan.ID
	changed []plan.ID
}

func (r *recorder) client(s store.Store) *storeclient.Client {
	return storeclient.New(s, storeclient.Options{
		Fault:   func(op string, _ error) { r.faults = append(r.faults, op) },
		Applied: func(p plan.Plan, _ []plan.Event) { r.applied = append(r.applied, p.ID) },
		Changed: func(id plan.ID) { r.changed = append(r.changed, id) },
	})
}

func create(t *testing.T, s store.Store, tenants int) plan.ID {
	t.Helper()
	ctx := t.Context()
	c, err := s.BeginCreate(ctx, store.Create{Mark: "m", TTL: time.Hour, Plan: plan.Plan{Name: "n", ExecutorType: "X", TaskCount: tenants}})
	if err != nil {
		t.Fatal(err)
	}
	for first := 1; first <= tenants; first += store.MaxBatch {
		var page []task.Tenant
		for i := first; i <= min(tenants, first+store.MaxBatch-1); i++ {
			page = append(page, task.Tenant{ID: fmt.Sprint("t", i)})
		}
		if err := s.AddTenants(ctx, c, first, page); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.FinishCreate(ctx, c); err != nil {
		t.Fatal(err)
	}
	return c.ID
}

func TestRetryRepeatsPassingFaultsOnly(t *testing.T) {
	t.Parallel()
	other := errors.New("for good")
	for name, tt := range map[string]struct {
		answers []error
		want    error
		faults  int
	}{
		"at once":        {answers: []error{nil}},
		"for good":       {answers: []error{other}, want: other},
		"after a while":  {answers: []error{errAway, errAway, nil}, faults: 2},
		"then for good":  {answers: []error{errAway, other}, want: other, faults: 1},
		"then not found": {answers: []error{errAway, store.ErrNotFound}, want: store.ErrNotFound, faults: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, calls := new(recorder), 0
				err := r.client(memstore.New()).Retry(t.Context(), "op", 0, func() error {
					calls++
					return tt.answers[calls-1]
				})
				if !errors.Is(err, tt.want) || calls != len(tt.answers) || len(r.faults) != tt.faults {
					t.Errorf("%v after %d calls with faults %q", err, calls, r.faults)
				}
			})
		})
	}
}

func TestDoGivesUpAfterTenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := new(recorder).client(memstore.New()).Do(t.Context(), "op", func() error { return errAway })
		if took := time.Since(began); !store.Temporary(err) || took < 6*time.Second || took > 10*time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
}

func TestRetryEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		err := new(recorder).client(memstore.New()).Retry(ctx, "op", 0, func() error { return errAway })
		if took := time.Since(began); err == nil || took > time.Minute {
			t.Errorf("%v after %s", err, took)
		}
	})
}

func TestFaultIsSilentAboutWhatWasGivenUp(t *testing.T) {
	t.Parallel()
	r := new(recorder)
	c := r.client(memstore.New())
	c.Fault("none", nil)
	c.Fault("given up", fmt.Errorf("call: %w", context.Canceled))
	c.Fault("fault", errAway)
	if !slices.Equal(r.faults, []string{"fault"}) {
		t.Errorf("faults %q", r.faults)
	}
}

func TestNotFoundIsNamed(t *testing.T) {
	t.Parallel()
	c := new(recorder).client(memstore.New())
	if _, err := c.Plan(t.Context(), 7); !errors.Is(err, store.ErrNotFound) || err.Error() != "plan 7: store: not found" {
		t.Errorf("plan: %v", err)
	}
	for _, id := range []task.ID{0, -1, task.NewID(7, 1)} {
		if _, err := c.Task(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("task %s: %v", id, err)
		}
	}
}

func TestDecideAgainAfterAConflict(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	id := create(t, s, 1)
	r := new(recorder)
	c := r.client(s)
	decided := 0
	_, p, err := c.Decide(t.Context(), id, func(p plan.Plan) (plan.Decision, error) {
		if decided++; decided == 1 { // another process is faster
			d, err := p.MarkStarting(7, time.Minute, plan.By{Now: time.Now()})
			if err != nil {
				return d, err
			}
			if _, err := s.Apply(t.Context(), store.Command{ID: "faster", Version: p.Version, Failed: -1, Decision: d}); err != nil {
				return d, err
			}
		}
		return p.Cancel(plan.By{Now: time.Now()})
	})
	if err != nil || decided != 2 || p.State != plan.Canceled {
		t.Errorf("%s after %d decisions: %v", p.State, decided, err)
	}
	if want := []plan.ID{id}; !slices.Equal(r.applied, want) || !slices.Equal(r.changed, want) {
		t.Errorf("applied %v, changed %v", r.applied, r.changed)
	}
}

func TestRemembers(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	id := create(t, s, 1)
	c := new(recorder).client(s)
	if _, remembers, err := c.Remembers(t.Context(), "one", id); err != nil || remembers {
		t.Errorf("before the command: %t, %v", remembers, err)
	}
	cancel := func(p plan.Plan) (plan.Decision, error) { return p.Cancel(plan.By{Now: time.Now()}) }
	if _, _, err := c.DecideAs(t.Context(), "one", id, cancel); err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]bool{"one": true, "two": false} {
		p, remembers, err := c.Remembers(t.Context(), command, id)
		if err != nil || remembers != want || remembers && p.State != plan.Canceled {
			t.Errorf("%s: %t with %s, %v", command, remembers, p.State, err)
		}
	}
	if _, remembers, err := c.Remembers(t.Context(), "one", 99); remembers || err == nil || err.Error() != "plan 99: store: not found" {
		t.Errorf("a plan that does not exist: %t, %v", remembers, err)
	}
}

func TestDecideReportsNothingThatWasNotCommitted(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	id := create(t, s, 1)
	r, no := new(recorder), errors.New("no")
	c := r.client(s)
	_, _, err := c.Decide(t.Context(), id, func(plan.Plan) (plan.Decision, error) { return plan.Decision{}, no })
	if !errors.Is(err, no) {
		t.Error(err)
	}
	if _, _, err := c.Decide(t.Context(), id, func(p plan.Plan) (plan.Decision, error) { return plan.Decision{Plan: p}, nil }); err != nil {
		t.Error(err)
	}
	if len(r.applied)+len(r.changed) > 0 {
		t.Errorf("applied %v, changed %v", r.applied, r.changed)
	}
}

// A task may fail between the reading of a plan and the commit of a decision that says how many
// failures are tolerated. Such a decision is made again; any other one is committed as it is.
func TestDecideAgainAboutTheFailures(t *testing.T) {
	t.Parallel()
	pause, by := strategy.Pause, plan.By{Now: time.Now()}
	tune := func(t strategy.Tuning) func(plan.Plan) (plan.Decision, error) {
		return func(p plan.Plan) (plan.Decision, error) { return p.Tune(t, by) }
	}
	for name, tt := range map[string]struct {
		decide func(plan.Plan) (plan.Decision, error)
		want   int // decisions
	}{
		"tuned tolerance": {tune(strategy.Tuning{MaxFailures: strategy.Count(2)}), 2},
		"tuned action":    {tune(strategy.Tuning{FailureAction: &pause}), 2},
		"pause":           {func(p plan.Plan) (plan.Decision, error) { return p.Pause(by) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := memstore.New()
			id := create(t, s, 2)
			c := new(recorder).client(s)
			for _, start := range []func(plan.Plan) (plan.Decision, error){
				func(p plan.Plan) (plan.Decision, error) { return p.MarkStarting(7, time.Minute, by) },
				func(p plan.Plan) (plan.Decision, error) { return p.Start(by) },
			} {
				if _, _, err := c.Decide(t.Context(), id, start); err != nil {
					t.Fatal(err)
				}
			}
			decided := 0
			d, p, err := c.Decide(t.Context(), id, func(p plan.Plan) (plan.Decision, error) {
				if decided++; decided == 1 {
					failOne(t, s, id)
				}
				return tt.decide(p)
			})
			if err != nil || decided != tt.want || p.Counters.Of(task.Failed) != 1 {
				t.Fatalf("%d decisions, %v, %v", decided, p.Counters, err)
			}
			if seen := d.Plan.Counters.Of(task.Failed); seen != tt.want-1 {
				t.Errorf("the decision knows of %d failed tasks", seen)
			}
		})
	}
}

// failOne claims a task of a plan and fails it.
func failOne(t *testing.T, s store.Store, id plan.ID) {
	t.Helper()
	b := store.Batch{Plan: id, Claim: store.Claim{ID: "c", Worker: "w", Max: 1}}
	if err := s.Commit(t.Context(), &b); err != nil || len(b.Claimed) != 1 {
		t.Fatalf("claimed %d: %v", len(b.Claimed), err)
	}
	fail := store.Change{Task: b.Claimed[0].ID, Token: b.Claimed[0].Token, Seq: 1, Kind: store.Fail, Failure: &task.FailureInfo{ErrorCode: "BROKEN"}}
	b = store.Batch{Plan: id, Changes: []store.Change{fail}}
	if err := s.Commit(t.Context(), &b); err != nil || b.Changes[0].Err != nil {
		t.Fatal(err, b.Changes[0].Err)
	}
}

func TestEachTenant(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, store.MaxPage - 1, store.MaxPage, store.MaxPage + 1, 2*store.MaxPage + 5} {
		s := memstore.New()
		id := create(t, s, n)
		seen := 0
		err := new(recorder).client(s).EachTenant(t.Context(), id, func(first int, tenants []string) error {
			if first != seen+1 || len(tenants) > 0 && tenants[0] != fmt.Sprint("t", first) {
				t.Errorf("after %d tenants a page from %d on", seen, first)
			}
			seen += len(tenants)
			return nil
		})
		if err != nil || seen != n {
			t.Errorf("%d of %d tenants: %v", seen, n, err)
		}
	}
}

func TestEachTenantStopsAtAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		id := create(t, s, 5*store.MaxPage)
		enough, pages := errors.New("enough"), 0
		err := new(recorder).client(s).EachTenant(t.Context(), id, func(int, []string) error {
			pages++
			return enough
		})
		if !errors.Is(err, enough) || pages != 1 {
			t.Errorf("%v after %d pages", err, pages)
		}
		m := storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Tenants" {
				return errAway
			}
			return c.Do(ctx)
		})
		err = new(recorder).client(m).EachTenant(t.Context(), id, func(int, []string) error {
			t.Error("a page of a store that is away")
			return nil
		})
		if !store.Temporary(err) {
			t.Error(err)
		}
	})
}
