// Package redispubsub is a sink for package notify that publishes messages as JSON to a Redis
// channel.
//
//	sink, err := redispubsub.New(client, "cutover:messages")
//	n, err := notify.New(engine, "channel", sink, notify.Config{})
//
// A message counts as sent when Redis has taken it. Redis keeps nothing for those who do not listen
// at that moment: what must not be missed needs another sink.
package redispubsub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/await"
	"github.com/cutover-go/cutover/internal/nilcheck"
	"github.com/cutover-go/cutover/notify"
)

// ErrInvalid is matched by every [*InvalidError].
var ErrInvalid = errors.New("redispubsub: invalid configuration")

// InvalidError names every fault of the arguments of [New]. It matches [ErrInvalid].
type InvalidError struct{ Faults []string }

func (e *InvalidError) Error() string {
	return ErrInvalid.Error() + ": " + strings.Join(e.Faults, "; ")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Sink publishes messages. It is safe for concurrent use.
type Sink struct {
	client  redis.UniversalClient
	channel string
}

var _ notify.Sink = (*Sink)(nil)

// New returns a sink that publishes to a channel. The host owns client and closes it. If an
// argument has faults, the error is an *[InvalidError].
func New(client redis.UniversalClient, channel string) (*Sink, error) {
	var faults []string
	if nilcheck.IsNil(client) {
		faults = append(faults, "the client is nil")
	}
	if channel == "" {
		faults = append(faults, "the channel has no name")
	}
	if len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	return &Sink{client, channel}, nil
}

// Send implements [notify.Sink].
func (s *Sink) Send(ctx context.Context, m notify.Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return notify.Permanent(fmt.Errorf("redispubsub: %w", err))
	}
	_, err = await.Value(ctx, func(ctx context.Context) (int64, error) { return s.client.Publish(ctx, s.channel, body).Result() })
	if err != nil {
		return fmt.Errorf("redispubsub: %w", err)
	}
	return nil
}
