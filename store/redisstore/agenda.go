package redisstore

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// The repair of the agenda: every sweepGap one process of all checks sweepShare ids.
const (
	sweepGap   = 10 * time.Second
	sweepShare = 20
)

// agenda calls one of the scripts of the agenda.
func (s *Store) agenda(ctx context.Context, sc *script, args ...any) (string, error) {
	argv := append(sc.argv(nil, s.keys.agenda(), s.keys.stamps(), s.keys.ids(), s.keys.plans()), args...)
	answer, err := s.run(ctx, sc, s.keys.agenda(), false, argv)
	if damage := (*store.CorruptError)(nil); errors.As(err, &damage) {
		s.blame(ctx, damage)
	}
	return answer, err
}

// blame makes damage name the one of the agenda's keys that is of another type, which a
// script's error does not tell.
func (s *Store) blame(ctx context.Context, damage *store.CorruptError) {
	for key, want := range map[string]string{s.keys.agenda(): "zset", s.keys.stamps(): "hash", s.keys.ids(): "string", s.keys.plans(): "zset"} {
		kind, err := ask(ctx, s, key, func(ctx context.Context) (string, error) { return s.rdb.Type(ctx, key).Result() })
		if err == nil && kind != want && kind != "none" {
			damage.Key = key
		}
	}
}

// wake makes a plan due now and not rest past hold.
func (s *Store) wake(ctx context.Context, id plan.ID, hold time.Duration, hint bool) error {
	channel := ""
	if hint {
		channel = s.keys.hints()
	}
	_, err := s.agenda(ctx, s.scripts.wake, int64(id), hold.Microseconds(), channel)
	return err
}

// expect makes a creation due when it has rested for ttl.
func (s *Store) expect(ctx context.Context, id plan.ID, ttl time.Duration) error {
	_, err := s.agenda(ctx, s.scripts.expect, int64(id), ttl.Microseconds())
	return err
}

// Due implements store.Agenda. Now and then it also checks a few plans for entries
// that were lost.
func (s *Store) Due(ctx context.Context, limit int) ([]store.DuePlan, error) {
	if err := store.CheckDue(limit); err != nil {
		return nil, err
	}
	answer, err := s.agenda(ctx, s.scripts.due, page(limit), sweepGap.Microseconds(), sweepShare)
	if err != nil {
		return nil, err
	}
	r := reader{key: s.keys.agenda(), rest: answer[1:]}
	from, to := plan.ID(r.number(' ')), plan.ID(r.number(' '))
	var plans []store.DuePlan
	var sweep []plan.ID
	for r.more() {
		p := store.DuePlan{ID: plan.ID(r.number(';')), Stamp: uint64(r.number(';'))}
		kind := r.until(';')
		if p.Creating = kind == "c"; kind == "-" {
			sweep = append(sweep, p.ID) // it is due again with its stamp
		} else {
			plans = append(plans, p)
		}
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	for id := from; id > 0 && id <= to; id++ {
		sweep = append(sweep, id)
	}
	return plans, s.sweep(ctx, sweep)
}

// sweep puts plans back on the agenda, and into the list of plans, whose entries were
// lost: by a process that died between two writes, or with their keys. It restores
// idempotency keys that are lost, too.
func (s *Store) sweep(ctx context.Context, ids []plan.ID) error {
	if len(ids) == 0 {
		return nil
	}
	records := make([]string, len(ids))
	for i, id := range ids {
		records[i] = s.keys.plan(id)
	}
	found := each(ctx, s, patience, records, func(pipe redis.Pipeliner, i int) func() ([]any, error) {
		return pipe.HMGet(ctx, records[i], "stage", "rules", "facts", "key").Result
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	var check []any
	var listed []redis.Z
	named := make(map[string]plan.ID)
	for i, record := range found {
		id, v := ids[i], record.value
		if len(v) < 4 || v[0] == nil {
			continue // it is not there, or cannot be read now: its turn comes again
		}
		rules, _ := v[1].(string)
		facts, _ := v[2].(string)
		how := "c"
		if v[0] == "ready" {
			how = digit(restsForGood(rules, facts))
			if key, _ := v[3].(string); key != "" {
				named[s.keys.key(key)] = id
			}
		}
		check = append(check, int64(id), how)
		listed = append(listed, redis.Z{Score: float64(id), Member: int64(id)})
	}
	if len(listed) == 0 {
		return nil
	}
	err := askErr(ctx, s, s.keys.plans(), func(ctx context.Context) error { return s.rdb.ZAddNX(ctx, s.keys.plans(), listed...).Err() })
	if err != nil && !redis.IsOOMError(err) { // a full server's list is mended later
		return s.fault(ctx, s.keys.plans(), err)
	}
	_, err = s.agenda(ctx, s.scripts.restore, check...)
	s.restoreKeys(ctx, named)
	return cmp.Or(err, ctx.Err())
}

// restoreKeys makes idempotency keys that name no plan name those that have them. One that
// names another plan by now stays as it is: the plan was created while the key was lost.
// Those that cannot be written now have their turn again.
func (s *Store) restoreKeys(ctx context.Context, named map[string]plan.ID) {
	names := slices.Sorted(maps.Keys(named))
	each(ctx, s, patience, names, func(pipe redis.Pipeliner, i int) func() (bool, error) {
		return pipe.SetNX(ctx, names[i], int64(named[names[i]]), 0).Result
	})
}

// restsForGood reports whether a plan needs no engine before the next command.
func restsForGood(rules, facts string) bool {
	r, f := parseRules(rules), parseFacts(facts)
	if !r.ok || !f.ok || r.rests == restsNever {
		return false
	}
	return (plan.Plan{Control: plan.Control{State: r.state, Grant: r.grant}, Facts: f.Facts}).AtRest()
}

// Reschedule implements store.Agenda.
func (s *Store) Reschedule(ctx context.Context, id plan.ID, stamp uint64, after time.Duration) error {
	wait := after.Microseconds()
	if after < 0 {
		wait = -1
	}
	_, err := s.agenda(ctx, s.scripts.reschedule, int64(id), strconv.FormatUint(stamp, 10), wait)
	return err
}

// Remind implements store.Agenda.
func (s *Store) Remind(ctx context.Context, plans map[plan.ID]time.Duration) error {
	if err := store.CheckCount("plans", len(plans), store.MaxBatch); err != nil || len(plans) == 0 {
		return err
	}
	args := make([]any, 0, 2*len(plans))
	for id, after := range plans {
		args = append(args, int64(id), max(0, after).Microseconds())
	}
	_, err := s.agenda(ctx, s.scripts.remind, args...)
	return err
}

// Listen implements store.Agenda. It returns when ctx ends, or when the connection is
// lost for good.
func (s *Store) Listen(ctx context.Context, hint func(plan.ID)) error {
	listening, stop := context.WithCancel(ctx)
	defer stop()
	sub, err := ask(ctx, s, s.keys.hints(), func(context.Context) (*redis.PubSub, error) {
		sub := s.rdb.Subscribe(listening, s.keys.hints())
		// Also if nobody waits for it any more. Receive waits for a silent server whatever
		// becomes of the context, and so may the closing.
		context.AfterFunc(listening, func() { _ = sub.Close() })
		_, err := sub.Receive(listening)
		return sub, err
	})
	if err != nil {
		return s.fault(ctx, s.keys.hints(), err)
	}
	messages := sub.Channel()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m, ok := <-messages:
			if !ok {
				return &store.TemporaryError{Err: redis.ErrClosed}
			}
			if n, err := strconv.ParseInt(m.Payload, 10, 64); err == nil && plan.ID(n).Valid() {
				hint(plan.ID(n))
			}
		}
	}
}

// page returns the number of entries to answer when limit is asked for.
func page(limit int) int {
	if limit == 0 {
		return store.MaxPage
	}
	return limit
}
