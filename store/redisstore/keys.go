package redisstore

import (
	"strconv"
	"strings"

	"github.com/cutover-go/cutover/plan"
)

// keys names every key. All keys of a plan carry one hash tag, so that they live on one node and a
// script may change them together; the keys that concern all plans together carry another. Locks,
// quotas, leases and idempotency keys have no hash tag.
//
// Scripts derive a plan's keys from its record's key: scripts/lib/begin.lua.
type keys struct{ prefix string }

// plan (hash) is the plan's record. The keys of the methods below, up to cursors, differ from it
// only in the part after the hash tag.
func (k keys) plan(id plan.ID) string { return k.of(id, "plan") }

// tenants (list) holds the tenants of a bucket of 64 tasks, by ordinal.
func (k keys) tenants(id plan.ID, bucket int) string { return k.of(id, "n:"+strconv.Itoa(bucket)) }

// extras (hash) holds the labels and parameters of a bucket's tenants, by place.
func (k keys) extras(id plan.ID, bucket int) string { return k.of(id, "x:"+strconv.Itoa(bucket)) }

// tasks (hash) holds a bucket's tasks: heads, checkpoints, undo logs, failures.
func (k keys) tasks(id plan.ID, bucket int) string { return bucketKey(k.plan(id), bucket) }

// held (hash) lists the tasks that workers hold, by claim.
func (k keys) held(id plan.ID) string { return k.of(id, "held") }

// loose (sorted set) lists the tasks in flight that no worker holds.
func (k keys) loose(id plan.ID) string { return k.of(id, "loose") }

// later (sorted set) lists those of them that are waiting, by the time when their wait is over.
func (k keys) later(id plan.ID) string { return k.of(id, "later") }

// order (list) holds the ordinals of a sequential plan's tasks, in the order of their releases.
func (k keys) order(id plan.ID) string { return k.of(id, "order") }

// events (stream) is the plan's log.
func (k keys) events(id plan.ID) string { return k.of(id, "events") }

// history (stream) holds a copy of the events of the plan itself; it is never trimmed.
func (k keys) history(id plan.ID) string { return k.of(id, "history") }

// commands (list) holds the ids of the last commands.
func (k keys) commands(id plan.ID) string { return k.of(id, "commands") }

// cursors (hash) holds the cursors, by name.
func (k keys) cursors(id plan.ID) string { return k.of(id, "cursors") }

// bucketKey returns the key of a bucket of tasks, from the key of the plan's record.
func bucketKey(record string, bucket int) string {
	return strings.TrimSuffix(record, "plan") + "t:" + strconv.Itoa(bucket)
}

func (k keys) of(id plan.ID, what string) string {
	return k.prefix + "{p:" + id.String() + "}:" + what
}

// ids (string) is the newest plan id.
func (k keys) ids() string { return k.prefix + "{all}:ids" }

// tokens (string) is the limit of fencing tokens, see scripts/tokens.lua.
func (k keys) tokens() string { return k.prefix + "{all}:tokens" }

// plans (sorted set) lists all plans by id.
func (k keys) plans() string { return k.prefix + "{all}:plans" }

// agenda (sorted set) lists plans by the time at which they are due to be reconciled.
func (k keys) agenda() string { return k.prefix + "{all}:agenda" }

// left (sorted set) lists the plans that are left to the engines with an executor type, by the time
// when they were.
func (k keys) left(executor string) string { return k.agenda() + ":" + executor }

// stamps (hash) holds each plan's entry on the agenda, see scripts/lib/agenda.lua.
func (k keys) stamps() string { return k.prefix + "{all}:stamps" }

// subscriptions (hash) holds the subscriptions by name, see scripts/lib/subscription.lua.
func (k keys) subscriptions() string { return k.prefix + "{all}:subscriptions" }

// unread (sorted set) lists the unread plans of a subscription by the time when they are due.
func (k keys) unread(name string) string { return k.prefix + "{all}:unread:" + name }

// letters (hash) holds the dead letters of a subscription by id.
func (k keys) letters(name string) string { return k.prefix + "{all}:letters:" + name }

// version (string) is the version of the data's layout.
func (k keys) version() string { return k.prefix + "version" }

// workers (sorted set) lists the incarnations that joined, all with the score 0, by name.
func (k keys) workers() string { return k.prefix + "{all}:workers" }

// lease (string with a time to live) is an incarnation's lease: see scripts/lease.lua.
func (k keys) lease(incarnation string) string { return k.prefix + "lease:" + incarnation }

// tenant (string) is a tenant's lock.
func (k keys) tenant(id string) string { return k.prefix + "tenant:" + id }

// quota (hash) holds the places that are taken in a quota, by task.
func (k keys) quota(label, value string) string {
	return k.prefix + "quota:" + strconv.Itoa(len(label)) + ":" + label + ":" + value
}

// key (string) names the plan of an idempotency key.
func (k keys) key(key string) string { return k.prefix + "key:" + key }

// hints is the Pub/Sub channel of hints.
func (k keys) hints() string { return k.prefix + "hints" }
