package redisstore

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// TestLostTenants: if a list of tenants is too short, the error names its key. The tenants that are
// left can still be read.
func TestLostTenants(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := start(t, s, 130, 1)
	key := s.keys.tenants(r.id, 1)
	r.ok(client.LTrim(r.ctx, key, 0, 30).Err())
	var corrupt *store.CorruptError
	if _, err := s.Tenants(r.ctx, r.id, 0, 0); !errors.As(err, &corrupt) || corrupt.Key != key {
		t.Errorf("error %v, want one that names %s", err, key)
	}
	if got, err := s.Tenants(r.ctx, r.id, 60, 30); err != nil || len(got) != 30 || got[0] != "tenant-61" {
		t.Errorf("%d tenants and error %v, want those that are there", len(got), err)
	}
}

// TestLostIndexes: the store rebuilds the lost indexes held and loose from the tasks, when a
// heartbeat or a claim notices the loss.
func TestLostIndexes(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := busy(t, s)
	client.Del(r.ctx, s.keys.held(r.id), s.keys.loose(r.id), s.keys.commands(r.id))
	held, err := s.Heartbeat(r.ctx, "worker", time.Minute, []plan.ID{r.id})
	r.ok(err)
	if len(held) != 2 {
		t.Errorf("held: %v, want two tasks", held)
	}
	client.Del(r.ctx, s.keys.loose(r.id))
	r.claim("worker", 1) // notices the loss
	if got := r.claim("worker", 10); len(got) == 0 {
		t.Error("nothing is claimed")
	}
	waits, err := s.Task(r.ctx, task.NewID(r.id, 2))
	r.ok(err)
	if waits.Worker == "" {
		t.Errorf("the task that waited still does: %+v", waits)
	}
	storetest.Check(t, s, r.id)
}

// TestLostData: if data is lost that cannot be rebuilt, the errors name its key.
func TestLostData(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	for i, name := range []string{"plan", "n:0", "t:0"} {
		r := busy(t, s)
		key := planKeys(s.keys, r.id)[i]
		if !strings.HasSuffix(key, ":"+name) {
			t.Fatalf("key %s where %s has to be", key, name)
		}
		client.Del(r.ctx, key)
		errs := use(r)
		if len(errs) == 0 {
			t.Errorf("%s is gone, and nobody minds", key)
		}
		for _, err := range errs {
			var corrupt *store.CorruptError
			if !errors.As(err, &corrupt) || corrupt.Key != key {
				t.Errorf("%s is gone: error %v, want one that names the key", key, err)
			}
		}
	}
	r := busy(t, s)
	client.Del(r.ctx, s.keys.events(r.id))
	for _, after := range []int64{0, 7} {
		_, err := s.Events(r.ctx, r.id, after, 0)
		names(t, err, s.keys.events(r.id))
	}
	r.claim("worker", 2)
	_, err := s.Events(r.ctx, r.id, 7, 0)
	names(t, err, s.keys.events(r.id))
	if events, err := s.Events(r.ctx, r.id, 8, 0); err != nil || len(events) != 1 || events[0].Seq != 9 {
		t.Errorf("events after the loss: %v, %v", events, err)
	}
}

// TestLostLists: lost lists of plans are restored, and no plan id is assigned twice.
func TestLostLists(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	one, two := busy(t, s), start(t, s, 3, 3)
	client.Del(one.ctx, s.keys.plans(), s.keys.agenda(), s.keys.stamps())
	for range 2 { // the first one repairs
		if _, err := s.Due(one.ctx, nil, 10); err != nil {
			t.Fatal(err)
		}
	}
	due, err := s.Due(one.ctx, nil, 10)
	one.ok(err)
	if len(due) != 2 {
		t.Errorf("due: %v, want both plans", due)
	}
	plans, err := s.Plans(one.ctx, store.PlanQuery{})
	one.ok(err)
	if len(plans) != 2 || plans[0].ID != two.id {
		t.Errorf("%d plans are listed, want 2", len(plans))
	}
	client.Del(one.ctx, s.keys.ids())
	three := start(t, s, 1, 1)
	if three.id <= two.id {
		t.Errorf("id %s was given again", three.id)
	}
	storetest.Check(t, s, two.id)
}
