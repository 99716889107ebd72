// Package redisack makes "the configuration is live" a fact: it writes a configuration to Redis,
// announces it, and waits until the clients report that they run it. The result lists what each
// client runs.
//
// The package can be used alone: it has no notion of plans, tasks or tenants. The client half is
// package redisack/agent; a client in another language needs only docs/redisack.md.
//
// The simplest case: one key, and every client serves the version that it runs as JSON.
//
//	client, err := redisack.New(rdb, redisack.Config{})
//	...
//	prober, err := httpprobe.New(httpprobe.Config{
//		Version:       httpprobe.JSONField("version"), // omit if clients use redisack/agent
//		AllowLoopback: true,                           // only for clients on this machine
//	})
//	...
//	res, err := client.Apply(ctx,
//		redisack.Change{Key: "gateway:routes", Version: "v42", Payload: routes},
//		redisack.Check{
//			Fleet: redisack.URLs("http://127.0.0.1:8001/status", "http://127.0.0.1:8002/status"),
//			Prober: prober,
//		})
//	if err != nil {
//		log.Print(err, "\n", res.Summary()) // what each client runs; res is nil only for ErrInvalid
//	}
//
// # Model
//
// A write gives the key a new revision, one higher than the last, assigned by Redis. The revision
// orders writes, the version is the caller's name for the content, the write id identifies the
// write, and the digest detects two contents under one version. A client acknowledges a write only
// after its own code has applied it; receiving or fetching the payload is not enough.
//
//	Write    checks, stores, increments the revision and announces, in one script and one round
//	         trip
//	Confirm  asks each member of a fleet separately until the quorum is met or out of reach, the
//	         time is over or the caller cancels; needs only the Target that Write returned, and
//	         runs in any process
//	Apply    does both, and the rollback if the policy asks for one
//
// # The protocol
//
// A run goes through the first sequence of states. Each member goes through the second while the
// run waits.
//
//	run:      load the fleet -> write -> notify -> wait -> close -> (roll back) -> result
//	                             |        |         |
//	                             |        |         +- quorum met, out of reach, time over, canceled
//	                             |        +- refused: a warning, or the end with RequireNotify
//	                             +- refused or unknown: the end, no member is asked
//
//	member:   pending <-> behind, different, errored        asked again
//	             |
//	             +-> confirmed                              match, often enough (Stable)
//	             +-> rejected                               the client refused this revision
//	             +-> ahead                                  it runs a newer write that Redis knows
//	             +-> exhausted, broken                      no attempts left, or a permanent error
//	             +-> gone                                   left the fleet, or was replaced
//
// A member returns from confirmed or rejected only if its client restarts (another boot) or its
// address changes. A member never returns from gone.
//
// Redis decides which write is current, the client which one it runs, and the clock of the run when
// the time is over. The code has three parts accordingly: head (the write that clients should run
// now), fleet (the members that have to confirm, and their counts) and schedule (which member is
// asked next, and when). The caller's goroutine owns them and makes all decisions; attempts, reads
// and look-ups run in other goroutines, whose context is canceled before the call returns.
//
// # Invariants
//
//   - The revision of a key grows by exactly one with each write, and only the script changes it.
//     The revision decreases only if Redis loses data.
//   - Confirmed + failed <= members, in the fleet and in each group. The base of the quorum is the
//     members, never only those that answered.
//   - One instance counts once, however many addresses lead to it.
//   - A member is asked by at most one attempt at a time. All runs of a client together have at
//     most Config.MaxInFlight attempts under way.
//   - An announcement carries no payload, so a lost, late or repeated one changes nothing.
//   - The write script also reads the position in the stream of acknowledgements, so no
//     acknowledgement of the write is missed.
//   - A rollback is a write on condition that the failed write is still current.
//
// # When something fails
//
//	what fails                                what happens
//	the answer to a write is lost             the write is sent again with its id, for WriteTimeout;
//	                                          the script writes once and answers "replayed"
//	the writer dies after the write           any process may call Confirm with the Target, or
//	                                          Apply with the same WriteID
//	the announcement is lost                  the client's own timer finds the write
//	a client does not answer                  it is asked again with growing pauses, in a slow queue
//	                                          that may use an eighth of the places
//	a client answers with an old version      it is asked again at a near-constant pace
//	a client restarts                         its matches are counted again from zero; its new
//	                                          process may overrule what the old one reported
//	another process has its address           the member is gone, the other process joins
//	a client reports a newer revision         the head is read first: a failover may have undone
//	                                          that revision
//	acknowledgements are trimmed, or cannot   a warning; clients repeat acknowledgements, and
//	be read                                   polling goes on
//	the look-up of the fleet fails            the last list stays in use, with a warning
//	a failover undoes the write               the head is read again at the end: ErrWriteLost
//	another process writes in between         ErrSuperseded, and no rollback
//	a prober, comparer or hook panics,        only that attempt or call is lost; a call that hangs
//	hangs or ends its goroutine               occupies its place until it returns
//	the caller cancels                        the call returns immediately; the write stays
//
// # Keys
//
// For the key K the package uses these keys, all in the cluster slot of K ({K} stands for K itself
// if K has a {tag} already):
//
//	K          the payload: a string, or a hash with Change.Field as one of its fields
//	{K}:head   hash: rev, version, wid, sum (SHA-256, hex), fence, at, ackpos, prev_*, and recent:
//	           the last 16 writes
//	{K}:prev   string: the previous payload, for a rollback
//	{K}:acks   stream: acknowledgements that clients push
//	{K}:next:W string: a payload above 64 KiB, sent ahead of the write with the id W
//	{K}:changed  the channel; the message is JSON {"key","version","wid","rev"}, never the payload
//
// A key that consists of a tag only, "{K}", is refused, since it would share these keys with K.
//
// # Errors
//
//	situation                                      error to match
//	input is wrong; nothing was written            ErrInvalid, *InvalidError (every fault)
//	the fleet is empty or cannot be looked up      ErrNoEndpoints
//	the current revision does not satisfy IfRev    ErrConflict, *WriteError (what was found)
//	a greater fencing token has written            ErrFenced
//	the version is current with other content      ErrVersionReused
//	a key is of another type                       ErrWrongType, ErrWriteFailed
//	the Redis user lacks a permission              ErrNotPermitted, *PermissionError, ErrWriteFailed
//	the server may drop keys to make room          ErrEviction, *EvictionError, ErrWriteFailed
//	Redis did not execute the write                ErrWriteFailed
//	the answer is missing, outcome unknown         ErrWriteUnknown: repeat with the same WriteID
//	the write was undone (failover, flush)         ErrWriteLost
//	a newer write is current                       ErrSuperseded
//	Redis refused to announce (RequireNotify)      ErrNotifyFailed
//	the time ran out                               ErrTimeout; see AckResult.Last
//	a client runs another version, no attempts     ErrMismatch
//	left
//	a client rejected the write                    ErrRejected
//	a client gave no usable answer: its error is   ErrEndpoint, *ProbeError; Kind in the report
//	permanent, or no attempts are left
//	fewer members than the quorum needs            ErrQuorumImpossible
//	the caller's context ended the run             ErrCanceled, and context.Cause
//
// Confirm and Apply return a result together with every error except ErrInvalid. Redis acknowledges
// a write before it has replicated it; a run therefore reads the head again at its end, and a
// failover that undid the write ends it with ErrWriteLost and not with success.
package redisack
