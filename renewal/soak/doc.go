// Package soak holds the long test of the renewal package: a million leases on a real
// server that freezes and loses its connections.
//
//	go test -tags soak -run Soak -v -timeout 20m ./renewal/soak [-soak.for 5m] [-soak.keys N]
package soak
