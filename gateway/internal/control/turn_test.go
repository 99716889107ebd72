package control

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/redisack/probe"
)

// seriesFunc is a prober that asks series.
type seriesFunc func(eps []probe.Endpoint) error

func (seriesFunc) Probe(context.Context, probe.Endpoint) (probe.Observation, error) {
	return probe.Observation{}, errors.New("a series was expected")
}

func (f seriesFunc) ProbeSeries(_ context.Context, eps []probe.Endpoint) []probe.Result {
	err := f(eps)
	results := make([]probe.Result, len(eps))
	for i, ep := range eps {
		results[i] = probe.Result{Observation: probe.Observation{Version: ep.ID}, Err: err}
	}
	return results
}

// lateContext is done a while after its deadline.
type lateContext struct {
	context.Context //nolint:containedctx // it is a context
	deadline        time.Time
}

func (c lateContext) Deadline() (time.Time, bool) { return c.deadline, true }

// TestDeadlineOfTheAskerIsNoAnswer: the connection of a caller that asks for others notices the
// caller's deadline before its context. The others are asked for again.
func TestDeadlineOfTheAskerIsNoAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deadline := time.Now().Add(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second+time.Millisecond)
		defer cancel()
		series := 0
		prober := seriesFunc(func(eps []probe.Endpoint) error {
			if series++; series > 1 {
				return nil
			}
			if len(eps) != 2 {
				t.Errorf("%d questions, want those of both callers", len(eps))
			}
			time.Sleep(time.Until(deadline))
			return os.ErrDeadlineExceeded
		})
		s := newQuestions()
		for range abreast { // both callers wait
			s.turns <- struct{}{}
		}
		late, other := make(chan probe.Result, 1), make(chan probe.Result, 1)
		go func() { late <- s.ask(lateContext{ctx, deadline}, prober, "", "late")[0] }()
		synctest.Wait()
		go func() { other <- s.ask(t.Context(), prober, "", "other")[0] }()
		synctest.Wait()
		<-s.turns
		if got := <-late; !errors.Is(got.Err, context.DeadlineExceeded) {
			t.Errorf("the caller whose time is over: %+v", got)
		}
		if got := <-other; got.Err != nil || got.Observation.Version != "other" {
			t.Errorf("the other one: %+v", got)
		}
	})
}
