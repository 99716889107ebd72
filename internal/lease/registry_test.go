package lease

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeRun is a run that records the calls of its methods.
type fakeRun struct {
	id    task.ID
	token task.Token
	stops []task.Stop
	lost  int
}

func (r *fakeRun) ID() task.ID           { return r.id }
func (r *fakeRun) Token() task.Token     { return r.token }
func (r *fakeRun) ApplyStop(s task.Stop) { r.stops = append(r.stops, s) }
func (r *fakeRun) MarkLost()             { r.lost++ }

// current makes a lease that lasts an hour the registry's current one and returns it.
func current(t *testing.T, r *Registry) *Lease {
	t.Helper()
	l := newLease(t.Context(), "w")
	l.renewed(time.Now(), time.Hour)
	r.begin(l)
	return l
}

func TestLeaseEndsByTheTimeOfItsRenewal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLease(t.Context(), "w")
		if l.Alive() {
			t.Error("alive before it was joined")
		}
		sent := time.Now()
		time.Sleep(10 * time.Second) // the answer is in transit
		l.renewed(sent, 30*time.Second)
		if left := l.Left(); left != 20*time.Second {
			t.Errorf("%s are left", left)
		}
		time.Sleep(20 * time.Second)
		if l.Alive() {
			t.Error("outlives its time")
		}
		l.renewed(time.Now(), time.Hour)
		l.end(nil)
		if l.Alive() {
			t.Error("outlives its end")
		}
	})
}

func TestAClaimIsRunOrRevoked(t *testing.T) {
	t.Parallel()
	r := NewRegistry()
	l := current(t, r)
	run, other := &fakeRun{id: task.NewID(1, 1), token: 5}, &fakeRun{id: task.NewID(1, 1), token: 6}
	if _, good := r.Add(l, run); !good {
		t.Fatal("a good claim is refused")
	}
	if r.revoke(claimOf(run)) {
		t.Error("a claim that is run was revoked")
	}
	if !r.revoke(claimOf(other)) {
		t.Error("a claim that nobody runs was not revoked")
	}
	if _, good := r.Add(l, other); good {
		t.Error("a revoked claim is run")
	}
	r.Remove(run)
	if !r.revoke(claimOf(run)) {
		t.Error("a claim that is over was not revoked")
	}
}

func TestAClaimUnderALeaseThatIsOver(t *testing.T) {
	t.Parallel()
	r := NewRegistry()
	l := current(t, r)
	l.end(nil)
	if _, good := r.Add(l, &fakeRun{id: task.NewID(1, 1), token: 5}); good {
		t.Error("it is run")
	}
	current(t, r)
	if _, good := r.Add(l, &fakeRun{id: task.NewID(1, 1), token: 5}); good {
		t.Error("it is run under the next lease")
	}
}

func TestRunsLostWithALease(t *testing.T) {
	t.Parallel()
	r := NewRegistry()
	old := current(t, r)
	lingering := &fakeRun{id: task.NewID(1, 9), token: 9}
	r.Add(old, lingering)
	l := current(t, r)
	runs := []*fakeRun{{id: task.NewID(1, 1), token: 5}, {id: task.NewID(1, 2), token: 6}, {id: task.NewID(1, 3), token: 7}}
	for _, run := range runs {
		r.Add(l, run)
	}
	r.Remove(runs[0]) // in time
	l.end(nil)
	r.Remove(runs[1])
	r.Remove(lingering)
	if n := r.lostWith(l); n != 2 {
		t.Errorf("%d runs are lost", n)
	}
	if n := r.lostWith(current(t, r)); n != 0 {
		t.Errorf("%d runs are lost with the next lease", n)
	}
}

// A heartbeat asks about the plans of the runs under its lease, about those of untracked claims
// and, for a time, about uncertain plans.
func TestPlansToAskAbout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry()
		old := current(t, r)
		r.Add(old, &fakeRun{id: task.NewID(1, 1), token: 5})
		l := current(t, r)
		r.Add(l, &fakeRun{id: task.NewID(2, 1), token: 6})
		r.MarkUncertain(3)
		seen := untracked{task.NewID(4, 7): {}}
		if ids := r.plans(l, seen, time.Minute); !slices.Equal(ids, []plan.ID{2, 3, 4}) {
			t.Errorf("asked about %v", ids)
		}
		time.Sleep(time.Minute + 1)
		if ids := r.plans(l, nil, time.Minute); !slices.Equal(ids, []plan.ID{2}) {
			t.Errorf("asked about %v later", ids)
		}
	})
}

func TestChangedAsksForAHeartbeat(t *testing.T) {
	t.Parallel()
	r := NewRegistry()
	r.Add(current(t, r), &fakeRun{id: task.NewID(2, 1), token: 6})
	for id, want := range map[plan.ID]int{1: 0, 2: 1} {
		r.Changed(id)
		if n := len(r.soon); n != want {
			t.Errorf("%d heartbeats are asked for by a change of plan %s", n, id)
		}
		for len(r.soon) > 0 {
			<-r.soon
		}
	}
}
