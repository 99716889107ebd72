package redisstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/cutover-go/cutover/internal/await"
	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/plan"
)

// nobody is a plan id that no plan has. The checks use its keys, and keys with an empty last part,
// because nothing is stored under them.
const nobody = plan.ID(0)

// planCommands are the commands of all scripts that work on the keys of a plan.
func (all *scripts) planCommands() []string {
	var commands []string
	for _, sc := range []*script{
		all.begin, all.tenants, all.finish, all.remove, all.save, all.turn, all.commit, all.apply, all.repair, all.plan, all.tasks,
		all.states, all.pick, all.events, all.history, all.held, all.prune, all.cursor,
	} {
		commands = append(commands, sc.commands...)
	}
	slices.Sort(commands)
	return slices.Compact(commands)
}

// checkRights refuses a user who lacks any permission that the store will need, and names all that
// are missing. Redis undoes nothing, so a command that is refused in the middle of a script would
// leave half of its effects behind. checkRights writes nothing, not even to an unused key.
func (cl *client) checkRights(ctx context.Context) error {
	found, err := await.Value(ctx, func(ctx context.Context) (*redisserver.Denied, error) {
		return redisserver.FindDenied(ctx, cl.rdb, cl.needs())
	})
	if err != nil {
		return cl.unreachable(ctx, cl.addr, err)
	}
	if found == nil {
		return nil
	}
	return &ServerError{Addr: cmp.Or(found.Addr, cl.addr), Reason: "this user lacks permissions, see docs/redis.md", Err: found}
}

// needs returns all calls that the store may make: every command of every script, and the commands
// that the store sends itself, each with one key of every kind that it is used on.
func (cl *client) needs() [][]string {
	k := cl.keys
	calls := [][]string{
		{"EVAL", "return 1", "0"}, {"EVALSHA", "0", "0"}, {"INFO"}, {"PING"}, {"SUBSCRIBE"}, {"PUBLISH", k.hints(), "0"},
	}
	if cl.cfg.Replicas > 0 {
		calls = append(calls, []string{"WAIT", "0", "0"})
	}
	on := func(key string, commands ...string) {
		for _, c := range commands {
			calls = append(calls, []string{c, key})
		}
	}
	on(k.plan(nobody), cl.scripts.planCommands()...)
	on(k.plan(nobody), "HMGET", "HGET", "HSET")
	for _, key := range []string{
		k.tenants(nobody, 0), k.extras(nobody, 0), k.tasks(nobody, 0), k.held(nobody), k.loose(nobody), k.later(nobody),
		k.order(nobody), k.events(nobody), k.history(nobody), k.commands(nobody), k.cursors(nobody),
	} {
		on(key, "TYPE", "UNLINK")
	}
	on(k.tenants(nobody, 0), "LRANGE")
	for _, sc := range cl.scripts.ofAgenda() {
		on(k.agenda(), sc.commands...)
	}
	on(k.left(""), "ZADD", "ZREM", "ZSCORE", "ZRANGEBYSCORE")
	on(k.stamps(), "HGET", "HSET", "HDEL", "TYPE")
	on(k.subscriptions(), "HGET", "HSET", "HDEL", "HSCAN", "HEXISTS", "TYPE")
	on(k.unread(""), "ZADD", "ZREM", "ZCARD", "ZRANGEBYSCORE", "UNLINK", "TYPE")
	on(k.letters(""), "HGET", "HSET", "HDEL", "HLEN", "HSCAN", "UNLINK", "TYPE")
	on(k.cursors(nobody), "HGET")
	on(k.tokens(), cl.scripts.tokens.commands...)
	on(k.ids(), "GET", "MGET", "SET", "INCRBY", "TYPE", "EXISTS")
	on(k.tokens(), "MGET")
	on(k.plans(), "ZADD", "ZRANGE", "ZREM", "TYPE", "EXISTS")
	on(k.version(), "GET", "SET")
	on(k.lease(""), "PEXPIRE", "EXISTS", "DEL")
	on(k.lease(""), cl.scripts.lease.commands...)
	on(k.lease(""), cl.scripts.member.commands...)
	on(k.workers(), "ZADD", "ZRANGE", "ZREM")
	for _, sc := range []*script{cl.scripts.occupy, cl.scripts.vacate, cl.scripts.places} {
		on(k.quota("", ""), sc.commands...)
	}
	for _, key := range []string{k.tenant(""), k.key("")} {
		on(key, cl.scripts.lock.commands...)
		on(key, cl.scripts.reserve.commands...)
		on(key, "GET", "SET")
	}
	return calls
}
