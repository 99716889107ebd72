// Package crash breaks real processes and a real Redis, and counts what that costs. What does not
// depend on Redis is in internal/crashtest.
//
// The test binary starts itself again as workers: processes with an engine over store/redisstore.
// The suite kills the workers at every boundary, freezes them, cuts their connections and replaces
// them with another build. It kills, freezes, empties and fills their Redis, and makes it fail
// over. Every fault is one row of a table, with an action and the expected result. Most rows run
// three times: the fault hits a plan that runs, a plan that is rolled back, and a plan that is
// rolled back in sequence.
//
// # What is counted
//
// All workers append what their executors see to one file outside Redis, the ledger: the start of a
// run and the step after which it starts, an effect, a save that was acknowledged or refused, the
// end of a run. The figures are computed from the ledger and from the final state of the plan:
//
//	take-over   from the fault until another worker continues the task
//	stale       writes accepted from a worker after another had begun the task
//	re-run      effects of steps whose checkpoint had been acknowledged before
//	attempts    attempts used up beyond the first
//	lost        acknowledged saves and completions that the store later no longer had
//	FAILED      tasks, or undos, that are failed at the end
//	doubles     repeated effects, which are allowed if no save recorded them
//
// The work of a task and its undo are counted separately. After every fault storetest.Check checks
// the plan. If the plan was rolled back, its events are checked as well: each task that ran was
// undone once, no undo began while a task ran and, if the plan ran in sequence, no task was undone
// before the tasks that had ended later. If the plan has waves, its events must show that no task
// began before the wave before its own had ended and baked, and its own was approved of if it needs
// that; none while more were failed than tolerated, and none outside of the windows. If a wave was
// undone alone, no task of another wave was undone, and none of the wave twice or while one of it
// ran. A command on the tasks that a filter selects must have reached each of them once.
//
// Workers that die in canary releases, at the requests to their services and in the holds, are not
// judged by the ledger but by the services: each weight was set once and held as long as it says,
// and a bad one was put back.
//
// If plans overlap, the ledger must also show that no tenant was worked on by two of them at once
// and no more tasks of a quota than it allows, from the first run of each task to the end of its
// last. At the end no lock of a tenant and no place in a quota is left.
//
// # How to run
//
//	go test -tags crash ./tests/crash                                  one fault, for a quick look
//	CUTOVER_CRASH=short go test -tags crash -v -timeout 12m ./tests/crash    every fault, 5 minutes
//	CUTOVER_CRASH=long go test -tags crash -v -timeout 40m ./tests/crash    and a fleet under fire
//
// To check that this version can be deployed beside another version, and reverted, build the worker
// of the other version and let both work on the same plans:
//
//	go test -c -tags crash -o other.test ./tests/crash    in a checkout of the other version
//	CUTOVER_CRASH=short CUTOVER_CRASH_OTHER_BUILD=<path of other.test> \
//		go test -tags crash -v -run 'TestFaults/each/a_deploy' ./tests/crash
package crash
