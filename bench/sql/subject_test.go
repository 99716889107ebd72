package sqlbench

import (
	"context"
	"math/rand/v2"
	"testing"
)

// run is one run of a subject: of n tasks, so many of them in flight.
type run struct {
	*testing.T
	ctx    context.Context //nolint:containedctx // the test's
	n      int
	flight int
	url    string // of an empty database, or
	file   string // of a file that is to be made
	*meter
	result
}

func (r *run) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// subject is a system that can do the work. part of the tasks are enough to measure it.
type subject struct {
	name string
	part float64
	do   func(r *run)
}

// payload returns what a step saves: 200 bytes of JSON, of which no two are alike.
func payload() string {
	b := make([]byte, 200)
	for i := range b {
		b[i] = 'a' + byte(rand.IntN(26))
	}
	b[0], b[199] = '"', '"'
	return string(b)
}
