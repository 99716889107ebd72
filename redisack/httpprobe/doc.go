// Package httpprobe asks processes over HTTP what they run, and takes the answer at its word only
// if it is one: a redirect, an HTML page, an empty body or a list where the version should be is an
// error, never a version. It needs no Redis.
//
// A gateway that has switched a tenant asks through the data path which route is live. Each probe
// uses a connection of its own, so it meets whatever process accepts connections now:
//
//	prober, err := httpprobe.New(httpprobe.Config{
//		Version:  httpprobe.Header("X-Route"),    // "blue|42|token", one value that cannot tear
//		Instance: httpprobe.Header("X-Instance"), // tells the proxies behind one address apart
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
// # What is asked, and when it ends
//
// A probe is one GET. It follows no redirect, keeps no cookie, uses no proxy, verifies TLS
// certificates, and returns when its context ends, whether it is resolving, connecting, shaking
// hands, waiting or reading. Redis plays no part, and no goroutine outlives a probe but that of a
// name lookup which the system does not give up.
//
// [Prober.Session] shares connections among the probes of one run; package redisack uses it. All
// sessions of a process together keep at most 512 idle connections by default.
//
// # Addresses
//
// The address is checked after name resolution, immediately before the connection is made, so a
// name that resolves to something else the second time gains nothing. Link-local, metadata,
// multicast and unspecified addresses are always refused; loopback unless Config.AllowLoopback;
// with Config.AllowPrefixes everything outside them.
//
// # Errors
//
//	situation                               kind of the *probe.Error
//	no connection                           KindDial
//	TLS handshake failed                    KindTLS; permanent if the certificate does not fit
//	the address is refused                  KindBlocked, permanent
//	the context ended first                 KindTimeout
//	the connection ended in the middle      KindBroken
//	3xx                                     KindRedirect
//	another status than 2xx                 KindStatus; 401 and 403 are permanent; with RetryAfter
//	more bytes than Config.MaxBody          KindOversize
//	HTML, no JSON, an object as a version   KindDecode
//	no version, an empty version            KindNoVersion
//	a function of the Config panicked       KindPanic
//	the URL cannot be parsed                KindOther, permanent
//
// New answers a configuration that cannot work with an [*InvalidError], which names every fault.
package httpprobe
