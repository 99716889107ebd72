// Package httpprobe asks processes over HTTP what they run. It is strict about answers: a redirect,
// an HTML page, an empty body or a list in place of the version is an error, never a version. It
// does not need Redis.
//
// A host that has switched a tenant on its gateways can ask through the data path which route is
// live. Each probe uses a new connection, so it reaches a process that accepts connections now:
//
//	prober, err := httpprobe.New(httpprobe.Config{
//		Version:  httpprobe.Header("X-Route"),    // "blue|42|token": all parts in one value
//		Instance: httpprobe.Header("X-Instance"), // distinguishes proxies behind one address
//		Headers: func(ep probe.Endpoint) http.Header {
//			return http.Header{"X-Tenant": {ep.ID}}
//		},
//	})
//	...
//	seen, err := prober.Probe(ctx, probe.Endpoint{ID: "tenant-7", URL: "http://10.0.0.4/whoami"})
//	if err == nil && seen.Version == want {
//		confirmed[seen.Instance] = true
//	}
//
// The zero Config reads the status body that package redisack/agent serves, with both slots.
//
// # What a probe does, and when it ends
//
// A probe is one GET request. It follows no redirect, keeps no cookie, uses no proxy and verifies
// TLS certificates. It returns when its context ends, even during name resolution, connecting, the
// TLS handshake, waiting or reading. A probe over a new connection, such as one by [Prober.Probe],
// closes the connection and leaves no goroutine behind, except for a name lookup that the system
// does not interrupt.
//
// [Prober.Session] reuses connections for the probes of one run; package redisack uses it. While a
// connection is open, net/http has two goroutines for it. An idle connection is closed when the
// session is closed, and after 90 s. By default all sessions of a process together keep at most 512
// idle connections.
//
// # Addresses
//
// The address is checked after name resolution, immediately before the connection is made, so a
// name that resolves differently the second time cannot evade the check. Link-local, metadata,
// multicast and unspecified addresses are always refused, loopback addresses unless
// Config.AllowLoopback is set, and, if Config.AllowPrefixes is set, all addresses outside these
// prefixes.
//
// # Errors
//
//	situation                               kind of the *probe.Error
//	no connection                           KindDial
//	TLS handshake failed                    KindTLS; permanent if the certificate is invalid
//	the address is refused                  KindBlocked, permanent
//	the context ended first                 KindTimeout
//	the connection broke before the end     KindBroken
//	3xx                                     KindRedirect
//	any other status than 2xx               KindStatus; 401 and 403 are permanent; with RetryAfter
//	more bytes than Config.MaxBody          KindOversize
//	HTML, not JSON, an object as version    KindDecode
//	no version, an empty version            KindNoVersion
//	a function of the Config panicked       KindPanic
//	the URL cannot be parsed                KindOther, permanent
//
// For an invalid configuration New returns an [*InvalidError] that names every fault.
package httpprobe
