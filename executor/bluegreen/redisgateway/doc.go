// Package redisgateway is a [bluegreen.Gateway] whose routes are in Redis: it
// writes a tenant's route with redisack and waits until the clients, the processes
// that route the tenant, report that they run it.
//
//	prober, err := httpprobe.New(httpprobe.Config{})
//	gateway, err := redisgateway.New(rdb, redisgateway.Config{Check: redisack.Check{
//		Fleet:  redisack.URLs("http://gw-1/status", "http://gw-2/status"),
//		Prober: prober,
//	}})
//	move, err := bluegreen.New(tenants, gateway, bluegreen.Config{})
//
// # Model
//
// A route is one configuration of redisack per tenant, by default at the key
// route:{tenant}; the clients are redisack/agent, or what else keeps to
// docs/redisack.md. A tenant has no route until [Gateway.Place] gives it one.
//
//	route:{acme}        string   {"colour":"blue","version":"blue@1000001/SWITCH_GATEWAY"}
//	route:{acme}:head   hash     redisack's record of the write: revision, id, fence
//	route:{acme}:live   string   the write that the clients were last found to run
//
// A switch reads the route, compares it with Change.From, and writes on condition
// that the revision is still the one it read. Then it waits for the clients. The
// id of the write is made of Change.Key and that revision: sent again after a
// crash it is the same write, and after the tenant was moved otherwise a new one.
//
// # All or nothing
//
// A switch that the clients do not confirm is put back, so that it leaves the
// tenant where it was. A switch that was interrupted, by a crash or a shutdown, is
// neither: its route is written and nobody has waited. Whoever comes next, by
// [Gateway.Switch] or by [Gateway.Current], first finishes it as it would have
// ended: waits for the clients, and puts it back if they do not confirm. A
// colour is therefore never reported before the clients run it.
//
// Change.Token goes with every write. A worker that finds a switch of an older
// one takes the route over before it waits; from then on the older one can
// neither write nor put back.
//
// # Failures
//
// These are the codes of package bluegreen; in brackets what to match with
// errors.Is, where there is something.
//
//	SWITCH_NOT_CONFIRMED  clients answer and run another route [redisack.ErrTimeout,
//	                      ErrMismatch]; or the write was lost or replaced [ErrWriteLost,
//	                      ErrSuperseded]                                  retryable
//	GATEWAY_TIMEOUT       clients, or Redis, gave no answer in time       retryable
//	GATEWAY_UNAVAILABLE   no connection to Redis, or it cannot take the
//	                      write now; clients that cannot be asked [ErrEndpoint];
//	                      too few or no clients [ErrQuorumImpossible, ErrNoEndpoints];
//	                      the route keeps changing [ErrConflict]          retryable
//	GATEWAY_REFUSED       a client rejects the route [ErrRejected]; a greater token
//	                      has written [ErrFenced]; Redis does not permit it, or a key
//	                      is of another type; an id that cannot be part of a key
//	GATEWAY_BAD_ANSWER    the route cannot be read, or was changed by other means
//	TENANT_NOT_FOUND      the tenant has no route
//	TENANT_MOVED_ON       the tenant is neither at From nor at To
//
// The text holds a short account of who runs what. When the caller's context is
// canceled, the error is its cause, without a code.
//
// The package imports redisack, go-redis, bluegreen and the error constructors of
// executor. It knows no engine and no store, and starts no goroutine.
package redisgateway
