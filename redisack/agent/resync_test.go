package agent

import (
	"context"
	"math"
	"testing"

	"github.com/cutover-go/cutover/internal/redistest"
)

// TestEndlessResync checks that the maximum Resync does not overflow to an immediate read.
func TestEndlessResync(t *testing.T) {
	t.Parallel()
	a, err := New(redistest.Mini(t), "k", func(context.Context, Update) error { return nil }, Config{Resync: math.MaxInt64})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if pause := jitter(a.cfg.Resync); pause <= 0 {
			t.Fatalf("a pause of %v", pause)
		}
	}
}
