// Package haproxy implements a [bluegreen.Gateway] over a fleet of HAProxy instances: it changes
// their maps by the Runtime API, and returns when requests are answered by the new route.
//
//	gw, err := haproxy.New(haproxy.Config{
//		Table:   gateway.NewFileTable("/var/lib/acme/routes"),
//		Fleet:   haproxy.Fixed(haproxy.Instance{
//			Name: "lb-1", Socket: "/run/haproxy/admin.sock", URL: "http://127.0.0.1/route",
//			MapFile: "/etc/haproxy/routes.map",
//		}),
//		Map:     "/etc/haproxy/routes.map",
//		Default: "green",
//	})
//	go gw.Run(ctx)
//	move, err := bluegreen.New(tenants, gw, bluegreen.Config{})
//
// HAProxy 2.4 or later is required, and the configuration in docs/gateways.md: one look-up per
// request, whose value has the colour, the revision and the token, decides the backend and is sent
// in a header of the answer.
//
// # Model
//
//	table      what is wanted: one order of all changes, by compare-and-set (package gateway)
//	map file   what an instance reads when it starts; written before the map in memory
//	live map   what requests are answered by; changed by the Runtime API
//	answer     what a request of the tenant is told; only this confirms a switch
//
// A switch writes the tenant's row in the table, together with all other switches that wait. Then
// it brings each instance of the fleet up to the table, and asks it for the tenant's route over a
// new connection, until all have served the row. A switch that is not confirmed within
// Config.Timeout is put back, as a change of its own. A row that was changed under a token is not
// changed under a lower one.
//
// A few changes are made one by one, because each walks HAProxy's whole map (0.03 ms per 1,000
// entries); many are made by a version of the map that is prepared beside the live one and
// committed in one step, so that no request meets a mixture. What was committed is read back.
//
// # When something fails
//
//	what fails                             what happens
//	HAProxy is restarted                   it reads the map file, which was written first
//	HAProxy is reloaded by Reload          no change is made meanwhile, and none is undone
//	HAProxy is reloaded otherwise, during  the new process may have read the file before: the
//	a change                               process id is compared before and after, and Run brings
//	                                       a new process up to date within Config.Interval; until
//	                                       then it serves the old route
//	the answer of the Runtime API is lost  the map is compared with the table
//	another process changes the table      after a commit the table is read again; a route can be
//	meanwhile                              undone for the few milliseconds until then
//	the map has an entry that the table    GATEWAY_REFUSED; nothing is changed: the entry is
//	lacks                                  somebody else's, or the table is lost. It is found when
//	                                       the maps are compared: at the first change of a process,
//	                                       after a restart of HAProxy, and by Run
//	the map file is missing, or has        GATEWAY_REFUSED before a process writes it first; nothing
//	anything but rows of the table         is changed. Later edits of the file are overwritten
//	a value was edited by hand             Run restores it at the next comparison of the maps
//	an instance is dead                    the switch fails, names the instance and is put back;
//	                                       Current fails until the fleet no longer lists it
//
// # Failures
//
// These are the codes of package bluegreen. Errors in brackets are those to match with errors.Is.
//
//	SWITCH_NOT_CONFIRMED  an instance serves another route [gateway.ErrNotConfirmed]    retryable
//	GATEWAY_TIMEOUT       an instance gave no answer in time                            retryable
//	GATEWAY_UNAVAILABLE   an instance, the fleet's list or the table cannot be reached  retryable
//	GATEWAY_REFUSED       a greater token has changed the tenant; the tenant id or the colour is
//	                      not allowed; an instance is not set up as expected [gateway.ErrSetup]
//	GATEWAY_BAD_ANSWER    the table is damaged or went back [gateway.ErrDamaged]
//	TENANT_NOT_FOUND      the tenant has no row and there is no default colour
//	TENANT_MOVED_ON       the tenant is neither at From nor at To
//
// If the caller's context is canceled, the error wraps its cause and has no code.
//
// A switch is not a drain: requests that wait in the queue of the old backend, upgraded connections
// and requests under way stay on the old colour. docs/gateways.md says for how long.
//
// The package imports gateway, redisack/httpprobe and bluegreen, and starts no goroutine that
// outlives a call.
package haproxy
