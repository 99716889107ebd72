package redisstore

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// TestForeignEvent: an entry with too high a number in the log prevents the store from appending
// events. Changes nevertheless take effect completely; a claim may report the damage, and a read of
// the missing events does.
func TestForeignEvent(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := busy(t, s)
	before, err := s.Plan(r.ctx, r.id)
	r.ok(err)
	key := s.keys.events(r.id)
	r.ok(client.XAdd(r.ctx, &redis.XAddArgs{Stream: key, ID: "999999-0", Values: []string{"e", "not ours"}}).Err())
	held, err := s.Heartbeat(r.ctx, "worker", time.Minute, []plan.ID{r.id})
	r.ok(err)
	b := store.Batch{Plan: r.id, Changes: []store.Change{{Task: held[0].Task, Token: held[0].Token, Seq: 1, Kind: store.Complete}}}
	r.ok(s.Commit(r.ctx, &b))
	r.ok(b.Changes[0].Err)
	p, err := s.Plan(r.ctx, r.id)
	r.ok(err)
	done, _, err := s.Tasks(r.ctx, r.id, store.TaskQuery{States: []task.State{task.Completed}})
	r.ok(err)
	if n := p.Counters.Of(task.Completed); n != before.Counters.Of(task.Completed)+1 || n != len(done) || p.Counters.Held != 1 {
		t.Errorf("%d tasks are completed, the counters are %+v", len(done), p.Counters)
	}
	var corrupt *store.CorruptError
	err = s.Commit(r.ctx, &store.Batch{Plan: r.id, Claim: store.Claim{ID: "more", Worker: "worker", Max: 1}})
	if err != nil && (!errors.As(err, &corrupt) || corrupt.Key != key) {
		t.Errorf("error %v, want none or one that names %s", err, key)
	}
	if _, err := s.Events(r.ctx, r.id, before.LastEvent, 0); err == nil {
		t.Error("nobody minds the events that are not there")
	}
}

// TestHeadsThatMakeNoSense: a malformed head or malformed facts are reported as damage.
func TestHeadsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := busy(t, s)
	jobs := []task.ID{task.NewID(r.id, 3), task.NewID(r.id, 4)}
	client.HSet(r.ctx, s.keys.tasks(r.id, 0), "2", "not ours")
	b := store.Batch{Plan: r.id}
	for _, id := range jobs {
		b.Changes = append(b.Changes, store.Change{Task: id, Token: 1, Seq: 1})
	}
	r.ok(s.Commit(r.ctx, &b))
	if !errors.Is(b.Changes[0].Err, store.ErrCorrupt) || !errors.Is(b.Changes[1].Err, store.ErrFenced) {
		t.Errorf("errors %v and %v, want corrupt and fenced", b.Changes[0].Err, b.Changes[1].Err)
	}
	if _, err := s.Task(r.ctx, jobs[0]); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("reading: %v, want corrupt", err)
	}
	client.HSet(r.ctx, s.keys.plan(r.id), "facts", "1 2 3")
	if _, err := s.Plan(r.ctx, r.id); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("reading the plan: %v, want corrupt", err)
	}
}

// TestLocksThatMakeNoSense: a malformed lock is reported. It is neither taken over nor treated as
// free.
func TestLocksThatMakeNoSense(t *testing.T) {
	t.Parallel()
	client := redistest.Mini(t)
	s := openStore(t, client, Config{})
	bad := map[string]string{
		"a": "somebody", "long": strings.Repeat("1", 300), "empty": "", "no plan": "0 7 1 1", "no ordinal": "3 0 1 1", "no phase": "3 7 1 4294967296",
	}
	for name, value := range bad {
		client.Set(t.Context(), s.keys.tenant(name), value, 0)
	}
	client.RPush(t.Context(), s.keys.tenant("b"), "somebody")
	for _, s.client.cluster = range []bool{false, true} {
		for _, name := range append(slices.Collect(maps.Keys(bad)), "b") {
			locks := []store.TenantLock{{Tenant: "free", Plan: 1}, {Tenant: name, Plan: 1}}
			_, err := s.Reserve(t.Context(), locks)
			names(t, err, s.keys.tenant(name))
		}
	}
	if err := s.Release(t.Context(), []store.TenantLock{{Tenant: "b"}}); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("releasing: %v, want corrupt", err)
	}
	if err := client.Get(t.Context(), "no such key").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("the client: %v", err)
	}
}

// TestPlacesThatMakeNoSense: a malformed place is reported. It is neither taken over nor treated as
// free.
func TestPlacesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	client := redistest.Mini(t)
	s := openStore(t, client, Config{})
	place := func(name string) store.Place {
		return store.Place{QuotaKey: store.QuotaKey{Label: "l", Value: name}, Plan: 1, Ordinal: 2, Start: 3, Phase: 4}
	}
	for name, value := range map[string]string{"word": "somebody", "three": "3 4 5", "long": strings.Repeat("1", 300) + " 4", "empty": ""} {
		key := s.keys.quota("l", name)
		client.HSet(t.Context(), key, "1 2", value)
		names(t, s.Occupy(t.Context(), []store.Occupation{{Place: place(name), Max: 1}}), key)
		_, err := s.Places(t.Context(), place(name).QuotaKey)
		names(t, err, key)
	}
	for name, row := range map[string][2]string{"no plan": {"0 2", "3 4"}, "no ordinal": {"1 0", "3 4"}, "no phase": {"1 2", "3 4294967300"}} {
		key := s.keys.quota("l", name)
		client.HSet(t.Context(), key, row[0], row[1])
		_, err := s.Places(t.Context(), place(name).QuotaKey)
		names(t, err, key)
	}
	key := s.keys.quota("l", "string")
	client.Set(t.Context(), key, "somebody", 0)
	names(t, s.Occupy(t.Context(), []store.Occupation{{Place: place("string"), Max: 1}}), key)
	names(t, s.Vacate(t.Context(), []store.Place{place("string")}), key)
	_, err := s.Places(t.Context(), place("string").QuotaKey)
	names(t, err, key)
	_, err = s.CountPlaces(t.Context(), []store.QuotaKey{place("string").QuotaKey})
	names(t, err, key)
}
