package wheel

import (
	"cmp"
	"flag"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

var seed = flag.Uint64("seed", 0, "seed of the random tests; 0 takes a new one")

// oracle is an obviously correct timer store: a slice sorted by due tick.
type oracle struct {
	now    uint64
	timers []timer
}

type timer struct {
	due uint64
	id  int
}

func (o *oracle) add(due uint64, id int) {
	t := timer{min(max(due, o.now+1), o.now+Horizon), id}
	at, _ := slices.BinarySearchFunc(o.timers, t, func(a, b timer) int { return cmp.Compare(a.due, b.due) })
	o.timers = slices.Insert(o.timers, at, t)
}

func (o *oracle) cancel(id int) bool {
	n := len(o.timers)
	o.timers = slices.DeleteFunc(o.timers, func(t timer) bool { return t.id == id })
	return len(o.timers) < n
}

func (o *oracle) advance(now uint64) []timer {
	o.now = max(o.now, now)
	n := 0
	for n < len(o.timers) && o.timers[n].due <= o.now {
		n++
	}
	due := slices.Clone(o.timers[:n])
	o.timers = o.timers[n:]
	return due
}

// pair applies every operation to a wheel and to an oracle. It compares what a cancel reports, and
// at every advance the timers that fired, the number of live timers and the present tick.
type pair struct {
	t       testing.TB
	wheel   *Wheel[int]
	oracle  oracle
	handles []Handle
}

func newPair(t testing.TB, start uint64) *pair {
	t.Helper()
	return &pair{t: t, wheel: New[int](start), oracle: oracle{now: start}}
}

func (p *pair) add(wait uint64) {
	id := len(p.handles)
	p.handles = append(p.handles, p.wheel.Add(p.oracle.now+wait, id))
	p.oracle.add(p.oracle.now+wait, id)
}

func (p *pair) cancel(id int) {
	p.t.Helper()
	if got, want := p.wheel.Cancel(p.handles[id]), p.oracle.cancel(id); got != want {
		p.t.Fatalf("cancel of %d answered %v, want %v", id, got, want)
	}
}

func (p *pair) advance(by uint64, room int) {
	p.t.Helper()
	now := p.oracle.now + by
	if next, ok := p.wheel.Next(); ok && len(p.oracle.timers) > 0 && next > p.oracle.timers[0].due {
		p.t.Fatalf("next wake-up %d lies after the first timer %d", next, p.oracle.timers[0].due)
	}
	var got []timer
	out := make([]int, 0, room)
	for more := true; more; {
		var due []int
		due, more = p.wheel.Advance(now, out)
		for _, id := range due {
			got = append(got, timer{id: id})
		}
	}
	want := p.oracle.advance(now)
	if len(got) != len(want) {
		p.t.Fatalf("at %d: %d timers fired, want %d", now, len(got), len(want))
	}
	due := make(map[int]uint64, len(want))
	for _, t := range want {
		due[t.id] = t.due
	}
	for i, t := range got { // the order within one tick is unspecified
		if at, ok := due[t.id]; !ok || at != want[i].due {
			p.t.Fatalf("at %d: timer %d fired at place %d, want one due at %d", now, t.id, i, want[i].due)
		}
		delete(due, t.id)
	}
	p.check()
}

func (p *pair) check() {
	p.t.Helper()
	if p.wheel.Len() != len(p.oracle.timers) || p.wheel.Now() != p.oracle.now {
		p.t.Fatalf("%d live at %d, want %d at %d", p.wheel.Len(), p.wheel.Now(), len(p.oracle.timers), p.oracle.now)
	}
}

// step does one random operation: it adds or cancels a timer, or advances by a few ticks or by up
// to 2^25.
func (p *pair) step(r *rand.Rand) {
	p.t.Helper()
	switch op := r.IntN(10); {
	case op < 5:
		p.add(r.Uint64N(1 << r.IntN(33)))
	case op < 8 && len(p.handles) > 0:
		p.cancel(r.IntN(len(p.handles)))
	case op == 8:
		p.advance(r.Uint64N(8), 1+r.IntN(4))
	default:
		p.advance(r.Uint64N(1<<r.IntN(26)), 1+r.IntN(64))
	}
}

func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("again with -seed=%d", s)
	return rand.New(rand.NewPCG(s, s))
}

func TestAgainstSortedSlice(t *testing.T) {
	t.Parallel()
	r := newRand(t)
	for range 20 {
		p := newPair(t, r.Uint64N(1<<34))
		for range 1000 {
			p.step(r)
		}
		p.advance(2*Horizon, 50)
		p.advance(2*Horizon, 50)
		if p.wheel.Len() != 0 {
			t.Fatalf("%d timers never fired", p.wheel.Len())
		}
	}
}

// TestUnderOneLock uses a wheel as its owner does, under one mutex: several goroutines add and
// cancel timers while one goroutine advances the wheel, by up to half the longest wait at a time.
// Every timer must either fire or be canceled, exactly once.
func TestUnderOneLock(t *testing.T) {
	t.Parallel()
	const goroutines, each = 4, 3000
	var (
		mu    sync.Mutex
		w     = New[*int](0)
		wg    sync.WaitGroup
		ended = make([]int, goroutines*each)
		done  = make(chan struct{})
	)
	r := newRand(t)
	for g := range goroutines {
		rg := rand.New(rand.NewPCG(r.Uint64(), uint64(g)))
		wg.Go(func() {
			for n := range each {
				slot := &ended[g*each+n]
				mu.Lock()
				h := w.Add(w.Now()+rg.Uint64N(10_000), slot)
				mu.Unlock()
				if rg.IntN(2) == 0 {
					mu.Lock()
					if w.Cancel(h) {
						*slot++
					}
					mu.Unlock()
				}
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	out := make([]*int, 0, 64)
	for running := true; running || w.Len() > 0; {
		select {
		case <-done:
			running = false
		default:
		}
		mu.Lock()
		due, _ := w.Advance(w.Now()+r.Uint64N(5000), out)
		for _, slot := range due {
			*slot++
		}
		mu.Unlock()
	}
	for i, n := range ended {
		if n != 1 {
			t.Fatalf("timer %d ended %d times, want once", i, n)
		}
	}
}

// FuzzWheel reads one operation from each byte. The high two bits select the kind. The low five
// bits are the binary logarithm of a wait or of an advance; a cancel uses the low six bits to
// select a timer.
func FuzzWheel(f *testing.F) {
	f.Add([]byte{0x00, 0x41, 0x82, 0xff, 0x13, 0xc7})
	f.Add([]byte{0x3f, 0x3f, 0x7f, 0xbf, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, ops []byte) {
		p := newPair(t, 4000)
		for i, op := range ops {
			size := uint(op & 0x1f)
			switch op >> 6 {
			case 0:
				p.add(1 << size)
			case 1:
				p.add(1<<size + uint64(i))
			case 2:
				if len(p.handles) > 0 {
					p.cancel(int(op&0x3f) % len(p.handles))
				}
			default:
				p.advance(1<<size-1, 1+i%7)
			}
		}
	})
}
