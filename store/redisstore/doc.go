// Package redisstore keeps plans in Redis 7.0 or newer: a single server, Sentinel or
// a Cluster.
//
// Every commit is one script call on one node. All keys of a plan carry one hash tag,
// so that a script may change them together, and plans spread over a cluster. What
// belongs to several plans (tenant locks, leases, idempotency keys, the agenda) lives
// elsewhere, is changed by compare-and-set, and is repaired by looking at the plans.
// docs/redis.md lists every key.
//
// # Group commit
//
// Commits of one plan that wait while a round trip is under way travel together in
// the next one, as one script call. There is no timer: a lone commit leaves at once.
//
// # Durability
//
// Redis acknowledges before it replicates and, unless told otherwise, before it has
// written to disk. [Config.Replicas] makes every commit wait for replicas. A plan
// that went back in time all the same, because a replica without its last commits
// was made master, is noticed by its event numbers: *[WentBackError].
//
// # Errors
//
// Those of package store, and:
//
//	a Config with faults                           ErrConfig
//	a server that cannot be used as it is set up   ErrServer (*ServerError: where, why)
//	data written by a newer library, or too old    ErrVersion (*VersionError)
//	a plan that is older than it was               ErrWentBack (*WentBackError)
//	a commit that is not on enough replicas yet    ErrNotReplicated, a passing fault
//
// The package imports the contract and what it speaks of, and go-redis. It knows
// nothing of engines and executors.
package redisstore
