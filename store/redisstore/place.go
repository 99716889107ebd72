package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// places are the places in quotas. Each quota has its own key, in a slot of its own.
type places struct{ client *client }

// Occupy implements store.Places.
func (ps *places) Occupy(ctx context.Context, asked []store.Occupation) error {
	if err := store.CheckOccupations(asked); err != nil || len(asked) == 0 {
		return err
	}
	sc := ps.client.scripts.occupy
	calls, of := ps.calls(sc, len(asked), func(i int) store.QuotaKey { return asked[i].QuotaKey })
	for i := range asked {
		o, c := &asked[i], &calls[of[i]]
		from := ""
		if o.From != 0 {
			from = placeValue(o.Start, o.From)
		}
		c.argv = append(c.argv, placeField(&o.Place), placeValue(o.Start, o.Phase), from, o.Max)
	}
	if err := ps.send(ctx, calls); err != nil {
		return err
	}
	answers := make([]reader, len(calls))
	for i := range calls {
		answers[i] = reader{key: calls[i].key, rest: calls[i].answer[1:]}
	}
	for i := range asked {
		o, r := &asked[i], &answers[of[i]]
		text := r.sized()
		o.Taken, o.Other = text == "+", store.Place{}
		if err := r.err(); err != nil {
			return err
		}
		if text == "" || o.Taken {
			continue
		}
		var err error
		if o.Other, err = ps.parse(o.QuotaKey, placeField(&o.Place), text); err != nil {
			return err
		}
	}
	return nil
}

// calls returns one call of a script for each of the quotas of n places, and which place belongs to
// which call.
func (ps *places) calls(sc *script, n int, quota func(int) store.QuotaKey) (calls []pipelined, of []int) {
	at := make(map[store.QuotaKey]int, n)
	of = make([]int, n)
	for i := range n {
		q := quota(i)
		k, known := at[q]
		if !known {
			key := ps.client.keys.quota(q.Label, q.Value)
			k, at[q] = len(calls), len(calls)
			calls = append(calls, pipelined{key: key, script: sc, argv: sc.argv(nil, key)})
		}
		of[i] = k
	}
	return calls, of
}

// send makes the calls and returns the first of their errors. With replicas, each call waits for
// those of its own server.
func (ps *places) send(ctx context.Context, calls []pipelined) error {
	if ps.client.cfg.Replicas == 0 {
		if err := ps.client.pipeline(ctx, answerTimeout, calls); err != nil {
			return err
		}
	} else {
		var all sync.WaitGroup
		for i := range calls {
			c := &calls[i]
			all.Go(func() { c.answer, c.err = ps.client.run(ctx, c.script, c.key, true, c.argv) })
		}
		all.Wait()
	}
	for i := range calls {
		if calls[i].err != nil {
			return calls[i].err
		}
	}
	return nil
}

// Vacate implements store.Places.
func (ps *places) Vacate(ctx context.Context, places []store.Place) error {
	if err := store.CheckCount("places", len(places), store.MaxBatch); err != nil {
		return err
	}
	calls, of := ps.calls(ps.client.scripts.vacate, len(places), func(i int) store.QuotaKey { return places[i].QuotaKey })
	for i := range places {
		p, c := &places[i], &calls[of[i]]
		c.argv = append(c.argv, placeField(p), placeValue(p.Start, p.Phase))
	}
	if err := ps.client.pipeline(ctx, answerTimeout, calls); err != nil {
		return err
	}
	for i := range calls {
		if calls[i].err != nil {
			return calls[i].err
		}
	}
	return nil
}

// Places implements store.Places.
func (ps *places) Places(ctx context.Context, q store.QuotaKey) (taken []store.Place, err error) {
	key, sc := ps.client.keys.quota(q.Label, q.Value), ps.client.scripts.places
	answer, err := ps.client.run(ctx, sc, key, false, sc.argv(nil, key))
	if err != nil {
		return nil, err
	}
	r := reader{key: key, rest: answer[1:]}
	for r.more() {
		field := r.take(int(r.number(';')))
		value := r.take(int(r.number(';')))
		if r.bad {
			break
		}
		p, err := ps.parse(q, field, value)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(taken, p) {
			taken = append(taken, p)
		}
	}
	return taken, r.err()
}

// CountPlaces implements store.Places.
func (ps *places) CountPlaces(ctx context.Context, quotas []store.QuotaKey) ([]int, error) {
	if err := store.CheckCount("quotas", len(quotas), store.MaxBatch); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	keys := make([]string, len(quotas))
	for i, q := range quotas {
		keys[i] = ps.client.keys.quota(q.Label, q.Value)
	}
	got := each(ctx, ps.client, answerTimeout, keys, func(pipe redis.Pipeliner, i int) func() (int64, error) {
		return pipe.HLen(ctx, keys[i]).Result
	})
	counts := make([]int, len(quotas))
	for i := range got {
		if err := got[i].err; err != nil {
			return nil, ps.client.fault(ctx, keys[i], err)
		}
		counts[i] = int(got[i].value)
	}
	return counts, nil
}

// placeField returns the field of a place: plan and ordinal. placeValue returns its value.
func placeField(p *store.Place) string {
	return p.Plan.String() + " " + strconv.Itoa(p.Ordinal)
}

func placeValue(start uint64, phase uint32) string {
	b := strconv.AppendUint(nil, start, 10)
	return string(strconv.AppendUint(append(b, ' '), uint64(phase), 10))
}

func (ps *places) parse(q store.QuotaKey, field, value string) (store.Place, error) {
	p := store.Place{QuotaKey: q}
	id, ordinal, two := strings.Cut(field, " ")
	start, phase, pair := strings.Cut(value, " ")
	var errs [5]error
	if !two || !pair {
		errs[4] = errors.New("a word is missing")
	}
	var n, m int64
	n, errs[0] = strconv.ParseInt(id, 10, 64)
	p.Plan = plan.ID(n)
	p.Ordinal, errs[1] = strconv.Atoi(ordinal)
	p.Start, errs[2] = strconv.ParseUint(start, 10, 64)
	m, errs[3] = strconv.ParseInt(phase, 10, 64)
	p.Phase = uint32(m)
	if err := cmp.Or(errors.Join(errs[:]...), noHold(n, int64(p.Ordinal), m)); err != nil {
		return p, &store.CorruptError{Key: ps.client.keys.quota(q.Label, q.Value), Reason: fmt.Sprintf("%.64q, %.64q is no place: %v", field, value, err)}
	}
	return p, nil
}
