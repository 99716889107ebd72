package redistest

import "go.uber.org/goleak"

// IgnoreDialers is for packages that check for leaked goroutines and make servers unavailable to
// clients:
//
//	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
//
// A client that found its server dead tries to reach it once a second, and notices only at the next
// attempt that it has been closed. That goroutine ends by itself, but later than goleak waits.
func IgnoreDialers() goleak.Option {
	return goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial")
}
