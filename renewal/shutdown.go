package renewal

import (
	"fmt"
	"time"
)

// shutdown ends the service after the clock has stopped.
func (s *Service) shutdown() error {
	c := s.shared
	c.registry.setState(stopping)
	deadline := time.Now().Add(c.cfg.Grace)
	waitUntil(deadline, func() bool { return c.functions.Idle() && c.scans.Idle() && s.router.group.Idle() })
	c.functions.Close()
	c.scans.Close()
	s.router.group.Close()
	for _, h := range c.registry.all() {
		h.mu.Lock()
		h.finish(ReasonShutdown, nil)
		h.mu.Unlock()
	}
	waitUntil(deadline, func() bool { return c.callbacks.Idle() && s.lockCalls.Load() == 0 })
	c.callbacks.Close()
	c.meter.close()
	c.registry.setState(stopped)
	// Functions whose context has just ended may need a moment to return.
	left := 0
	waitUntil(time.Now().Add(c.cfg.Grace/4), func() bool {
		left = c.functions.Goroutines() + c.scans.Goroutines() + c.callbacks.Goroutines() + c.meter.goroutines()
		return left == 0
	})
	if left > 0 {
		return fmt.Errorf("%w: %d", ErrUnfinished, left)
	}
	return nil
}

// waitUntil polls until a condition holds or the deadline has passed.
func waitUntil(deadline time.Time, holds func() bool) {
	for wait := time.Millisecond; !holds() && time.Now().Before(deadline); wait = min(2*wait, 20*time.Millisecond) {
		time.Sleep(wait)
	}
}
