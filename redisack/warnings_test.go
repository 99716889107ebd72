package redisack

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// TestManyWarnings checks that a result contains at most maxWarnings warnings and a note that there
// were more, and that the log contains all of them.
func TestManyWarnings(t *testing.T) {
	t.Parallel()
	for _, n := range []int{maxWarnings, maxWarnings + 1, maxWarnings + 10} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				core, logs := observer.New(zapcore.WarnLevel)
				c, _ := testClient(t, Config{Logger: zap.New(core)})
				looks := 0
				fleet := FleetFunc(func(context.Context) ([]Endpoint, error) {
					if looks++; looks > 1 {
						return nil, errors.New("registry is down")
					}
					return []Endpoint{{ID: "a"}}, nil
				})
				res, _ := c.Apply(t.Context(), change(), Check{
					Fleet: fleet, Prober: newSim(map[string][]answer{"a": {runs("v1")}}), Policy: Policy{
						StartDelay: -1, RefreshEvery: time.Second, Timeout: time.Duration(n)*time.Second + time.Second/2,
					},
				})
				want := min(n, maxWarnings+1) // with the note
				if len(res.Warnings) != want || looks != n+1 || logs.Len() != n {
					t.Fatalf("%d warnings, want %d; %d look-ups, %d lines in the log", len(res.Warnings), want, looks, logs.Len())
				}
				last := res.Warnings[want-1]
				if (last == "further warnings are left out") != (n > maxWarnings) {
					t.Errorf("the last warning is %q", last)
				}
			})
		})
	}
}
