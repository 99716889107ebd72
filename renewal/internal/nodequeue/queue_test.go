package nodequeue

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a Worker that records the items of its calls.
type recorder struct {
	mu     sync.Mutex
	got    []int
	sizes  []int
	lags   []Lag
	silent []bool        // calls of OnSilent
	next   func() bool   // reports whether the server is silent
	took   time.Duration // the duration of each call
	gate   chan struct{} // if not nil, each call waits for it
	began  time.Time     // zero of the queue's clock
}

func (r *recorder) Do(ctx context.Context, items []Item[int]) bool {
	if r.gate != nil {
		select {
		case <-r.gate:
		case <-ctx.Done():
			return true
		}
	}
	time.Sleep(r.took)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, it := range items {
		r.got = append(r.got, it.Value)
	}
	r.sizes = append(r.sizes, len(items))
	return r.next != nil && r.next()
}

// taken returns the number of values received so far.
func (r *recorder) taken() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

// queue returns a queue that r serves.
func (r *recorder) queue(t *testing.T, opt Options[int]) (*Group[int], *Queue[int]) {
	t.Helper()
	r.began = time.Now()
	opt.BatchSize, opt.MaxBatch = max(opt.BatchSize, 1), 4
	opt.InFlight = max(opt.InFlight, 1)
	opt.Now = func() time.Duration { return time.Since(r.began) }
	if opt.LagLimit == nil {
		opt.LagLimit = func(int) time.Duration { return time.Hour }
	}
	opt.OnLag = func(l Lag) { r.lags = append(r.lags, l) }
	opt.OnSilent = func(_ string, silent bool) { r.silent = append(r.silent, silent) }
	g := NewGroup(opt)
	t.Cleanup(g.Close)
	return g, g.Queue("q", func() Worker[int] { return r })
}

func TestOrderOfRanks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		g, q := r.queue(t, Options[int]{BatchSize: 2})
		for i, rank := range []Rank{RankDue, RankRetry, RankFirst, RankDue, RankRetry, RankFirst} {
			q.Push(Item[int]{Value: i}, rank)
		}
		if st := g.Stats(0); st.Queued != 6 || st.Calls != 0 || g.Idle() {
			t.Errorf("%+v before the workers start", st)
		}
		g.Kick()
		synctest.Wait()
		if want := []int{2, 5, 1, 4, 0, 3}; !slices.Equal(r.got, want) {
			t.Errorf("taken in the order %v, want %v", r.got, want)
		}
		if !g.Idle() {
			t.Error("not idle at the end")
		}
	})
}

// TestLeastTimeLeftComesFirst checks a queue that falls behind: the queue is sorted, its batches
// grow, and OnLag is called once when it falls behind and once when it has caught up.
func TestLeastTimeLeftComesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{took: time.Second}
		g, q := r.queue(t, Options[int]{LagLimit: func(int) time.Duration { return 500 * time.Millisecond }})
		for i := range 7 {
			q.Push(Item[int]{Value: i, Deadline: time.Duration(10-i) * time.Minute}, RankDue)
		}
		g.Kick()
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := []int{0, 6, 5, 4, 3, 2, 1}; !slices.Equal(r.got, want) || !slices.Equal(r.sizes, []int{1, 4, 2}) {
			t.Errorf("taken in the order %v in batches of %v, want %v", r.got, r.sizes, want)
		}
		if len(r.lags) != 2 || !r.lags[0].Begun || r.lags[0].Late != time.Second || r.lags[0].Depth != 6 || r.lags[1].Begun {
			t.Errorf("OnLag was called with %+v", r.lags)
		}
	})
}

func TestSilentServerIsCalledLessAndLess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var silent atomic.Bool
		silent.Store(true)
		r := &recorder{next: silent.Load}
		g, q := r.queue(t, Options[int]{})
		for i := range 1000 {
			q.Push(Item[int]{Value: i}, RankDue)
		}
		g.Kick()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := r.taken(); n < 35 || n > 50 { // the worker keeps trying
			t.Errorf("%d calls in 10 s, want one each 250 ms after a few", n)
		}
		silent.Store(false)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(r.got) != 1000 || !slices.Equal(r.silent, []bool{true, false}) {
			t.Errorf("%d values were taken, OnSilent was called with %v", len(r.got), r.silent)
		}
	})
}

func TestKickFullStartsOnlyFullBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		g, q := r.queue(t, Options[int]{BatchSize: 3})
		q.Push(Item[int]{}, RankDue)
		g.KickFull()
		synctest.Wait()
		if len(r.sizes) != 0 {
			t.Error("a worker was started for less than a batch")
		}
		q.Push(Item[int]{}, RankDue)
		q.Push(Item[int]{}, RankDue)
		g.KickFull()
		synctest.Wait()
		if !slices.Equal(r.sizes, []int{3}) {
			t.Errorf("batches of %v, want one of 3", r.sizes)
		}
	})
}

// TestAtMostInFlightCalls checks that a queue that hangs uses at most InFlight calls and that other
// queues go on.
func TestAtMostInFlightCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{gate: make(chan struct{})}
		g, q := r.queue(t, Options[int]{InFlight: 2})
		well := &recorder{}
		other := g.Queue("other", func() Worker[int] { return well })
		for i := range 10 {
			q.Push(Item[int]{Value: i}, RankDue)
			other.Push(Item[int]{Value: i}, RankDue)
		}
		g.Kick()
		synctest.Wait()
		if st := g.Stats(time.Second); st.Calls != 2 || st.Queued != 8 || st.Overdue != time.Second {
			t.Errorf("%+v, want two calls", st)
		}
		if len(well.got) != 10 {
			t.Errorf("%d values of the other queue were taken, want 10", len(well.got))
		}
		g.Close() // ends the calls under way
		if g.Go(func(context.Context) {}) {
			t.Error("a closed group starts a goroutine")
		}
		if st := g.Stats(0); st.Queued != 8 {
			t.Errorf("%+v, want 8 values still queued", st)
		}
	})
}

func TestWorkersAreUsedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		g, _ := r.queue(t, Options[int]{})
		made := 0
		q := g.Queue("again", func() Worker[int] { made++; return r })
		for range 5 {
			q.Push(Item[int]{}, RankDue)
			g.Kick()
			synctest.Wait()
		}
		if made != 1 || len(r.got) != 5 {
			t.Errorf("%d workers were made for %d batches", made, len(r.got))
		}
	})
}

// TestSortKeepsEveryItemInOrder repeatedly sorts a queue while it fills. No item may be lost, and
// the items must be in order.
func TestSortKeepsEveryItemInOrder(t *testing.T) {
	t.Parallel()
	_, q := (&recorder{}).queue(t, Options[int]{})
	r := rand.New(rand.NewPCG(1, 2))
	pushed := 0
	for range 20 {
		for range r.IntN(500) {
			q.Push(Item[int]{Deadline: time.Duration(r.IntN(1000))}, Rank(r.IntN(2)))
			pushed++
		}
		q.mu.Lock()
		q.sort(0)
		q.mu.Unlock()
		if q.depth() != pushed || q.run.len() != pushed || !slices.IsSortedFunc(q.run.items, byDeadline[int]) {
			t.Fatalf("%d of %d items, in order: %v", q.depth(), pushed, slices.IsSortedFunc(q.run.items, byDeadline[int]))
		}
	}
	if q.nextSort < resort {
		t.Error("the next sort is not put off: sorting could take all the time of a worker")
	}
}
