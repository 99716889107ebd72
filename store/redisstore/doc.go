// Package redisstore keeps plans in Redis 7.0 or newer: a single server, Sentinel or a Cluster.
//
// Every commit is one script call on one node. All keys of a plan carry the same hash tag, so a
// script may change them together, and the plans spread over a cluster. Data that concerns several
// plans (tenant locks, leases, idempotency keys, the agenda) is kept under other keys, is changed
// by compare-and-set, and is repaired from the plans. docs/redis.md lists every key.
//
// # Group commit
//
// Workers commit one change at a time, and each waits for its answer. A round trip costs 50 to
// 500 microseconds, a change inside a script two to ten. So the commits of one plan that
// arrive while a round trip is under way are sent together with the next one, as one script
// call. There is no timer: a commit that finds the plan idle is sent at once, and a batch is
// as large as the load makes it.
//
// A call (one Commit) goes through these states:
//
//	         submit             nextBatch             complete
//	encoded ---------> waiting -----------> sent ---------------> answered
//	                      |                   |
//	             withdraw |                   | the caller leaves: its context ended, or the
//	                      v                   v server is silent
//	                   removed           takes effect or not: the caller does not know
//
// In outline:
//
//	Commit(batch)     encode the batch into a call that owns its bytes
//	  submit          append it to the plan's commitQueue; begin a round trip if fewer than
//	                  two are under way, or fewer than four if all are full; then wait
//	serve             per round trip: take the next batch, send it, answer all its callers,
//	                  until no call waits; rest for a moment after a single call
//	  commit          compose one script call of all changes and claims
//	    send          save.lua if all changes are saves, turn.lua if they are saves and completions
//	                  with claims; else, or if these answer "=?", commit.lua;
//	                  raise the limit of tokens, or rebuild an index, and send again if the
//	                  script asks for it
//	    parse         give each call its part of the answer and the plan's view after it
//	  complete        wake the callers, in the order in which they came
//
// Invariants:
//
//   - A call is in at most one batch. A batch may be sent again (by the queue, if the script
//     asks for it; by the Redis client; by the callers). Each change still takes effect once: the
//     script finds the token and the number of the change, or the id of the claim, and repeats
//     its answer.
//   - One script makes all changes of a batch, each independently of the others: a change that is
//     refused (fenced, damaged) does not affect the others.
//   - Changes of one task take effect in the order in which they were submitted, because the worker
//     waits for each. Changes of different tasks have no order.
//   - Calls wait only while a round trip of the plan is under way, which sends them when it ends.
//     So every waiting call is sent.
//   - A round trip has at most 200 changes and about 1 MiB, so that a script occupies the
//     server for less than a millisecond.
//   - The view in an answer shows the plan after the whole batch.
//
// What may go wrong, and what follows:
//
//	a script fails, the server refuses it,    every call of the batch gets the error, and nothing
//	or its memory is full                     was changed. On a full server, calls that only end
//	                                          holds are sent again with a script that it allows
//	the answer is lost                        every call gets a passing fault; the callers send
//	                                          again, with the same tokens, numbers and claims
//	the caller's context ends                 the caller leaves within 50 ms; a waiting call is
//	                                          withdrawn, a sent call takes effect or not
//	the server answers nothing for a second   the node is asked for a sign of life; without one
//	                                          the callers leave with a passing fault, and new
//	                                          ones are refused until it answers
//	a key is damaged                          changes that do not need it take effect; a call that
//	                                          only claims, and got no task, gets store.ErrCorrupt
//	the plan went back in time                every call gets *WentBackError, once
//	the process dies                          a batch that was sent takes effect completely or
//	                                          not at all
//
// # Parts
//
// [Store] has the methods of the contract. Each part behind it has one subject and uses only the
// parts below it: at the top the removals of plans and the commit queues; then the agenda, tenant
// locks, idempotency keys, indexes and tokens; at the bottom the client, with its nodes, pipelines
// and rights. The scripts are in folder scripts, the code that they share in scripts/lib.
//
// # Durability
//
// Redis acknowledges before it replicates and, unless configured otherwise, before it has written
// to disk. [Config.Replicas] makes every commit wait for replicas. If a plan nevertheless goes back
// in time, because a replica without its last commits became master, the store notices it by the
// numbers of the plan's events and returns a *[WentBackError].
//
// # Errors
//
// The package returns the errors of package store, and these:
//
//	a Config with faults                           ErrInvalid (*InvalidError: every fault)
//	a server that cannot be used as it is set up   ErrServer (*ServerError: where, why)
//	data written by a newer library, or too old    ErrVersion (*VersionError)
//	a plan that went back in time                  ErrWentBack (*WentBackError)
//	a commit that is not on enough replicas yet    ErrNotReplicated, a passing fault
//
// The package imports the contract, the types of the contract, and go-redis. It does not depend on
// engines or executors.
package redisstore
