package redisstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// AddTenants implements store.Creator.
func (s *Store) AddTenants(ctx context.Context, c store.Creation, first int, tenants []task.Tenant) error {
	return s.client.appendTenants(ctx, c.ID, "="+c.Mark, first, tenants)
}

// AppendTenants implements store.Creator.
func (s *Store) AppendTenants(ctx context.Context, id plan.ID, token uint64, first int, tenants []task.Tenant) error {
	return s.client.appendTenants(ctx, id, "+"+strconv.FormatUint(token, 10), first, tenants)
}

// appendTenants calls tenants.lua, the first argument of which is by.
func (cl *client) appendTenants(ctx context.Context, id plan.ID, by string, first int, tenants []task.Tenant) error {
	if err := store.CheckCount("tenants", len(tenants), store.MaxTenants); err != nil {
		return err
	}
	k := cl.keys.plan(id)
	argv := make([]any, 0, 8+len(tenants))
	argv = cl.scripts.tenants.argv(argv, k)
	argv = append(argv, by, first, len(tenants))
	more := 0
	marked := make([]blob, len(tenants))
	for i := range tenants {
		mark := byte('0')
		if len(tenants[i].Labels)+len(tenants[i].Parameters) > 0 {
			mark = '1'
			more++
		}
		marked[i] = append(append(make(blob, 0, 1+len(tenants[i].ID)), mark), tenants[i].ID...)
		argv = append(argv, &marked[i])
	}
	argv = append(argv, more)
	for i := range tenants {
		if t := &tenants[i]; len(t.Labels)+len(t.Parameters) > 0 {
			text, err := json.Marshal(extras{t.Labels, t.Parameters})
			if err != nil {
				return fmt.Errorf("redisstore: %w", err)
			}
			argv = append(argv, first+i, text)
		}
	}
	_, err := cl.run(ctx, cl.scripts.tenants, k, false, argv)
	return err
}

// formatAdding returns the stored form of the addition under way: its token and the ordinal of its
// last tenant, with a minus sign if it was given up; or an empty string.
func formatAdding(p *plan.Plan) string {
	if p.Adding == nil {
		return ""
	}
	text := strconv.FormatUint(p.Adding.Token, 10) + " " + strconv.Itoa(p.TaskCount+p.Adding.Tenants)
	if p.Adding.GivenUp {
		text = "-" + text
	}
	return text
}

// Tenants implements store.Reader. The same round trip checks that the plan exists; only if it does
// not, a second one finds out why.
func (s *Store) Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	return s.tenants(ctx, id, "tasks", after, limit)
}

// Appended implements store.Reader.
func (s *Store) Appended(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	p, err := s.Plan(ctx, id)
	if err != nil || p.Adding == nil && p.Dropped == 0 {
		return nil, err
	}
	return s.tenants(ctx, id, "have", max(after, p.TaskCount), limit)
}

// tenants returns the tenants with the ordinals from after+1 to the number in a field of the
// record, at most limit of them.
func (s *Store) tenants(ctx context.Context, id plan.ID, field string, after, limit int) ([]string, error) {
	if err := store.CheckStates(after, limit); err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = store.MaxStates
	}
	pipe := s.client.rdb.Pipeline()
	record := pipe.HMGet(ctx, s.keys.plan(id), "stage", field)
	var lists []*redis.StringSliceCmd
	for place := after; place < after+limit; place += bucketSize - place%bucketSize {
		end := min(after+limit-place, bucketSize-place%bucketSize) + place%bucketSize - 1
		lists = append(lists, pipe.LRange(ctx, s.keys.tenants(id, place/bucketSize), int64(place%bucketSize), int64(end)))
	}
	if err := s.client.exec(ctx, s.keys.plan(id), pipe); err != nil {
		return nil, err
	}
	if err := s.client.fault(ctx, s.keys.plan(id), record.Err()); err != nil {
		return nil, err
	}
	if record.Val()[0] != "ready" {
		_, err := s.Plan(ctx, id) // returns why the plan cannot be read
		return nil, cmp.Or(err, store.ErrNotFound)
	}
	stored, _ := record.Val()[1].(string)
	total, err := strconv.Atoi(stored)
	if err != nil {
		return nil, &store.CorruptError{Key: s.keys.plan(id), Reason: fmt.Sprintf("%s is %.32q", field, stored)}
	}
	tenants, err := s.client.tenantsOf(ctx, id, lists, after, min(total, after+limit))
	if errors.Is(err, store.ErrCorrupt) {
		_, removed := s.Plan(ctx, id) // it may have been removed after the check
		return nil, cmp.Or(removed, err)
	}
	return tenants, err
}

// tenantsOf returns the tenants with the ordinals from after+1 to last, from the lists that were
// read.
func (cl *client) tenantsOf(ctx context.Context, id plan.ID, lists []*redis.StringSliceCmd, after, last int) ([]string, error) {
	tenants := make([]string, 0, max(0, last-after))
	for _, list := range lists {
		place := after + len(tenants)
		if place >= last {
			break
		}
		key := cl.keys.tenants(id, place/bucketSize)
		if err := cl.fault(ctx, key, list.Err()); err != nil {
			return nil, err
		}
		want := min(bucketSize-place%bucketSize, last-place)
		got := list.Val()[:min(want, len(list.Val()))] // beyond it may be tenants of an addition
		for _, entry := range got {
			tenants = append(tenants, entry[min(1, len(entry)):]) // after its mark
		}
		if len(got) < want {
			return nil, &store.CorruptError{Key: key, Reason: fmt.Sprintf("the tenant of task %d is missing", after+len(tenants)+1)}
		}
	}
	return tenants, nil
}
