package redisstore

import (
	"crypto/rand"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// Tunings are kept, whichever of their fields are set: a new field must not be forgotten.
func TestKeepsTunings(t *testing.T) {
	t.Parallel()
	action, yes, bake, none, same := strategy.Pause, true, 90*time.Minute, time.Duration(0), 0
	whole := strategy.Tuning{
		MaxConcurrency: strategy.Percent(3), MaxFailures: strategy.Count(2), MaxSameFailures: &same, FailureAction: &action,
		BakeTime: &bake, FirstBakeTime: &none, FinalBakeTime: &bake,
		Windows: []window.Window{{Kind: window.Deny, Zone: "Europe/Berlin", Days: window.On(time.Friday)}},
		Waves: map[int]strategy.WaveTuning{
			2: {MaxConcurrency: strategy.Count(0), MaxFailures: strategy.Percent(7), BakeTime: &none, Approval: &yes}, 3: {},
		},
	}
	list := []strategy.Tuning{{}, whole, {Windows: []window.Window{}}}
	for i := range reflect.TypeFor[strategy.Tuning]().NumField() {
		var one strategy.Tuning
		field := reflect.ValueOf(whole).Field(i)
		if field.IsZero() {
			t.Fatalf("no value for field %s", reflect.TypeFor[strategy.Tuning]().Field(i).Name)
		}
		reflect.ValueOf(&one).Elem().Field(i).Set(field)
		list = append(list, one)
	}
	s := openStore(t, redistest.Mini(t), Config{})
	r := start(t, s, 3, 1)
	for _, want := range list {
		got := r.decide(func(p plan.Plan) (plan.Decision, error) {
			p.Tuning = want
			return plan.Decision{Plan: p, Changed: true}, nil
		})
		if !reflect.DeepEqual(got.Tuning, want) {
			t.Errorf("kept %+v of %+v", got.Tuning, want)
		}
	}
}

// startWaves creates and starts a plan whose waves end with these ordinals.
func startWaves(t *testing.T, s *Store, lasts ...int) *rollout {
	t.Helper()
	r := &rollout{TB: t, Store: s, ctx: t.Context()}
	n := lasts[len(lasts)-1]
	p := plan.Plan{Name: "plan", ExecutorType: "EXECUTOR", TaskCount: n, Strategy: strategy.Strategy{
		MaxConcurrency: strategy.Count(n), MaxFailures: strategy.Percent(100), Waves: make([]strategy.Wave, len(lasts)),
	}}
	for _, last := range lasts {
		p.Waves = append(p.Waves, plan.Wave{Last: last})
	}
	c, err := s.BeginCreate(r.ctx, store.Create{Plan: p, Mark: rand.Text(), Hash: "h", TTL: time.Minute})
	r.ok(err)
	r.ok(s.AddTenants(r.ctx, c, 1, tenants(n)))
	r.ok(s.FinishCreate(r.ctx, c))
	r.id = c.ID
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.MarkStarting(1<<63+1, time.Minute, plan.By{}) })
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Start(plan.By{Now: time.Now()}) })
	return r
}

func tenants(n int) []task.Tenant {
	list := make([]task.Tenant, n)
	for i := range list {
		list[i].ID = string(rune('a' + i))
	}
	return list
}

// inTheSecondWave returns a plan whose second wave is open; a task of the first one is claimed, as
// after a retry, and one of the second.
func inTheSecondWave(t *testing.T, s *Store) (r *rollout, first, second task.Task) {
	t.Helper()
	r = startWaves(t, s, 2, 4, 6)
	for _, c := range r.claim("worker", 2) {
		kind := store.Complete
		if c.ID.Ordinal() == 1 {
			kind = store.Fail
		}
		r.change(c, 1, kind)
	}
	settle := func(p plan.Plan) (plan.Decision, error) { return p.Settle(time.Now()), nil }
	if p := r.decide(settle); p.Wave != 2 {
		t.Fatalf("wave %d is open: %+v", p.Wave, p)
	}
	failed, err := s.Task(r.ctx, task.NewID(r.id, 1))
	r.ok(err)
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.RetryTask(failed, task.FromScratch, plan.By{}) })
	got := r.claim("worker", 2)
	if len(got) != 2 || got[0].ID.Ordinal() != 1 || got[1].ID.Ordinal() != 3 {
		t.Fatalf("claimed %+v", got)
	}
	return r, got[0], got[1]
}

// change commits a change of a worker and fails the test if it is refused.
func (r *rollout) change(t task.Task, seq uint32, kind store.ChangeKind) {
	r.Helper()
	b := store.Batch{Plan: r.id, Changes: []store.Change{{Task: t.ID, Token: t.Token, Seq: seq, Kind: kind}}}
	r.again(func() error { return r.Commit(r.ctx, &b) })
	r.ok(b.Changes[0].Err)
}

// A task that is retried after its wave is over counts in its own wave, and what is counted there
// is kept while commits need the open wave alone.
func TestTasksOfWavesThatAreOver(t *testing.T) {
	t.Parallel()
	s := openStore(t, redistest.Start(t).Client(), Config{})
	r, first, second := inTheSecondWave(t, s)
	want := []plan.WaveCounters{{Ended: 1, InFlight: 1}, {InFlight: 1}, {}}
	see := func() {
		t.Helper()
		p, err := s.Plan(r.ctx, r.id)
		r.ok(err)
		if !reflect.DeepEqual(p.WaveCounters, want) {
			t.Errorf("counters %+v, want %+v", p.WaveCounters, want)
		}
		storetest.Check(t, s, r.id)
	}
	see()
	r.change(second, 1, store.Complete)
	want[1] = plan.WaveCounters{Ended: 1}
	see()
	r.change(first, 1, store.Fail)
	want[0] = plan.WaveCounters{Failed: 1, Ended: 2}
	see()
}

// Damaged waves are reported with their key. Tasks of the open wave go on: their changes need none
// of what is damaged.
func TestDamagedWaves(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	for field, values := range map[string][]string{
		"waves":   {"", "2:0:0 4:0:0", "2:0:0 4:0:0 7:0:0", "x"},
		"tallies": {"", "0:0:0:0 0:0:0:0", "0:0 0:0 0:0", "x y z"},
	} {
		for _, value := range values {
			r, first, second := inTheSecondWave(t, s)
			key := s.keys.plan(r.id)
			client.HSet(r.ctx, key, field, value)
			if value == "" {
				client.HDel(r.ctx, key, field)
			}
			damaged := func(what string, err error) {
				t.Helper()
				var corrupt *store.CorruptError
				if !errors.As(err, &corrupt) || corrupt.Key != key {
					t.Errorf("%s %q: %s: error %v, want one that names %s", field, value, what, err, key)
				}
			}
			_, err := s.Plan(r.ctx, r.id)
			damaged("read", err)
			r.change(second, 1, store.Complete)
			b := store.Batch{Plan: r.id, Changes: []store.Change{{Task: first.ID, Token: first.Token, Seq: 1, Kind: store.Fail}}}
			r.ok(s.Commit(r.ctx, &b))
			damaged("change of an earlier wave", b.Changes[0].Err)
		}
	}
}
