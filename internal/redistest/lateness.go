package redistest

import "time"

// latenessTimeout is how long Lateness repeats what is late.
const latenessTimeout = 10 * time.Second

// Lateness repeats try, which returns how late something was, until that is at most fair, and
// returns the minimum. It gives up after 10 seconds. A busy machine delays some tries, but a call
// that waits for something it should not wait for is late in all of them.
func Lateness(fair time.Duration, try func() time.Duration) time.Duration {
	best := try()
	for began := time.Now(); best > fair && time.Since(began) < latenessTimeout; {
		best = min(best, try())
	}
	return best
}
