package redisstore

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// divide gives most plans waves, and some of them bakes, approvals and windows. A bake never ends
// during a duel, and no window opens or closes: nothing depends on the clocks of the stores.
func (d *duel) divide(p *plan.Plan) {
	bake := func() time.Duration { return pick(d, 0, 0, 0, 0, 0, time.Hour) }
	p.Strategy.FinalBakeTime = bake()
	if d.rand.Intn(6) == 0 {
		open := window.Window{Kind: window.Allow, Zone: "UTC"}
		shut := window.Window{Kind: pick(d, window.Allow, window.Deny), Zone: "UTC", Dates: []window.DateRange{window.OnDate(time.Now().UTC().Year()+3, time.May, 1)}}
		p.Strategy.Windows = pick(d, []window.Window{shut}, []window.Window{open, shut})
	}
	if d.rand.Intn(4) == 0 {
		return
	}
	for last := 0; last < d.tasks; {
		last = min(d.tasks, last+pick(d, 1, 1, 2, 40, 70))
		p.Waves = append(p.Waves, plan.Wave{Last: last})
		p.Strategy.Waves = append(p.Strategy.Waves, strategy.Wave{
			Name: pick(d, "", "canary"), Canary: d.rand.Intn(8) == 0, Approval: d.rand.Intn(6) == 0, BakeTime: bake(),
			MaxConcurrency: pick(d, strategy.Amount{}, strategy.Count(2), strategy.Percent(50)),
			MaxFailures:    pick(d, strategy.Amount{}, strategy.Count(0), strategy.Count(1), strategy.Percent(50)),
		})
		if d.rand.Intn(4) == 0 {
			p.Strategy.FailureAction = strategy.RollbackWave
		}
		if len(p.Waves) == 20 {
			p.Waves[19].Last, last = d.tasks, d.tasks
		}
	}
}

// ofWaves returns the commands on waves and strategies.
func (d *duel) ofWaves() []func(plan.Plan, plan.By) (plan.Decision, error) {
	n := d.rand.Intn(4)
	hour, yes, action := time.Hour, true, pick(d, strategy.Pause, strategy.Stop)
	tuning := pick(d,
		strategy.Tuning{MaxFailures: strategy.Count(n), FailureAction: &action},
		strategy.Tuning{MaxSameFailures: &n},
		strategy.Tuning{MaxConcurrency: strategy.Count(n), FinalBakeTime: new(time.Duration)},
		strategy.Tuning{Windows: []window.Window{}, FirstBakeTime: &hour},
		strategy.Tuning{Waves: map[int]strategy.WaveTuning{
			1 + n: {MaxFailures: strategy.Count(n), Approval: &yes},
			2 + n: {MaxConcurrency: strategy.Count(n), BakeTime: &hour},
		}},
		strategy.Tuning{Waves: map[int]strategy.WaveTuning{1 + n: {BakeTime: new(time.Duration), Approval: new(bool)}}},
	)
	return []func(plan.Plan, plan.By) (plan.Decision, error){
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Approve(0, by) },
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Approve(n, by) },
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Reject(n, by) },
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Tune(tuning, by) },
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.RollbackWave(n, by) },
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.RollbackWave(max(1, p.Wave-n), by) },
	}
}

// rush ends the tasks that are held, claims others and takes the plan on, a few times in a row, so
// that some plans get far in their waves.
func (d *duel) rush() {
	for range 1 + d.rand.Intn(6) {
		newest := make(map[int]*duelJob)
		for _, j := range d.jobs {
			newest[j.claimed[0].ID.Ordinal()] = j
		}
		claim := store.Claim{ID: d.name(), Worker: d.worker(), Max: min(store.MaxBatch, d.tasks)}
		var b [2]store.Batch
		ordinals := slices.Sorted(maps.Keys(newest))
		for _, o := range ordinals[:min(len(ordinals), store.MaxBatch)] {
			j := newest[o]
			j.seq++
			w := store.Change{Seq: j.seq, Kind: pick(d, store.Complete, store.Complete, store.Complete, store.Complete, store.Complete, store.Fail)}
			for k := range b {
				w.Task, w.Token = j.claimed[k].ID, j.claimed[k].Token
				b[k].Changes = append(b[k].Changes, w)
			}
		}
		d.jobs = nil
		for k := range b {
			b[k].Claim = claim
		}
		d.commit(b)
		d.compare()
		next := pick(d, plan.Plan.Resume, func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Approve(0, by) },
			func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Settle(by.Now), nil })
		d.decide(func(p plan.Plan, _ []task.Task) (plan.Decision, error) { return next(p, d.by()) })
		d.decide(func(p plan.Plan, _ []task.Task) (plan.Decision, error) { return p.Settle(d.by().Now), nil })
		d.compare()
	}
}

// compareRules checks that what the client derives from the stored rules and facts, whether the
// plan is at rest and has tasks to claim, is what package plan says.
func (d *duel) compareRules(want *plan.Plan) {
	d.Helper()
	s, ok := d.stores[1].(*Store)
	if !ok {
		d.Fatalf("the second store is a %T", d.stores[1])
	}
	stored, err := s.client.rdb.HMGet(d.Context(), s.keys.plan(d.ids[1]), "rules", "facts").Result()
	if err != nil {
		d.Fatal(err)
	}
	rulesText, _ := stored[0].(string)
	factsText, _ := stored[1].(string)
	if got := restsUntilCommand(rulesText, factsText); got != want.AtRest() {
		d.Fatalf("rules %q and facts %q: at rest %t", rulesText, factsText, got)
	}
	r, f := parseRules(rulesText), parseFacts(factsText)
	f.Now = time.Now()
	if can, sure := claimable(&r, &f); sure && can != want.Claimable() {
		d.Fatalf("rules %q and facts %q: claimable %t, want %t", rulesText, factsText, can, want.Claimable())
	}
}

// differences names the fields in which two plans differ, with both values.
func differences(got, want *plan.Plan) (list []string) {
	for _, part := range [][2]any{{got.Control, want.Control}, {got.Facts, want.Facts}} {
		g, w := reflect.ValueOf(part[0]), reflect.ValueOf(part[1])
		for i := range g.NumField() {
			if a, b := g.Field(i).Interface(), w.Field(i).Interface(); !reflect.DeepEqual(a, b) {
				list = append(list, fmt.Sprintf("%s: %+v, want %+v", g.Type().Field(i).Name, a, b))
			}
		}
	}
	return list
}

// past returns a time that shows whether t is set.
func past(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.Unix(1_700_000_000, 0)
}
