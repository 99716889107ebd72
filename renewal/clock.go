package renewal

import "time"

// clock counts from the start of the service on the monotonic clock, which steps of the wall clock
// do not affect.
type clock struct {
	start time.Time
	tick  time.Duration
	wall  func() time.Time
}

func newClock(tick time.Duration) clock {
	return clock{start: time.Now(), tick: tick, wall: time.Now}
}

func (c *clock) now() time.Duration { return time.Since(c.start) }

// time converts a moment of the clock to wall-clock time. It returns the zero time for never.
func (c *clock) time(at time.Duration) time.Time {
	if at == never {
		return time.Time{}
	}
	return c.start.Add(at)
}

// at returns the moment at which a tick begins.
func (c *clock) at(tick uint64) time.Duration { return time.Duration(tick) * c.tick }

// passed returns the last tick that has begun by a moment.
func (c *clock) passed(at time.Duration) uint64 { return uint64(max(at, 0) / c.tick) }

// tickNow returns the present tick.
func (c *clock) tickNow() uint64 { return c.passed(c.now()) }

// ceil returns the first tick that begins at a moment or after it.
func (c *clock) ceil(at time.Duration) uint64 {
	if at <= 0 {
		return 0
	}
	return uint64((at-1)/c.tick) + 1
}

// drift returns how far the wall clock has run ahead of the monotonic clock since the start. The
// drift changes when the wall clock is set and, on systems whose monotonic clock stops while the
// machine is suspended, after each suspension.
func (c *clock) drift() time.Duration {
	wall := c.wall().Round(0).Sub(c.start.Round(0))
	return wall - c.now()
}
