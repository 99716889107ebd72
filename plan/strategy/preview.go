package strategy

import "time"

// WavePreview tells what a plan does in one of its waves.
type WavePreview struct {
	Name string
	// First and Last are the ordinals of the wave, Tasks is how many they are.
	First, Last, Tasks int
	// MaxSlots, MaxFailed and Strict are as in [Grant], while the wave is open; WaveMaxFailed is
	// the number of failed tasks of the wave that is tolerated. A Strict wave fills no more slots
	// than WaveMaxFailed and one more, whatever MaxSlots is: a canary runs one task at a time.
	MaxSlots, MaxFailed, WaveMaxFailed int
	Strict                             bool
	// BakeTime is how long the plan waits after the wave; Approval whether it waits before it.
	BakeTime time.Duration
	Approval bool
	// WorstCase is the largest number of tasks that can be FAILED, in this wave and those before it
	// together, until the plan begins no further task by itself. Commands of people are not
	// foreseen: a resume, a retry and a tuning allow more.
	WorstCase int
}

// Preview returns what a plan does, wave by wave. sizes are the numbers of tasks of its waves; a
// plan without waves has one, that of all tasks. Preview asks [Strategy.Decide], as the plan will.
func (s Strategy) Preview(sizes ...int) []WavePreview {
	r := Rollout{Waves: make([]Tally, len(sizes))}
	for i, n := range sizes {
		r.Waves[i].Tasks = n
	}
	s.Windows = nil // they only delay
	waves := make([]WavePreview, len(sizes))
	last, worst, failed := 0, 0, 0
	for i, n := range sizes {
		r.Open = i + 1
		d := s.Decide(r)
		w := s.wave(i)
		tolerated := s.Tolerated(i+1, r.Waves[i])
		worst = max(worst, failed+d.failures(n, failed, tolerated))
		waves[i] = WavePreview{
			Name: w.Name, First: last + 1, Last: last + n, Tasks: n,
			MaxSlots: d.MaxSlots, MaxFailed: d.MaxFailed, WaveMaxFailed: tolerated, Strict: d.Strict,
			BakeTime: s.Bake(i+1, len(sizes)), Approval: w.Approval, WorstCase: worst,
		}
		last += n
		// The worst that leads to the next wave: as many failures as are tolerated.
		r.Waves[i].Failed = min(tolerated, n, d.MaxFailed-failed)
		failed += r.Waves[i].Failed
	}
	return waves
}

// failures returns how many of n tasks fail under the grant, after so many failures before them, if
// every task fails that begins, and as many as possible begin before the first of them fails.
func (g Grant) failures(n, before, tolerated int) (failed int) {
	for inFlight := 0; ; {
		for n > 0 && inFlight < g.MaxSlots && g.Admits(before+failed, g.MaxFailed, inFlight) && g.Admits(failed, tolerated, inFlight) {
			n--
			inFlight++
		}
		if inFlight == 0 {
			return failed
		}
		inFlight--
		failed++
	}
}
