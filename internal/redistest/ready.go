package redistest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

var (
	errPortTaken = errors.New("the port is taken")
	errEnded     = errors.New("the server ended")
)

// awaitReady waits until this process answers on the port and has loaded its data. It compares the
// process id, because a server of another package's tests may have taken the port.
func (s *Server) awaitReady() error {
	deadline := time.Now().Add(settleTimeout)
	for {
		err := s.probe()
		switch {
		case err == nil:
			return nil
		case s.process.PortTaken():
			return errPortTaken
		case s.process.Ended():
			return errEnded
		case time.Now().After(deadline):
			return fmt.Errorf("not ready after %v: %w", settleTimeout, err)
		}
		time.Sleep(pollInterval)
	}
}

// probe asks the server once whether it is ready.
func (s *Server) probe() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), time.Second)
	defer cancel()
	info, err := s.client.Info(ctx, "server", "persistence").Result()
	if err != nil {
		return err
	}
	if pid := infoField(info, "process_id"); pid != strconv.Itoa(s.PID()) {
		return fmt.Errorf("process %s answers on the port, want %d", pid, s.PID())
	}
	if infoField(info, "loading") == "1" {
		return errors.New("loading its data")
	}
	return nil
}

// infoField returns the value of a line "name:value" of an INFO answer.
func infoField(info, name string) string {
	for line := range strings.SplitSeq(info, "\r\n") {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return value
		}
	}
	return ""
}
