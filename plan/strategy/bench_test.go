package strategy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
)

// large returns a strategy with n waves in which every rule has to be looked at, and a rollout in
// the middle of it.
func large(n int) (strategy.Strategy, strategy.Rollout) {
	s := strategy.Strategy{MaxConcurrency: strategy.Percent(10), MaxFailures: strategy.Percent(50)}
	r := strategy.Rollout{Waves: make([]strategy.Tally, n), Open: n / 2, Acknowledged: n, Now: noon()}
	for i := range r.Waves {
		s.Waves = append(s.Waves, strategy.Wave{
			Name: fmt.Sprint("wave ", i), MaxConcurrency: strategy.Percent(7), MaxFailures: strategy.Percent(3), BakeTime: time.Minute,
		})
		r.Waves[i] = strategy.Tally{Tasks: 900, Failed: 1 + i%3, Acknowledged: 1}
	}
	return s, r
}

func BenchmarkDecide(b *testing.B) {
	night, err := window.New([]window.Window{{
		Kind: window.Allow, Zone: "Europe/Berlin", Days: window.On(time.Saturday), From: window.TimeOfDay{Hour: 22}, To: window.TimeOfDay{Hour: 6},
	}})
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 10, 1000} {
		for name, schedule := range map[string]*window.Schedule{"": nil, "/windows": night} {
			b.Run(fmt.Sprintf("waves=%d%s", n, name), func(b *testing.B) {
				s, r := large(n)
				r.Schedule = schedule
				b.ReportAllocs()
				for b.Loop() {
					if d := s.Decide(r); d.MaxSlots == 0 {
						b.Fatal(d)
					}
				}
			})
		}
	}
}

// A decision takes no memory, with or without windows.
func TestDecideAllocatesNothing(t *testing.T) {
	night, err := window.New([]window.Window{{Kind: window.Deny, Zone: "Europe/Berlin", Days: window.On(time.Saturday)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, schedule := range []*window.Schedule{nil, night} {
		s, r := large(1000)
		r.Schedule = schedule
		if n := testing.AllocsPerRun(100, func() { s.Decide(r) }); n != 0 {
			t.Errorf("%v allocations, with windows: %t", n, schedule != nil)
		}
	}
}
