//go:build crash

// Package crash breaks real processes and a real Redis, and counts what that costs.
//
// The test binary starts itself again as workers: processes with an engine over store/redisstore.
// They are killed at every boundary, frozen, cut off, replaced by another build; their Redis is
// killed, frozen, emptied, filled, failed over. Every fault is one row of a table with an action
// and the expected result. Most rows run three times: the fault hits a plan at work, a plan that is
// being rolled back, and a plan that is being rolled back in sequence.
//
// # What is counted
//
// Each worker appends what its executors see to one file, the ledger, outside of Redis: a run that
// starts and where, an effect, a save that was acknowledged or refused, an end. The figures are
// computed from the ledger and from the final state of the plan:
//
//	take-over   from the fault until another worker goes on with the task
//	stale       writes accepted from a worker after another had begun the task
//	re-run      effects of steps whose checkpoint had been acknowledged before
//	attempts    attempts used up beyond the first
//	lost        acknowledged saves and completions that were gone later
//	FAILED      tasks, or undos, that have failed in the end
//	doubles     effects that were repeated because no save recorded them: allowed
//
// The work of a task and its undo are counted apart. After every fault the plan goes through
// storetest.Check, and the log of a plan that was rolled back is checked as well: each task that
// ran was undone once, none while another ran, and in a sequence none before those that had ended
// later.
//
// # How to run
//
//	go test -tags crash ./tests/crash                                  one fault, for a quick look
//	CUTOVER_CRASH=short go test -tags crash -v -timeout 12m ./tests/crash    every fault, 4 minutes
//	CUTOVER_CRASH=long go test -tags crash -v -timeout 40m ./tests/crash    and a fleet under fire
//
// To see whether this version can be deployed next to another one, or taken back, build the worker
// of the other version and let both work on the same plans:
//
//	go test -c -tags crash -o other.test ./tests/crash    in a checkout of the other version
//	CUTOVER_CRASH=short CUTOVER_CRASH_OTHER_BUILD=<path of other.test> \
//		go test -tags crash -v -run 'TestFaults/each/a_deploy' ./tests/crash
package crash
