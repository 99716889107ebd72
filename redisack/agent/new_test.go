package agent

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/internal/wait"
)

// TestEndlessResync checks that the maximum Resync does not overflow to an immediate read.
func TestEndlessResync(t *testing.T) {
	t.Parallel()
	a, err := New(redistest.Mini(t), "k", func(context.Context, Update) error { return nil }, Config{Resync: math.MaxInt64})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if pause := wait.Jitter(a.cfg.Resync); pause <= 0 {
			t.Fatalf("a pause of %v", pause)
		}
	}
}

// TestUnknownHostName checks that New names an unknown host name besides the other faults, and that
// the host name is not read if Instance is set.
func TestUnknownHostName(t *testing.T) {
	t.Parallel()
	unknown := func() (string, error) { return "", errors.New("no host name") }
	apply := func(context.Context, Update) error { return nil }
	_, err := newAgent(nil, "", apply, Config{MaxAcks: -1}, unknown)
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	var fields []string
	for _, fault := range invalid.Faults {
		fields = append(fields, fault.Field)
	}
	if want := []string{"rdb", "key", "Config.MaxAcks", "Config.Instance"}; !slices.Equal(fields, want) {
		t.Errorf("faults of %q, want %q", fields, want)
	}
	if _, err := newAgent(redistest.Mini(t), "k", apply, Config{Instance: "a"}, unknown); err != nil {
		t.Error(err)
	}
}
