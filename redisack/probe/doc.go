// Package probe is what a prober and its caller agree on: who is asked ([Endpoint]), what it says
// of itself ([Observation]), and why there is no usable answer ([Error]).
//
// It has no I/O and imports neither net/http nor a Redis client, so that a prober over any
// transport can be written against it. Package redisack asks probers; package httpprobe is one.
//
// The plain case is one method. Two more interfaces are optional: a [Sharer] reuses connections
// within one run, a [Checker] refuses endpoints that it could never ask.
//
//	situation                                       what a prober returns
//	the endpoint says what it runs                  an Observation, and a nil error
//	it says that it runs nothing yet                an Observation with Nothing set
//	it cannot be asked now                          an *Error, or any other error
//	it can never be asked                           an *Error with Permanent set
//	it asks to be left alone for a while            an *Error with RetryAfter set
package probe
