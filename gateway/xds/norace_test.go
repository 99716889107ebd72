//go:build !race

package xds_test

// many is the number of tenants that the suite switches at once: its own default.
const many = 0
