package lease

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// keeperOf returns a keeper over an empty store, and its current lease.
func keeperOf(t *testing.T) (*Keeper, *Lease) {
	t.Helper()
	client := storeclient.New(memstore.New(), storeclient.Options{
		Fault: func(string, error) {}, Applied: func(plan.Plan, []plan.Event) {}, Changed: func(plan.ID) {},
	})
	k := NewKeeper(Options{
		Client: client, Registry: NewRegistry(), Queue: capacity.NewQueue(1), Name: "p", TTL: 12 * time.Second,
		OnLost: func(string, int) {},
	})
	return k, current(t, k.registry)
}

// reporting is a store that counts the reports.
type reporting struct {
	store.Store
	reports atomic.Int64
	last    atomic.Int64 // the tasks that are held, according to the last report
}

func (s *reporting) Report(_ context.Context, _ string, l store.Load) error {
	s.reports.Add(1)
	s.last.Store(int64(l.Held))
	return nil
}

func TestManyRunsShareAReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, l := keeperOf(t)
		s := &reporting{Store: k.client.Store}
		k.client = storeclient.New(s, storeclient.Options{Fault: func(_ string, err error) { t.Error(err) }})
		ctx, stop := context.WithCancel(t.Context())
		var paused sync.WaitGroup
		paused.Go(func() { k.pause(ctx, l, time.Hour) })
		defer paused.Wait()
		defer stop()
		first := &fakeRun{id: task.NewID(1, 1), token: 1}
		k.registry.Add(l, first)
		for i := range 100 {
			k.registry.Add(l, &fakeRun{id: task.NewID(1, i+2), token: 1})
			synctest.Wait()
		}
		time.Sleep(2 * k.ttl / reportShare)
		if n, held := s.reports.Load(), s.last.Load(); n != 1 || held != 101 {
			t.Errorf("%d reports, the last of %d tasks, want one of 101", n, held)
		}
		k.registry.Remove(first)
		time.Sleep(2 * k.ttl / reportShare)
		if n, held := s.reports.Load(), s.last.Load(); n != 2 || held != 100 {
			t.Errorf("%d reports, the last of %d tasks, want two and 100", n, held)
		}
		time.Sleep(10 * time.Second)
		if n := s.reports.Load(); n != 2 {
			t.Errorf("%d reports although nothing has changed since the second", n)
		}
	})
}

func TestCompareTellsEachRunWhatItHasToKnow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, l := keeperOf(t)
		held := &fakeRun{id: task.NewID(1, 1), token: 5}
		taken := &fakeRun{id: task.NewID(1, 2), token: 6}
		missing := &fakeRun{id: task.NewID(1, 3), token: 7}
		unread := &fakeRun{id: task.NewID(2, 1), token: 8}
		young := &fakeRun{id: task.NewID(1, 4), token: 9}
		for _, r := range []*fakeRun{held, taken, missing, unread} {
			k.registry.Add(l, r)
		}
		time.Sleep(time.Second)
		sent := time.Now()
		time.Sleep(time.Second)
		k.registry.Add(l, young)
		k.compare(t.Context(), l, report{
			sent: sent,
			held: []store.Holding{
				{Task: held.id, Token: held.token, Stop: task.StopCancel},
				{Task: taken.id, Token: taken.token + 1},
			},
			unread: map[plan.ID]error{2: errors.New("damaged")},
		}, make(untracked))
		if !slices.Equal(held.stops, []task.Stop{task.StopCancel}) {
			t.Errorf("the run that is held was told %v", held.stops)
		}
		for name, tt := range map[string]struct {
			run  *fakeRun
			lost int
		}{"held": {held, 0}, "taken": {taken, 1}, "missing": {missing, 1}, "of a plan that cannot be read": {unread, 0}, "young": {young, 0}} {
			if tt.run.lost != tt.lost {
				t.Errorf("%s: marked lost %d times", name, tt.run.lost)
			}
		}
	})
}

// An untracked claim is revoked only a quarter of the TTL after a heartbeat first found it, because
// its answer may still be under way.
func TestUntrackedClaimsAreHandedBackLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, l := keeperOf(t)
		h := store.Holding{Task: task.NewID(1, 1), Token: 5, Worker: "w"}
		seen := make(untracked)
		look := func(h store.Holding) {
			k.compare(t.Context(), l, report{sent: time.Now(), held: []store.Holding{h}}, seen)
		}
		look(h)
		time.Sleep(2 * time.Second)
		look(h)
		if revoked := k.registry.shard(claim{task: h.Task}).revoked; len(revoked) > 0 || len(seen) != 1 {
			t.Errorf("revoked %v after two seconds, %v", revoked, seen)
		}
		h.Token++ // another claim of the task
		time.Sleep(2 * time.Second)
		look(h)
		if revoked := k.registry.shard(claim{task: h.Task}).revoked; len(revoked) > 0 {
			t.Errorf("revoked %v too soon", revoked)
		}
		time.Sleep(3 * time.Second)
		look(h)
		if _, revoked := k.registry.shard(claim{task: h.Task}).revoked[claim{h.Task, h.Token}]; !revoked {
			t.Error("not revoked after a quarter of the TTL")
		}
	})
}
