package httpprobe

import "sync"

// sharedIdle is the maximum number of idle connections that all sessions of the process together
// keep by default.
const sharedIdle = 512

// processIdle is shared by all probers and clients of the process, because file descriptors are a
// resource of the process.
var processIdle = idle{free: sharedIdle} //nolint:gochecknoglobals // one bound per process is the point

// idle counts the connections that sessions can still reserve.
type idle struct {
	mu   sync.Mutex
	free int
}

// take reserves n connections, all of them or none.
func (i *idle) take(n int) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if n > i.free {
		return false
	}
	i.free -= n
	return true
}

// put releases n reserved connections.
func (i *idle) put(n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.free += n
}
