package renewal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/await"
	"github.com/cutover-go/cutover/renewal/internal/backend"
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

// Acquire acquires the lock key for ttl and renews it every third of ttl. If the lock is held, the
// error is a *HeldError with the remaining TTL of the lock; Acquire does not wait. The service must
// be running: after go service.Run(ctx), wait for <-service.Started(); otherwise Acquire may run
// first and fail with ErrNotRunning.
//
// A counter in a second key numbers the holders: each gets a number greater than all earlier
// numbers. The counter has no TTL, and the service never deletes it. In a cluster it must be in the
// slot of the lock, so it is called {lock}:fence for a lock called lock, and a{b}c:fence for a lock
// called a{b}c, whose name has a hash tag.
//
// Acquire returns as soon as ctx ends, whatever the server does. If the answer comes so late that
// the lock may have expired already, there is no lease: the error is a *LostError with ErrDeadline.
//
// A server that may evict keys (it has a memory limit and a maxmemory-policy other than noeviction)
// cannot hold a lock safely: the error is an *EvictionError. If the Redis user may not run every
// command that acquiring, renewing and releasing the lock needs, the error is a *PermissionError.
//
// After any other error it is not known whether the lock was acquired. The service then releases
// it, in the background if ctx has ended, and at worst it expires after ttl.
func (s *Service) Acquire(ctx context.Context, key string, ttl time.Duration) (*Lease, error) {
	return s.AcquireWith(ctx, key, s.leases.of(ttl))
}

// AcquireWith is Acquire with the host's own policy, which sets the interval, stop rules, labels or
// callbacks. The policy needs a fixed TTL and cannot select keys. If a stop rule ends the renewal,
// the lock exists until its TTL expires or Release is called.
func (s *Service) AcquireWith(ctx context.Context, key string, policy *Policy) (*Lease, error) {
	if err := s.validateLease(key, policy); err != nil {
		return nil, err
	}
	l := &Lease{svc: s, key: key, token: rand.Text()}
	sent := time.Now()
	err := l.acquire(ctx, policy.TTL.fixed)
	if errors.Is(err, ErrHeld) {
		return nil, err
	}
	if err == nil {
		err = l.register(ctx, sent, policy)
	}
	if err != nil {
		return nil, fmt.Errorf("renewal: acquire %q: %w", key, err)
	}
	return l, nil
}

// validateLease returns ErrNotRunning, or one error with every fault of a lease.
func (s *Service) validateLease(key string, policy *Policy) error {
	if !s.shared.registry.running() {
		return ErrNotRunning
	}
	var faults []error
	if key == "" {
		faults = append(faults, errors.New("an empty key"))
	} else if _, err := backend.FenceKey(key); err != nil {
		faults = append(faults, err)
	}
	switch {
	case policy == nil:
		faults = append(faults, errors.New("no policy"))
	case policy.TTL.fn != nil || policy.Select.set:
		faults = append(faults, errors.New("a lease needs a fixed TTL and no selector"))
	default:
		faults = append(faults, validatePolicy(policy, s.shared.cfg.Tick)...)
	}
	if len(faults) > 0 {
		return &InvalidError{What: "lease", Faults: faults}
	}
	return nil
}

// leasePolicies caches policies by TTL, so that leases with the same TTL share one.
type leasePolicies struct {
	mu    sync.Mutex
	byTTL map[time.Duration]*Policy
}

// keptPolicies bounds the policies that are cached for further leases.
const keptPolicies = 64

// of returns the policy for leases with this TTL.
func (l *leasePolicies) of(ttl time.Duration) *Policy {
	l.mu.Lock()
	defer l.mu.Unlock()
	policy := l.byTTL[ttl]
	if policy != nil {
		return policy
	}
	policy = &Policy{TTL: FixedTTL(ttl)}
	if l.byTTL == nil {
		l.byTTL = make(map[time.Duration]*Policy)
	}
	if len(l.byTTL) < keptPolicies {
		l.byTTL[ttl] = policy
	}
	return policy
}

// acquire sends the request for the lock, and returns when ctx ends at the latest. If there is no
// answer by then, the goroutine that waits for the answer releases the lock afterwards: a release
// sent before the answer could reach the server before a retry of the request by the client.
func (l *Lease) acquire(ctx context.Context, ttl time.Duration) error {
	answer := make(chan error)
	l.svc.lockCalls.Add(1)
	go func() {
		defer l.svc.lockCalls.Add(-1)
		lasting := context.WithoutCancel(ctx)
		grant, err := l.svc.locker.Acquire(lasting, l.key, l.token, ttl)
		if err = publicError(err); err == nil && grant.Held {
			err = &HeldError{Key: l.key, Left: grant.Left}
		}
		l.fence = grant.Fence
		select {
		case answer <- err:
		case <-ctx.Done():
			if !notAcquired(err) {
				_ = l.release(lasting) // at worst it expires
			}
		}
	}()
	select {
	case err := <-answer:
		if err != nil && !notAcquired(err) {
			l.undo(ctx)
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// notAcquired reports whether err means for certain that the lock was not acquired.
func notAcquired(err error) bool { return errors.Is(err, ErrHeld) || errors.Is(err, ErrEviction) }

// register registers the task that keeps the lease alive. Its last step is to check the time again,
// because the request and the registration may have taken longer than the TTL.
func (l *Lease) register(ctx context.Context, sent time.Time, policy *Policy) error {
	ttl := policy.TTL.fixed
	late := func() bool { return time.Since(sent) >= ttl-marginOf(ttl) }
	var err error
	if !late() { // so that no callback is called for a lease that never existed
		l.h, err = l.svc.Register(Task{Keys: []string{l.key}, Owner: l.token, Since: sent, Policy: policy})
	}
	if err == nil && late() {
		err = &LostError{Key: l.key, Cause: ErrDeadline}
		if l.h != nil {
			_ = l.h.Cancel() // cannot fail: Register made the handle
		}
	}
	if err != nil {
		l.undo(ctx)
	}
	return err
}

// undo releases a lock that may have been acquired. It waits for the release, but no longer than
// ctx and Config.CallTimeout allow.
func (l *Lease) undo(ctx context.Context) {
	done := make(chan struct{})
	l.svc.lockCalls.Add(1)
	go func() {
		defer l.svc.lockCalls.Add(-1)
		defer close(done)
		_ = l.release(context.WithoutCancel(ctx)) // at worst it expires
	}()
	timeout := time.NewTimer(l.svc.shared.cfg.CallTimeout)
	defer timeout.Stop()
	select {
	case <-done:
	case <-timeout.C:
	case <-ctx.Done():
	}
}

// release deletes the lock if it holds the token.
func (l *Lease) release(ctx context.Context) error {
	answer, err := l.svc.locker.Release(ctx, l.key, l.token)
	switch {
	case err != nil:
		return publicError(err)
	case answer == backend.Missing:
		return &LostError{Key: l.key, Cause: ErrMissing}
	case answer == backend.Foreign:
		return &LostError{Key: l.key, Cause: ErrForeignOwner}
	}
	return nil
}

// Context returns a context that ends when the lease is lost or released, with a *LostError or an
// *EndedError as its cause. Do the work that needs the lock under this context.
func (l *Lease) Context() context.Context { return l.h.Context() }

// Key returns the name of the lock.
func (l *Lease) Key() string { return l.key }

// Token returns the value that the key holds while this lease holds the lock.
func (l *Lease) Token() string { return l.token }

// Fence returns the number of this holder, greater than the number of every earlier holder. Pass it
// to the system that the lock protects, which must refuse any number smaller than the greatest that
// it has seen: this is the only protection against a holder that does not know yet that it has lost
// the lock.
//
// The counter is as durable as the server. The number 1 means that there was no counter: nobody has
// held this lock before, or Redis has lost the counter (a restart without persistence, a flush),
// and the protected system may remember greater numbers.
func (l *Lease) Fence() int64 { return l.fence }

// Handle returns the handle of the task that keeps the lease alive.
func (l *Lease) Handle() *Handle { return l.h }

// Release ends the renewal and deletes the key if it still holds the token. If the key does not
// hold the token, another owner may have held the lock: the error is the *LostError that ended the
// task, or a *LostError with ErrMissing or ErrForeignOwner, whichever was found.
//
// Release returns as soon as ctx ends. The renewal has then ended in any case; the request, if it
// was sent, may still be carried out. After that, or after an error of Redis, Release may be called
// again; otherwise the key expires by itself. If the key was deleted and only the answer lost, the
// next call finds no key and returns an error that matches ErrMissing, as does a call after a
// success. In a callback of the same task, which must pass its context on, Release returns
// ErrInCallback.
func (l *Lease) Release(ctx context.Context) error {
	if err := l.h.CancelAndWait(ctx); err != nil {
		return err
	}
	err := await.Do(ctx, func(ctx context.Context) error {
		l.svc.lockCalls.Add(1)
		defer l.svc.lockCalls.Add(-1)
		return l.release(ctx)
	})
	if err == nil {
		return nil
	}
	var lost *LostError
	switch {
	case !errors.Is(err, ErrLost):
		return fmt.Errorf("renewal: release %q: %w", l.key, err)
	case errors.As(l.h.Result().Err, &lost):
		return lost
	}
	return err
}
