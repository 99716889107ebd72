package ops

import (
	"net/http"
	"time"
)

// The times of a stream.
const (
	// framePause is the least time between two writes.
	framePause = 100 * time.Millisecond
	// documentPause is the least time between two documents of a plan.
	documentPause = time.Second
	// pingPause is how often the client is told the time.
	pingPause = 10 * time.Second
	// maxAge is how long a stream lasts. A browser then connects again, goes on where it was, and
	// is authenticated anew.
	maxAge = 30 * time.Minute
)

// serve sends messages until the client goes away or does not take them, or the handler is closed.
func (s *stream) serve() {
	defer s.close()
	s.accept()
	if s.r.Method == http.MethodHead {
		return
	}
	s.began = time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for time.Since(s.began) < maxAge {
		again, err := s.write()
		if err != nil {
			return
		}
		timer.Reset(framePause)
		select {
		case <-s.r.Context().Done():
			return
		case <-s.streams.closed:
			return
		case <-timer.C:
		}
		if !s.idle() {
			continue
		}
		timer.Reset(again - framePause)
		select {
		case <-s.r.Context().Done():
			return
		case <-s.streams.closed:
			return
		case <-s.changed:
		case <-timer.C:
		}
	}
}

// idle reports that there is nothing to send. Then the flag is raised when there is.
func (s *stream) idle() bool {
	for _, w := range s.plans {
		if !w.reader.Await(s.changed, time.Since(w.shown) >= documentPause) {
			return false
		}
	}
	return s.list == nil || s.list.Await(s.changed)
}

// write writes the messages that are due. again is when there may be some without a change.
func (s *stream) write() (again time.Duration, err error) {
	out := s.streams.buffers.Get().(*frames)
	defer s.streams.buffers.Put(out)
	out.Reset()
	if err := s.collect(out); err != nil {
		return 0, err
	}
	if out.Len() > 0 {
		if err := out.send(s.w); err != nil {
			return 0, err
		}
	}
	again = pingPause - time.Since(s.pinged)
	for _, w := range s.plans {
		if due := documentPause - time.Since(w.shown); due > 0 {
			again = min(again, due)
		}
	}
	return max(again, framePause), nil
}
