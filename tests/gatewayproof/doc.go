//go:build gatewayproof

// Package gatewayproof shows that no request is lost, and none answered by the old colour, while a
// plan switches tenants on real proxies that fail meanwhile.
//
// Two HAProxy instances stand in front of two servers, which answer with their colour. Two engines,
// in processes of their own, carry out a plan in three waves: each tenant from green to blue, by
// executor/bluegreen over gateway/haproxy. Meanwhile one instance is reloaded, the other one is
// killed and started again a second later, and one engine is killed and replaced. Then the plan is
// rolled back, under the same faults.
//
// All the time connections that are kept alive send requests of all tenants to both instances, and
// new connections send one request each: at random, and for each tenant at the moment at which its
// Switch has returned. The load reads and writes HTTP by itself, and tries nothing again.
//
// # What is counted
//
//	lost      requests without an answer of a colour
//	stale     requests, sent after a Switch had returned and answered before the next one began,
//	          that were answered by another colour than the one it had switched to
//
// A request is sent when its connection is opened, if it is the only one on it. Counted apart, and
// allowed, are:
//
//	killed    lost on connections to the killed instance, if they were opened before it was ready
//	          again and failed after the kill
//	old       stale on connections that were opened before a reload was over: the process that had
//	          accepted them serves them by its map until they end
//
// # How to run
//
//	make gateway-proof          1,000 tenants, 50 at a time; half a minute
//	make gateway-proof-short    100 tenants, as the continuous integration does
//
// The reloads are made by Gateway.Reload. With -plain-reload they are made without it, and some
// runs fail by requests that the new process answers by the map file that it has read too early.
package gatewayproof
