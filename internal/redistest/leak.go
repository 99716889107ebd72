package redistest

import "go.uber.org/goleak"

// IgnoreDialers makes goleak ignore the goroutines in which clients try to reach a dead server. It
// is for packages that check for leaked goroutines and make servers unavailable to clients:
//
//	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
//
// A client whose server is dead tries to reach the server once a second, and notices only at the
// next attempt that the client has been closed. Its goroutine then ends, but later than goleak
// waits.
func IgnoreDialers() goleak.Option {
	return goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial")
}
