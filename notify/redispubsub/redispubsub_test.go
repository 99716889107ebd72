package redispubsub_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/notify/redispubsub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, redistest.IgnoreDialers()) }

// Who listens gets the message as JSON.
func TestPublishes(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	sub := client.Subscribe(t.Context(), "messages")
	t.Cleanup(func() { _ = sub.Close() })
	if _, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	sink, err := redispubsub.New(client, "messages")
	if err != nil {
		t.Fatal(err)
	}
	want := notify.Message{ID: "msg_1", Notifier: "channel", Kind: notify.KindTest, Title: "test"}
	if err := sink.Send(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	m, err := sub.ReceiveMessage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(m.Payload), &got); err != nil || got["id"] != "msg_1" || got["kind"] != "test" {
		t.Errorf("got %s: %v", m.Payload, err)
	}
}

// A server that is frozen is left when the context ends; one that is away is an error that does not
// make a dead letter.
func TestServerIsAway(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := redis.NewClient(server.Options())
	t.Cleanup(func() { _ = client.Close() })
	sink, err := redispubsub.New(client, "messages")
	if err != nil {
		t.Fatal(err)
	}
	server.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err = sink.Send(ctx, notify.Message{ID: "1"})
	server.Thaw()
	if !errors.Is(err, context.DeadlineExceeded) || notify.IsPermanent(err) {
		t.Errorf("frozen: error %v", err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	_, err := redispubsub.New(nil, "")
	var invalid *redispubsub.InvalidError
	if !errors.As(err, &invalid) || !errors.Is(err, redispubsub.ErrInvalid) || len(invalid.Faults) != 2 {
		t.Errorf("error %v", err)
	}
}
