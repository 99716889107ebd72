// Package probe defines the types that a prober and its caller share: the process to ask
// ([Endpoint]), its answer ([Observation]), and the reason why there is no usable answer ([Error]).
//
// It has no I/O and imports neither net/http nor a Redis client, so that a prober can use any
// transport. Package redisack calls probers; package httpprobe implements one for HTTP.
//
// A prober needs one method. Two more interfaces are optional: a [Sharer] reuses connections within
// one run, and a [Checker] refuses endpoints that it could never ask.
//
//	situation                                       what a prober returns
//	the endpoint reports what it runs               an Observation, and a nil error
//	it reports that it runs nothing yet             an Observation with Nothing set
//	it cannot be asked now                          an *Error, or any other error
//	it can never be asked                           an *Error with Permanent set
//	it asks not to be asked again before a time     an *Error with RetryAfter set
package probe
