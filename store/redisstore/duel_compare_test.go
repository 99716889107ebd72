package redisstore

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func (d *duel) read(k int) (p plan.Plan, tasks []task.Task) {
	p, err := d.stores[k].Plan(d.Context(), d.ids[k])
	tasks, _, err2 := d.stores[k].Tasks(d.Context(), d.ids[k], store.TaskQuery{})
	if err = errors.Join(err, err2); err != nil {
		d.Fatal(err)
	}
	return p, tasks
}

// compare compares the plan, its tasks and its newest events.
func (d *duel) compare() {
	d.Helper()
	want, wantTasks := d.read(0)
	got, tasks := d.read(1)
	for i := range wantTasks {
		if got, want := explained(&got, tasks[i]), explained(&want, wantTasks[i]); !reflect.DeepEqual(got, want) {
			d.Fatalf("task %s: %+v, want %+v", tasks[i].ID, got, want)
		}
	}
	got.Approved, want.Approved = slices.Concat(got.Approved), slices.Concat(want.Approved) // nil if it is empty
	got.Idle = want.Idle                                                                    // it depends on the clocks
	got.Now, got.NextDue = timeless(got.Now, got.NextDue)
	want.Now, want.NextDue = timeless(want.Now, want.NextDue)
	got.WaveEndedAt, want.WaveEndedAt = past(got.WaveEndedAt), past(want.WaveEndedAt)
	if diff := differences(&got, &want); len(diff) > 0 || got.Version != want.Version {
		d.Fatalf("version %d, want %d\n%s", got.Version, want.Version, strings.Join(diff, "\n"))
	}
	d.compareRules(&want)
	for i := range wantTasks {
		d.same(tasks[i], wantTasks[i])
	}
	var events [2][]string
	d.both(func(k int, s store.Store) error {
		list, err := s.Events(d.Context(), d.ids[k], max(0, want.LastEvent-1), 0)
		for _, e := range list {
			events[k] = append(events[k], fmt.Sprint(e.Seq, e.Task.Ordinal(), e.Tenant, e.From, e.To, e.Attempt, e.Cause, e.Wave, e.Added, e.StayStopped, e.AtRest))
		}
		return err
	})
	if !slices.Equal(events[0], events[1]) {
		d.Fatalf("events %q, want %q", events[1], events[0])
	}
}

// timeless returns times that show as much of the times now and due as does not depend on the
// clock: whether a task is due now, later or never.
func timeless(now, due time.Time) (time.Time, time.Time) {
	at := time.Unix(1_700_000_000, 0)
	switch {
	case due.IsZero():
		return at, due
	case due.After(now):
		return at, at.Add(1)
	}
	return at, at
}

// explained returns why a task does not move, without what depends on the clock or the store.
func explained(p *plan.Plan, t task.Task) plan.Reason {
	r := p.Explain(t)
	r.Task, r.Failure, r.ChangedAt, r.Until = 0, nil, time.Time{}, time.Time{}
	return r
}

// same compares tasks except for the values that each store assigns itself: plan ids, versions,
// tokens and times.
func (d *duel) same(got, want task.Task) {
	d.Helper()
	for _, t := range []*task.Task{&got, &want} {
		t.ID, t.Version, t.Token = task.ID(t.ID.Ordinal()), 0, 0
		t.StartedAt, t.UpdatedAt, t.EndedAt = time.Time{}, time.Time{}, time.Time{}
		t.RetriedAt = t.RetriedAt.UTC()
		_, t.Wait.Until = timeless(time.Now(), t.Wait.Until)
		if f := t.Failure; f != nil {
			t.Failure = &task.FailureInfo{Reason: f.Reason, ErrorCode: f.ErrorCode, Step: f.Step}
		}
	}
	if !reflect.DeepEqual(got, want) {
		d.Fatalf("task\n%+v\nwant\n%+v", got, want)
	}
}
