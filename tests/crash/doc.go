//go:build crash

// Package crash breaks real processes and a real Redis, and counts what that costs.
//
// The test binary starts itself again as workers: processes with an engine over
// store/redisstore. They are killed at every boundary, frozen, cut off; their Redis
// is killed, frozen, emptied, filled, failed over. Every fault is one row of a table:
// what is done, and what is expected.
//
// # What is counted
//
// Each worker appends what its executors see to one file, the ledger, outside of
// Redis: a run that starts and where, an effect, a save that was acknowledged or
// refused, an end. From it, and from the plan as it is in the end, come the figures:
//
//	take-over   from the fault until another worker goes on with the task
//	stale       writes accepted from a worker after another had begun the task
//	re-run      effects of steps whose checkpoint had been acknowledged before
//	attempts    attempts used up beyond the first
//	lost        acknowledged saves and completions that were gone later
//	FAILED      tasks that failed; no executor here ever fails
//	doubles     effects that were repeated because no save recorded them: allowed
//
// After every fault the plan goes through storetest.Check.
//
// # How to run
//
//	go test -tags crash ./tests/crash                                  one fault, for a quick look
//	CUTOVER_CRASH=short go test -tags crash -v -timeout 8m ./tests/crash    every fault, less than 4 minutes
//	CUTOVER_CRASH=long go test -tags crash -v -timeout 40m ./tests/crash    and a fleet under fire
package crash
