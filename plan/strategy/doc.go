// Package strategy decides how far a rollout may go: which tasks are open, how
// many may be held at once, and how many failures are tolerated.
//
// A [Strategy] is plain data. [Strategy.Decide] is a pure function of the strategy, the tallies of
// the plan's waves and the time; it returns a [Grant], which is stored on the plan. Claiming a task
// under the grant needs no further decision, so the hot path neither reads nor compares the plan.
//
// The zero Strategy is the most careful one: one task at a time, stop at the first failure. An
// [Amount] that is unset differs from an amount of 0 where an amount is inherited or has another
// default; in MaxConcurrency and MaxFailures of a plan both mean the same.
//
// # Rounding
//
// Percentages round towards less exposure: concurrency down but at least to 1
// ([Amount.AtLeastOne]), tolerances down, possibly to 0 ([Amount.Of]). 10% of 25 tasks is a
// concurrency of 2 and a tolerance of 2; 10% of 3 tasks is a concurrency of 1 and a tolerance of 0.
//
// The package knows neither plans nor tasks nor stores. It does no I/O, starts no goroutine and
// reads no clock.
package strategy
