// Package canary is a ready-made executor, CANARY_RELEASE: it moves a tenant's traffic to the new
// environment in steps, and looks at the tenant's health after each.
//
//	GET_WEIGHT        ask for the tenant's weight, and record it in the undo log
//	RAISE_TO_5        set the weight to 5 percent and check the result
//	                  hold, without a worker
//	CHECK_AT_5        check the health; again after an interval if the check decides nothing
//	RAISE_TO_25 ...   and so on for every step
//	PUT_BACK          if the health is bad: set the weight found at the start, then fail
//
// The weight is set through a [Weights], the health judged by a [Health]. Both are small
// interfaces; [HTTPWeights] and [HTTPHealth] are ready-made implementations.
//
// # Holds
//
// A step's hold begins when its weight is set, and the first check follows when it is over. The
// task keeps its slot and its tenant meanwhile, and no worker. The store's clock alone decides
// when a hold is over; see [executor.Hold]. A pause or a cancel takes effect at once; the hold
// goes on during a pause.
//
// # Checks
//
// A check passes, fails, is inconclusive or is missing: it could not be made. A missing check is
// not a failed one. Each kind has a limit of its own per step, see [Limits]; a passed check ends
// the step. Beyond a limit the weight is put back, and then the task fails with the figures that
// the checks reported. The verdict is saved before the weight is put back. So a crash in between
// changes nothing, and neither does a pause or cancel: the weight is put back at once. If it
// cannot be put back, the task fails with the cause, and a retry first puts the weight back and
// fails with the verdict. The attempt after that begins at the first step.
//
// Any other failure leaves the weight where it is: a retry goes on from there, and a rollback
// returns the tenant to the weight found at the start, and checks that it is set again.
//
// With a MinSuccessTime the health is checked once more when that time is over: see
// [Executor.Verify].
//
// # Changes made by others
//
// Before and after each change, and before each check, the weight has to be what this task found or
// set. Otherwise somebody else has moved the tenant, and the task fails with TENANT_MOVED_ON. So
// does a rollback, to which the weight found and those of all steps are the task's own. A service
// has to show exactly the weights that it was given: one that rounds them, or moves there bit by
// bit, looks as if somebody else were at work.
//
// A change carries the task's fencing token and an idempotency key. A weight that the task has
// begun to set, and that is set when it goes on after a crash, is not set again. A put-back and a
// rollback always make their change, even if the weight is there already: a service that answered
// 504 may carry out an earlier change later, and refuses it only if it has seen a newer token.
//
// # Failures
//
//	HEALTH_FAILED, HEALTH_INCONCLUSIVE   the weight was put back
//	HEALTH_MISSING                       the weight was put back               retryable
//	WEIGHTS_TIMEOUT                      no answer in time                     retryable
//	WEIGHTS_UNAVAILABLE                  no connection, 429, 5xx               retryable
//	WEIGHTS_REFUSED                      another 4xx
//	WEIGHTS_BAD_ANSWER                   a redirect, HTML, another tenant, no weight
//	TENANT_NOT_FOUND                     404 from the weights
//	TENANT_MOVED_ON                      somebody else changed the weight; 412
//	WEIGHT_NOT_CONFIRMED                 accepted but not done                 retryable
//	WEIGHT_INVALID                       the weight found is not 0 to 100
//
// A failure of the weights in the step PUT_BACK means that the bad weight is still set. No failure
// of the health service fails the task directly: the check is missing.
//
// The package imports executor and task. It knows no engine and no store.
package canary
