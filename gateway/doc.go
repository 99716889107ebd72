// Package gateway has what the gateways over real traffic switches share: the table of wanted
// routes, the form in which proxies serve them, and the errors.
//
//	gateway/haproxy      HAProxy, by maps and the Runtime API
//	gateway/nginx        nginx, by a map file and reloads
//	gateway/xds          Envoy and other clients of xDS, as their control plane; a module of its own
//	gateway/redistable   the table in Redis
//	gateway/redisconfig  processes that read their routes in Redis, through package redisack
//	gateway/gatewaytest  checks that a gateway keeps its promises, on the real proxy
//
// # The table
//
// Every tenant that was switched has a [Row]: its colour, the revision of the table in which the
// row was written, and the token of the change. The table is the one order of all changes: proxies
// are made equal to it, and none of them is asked what is wanted. Rows are never removed, because a
// row is what tells a proxy that is behind from one that is up to date, also after a switch back.
//
//	table := gateway.NewFileTable("/var/lib/acme/routes")
//
// A [FileTable] serves all processes of one machine, package redistable has one in Redis. Other
// tables implement [Table], two methods.
//
// # Errors
//
//	situation                                       error to match
//	a configuration is wrong                        ErrInvalid, *InvalidError (every fault)
//	a proxy is not set up as the gateway expects    ErrSetup, *SetupError (expected, found)
//	not every proxy serves the wanted row           ErrNotConfirmed, *NotConfirmedError
//	another writer has saved the table              ErrConflict
//	the table cannot be read, or has lost rows      ErrDamaged
//
// The package imports task, for the type of tokens, and nothing else of the module but what syncs
// and locks files.
package gateway
