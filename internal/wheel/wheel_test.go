package wheel

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// drain advances the wheel to now, at most three timers per call, and returns all values.
func drain[T any](w *Wheel[T], now uint64) []T {
	var all []T
	out := make([]T, 0, 3)
	for more := true; more; {
		var due []T
		due, more = w.Advance(now, out)
		all = append(all, due...)
	}
	return all
}

func TestAddFiresAtItsTickAndNotBefore(t *testing.T) {
	t.Parallel()
	for _, wait := range []uint64{
		1, 2, 63, 64, 4095, 4096, 4097, 8191, 8192, 1 << 18, 1<<18 - 1, 1<<18 + 4095,
		1 << 24, 1<<24 + 1, 1 << 30, 1<<30 + 12345, Horizon - 1, Horizon,
	} {
		for _, start := range []uint64{0, 1, 4095, 4096, 123456789, 1<<32 - 1, 1 << 40} {
			w := New[int](start)
			w.Add(start+wait, 7)
			if got := drain(w, start+wait-1); len(got) != 0 {
				t.Errorf("start %d wait %d: fired early", start, wait)
			}
			if got := drain(w, start+wait); len(got) != 1 || w.Len() != 0 {
				t.Errorf("start %d wait %d: fired %v, %d live", start, wait, got, w.Len())
			}
		}
	}
}

func TestAddClampsToTheNextTickAndTheHorizon(t *testing.T) {
	t.Parallel()
	w := New[string](100)
	w.Add(5, "past")
	w.Add(100, "now")
	w.Add(1<<60, "far")
	if got := drain(w, 101); len(got) != 2 {
		t.Fatalf("at the next tick: %v, want past and now", got)
	}
	if got := drain(w, 100+Horizon); len(got) != 1 {
		t.Fatalf("at the horizon: %v, want far", got)
	}
}

func TestHandleIsStaleAfterFireAndCancel(t *testing.T) {
	t.Parallel()
	w := New[int](0)
	if w.Cancel(Handle{}) {
		t.Error("the zero handle canceled something")
	}
	fired := w.Add(1, 1)
	drain(w, 1)
	again := w.Add(2, 2) // reuses the freed entry
	if again.index != fired.index {
		t.Fatal("the freed entry was not used again")
	}
	if w.Cancel(fired) {
		t.Error("a handle of a fired timer canceled its successor")
	}
	if !w.Cancel(again) || w.Cancel(again) {
		t.Error("cancel must answer true once")
	}
	if w.Len() != 0 {
		t.Errorf("%d live, want 0", w.Len())
	}
}

func TestAdvanceIsBounded(t *testing.T) {
	t.Parallel()
	w := New[int](0)
	for i := range 1000 {
		w.Add(1<<18+5, i) // all must first move down through three levels
	}
	out := make([]int, 0, 10)
	calls, fired := 0, 0
	for more := true; more; calls++ {
		var due []int
		due, more = w.Advance(1<<20, out)
		if len(due) > 10 {
			t.Fatalf("%d values in one call, want at most 10", len(due))
		}
		fired += len(due)
	}
	if fired != 1000 || calls < 100 {
		t.Errorf("%d values in %d calls", fired, calls)
	}
}

// TestAddWhileCascading adds timers between the calls that move a coarse slot down. Some of the
// timers are due a full turn ahead. A wrong wheel would put them into the slot that is being
// emptied.
func TestAddWhileCascading(t *testing.T) {
	t.Parallel()
	w := New[uint64](0)
	for range 500 {
		w.Add(1<<18, 1<<18)
	}
	out := make([]uint64, 0, 1)
	for more, n := true, uint64(0); more; n++ {
		due, m := w.Advance(1<<18, out)
		more = m
		for _, want := range due {
			if want > w.Now() {
				t.Fatalf("a timer for %d fired at %d", want, w.Now())
			}
		}
		if n < 100 {
			for _, turn := range []uint64{1 << 12, 1 << 18, 1 << 24} {
				w.Add(w.Now()+turn, w.Now()+turn)
				w.Add(w.Now()+64*turn, w.Now()+64*turn)
			}
		}
	}
	if w.Len() == 0 {
		t.Fatal("the later timers are gone")
	}
	for w.Len() > 0 {
		next, _ := w.Next()
		for _, want := range drain(w, next) {
			if want != w.Now() {
				t.Fatalf("a timer for %d fired at %d", want, w.Now())
			}
		}
	}
}

// TestTimeDoesNotGoBack checks that an Advance to an earlier tick neither moves the wheel nor
// returns values.
func TestTimeDoesNotGoBack(t *testing.T) {
	t.Parallel()
	w := New[int](0)
	w.Advance(100, nil)
	w.Add(110, 1)
	if due, more := w.Advance(50, make([]int, 0, 4)); len(due) != 0 || more || w.Now() != 100 {
		t.Errorf("%v, %v; the wheel stands at %d, want 100", due, more, w.Now())
	}
	if due, _ := w.Advance(110, make([]int, 0, 4)); len(due) != 1 {
		t.Errorf("%v, want the timer", due)
	}
}

func TestNextIsSilentWhenEmpty(t *testing.T) {
	t.Parallel()
	w := New[int](0)
	if _, ok := w.Next(); ok {
		t.Error("an empty wheel wants to be woken")
	}
	h := w.Add(50, 1)
	if tick, ok := w.Next(); !ok || tick != 50 {
		t.Errorf("Next = %d, %v, want 50", tick, ok)
	}
	w.Cancel(h)
	if _, ok := w.Next(); ok {
		t.Error("a canceled timer wants to be woken")
	}
}

// TestFarTimersWakeTheWheelSeldom checks that a far timer wakes the wheel at most once per level.
func TestFarTimersWakeTheWheelSeldom(t *testing.T) {
	t.Parallel()
	w := New[int](0)
	w.Add(1<<24+1<<18+1<<12+1, 1)
	wakeUps := 0
	for w.Len() > 0 {
		next, _ := w.Next()
		drain(w, next)
		wakeUps++
	}
	if wakeUps > levels {
		t.Errorf("%d wake-ups for one timer, want at most one per level (%d)", wakeUps, levels)
	}
}

func TestAddAndCancelDoNotAllocate(t *testing.T) {
	w := New[*int](0)
	v := new(int)
	warm := make([]Handle, 10_000)
	for i := range warm {
		warm[i] = w.Add(uint64(i*7), v)
	}
	for _, h := range warm {
		w.Cancel(h)
	}
	due := uint64(0)
	if n := testing.AllocsPerRun(1000, func() {
		due += 97
		w.Cancel(w.Add(due%(1<<20), v))
	}); n != 0 {
		t.Errorf("%v allocations per add and cancel, want 0", n)
	}
}

func TestMemoryFollowsWhatIsLive(t *testing.T) {
	t.Parallel()
	w := New[int](0)
	for range 100_000 {
		w.Cancel(w.Add(1000, 1))
	}
	if w.entries.used > 2 || w.blocks.used > 2 {
		t.Errorf("%d entries and %d blocks in use after 100,000 canceled timers", w.entries.used, w.blocks.used)
	}
}
