package ops

import (
	"sync"
	"sync/atomic"

	"github.com/cutover-go/cutover/ops/internal/feed"
)

// maxStreams is how many streams a handler serves at the same time.
const maxStreams = 2000

// streams are the streams of a handler.
type streams struct {
	hub  *feed.Hub
	open atomic.Int64
	// closed ends with Close.
	closed chan struct{}
	once   sync.Once
	// buffers have the *frames that streams use while they write.
	buffers sync.Pool
}

func newStreams(e Engine) *streams {
	return &streams{
		hub: feed.NewHub(e), closed: make(chan struct{}),
		buffers: sync.Pool{New: func() any { return new(frames) }},
	}
}

// enter counts a stream, and reports whether there may be one more.
func (s *streams) enter() bool {
	if s.open.Add(1) > maxStreams {
		s.leave()
		return false
	}
	return true
}

func (s *streams) leave() { s.open.Add(-1) }

// close ends all streams, and waits until nothing is followed any more.
func (s *streams) close() {
	s.once.Do(func() { close(s.closed) })
	s.hub.Close()
}
