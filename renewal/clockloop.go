package renewal

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"
)

// stepLimit is the minimum change of the drift that counts as a step of the wall clock. Corrections
// by time servers stay below it.
const stepLimit = time.Second

// runClock runs on the clock's goroutine. It sleeps until the next timer is due, however far off,
// and then fires the tasks that are due.
func (s *Service) runClock(ctx context.Context) {
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	fired := make([]*Handle, 0, perLock)
	clock, timers := &s.shared.clock, s.shared.timers
	drift := clock.drift()
	for {
		drift = s.checkStep(drift)
		for more := true; more && ctx.Err() == nil; {
			now := clock.now()
			fired, more = timers.fired(clock.passed(now), fired)
			for group := range slices.Chunk(fired, warmTogether) {
				warm(group)
				for _, h := range group {
					s.fire(h, now)
				}
			}
			s.router.kick()
		}
		clear(fired[:cap(fired)])
		s.setAlarm(alarm, timers.sleepUntil())
		select {
		case <-ctx.Done():
			return
		case <-timers.wake:
		case <-alarm.C:
		}
	}
}

// onTheClock is the maximum number of keys of a task that the clock's goroutine fires itself. A
// task of that size takes about 100 us.
const onTheClock = 1024

// fire fires a task. A task with very many keys, or with a selector, is fired on another goroutine,
// so that the other tasks are on time. The mutex of a task with a selector may be held for a long
// time while its keys are chosen.
func (s *Service) fire(h *Handle, now time.Duration) {
	if h.pol.keys() <= onTheClock && !h.pol.Select.set {
		h.fire(now)
		return
	}
	s.router.group.Go(func(context.Context) {
		h.fire(s.now())
		s.router.kick()
	})
}

// setAlarm sets the alarm to a tick, or stops the alarm if the tick is parked.
func (s *Service) setAlarm(alarm *time.Timer, tick uint64) {
	if tick == parked {
		alarm.Stop()
		return
	}
	alarm.Reset(s.shared.clock.at(tick) - s.now())
}

// checkStep compares the wall clock with the monotonic clock and returns the drift; before is the
// drift at the previous check. If the wall clock has leapt ahead since then, either it was set, or
// the machine slept and keys may have expired during that time; only Redis knows. So every task is
// renewed immediately, at the cost of one round of renewals. A step back is ignored.
func (s *Service) checkStep(before time.Duration) time.Duration {
	drift := s.shared.clock.drift()
	if drift-before < stepLimit {
		return drift
	}
	s.shared.cfg.Logger.Warn("wall clock leapt ahead, checking every lease", zap.Duration("by", drift-before))
	s.shared.meter.steps.Add(1)
	now := s.now()
	for _, h := range s.shared.registry.all() {
		h.mu.Lock()
		if h.reason == Live {
			h.run(now)
		}
		h.mu.Unlock()
		s.router.group.KickFull()
	}
	return drift
}
