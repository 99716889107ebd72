// Package redisack makes "the configuration is live" a fact: it writes a configuration to Redis,
// announces it, and waits until the clients report that they run it, with a full account of who
// runs what.
//
// It stands alone and imports nothing else of this module. It knows of no plans, tasks or tenants.
// The client half is redisack/agent; a client in another language needs only docs/redisack.md.
//
// The plain case: one key, and all clients say in JSON which version they run.
//
//	client, err := redisack.New(rdb, redisack.Config{})
//	...
//	prober, err := httpprobe.New(httpprobe.Config{
//		Version:       httpprobe.JSONField("version"), // not where clients use redisack/agent
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
//		log.Print(err, "\n", res.Summary()) // who runs what; res is nil only for ErrInvalid
//	}
//
// # Model
//
// A write gives the key a new revision (+1, assigned by Redis). The revision orders writes, the
// version is the caller's name for the content, the write id proves which write it was, and the
// digest catches two contents under one version. A client acknowledges what it has applied, after
// its own code has returned; received or fetched is not applied.
//
//	Write    checks, stores, bumps and announces in one script, in one round trip
//	Confirm  asks the members of a fleet, each by itself, until the quorum is met or out of reach,
//	         the time is over or the caller cancels; needs only the Target that Write returned,
//	         in any process
//	Apply    both, and the rollback if asked for
//
// # The protocol
//
// One run goes through these states. A member goes through its own while the run waits.
//
//	run:      load the fleet -> write -> notify -> wait -> close -> (roll back) -> result
//	                             |        |         |
//	                             |        |         +- quorum met, out of reach, time over, canceled
//	                             |        +- refused: a warning, or the end with RequireNotify
//	                             +- refused or unknown: the end, nobody is asked
//
//	member:   pending <-> behind, different, errored        asked again
//	             |
//	             +-> confirmed                              match, often enough (Stable)
//	             +-> rejected                               the client refused this revision
//	             +-> ahead                                  a newer write, which Redis knows
//	             +-> exhausted, broken                      no attempts left, or a permanent error
//	             +-> gone                                   left the fleet, or was replaced
//
// Only a restarted client (another boot) or a new address leads back from confirmed or rejected.
// Nothing leads back from gone.
//
// Redis decides what the current write is, the client what it runs, and the run's own clock when
// the time is over. In the code these are three parts: head (what is to be run now), fleet (who
// has to, and how they count) and schedule (who is asked next, and when). One goroutine, the
// caller's, owns them and decides; attempts, readings and look-ups have goroutines that end with
// the call.
//
// # Invariants
//
//   - The revision of a key grows by exactly one with each write, and only the script changes it.
//     It falls only if Redis loses data.
//   - Confirmed + failed <= members, in the fleet and in each group. The quorum is taken of the
//     members, never of those who answered.
//   - One instance counts once, however many addresses lead to it.
//   - A member is asked by at most one attempt at a time; attempts under way <= Config.MaxInFlight,
//     over all runs of a client.
//   - An announcement carries no payload, so a lost, late or repeated one changes nothing.
//   - The position in the stream of acknowledgements is taken inside the write, so none is missed.
//   - A rollback is a write on the condition that the failed one is still current.
//
// # When something fails
//
//	what fails                                what happens
//	the answer to a write is lost             the write is sent again with its id, for WriteTimeout;
//	                                          the script answers "replayed": it is written once
//	the writer dies after the write           any process calls Confirm with the Target, or Apply
//	                                          with the same WriteID
//	the announcement is lost                  the client's own timer finds the write
//	a client does not answer                  it is asked again with growing pauses, in a slow queue
//	                                          of an eighth of the places
//	a client answers with an old version      it is asked again at a near-constant pace
//	a client restarts                         its matches begin anew; another boot may overrule
//	another process has its address           that member is gone, the other one joins
//	a client reports a newer revision         the head is read first: a failover may have taken that
//	                                          revision back
//	acknowledgements are trimmed, or cannot   a warning; polling, and the clients' repetitions, make
//	be read                                   up for it
//	the look-up of the fleet fails            the last list stays, with a warning
//	a failover undoes the write               the head is read again at the end: ErrWriteLost
//	somebody writes in between                ErrSuperseded, and no rollback
//	a prober, comparer or hook panics,        it costs that attempt or call only; a call that hangs
//	hangs or ends its goroutine               keeps its place until it returns
//	the caller cancels                        the call returns at once; the write stays
//
// # Keys
//
// For the key K these keys are kept, all in the cluster slot of K ({K} stands for K itself if it
// has a {tag} already):
//
//	K          the payload: a string, or a hash with Change.Field as one of its fields
//	{K}:head   hash: rev, version, wid, sum (SHA-256, hex), fence, at, ackpos, prev_*, and recent:
//	           the last 16 writes
//	{K}:prev   string: the payload before, for a rollback
//	{K}:acks   stream: acknowledgements that clients push
//	{K}:next:W string: a payload above 64 KiB on its way
//	{K}:changed  the channel; the message is JSON {"key","version","wid","rev"}, never the payload
//
// A key that is nothing but a tag, "{K}", is refused, since it would share all of these with K.
//
// # Errors
//
//	situation                                      match
//	input is wrong; nothing was written            ErrInvalid, *InvalidError (every fault)
//	the fleet is empty or cannot be looked up      ErrNoEndpoints
//	another revision is current than IfRev wants   ErrConflict, *WriteError (what was found)
//	a greater fencing token has written            ErrFenced
//	the version is current with other content      ErrVersionReused
//	a key is of another type                       ErrWrongType, ErrWriteFailed
//	the Redis user lacks a permission              ErrNotPermitted, *PermissionError, ErrWriteFailed
//	the server may drop keys to make room          ErrEviction, *EvictionError, ErrWriteFailed
//	Redis did not take the write                   ErrWriteFailed
//	the connection broke, outcome unknown          ErrWriteUnknown: repeat with the same WriteID
//	the write is gone (failover, flush)            ErrWriteLost
//	a newer write has taken its place              ErrSuperseded
//	Redis refused to announce (RequireNotify)      ErrNotifyFailed
//	the time ran out                               ErrTimeout; AckResult.Last is what was seen last
//	a client runs another version, no attempts     ErrMismatch
//	left
//	a client refused                               ErrRejected
//	a client can never be asked                    ErrEndpoint, *ProbeError; Kind in the report
//	fewer members than the quorum needs            ErrQuorumImpossible
//	the caller's context ended it                  ErrCanceled, and context.Cause
//
// Confirm and Apply return the result beside the error, always but for ErrInvalid. Redis
// acknowledges a write before it has replicated it; the head is read again at the end, so that a
// failover that undid the write is WriteLost and not OK.
package redisack
