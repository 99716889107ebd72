package redisack

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// eventually waits until a condition holds, and fails the test after 20 s.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for: %s", what)
		}
	}
}

// readerOf returns the reader of a client.
func readerOf(c *Client) *ackReader { return &c.backend.(*redisBackend).reader }

// waits returns the number of requests that wait for new acknowledgements, without those that only
// check for gaps, and reports whether a goroutine reads.
func (r *ackReader) waits() (n int, reading bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, server := range r.servers {
		reading = reading || server.reading
		for place := server.waiting.Front(); place != nil; place = place.Next() {
			if req, _ := place.Value.(*ackRequest); !req.once {
				n++
			}
		}
	}
	return n, reading
}

// pushRun is a run with its own key that waits for the acknowledgement of one instance.
type pushRun struct {
	key    string
	target Target
	done   chan error
	res    *AckResult
}

// startPushRuns writes with one client and confirms with another, and returns when all runs wait.
func startPushRuns(ctx context.Context, t *testing.T, writer, waiter redis.UniversalClient, keys []string) (*Client, []*pushRun) {
	t.Helper()
	w, c := connect(t, writer, Config{}), connect(t, waiter, Config{})
	runs := make([]*pushRun, len(keys))
	for i, key := range keys {
		target, err := w.Write(t.Context(), Change{Key: key, Version: "v1"})
		if err != nil {
			t.Fatal(err)
		}
		runs[i] = &pushRun{key: key, target: target, done: make(chan error, 1)}
	}
	for _, run := range runs {
		go func() {
			var err error
			run.res, err = c.Confirm(ctx, run.target, Check{Fleet: fleetOf("a"), Push: true, Policy: Policy{Timeout: time.Minute}})
			run.done <- err
		}()
	}
	eventually(t, "all runs to wait", func() bool { n, _ := readerOf(c).waits(); return n == len(keys) })
	return c, runs
}

// ack sends the acknowledgement of the run's client.
func (p *pushRun) ack(ctx context.Context, rdb redis.UniversalClient) error {
	a := wire.Ack{Instance: "a", Rev: p.target.Rev, WriteID: p.target.WriteID, State: wire.StateApplied}
	return rdb.XAdd(ctx, &redis.XAddArgs{Stream: p.target.names().Acks, Values: a.Fields()}).Err()
}

// connections returns the number of connections that the client has opened and kept, for single
// commands and for pipelines.
func connections(rdb *redis.Client) int {
	stats := rdb.PoolStats()
	n := int(stats.TotalConns)
	if stats.PipelineStats != nil {
		n += int(stats.PipelineStats.TotalConns)
	}
	return n
}

func numbered(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("key-%d", i)
	}
	return keys
}

// TestPushSharesOneConnection checks that all runs that wait for acknowledgements share one
// connection of the host's pool, that the host's own commands do not wait for a connection, and
// that the reading goroutine ends after the last run.
func TestPushSharesOneConnection(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	host := redis.NewClient(server.Options())
	t.Cleanup(func() { _ = host.Close() })
	c, runs := startPushRuns(t.Context(), t, server.Client(), host, numbered(200))
	if n := connections(host); n != 1 {
		t.Errorf("%d connections for %d runs", n, len(runs))
	}
	for range 20 {
		if err := host.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if n, stats := connections(host), host.PoolStats(); n > 2 || stats.WaitCount > 0 {
		t.Errorf("%d connections with the host's own commands, which have waited %d times for one", n, stats.WaitCount)
	}
	for _, run := range runs {
		if err := run.ack(t.Context(), server.Client()); err != nil {
			t.Fatal(err)
		}
	}
	for _, run := range runs {
		if err := <-run.done; err != nil {
			t.Errorf("%s: %v", run.key, err)
		}
		for _, warning := range run.res.Warnings { // other warnings may occur: 200 runs end at the same time, perhaps on a busy machine
			if strings.Contains(warning, "acknowledgements") {
				t.Errorf("%s: %s", run.key, warning)
			}
		}
	}
	eventually(t, "the end of the reader", func() bool { n, reading := readerOf(c).waits(); return n == 0 && !reading })
}

// TestPushWrongTypeIsReported checks that a stream that cannot be read affects only its own run,
// and that this run gets a warning and is confirmed after the stream can be read again.
func TestPushWrongTypeIsReported(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	c, runs := startPushRuns(t.Context(), t, rdb, rdb, numbered(3))
	acks := runs[1].target.names().Acks
	if err := rdb.Set(t.Context(), acks, "text", 0).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the fault to be seen", func() bool { n, _ := readerOf(c).waits(); return n == 2 })
	for _, i := range []int{0, 2} {
		if err := runs[i].ack(t.Context(), rdb); err != nil {
			t.Fatal(err)
		}
		if err := <-runs[i].done; err != nil || len(runs[i].res.Warnings) > 0 {
			t.Errorf("%s: %v, %v", runs[i].key, err, runs[i].res)
		}
	}
	if err := rdb.Del(t.Context(), acks).Err(); err != nil {
		t.Fatal(err)
	}
	if err := runs[1].ack(t.Context(), rdb); err != nil {
		t.Fatal(err)
	}
	if err := <-runs[1].done; err != nil || len(runs[1].res.Warnings) == 0 || !strings.Contains(runs[1].res.Warnings[0], "WRONGTYPE") {
		t.Errorf("%v, %v", err, runs[1].res)
	}
}

// TestPushFrozenNode checks that a frozen node of a cluster delays only the runs whose streams it
// holds, and that these runs return within a second after their context is canceled.
func TestPushFrozenNode(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 0)
	rdb := cluster.Client()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	keys := numbered(30)
	c, runs := startPushRuns(ctx, t, rdb, rdb, keys)
	frozen := cluster.MasterFor(keys[0])
	var apart, held []*pushRun
	for _, run := range runs {
		if cluster.MasterFor(run.key) == frozen {
			held = append(held, run)
		} else {
			apart = append(apart, run)
		}
	}
	frozen.Freeze()
	for _, run := range apart {
		if err := run.ack(t.Context(), rdb); err != nil {
			t.Fatal(err)
		}
		if err := <-run.done; err != nil || run.res.Elapsed > 30*time.Second {
			t.Errorf("%s: %v", run.key, err)
		}
	}
	cancel()
	at := time.Now()
	for _, run := range held {
		if err := <-run.done; !errors.Is(err, ErrCanceled) {
			t.Errorf("%s: %v", run.key, err)
		}
	}
	if late := time.Since(at); late > time.Second {
		t.Errorf("they left after %v", late)
	}
	frozen.Thaw()
	eventually(t, "the end of the readers", func() bool { n, reading := readerOf(c).waits(); return n == 0 && !reading })
}

// TestPushSlotMoves checks that streams are read while their slot is partly moved and after it has
// moved.
func TestPushSlotMoves(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 2, 0)
	rdb := cluster.Client()
	ctx := t.Context()
	_, runs := startPushRuns(ctx, t, rdb, rdb, []string{"{k}1", "{k}2", "{k}3"})
	from := cluster.MasterFor("k")
	to := cluster.Nodes()[0]
	if to == from {
		to = cluster.Nodes()[1]
	}
	slot := rdb.ClusterKeySlot(ctx, "k").Val()
	do := func(node *redistest.Server, args ...any) {
		t.Helper()
		if err := node.Client().Do(ctx, args...).Err(); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
	}
	id := func(node *redistest.Server) string { return node.Client().Do(ctx, "CLUSTER", "MYID").Val().(string) }
	confirmed := func(run *pushRun) {
		t.Helper()
		if err := <-run.done; err != nil || len(run.res.Warnings) > 0 {
			t.Errorf("%s: %v, %v", run.key, err, run.res)
		}
	}
	do(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", id(from))
	do(from, "CLUSTER", "SETSLOT", slot, "MIGRATING", id(to))
	if err := runs[0].ack(ctx, rdb); err != nil { // a new stream is created at the new node
		t.Fatal(err)
	}
	confirmed(runs[0])
	for _, run := range runs {
		names := run.target.names()
		do(from, "MIGRATE", "127.0.0.1", to.Port(), "", 0, 5000, "KEYS", names.Data, names.Head)
	}
	for _, node := range []*redistest.Server{to, from} {
		do(node, "CLUSTER", "SETSLOT", slot, "NODE", id(to))
	}
	for _, run := range runs[1:] {
		if err := run.ack(ctx, rdb); err != nil {
			t.Fatal(err)
		}
		confirmed(run)
	}
}

// TestPushOnFrozenServerIsBounded checks that a frozen server occupies at most one connection,
// however many short runs wait for it.
func TestPushOnFrozenServerIsBounded(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	target, err := connect(t, server.Client(), Config{}).Write(t.Context(), Change{Key: "k", Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	host := redis.NewClient(server.Options())
	t.Cleanup(func() { _ = host.Close() })
	c := connect(t, host, Config{})
	server.Freeze()
	for range 30 {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Millisecond, cancel)
		if _, err := c.Confirm(ctx, target, Check{Fleet: fleetOf("a"), Push: true}); !errors.Is(err, ErrCanceled) {
			t.Error(err)
		}
		cancel()
		if n := connections(host); n > 1 {
			t.Fatalf("%d connections", n)
		}
	}
	server.Thaw()
}

// pipes counts the reads under way, records the longest pipeline, and calls fault, if set, in the
// next read.
type pipes struct {
	now, most, longest atomic.Int64
	fault              atomic.Pointer[func()]
}

func (p *pipes) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (p *pipes) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (p *pipes) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() != "xread" { // a new connection
			return next(ctx, cmds)
		}
		if f := p.fault.Swap(nil); f != nil {
			(*f)()
		}
		p.most.Store(max(p.most.Load(), p.now.Add(1)))
		p.longest.Store(max(p.longest.Load(), int64(len(cmds))))
		defer p.now.Add(-1)
		return next(ctx, cmds)
	}
}

// TestAckReaderInTurns checks that many streams are read in turns of bounded size, one pipeline at
// a time, and that each request gets its answer.
func TestAckReaderInTurns(t *testing.T) {
	t.Parallel()
	const n = 3*ackStreams + 1
	rdb := redistest.Start(t).Client()
	hook := &pipes{}
	rdb.AddHook(hook)
	r := newRedisBackend(rdb)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			a, err := r.reader.read(t.Context(), "", rdb, ackRequest{stream: fmt.Sprintf("s%d", i), after: noAcks})
			if err != nil || len(a.entries) != 1 || a.entries[0].Values["i"] != fmt.Sprint(i) {
				t.Errorf("%d: %+v, %v", i, a, err)
			}
		})
	}
	eventually(t, "all to wait", func() bool { waiting, _ := r.reader.waits(); return waiting == n })
	for i := range n {
		if err := rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: fmt.Sprintf("s%d", i), Values: []any{"i", i}}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
	if hook.most.Load() != 1 || hook.longest.Load() > ackStreams {
		t.Errorf("%d pipelines at once, the longest of %d", hook.most.Load(), hook.longest.Load())
	}
}

// TestAckReaderOutlivesHooks checks that a panic or Goexit in a hook of the host's client fails
// only the read.
func TestAckReaderOutlivesHooks(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(){
		"panics":             func() { panic("of the hook") },
		"ends its goroutine": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rdb := redistest.Mini(t)
			hook := &pipes{}
			hook.fault.Store(&fault)
			rdb.AddHook(hook)
			r := newRedisBackend(rdb)
			req := ackRequest{stream: "s", after: noAcks, once: true}
			if _, err := r.reader.read(t.Context(), "", rdb, req); err == nil {
				t.Error("no fault")
			}
			if _, err := r.reader.read(t.Context(), "", rdb, req); err != nil {
				t.Error(err)
			}
		})
	}
}
