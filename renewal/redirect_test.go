package renewal

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// TestRedirectedKeysHoldUpNoOthers renews two keys of one node, which redirects one of them to a
// node that hangs. The other key must be renewed on time, and the redirected key as soon as the
// hanging node answers again.
func TestRedirectedKeysHoldUpNoOthers(t *testing.T) {
	t.Parallel()
	for _, moved := range []bool{false, true} {
		t.Run(fmt.Sprint("moved=", moved), func(t *testing.T) {
			t.Parallel()
			bubble(t, Config{}, func(w *world) {
				t := w.t
				here, there := w.at("here"), w.at("there")
				here.redirect("here/moves", &backend.Redirect{To: "there", Moved: moved, Err: errors.New("elsewhere")})
				p := &Policy{TTL: FixedTTL(time.Minute), Interval: Every(time.Second)}
				stays, moves := w.lease(t, "here/stays", p), w.lease(t, "here/moves", p)
				pass(5 * time.Second)
				if r := moves.Result(); r.Renewals < 4 || r.Failures > 0 {
					t.Fatalf("redirected: %+v, want a renewal each second", r)
				}
				there.freeze()
				at := time.Now()
				pass(30 * time.Second)
				last := at
				for _, sent := range w.sent("here/stays") {
					if sent.After(at) {
						if gap := sent.Sub(last); gap > 1020*time.Millisecond {
							t.Errorf("a gap of %v between renewals of a key that stays", gap)
						}
						last = sent
					}
				}
				if r := stays.Result(); r.Renewals < 33 || r.Failures > 0 {
					t.Errorf("%+v, want a renewal each second", r)
				}
				before := moves.Result()
				there.thaw()
				pass(5 * time.Second)
				if r := moves.Result(); before.Failures == 0 || r.Reason != Live || r.Renewals < before.Renewals+4 {
					t.Errorf("%+v, then %+v, want failures and then renewals", before, r)
				}
			})
		})
	}
}

// TestRedirectedKeyOfACanceledTask checks that the redirected key of a canceled task is not
// refreshed.
func TestRedirectedKeyOfACanceledTask(t *testing.T) {
	t.Parallel()
	bubble(t, Config{CallTimeout: time.Minute}, func(w *world) {
		t := w.t
		here := w.at("here")
		here.redirect("here/k", &backend.Redirect{To: "there", Err: errors.New("elsewhere")})
		here.slow(2 * time.Second)
		p := &Policy{TTL: FixedTTL(time.Minute), Interval: Every(10 * time.Second), RenewAtOnce: true}
		h := w.lease(t, "here/k", p)
		pass(time.Second) // the call is under way
		if err := h.CancelAndWait(t.Context()); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if n := w.at("there").total(); n != 0 {
			t.Errorf("%d calls for a task that has ended", n)
		}
		if !w.s.router.group.Idle() {
			t.Error("something is queued")
		}
	})
}

// TestRenewNowFollowsARedirection checks that RenewNow waits for the result from the node to which
// the key is redirected.
func TestRenewNowFollowsARedirection(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		w.at("here").redirect("here/k", &backend.Redirect{To: "there", Err: errors.New("elsewhere")})
		h := w.lease(t, "here/k", every(time.Hour))
		if err := h.RenewNow(t.Context()); err != nil || w.at("there").total() != 1 {
			t.Errorf("%v, %d calls", err, w.at("there").total())
		}
	})
}

// TestClusterRedirectsToAFrozenNode moves half of the keys of a slot to a node and freezes that
// node. The keys on the old node must be renewed on time.
func TestClusterRedirectsToAFrozenNode(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 0)
	rdb := c.Client()
	const timeout = 800 * time.Millisecond
	s := onRedis(t, rdb, Config{CallTimeout: timeout, InFlight: 1, Grace: 2 * time.Second})
	g := newGaps()
	const ttl, interval = 20 * time.Second, timeout
	p := &Policy{TTL: FixedTTL(ttl), Interval: Every(interval), Callbacks: Callbacks{OnRenewed: g.renewed}}
	var stay, left []string
	for i := range 40 {
		key := fmt.Sprint("{slot}", i)
		set(t, rdb, key, "me", ttl)
		if i%2 == 0 {
			left = append(left, key)
		} else {
			stay = append(stay, key)
		}
	}
	m := openSlot(t, c, "{slot}")
	m.take(left...)
	handles := map[string]*Handle{}
	for i, key := range append(stay, left...) {
		handles[key] = register(t, s, Task{Keys: []string{key}, Owner: []string{"", "me"}[i%2], Policy: p})
	}
	for key, h := range handles {
		eventually(t, 10*time.Second, func() bool { return h.Result().Renewals >= 2 }, key+" is not renewed")
	}
	m.to.Freeze()
	for _, key := range left {
		eventually(t, 10*time.Second, func() bool { return handles[key].Result().Failures > 0 }, key+" does not fail on a frozen node")
	}
	g.reset()
	before := handles[stay[0]].Result().Renewals
	eventually(t, 20*time.Second, func() bool { return handles[stay[0]].Result().Renewals >= before+5 }, "not renewed")
	// The limit allows for a busy machine. If both nodes shared one queue, the gap would be 10 s.
	if worst := g.worst(stay); worst > 4*interval {
		t.Errorf("a gap of %v between renewals of the keys that stay, want about %v", worst, interval)
	}
	m.to.Thaw()
	for _, key := range left {
		n := handles[key].Result().Renewals
		eventually(t, 15*time.Second, func() bool { return handles[key].Result().Renewals > n }, key+" is not renewed after the freeze")
		if r := handles[key].Result(); r.Reason != Live {
			t.Errorf("%s: %+v", key, r)
		}
	}
}
