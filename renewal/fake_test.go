package renewal

import (
	"context"
	"errors"
	"path"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// fake is Redis in memory, on the clock of a synctest bubble. A key named "node/key" is on node
// "node", and every other key is on node "main".
type fake struct {
	mu      sync.Mutex
	keys    map[string]fakeKey
	nodes   map[string]*fakeNode
	sends   []send // every key of every call, in order
	scanErr error
	fences  map[string]int64
	late    time.Duration // delay of every answer to Acquire
}

type fakeKey struct {
	value   string
	expires time.Time // zero: never
}

// send is one key of a call, with the time at which the fake answered it.
type send struct {
	key string
	at  time.Time
}

type fakeNode struct {
	f     *fake
	label string

	mu     sync.Mutex
	err    error         // the answer to every request, if set
	frozen chan struct{} // closed by thaw; calls wait for it
	delay  time.Duration // of every call
	under  int           // calls under way
	made   int           // calls so far
	moved  map[string]*backend.Redirect
}

var errDown = errors.New("connection refused")

func newFake() *fake {
	return &fake{keys: map[string]fakeKey{}, nodes: map[string]*fakeNode{}, fences: map[string]int64{}}
}

func (f *fake) at(name string) *fakeNode {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.nodes[name] == nil {
		f.nodes[name] = &fakeNode{f: f, label: name}
	}
	return f.nodes[name]
}

func (f *fake) set(key, value string, ttl time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := fakeKey{value: value}
	if ttl > 0 {
		k.expires = time.Now().Add(ttl)
	}
	f.keys[key] = k
}

func (f *fake) del(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keys, key)
}

// get returns a key, and false if it does not exist or has expired.
func (f *fake) get(key string) (fakeKey, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.live(key)
}

func (f *fake) live(key string) (fakeKey, bool) {
	k, ok := f.keys[key]
	if ok && !k.expires.IsZero() && !time.Now().Before(k.expires) {
		delete(f.keys, key)
		return fakeKey{}, false
	}
	return k, ok
}

// sent returns the times of the calls that contained the key.
func (f *fake) sent(key string) (at []time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.sends {
		if s.key == key {
			at = append(at, s.at)
		}
	}
	return at
}

func (*fake) Sole() backend.Node { return nil }

func (f *fake) Node(_ context.Context, key string) (backend.Node, error) {
	name, _, ok := strings.Cut(key, "/")
	if !ok {
		name = "main"
	}
	return f.at(name), nil
}

// Redirected returns the node that keys are redirected to.
func (f *fake) Redirected(_, to string) backend.Node { return f.at(to) }

func (f *fake) Reload(context.Context) {}

func (f *fake) Scan(match string, _ int) backend.Scan { return &fakeScan{f, match} }

type fakeScan struct {
	f     *fake
	match string
}

func (s *fakeScan) Page(context.Context) (keys []string, more bool, err error) {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if s.f.scanErr != nil {
		return nil, false, s.f.scanErr
	}
	for key := range s.f.keys {
		if _, live := s.f.live(key); !live {
			continue
		}
		if ok, _ := path.Match(s.match, key); ok {
			keys = append(keys, key)
		}
	}
	return keys, false, nil
}

func (f *fake) Acquire(_ context.Context, key, token string, ttl time.Duration) (backend.Grant, error) {
	if k, ok := f.get(key); ok {
		return backend.Grant{Held: true, Left: time.Until(k.expires)}, nil
	}
	f.set(key, token, ttl)
	f.mu.Lock()
	f.fences[key]++
	fence, late := f.fences[key], f.late
	f.mu.Unlock()
	if late > 0 {
		time.Sleep(late)
	}
	return backend.Grant{Fence: fence}, nil
}

func (f *fake) Release(_ context.Context, key, token string) (backend.Answer, error) {
	k, ok := f.get(key)
	switch {
	case !ok:
		return backend.Missing, nil
	case k.value != token:
		return backend.Foreign, nil
	}
	f.del(key)
	return backend.Renewed, nil
}

// slowLeases delays every answer to Acquire.
func (f *fake) slowLeases(by time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.late = by
}

func (n *fakeNode) Name() string { return n.label }

func (n *fakeNode) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.err = err
}

// redirect makes the node redirect a key.
func (n *fakeNode) redirect(key string, to *backend.Redirect) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.moved = map[string]*backend.Redirect{key: to}
}

func (n *fakeNode) freeze() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.frozen = make(chan struct{})
}

func (n *fakeNode) thaw() {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.frozen)
	n.frozen = nil
}

func (n *fakeNode) slow(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay = d
}

func (n *fakeNode) calls() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.under
}

func (n *fakeNode) total() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.made
}

func (n *fakeNode) Refresh(ctx context.Context, timeout time.Duration, reqs []backend.Request) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	n.mu.Lock()
	n.under++
	n.made++
	frozen, delay := n.frozen, n.delay
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.under--
	}()
	if frozen != nil {
		select {
		case <-frozen:
		case <-ctx.Done():
			fillErr(reqs, ctx.Err())
			return
		}
	}
	if delay > 0 {
		time.Sleep(delay)
	}
	n.mu.Lock()
	err, moved := n.err, n.moved
	n.mu.Unlock()
	for i := range reqs {
		if to := moved[*reqs[i].Key]; to != nil {
			reqs[i].Answer, reqs[i].Err = backend.Redirected, to
			continue
		}
		n.f.answer(&reqs[i], err)
	}
}

func fillErr(reqs []backend.Request, err error) {
	for i := range reqs {
		reqs[i].Err = err
	}
}

func (f *fake) answer(r *backend.Request, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sends = append(f.sends, send{*r.Key, time.Now()})
	k, ok := f.live(*r.Key)
	ttl := time.Duration(r.TTL) * time.Millisecond
	switch {
	case err != nil:
		r.Err = err
	case k.value == "wrong type" && r.Owner != nil:
		r.Answer, r.Err = backend.Failed, ErrWrongType
	case !ok:
		r.Answer = backend.Missing
	case r.Owner != nil && *r.Owner != k.value:
		r.Answer = backend.Foreign
	case k.expires.IsZero() && r.Keep != backend.KeepNone:
		r.Answer = backend.Renewed
	case r.Keep == backend.KeepLonger && time.Until(k.expires) > ttl:
		r.Answer, r.Left = backend.Renewed, time.Until(k.expires)
	default:
		k.expires = time.Now().Add(ttl)
		f.keys[*r.Key] = k
		r.Answer = backend.Renewed
	}
}

// onFake returns a service on a fake.
func onFake(cfg Config, f interface {
	backend.Backend
	backend.Locker
},
) *Service {
	cfg = cfg.withDefaults()
	return newService(cfg, f, f, newMeter(cfg))
}

// world is a service on a fake, in a bubble of simulated time.
type world struct {
	*fake
	t    *testing.T // the test of the bubble
	s    *Service
	stop func() error
}

// bubble runs a test in simulated time and stops the service after the test.
func bubble(t *testing.T, cfg Config, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		w := &world{t: t, fake: f, s: onFake(cfg, f)}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.s.Run(ctx) }()
		synctest.Wait()
		w.stop = sync.OnceValue(func() error {
			cancel()
			return <-done
		})
		test(w)
		if err := w.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// lease sets a key and registers a task for it.
func (w *world) lease(t *testing.T, key string, p *Policy) *Handle {
	t.Helper()
	w.set(key, "me", p.TTL.fixed)
	return register(t, w.s, Task{ID: key, Keys: []string{key}, Policy: p})
}

// every returns the policy of most tests: renewal at each interval, and a TTL of four intervals.
func every(interval time.Duration) *Policy {
	return &Policy{TTL: FixedTTL(4 * interval), Interval: Every(interval)}
}

// pass advances simulated time by d and waits until all goroutines are idle.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// nowhere is a backend that finds no node.
type nowhere struct{ *fake }

func (nowhere) Node(context.Context, string) (backend.Node, error) { return nil, errDown }
