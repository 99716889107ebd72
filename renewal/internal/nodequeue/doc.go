// Package nodequeue queues values for servers, one queue per server; workers process them in
// batches. A server that does not answer fills only its own queue.
//
// # State model of a value
//
//	Push -> waiting -> taken by a worker -> Do
//
// A queue passes values to its workers in this order:
//
//  1. values of RankFirst, in the order in which they came: a caller waits for them;
//  2. values of RankRetry, in the order in which they came;
//  3. the sorted run: the values that were queued at the last sort, least time left first;
//  4. values of RankDue, in the order in which they came, which is that of their due times.
//
// A queue falls behind when its oldest value of RankDue is more than Options.LagLimit late, and
// stays behind until the run is empty and no such value is left. While it is behind, batches grow
// to Options.MaxBatch, and the values of RankRetry and RankDue are sorted into the run by the time
// left, at most every 100 ms and for at most a tenth of a worker's time. They are also sorted if
// the values of RankRetry exceed one batch.
//
// Workers are goroutines that exist only while there is something to do: Group.Kick starts them,
// and a worker ends when it finds its queue empty.
//
// # Invariants
//
//   - Each pushed value is passed to exactly one call of Do, unless the group is closed first.
//   - At most Options.InFlight workers serve a queue at the same time.
//   - Push never blocks and calls no function of Options. The owner bounds the number of values.
//   - No lock is held while Do runs.
//
// # Failures
//
//	the server is silent          the queue pauses before the next call, 10 ms doubling to
//	                              250 ms; others go on; one call of OnSilent
//	the server is slow            the queue falls behind; one call of OnLag
//	a burst of a million values   the rings grow, and release their memory afterwards
//	the group is closed           the context of calls under way ends; values stay queued
package nodequeue
