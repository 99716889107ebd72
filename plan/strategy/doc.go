// Package strategy decides how far a rollout may go: which tasks are open, how
// many may be held at once, and how many failures are tolerated.
//
// A [Strategy] is plain data. [Strategy.Decide] is the one pure function over
// it, the tallies of the plan's waves and the time; its answer is a [Grant],
// which is stored on the plan. Claiming a task under the grant needs no further
// decision, so that the hot path neither reads nor compares the plan.
//
// The zero Strategy is the careful one: one task at a time, stop at the first
// failure.
//
// # Rounding
//
// Percents round towards less exposure: concurrency and sizes down but at least
// to 1 ([Amount.AtLeastOne]), tolerances down and perhaps to 0 ([Amount.Of]).
// Of 25, 10% is a concurrency of 2 and a tolerance of 2; of 3, 1 and 0.
//
// The package knows neither plans nor tasks nor stores. It does no I/O, starts
// no goroutine and reads no clock.
package strategy
