package renewal

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"
)

// stepLimit is the smallest change between wall clock and monotonic clock that is
// taken for a step; what time servers correct stays below.
const stepLimit = time.Second

// turn is the clock's goroutine: it sleeps until the next timer that is due, however
// far off, and hands the tasks on.
func (s *Service) turn(ctx context.Context) {
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	fired := make([]*Handle, 0, perLock)
	drift := s.clock.drift()
	for {
		drift = s.checkStep(drift)
		for more := true; more && ctx.Err() == nil; {
			now := s.clock.now()
			fired, more = s.timers.due(s.clock.passed(now), fired)
			for group := range slices.Chunk(fired, atOnce) {
				s.sink += warm(group)
				for _, h := range group {
					s.fire(h, now)
				}
			}
			s.lanes.kick()
		}
		clear(fired[:cap(fired)])
		s.sleep(alarm, s.timers.rest())
		select {
		case <-ctx.Done():
			return
		case <-s.timers.wake:
		case <-alarm.C:
		}
	}
}

// onTheClock is the number of keys that the clock goes through by itself: some 100 us.
const onTheClock = 1024

// fire hands a task on whose timer has fired. One of very many keys is gone through beside
// the clock, so that the others are on time; so is one with a selector, whose mutex is held
// for as long while its keys are chosen.
func (s *Service) fire(h *Handle, now time.Duration) {
	if len(h.keys) <= onTheClock && !h.pol.Select.set {
		h.fire(now)
		return
	}
	s.lanes.spawn(func(context.Context) {
		h.fire(s.clock.now())
		s.lanes.kick()
	})
}

// atOnce is the number of tasks that are brought into the cache together.
const atOnce = 32

// warm reads what is about to be used of each task, first fields and last, its key and
// the text of that. Of a million tasks hardly one is in the cache; these reads, unlike
// the locked ones of fire, wait for memory side by side. The sum means nothing.
func warm(group []*Handle) (sum int) {
	for _, h := range group {
		if len(h.keys) > 0 && h.pol != nil {
			sum += int(h.keys[0].name[0])
		}
	}
	return sum
}

// sleep sets the alarm to a tick; a parked clock has none.
func (s *Service) sleep(alarm *time.Timer, tick uint64) {
	if tick == parked {
		alarm.Stop()
		return
	}
	alarm.Reset(time.Duration(tick)*s.clock.tick - s.clock.now())
}

// checkStep compares the wall clock with the monotonic one. If it has leapt ahead,
// either somebody has set it, or the machine slept and keys may have expired
// meanwhile; only Redis knows. So every task is asked for at once, at the cost of one
// round of renewals; a step back means nothing.
func (s *Service) checkStep(before time.Duration) time.Duration {
	drift := s.clock.drift()
	if drift-before < stepLimit {
		return drift
	}
	s.cfg.Logger.Warn("wall clock leapt ahead, checking every lease", zap.Duration("by", drift-before))
	s.meter.steps.Add(1)
	now := s.clock.now()
	for _, h := range s.handles() {
		h.mu.Lock()
		if h.reason == Live {
			h.run(now)
		}
		h.mu.Unlock()
		s.lanes.kickFull()
	}
	return drift
}
