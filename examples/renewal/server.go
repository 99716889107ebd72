package main

import (
	"time"

	"github.com/alicebob/miniredis/v2"
)

// server is an imitation of Redis in this process. live advances its clock, which otherwise stands
// still.
type server struct {
	mini *miniredis.Miniredis
	quit chan struct{}
	done chan struct{}
}

func startServer() (*server, error) {
	mini, err := miniredis.Run()
	if err != nil {
		return nil, err
	}
	s := &server{mini: mini, quit: make(chan struct{}), done: make(chan struct{})}
	go s.live()
	return s, nil
}

func (s *server) addr() string { return s.mini.Addr() }

// live advances the server's clock with real time, so that keys expire.
func (s *server) live() {
	defer close(s.done)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-s.quit:
			return
		case now := <-tick.C:
			s.mini.FastForward(now.Sub(last))
			last = now
		}
	}
}

func (s *server) stop() {
	close(s.quit)
	<-s.done
	s.mini.Close()
}
