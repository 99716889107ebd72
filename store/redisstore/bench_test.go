package redisstore

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// BenchmarkCommitScript measures the server's work for one script call and for one task in the
// call, by the number of tasks whose changes are sent together.
//
//	go test -run='^$' -bench=CommitScript -benchtime=2000x ./store/redisstore
func BenchmarkCommitScript(b *testing.B) {
	for _, together := range []int{1, 10, 50} {
		b.Run(fmt.Sprintf("save/%d", together), func(b *testing.B) {
			s := newScriptBench(b, together, together)
			s.turn(nil)
			s.measure(b, func() { s.save() })
		})
		b.Run(fmt.Sprintf("end+claim/%d", together), func(b *testing.B) {
			s := newScriptBench(b, together*(b.N+warmUp+1), together)
			s.turn(nil)
			s.measure(b, func() { s.turn(s.held) })
		})
		b.Run(fmt.Sprintf("end+claim+hint/%d", together), func(b *testing.B) {
			s := newScriptBench(b, together*(b.N+warmUp+1), together)
			s.hints = true
			s.turn(nil)
			s.measure(b, func() { s.turn(s.held) })
		})
	}
	for _, together := range []int{30, 150} {
		b.Run(fmt.Sprintf("mixed/%d", together), func(b *testing.B) {
			s := newScriptBench(b, together*(b.N/3+warmUp), together)
			s.turn(nil)
			s.tasks = together / 3
			s.measure(b, s.mixed)
		})
	}
}

// scriptBench sends the batches of several workers of one plan together.
type scriptBench struct {
	*rollout
	queue  *commitQueue
	calls  []*call
	held   []task.Task
	seq    uint32
	claims int
	hints  bool     // with a hint for every call, instead of one in a while
	saves  []uint32 // how often mixed has saved each of the held tasks
	tasks  int      // how many tasks have all their changes in one call
}

func newScriptBench(b *testing.B, tasks, together int) *scriptBench {
	b.Helper()
	s := &scriptBench{tasks: together, saves: make([]uint32, together), rollout: start(b, openStore(b, redistest.Start(b).Client(), Config{}), tasks, together)}
	s.queue = s.queues.of(s.id)
	for i := range s.saves { // out of step
		s.saves[i] = uint32(i % 3)
	}
	for range together {
		s.calls = append(s.calls, newCall())
	}
	return s
}

// send commits one batch per worker, all in one script call.
func (s *scriptBench) send(batches []store.Batch) {
	t := &roundTrip{calls: append([]*call(nil), s.calls...), hints: s.hints}
	for i := range batches {
		s.calls[i].encode(&batches[i])
	}
	_ = s.queues.commit(s.ctx, s.id, s.queue, t)
	for i := range batches {
		s.ok(s.calls[i].err)
		s.ok(s.calls[i].answerTo(&batches[i], s.keys))
		for _, w := range batches[i].Changes {
			s.ok(w.Err)
		}
	}
}

// save saves a checkpoint of 200 bytes for every held task.
func (s *scriptBench) save() {
	s.seq++
	batches := make([]store.Batch, len(s.held))
	for i, t := range s.held {
		batches[i] = store.Batch{Plan: s.id, Changes: []store.Change{{
			Task: t.ID, Token: t.Token, Seq: s.seq, Kind: store.Save, Saved: store.Saved{Step: "step", Data: make([]byte, 200)},
		}}}
	}
	s.send(batches)
}

// turn completes the held tasks and claims one task for each worker.
func (s *scriptBench) turn(held []task.Task) {
	batches := make([]store.Batch, len(s.calls))
	for i := range batches {
		s.claims++
		claim := store.Claim{ID: strconv.Itoa(s.claims), Worker: "worker", Max: 1}
		batches[i] = store.Batch{Plan: s.id, Claim: claim}
		if held != nil {
			batches[i].Changes = []store.Change{{Task: held[i].ID, Token: held[i].Token, Seq: 1, Kind: store.Complete}}
		}
	}
	s.send(batches)
	s.held = nil
	for i := range batches {
		s.held = append(s.held, batches[i].Claimed...)
	}
	if len(s.held) != len(batches) {
		s.Fatalf("%d tasks claimed, want %d", len(s.held), len(batches))
	}
}

// mixed sends what a busy engine sends: a third of the workers complete their tasks and claim the
// next ones, the others save. Each task is saved twice before it ends.
func (s *scriptBench) mixed() {
	s.claims++
	batches := make([]store.Batch, len(s.held))
	for i, t := range s.held {
		change := store.Change{Task: t.ID, Token: t.Token, Seq: s.saves[i] + 1, Kind: store.Save}
		if s.saves[i]++; s.saves[i] > 2 {
			change.Kind = store.Complete
			batches[i].Claim = store.Claim{ID: fmt.Sprint(s.claims, "-", i), Worker: "worker", Max: 1}
			s.saves[i] = 0
		} else {
			change.Saved = store.Saved{Step: "step", Data: make([]byte, 200)}
		}
		batches[i].Plan, batches[i].Changes = s.id, []store.Change{change}
	}
	s.send(batches)
	for i := range batches {
		if batches[i].Claim.Max > 0 {
			s.held[i] = batches[i].Claimed[0]
		}
	}
}

var evalshaTime = regexp.MustCompile(`cmdstat_evalsha:calls=\d+,usec=(\d+)`)

// measure reports the median of the time that the server spends on a script call: other work on the
// machine prolongs some of the calls.
func (s *scriptBench) measure(b *testing.B, do func()) {
	b.Helper()
	for range warmUp {
		do()
	}
	rdb := s.client.rdb.(*redis.Client)
	var micros []float64
	last := 0.0
	for i := range b.N + 1 {
		found := evalshaTime.FindStringSubmatch(rdb.Info(s.ctx, "commandstats").Val())
		if found == nil {
			b.Fatal("no figures of evalsha")
		}
		total, _ := strconv.ParseFloat(found[1], 64)
		if i > 0 {
			micros = append(micros, total-last)
		}
		if last = total; i < b.N {
			do()
		}
	}
	slices.Sort(micros)
	median := micros[len(micros)/2]
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median, "server-µs/call")
	b.ReportMetric(median/float64(s.tasks), "server-µs/task")
}

// warmUp is the number of calls before the first that is measured: the server loads the script, and
// mixed gets its tasks out of step.
const warmUp = 6
