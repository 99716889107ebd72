package redisstore

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/task"
)

// appendEvent appends the line of a decision's event.
func appendEvent(to []byte, e *plan.Event) []byte {
	ordinal := 0
	if e.Task != 0 {
		ordinal = e.Task.Ordinal()
	}
	to = strconv.AppendInt(to, int64(ordinal), 10)
	for _, field := range []string{e.From, e.To, strconv.Itoa(e.Attempt), e.Cause} {
		to = append(append(to, '\t'), lineBreaks.Replace(field)...)
	}
	to = append(to, '\t')
	d, any := planrecord.DetailOf(e)
	if !any {
		return to
	}
	text, err := json.Marshal(d)
	if err != nil {
		return to
	}
	return append(to, text...)
}

// lineBreaks replaces the characters that would break the line of an event. Causes and states are
// single words, which have none of them.
//
//nolint:gochecknoglobals // a constant table
var lineBreaks = strings.NewReplacer("\t", " ", "\n", " ")

// Events implements store.Reader.
func (s *Store) Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	if err := store.CheckEvents(after, limit); err != nil {
		return nil, err
	}
	key := s.keys.plan(id)
	limit = page(limit)
	argv := s.client.scripts.events.argv(make([]any, 0, 8), key)
	answer, err := s.client.run(ctx, s.client.scripts.events, key, false, append(argv, after, limit, limit))
	if err != nil {
		return nil, err
	}
	r := reader{key: s.keys.events(id), rest: answer[1:]}
	last, first := r.number('|'), r.number('|')
	if s.client.cfg.MaxEvents > 0 {
		first = max(first, last-int64(s.client.cfg.MaxEvents)+1)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	if after > last {
		return nil, &store.EventsAheadError{After: after, Newest: last}
	}
	if after < first-1 {
		return nil, &store.TrimmedError{First: first}
	}
	events, err := parseEvents(id, &r, after, limit)
	if err != nil {
		return nil, err
	}
	return events, s.nameTenants(ctx, id, events)
}

// PlanEvents implements store.Reader.
func (s *Store) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	if err := store.CheckEvents(after, limit); err != nil {
		return nil, err
	}
	key := s.keys.plan(id)
	limit = page(limit)
	argv := s.client.scripts.history.argv(make([]any, 0, 8), key)
	answer, err := s.client.run(ctx, s.client.scripts.history, key, false, append(argv, after, limit))
	if err != nil {
		return nil, err
	}
	r := reader{key: s.keys.history(id), rest: answer[1:]}
	last := r.number('|')
	if err := r.err(); err != nil {
		return nil, err
	}
	if after > last {
		return nil, &store.EventsAheadError{After: after, Newest: last}
	}
	return parseEvents(id, &r, after, limit)
}

// parseEvents reads entries of the log and returns up to limit events with numbers above after.
func parseEvents(id plan.ID, r *reader, after int64, limit int) ([]plan.Event, error) {
	var events []plan.Event
	for r.more() {
		last, at, rest := r.number(';'), r.number(';'), r.until(';') == "1"
		lines := strings.Split(r.sized(), "\n")
		for i, line := range lines {
			seq := last - int64(len(lines)-1-i)
			if seq <= after || len(events) == limit {
				continue
			}
			e, ok := parseEvent(id, line)
			if !ok {
				return nil, &store.CorruptError{Key: r.key, Reason: fmt.Sprintf("event %d makes no sense: %.64q", seq, line)}
			}
			e.Seq, e.At, e.AtRest = seq, stamp(at), rest && seq == last
			events = append(events, e)
		}
	}
	return events, r.err()
}

func parseEvent(id plan.ID, line string) (plan.Event, bool) {
	f := strings.SplitN(line, "\t", 6)
	if len(f) != 6 {
		return plan.Event{}, false
	}
	ordinal, err := strconv.Atoi(f[0])
	attempt, err2 := strconv.Atoi(f[3])
	if err != nil || err2 != nil {
		return plan.Event{}, false
	}
	e := plan.Event{Plan: id, From: f[1], To: f[2], Attempt: attempt, Cause: f[4]}
	if ordinal != 0 {
		e.Task = task.NewID(id, ordinal)
	}
	if f[5] == "" {
		return e, true
	}
	var d planrecord.Detail
	if json.Unmarshal([]byte(f[5]), &d) != nil {
		return e, false
	}
	d.Fill(&e)
	return e, true
}

// nameTenants fills in the tenants of events. It may read them after the events, because the tenant
// of a task never changes.
func (s *Store) nameTenants(ctx context.Context, id plan.ID, events []plan.Event) error {
	buckets := make(map[int]*redis.StringSliceCmd)
	pipe := s.client.rdb.Pipeline()
	for i := range events {
		if events[i].Task == 0 {
			continue
		}
		b := (events[i].Task.Ordinal() - 1) / bucketSize
		if buckets[b] == nil {
			buckets[b] = pipe.LRange(ctx, s.keys.tenants(id, b), 0, -1)
		}
	}
	if len(buckets) == 0 {
		return nil
	}
	if err := s.client.exec(ctx, s.keys.plan(id), pipe); err != nil {
		return err
	}
	for b, cmd := range buckets {
		if err := cmd.Err(); err != nil {
			return s.client.fault(ctx, s.keys.tenants(id, b), err)
		}
	}
	for i := range events {
		if events[i].Task == 0 {
			continue
		}
		place := events[i].Task.Ordinal() - 1
		names := buckets[place/bucketSize].Val()
		if place%bucketSize >= len(names) || names[place%bucketSize] == "" {
			return &store.CorruptError{Key: s.keys.tenants(id, place/bucketSize), Reason: fmt.Sprintf("the tenant of task %s is missing", events[i].Task)}
		}
		events[i].Tenant = names[place%bucketSize][1:] // after its mark
	}
	return nil
}
