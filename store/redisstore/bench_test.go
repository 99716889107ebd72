package redisstore

import (
	"fmt"
	"regexp"
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
			s := newScriptBench(b, together*(b.N+2), together)
			s.turn(nil)
			s.measure(b, func() { s.turn(s.held) })
		})
		b.Run(fmt.Sprintf("end+claim+hint/%d", together), func(b *testing.B) {
			s := newScriptBench(b, together*(b.N+2), together)
			s.hints = true
			s.turn(nil)
			s.measure(b, func() { s.turn(s.held) })
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
	hints  bool // with a hint for every call, instead of one in a while
}

func newScriptBench(b *testing.B, tasks, together int) *scriptBench {
	b.Helper()
	s := &scriptBench{rollout: start(b, openStore(b, redistest.Start(b).Client(), Config{}), tasks, together)}
	s.queue = s.queues.of(s.id)
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

var evalshaTime = regexp.MustCompile(`cmdstat_evalsha:calls=(\d+),usec=(\d+)`)

// measure reports the time that the server spends on script calls.
func (s *scriptBench) measure(b *testing.B, do func()) {
	b.Helper()
	do() // the server loads the script
	s.ok(s.client.rdb.(*redis.Client).ConfigResetStat(s.ctx).Err())
	for range b.N {
		do()
	}
	stats := s.client.rdb.Info(s.ctx, "commandstats").Val()
	found := evalshaTime.FindStringSubmatch(stats)
	if found == nil {
		b.Fatalf("no figures of evalsha in %q", stats)
	}
	calls, _ := strconv.ParseFloat(found[1], 64)
	micros, _ := strconv.ParseFloat(found[2], 64)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(micros/calls, "server-µs/call")
	b.ReportMetric(micros/calls/float64(len(s.calls)), "server-µs/task")
}
