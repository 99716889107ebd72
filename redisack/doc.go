// Package redisack makes "the configuration is live" a fact: it writes a configuration to Redis, announces it, and
// waits until the clients report that they run it, with a full account of who runs what.
//
// It stands alone and imports nothing else of this module. It knows of no plans, tasks or tenants. The client half is
// redisack/agent; a client in another language needs only docs/redisack.md.
//
// The plain case: one key, and all clients say in JSON which version they run.
//
//	client, err := redisack.New(rdb, redisack.Config{})
//	...
//	prober, err := httpprobe.New(httpprobe.Config{
//		Version:       httpprobe.JSONField("version"), // leave it out where clients use redisack/agent
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
//		log.Print(err, "\n", res.Summary()) // res says who runs what; it is nil only for ErrInvalid
//	}
//
// # Model
//
// A write gives the key a new revision (+1, made by Redis). The revision orders writes, the version is the caller's
// name for the content, the write id proves which write it was, and the digest catches two contents under one version.
// A client acknowledges what it has applied, after its own code has returned: neither received nor fetched will do.
//
//	Write    checks, stores, bumps and announces in one script, in one round trip
//	Confirm  asks the members of a fleet, each by itself, until the quorum is met or cannot be met any more, the time is
//	         over or the caller gives up; needs only the Target that Write returned, in any process
//	Apply    both, and the rollback if asked for
//
// An old answer is no verdict: asking goes on at a near-constant interval while a client is well but not there yet, and
// with growing pauses while it cannot be asked. A refusal by the client, or a newer revision, ends that endpoint at once.
// The quorum is taken of the members of the fleet, never of those who answered.
//
// # Keys
//
// For the key K these keys are kept, all in the cluster slot of K ({K} stands for K itself if it has a {tag} already):
//
//	K          the payload: a string, or a hash with Change.Field as one of its fields
//	{K}:head   hash: rev, version, wid, sum (SHA-256, hex), fence, at, ackpos, recent (the last 16 writes), prev_*
//	{K}:prev   string: the payload before, for a rollback
//	{K}:acks   stream: acknowledgements that clients push
//	{K}:next:W string: a payload above 64 KiB on its way
//	{K}:changed  the channel; the message is JSON {"key","version","wid","rev"}, never the payload
//
// A key that is nothing but a tag, "{K}", is refused, since it would share all of these with K.
//
// # Errors
//
//	situation                                          match
//	input is wrong; nothing was written                ErrInvalid, *InvalidError (every fault)
//	the fleet is empty or cannot be looked up          ErrNoEndpoints
//	another revision is current than IfRev asks for    ErrConflict, *WriteError (what was found)
//	a greater fencing token has written                ErrFenced
//	the version is current with other content          ErrVersionReused
//	a key is of another type                           ErrWrongType, ErrWriteFailed
//	the Redis user may not do what is needed           ErrNotPermitted, *PermissionError, ErrWriteFailed
//	the server may drop keys to make room               ErrEviction, *EvictionError, ErrWriteFailed
//	Redis did not take the write                       ErrWriteFailed
//	the connection broke, outcome unknown              ErrWriteUnknown: repeat with the same WriteID
//	the write is gone (failover, flush)                ErrWriteLost
//	a newer write has taken its place                  ErrSuperseded
//	Redis refused to announce (RequireNotify)          ErrNotifyFailed
//	the time ran out                                   ErrTimeout; AckResult.Last says what was seen last
//	a client runs another version, attempts used up    ErrMismatch
//	a client refused                                   ErrRejected
//	a client cannot be asked, for good                 ErrEndpoint, *ProbeError; Kind in the report
//	fewer members than the quorum needs                ErrQuorumImpossible
//	the caller's context ended it                      ErrCanceled, and context.Cause
//
// Confirm and Apply return the result beside the error, always but for ErrInvalid. Redis acknowledges a write before it
// has replicated it; the head is read again at the end, so that a failover that undid the write is WriteLost and not OK.
package redisack
