package lease

import (
	"errors"
	"slices"
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
