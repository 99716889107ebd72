package notify_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/store/memstore"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	_, err := notify.New(nil, "a b", nil, notify.Config{
		Window: 2 * time.Hour, Timeout: -1, RetryMin: time.Minute, RetryMax: time.Second, Concurrency: -1, Language: "de", BaseURL: "ftp://x",
		Filter: notify.Filter{Kinds: []notify.Kind{"x"}, Plans: []string{"["}, MinSeverity: 9},
	})
	var invalid *notify.InvalidError
	if !errors.As(err, &invalid) || !errors.Is(err, notify.ErrInvalid) || len(invalid.Faults) != 12 {
		t.Errorf("error %v", err)
	}
	e, err := cutover.New(memstore.New(), cutover.Config{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := notify.New(e, "x", notify.Slog(nil), notify.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := n.Run(ctx); !errors.Is(err, notify.ErrRunning) {
		t.Errorf("run twice: error %v", err)
	}
}
