package redisstore

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/store"
)

// Waves, bake times and windows are refused, and nothing is written: they would be stored and not
// enforced. What can be tuned is kept.
func TestRefusesWhatItDoesNotEnforce(t *testing.T) {
	t.Parallel()
	s := openStore(t, redistest.Mini(t), Config{})
	hour := time.Hour
	allow := []window.Window{{Kind: window.Allow, Zone: "UTC"}}
	for field, st := range map[string]strategy.Strategy{
		"Waves":         {Waves: []strategy.Wave{{}}},
		"BakeTime":      {BakeTime: hour},
		"FirstBakeTime": {FirstBakeTime: hour},
		"FinalBakeTime": {FinalBakeTime: hour},
		"Windows":       {Windows: allow},
	} {
		_, err := s.BeginCreate(t.Context(), store.Create{Mark: "m", Plan: plan.Plan{TaskCount: 1, Strategy: st}, TTL: time.Minute})
		if !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), field) {
			t.Errorf("a plan with %s: %v", field, err)
		}
	}
	for field, tuning := range map[string]strategy.Tuning{
		"Waves":         {Waves: map[int]strategy.WaveTuning{1: {}}},
		"BakeTime":      {BakeTime: &hour},
		"FirstBakeTime": {FirstBakeTime: &hour},
		"FinalBakeTime": {FinalBakeTime: &hour},
		"Windows":       {Windows: allow},
	} {
		_, err := s.Apply(t.Context(), store.Command{ID: "c", Decision: plan.Decision{Plan: plan.Plan{ID: 1, Control: plan.Control{Tuning: tuning}}}})
		if !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), field) {
			t.Errorf("a tuning with %s: %v", field, err)
		}
	}
	action := strategy.Pause
	for _, want := range []strategy.Tuning{
		{},
		{MaxConcurrency: strategy.Count(0)},
		{MaxFailures: strategy.Percent(7)},
		{FailureAction: &action},
		{MaxConcurrency: strategy.Percent(3), MaxFailures: strategy.Count(2), FailureAction: &action},
	} {
		kept := strategy.Tuning{}
		if r := tuningOf(&want); r != nil {
			if err := r.fill(&kept); err != nil {
				t.Fatal(err)
			}
		}
		if !(strategy.Strategy{}).Tuned(kept).Equal((strategy.Strategy{}).Tuned(want)) {
			t.Errorf("kept %+v of %+v", kept, want)
		}
	}
}
