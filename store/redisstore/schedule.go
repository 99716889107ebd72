package redisstore

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// writeHold is the length of the hold that a plan gets before a command is written. Until the hold
// ends, no process can put the plan off past the end of the hold.
const writeHold = 5 * time.Second

// agenda records when each plan is due to be reconciled, and restores entries that follow from
// other keys.
type agenda struct {
	client *client
	// sure is false if something on the server may have been lost since the last call of Due.
	sure atomic.Bool
}

// call calls one of the scripts of the agenda.
func (a *agenda) call(ctx context.Context, sc *script, args ...any) (string, error) {
	argv := append(sc.argv(nil, a.client.keys.agenda(), a.client.keys.stamps(), a.client.keys.ids(), a.client.keys.plans()), args...)
	answer, err := a.client.run(ctx, sc, a.client.keys.agenda(), false, argv)
	if damage := (*store.CorruptError)(nil); errors.As(err, &damage) {
		a.blame(ctx, damage)
	}
	return answer, err
}

// blame makes damage name the key of the agenda that has the wrong type, because the error of a
// script does not say which of the keys it is.
func (a *agenda) blame(ctx context.Context, damage *store.CorruptError) {
	for key, want := range map[string]string{
		a.client.keys.agenda(): "zset", a.client.keys.stamps(): "hash", a.client.keys.ids(): "string", a.client.keys.plans(): "zset",
		a.client.keys.subscriptions(): "hash",
	} {
		kind, err := ask(ctx, a.client, key, func(ctx context.Context) (string, error) { return a.client.rdb.Type(ctx, key).Result() })
		if err == nil && kind != want && kind != "none" {
			damage.Key = key
		}
	}
}

// wake makes a plan due now, and then keeps it from being put off past the end of hold. If hint is
// true, it publishes a hint.
func (a *agenda) wake(ctx context.Context, id plan.ID, hold time.Duration, hint bool) error {
	channel := ""
	if hint {
		channel = a.client.keys.hints()
	}
	_, err := a.call(ctx, a.client.scripts.wake, int64(id), hold.Microseconds(), channel)
	return err
}

// wakeExisting wakes a plan before a command is written, unless the plan does not exist.
func (a *agenda) wakeExisting(ctx context.Context, id plan.ID) error {
	key := a.client.keys.plan(id)
	stage, err := ask(ctx, a.client, key, func(ctx context.Context) (string, error) {
		return a.client.rdb.HGet(ctx, key, "stage").Result()
	})
	if err == nil && stage == "ready" {
		return a.wake(ctx, id, writeHold, false)
	}
	return nil // the script of the command reports the fault
}

// expect makes a creation due after its time to live, ttl.
func (a *agenda) expect(ctx context.Context, id plan.ID, ttl time.Duration) error {
	_, err := a.call(ctx, a.client.scripts.expect, int64(id), ttl.Microseconds())
	return err
}

// sweep restores lost entries of plans on the agenda and in the list of plans: entries lost by a
// process that died between two writes, or together with their keys. It also restores lost
// idempotency keys.
func (a *agenda) sweep(ctx context.Context, ids []plan.ID) error {
	if len(ids) == 0 {
		return nil
	}
	records := make([]string, len(ids))
	for i, id := range ids {
		records[i] = a.client.keys.plan(id)
	}
	found := each(ctx, a.client, answerTimeout, records, func(pipe redis.Pipeliner, i int) func() ([]any, error) {
		return pipe.HMGet(ctx, records[i], "stage", "rules", "facts", "key").Result
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	check := []any{digit(false)}
	var listed []redis.Z
	named := make(map[string]plan.ID)
	for i, record := range found {
		id, v := ids[i], record.value
		if len(v) < 4 || v[0] == nil {
			continue // it does not exist, or cannot be read now: it is checked again in the next round
		}
		rules, _ := v[1].(string)
		facts, _ := v[2].(string)
		how := "c"
		if v[0] == "ready" {
			how = digit(restsUntilCommand(rules, facts))
			if key, _ := v[3].(string); key != "" {
				named[a.client.keys.key(key)] = id
			}
		}
		check = append(check, int64(id), how)
		listed = append(listed, redis.Z{Score: float64(id), Member: int64(id)})
	}
	if len(listed) == 0 {
		return nil
	}
	unlisted, err := ask(ctx, a.client, a.client.keys.plans(), func(ctx context.Context) (int64, error) {
		return a.client.rdb.ZAddNX(ctx, a.client.keys.plans(), listed...).Result()
	})
	if err != nil && !redis.IsOOMError(err) { // a full server's list is repaired later
		return a.client.fault(ctx, a.client.keys.plans(), err)
	}
	check[0] = digit(a.restoreKeys(ctx, named) || unlisted > 0)
	_, err = a.call(ctx, a.client.scripts.restore, check...)
	return cmp.Or(err, ctx.Err())
}

// restoreKeys restores the idempotency keys of plans if they name no plan. A key that now names
// another plan stays as it is: that plan was created while the key was lost. Keys that cannot be
// written now are restored in the next round. It reports whether any were.
func (a *agenda) restoreKeys(ctx context.Context, named map[string]plan.ID) (some bool) {
	names := slices.Sorted(maps.Keys(named))
	restored := each(ctx, a.client, answerTimeout, names, func(pipe redis.Pipeliner, i int) func() (bool, error) {
		return pipe.SetNX(ctx, names[i], int64(named[names[i]]), 0).Result
	})
	for _, r := range restored {
		some = some || r.value
	}
	return some
}

// restsUntilCommand reports whether a plan needs no engine before the next command.
func restsUntilCommand(rules, facts string) bool {
	r, f := parseRules(rules), parseFacts(facts)
	return r.ok && f.ok && r.atRest(&f)
}
