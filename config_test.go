package cutover_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

func succeed(context.Context, *executor.Run) error { return nil }

// The error of New names every fault of a config.
func TestConfigFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config cutover.Config
		faults []string
	}{
		"zero":           {cutover.Config{}, nil},
		"capacity":       {cutover.Config{Capacity: -1}, []string{"Capacity is -1"}},
		"short lease":    {cutover.Config{LeaseTTL: 99 * time.Millisecond}, []string{"LeaseTTL is 99ms"}},
		"shortest lease": {cutover.Config{LeaseTTL: 100 * time.Millisecond}, nil},
		"negative lease": {cutover.Config{LeaseTTL: -1}, []string{"LeaseTTL is -1ns"}},
		"no executor":    {cutover.Config{Executors: executor.Registry{"X": nil}}, []string{`Executors["X"]`}},
		"nil pointer":    {cutover.Config{Executors: executor.Registry{"X": (*executor.Steps[struct{}])(nil)}}, []string{`Executors["X"]`}},
		"nil function":   {cutover.Config{Executors: executor.Registry{"X": executor.Func(nil)}}, []string{`Executors["X"]`}},
		"several": {
			cutover.Config{Executors: executor.Registry{"B": nil, "A": executor.Func(nil), "C": executor.Func(succeed)}},
			[]string{`Executors["A"]`, `Executors["B"]`},
		},
		"nameless":        {cutover.Config{Executors: executor.Registry{"": executor.Func(succeed)}}, []string{`Executors[""]`}},
		"long name":       {cutover.Config{Name: strings.Repeat("n", 129)}, []string{"Name is 129 bytes"}},
		"negative limits": {cutover.Config{Limits: checkpoint.Limits{Data: -1, Undo: -2}}, []string{"Limits.Data is -1", "Limits.Undo is -2"}},
		"greatest": {
			cutover.Config{
				Capacity: math.MaxInt, LeaseTTL: math.MaxInt64, PollInterval: math.MaxInt64, ShutdownGrace: math.MaxInt64,
				CancelGrace: math.MaxInt64, Retention: math.MaxInt64, MaxLosses: math.MaxInt,
				Limits: checkpoint.Limits{Data: math.MaxInt, Undo: math.MaxInt},
			},
			[]string{
				"Capacity", "LeaseTTL", "PollInterval", "ShutdownGrace", "CancelGrace", "Retention", "MaxLosses",
				"Limits.Data", "Limits.Undo",
			},
		},
		"kept for ever": {cutover.Config{Retention: math.MinInt64}, nil},
		"no loss":       {cutover.Config{MaxLosses: math.MinInt}, nil},
		"all": {
			cutover.Config{
				Capacity: -1, LeaseTTL: 1, PollInterval: -1, ShutdownGrace: -1, CancelGrace: -1, Retention: 101 * 365 * 24 * time.Hour,
				Name: strings.Repeat("n", 200), Executors: executor.Registry{"": nil},
			},
			[]string{"Capacity", "LeaseTTL", "PollInterval", "ShutdownGrace", "CancelGrace", "Retention", "Name", "Executors"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := cutover.New(memstore.New(), tt.config)
			if len(tt.faults) == 0 {
				if err != nil || e == nil {
					t.Fatal(err)
				}
				return
			}
			if e != nil || !errors.Is(err, cutover.ErrInvalid) {
				t.Fatalf("%v, %v", e, err)
			}
			for _, want := range tt.faults {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q names nothing of %q", err, want)
				}
			}
			var invalid *cutover.InvalidError
			if !errors.As(err, &invalid) || len(invalid.Faults) != len(tt.faults) {
				t.Errorf("faults of %q, want %d", err, len(tt.faults))
			}
		})
	}
	for name, none := range map[string]store.Store{"nil": nil, "a nil pointer": (*memstore.Store)(nil)} {
		_, err := cutover.New(none, cutover.Config{Capacity: -1})
		if !errors.Is(err, cutover.ErrInvalid) || !strings.Contains(err.Error(), "Capacity") || !strings.Contains(err.Error(), "the store is nil") {
			t.Errorf("New with %s for a store: %v", name, err)
		}
	}
}

// TestARegistryIsCopied: changes that the host makes to its map later do not affect the engine.
func TestARegistryIsCopied(t *testing.T) {
	t.Parallel()
	registry := executor.Registry{"KNOWN": executor.Func(succeed)}
	e, err := cutover.New(memstore.New(), cutover.Config{Executors: registry})
	if err != nil {
		t.Fatal(err)
	}
	delete(registry, "KNOWN")
	registry["NIL"] = nil
	if _, err := e.Create(t.Context(), plan.Spec{Name: "p", ExecutorType: "KNOWN", Tenants: plan.Tenants("a")}); err != nil {
		t.Error(err)
	}
	if _, err := e.Create(t.Context(), plan.Spec{Name: "p", ExecutorType: "NIL", Tenants: plan.Tenants("a")}); err == nil {
		t.Error("an executor that was not there at New is known")
	}
}
