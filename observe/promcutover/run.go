package promcutover

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cutover-go/cutover"
)

// ErrRunning is the error of a second call of [Collector.Run].
var ErrRunning = errors.New("promcutover: the collector was started before")

// Run reads what the store of engine tells, at once and then every Interval, until ctx ends, and
// returns nil. It is the only goroutine that does. The engine need not run in this process, and the
// store need not answer: cutover_collector_refresh_age_seconds tells how old the figures are, and
// figures that are older than five Intervals are not exported.
//
// A collector runs once; a second call returns [ErrRunning]. If engine is nil, the error is an
// *[InvalidError].
func (m *Collector) Run(ctx context.Context, engine *cutover.Engine) error {
	if engine == nil {
		return &InvalidError{Faults: []string{"the engine is nil"}}
	}
	if !m.started.CompareAndSwap(false, true) {
		return ErrRunning
	}
	m.engineUsed.Store(true)
	for ctx.Err() == nil {
		if err := m.refresh(ctx, engine); err != nil && ctx.Err() == nil {
			m.failures.Add(1)
		}
		pause := time.NewTimer(m.cfg.Interval + time.Duration(rand.Int64N(int64(m.cfg.Interval/10)+1)))
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
	return nil
}

// refresh takes a tally, in an Interval at most. A store that panics fails it.
func (m *Collector) refresh(ctx context.Context, engine *cutover.Engine) (err error) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Interval)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("promcutover: panic: %v", v)
		}
	}()
	c, err := take(ctx, engine, m.cfg.MaxPlans)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.tally = c
	m.mu.Unlock()
	return nil
}
