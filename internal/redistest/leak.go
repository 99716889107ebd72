package redistest

import "go.uber.org/goleak"

// IgnoreDialers is for packages that check for leaked goroutines and take servers
// away from clients:
//
//	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
//
// A client that found its server dead looks for it once a second, and notices only
// at the next look that it was closed meanwhile. That goroutine ends by itself, but
// later than goleak waits.
func IgnoreDialers() goleak.Option {
	return goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial")
}
