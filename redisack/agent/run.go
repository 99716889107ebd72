package agent

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// Run keeps the process up to date until the context ends, and then returns nil.
func (a *Agent) Run(ctx context.Context) error {
	if !a.running.TryLock() {
		return ErrRunning
	}
	defer a.running.Unlock()

	hints := make(chan struct{}, 1)
	sub := a.subscribe(ctx)
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		listen(sub, hints)
	}()
	defer func() {
		_ = sub.Close() // ends listen
		<-heard
	}()
	a.follow(ctx, hints)
	return nil
}

func (a *Agent) subscribe(ctx context.Context) *redis.PubSub {
	if a.cfg.Sharded {
		return a.rdb.SSubscribe(ctx, a.cfg.Channel)
	}
	return a.rdb.Subscribe(ctx, a.cfg.Channel)
}

// listen turns announcements and (re)subscriptions into hints. What they say does not matter: the head does.
func listen(sub *redis.PubSub, hints chan<- struct{}) {
	for range sub.ChannelWithSubscriptions() {
		select {
		case hints <- struct{}{}:
		default: // one is waiting already
		}
	}
}

// follow looks at the head now, at every hint and on the timer.
func (a *Agent) follow(ctx context.Context, hints <-chan struct{}) {
	trouble := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(100*time.Millisecond), backoff.WithMaxInterval(5*time.Second),
		backoff.WithMaxElapsedTime(0))
	var last look
	for again := false; ctx.Err() == nil; {
		pause := jitter(a.cfg.Resync)
		if err := a.catchUp(ctx, &last, again); err != nil {
			if ctx.Err() != nil {
				return
			}
			a.log.Warn("configuration is not up to date", zap.Error(err))
			pause = min(trouble.NextBackOff(), pause)
		} else {
			trouble.Reset()
		}
		timer := time.NewTimer(pause)
		select {
		case <-hints:
			again = false
		case <-timer.C:
			again = true
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

var errPayloadGone = errors.New("the payload is not there")

var errPayloadDiffers = errors.New("the payload is not what the head describes: the key was changed by other means")
