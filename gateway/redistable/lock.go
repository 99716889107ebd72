package redistable

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/await"
)

const (
	// defaultLockLife is how long a lock outlasts the process that has it. A gateway takes at most
	// 5 s to bring an instance up to date.
	defaultLockLife = 30 * time.Second
	// renewals is how often a lock is renewed in that time.
	renewals = 6
	// lockInterval is the first time between two tries to take a lock that somebody has, and
	// longestInterval the longest.
	lockInterval    = 2 * time.Millisecond
	longestInterval = 50 * time.Millisecond
	// unlockTimeout bounds the end of a lock. If Redis does not answer, lockLife ends it.
	unlockTimeout = time.Second
)

// LockInstance implements [gateway.Locker], by the key {NAME}:lock:INSTANCE, which lives for 30 s
// and is renewed until unlock.
//
// A process that was stopped for longer than that, or that could not reach Redis, can lose the lock
// without noticing it. Two processes may then write to the instance at the same time.
func (t *Table) LockInstance(ctx context.Context, name string) (unlock func(), err error) {
	key, owner := t.key("lock:"+url.PathEscape(name)), rand.Text()
	for wait := lockInterval; ; wait = min(2*wait, longestInterval) {
		taken, err := await.Value(ctx, func(ctx context.Context) (bool, error) {
			return t.rdb.SetNX(ctx, key, owner, t.lockLife).Result()
		})
		if err == nil && !taken {
			taken, err = t.holds(ctx, key, owner) // if the answer to the client's first try was lost
		}
		if taken {
			break
		}
		if err == nil {
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
				continue
			case <-ctx.Done():
				timer.Stop()
				err = ctx.Err()
			}
		}
		t.unlock(ctx, key, owner)
		return nil, fmt.Errorf("redistable: locking %s: %w", name, err)
	}
	return t.renew(ctx, key, owner), nil
}

// renew prolongs a lock until unlock is called.
func (t *Table) renew(ctx context.Context, key, owner string) (unlock func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var renewing sync.WaitGroup
	renewing.Go(func() {
		tick := time.NewTicker(t.lockLife / renewals)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_, _ = t.holds(ctx, key, owner)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		renewing.Wait()
		t.unlock(ctx, key, owner)
	}
}

// holds prolongs a lock, and reports whether the owner still has it.
func (t *Table) holds(ctx context.Context, key, owner string) (bool, error) {
	held, err := await.Value(ctx, func(ctx context.Context) (bool, error) {
		return prolongOrFree.Run(ctx, t.rdb, []string{key}, owner, t.lockLife.Milliseconds()).Bool()
	})
	if err != nil {
		err = nameCommand(err, prolongOrFree)
	}
	return held, err
}

// unlock ends a lock, whether or not ctx has ended.
func (t *Table) unlock(ctx context.Context, key, owner string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
	defer cancel()
	_ = await.Do(ctx, func(ctx context.Context) error {
		return prolongOrFree.Run(ctx, t.rdb, []string{key}, owner, 0).Err()
	})
}
