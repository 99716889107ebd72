package redisstore

import (
	"errors"
	"fmt"
	"math/rand"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// TestShortcutsDoWhatCommitDoes makes the same random round trips with two stores, of which one
// makes them with commit.lua alone, and compares the answers and everything that is left in Redis.
func TestShortcutsDoWhatCommitDoes(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	count, some := strategy.Count, func(ordinal int) map[string]string {
		if ordinal%7 == 5 {
			return map[string]string{"a": strings.Repeat("b", ordinal%3*100)}
		}
		return nil
	}
	shut := window.Window{Kind: window.Deny, Zone: "UTC", Dates: []window.DateRange{window.OnDate(time.Now().UTC().Year()+3, time.May, 1)}}
	waves := []plan.Wave{{Last: 50}, {Last: 120}, {Last: 300}}
	every := 10 // rounds between two looks at all that is left, which takes most of the time
	if sample.Whole() {
		every = 1
	}
	for name, p := range map[string]plan.Plan{
		"wide":     {Strategy: strategy.Strategy{MaxConcurrency: count(90), MaxFailures: strategy.Percent(100)}},
		"narrow":   {Strategy: strategy.Strategy{MaxConcurrency: count(4), MaxFailures: strategy.Percent(100)}},
		"sequence": {Strategy: strategy.Strategy{MaxConcurrency: count(1), MaxFailures: strategy.Percent(100)}},
		"strict":   {Strategy: strategy.Strategy{MaxConcurrency: count(20), MaxFailures: count(12), ConcurrencyMode: strategy.Strict}},
		"window":   {Strategy: strategy.Strategy{MaxConcurrency: count(40), MaxFailures: strategy.Percent(100), Windows: []window.Window{shut}}},
		"waves":    {Strategy: strategy.Strategy{MaxConcurrency: count(40), MaxFailures: count(30), Waves: make([]strategy.Wave, 3)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := newTwins(t, rdb)
			if p.TaskCount = 300; name == "waves" {
				p.Waves = waves
			}
			for k := range tw.stores {
				s := openStore(t, rdb, Config{Prefix: fmt.Sprint(name, k, ":"), MaxEvents: 130})
				tw.stores[k] = startPlan(t, s, p, some)
			}
			for tw.step() {
				if tw.rounds%every == 0 {
					tw.compare()
				}
			}
			tw.compare()
			if name != "strict" && tw.turns == 0 {
				t.Error("turn.lua was never enough")
			}
		})
	}
}

// twins are two stores that get the same calls. The second uses no shortcut.
type twins struct {
	*testing.T
	rdb    *redis.Client
	rand   *rand.Rand
	stores [2]*rollout
	held   [2][]task.Task
	seqs   []uint32
	rounds int
	turns  int // rounds of the first store without a detour
}

func newTwins(t *testing.T, rdb *redis.Client) *twins {
	t.Helper()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	return &twins{T: t, rdb: rdb, rand: rand.New(rand.NewSource(seed))}
}

// step sends one round trip of changes of some of the held tasks, and claims with some of them.
// It returns false when no task is held any more.
func (w *twins) step() bool {
	w.rounds++
	var batches [2][]store.Batch
	var changed []int
	alone := w.rand.Intn(8) == 0 || w.rounds == 1
	for i := range w.held[0] {
		if w.rand.Intn(4) > 0 {
			changed = append(changed, i)
		}
	}
	kinds := make([]int, len(changed))
	for n := range kinds {
		kinds[n] = w.rand.Intn(40)
	}
	for k := range batches {
		for n, i := range changed {
			held := w.held[k][i]
			c := store.Change{Task: held.ID, Token: held.Token, Seq: w.seqs[i] + 1, Elapsed: time.Duration(n) * time.Second}
			var claim store.Claim
			switch kind := kinds[n]; {
			case kind < 20:
				c.Saved = store.Saved{Step: "step", Data: []byte(strings.Repeat("x", kind))}
			case kind < 25: // a save of nothing
			case kind < 26:
				c.Kind, c.Failure = store.Fail, &task.FailureInfo{Reason: "it failed", ErrorCode: "CODE", Step: "step"}
			default:
				c.Kind = store.Complete
				claim = store.Claim{ID: fmt.Sprint("claim-", w.rounds, "-", i), Worker: fmt.Sprint("worker", i%3), Max: 1}
				if kind == 39 {
					claim = store.Claim{}
				}
			}
			batches[k] = append(batches[k], store.Batch{Plan: w.stores[k].id, Changes: []store.Change{c}, Claim: claim})
		}
		if alone {
			claim := store.Claim{ID: fmt.Sprint("claim-", w.rounds), Worker: "alone", Max: 30}
			batches[k] = append(batches[k], store.Batch{Plan: w.stores[k].id, Claim: claim})
		}
		w.send(k, batches[k])
	}
	w.sameAnswers(batches)
	w.follow(batches, changed)
	if len(w.held[0]) == 0 {
		w.openWave()
	}
	return w.rounds < 1000 && (len(w.held[0]) > 0 || w.rounds%20 != 0)
}

// send makes one round round.
func (w *twins) send(k int, batches []store.Batch) {
	s := w.stores[k]
	q := s.queues.of(s.id)
	if q.detours = 0; k == 1 {
		q.detours = 1 << 30
	}
	round := &roundTrip{}
	for i := range batches {
		c := newCall()
		c.encode(&batches[i])
		round.calls = append(round.calls, c)
	}
	calls := slices.Clone(round.calls)
	_ = s.queues.commit(s.ctx, s.id, q, round)
	for i, c := range calls {
		s.ok(c.err)
		s.ok(c.answerTo(&batches[i], s.keys))
	}
	if k == 0 && q.detours == 0 && round.shortcut(s.client.scripts) == s.client.scripts.turn {
		w.turns++
	}
}

func (w *twins) sameAnswers(batches [2][]store.Batch) {
	w.Helper()
	for i := range batches[0] {
		got, want := &batches[0][i], &batches[1][i]
		got.View.Now, want.View.Now = time.Time{}, time.Time{}
		if got.View != want.View {
			w.Fatalf("round %d: view %+v, want %+v", w.rounds, got.View, want.View)
		}
		for n := range want.Changes {
			g, x := &got.Changes[n], &want.Changes[n]
			if g.State != x.State || g.Stop != x.Stop || !errors.Is(g.Err, x.Err) {
				w.Fatalf("round %d: %+v, want %+v", w.rounds, g, x)
			}
		}
		describe := func(b *store.Batch) (all string) {
			for _, t := range b.Claimed {
				all += fmt.Sprintln(t.ID.Ordinal(), t.Tenant, t.Control, t.Version, t.Worker, t.Checkpoint)
			}
			return all
		}
		if got, want := describe(got), describe(want); got != want {
			w.Fatalf("round %d: claimed %s, want %s", w.rounds, got, want)
		}
	}
}

// follow keeps the tasks that are held after the round.
func (w *twins) follow(batches [2][]store.Batch, changed []int) {
	ended := make(map[int]bool)
	for n, i := range changed {
		w.seqs[i]++
		ended[i] = batches[0][n].Changes[0].Kind != store.Save
	}
	var seqs []uint32
	for k := range w.held {
		var held []task.Task
		seqs = nil
		for i, t := range w.held[k] {
			if !ended[i] {
				held, seqs = append(held, t), append(seqs, w.seqs[i])
			}
		}
		for i := range batches[k] {
			for _, t := range batches[k][i].Claimed {
				held, seqs = append(held, t), append(seqs, 0)
			}
		}
		w.held[k] = held
	}
	w.seqs = seqs
}

// openWave opens the next wave of both plans, if they have one.
func (w *twins) openWave() {
	for _, s := range w.stores {
		p, err := s.Plan(s.ctx, s.id)
		s.ok(err)
		if d := p.Settle(time.Now()); len(d.Events) > 0 || d.Plan.Version != p.Version {
			s.decide(func(p plan.Plan) (plan.Decision, error) { return p.Settle(time.Now()), nil })
		}
	}
}

var clockValue = regexp.MustCompile(`\d{16}|\d\.\d+e\+15`)

// compare compares what the two stores have in Redis, but for times and tokens.
func (w *twins) compare() {
	w.Helper()
	var all [2][]string
	for k, s := range w.stores {
		base := strings.TrimSuffix(s.keys.plan(s.id), "plan")
		keys, err := w.rdb.Keys(s.ctx, strings.NewReplacer("{", `\{`, "}", `\}`).Replace(base)+"*").Result()
		s.ok(err)
		for _, key := range keys {
			name := strings.TrimPrefix(key, base)
			for field, value := range w.contents(key) {
				if name == "plan" && !slices.Contains([]string{"facts", "past", "version", "tallies", "groups"}, field) {
					continue
				}
				if name != "history" && name != "commands" {
					all[k] = append(all[k], name+" "+field+": "+clockValue.ReplaceAllString(value, "T"))
				}
			}
		}
		slices.Sort(all[k])
	}
	for i := range all[1] {
		if i >= len(all[0]) || all[0][i] != all[1][i] {
			w.Fatalf("round %d: %q, want %q", w.rounds, all[0][min(i, len(all[0])-1)], all[1][i])
		}
	}
}

// contents returns what a key has.
func (w *twins) contents(key string) map[string]string {
	ctx, all := w.Context(), make(map[string]string)
	switch w.rdb.Type(ctx, key).Val() {
	case "hash":
		return w.rdb.HGetAll(ctx, key).Val()
	case "list":
		for i, v := range w.rdb.LRange(ctx, key, 0, -1).Val() {
			all[fmt.Sprint(i)] = v
		}
	case "stream":
		for _, m := range w.rdb.XRange(ctx, key, "-", "+").Val() {
			all[m.ID] = fmt.Sprint(m.Values["e"], m.Values["rest"])
		}
	case "zset":
		for _, z := range w.rdb.ZRangeWithScores(ctx, key, 0, -1).Val() {
			all[fmt.Sprint(z.Member)] = fmt.Sprint(z.Score)
		}
	}
	return all
}
