package redistest

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestLateness(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		each  []time.Duration // the last goes on
		want  time.Duration
		tries int
	}{
		"in time at once":    {[]time.Duration{5}, 5, 1},
		"in time at last":    {[]time.Duration{time.Second, time.Second, 10}, 10, 3},
		"always late":        {[]time.Duration{3 * time.Second, 2 * time.Second}, 2 * time.Second, 6},
		"late for very long": {[]time.Duration{time.Hour}, time.Hour, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				got := Lateness(10, func() time.Duration {
					late := tt.each[min(tries, len(tt.each)-1)]
					tries++
					time.Sleep(late)
					return late
				})
				if got != tt.want || tries != tt.tries {
					t.Errorf("%v after %d tries, want %v after %d", got, tries, tt.want, tt.tries)
				}
			})
		})
	}
}
