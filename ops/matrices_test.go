package ops_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// counting is an engine that counts how often the states of a plan are read from the first on. Each
// read takes as long as it says, or until its context ends.
type counting struct {
	ops.Engine
	takes time.Duration
	err   error
	reads *atomic.Int32
}

func (e counting) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	if after == 0 {
		e.reads.Add(1)
	}
	states, err := e.Engine.States(ctx, id, after, limit) // before the wait: what changes meanwhile is not in it
	select {
	case <-time.After(e.takes):
		if e.err != nil {
			return nil, e.err
		}
		return states, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// matrixSite is a site with two plans whose reads of states are counted.
func matrixSite(t *testing.T, takes time.Duration, err error) (*site, *atomic.Int32) {
	t.Helper()
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{}, "a", "b")
	s.create(plan.Spec{}, "c")
	reads := new(atomic.Int32)
	s.handler = mount(t, counting{s.engine, takes, err, reads}, ops.Config{})
	return s, reads
}

// ask asks for the matrix of plan 1, n times at once, and returns the answers.
func (s *site) ask(n int) <-chan reply {
	answers := make(chan reply, n)
	for range n {
		go func() { answers <- s.send("GET", "plans/1/matrix", "") }()
	}
	return answers
}

// However many clients ask, a matrix is read once; those of other plans are others.
func TestMatrixIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, reads := matrixSite(t, 100*time.Millisecond, nil)
		answers := s.ask(500)
		if r := s.send("GET", "plans/2/matrix", ""); r.body["states"] != "0" {
			t.Errorf("of another plan: %d %s", r.status, r.text)
		}
		for range 500 {
			if r := <-answers; r.status != http.StatusOK || r.body["states"] != "00" || r.body["seq"] != 1.0 {
				t.Fatalf("%d %s", r.status, r.text)
			}
		}
		s.send("GET", "plans/1/matrix", "")
		if n := reads.Load(); n != 2 {
			t.Errorf("%d reads of two plans", n)
		}
		time.Sleep(time.Second)
		s.send("GET", "plans/1/matrix", "")
		if n := reads.Load(); n != 3 {
			t.Errorf("%d reads after a second", n)
		}
	})
}

// While a plan changes all the time its matrix is read once a second, and nobody gets one from
// before the event that he knows.
func TestMatrixOfABusyPlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, reads := matrixSite(t, 20*time.Millisecond, nil)
		began := time.Now()
		var asked atomic.Int32
		ended := make(chan struct{})
		for range 20 {
			go func() {
				defer func() { ended <- struct{}{} }()
				for time.Since(began) < 5*time.Second {
					known, _ := s.send("GET", "plans/1", "").body["lastEvent"].(float64)
					r := s.send("GET", "plans/1/matrix", "")
					if seq, _ := r.body["seq"].(float64); r.status != http.StatusOK || seq < known {
						t.Errorf("%d: event %v was known, the matrix is of %v", r.status, known, seq)
					}
					asked.Add(1)
					time.Sleep(100 * time.Millisecond)
				}
			}()
		}
		for time.Since(began) < 5*time.Second {
			s.send("POST", "plans/1/note", `{"reason":"r"}`)
			time.Sleep(20 * time.Millisecond)
		}
		for range 20 {
			<-ended
		}
		if n := reads.Load(); n > 6 || asked.Load() < 60 {
			t.Errorf("%d reads in five seconds for %d requests", n, asked.Load())
		}
	})
}

// If the client whose request reads the matrix goes away, another one reads it.
func TestMatrixOfAClientThatLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, reads := matrixSite(t, time.Second, nil)
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() {
			defer close(left)
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/plans/1/matrix", nil)
			s.handler.ServeHTTP(httptest.NewRecorder(), r)
		}()
		synctest.Wait()
		answers := s.ask(3)
		synctest.Wait()
		leave()
		<-left
		for range 3 {
			if r := <-answers; r.status != http.StatusOK || r.body["states"] != "00" {
				t.Errorf("%d %s", r.status, r.text)
			}
		}
		if n := reads.Load(); n != 2 {
			t.Errorf("%d reads", n)
		}
	})
}

// A store that is away is told to all that wait, and asked again by the next request.
func TestMatrixOfAStoreThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, reads := matrixSite(t, time.Millisecond, &store.TemporaryError{Err: errors.New("away")})
		answers := s.ask(5)
		for range 5 {
			if r := <-answers; r.status != http.StatusServiceUnavailable || r.code() != "STORE_UNAVAILABLE" {
				t.Errorf("%d %s", r.status, r.text)
			}
		}
		s.send("GET", "plans/1/matrix", "")
		if n := reads.Load(); n != 2 {
			t.Errorf("%d reads", n)
		}
	})
}
