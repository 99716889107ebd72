package dispatch

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/plan"
)

// An alarm rings once, at the earliest of the times that were set, and not after stop.
func TestAlarms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var rung []time.Duration
		a := newAlarms(func(plan.ID) { rung = append(rung, time.Since(began)) })
		for _, in := range []time.Duration{time.Hour, 2 * time.Hour, time.Minute, 2 * time.Minute, time.Minute} {
			a.set(7, in)
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		a.set(7, -time.Hour)
		time.Sleep(time.Second)
		synctest.Wait()
		a.set(7, time.Hour)
		a.stop()
		a.set(7, time.Minute)
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if want := []time.Duration{time.Minute, 3*time.Hour + minAlarm}; !slices.Equal(rung, want) {
			t.Errorf("rang after %v, want %v", rung, want)
		}
	})
}
