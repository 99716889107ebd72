// Package nginx implements a [bluegreen.Gateway] over a fleet of nginx instances: it replaces a map
// file, reloads nginx, and returns when requests are answered by the new route.
//
//	gw, err := nginx.New(nginx.Config{
//		Table:   gateway.NewFileTable("/var/lib/acme/routes"),
//		Fleet:   nginx.Fixed(nginx.Instance{
//			Name: "web-1", URL: "http://127.0.0.1/healthz", MapFile: "/etc/nginx/routes.map",
//		}),
//		Default: "green",
//	})
//	go gw.Run(ctx)
//	move, err := bluegreen.New(tenants, gw, bluegreen.Config{})
//
// The configuration that nginx needs is in docs/gateways.md. The user of the host's process must be
// allowed to write the map file, to run nginx -t and to signal nginx.
//
// # Model
//
//	table      what is wanted: one order of all changes, by compare-and-set (package gateway)
//	map file   the table in nginx's form, with its revision in the first line
//	answer     what a request of the tenant is told; only this confirms a switch
//
// A switch writes the tenant's row in the table, together with all other switches that wait. The
// map file is replaced by rename, the configuration tested, and nginx told to reload; an instance
// is reloaded at most once per Config.ReloadInterval, for all changes that have come together. Then
// each instance is asked for the tenant's route over new connections, until it has served the row
// Config.Answers times in a row. A switch that is not confirmed within Config.Timeout is put back.
//
// # When something fails
//
//	what fails                           what happens
//	nginx -t refuses the configuration   the old file is put back; GATEWAY_REFUSED with the reason
//	the reload has no effect, for        the old route is served: the reload is repeated after 3 s,
//	instance because a port is in use    and the switch is put back in the end
//	nginx -s reload fails                the answers decide; the error has its text
//	nginx is restarted                   it reads the map file
//	the answer of a push is lost         the file is compared; the answers to requests decide
//	a process dies between file and      the next one finds the file, asks, and reloads nginx if it
//	reload                               still answers by the old one
//	the map file has other content       GATEWAY_REFUSED; nothing is changed
//	than the gateway writes
//	an entry was edited by hand          Run restores the file
//	a colour names no upstream           its tenant is answered 502: not confirmed, put back
//	an instance is dead                  the switch fails, names the instance and is put back;
//	                                     Current fails until the fleet no longer lists it
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
// A switch is not a drain: old workers serve the connections that they have, WebSockets among them,
// by the old map until worker_shutdown_timeout.
//
// The package imports gateway, redisack/httpprobe and bluegreen, and starts no goroutine that
// outlives a call.
package nginx
