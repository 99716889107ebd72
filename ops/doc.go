// Package ops is what operators touch: an HTTP handler with a JSON API over an engine, for a host
// to mount.
//
//	api, err := ops.New(engine, ops.Config{Authenticate: authenticate})
//	mux.Handle("/api/", http.StripPrefix("/api", api))
//
//	server.RegisterOnShutdown(api.Close)
//
// The handler works behind any prefix: it sends relative references only. It keeps nothing between
// two requests, so any number of processes can serve the same plans.
//
// # Requests
//
// The paths are those of [Handler]. A command is a POST with a JSON object, or with no body. Every
// request is authenticated once by Config.Authenticate; the [Caller] that it returns is then asked
// which [Action] is allowed on which plan. What a caller may not view does not exist for it.
//
// Two headers make commands safe: If-Match carries the version of the plan that the caller has seen
// ("7"), and Idempotency-Key names the request, so that it can be sent again if its answer was
// lost.
//
// # Answers
//
// An answer is the JSON document of a plan, a task, or a page of them. Each plan and task lists its
// actions: what the caller may do, and what the plan and the task allow now.
//
// An error is a problem document (RFC 9457) whose code says what is wrong. If the request is
// faulty, it lists every fault with its field, and nothing was done. What goes wrong inside is
// logged and not shown.
//
//	the request has faults                        400 INVALID_REQUEST, MALFORMED_JSON
//	a reason is missing                           400 REASON_REQUIRED
//	no caller, or one that may not                401 UNAUTHENTICATED, 403 FORBIDDEN
//	another site sent the request                 403 CROSS_ORIGIN
//	no such path, plan or task                    404 NOT_FOUND
//	the command does not apply now                409 NOT_APPLICABLE
//	other plans work on the tenants               409 TENANT_HELD
//	the plan has another version                  412 VERSION_MISMATCH, 428 VERSION_REQUIRED
//	the key was used for another plan             422 KEY_REUSED
//	a process has 2,000 streams                   429 TOO_MANY_STREAMS
//	it reads 4 whole plans already                429 TOO_MANY_READS
//	a middleware lets no stream through           501 NO_STREAM
//	the store is away                             503 STORE_UNAVAILABLE
//
// docs/ops.md has the whole table.
//
// # The stream
//
// GET stream shows plans live, as Server-Sent Events: every event of their logs, once and in order,
// their documents as they change, and the rows of the list of plans. The id of a message has the
// positions of all plans, so a client that connects again, to whichever process, misses nothing.
package ops
