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
)

// pingEvery is how long a subscription may be silent before it is asked whether it still lives. One
// that has not answered when as much time has passed again is made anew.
const pingEvery = 5 * time.Second

// listener keeps a subscription and turns announcements and (re)subscriptions into hints. What they
// say does not matter: the head does.
//
// The subscription is made anew, by a new connection to the node that serves the channel then, when
// it breaks, when it is silent on a ping, when the server ends it (which is how a node says that
// the slot of a sharded channel has moved to another one), and when renew is called.
type listener struct {
	agent *Agent
	hints chan struct{} // holds one entry after something came

	mu  sync.Mutex
	end context.CancelFunc // of the present subscription; guarded by mu
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
		l.agent.log.Warn("the subscription has ended and is made anew", zap.String("channel", l.agent.cfg.Channel), zap.Error(err))
		if cluster, ok := l.agent.rdb.(interface{ ReloadState(context.Context) }); ok {
			cluster.ReloadState(ctx) // the channel may be served by another node now
		}
		pause(ctx, delays.NextBackOff())
	}
}

// renew ends the present subscription, so that another one is made.
func (l *listener) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end()
}

// errRenewed is why a subscription was ended that the agent itself does not trust any more.
var errRenewed = errors.New("a change came without an announcement")

// listen makes one subscription and returns when it has ended. confirmed reports whether the server
// has confirmed it.
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

// receive passes on what comes until the subscription ends.
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
				return confirmed, fmt.Errorf("the server has ended it: %s", news.Kind)
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
	default: // one is waiting already
	}
}

func (a *Agent) subscribe(ctx context.Context) *redis.PubSub {
	if a.cfg.Sharded {
		return a.rdb.SSubscribe(ctx, a.cfg.Channel)
	}
	return a.rdb.Subscribe(ctx, a.cfg.Channel)
}

// pause waits, at most until the context ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
