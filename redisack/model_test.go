package redisack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// world holds Redis with the real script, the reference model, and the clients that follow Redis.
type world struct {
	t      *testing.T
	rdb    *redis.Client
	client *Client
	key    string
	model  *memory

	sent      []writeRequest // everything ever written, for replays
	targets   []Target       // what a run may confirm
	instances map[string]Observation
	saved     []saved           // states to which a failover may return
	winners   map[uint64]string // write id by revision, since the last failover
	floor     uint64            // minimum of the revision, since the last failover
}

// saved is the state of Redis and of the model at one point in time.
type saved struct {
	head       map[string]string
	data, prev *string
	model      func() *memory
}

// TestModel interleaves writes, replays, refusals, failovers and acknowledgements at random, and
// compares each answer with the model and each result with what the clients run.
func TestModel(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		w := &world{
			t: t, rdb: rdb, client: connect(t, rdb, Config{}), key: fmt.Sprint("k", n), model: new(memory),
			instances: make(map[string]Observation), winners: make(map[uint64]string),
		}
		w.save()
		rt.Repeat(map[string]func(*rapid.T){
			"write":    w.write,
			"replay":   w.replay,
			"apply":    w.apply,
			"confirm":  w.confirm,
			"save":     func(*rapid.T) { w.save() },
			"failover": w.failover,
			"":         w.invariants,
		})
	})
}

func (w *world) write(t *rapid.T) {
	head, _ := w.model.snapshot()
	ch := Change{
		Key:     w.key,
		Version: rapid.SampledFrom([]string{"v1", "v2", "v3"}).Draw(t, "version"),
		Payload: []byte(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "payload")),
		Fence:   rapid.SampledFrom([]string{"", "", "", "7", "10", "9007199254740993", "9007199254740992"}).Draw(t, "fence"),
		Rewrite: rapid.Bool().Draw(t, "rewrite"),
		IfRev: rapid.SampledFrom([]IfRev{
			{}, {}, Absent(), Exact(head.Rev + 1), Exact(max(head.Rev, 1)), Exact(max(head.Rev, 2) - 1),
		}).Draw(t, "if"),
	}.complete()
	req := writeRequest{Change: ch, names: ch.names(), sum: ch.sum()}
	w.sent = append(w.sent, req)
	w.send(t, req)
}

func (w *world) replay(t *rapid.T) {
	if len(w.sent) > 0 {
		w.send(t, rapid.SampledFrom(w.sent).Draw(t, "which"))
	}
}

// send sends a write to Redis and to the model, and compares the answers.
func (w *world) send(t *rapid.T, req writeRequest) {
	req.sending = new(sending)
	got, err := w.client.backend.write(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	want := w.model.apply(req)
	want.receivers = 0 // the test has no subscribers
	want.at, got.at = time.Time{}, time.Time{}
	want.ackPos, got.ackPos = "", ""
	if got != want {
		t.Fatalf("Redis answers %+v\nthe model    %+v", got, want)
	}
	switch got.outcome {
	case "written":
		if other, taken := w.winners[got.rev]; taken {
			t.Fatalf("revision %d was won by %s and by %s", got.rev, other, req.WriteID)
		}
		w.winners[got.rev] = req.WriteID
		fallthrough
	case "replayed":
		target := req.target()
		target.Rev = got.rev
		w.targets = append(w.targets, target)
	}
}

// apply makes one client run the current write. The other clients keep what they run.
func (w *world) apply(t *rapid.T) {
	head, _ := w.model.snapshot()
	id := rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "instance")
	if head.Rev > 0 {
		w.instances[id] = Observation{Instance: id, Rev: head.Rev, Version: head.Version, WriteID: head.WriteID}
	}
}

// confirm asks endpoints, some of which may lead to the same instance, and compares the result with
// truth.
func (w *world) confirm(t *rapid.T) {
	if len(w.targets) == 0 {
		return
	}
	target := rapid.SampledFrom(w.targets).Draw(t, "target")
	behind := rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", "z", "nobody"}), 1, 5).Draw(t, "behind")
	policy := Policy{
		MaxAttempts: 1, Quorum: AtLeast(rapid.IntRange(1, len(behind)).Draw(t, "need")),
		AcceptNewer: rapid.Bool().Draw(t, "newer"),
	}
	urls := make([]string, len(behind))
	for i := range urls {
		urls[i] = fmt.Sprint("http://", i)
	}
	prober := ProberFunc(func(_ context.Context, ep Endpoint, _ Target) (Observation, error) {
		obs, ok := w.instances[behind[slices.Index(urls, ep.URL)]]
		if !ok {
			return Observation{}, errors.New("nobody there")
		}
		return obs, nil
	})
	res, err := w.client.Confirm(context.Background(), target, Check{Fleet: URLs(urls...), Prober: prober, Policy: policy})
	if res == nil {
		t.Fatal(err)
	}
	if want := w.truth(target, behind, policy); res.OK != want {
		t.Fatalf("%v although the truth is %v\ntarget %+v\nclients %+v behind %v\n%s", res.Reason, want, target, w.instances, behind, res.Summary())
	}
	head, _ := w.model.snapshot()
	if lost := w.lost(head, target); lost != (res.Reason == ReasonWriteLost) {
		t.Fatalf("%v, lost is %v: target %+v, head %+v", res.Reason, lost, target, head)
	}
}

// truth is the definition of OK: enough distinct instances run exactly this write, or a later one
// if AcceptNewer is set, and this write is the current one, or an earlier one in the history of the
// current one if AcceptNewer is set.
func (w *world) truth(target Target, behind []string, p Policy) bool {
	head, _ := w.model.snapshot()
	live := make(map[string]bool)
	for _, id := range behind {
		obs, ok := w.instances[id]
		same := obs.WriteID == target.WriteID && obs.Rev == target.Rev
		newer := obs.Rev > target.Rev && obs.Rev <= head.Rev && !w.lost(head, Target{Rev: obs.Rev, WriteID: obs.WriteID})
		if ok && (same || (p.AcceptNewer && newer)) {
			live[id] = true
		}
	}
	current := head.WriteID == target.WriteID || p.AcceptNewer
	need, _ := p.Quorum.(atLeast)
	return len(live) >= int(need) && current && !w.lost(head, target)
}

// lost reports whether the history of the head lacks the write. The histories in this test are
// short enough to be complete.
func (w *world) lost(head wire.Head, target Target) bool {
	return !slices.Contains(head.Recent, wire.Write{ID: target.WriteID, Rev: target.Rev}) &&
		(len(head.Recent) < 16 || head.Rev < target.Rev || head.Recent[0].Rev <= target.Rev)
}

// save stores a state to which a failover may return.
func (w *world) save() {
	ctx := context.Background()
	names := wire.NamesOf(w.key, "")
	s := saved{head: w.rdb.HGetAll(ctx, names.Head).Val()}
	if v, err := w.rdb.Get(ctx, names.Data).Result(); err == nil {
		s.data = &v
	}
	if v, err := w.rdb.Get(ctx, names.Prev).Result(); err == nil {
		s.prev = &v
	}
	m := w.model
	head, data, exists, prev := m.head, m.data, m.exists, m.prev
	s.model = func() *memory { return &memory{head: head, data: data, exists: exists, prev: prev} }
	w.saved = append(w.saved, s)
}

// failover returns to an earlier state.
func (w *world) failover(t *rapid.T) {
	ctx := context.Background()
	s := rapid.SampledFrom(w.saved).Draw(t, "to")
	names := wire.NamesOf(w.key, "")
	w.rdb.Del(ctx, names.Head, names.Data, names.Prev)
	if len(s.head) > 0 {
		w.rdb.HSet(ctx, names.Head, s.head)
	}
	if s.data != nil {
		w.rdb.Set(ctx, names.Data, *s.data, 0)
	}
	if s.prev != nil {
		w.rdb.Set(ctx, names.Prev, *s.prev, 0)
	}
	w.model = s.model()
	clear(w.winners)
	w.floor = w.model.head.Rev
}

// invariants checks the invariants after every step.
func (w *world) invariants(t *rapid.T) {
	head, ok, err := w.client.backend.head(context.Background(), wire.NamesOf(w.key, ""))
	if err != nil {
		t.Fatal(err)
	}
	if ok != (head.Rev > 0) || head.Rev < w.floor {
		t.Fatalf("revision %d after %d", head.Rev, w.floor)
	}
	w.floor = head.Rev
	want, data := w.model.snapshot()
	if head.Rev != want.Rev || head.WriteID != want.WriteID || head.Fence != want.Fence || head.Prev != want.Prev ||
		!slices.Equal(head.Recent, want.Recent) {
		t.Fatalf("head %+v\nmodel %+v", head, want)
	}
	if got := w.rdb.Get(context.Background(), w.key).Val(); got != data {
		t.Fatalf("payload %q, model %q", got, data)
	}
}
