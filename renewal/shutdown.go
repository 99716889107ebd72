package renewal

import (
	"fmt"
	"time"
)

// shutdown ends the service after the clock has stopped.
func (s *Service) shutdown() error {
	s.setState(stopping)
	deadline := time.Now().Add(s.cfg.Grace)
	until(deadline, func() bool { return s.users.idle() && s.scans.idle() && s.lanes.idle() })
	s.users.close()
	s.scans.close()
	s.lanes.close()
	for _, h := range s.handles() {
		h.mu.Lock()
		h.finish(ReasonShutdown, nil)
		h.mu.Unlock()
	}
	until(deadline, func() bool { return s.callbacks.idle() && s.behind.Load() == 0 })
	s.callbacks.close()
	s.meter.close()
	s.setState(stopped)
	// Functions whose context has just ended may need a moment to return.
	left := 0
	until(time.Now().Add(s.cfg.Grace/4), func() bool {
		left = s.users.goroutines() + s.scans.goroutines() + s.callbacks.goroutines() + s.meter.goroutines()
		return left == 0
	})
	if left > 0 {
		return fmt.Errorf("%w: %d", ErrUnfinished, left)
	}
	return nil
}

func (s *Service) setState(state runState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
}

// until polls until a condition holds or the deadline has passed.
func until(deadline time.Time, holds func() bool) {
	for wait := time.Millisecond; !holds() && time.Now().Before(deadline); wait = min(2*wait, 20*time.Millisecond) {
		time.Sleep(wait)
	}
}
