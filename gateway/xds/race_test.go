//go:build race

package xds_test

// many is the number of tenants that the suite switches at once; the race detector makes each
// several times as dear.
const many = 1000
