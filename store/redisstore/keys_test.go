package redisstore

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/store"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	k := keys{"cutover:"}
	for got, want := range map[string]string{
		k.plan(123):            "cutover:{p:123}:plan",
		k.tenants(123, 4):      "cutover:{p:123}:n:4",
		k.extras(123, 4):       "cutover:{p:123}:x:4",
		k.tasks(123, 4):        "cutover:{p:123}:t:4",
		k.held(123):            "cutover:{p:123}:held",
		k.loose(123):           "cutover:{p:123}:loose",
		k.later(123):           "cutover:{p:123}:later",
		k.order(123):           "cutover:{p:123}:order",
		k.events(123):          "cutover:{p:123}:events",
		k.history(123):         "cutover:{p:123}:history",
		k.commands(123):        "cutover:{p:123}:commands",
		k.cursors(123):         "cutover:{p:123}:cursors",
		k.ids():                "cutover:{all}:ids",
		k.plans():              "cutover:{all}:plans",
		k.agenda():             "cutover:{all}:agenda",
		k.left("SWITCH"):       "cutover:{all}:agenda:SWITCH",
		k.stamps():             "cutover:{all}:stamps",
		k.subscriptions():      "cutover:{all}:subscriptions",
		k.unread("mail"):       "cutover:{all}:unread:mail",
		k.letters("mail"):      "cutover:{all}:letters:mail",
		k.version():            "cutover:version",
		k.workers():            "cutover:{all}:workers",
		k.lease("host-1"):      "cutover:lease:host-1",
		k.tenant("tenant1"):    "cutover:tenant:tenant1",
		k.quota("shard", "eu"): "cutover:quota:5:shard:eu",
		k.key("spring-switch"): "cutover:key:spring-switch",
		k.hints():              "cutover:hints",
	} {
		if got != want {
			t.Errorf("key %q, want %q", got, want)
		}
	}
}

// TestKeyTypes: for every key that a busy plan has, keys has a method, and the key has the type
// listed in the test. After the plan's removal, none of its keys is left.
func TestKeyTypes(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	_, err := s.Subscribe(t.Context(), "mail", false)
	if err != nil {
		t.Fatal(err)
	}
	r := busy(t, s)
	r.ok(s.AddDeadLetter(r.ctx, "mail", store.DeadLetter{ID: "1"}))
	_, err = s.Cursor(r.ctx, r.id, "name", "owner", 1e9)
	r.ok(err)
	due, err := s.Due(r.ctx, nil, 1)
	r.ok(err)
	r.ok(s.Reschedule(r.ctx, due[0].ID, due[0].Stamp, store.Next{Executor: "EXECUTOR"}))
	k := s.keys
	known := map[string]string{
		k.plan(1): "hash", k.tenants(1, 0): "list", k.tenants(1, 1): "list", k.tasks(1, 0): "hash", k.held(1): "hash",
		k.loose(1): "zset", k.later(1): "zset", k.events(1): "stream", k.history(1): "stream", k.commands(1): "list", k.cursors(1): "hash",
		k.ids(): "string", k.tokens(): "string", k.plans(): "zset", k.agenda(): "zset", k.left("EXECUTOR"): "zset", k.stamps(): "hash", k.version(): "string",
		k.lease("worker"): "string", k.workers(): "zset", k.subscriptions(): "hash", k.unread("mail"): "zset", k.letters("mail"): "hash",
	}
	found := typesOf(t, client)
	for key, kind := range known {
		if found[key] != kind {
			t.Errorf("%s is %q, want %q", key, found[key], kind)
		}
		delete(found, key)
	}
	for key, kind := range found {
		t.Errorf("%s (%s) has no function", key, kind)
	}

	r.end()
	for _, key := range []string{k.loose(1), k.later(1)} { // the plan's end has emptied them
		r.ok(client.ZAdd(r.ctx, key, redis.Z{Member: "stray"}).Err())
	}
	for more := true; more; {
		more, err = s.Remove(r.ctx, r.id)
		r.ok(err)
	}
	for key := range typesOf(t, client) {
		if strings.Contains(key, "{p:") {
			t.Errorf("%s is left", key)
		}
	}
}

func typesOf(t *testing.T, client *redis.Client) map[string]string {
	t.Helper()
	types := make(map[string]string)
	for _, key := range client.Keys(t.Context(), "*").Val() {
		types[key] = client.Type(t.Context(), key).Val()
	}
	return types
}
