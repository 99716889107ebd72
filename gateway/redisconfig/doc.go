// Package redisconfig implements a [bluegreen.Gateway] whose routes are in Redis: it writes a
// tenant's route with redisack and waits until the clients, the processes that route the tenant,
// report that they run it.
//
//	prober, err := httpprobe.New(httpprobe.Config{})
//	gateway, err := redisconfig.New(rdb, redisconfig.Config{Check: redisack.Check{
//		Fleet:  redisack.URLs("http://gw-1/status", "http://gw-2/status"),
//		Prober: prober,
//	}})
//	move, err := bluegreen.New(tenants, gateway, bluegreen.Config{})
//
// # Model
//
// A route is one configuration of redisack per tenant, by default at the key route:{tenant}; the
// clients are redisack/agent, or any other process that follows docs/redisack.md. A tenant has no
// route until [Gateway.Place] gives it one.
//
//	route:{acme}        string   {"colour":"blue","version":"blue@1000001/SWITCH_GATEWAY"}
//	route:{acme}:head   hash     redisack's record of the write: revision, id, fence
//	route:{acme}:live   string   the write that the clients were last found to run
//
// A switch reads the route, compares it with Change.From, and writes on condition that the revision
// is still the one it read. Then it waits for the clients. The id of the write is derived from
// Change.Key, Change.To and that revision. If the switch is repeated after a crash, it is the same
// write; if the tenant was moved in between, it is a new write.
//
// # All or nothing
//
// A switch that the clients do not confirm is put back, so that it leaves the tenant where it was.
// A switch that was interrupted by a crash or a shutdown is neither confirmed nor put back: its
// route is written, and no process has waited for the clients. The next call of [Gateway.Current],
// or of [Gateway.Switch] to the same colour, first finishes it: it waits for the clients, and puts
// the route back if they do not confirm. A colour is therefore never reported before the clients
// run it.
//
// Change.Token is part of every write of a switch. A call of [Gateway.Switch] that finds the same
// switch under an older token takes the route over before it waits; from then on the worker with
// the older token can neither write the route nor put it back.
//
// # Failures
//
// These are the codes of package bluegreen. Errors in brackets are those to match with errors.Is.
//
//	SWITCH_NOT_CONFIRMED  clients answer and run another route [redisack.ErrTimeout,
//	                      ErrMismatch]; or the write was lost or replaced [ErrWriteLost,
//	                      ErrSuperseded]                                  retryable
//	GATEWAY_TIMEOUT       clients, or Redis, gave no answer in time       retryable
//	GATEWAY_UNAVAILABLE   no connection to Redis, or it cannot take the
//	                      write now; clients that cannot be asked [ErrEndpoint];
//	                      too few clients, or none [ErrQuorumImpossible, ErrNoEndpoints];
//	                      the route keeps changing [ErrConflict]          retryable
//	GATEWAY_REFUSED       a client rejects the route [ErrRejected]; a greater token
//	                      has written [ErrFenced]; Redis does not permit it, or a key
//	                      is of another type; an id that cannot be part of a key
//	GATEWAY_BAD_ANSWER    the route cannot be read, or was changed by other means
//	TENANT_NOT_FOUND      the tenant has no route
//	TENANT_MOVED_ON       the tenant is neither at From nor at To
//
// The message of a failure summarises which client runs what. If the caller's context is canceled,
// the error wraps the context's cause and has no code.
//
// The package imports redisack, go-redis, bluegreen and the error constructors of executor. It
// knows no engine and no store, and starts no goroutine.
package redisconfig
