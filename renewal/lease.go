package renewal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// Lease is a lock that is held: a key with a random token, kept alive by the service
// until it is released or lost.
type Lease struct {
	svc   *Service
	h     *Handle
	key   string
	token string
	fence int64
}

// leasePolicies bounds the policies that are shared between leases of the same TTL.
const leasePolicies = 64

// Acquire takes the lock key, which then lives for ttl from each renewal on, of which
// there are three in that time. If it is held, the error is a *HeldError that says
// for how long; Acquire does not wait. The service must be running.
//
// A counter beside the lock gives each holder a number greater than all before; it
// has no TTL and stays. Its name is the key with ":fence" added, in the same slot of
// a cluster.
//
// After an error other than a *HeldError it is not known whether the lock was taken;
// Acquire then tries to give it back, and at worst it expires after ttl.
func (s *Service) Acquire(ctx context.Context, key string, ttl time.Duration) (*Lease, error) {
	policy, err := s.vetLease(key, ttl)
	if err != nil {
		return nil, err
	}
	l := &Lease{svc: s, key: key, token: rand.Text()}
	sent := time.Now()
	l.fence, err = s.locker.acquire(ctx, key, l.token, ttl)
	if errors.Is(err, ErrHeld) {
		return nil, err
	}
	if err == nil {
		l.h, err = s.Register(Task{Keys: []string{key}, Owner: l.token, Since: sent, Policy: policy})
	}
	if err != nil {
		s.giveBack(ctx, l)
		return nil, fmt.Errorf("renewal: acquire %q: %w", key, err)
	}
	return l, nil
}

// vetLease names every fault of a lease and returns the policy for it.
func (s *Service) vetLease(key string, ttl time.Duration) (*Policy, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != running {
		return nil, ErrNotRunning
	}
	policy := s.leases[ttl]
	if policy == nil {
		policy = &Policy{TTL: FixedTTL(ttl)}
	}
	faults := checkPolicy(policy, s.cfg.Tick)
	if key == "" {
		faults = append(faults, errors.New("an empty key"))
	}
	if _, err := fenceKey(key); err != nil && key != "" {
		faults = append(faults, err)
	}
	if len(faults) > 0 {
		return nil, &InvalidError{What: "lease", Faults: faults}
	}
	if len(s.leases) < leasePolicies {
		s.leases[ttl] = policy
	}
	return policy, nil
}

// giveBack releases a lock of which it is not known whether it was taken.
func (s *Service) giveBack(ctx context.Context, l *Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.CallTimeout)
	defer cancel()
	_, _ = s.locker.release(ctx, l.key, l.token) // at worst it expires
}

// Context ends when the lease is lost or released: with a *LostError or an
// *EndedError as its cause. Work under the lock under this context.
func (l *Lease) Context() context.Context { return l.h.Context() }

// Key is the name of the lock.
func (l *Lease) Key() string { return l.key }

// Token is the value that the key holds while the lease is ours.
func (l *Lease) Token() string { return l.token }

// Fence is the number of this holder, greater than that of every holder before. Hand
// it to whatever the lock protects, and let that refuse smaller numbers than it has
// seen: it is the only protection against a holder that does not know yet that it
// has lost the lock.
func (l *Lease) Fence() int64 { return l.fence }

// Handle is the task that keeps the lease alive.
func (l *Lease) Handle() *Handle { return l.h }

// Release ends the renewal and deletes the key if it still holds the token. It
// returns ErrLost if it does not: something else may have run under the lock. After
// an error of Redis it may be called again; otherwise the key expires by itself.
func (l *Lease) Release(ctx context.Context) error {
	if err := l.h.CancelAndWait(ctx); err != nil {
		return err
	}
	deleted, err := l.svc.locker.release(ctx, l.key, l.token)
	switch {
	case err != nil:
		return fmt.Errorf("renewal: release %q: %w", l.key, err)
	case !deleted:
		var lost *LostError
		if errors.As(l.h.Result().Err, &lost) {
			return lost
		}
		return &LostError{Key: l.key, Cause: ErrMissing}
	}
	return nil
}
