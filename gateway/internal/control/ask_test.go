package control_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway/internal/control"
	"github.com/cutover-go/cutover/redisack/probe"
)

// seriesWorld is a world whose prober asks series.
type seriesWorld struct {
	*world
	mu      sync.Mutex
	series  int
	largest int
	before  func(ctx context.Context, eps []probe.Endpoint) // called before the questions are asked
}

func (w *seriesWorld) ProbeSeries(ctx context.Context, eps []probe.Endpoint) []probe.Result {
	w.mu.Lock()
	w.series++
	w.largest = max(w.largest, len(eps))
	w.mu.Unlock()
	if w.before != nil {
		w.before(ctx, eps)
	}
	results := make([]probe.Result, len(eps))
	for i, ep := range eps {
		results[i].Observation, results[i].Err = w.Probe(ctx, ep)
	}
	return results
}

// colour returns what the proxy has for a tenant.
func (w *seriesWorld) colour(tenant string) string {
	w.world.mu.Lock()
	defer w.world.mu.Unlock()
	return w.live[tenant].Colour
}

// switchMany switches tenants at once.
func switchMany(ctx context.Context, sw func(context.Context, bluegreen.Change) error, tenants int) *sync.WaitGroup {
	var all sync.WaitGroup
	for i := range tenants {
		all.Go(func() { _ = sw(ctx, toBlue(fmt.Sprint("tenant-", i))) })
	}
	return &all
}

func TestQuestionsThatWaitAreOneSeries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const tenants = 1000
		w := &seriesWorld{world: &world{}}
		w.before = func(context.Context, []probe.Endpoint) { time.Sleep(time.Millisecond) }
		c := w.controller()
		c.Prober = w
		switchMany(t.Context(), c.Switch, tenants).Wait()
		for i := range tenants {
			wantRow(t, w.world, fmt.Sprint("tenant-", i), "blue")
		}
		if w.series > 12 || w.largest > 256 {
			t.Errorf("%d tenants: %d series, of up to %d", tenants, w.series, w.largest)
		}
	})
}

// TestCallersWaitForWhoeverConfirms has callers that get the turn to save while another one, which
// has saved their changes, is still asking.
func TestCallersWaitForWhoeverConfirms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &seriesWorld{world: &world{}}
		w.before = func(context.Context, []probe.Endpoint) { time.Sleep(time.Second) }
		first := make(chan struct{})
		w.onSave = func(_ context.Context, save func() error) error {
			<-first
			return save()
		}
		c := w.controller()
		c.Prober = w
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if err := c.Switch(t.Context(), toBlue(fmt.Sprint("tenant-", i))); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(first)
		all.Wait()
		if w.saves != 2 || w.series != 2 {
			t.Errorf("%d saves, %d series", w.saves, w.series)
		}
	})
}

// TestJoinerConfirmsWhatOthersHave has a member that joins while the others are asked.
func TestJoinerConfirmsWhatOthersHave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, joiner := &seriesWorld{world: &world{}}, &world{}
		c := w.controller()
		members, _ := c.Members(t.Context())
		other := control.NewMember("joiner", "", func(ctx context.Context, load control.Load, how control.Mode) (uint64, error) {
			return joiner.sync(ctx, load, how)
		})
		joined := false
		c.Members = func(context.Context) ([]*control.Member, error) {
			if joined {
				return append(members[:1:1], other), nil
			}
			return members, nil
		}
		w.before = func(context.Context, []probe.Endpoint) { joined = true }
		c.Prober = w
		if err := c.Switch(t.Context(), toBlue("acme")); err != nil {
			t.Fatal(err)
		}
		if joiner.live["acme"].Colour != "blue" {
			t.Error("the joiner was not brought up to date")
		}
	})
}

// TestSeriesIsLaterThanItsQuestions has a proxy that serves a row only after it was given it: a
// series that had begun before would be answered by the old row.
func TestSeriesIsLaterThanItsQuestions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &seriesWorld{world: &world{}}
		c := w.controller()
		c.Prober = w
		w.before = func(_ context.Context, eps []probe.Endpoint) {
			for _, ep := range eps {
				if w.colour(ep.ID) != "blue" {
					t.Errorf("%s was asked before the proxy had its row", ep.ID)
				}
			}
		}
		switchMany(t.Context(), c.Switch, 300).Wait()
	})
}

// TestCanceledAskerIsReplaced cancels the caller that asks for others.
func TestCanceledAskerIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &seriesWorld{world: &world{}}
		c := w.controller()
		c.Prober = w
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.before = func(ctx context.Context, _ []probe.Endpoint) { <-ctx.Done() }
		canceled := switchMany(ctx, c.Switch, 2) // all that ask at the same time
		synctest.Wait()
		results := make(chan error, 3)
		for i := range 3 {
			go func() { results <- c.Switch(t.Context(), toBlue(fmt.Sprint("other-", i))) }()
		}
		synctest.Wait()
		w.before = nil
		began := time.Now()
		cancel()
		canceled.Wait()
		for range 3 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("the others took %v longer", took)
		}
	})
}

// TestColoursHoldUpNoOther has a colour whose servers answer nothing.
func TestColoursHoldUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &seriesWorld{world: &world{}}
		c := w.controller()
		c.Prober = w
		w.before = func(ctx context.Context, eps []probe.Endpoint) {
			if w.colour(eps[0].ID) == "blue" {
				<-ctx.Done()
			}
		}
		hanging := switchMany(t.Context(), c.Switch, 300)
		synctest.Wait()
		began := time.Now()
		if colour, err := c.Current(t.Context(), "somebody"); colour != "green" || err != nil {
			t.Errorf("%s, %v", colour, err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("a tenant of green took %v", took)
		}
		hanging.Wait()
	})
}

// TestProberWithoutResults has a prober of the host's that returns fewer results than it should.
func TestProberWithoutResults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		c := w.controller()
		c.Prober = noResults{w}
		if err := c.Switch(t.Context(), toBlue("acme")); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

type noResults struct{ *world }

func (noResults) ProbeSeries(context.Context, []probe.Endpoint) []probe.Result { return nil }
