package storetest

import (
	"errors"
	"reflect"
	"time"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/store"
)

// createStrategies: a plan is read with the strategy that it was created with, whichever field of
// the strategy is set. A store that does not enforce a field refuses the plan.
func createStrategies(e *env) {
	for _, s := range strategies(e) {
		if _, err := e.BeginCreate(e.ctx, e.announce(1, s)); errors.Is(err, store.ErrInvalid) {
			continue
		}
		equal(e, "strategy", e.create(1, s).read().Strategy, s)
	}
}

// strategies returns the zero strategy, and strategies with one field set each. It fails the test
// for a field of a type that it has no values for, so that a new field is not forgotten.
func strategies(e *env) []strategy.Strategy {
	e.Helper()
	list := []strategy.Strategy{{}}
	for i := range reflect.TypeFor[strategy.Strategy]().NumField() {
		var s strategy.Strategy
		switch field := reflect.ValueOf(&s).Elem().Field(i).Addr().Interface().(type) {
		case *strategy.Amount:
			for _, *field = range []strategy.Amount{strategy.Count(0), strategy.Count(7), strategy.Percent(0), strategy.Percent(7)} {
				list = append(list, s)
			}
		case *int:
			*field = 7
			list = append(list, s)
		case *strategy.Action:
			for _, *field = range []strategy.Action{strategy.Pause, strategy.RollbackPlan} {
				list = append(list, s)
			}
		case *strategy.Retry:
			*field = strategy.Retry{Attempts: 3, First: time.Second, Max: time.Minute}
			list = append(list, s)
		case *time.Duration:
			*field = 90 * time.Millisecond
			list = append(list, s)
		case *[]strategy.Wave:
			*field = []strategy.Wave{{}, {
				Name: "the rest", MaxConcurrency: strategy.Count(7), MaxFailures: strategy.Percent(7), Canary: true,
				BakeTime: time.Minute, Approval: true,
			}}
			list = append(list, s)
		case *[]strategy.Amount:
			continue // WaveSizes become Waves before a plan is created
		case *[]window.Window:
			*field = []window.Window{{Kind: window.Deny, Zone: "Europe/Berlin", Days: window.On(time.Friday)}}
			list = append(list, s)
		case *strategy.Conflict:
			for _, *field = range []strategy.Conflict{strategy.Wait, strategy.Skip} {
				list = append(list, s)
			}
		case *[]strategy.Quota:
			*field = []strategy.Quota{{Label: "shard", Max: 5}, {Label: "a label, with \"odd\" bytes\x00", Max: 1}}
			list = append(list, s)
		case *strategy.ConcurrencyMode:
			*field = strategy.Strict
			list = append(list, s)
		default:
			e.Fatalf("no values for %T", field)
		}
	}
	return list
}
