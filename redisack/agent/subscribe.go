package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/cutover-go/cutover/internal/wait"
)

// pingEvery is how long a subscription may be silent before the listener pings the server. If the
// server does not answer the ping within the same time, the listener subscribes again.
const pingEvery = 5 * time.Second

// listener keeps a subscription and turns announcements and (re)subscriptions into hints. The
// content of an announcement is ignored: the agent reads the head.
//
// The listener subscribes again when the subscription breaks, when the server does not answer a
// ping, when the server ends the subscription (as a node does when the slot of a sharded channel
// has moved away), and when renew is called. It then makes a new connection, to the node that
// serves the channel at that time.
type listener struct {
	agent *Agent
	hints chan struct{} // holds one entry after an announcement or subscription

	mu  sync.Mutex
	end context.CancelFunc // of the current subscription; guarded by mu
}

func (a *Agent) newListener() *listener {
	return &listener{agent: a, hints: make(chan struct{}, 1), end: func() {}}
}

// run keeps the subscription until the context ends.
func (l *listener) run(ctx context.Context) {
	delays := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond), backoff.WithMaxInterval(5*time.Second),
		backoff.WithMaxElapsedTime(0))
	for ctx.Err() == nil {
		confirmed, err := l.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		if confirmed {
			delays.Reset()
		}
		l.agent.log.Warn("the subscription has ended; subscribing again", zap.String("channel", l.agent.cfg.Channel), zap.Error(err))
		if cluster, ok := l.agent.rdb.(interface{ ReloadState(context.Context) }); ok {
			cluster.ReloadState(ctx) // the channel may be served by another node now
		}
		wait.For(ctx, delays.NextBackOff())
	}
}

// renew ends the current subscription, so that the listener subscribes again.
func (l *listener) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end()
}

// errRenewed is the error of a subscription that the agent has ended because it missed an
// announcement.
var errRenewed = errors.New("a write was not announced")

// listen subscribes once and returns when the subscription has ended. confirmed reports whether the
// server had confirmed it.
func (l *listener) listen(ctx context.Context) (confirmed bool, err error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	l.mu.Lock()
	l.end = end
	l.mu.Unlock()

	sub := l.agent.subscribe(ctx)
	closed := context.AfterFunc(ctx, func() { _ = sub.Close() }) // ends receive
	defer func() {
		if closed() {
			_ = sub.Close()
		}
	}()
	confirmed, err = l.receive(ctx, sub)
	if ctx.Err() != nil {
		return confirmed, errRenewed
	}
	return confirmed, err
}

// receive turns messages into hints until the subscription ends.
func (l *listener) receive(ctx context.Context, sub *redis.PubSub) (confirmed bool, err error) {
	pinged := false
	for {
		news, err := sub.ReceiveTimeout(ctx, pingEvery)
		var timeout interface{ Timeout() bool }
		if errors.As(err, &timeout) && timeout.Timeout() && !pinged {
			pinged = true
			err = sub.Ping(ctx)
			if err == nil {
				continue
			}
		}
		if err != nil {
			return confirmed, err
		}
		pinged = false
		switch news := news.(type) {
		case *redis.Subscription:
			if news.Kind == "unsubscribe" || news.Kind == "sunsubscribe" {
				return confirmed, fmt.Errorf("the server ended the subscription: %s", news.Kind)
			}
			confirmed = true
			l.hint()
		case *redis.Message:
			l.hint()
		}
	}
}

func (l *listener) hint() {
	select {
	case l.hints <- struct{}{}:
	default: // a hint is waiting already
	}
}

func (a *Agent) subscribe(ctx context.Context) *redis.PubSub {
	if a.cfg.Sharded {
		return a.rdb.SSubscribe(ctx, a.cfg.Channel)
	}
	return a.rdb.Subscribe(ctx, a.cfg.Channel)
}
