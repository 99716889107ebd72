package ops_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/ops"
)

// screen is a client of a stream, and the ResponseWriter by which it is served.
type screen struct {
	t      *testing.T
	cancel context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex
	header   http.Header
	status   int
	stalled  bool // it takes nothing any more
	deadline time.Time
	pending  string // written, not flushed
	written  []written
	read     int // how many messages were taken by next
}

// written is what was flushed at once.
type written struct {
	at   time.Time
	text string
}

// watch opens a stream, which lasts until leave is called, at the latest until the end of the test.
func watch(t *testing.T, h http.Handler, query string, headers ...string) *screen {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &screen{t: t, cancel: cancel, ended: make(chan struct{}), header: make(http.Header)}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/stream"+query, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	go func() {
		defer close(s.ended)
		h.ServeHTTP(s, r)
	}()
	t.Cleanup(s.leave)
	return s
}

// leave goes away, and returns when the stream has ended.
func (s *screen) leave() {
	s.cancel()
	<-s.ended
}

// over reports whether the stream has ended.
func (s *screen) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

func (s *screen) Header() http.Header { return s.header }

func (s *screen) WriteHeader(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	stalled, left := s.stalled, time.Until(s.deadline)
	s.pending += string(b)
	s.mu.Unlock()
	if stalled {
		time.Sleep(left)
		return 0, os.ErrDeadlineExceeded
	}
	return len(b), nil
}

func (s *screen) FlushError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = append(s.written, written{time.Now(), s.pending})
	s.pending = ""
	return nil
}

func (s *screen) SetReadDeadline(time.Time) error { return nil }

func (s *screen) SetWriteDeadline(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = at
	return nil
}

// stall stops to take what is written.
func (s *screen) stall() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stalled = true
}

// message is a message of a stream.
type message struct {
	at              time.Time
	event, id, text string
	data            map[string]any
}

// messages returns everything that has arrived so far, once nothing happens any more.
func (s *screen) messages() []message {
	s.t.Helper()
	synctest.Wait()
	return s.unread()
}

// news returns the messages that have arrived since the last call.
func (s *screen) news() []message {
	s.t.Helper()
	all := s.messages()
	list := all[s.read:]
	s.read = len(all)
	return list
}

// kind returns the messages of one kind.
func kind(event string, list []message) (some []message) {
	for _, m := range list {
		if m.event == event {
			some = append(some, m)
		}
	}
	return some
}

// parseMessage parses a message, which must be whole.
func parseMessage(t *testing.T, at time.Time, text string) message {
	t.Helper()
	m := message{at: at, text: text}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n\n"), "\n") {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "event":
			m.event = value
		case "id":
			m.id = value
		case "data":
			if err := json.Unmarshal([]byte(value), &m.data); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		case "retry":
		default:
			t.Fatalf("a line of %q is unknown: %q", text, line)
		}
	}
	if !strings.HasSuffix(text, "\n\n") || m.event == "" || m.data == nil {
		t.Fatalf("%q is no whole message", text)
	}
	return m
}

// numbers returns the numbers of the events of a plan, in the order in which they came.
func numbers(list []message, id float64) (seqs []int64) {
	for _, m := range kind("events", list) {
		if m.data["plan"] != id {
			continue
		}
		for _, e := range m.data["events"].([]any) {
			seqs = append(seqs, int64(e.(map[string]any)["seq"].(float64)))
		}
	}
	return seqs
}

// lastID returns the id that a browser would send: that of the last message that has one.
func lastID(list []message) (id string) {
	for _, m := range list {
		if strings.Contains(m.text, "\nid: ") {
			id = m.id
		}
	}
	return id
}

// streaming returns a site, and its handler as it was made.
func streaming(t *testing.T, s *site, c ops.Config) *ops.Handler {
	t.Helper()
	h := newHandler(t, s.engine, c)
	s.handler = observed(t, http.StripPrefix("/api", h))
	return h
}

// nothingLeft checks that no stream is open and no plan is followed.
func nothingLeft(t *testing.T, h *ops.Handler) {
	t.Helper()
	synctest.Wait()
	if open, followed := h.Streams(); open != 0 || followed != 0 {
		t.Errorf("%d streams are open, %d plans are followed", open, followed)
	}
}

// unread returns everything that has arrived at a client that has left.
func (s *screen) unread() (list []message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.written {
		for _, text := range strings.SplitAfter(w.text, "\n\n") {
			if text != "" {
				list = append(list, parseMessage(s.t, w.at, text))
			}
		}
	}
	return list
}

// refused returns the answer to a client that gets no stream.
func (s *screen) refused() reply {
	s.t.Helper()
	<-s.ended
	a := reply{status: s.status, header: s.header, text: s.pending}
	if err := json.Unmarshal([]byte(a.text), &a.body); err != nil || len(s.written) > 0 {
		s.t.Fatalf("%d %q %v: %v", a.status, a.text, s.written, err)
	}
	return a
}
