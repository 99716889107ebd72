package wheel

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkAddCancel adds and cancels one timer while a million others wait.
func BenchmarkAddCancel(b *testing.B) {
	w := New[*int](0)
	v := new(int)
	for range 1_000_000 {
		w.Add(rand.Uint64N(1000), v)
	}
	b.ReportAllocs()
	due := uint64(0)
	for b.Loop() {
		due += 389
		w.Cancel(w.Add(due%1000, v))
	}
}

// BenchmarkPeriodic fires and re-arms a million timers, each due every 1,000 ticks.
func BenchmarkPeriodic(b *testing.B) {
	w := New[*int](0)
	v := new(int)
	for range 1_000_000 {
		w.Add(rand.Uint64N(1000), v)
	}
	b.ReportAllocs()
	out := make([]*int, 0, 1024)
	fired := 0
	for b.Loop() {
		if fired == 0 {
			next, _ := w.Next()
			due, _ := w.Advance(next, out)
			for _, v := range due {
				w.Add(next+1000, v)
			}
			fired = len(due)
		}
		fired--
	}
}
