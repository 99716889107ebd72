package ops_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// halting is an engine whose states can be read only when on is closed.
type halting struct {
	ops.Engine
	on chan struct{}
}

func (h halting) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	<-h.on
	return h.Engine.States(ctx, id, after, limit)
}

// A process reads few whole plans at the same time. Who comes too early is told to come again, and
// may, as soon as one of the others has its answer.
func TestCostlyQuestions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, ops.Config{})
		for i := range ops.MaxCostly + 1 { // those of one plan share their matrix
			s.create(plan.Spec{}, fmt.Sprint("a", i))
		}
		e := halting{s.engine, make(chan struct{})}
		s.handler = mount(t, e, ops.Config{})
		answered := make(chan reply, ops.MaxCostly)
		for i := range ops.MaxCostly {
			go func() { answered <- s.send("GET", fmt.Sprintf("plans/%d/matrix", i+1), "") }()
		}
		synctest.Wait()
		last := fmt.Sprintf("plans/%d/matrix", ops.MaxCostly+1)
		if r := s.send("GET", last, ""); r.status != 429 || r.code() != "TOO_MANY_READS" || r.header.Get("Retry-After") != "1" {
			t.Errorf("one too many: %d %s", r.status, r.text)
		}
		if r := s.send("GET", "plans/1", ""); r.status != 200 {
			t.Errorf("another question: %d %s", r.status, r.text)
		}
		close(e.on)
		for range ops.MaxCostly {
			if r := <-answered; r.status != 200 {
				t.Errorf("%d %s", r.status, r.text)
			}
		}
		if r := s.send("GET", last, ""); r.status != 200 {
			t.Errorf("afterwards: %d %s", r.status, r.text)
		}
	})
}

// short is an engine that has no states after a while.
type short struct{ ops.Engine }

func (s short) States(ctx context.Context, id plan.ID, after, _ int) ([]task.State, error) {
	if after == 2 {
		return nil, nil
	}
	return s.Engine.States(ctx, id, after, 1)
}

// States that are missing are no shorter plan.
func TestMatrixOfAShortStore(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{}, "a", "b", "c")
	if r := send(t, mount(t, short{s.engine}, ops.Config{}), "GET", "plans/1/matrix", ""); r.status != 500 || r.code() != "CORRUPT" {
		t.Errorf("%d %s", r.status, r.text)
	}
}
